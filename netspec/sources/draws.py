"""Which examples are drawn for a part of the data: by a hash of each, so that others never change its side."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import TypeAlias

__all__ = ["TEST_SHARE", "Draw", "chosen", "drawn"]

Draw: TypeAlias = Callable[[bytes], float]
"""Where an example lies between 0 and 1, by what identifies it."""

TEST_SHARE = 0.2
"""The share of pictures, or of the rows of a table, that is drawn for the test where nothing else is said."""

_SPAN = 2.0**64


def drawn(purpose: str) -> Draw:
    """Return the draw for a purpose, such as `test`: draws for different ones have nothing to do with each other.

    Its place depends on nothing but itself: examples that are added move no other, and equal ones are on the same side.
    """

    def place(example: bytes) -> float:
        digest = hashlib.blake2b(example, digest_size=8, person=purpose.encode()[:16])
        return int.from_bytes(digest.digest(), "big") / _SPAN

    return place


def chosen(places: Sequence[float], part: float) -> list[bool]:
    """Return which examples are drawn, by their places: those below a share, or so many of the first.

    Equal examples are at one place: where a number has no room for all of them, none of them is drawn.
    """
    if isinstance(part, float):
        return [place < part for place in places]
    taken, left = set(), part
    for place, count in sorted(Counter(places).items()):
        if count <= left:
            taken.add(place)
            left -= count
    return [place in taken for place in places]
