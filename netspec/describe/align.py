"""Alignment of the layers of two networks, although lines were inserted and numbers have moved on.

The pairs keep the order of both networks, as the lines of a text diff do, and score as high as they can: most by what
the layers say, less by the labels they carry, and only in a tie by a number that netspec gave them.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from netspec.ir.network import Node
from netspec.schema.definition import parameters

__all__ = ["Pair", "align"]

Pair: TypeAlias = tuple[int | None, int | None]
"""Positions of one layer before and after; None where it is not there."""

_MAX_CELLS = 1_000_000
"""Above this number of comparisons, layers are aligned by their names alone."""

_SAME, _ALIKE, _LABEL, _NUMBER = 80, 40, 20, 1
_NEITHER, _DROP, _TAKE, _PAIR = range(4)


def align(before: Sequence[Node], after: Sequence[Node]) -> tuple[Pair, ...]:
    """Return each layer of both networks once, paired where one became the other, in the order of both."""
    # Of several best ways one is chosen; always on the same order of the two, so that the mirror gives the mirror.
    if _key(after) < _key(before):
        return tuple(_removed_first((b, a) for a, b in align(after, before)))
    head = _common(before, after, names=True)
    rest = min(len(before), len(after)) - head
    tail = min(rest, _common(before[::-1], after[::-1], names=False))
    inner_before, inner_after = before[head : len(before) - tail], after[head : len(after) - tail]
    small = len(inner_before) * len(inner_after) <= _MAX_CELLS
    matched = _best(inner_before, inner_after) if small else _by_name(inner_before, inner_after)
    found = [(i, i) for i in range(head)]
    found += [(head + i, head + j) for i, j in matched]
    found += [(len(before) - k, len(after) - k) for k in range(tail, 0, -1)]
    return tuple(_removed_first(_with_gaps(found, len(before), len(after))))


def _key(nodes: Sequence[Node]) -> tuple[int, list[str]]:
    return len(nodes), [f"{node.name} {node.layer!r}" for node in nodes]


def _common(before: Sequence[Node], after: Sequence[Node], *, names: bool) -> int:
    """Return how many layers at the start are the same."""
    count = 0
    for one, other in zip(before, after, strict=False):
        if one.layer != other.layer or (names and one.name != other.name):
            break
        count += 1
    return count


def _best(before: Sequence[Node], after: Sequence[Node]) -> list[tuple[int, int]]:
    """Return the pairs with the highest sum of scores (Needleman & Wunsch 1970, gaps free)."""
    row = [0.0] * (len(after) + 1)
    steps: list[bytearray] = []
    for one in before:
        last, row, step = row, [0.0], bytearray([_NEITHER])
        for j, other in enumerate(after):
            score = _score(one, other)
            options = (last[j + 1], row[j], last[j] + score if score else -1.0)
            best = max(options)
            step.append(_PAIR if options[2] == best else _DROP if options[0] == best else _TAKE)
            row.append(best)
        steps.append(step)
    return _walk_back(steps, len(after))


def _walk_back(steps: list[bytearray], j: int) -> list[tuple[int, int]]:
    found, i = [], len(steps)
    while i and j:
        step = steps[i - 1][j]
        i -= step != _TAKE
        j -= step != _DROP
        if step == _PAIR:
            found.append((i, j))
    return found[::-1]


def _score(one: Node, other: Node) -> float:
    """Return how likely one layer became the other; 0 where it did not."""
    named = 0
    if one.name == other.name:
        named = _NUMBER if _numbered(one) and _numbered(other) else _LABEL
    if one.layer == other.layer:
        return _SAME + named
    if type(one.layer) is not type(other.layer):
        return named if named == _LABEL else 0
    fields = parameters(type(one.layer))
    equal = sum(getattr(one.layer, p.name) == getattr(other.layer, p.name) for p in fields)
    return _ALIKE * (1 + equal) / (1 + len(fields)) + named


def _numbered(node: Node) -> bool:
    """Return whether a name is the kind and a number, which move on when a line is inserted."""
    return re.fullmatch(rf"{node.layer.canonical()}_\d+", node.name.rpartition("/")[2]) is not None


def _by_name(before: Sequence[Node], after: Sequence[Node]) -> list[tuple[int, int]]:
    """Return the longest row of pairs of one name that keeps both orders."""
    places = {node.name: j for j, node in enumerate(after)}
    pairs = [(i, places[node.name]) for i, node in enumerate(before) if node.name in places]
    # For each length: where the row that ends first ends, and its last pair. For each pair: the one before it.
    ends: list[int] = []
    tips: list[int] = []
    links: list[int] = []
    for at, (_, j) in enumerate(pairs):
        length = bisect_left(ends, j)
        links.append(tips[length - 1] if length else -1)
        if length == len(ends):
            ends.append(j)
            tips.append(at)
        else:
            ends[length], tips[length] = j, at
    found, at = [], tips[-1] if tips else -1
    while at >= 0:
        found.append(pairs[at])
        at = links[at]
    return found[::-1]


def _with_gaps(pairs: Sequence[tuple[int, int]], before: int, after: int) -> Iterator[Pair]:
    i = j = 0
    for to_i, to_j in [*pairs, (before, after)]:
        yield from ((k, None) for k in range(i, to_i))
        yield from ((None, k) for k in range(j, to_j))
        if (to_i, to_j) != (before, after):
            yield to_i, to_j
        i, j = to_i + 1, to_j + 1


def _removed_first(pairs: Iterator[Pair]) -> Iterator[Pair]:
    """Yield the pairs, with what was removed before what was added wherever both stand between two kept layers."""
    added: list[Pair] = []
    for pair in pairs:
        if pair[0] is None:
            added.append(pair)
            continue
        if pair[1] is not None:
            yield from added
            added = []
        yield pair
    yield from added
