"""How large a spec becomes at least, worked out from its text, before repetitions and blocks are run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from netspec.elaborate.evaluate import ValueProblem, evaluate
from netspec.elaborate.scope import Block
from netspec.elaborate.vocabulary import COMMANDS
from netspec.syntax import ast

__all__ = ["Expansion", "Size"]

_PLACE = {"residual", "branch"}
"""The commands that make a node of their own beside those in their bodies."""


class Size(NamedTuple):
    """How many nodes some commands make, and how many commands are run for it."""

    nodes: int
    steps: int


_NOTHING = Size(0, 0)


class Expansion:
    """Counts each body once, however often it is used: what doubles forty times is known after forty bodies.

    Args:
        depth: what is nested deeper is counted as nothing; it is refused for its depth.
    """

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.known: dict[int, Size] = {}

    def body(self, body: ast.Body, blocks: Mapping[str, Block], level: int = 0) -> Size:
        """Return the least size of a body, in which some blocks are defined."""
        if level > self.depth:
            return _NOTHING
        if id(body) not in self.known:
            # A block that uses itself finds this, and is refused for that.
            self.known[id(body)] = _NOTHING
            self.known[id(body)] = self._commands(body.commands, blocks, level + 1)
        return self.known[id(body)]

    def _commands(self, commands: Iterable[ast.Command], blocks: Mapping[str, Block], level: int) -> Size:
        nodes = steps = 0
        for command in commands:
            own = self._command(command, blocks, level)
            nodes, steps = nodes + own.nodes, steps + own.steps + 1
        return Size(nodes, steps)

    def _command(self, command: ast.Command, blocks: Mapping[str, Block], level: int) -> Size:
        name = command.name.text
        if name in blocks:
            return self.body(blocks[name].body, blocks[name].scope.blocks, level)
        if name in COMMANDS and name not in {"repeat", "for", *_PLACE}:
            return _NOTHING
        inner = [self.body(body, blocks, level) for body in command.bodies]
        rounds = _rounds(command) if name in {"repeat", "for"} else 1
        nodes = rounds * sum(size.nodes for size in inner) + (name not in {"repeat", "for"})
        return Size(nodes, rounds * sum(size.steps for size in inner))


def _rounds(command: ast.Command) -> int:
    """Return how often a body is repeated at least; 0 where that depends on a name, for it may be none."""
    if command.name.text == "for":
        return max(0, len(command.arguments) - 2)
    try:
        count = evaluate(command.arguments[0].value, {}) if command.arguments else 0
    except ValueProblem:
        return 0
    return count if isinstance(count, int) and count > 0 else 0
