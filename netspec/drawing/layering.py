"""Layered layout of one block: ranks from top to bottom, an order within each, and places that keep lines straight.

After Sugiyama, Tagawa and Toda 1981 and Gansner, Koutsofios, North and Vo 1993: an edge that passes ranks gets a bend
in each of them, the order is found by sweeps of barycenters, the places by sweeps of medians, each rank solved exactly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

__all__ = ["Edge", "Item", "Layers", "layered"]

_GAP = 16
"""Pixels between two things beside each other."""
_BEND = 5
"""Pixels to both sides of a bend that nothing else may use."""
_SWEEPS = 16


@dataclass(eq=False, slots=True)
class Item:
    """Something that is placed: what it takes to the left and right of its center, and where values come in and out.

    Attributes:
        left, right: pixels from its center.
        role: entries are above all others, exits below.
        ins, outs: the distance from its center by the name of the value; 0 unless given.
        rank: 0 is on top.
        x: of its center.
    """

    left: float = _BEND
    right: float = _BEND
    role: Literal["entry", "member", "exit", "bend"] = "member"
    ins: Mapping[str, float] = field(default_factory=dict)
    outs: Mapping[str, float] = field(default_factory=dict)
    rank: int = 0
    x: float = 0.0


@dataclass(frozen=True, slots=True)
class Edge:
    """A value on its way from one item to another."""

    source: Item
    target: Item
    value: str


@dataclass(frozen=True, slots=True)
class Layers:
    """What was found: the items of each rank from left to right, and the bends of each edge from top to bottom."""

    ranks: list[list[Item]]
    bends: dict[Edge, list[Item]]


def layered(items: Sequence[Item], edges: Sequence[Edge]) -> Layers:
    """Place items: sets `rank` and `x` of each, from 0 on.

    Args:
        items: in the order in which they were declared; edges lead from earlier ones to later ones, from entries to
            exits.
        edges: each once.
    """
    _rank(items, edges)
    bends, steps = _bends(edges)
    ranks: list[list[Item]] = [[] for _ in range(max((i.rank for i in items), default=-1) + 1)]
    for item in (*items, *dict.fromkeys(bend for chain in bends.values() for bend in chain)):
        ranks[item.rank].append(item)
    _order(ranks, steps)
    _place(ranks, steps)
    _straighten(ranks, bends)
    left = min((i.x - i.left for i in items), default=0)
    for item in (i for rank in ranks for i in rank):
        item.x -= left
    return Layers(ranks, bends)


# --- ranks --------------------------------------------------------------------------------------------------------


def _rank(items: Sequence[Item], edges: Sequence[Edge]) -> None:
    """Give each item the rank below everything it reads; what reads nothing comes as late as it can."""
    below = 1 if any(i.role == "entry" for i in items) else 0
    reads: dict[Item, list[Item]] = {item: [] for item in items}
    gives: dict[Item, list[Item]] = {item: [] for item in items}
    for edge in edges:
        reads[edge.target].append(edge.source)
        gives[edge.source].append(edge.target)
    members = [i for i in items if i.role == "member"]
    for item in members:
        item.rank = max([below, *(source.rank + 1 for source in reads[item])])
    for item in members:
        if not reads[item] and gives[item]:
            item.rank = max(below, min(target.rank for target in gives[item] if target.role != "exit" or below) - 1)
    last = max((i.rank for i in items), default=0)
    for item in items:
        if item.role == "exit":
            item.rank = last + 1


def _bends(edges: Sequence[Edge]) -> tuple[dict[Edge, list[Item]], list[Edge]]:
    """Return the bends of each edge, and the steps from rank to rank; a value that goes several ways goes together."""
    chains: dict[tuple[Item, str], list[Item]] = {}
    bends, steps = {}, {}
    for edge in edges:
        chain = chains.setdefault((edge.source, edge.value), [])
        while edge.source.rank + len(chain) + 1 < edge.target.rank:
            chain.append(Item(role="bend", rank=edge.source.rank + len(chain) + 1))
        bends[edge] = chain[: edge.target.rank - edge.source.rank - 1]
        way = [edge.source, *bends[edge], edge.target]
        for a, b in pairwise(way):
            steps[a, b, edge.value] = Edge(a, b, edge.value)
    return bends, list(steps.values())


# --- order --------------------------------------------------------------------------------------------------------


def _order(ranks: list[list[Item]], steps: Sequence[Edge]) -> None:
    """Sort each rank so that few lines cross: sweeps down and up by barycenters, the best order that was seen."""
    above = _neighbors(steps, up=True)
    below = _neighbors(steps, up=False)
    best = [list(rank) for rank in ranks]
    fewest = _crossings(ranks, steps)
    for sweep in range(_SWEEPS):
        if not fewest:
            break
        downward = sweep % 2 == 0
        for rank in ranks[1:] if downward else ranks[-2::-1]:
            near = above if downward else below
            at = {item: n for row in ranks for n, item in enumerate(row)}
            place = {item: _barycenter(near.get(item, []), at, n) for n, item in enumerate(rank)}
            rank.sort(key=place.__getitem__)
        count = _crossings(ranks, steps)
        if count < fewest:
            best, fewest = [list(rank) for rank in ranks], count
    for rank, found in zip(ranks, best, strict=True):
        rank[:] = found


def _neighbors(steps: Sequence[Edge], *, up: bool) -> dict[Item, list[tuple[Item, float]]]:
    """Return for each item what is one rank above or below it, with the place of the port there, from -1 to 1."""
    found: dict[Item, list[tuple[Item, float]]] = {}
    for step in steps:
        item, other = (step.target, step.source) if up else (step.source, step.target)
        ports = other.outs if up else other.ins
        found.setdefault(item, []).append((other, ports.get(step.value, 0) / max(other.left, other.right, 1)))
    return found


def _barycenter(near: Sequence[tuple[Item, float]], at: Mapping[Item, int], own: int) -> float:
    return sum(at[other] + 0.4 * port for other, port in near) / len(near) if near else own


def _crossings(ranks: Sequence[Sequence[Item]], steps: Sequence[Edge]) -> int:
    """Return how many pairs of lines cross."""
    at = {item: n for rank in ranks for n, item in enumerate(rank)}
    between: dict[int, list[tuple[float, float]]] = {}
    for step in steps:
        start = at[step.source] + 0.4 * step.source.outs.get(step.value, 0) / max(step.source.left, 1)
        end = at[step.target] + 0.4 * step.target.ins.get(step.value, 0) / max(step.target.left, 1)
        between.setdefault(step.source.rank, []).append((start, end))
    return sum(
        (a - c) * (b - d) < 0 for lines in between.values() for n, (a, b) in enumerate(lines) for c, d in lines[n + 1 :]
    )


# --- places -------------------------------------------------------------------------------------------------------


def _place(ranks: list[list[Item]], steps: Sequence[Edge]) -> None:
    """Give each item the place where its lines are straight, as far as its neighbors leave room."""
    wanted: dict[Item, list[tuple[Item, float, int]]] = {}
    down: dict[Item, list[tuple[Item, float, int]]] = {}
    for step in steps:
        shift = step.source.outs.get(step.value, 0) - step.target.ins.get(step.value, 0)
        bends = (step.source.role == "bend") + (step.target.role == "bend")
        weight = (4, 1, 8)[bends]
        down.setdefault(step.target, []).append((step.source, shift, weight))
        wanted.setdefault(step.source, []).append((step.target, -shift, weight))
    for rank in ranks:
        _apart(rank, [0.0] * len(rank))
    for sweep in range(2 * _SWEEPS):
        last = sweep >= 2 * _SWEEPS - 4
        for rank in ranks if sweep % 2 == 0 else ranks[::-1]:
            goals = []
            for item in rank:
                near = [*down.get(item, []), *wanted.get(item, [])] if last else []
                near = near or (down if sweep % 2 == 0 else wanted).get(item, [])
                goals.append(_median([(other.x + shift, weight) for other, shift, weight in near], item.x))
            _apart(rank, goals)


def _median(values: list[tuple[float, int]], own: float) -> float:
    """Return the weighted median, the middle between two that are equally good; `own` without any."""
    if not values:
        return own
    values.sort()
    half, seen = sum(weight for _, weight in values) / 2, 0
    for n, (value, weight) in enumerate(values):
        seen += weight
        if seen > half:
            return value
        if seen == half:
            return (value + values[n + 1][0]) / 2
    return values[-1][0]


def _apart(rank: Sequence[Item], goals: Sequence[float]) -> None:
    """Set the places nearest to the goals that keep the order and the gaps; bends give way to everything else.

    By weighted least squares: neighbors that would be too near are pooled.
    """
    offset, offsets = 0.0, []
    for n, item in enumerate(rank):
        offset += rank[n - 1].right + _GAP + item.left if n else 0.0
        offsets.append(offset)
    pools: list[tuple[float, float, int]] = []  # the mean of each, its weight, and how many are in it
    for item, goal, offset in zip(rank, goals, offsets, strict=True):
        mean, weight, count = goal - offset, 1.0 if item.role == "bend" else 1e6, 1
        while pools and pools[-1][0] > mean:
            other, heavy, more = pools.pop()
            mean = (mean * weight + other * heavy) / (weight + heavy)
            weight, count = weight + heavy, count + more
        pools.append((mean, weight, count))
    places = [mean for mean, _, count in pools for _ in range(count)]
    for item, place, offset in zip(rank, places, offsets, strict=True):
        item.x = place + offset


def _straighten(ranks: Sequence[Sequence[Item]], bends: Mapping[Edge, Sequence[Item]]) -> None:
    """Make what passes several ranks one straight line, where there is room for one."""
    at = {item: n for rank in ranks for n, item in enumerate(rank)}
    for chain in sorted({tuple(chain) for chain in bends.values() if len(chain) > 1}, key=len, reverse=True):
        low, high = float("-inf"), float("inf")
        for bend in chain:
            rank, n = ranks[bend.rank], at[bend]
            if n:
                low = max(low, rank[n - 1].x + rank[n - 1].right + _GAP + bend.left)
            if n + 1 < len(rank):
                high = min(high, rank[n + 1].x - rank[n + 1].left - _GAP - bend.right)
        if low <= high:
            middle = sorted(bend.x for bend in chain)[len(chain) // 2]
            for bend in chain:
                bend.x = min(max(middle, low), high)
