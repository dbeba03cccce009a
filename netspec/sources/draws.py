"""Which examples are drawn for a part of the data: by a hash of each, in every class its share."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from itertools import accumulate
from math import floor
from typing import Literal, TypeAlias

__all__ = ["RULE", "TEST_SHARE", "Draw", "Rule", "chosen", "drawn", "drawn_by_class"]

Draw: TypeAlias = Callable[[bytes], float]
"""Where an example lies between 0 and 1, by what identifies it."""

Rule: TypeAlias = Literal[1, 2]
"""How shares are drawn: 1 looks at each example alone (`chosen`), 2 at the share of each class (`drawn_by_class`)."""

RULE: Rule = 2
"""The rule of new trainings; what was trained by an earlier one is read by that, as its record says."""

TEST_SHARE = 0.2
"""The share of pictures, or of the rows of a table, that is drawn for the test where nothing else is said."""

_SPAN = 2.0**64

_TOLERANCE = 0.1
"""By so much of its share a class may have more or less, before the boundary is moved."""


def drawn(purpose: str) -> Draw:
    """Return the draw for a purpose, such as `test`: draws for different ones have nothing to do with each other.

    The place of an example depends on nothing but itself: equal ones are at one place.
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


def drawn_by_class(purpose: str, examples: Sequence[bytes], classes: Sequence[str], part: float) -> list[bool]:
    """Return which examples are drawn, so that each class gives its share, and keeps one example at least.

    Those are drawn whose place is below the share, whatever other examples there are. Where that were more than a tenth
    above or below the share of a class, the boundary between those that are drawn and the others moves just as far as
    is needed: then an example that is added moves at most one other of its class. A number of examples is divided among
    the classes, and each gives those at the first places.

    Args:
        purpose: what they are drawn for.
        examples: what identifies each; equal ones stay together, and belong to the class that most of them have.
        classes: of each the name of its class; one name where there are none.
        part: a share, or a number.
    """
    draw = drawn(purpose)
    place_of = {example: draw(example) for example in set(examples)}
    places = [place_of[example] for example in examples]
    own: dict[float, Counter[str]] = defaultdict(Counter)
    for place, name in zip(places, classes, strict=True):
        own[place][name] += 1
    by_class: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for place in sorted(own):
        counts = own[place]
        most = min(counts, key=lambda name: (-counts[name], name))
        # A share is one of the class itself; a number is one of all, whatever their class.
        by_class[most].append((place, counts[most] if isinstance(part, float) else counts.total()))
    if isinstance(part, float):
        # What is left of a share after whole examples rounds up in some classes and down in others.
        taken = {p for name, each in by_class.items() for p in _share(each, part, draw(b"class " + name.encode()))}
    else:
        taken = _number(by_class, part)
    return [place in taken for place in places]


def _share(places: Sequence[tuple[float, int]], share: float, rounding: float) -> list[float]:
    """Return the first places of a class: those below a share, or the nearest number that holds about the share."""
    sums = [0, *accumulate(count for _, count in places)]
    wish = share * sums[-1]
    low, high = (floor(wish * (1 + sign * _TOLERANCE) + rounding) for sign in (-1, 1))
    below = sum(place < share for place, _ in places)
    # The last one is never drawn: something of each class is to be learned.
    count = min(range(len(places)), key=lambda n: (max(low - sums[n], sums[n] - high, 0), abs(n - below)))
    return [place for place, _ in places[:count]]


def _number(by_class: dict[str, list[tuple[float, int]]], number: int) -> set[float]:
    """Return the places of so many examples: of each class what falls to it, then the first that there is room for."""
    sizes = {name: sum(count for _, count in each) for name, each in by_class.items()}
    whole = sum(sizes.values())
    falls = {name: number * size / whole for name, size in sizes.items()}
    quotas = {name: floor(wish) for name, wish in falls.items()}
    rest = sorted(falls, key=lambda name: (quotas[name] - falls[name], name))[: number - sum(quotas.values())]
    taken: set[float] = set()
    left = number
    for name, each in by_class.items():
        room = quotas[name] + (name in rest)
        for place, count in each[:-1]:
            if count <= room:
                taken.add(place)
                room -= count
                left -= count
    for place, count in sorted(p for each in by_class.values() for p in each[:-1]):
        if place not in taken and count <= left:
            taken.add(place)
            left -= count
    return taken
