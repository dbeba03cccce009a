"""A graph as nested text: chains, `residual` and `branch` where it is made of such; labels and `from` for the rest.

The graph is reduced as series and parallel circuits are: a layer with one reader joins the edge that it lies on, and
edges from one value that all meet in one merging layer become the bodies of that layer.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from netspec.formats.reading import Piece
from netspec.formats.spec_text.items import From, Item, Line, Merge
from netspec.layers import LAYERS

__all__ = ["Labels", "structured"]


@dataclass(eq=False, slots=True)
class _Edge:
    source: str
    target: str
    body: list[Item] = field(default_factory=list)
    depth: int = 0
    """How many merges lie in each other on it."""


_DEEPEST = 16
"""Deeper merges are written with labels: nobody could read them in each other."""


class Labels:
    """Names that the language takes as labels, each given once."""

    def __init__(self, taken: Collection[str]) -> None:
        self.used = set(taken)
        self.counts: dict[str, int] = {}

    def make(self, name: str) -> str:
        """Return a label for a piece that a file calls so."""
        label = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "layer"
        label = f"layer_{label}" if label[0].isdigit() else label
        kind, _, number = label.rpartition("_")
        if number.isdigit() and kind in LAYERS:
            # `conv_1` is what netspec itself calls a layer without a label.
            label = kind + number
        label = label[:100]
        if label in _RESERVED or label in LAYERS:
            label += "_layer"
        unique, count = label, self.counts.get(label, 1)
        while unique in self.used:
            count += 1
            unique = f"{label}_v{count}"
        self.used.add(unique)
        self.counts[label] = count
        return unique


_RESERVED = frozenset(
    [
        "input",
        "output",
        "weights",
        "freeze",
        "unfreeze",
        "rate",
        "let",
        "init",
        "data",
        "train",
        "compile",
        "block",
        "repeat",
        "for",
        "if",
        "else",
        "residual",
        "branch",
        "from",
        "include",
        "assert",
        "as",
        "in",
        "and",
        "or",
        "not",
        "true",
        "false",
        "all",
        "share",
        "none",
        "classes",
        "tokens",
    ]
)


def structured(pieces: Sequence[Piece], inputs: Sequence[str], outputs: Collection[str], *, flat: bool) -> list[Item]:
    """Return the items of a spec.

    Args:
        pieces: in an order in which each reads only those before it.
        inputs: the names of the inputs.
        outputs: the pieces that are outputs.
        flat: whether each piece is a line of its own, and all wiring is by labels.
    """
    edges_in: dict[str, list[_Edge]] = {}
    edges_out: dict[str, list[_Edge]] = {name: [] for name in inputs}
    items: dict[str, list[Item]] = {}
    for piece in pieces:
        edges_in[piece.name] = [_Edge(source, piece.name) for source in piece.inputs]
        edges_out[piece.name] = []
        for edge in edges_in[piece.name]:
            edges_out[edge.source].append(edge)
        items[piece.name] = [Line(piece)]
    by_name = {piece.name: piece for piece in pieces}
    depths = dict.fromkeys(by_name, 0)
    left = [piece.name for piece in pieces]
    changed = not flat
    while changed:
        changed = False
        for name in list(left):
            into = edges_in[name]
            inside = max((edge.depth for edge in into), default=0)
            together = len(into) > 1 and len({edge.source for edge in into}) == 1
            if together and by_name[name].layer.merges and inside < _DEEPEST:
                source = into[0].source
                depths[name] = inside + 1
                items[name] = [_merged(by_name[name], [edge.body for edge in into])]
                edges_out[source] = [e for e in edges_out[source] if e.target != name]
                one = _Edge(source, name)
                edges_in[name] = into = [one]
                edges_out[source].append(one)
                changed = True
            keep = by_name[name].keep or name in outputs
            if len(into) == 1 and len(edges_out[name]) == 1 and not keep:
                before, after = into[0], edges_out[name][0]
                before.body += [*items[name], *after.body]
                before.target = after.target
                before.depth = max(before.depth, depths[name], after.depth)
                edges_in[after.target] = [before if e is after else e for e in edges_in[after.target]]
                left.remove(name)
                changed = True
    return _written(left, edges_in, items, by_name, inputs, outputs)


def _merged(piece: Piece, bodies: list[list[Item]]) -> Merge:
    """Return a merge of bodies: an addition of two is a `residual`, its longer body first."""
    if piece.layer.canonical() == "add" and len(bodies) == 2 and any(bodies):
        first, second = sorted(bodies, key=len, reverse=True)
        return Merge([first, second] if second else [first], piece, residual=True)
    return Merge(bodies, piece, residual=False)


def _written(
    left: Sequence[str],
    edges_in: dict[str, list[_Edge]],
    items: dict[str, list[Item]],
    by_name: dict[str, Piece],
    inputs: Sequence[str],
    outputs: Collection[str],
) -> list[Item]:
    """Return the items of what could not be reduced further, one value after the other."""
    made: list[Item] = []
    ends: dict[str, Line | Merge] = {}
    labels = Labels(inputs)
    current = inputs[0] if len(inputs) == 1 else ""

    def label(name: str) -> str:
        if name in inputs:
            return name
        end = ends[name]
        if not end.label:
            end.label = labels.make(name)
        return end.label

    def follow(edge: _Edge) -> str:
        """Write what lies on an edge, and return the value at its end."""
        nonlocal current
        if current != edge.source:
            made.append(From(label(edge.source)))
            current = edge.source
        for item in edge.body:
            made.append(item)
            assert not isinstance(item, From)
            current = item.piece.name  # type: ignore[union-attr]
            ends[current] = item  # type: ignore[assignment]
        return current

    for name in left:
        first, *others = edges_in[name]
        reads = []
        for edge in others:
            reads.append(label(follow(edge) if edge.body else edge.source))
        follow(first)
        end = items[name][-1]
        assert isinstance(end, Line | Merge)
        if isinstance(end, Line):
            end.reads = tuple(reads)
        made += items[name]
        ends[name] = end
        current = name
    for name, piece in by_name.items():
        if name in ends and (piece.keep or name in outputs):
            label(name)
    for line in _lines(made):
        if line.piece.share:
            line.share = label(line.piece.share)
    return made


def _lines(items: Sequence[Item]) -> Iterator[Line]:
    """Yield the lines of a body, and of the bodies in it."""
    for item in items:
        match item:
            case Line():
                yield item
            case Merge():
                for body in item.bodies:
                    yield from _lines(body)
            case _:
                pass
