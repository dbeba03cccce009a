"""Layers and modules matched by their order and their shapes: every way to do it is looked for, and only one may be.

Modules stand in the order in which they were defined, which branches of a network may have in any order, each as a
whole. Where branches could be exchanged, nothing but names can tell which is which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TypeAlias

from netspec.formats.into_spec.modules import Module, by_numbers
from netspec.formats.into_spec.units import Unit, ancestors, chains

__all__ = ["Fits", "Found", "aligned", "by_classes", "by_order"]

Fits: TypeAlias = Callable[[int, int], bool]
"""Whether a unit can be a module, by their numbers."""

_MOST_STATES = 20_000


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes:
        ways: the module of each unit, by their numbers; no more than two ways.
        unclear: two units, or two modules, that could be exchanged.
    """

    ways: list[dict[int, int]] = field(default_factory=list)
    unclear: tuple[str, str] | None = None


def by_order(units: Sequence[Unit], count: int, fits: Fits, *, rest: bool = False) -> Found:
    """Return the ways in which so many modules, in their order, are the units; with `rest` some may be left behind."""
    rows = chains(list(units))
    row_of = {number: index for index, row in enumerate(rows) for number in row}
    needs = [0] * len(rows)
    for index, row in enumerate(rows):
        for read in units[row[0]].reads:
            needs[index] |= 1 << row_of[read]
    whole = (1 << len(rows)) - 1
    # Where we are: which rows have their modules, and how we came there, in two ways at most.
    states: dict[int, list[dict[int, int]]] = {0: [{}]}
    for _ in rows:
        following: dict[int, list[dict[int, int]]] = {}
        for done, ways in states.items():
            at = sum(len(row) for index, row in enumerate(rows) if done >> index & 1)
            for index, row in enumerate(rows):
                if done >> index & 1 or needs[index] & ~done or at + len(row) > count:
                    continue
                if all(fits(number, at + i) for i, number in enumerate(row)):
                    more = {number: at + i for i, number in enumerate(row)}
                    known = following.setdefault(done | 1 << index, [])
                    known += [{**way, **more} for way in ways][: 2 - len(known)]
        states = following
        if len(states) > _MOST_STATES:
            return Found()
    ways = states.get(whole, [])
    return Found(ways if rest or len(units) == count else [])


def by_classes(units: Sequence[Unit], modules: Sequence[Module], fits: Fits, *, ordered: bool) -> Found:
    """Return the way in which units and modules of the same shapes follow each other, each kind by itself.

    It is the only one where, of units that fit the same modules, each comes before the next on every way through the
    network, and the modules are in order, or numbered.
    """
    if len(units) != len(modules):
        return Found()
    fitting: dict[tuple[int, ...], list[int]] = {}
    for number in range(len(units)):
        fitting.setdefault(tuple(m for m in range(len(modules)) if fits(number, m)), []).append(number)
    before = ancestors(list(units))
    way: dict[int, int] = {}
    for found, numbers in fitting.items():
        if len(found) != len(numbers):
            return Found()
        for one, other in pairwise(numbers):
            if not before[other] >> one & 1:
                return Found(unclear=(units[one].node, units[other].node))
        for one, other in pairwise(found):
            if not ordered and not by_numbers(modules[one], modules[other]):
                return Found(unclear=(modules[one].name, modules[other].name))
        way |= dict(zip(numbers, found, strict=True))
    return Found([way] if len(set(way.values())) == len(units) else [])


def aligned(units: int, modules: int, fits: Fits) -> dict[int, int]:
    """Return as many pairs as can be in one order, for a message: what is left over on both sides does not fit."""
    if units * modules > _MOST_PAIRS:
        return {n: n for n in range(min(units, modules)) if fits(n, n)}
    best = [[0] * (modules + 1) for _ in range(units + 1)]
    for u in range(units - 1, -1, -1):
        for m in range(modules - 1, -1, -1):
            best[u][m] = max(best[u + 1][m], best[u][m + 1], 1 + best[u + 1][m + 1] if fits(u, m) else 0)
    found: dict[int, int] = {}
    u = m = 0
    while u < units and m < modules:
        if fits(u, m) and best[u][m] == 1 + best[u + 1][m + 1]:
            found[u] = m
            u, m = u + 1, m + 1
        elif best[u + 1][m] >= best[u][m + 1]:
            u += 1
        else:
            m += 1
    return found


_MOST_PAIRS = 4_000_000
