"""Operations as statements of Python: which variable holds each value, and what is written inside of another call."""

from __future__ import annotations

import builtins
import keyword
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from textwrap import indent

from netspec.formats.program import Input, Program
from netspec.formats.python.calls import Call, Follow, Last, Repeated
from netspec.formats.python.expressions import bare, base_of, identifier
from netspec.graph.graph import Operation
from netspec.ops import Activation, BatchNorm, Channels, Crop, Take

__all__ = ["Statement", "Statements"]

_WIDTH = 100
"""Longer expressions are not written inside of others."""
_COMMENTED = 80
"""Lines are so long at most with a comment."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A variable and the expression that it holds.

    Attributes:
        target: the variable.
        expression: what it holds.
        shape: of one example, as it lies in memory.
        loop: the line that begins a loop around it.
    """

    target: str
    expression: str
    shape: tuple[int, ...]
    loop: str = ""

    @property
    def text(self) -> str:
        """The lines of it."""
        line = f"{self.target} = {self.expression}"
        return f"{self.loop}\n{indent(line, '    ')}" if self.loop else line


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
        write: Callable[[Call], str | Repeated],
        *,
        prepare: Callable[[Input, str], str],
        follow: Follow,
        reserved: set[str],
        lasts: frozenset[int] = frozenset(),
    ) -> Statements:
        """Return the statements of a program.

        Args:
            program: what is written.
            write: returns the expression of an operation.
            prepare: returns the expression of what the network reads of an input.
            follow: returns the operations behind one that are written with it.
            reserved: names that no variable may have.
            lasts: the values among the inputs whose channels (or features) lie last.
        """
        return _Walk(program, write, prepare, follow, reserved, lasts).result()

    def ended(self, given: str, *, shapes: bool = False) -> tuple[list[str], str]:
        """Return the lines, and what is given: of the last line its expression, where only that is given.

        Args:
            given: the expression of what is given.
            shapes: whether comments say the shapes of examples, wherever one is other than before.
        """
        lines = list(self.body)
        if lines and lines[-1].target == given and not lines[-1].loop:
            given = lines.pop().expression
        if not shapes:
            return [each.text for each in lines], given
        before: tuple[int, ...] = ()
        said = []
        for each in lines:
            words = f"{each.text}  # (N, {', '.join(map(str, each.shape))})"
            fits = each.shape != before and not each.loop and len(bare(words)) <= _COMMENTED
            said.append(words if fits else each.text)
            before = each.shape
        return said, given


class _Walk:
    def __init__(
        self,
        program: Program,
        write: Callable[[Call], str | Repeated],
        prepare: Callable[[Input, str], str],
        follow: Follow,
        reserved: set[str],
        lasts: frozenset[int],
    ) -> None:
        self.program, self.write, self.prepare, self.follow, self.lasts = program, write, prepare, follow, lasts
        self.taken = {*reserved, *dir(builtins), *keyword.kwlist}
        self.expressions: dict[int, str] = {}
        self.shapes = {i: given.shape for i, given in enumerate(program.inputs)}
        self.body: list[Statement] = []
        self.arguments: dict[str, str] = {}
        self.flowing: tuple[str, ...] = ()

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
            call = Call(operation, reads, shapes, self.program.arrays, after)
            text = self.write(call)
            at += 1 + len(after)
            following = operations[at] if at < len(operations) else None
            self._hold([operation, *after][-1], text, call, following)
        outputs = {o.name: self.expressions[o.value] for o in self.program.outputs}
        return Statements(self.arguments, self.body, outputs)

    def _inputs(self) -> None:
        alone = len(self.program.inputs) == 1
        for value, given in enumerate(self.program.inputs):
            name = self._free(("tokens" if given.kind == "tokens" else "x") if alone else given.name)
            self.arguments[given.name] = name
            self.expressions[value] = Last(name) if value in self.lasts else name
            prepared = self.prepare(given, name)
            if prepared != name:
                self.body.append(Statement(name, prepared, given.shape))
        first = "x" if "x" in self.arguments.values() else self._free("x")
        self.flowing = (first, *(self._free(name) for name in ("y", "z")))

    def _hold(self, operation: Operation, text: str | Repeated, call: Call, following: Operation | None) -> None:
        """Let a variable hold a value, or write its expression where it is read."""
        value = operation.output
        reader = self.program.only_reader(value)
        flows = reader is not None and reader is following and reader.inputs.count(value) == 1
        together = reader is not None and (
            reader.node == operation.node
            or isinstance(reader.op, Activation | BatchNorm)
            or isinstance(operation.op, Take)
        )
        # A part is taken of what has a name.
        together = together and not (reader is not None and isinstance(reader.op, Crop | Channels))
        if isinstance(text, Repeated):
            start = call.lasts[text.start] if text.last else call.reads[text.start]
            self._repeat(operation, text, start, call.given, flows=flows)
            return
        if flows and together and len(bare(text)) < _WIDTH - 30:
            self.expressions[value] = text
            return
        final = following is None and self.program.outputs[-1].value == value and len(self.program.outputs) == 1
        name = self._variable(operation, flows=flows or final, alone=reader)
        self.expressions[value] = Last(name) if isinstance(text, Last) else name
        if name != text:
            self.body.append(Statement(name, text, _laid(operation.shape, text)))

    def _repeat(self, operation: Operation, text: Repeated, start: str, reads: Sequence[str], *, flows: bool) -> None:
        """Let a variable hold what a loop makes in the end of what it starts with."""
        others = frozenset[str]().union(*(_names(each) for i, each in enumerate(reads) if i != text.start))
        name = self._variable(operation, flows=flows or not self._read_later(operation), busy=others)
        self.expressions[operation.output] = Last(name) if text.last else name
        shape = _laid(operation.shape, self.expressions[operation.output])
        if name != start:
            self.body.append(Statement(name, start, self.shapes[operation.inputs[text.start]]))
        self.body.append(Statement(name, text.body(name), shape, text.head))

    def _read_later(self, operation: Operation) -> bool:
        return bool(self.program.readers().get(operation.output))

    def _variable(
        self,
        operation: Operation,
        *,
        flows: bool,
        alone: Operation | None = None,
        busy: frozenset[str] = frozenset(),
    ) -> str:
        """Return the variable that holds a value: its own name where it has one that says something.

        Args:
            operation: that makes the value.
            flows: whether the next operation alone reads it.
            alone: the one operation that reads it.
            busy: variables that are needed yet.
        """
        numbered = base_of(operation.node) != operation.node
        if flows or numbered:
            pair = flows or (alone is not None and len(alone.inputs) == 2)
            for name in self.flowing if pair else self.flowing[:1]:
                if name not in busy and self._is_free(operation, name):
                    return name
        return self._free(operation.node)

    def _is_free(self, operation: Operation, name: str) -> bool:
        """Return whether what a variable holds is read no more after an operation."""
        done = self.program.graph.operations.index(operation)
        held = [v for v, text in self.expressions.items() if name in _names(text)]
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


def _laid(shape: tuple[int, ...], text: str) -> tuple[int, ...]:
    """Return a shape as it lies in memory."""
    return (*shape[1:], shape[0]) if isinstance(text, Last) else shape


@cache
def _names(expression: str) -> frozenset[str]:
    """Return the names in an expression."""
    return frozenset(re.findall(r"[A-Za-z_]\w*", expression))
