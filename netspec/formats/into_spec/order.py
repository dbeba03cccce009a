"""Layers and modules matched by their order and their shapes: every way to do it is looked for, and only one may be.

Modules stand in the order in which they were defined, which branches of a network may have in any order, each as a
whole. Where branches could be exchanged, nothing but names can tell which is which.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeAlias

from netspec.formats.into_spec.modules import Module, by_numbers
from netspec.formats.into_spec.units import Unit, ancestors, chains

__all__ = ["Fits", "Found", "aligned", "by_classes", "by_order"]

Fits: TypeAlias = Callable[[int, int], bool]
"""Whether a unit can be a module, by their numbers."""

_MOST_STATES = 20_000
_MOST_UNITS = 2_000
_MOST_PAIRS = 1_000_000


@dataclass(slots=True)
class Found:
    """What a search found.

    Attributes:
        ways: the module of each unit, by their numbers; no more than two ways.
        unclear: two units, or two modules, that could be exchanged.
    """

    ways: list[dict[int, int]] = field(default_factory=list)
    unclear: tuple[str, str] | None = None


@dataclass(slots=True)
class _State:
    """Where a search is: how many modules are taken, which rows come next, and how it came there, in two ways at most.

    A way is the row that was placed last, where, and the way before that.
    """

    at: int
    ready: frozenset[int]
    ways: list[tuple[Any, ...]]


def by_order(units: Sequence[Unit], count: int, fits: Fits, *, rest: bool = False) -> Found:
    """Return the ways in which so many modules, in their order, are the units; with `rest` some may be left behind."""
    rows = chains(list(units))
    row_of = {number: index for index, row in enumerate(rows) for number in row}
    needs = [{row_of[read] for read in units[row[0]].reads} for row in rows]
    readers: list[list[int]] = [[] for _ in rows]
    for index, own in enumerate(needs):
        for other in own:
            readers[other].append(index)
    first = frozenset(index for index, own in enumerate(needs) if not own)
    states = {0: _State(0, first, [()])}
    for _ in rows:
        following: dict[int, _State] = {}
        for done, state in states.items():
            for index in sorted(state.ready):
                row = rows[index]
                if state.at + len(row) > count or not all(fits(n, state.at + i) for i, n in enumerate(row)):
                    continue
                placed = done | 1 << index
                if placed not in following:
                    more = [r for r in readers[index] if all(placed >> need & 1 for need in needs[r])]
                    ready = (state.ready - {index}).union(more)
                    following[placed] = _State(state.at + len(row), ready, [])
                known = following[placed].ways
                known += [(index, state.at, way) for way in state.ways][: 2 - len(known)]
        states = following
        if len(states) > _MOST_STATES:
            return Found()
    ends = [state for state in states.values() if rest or state.at == count]
    return Found([_retraced(way, rows) for state in ends for way in state.ways])


def _retraced(way: tuple[Any, ...], rows: Sequence[Sequence[int]]) -> dict[int, int]:
    """Return the module of each unit."""
    found: dict[int, int] = {}
    while way:
        index, at, way = way
        found |= {number: at + i for i, number in enumerate(rows[index])}
    return found


def by_classes(units: Sequence[Unit], modules: Sequence[Module], fits: Fits, *, ordered: bool) -> Found:
    """Return the way in which units and modules of the same shapes follow each other, each kind by itself.

    It is the only one where, of units that fit the same modules, each comes before the next on every way through the
    network, and the modules are in order, or numbered.
    """
    if len(units) != len(modules) or len(units) > _MOST_UNITS:
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
