"""Which names are in force at a place of a text: values, blocks, labels, and how nodes are named there."""

from __future__ import annotations

from collections import ChainMap, Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from netspec.diagnostics.diagnostic import Span
from netspec.syntax import ast

__all__ = ["Block", "Frame", "Scope", "labels_in", "weight"]


@dataclass(frozen=True)  # no slots: it keeps what it computed once
class Block:
    """A `block NAME(params) { }` as it was defined, with the scope it sees."""

    name: ast.Name
    parameters: tuple[ast.Argument, ...]
    body: ast.Body
    scope: Scope = field(compare=False, repr=False)

    @cached_property
    def labels(self) -> frozenset[str]:
        """The labels given in its body."""
        return labels_in(self.body.commands)

    @cached_property
    def spans(self) -> dict[str, Span]:
        """Where each of its parameters stands."""
        words = [(p.key or p.value, p.span) for p in self.parameters]
        return {word.text: span for word, span in words if isinstance(word, ast.Name | ast.Word)}

    @cached_property
    def weight(self) -> int:
        """How many commands its parameters count as."""
        return weight(self.parameters)


@dataclass
class Frame:
    """Where nodes get their names: the file, or one use of a block. `prefix` is empty or ends in a slash."""

    prefix: str
    reserved: frozenset[str]
    counts: Counter[str] = field(default_factory=Counter)


@dataclass
class Scope:
    """The names in force.

    Attributes:
        values: what each `let` and each parameter of a block stands for.
        blocks: the blocks that are defined.
        labels: label → name of the node; `input` is what flows into the file or the block.
        uses: label → name of the use of a block that carries it, which is the prefix of its nodes.
        frame: where nodes are named.
        suffix: what a repetition adds to the labels in it: `_2` in its second round.
        key: equal for two scopes in which every line means the same, as in each round of a repetition.
        misdefined: names of blocks whose definition was wrong: their uses are not wrong for that.
        top: whether this is the file itself, where `input`, `data` and `train` may stand.
        lets: how many `let` commands have been run in it so far.
        rebound: how many of them have replaced a value that the name had in the same body.
        named: where each name got its value.

    Inner scopes are chained to the outer ones, not copies of them: thousands of names and thousands of rounds would
    take minutes.
    """

    values: ChainMap[str, Any]
    blocks: ChainMap[str, Block]
    labels: ChainMap[str, str]
    uses: ChainMap[str, str]
    frame: Frame
    suffix: str = ""
    key: Hashable = ()
    top: bool = True
    misdefined: set[str] = field(default_factory=set)
    lets: int = 0
    rebound: int = 0
    named: ChainMap[str, Span] = field(default_factory=ChainMap)

    @classmethod
    def of_file(cls, commands: Iterable[ast.Command], of_data: Mapping[str, Any]) -> Scope:
        """Return the scope of a file, with nothing in it yet but what the data says: `classes`, `tokens`."""
        values = ChainMap[str, Any]({}, dict(of_data))
        return cls(values, ChainMap(), ChainMap({"input": "input"}), ChainMap(), Frame("", labels_in(commands)))

    def way(self, body: ast.Body) -> Scope:
        """Return the scope of a body whose labels are seen behind it, as those of `residual` and `branch` are."""
        return replace(
            self,
            values=self.values.new_child(),
            blocks=self.blocks.new_child(),
            named=self.named.new_child(),
            key=(self.key, self.rebound, id(body)),
            top=False,
            lets=0,
            rebound=0,
        )

    def round(self, body: ast.Body, number: int, values: Mapping[str, Any], named: Mapping[str, Span]) -> Scope:
        """Return the scope of one round of a repetition, whose labels are its own.

        Args:
            body: what is repeated.
            number: of the round, from 1.
            values: what the names of a `for` stand for in this round.
            named: where these names are given.
        """
        labels, uses = self.labels.new_child(), self.uses.new_child()
        scope = replace(self.way(body), labels=labels, uses=uses, suffix=f"{self.suffix}_{number}")
        if values:
            scope.values.maps[0].update(values)
            scope.named.maps[0].update(named)
            scope.key = (scope.key, told_apart(values))
        return scope

    def use(self, block: Block, values: dict[str, Any], name: str, source: str) -> Scope:
        """Return the scope inside one use of a block defined here: of the user's names it sees none.

        Args:
            block: what is used.
            values: the values of its parameters.
            name: of this use.
            source: the node that flows into it.
        """
        # A `let` behind the definition but before the use is seen too, hence their number in the key.
        return Scope(
            values=self.values.new_child(values),
            blocks=self.blocks.new_child(),
            labels=ChainMap({"input": source}),
            uses=ChainMap(),
            frame=Frame(f"{name}/", block.labels),
            key=(id(block.body), self.key, self.lets, told_apart(values)),
            top=False,
            misdefined=self.misdefined,
            named=self.named.new_child(dict(block.spans)),
        )


def told_apart(values: Mapping[str, Any]) -> Hashable:
    """Return values as a key; their types are in it since 1 and 1.0 are equal but do not fit the same arguments."""
    return tuple((key, type(value), value) for key, value in values.items())


def weight(arguments: Iterable[ast.Argument]) -> int:
    """Return how many commands some arguments count as besides: none, unless they are longer than those of any layer.

    Arguments stand in one line, hence their columns tell their length.
    """
    lengths = [a.span.end_column - a.span.column for a in arguments]
    return max(0, len(lengths) - 10) + max(0, sum(lengths) - 100) // 16


def labels_in(commands: Iterable[ast.Command]) -> frozenset[str]:
    """Return the labels given in a body and in the bodies in it, but for those of the blocks defined there."""
    found: set[str] = set()
    waiting = list(commands)
    while waiting:
        command = waiting.pop()
        if command.label:
            found.add(command.label.text)
        if command.name.text != "block":
            waiting += [c for body in command.bodies for c in body.commands]
    return frozenset(found)
