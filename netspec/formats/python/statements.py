"""Operations as statements of Python: which variable holds each value, and what is written inside of another call."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.formats.program import Arrays, Input, Program
from netspec.formats.python.expressions import identifier
from netspec.graph.graph import Operation
from netspec.ops import Activation, Bias, Scale

__all__ = ["Call", "Follow", "Statement", "Statements", "bias_behind", "numbers_behind", "wrapped"]

_WIDTH = 100
"""Longer expressions are not written inside of others."""
_PAGE = 112
"""Longer lines are broken."""


@dataclass(frozen=True, slots=True)
class Call:
    """An operation that is to be written.

    Attributes:
        operation: the operation.
        reads: the expressions of what it reads.
        shapes: of one example of these.
        arrays: those of the program, by path.
        after: the operations behind it that are written with it.
    """

    operation: Operation
    reads: Sequence[str]
    shapes: Sequence[tuple[int, ...]]
    arrays: Arrays
    after: Sequence[Operation] = ()

    @property
    def bias(self) -> str:
        """The path of the bias that is written with it; empty where there is none."""
        return next((o.parameters[0] for o in self.after if isinstance(o.op, Bias)), "")


Follow: TypeAlias = Callable[[Program, Sequence[Operation]], Sequence[Operation]]
"""A program, and its operations from one on → those behind the first that are written with it."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A variable and the expression that it holds."""

    target: str
    expression: str
    node: str


@dataclass(frozen=True, slots=True)
class Statements:
    """The body of a function: its arguments, its statements, and the variables that are given in the end."""

    arguments: dict[str, str]
    body: list[Statement]
    outputs: dict[str, str]

    @classmethod
    def of(
        cls,
        program: Program,
        write: Callable[[Call], str],
        *,
        prepare: Callable[[Input, str], str],
        follow: Follow,
        reserved: set[str],
    ) -> Statements:
        """Return the statements of a program.

        Args:
            program: what is written.
            write: returns the expression of an operation.
            prepare: returns the expression of what the network reads of an input.
            follow: returns the operations behind one that are written with it.
            reserved: names that no variable may have.
        """
        return _Walk(program, write, prepare, follow, reserved).result()

    def ended(self, given: str) -> tuple[list[str], str]:
        """Return the lines, and what is given: of the last line its expression, where only that is given."""
        lines = list(self.body)
        if lines and lines[-1].target == given:
            given = lines.pop().expression
        return [wrapped(f"{s.target} = {s.expression}") for s in lines], given


class _Walk:
    def __init__(
        self,
        program: Program,
        write: Callable[[Call], str],
        prepare: Callable[[Input, str], str],
        follow: Follow,
        reserved: set[str],
    ) -> None:
        self.program, self.write, self.prepare, self.follow = program, write, prepare, follow
        self.taken = {*reserved, *dir(builtins), *keyword.kwlist}
        self.expressions: dict[int, str] = {}
        self.shapes = {i: given.shape for i, given in enumerate(program.inputs)}
        self.body: list[Statement] = []
        self.arguments: dict[str, str] = {}
        self.flowing = ""

    def result(self) -> Statements:
        self._inputs()
        operations = list(self.program.graph.operations)
        at = 0
        while at < len(operations):
            operation = operations[at]
            after = self.follow(self.program, operations[at:])
            for each in (operation, *after):
                self.shapes[each.output] = each.shape
            reads = [self.expressions[i] for i in operation.inputs]
            shapes = [self.shapes[i] for i in operation.inputs]
            text = self.write(Call(operation, reads, shapes, self.program.arrays, after))
            at += 1 + len(after)
            self._hold([operation, *after][-1], text, operations[at] if at < len(operations) else None)
        outputs = {o.name: self.expressions[o.value] for o in self.program.outputs}
        return Statements(self.arguments, self.body, outputs)

    def _inputs(self) -> None:
        alone = len(self.program.inputs) == 1
        for value, given in enumerate(self.program.inputs):
            name = self._free("x" if alone else given.name)
            self.arguments[given.name] = name
            self.expressions[value] = name
            prepared = self.prepare(given, name)
            if prepared != name:
                self.body.append(Statement(name, prepared, given.name))
        self.flowing = "x" if alone else self._free("x")

    def _hold(self, operation: Operation, text: str, following: Operation | None) -> None:
        """Let a variable hold a value, or write its expression where it is read."""
        value = operation.output
        reader = self.program.only_reader(value)
        flows = reader is not None and reader is following and reader.inputs.count(value) == 1
        together = reader is not None and (reader.node == operation.node or isinstance(reader.op, Activation))
        if flows and together and len(text) < _WIDTH - 30:
            self.expressions[value] = text
            return
        final = following is None and self.program.outputs[-1].value == value and len(self.program.outputs) == 1
        name = self.flowing if (flows or final) and self._is_free(operation) else self._free(operation.node)
        self.expressions[value] = name
        if name != text:
            self.body.append(Statement(name, text, operation.node))

    def _is_free(self, operation: Operation) -> bool:
        """Return whether what the flowing variable holds is read no more after an operation."""
        done = self.program.graph.operations.index(operation)
        held = [v for v, text in self.expressions.items() if text == self.flowing]
        later = self.program.graph.operations[done + 1 :]
        given = {o.value for o in self.program.outputs}
        return not any(v in given or any(v in o.inputs for o in later) for v in held)

    def _free(self, name: str) -> str:
        """Return a name for a variable that nothing has yet."""
        base = identifier(name)
        found, count = base, 1
        while found in self.taken:
            count += 1
            found = f"{base}_{count}"
        self.taken.add(found)
        return found


def bias_behind(program: Program, operations: Sequence[Operation], *takers: type) -> list[Operation]:
    """Return the bias that comes next and alone reads the first operation, where that is one that can take it in."""
    first, *rest = operations[:2]
    if not rest or not isinstance(first.op, takers) or not isinstance(rest[0].op, Bias):
        return []
    fits = program.arrays[rest[0].parameters[0]].shape == first.shape[:1]
    return rest if fits and program.only_reader(first.output) is rest[0] else []


def numbers_behind(program: Program, operations: Sequence[Operation]) -> list[Operation]:
    """Return the scale and the bias of a normalization that come next, where nothing else reads what lies between."""
    first, *rest = operations[:3]
    if [type(each.op) for each in rest] != [Scale, Bias] or any(each.node != first.node for each in rest):
        return []
    alone = program.only_reader(first.output) is rest[0] and program.only_reader(rest[0].output) is rest[1]
    return rest if alone else []


def wrapped(line: str) -> str:
    """Return a statement within the width of a page, where it ends in a call: its arguments get lines of their own."""
    if len(line) <= _PAGE or not line.endswith(")"):
        return line
    depth = 0
    for at in range(len(line) - 1, -1, -1):
        depth += (line[at] in ")]}") - (line[at] in "([{")
        if depth == 0:
            break
    inside = line[at + 1 : -1]
    if len(inside) > _PAGE - 4:
        inside = ",\n    ".join(_divided(inside)) + ","
    return f"{line[: at + 1]}\n    {inside}\n)"


def _divided(arguments: str) -> list[str]:
    """Return the arguments of a call, one by one."""
    parts, depth = [""], 0
    for letter in arguments:
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += letter
    return [part.strip() for part in parts]
