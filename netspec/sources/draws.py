"""Which examples are drawn for a part of the data: by a hash of each, so that others never change its side."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TypeAlias

__all__ = ["Draw", "drawn", "parts"]

Draw: TypeAlias = Callable[[bytes], float]
"""Where an example lies between 0 and 1, by what identifies it."""

_SPAN = 2.0**64


def drawn(purpose: str) -> Draw:
    """Return the draw for a purpose, such as `test`: draws for different ones have nothing to do with each other.

    An example is in a part of a share where it lies below that share. Its place depends on nothing but itself: examples
    that are added move no other, and equal ones are on the same side.
    """

    def place(example: bytes) -> float:
        digest = hashlib.blake2b(example, digest_size=8, person=purpose.encode()[:16])
        return int.from_bytes(digest.digest(), "big") / _SPAN

    return place


def parts(examples: Sequence[bytes], **shares: float) -> dict[str, list[int]]:
    """Return which examples are in each part, and the others under `train`.

    Args:
        examples: what identifies each.
        **shares: of all, by the name of the part; a draw for each, the first that takes an example keeps it.
    """
    draws = {name: drawn(name) for name in shares}
    found: dict[str, list[int]] = {name: [] for name in (*shares, "train")}
    for i, example in enumerate(examples):
        name = next((name for name, draw in draws.items() if draw(example) < shares[name]), "train")
        found[name].append(i)
    return found
