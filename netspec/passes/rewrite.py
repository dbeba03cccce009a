"""What passes are written with: one operation, or one and its only reader, become another chain of operations.

A value keeps its number only while it keeps its meaning, so that what a node hands on is never mistaken: all values
inside of a new chain have new numbers, and its last one has the number of what it replaces.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from netspec.graph.graph import Derived, Graph, Operation
from netspec.ops import Op, Shape
from netspec.ops.derived import Formula

__all__ = ["Mode", "PairRule", "Rewriter", "Rule", "Step", "rewrite_each", "rewrite_pairs"]


class Mode(StrEnum):
    """Training draws random numbers and normalizes by the batch; inference does neither."""

    TRAINING = "training"
    INFERENCE = "inference"


@dataclass(frozen=True, slots=True)
class Step:
    """One operation of a chain: each reads the one before it."""

    op: Op
    node: str
    parameters: tuple[str, ...] = ()


Chain: TypeAlias = Sequence[Step]


Rule: TypeAlias = Callable[["Rewriter", Operation], Chain | None]
"""Returns what replaces an operation (nothing at all: its input), or None to leave it."""


PairRule: TypeAlias = Callable[["Rewriter", Operation, Operation], Chain | None]
"""Returns what replaces an operation and its only reader, or None to leave them."""


def rewrite_each(graph: Graph, rule: Rule) -> Graph:
    """Return the graph with every operation replaced by what the rule makes of it."""
    rewriter = Rewriter(graph)
    same: dict[int, int] = {}
    for old in graph.operations:
        moved = any(i in same for i in old.inputs)
        operation = replace(old, inputs=tuple(same.get(i, i) for i in old.inputs)) if moved else old
        chain = rule(rewriter, operation)
        if chain is None:
            rewriter.keep(operation)
        elif not chain:
            same[operation.output] = operation.inputs[0]
        else:
            for new in rewriter.link(chain, operation.inputs[0], operation.output):
                rewriter.keep(new)
    return rewriter.result(same)


def rewrite_pairs(graph: Graph, rule: PairRule) -> Graph:
    """Return the graph after the rule was applied to an operation and its only reader as often as it can be."""
    rewriter = Rewriter(graph)
    waiting = deque(graph.operations)
    while waiting:
        second = waiting.popleft()
        first = rewriter.only_read_by(second)
        chain = rule(rewriter, first, second) if first else None
        if first is None or chain is None:
            rewriter.keep(second)
        else:
            rewriter.drop(first)
            waiting.extendleft(reversed(rewriter.link(chain, first.inputs[0], second.output)))
    return rewriter.result({})


class Rewriter:
    """A graph on its way to another one: what rules ask about, and how they derive new arrays."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._kept: dict[int, Operation] = {}
        self._derived = dict(graph.derived)
        self._shapes = {
            **{i: each.shape for i, each in enumerate(graph.inputs)},
            **{o.output: o.shape for o in graph.operations},
        }
        self._readers = {i: o for o in graph.operations for i in o.inputs}
        # What is given is read from outside: whatever else reads it, nothing may take its place.
        asked = [value for o in graph.outputs for value in (o.index, o.logits)]
        self._reads = Counter([i for o in graph.operations for i in o.inputs] + asked)
        self._next = max(self._shapes) + 1

    def shape(self, value: int) -> Shape:
        """Return the shape per example of a value."""
        return self._shapes[value]

    def array_shape(self, path: str) -> Shape:
        """Return the shape of a parameter or derived array."""
        return (self._derived.get(path) or self._graph.parameters[path]).shape

    def reader(self, operation: Operation) -> Op | None:
        """Return what alone reads an operation of the graph, if one does."""
        found = self._readers.get(operation.output)
        return found.op if found and self._reads[operation.output] == 1 else None

    def derive(self, formula: Formula, *sources: str, like: str = "") -> tuple[str]:
        """Return the path of a new array, made of others, as the parameters of a step.

        It is named after the first of them, or `like` another: `conv_1/kernel` gives `conv_1/kernel.1`.
        """
        node, _, name = (like or sources[0]).rpartition("/")
        base, number = f"{node}/{name.partition('.')[0]}", 1
        while f"{base}.{number}" in self._derived:
            number += 1
        path = f"{base}.{number}"
        self._derived[path] = Derived(path, formula.shape(*map(self.array_shape, sources)), formula, sources)
        return (path,)

    def keep(self, operation: Operation) -> None:
        """Take an operation into the result."""
        self._kept[operation.output] = operation

    def drop(self, operation: Operation) -> None:
        """Take an operation out of the result again."""
        del self._kept[operation.output]

    def only_read_by(self, operation: Operation) -> Operation | None:
        """Return the operation before one, if both read one value and nothing else reads the value between them."""
        before = self._kept.get(operation.inputs[0])
        alone = before and len(operation.inputs) == len(before.inputs) == self._reads[operation.inputs[0]] == 1
        return before if alone else None

    def link(self, chain: Chain, source: int, end: int) -> list[Operation]:
        """Return a chain as operations that lead from one value to another."""
        made = []
        for step in chain:
            output = end if step is chain[-1] else self._next
            shapes = [self._shapes[source], *map(self.array_shape, step.parameters)]
            shape = step.op.shape(*shapes)
            flops = step.op.flops(shape, *shapes)
            made.append(Operation(step.op, (source,), step.parameters, output, shape, step.node, flops))
            self._readers[source] = made[-1]
            if output != end:
                self._shapes[output], self._reads[output], self._next = shape, 1, self._next + 1
            source = output
        return made

    def result(self, same: dict[int, int]) -> Graph:
        """Return the new graph; some values of the old one are the same as others."""
        graph = self._graph
        nodes = {name: same.get(value, value) for name, value in graph.nodes.items()}
        return replace(
            graph,
            operations=tuple(self._kept.values()),
            outputs=tuple(
                replace(o, index=same.get(o.index, o.index), logits=same.get(o.logits, o.logits)) for o in graph.outputs
            ),
            nodes={name: v for name, v in nodes.items() if v in self._kept or v < len(graph.inputs)},
            derived=self._needed(),
        )

    def _needed(self) -> dict[str, Derived]:
        """Return the derived arrays that an operation reads, or one of these."""
        needed = {path for o in self._kept.values() for path in o.parameters}
        for path in reversed(self._derived):
            if path in needed:
                needed.update(self._derived[path].sources)
        return {path: derived for path, derived in self._derived.items() if path in needed}
