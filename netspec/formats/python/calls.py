"""What is written of an operation: what it reads, as it lies in memory, and what is written with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.formats.program import Arrays, Program
from netspec.formats.python.expressions import atom
from netspec.graph.graph import Operation
from netspec.ops import Bias, Scale

__all__ = ["Call", "Follow", "Last", "Repeated", "bias_behind", "first", "last", "numbers_behind"]


class Last(str):
    """An expression of something whose channels (or features) lie last in memory."""

    __slots__ = ()


def first(x: str, rank: int) -> str:
    """Return an expression with the channels (or features) first."""
    if not isinstance(x, Last) or rank == 1:
        return str(x)
    return f"{atom(x)}.mT" if rank == 2 else f"{atom(x)}.movedim(-1, 1)"


def last(x: str, rank: int) -> Last:
    """Return an expression with the channels (or features) last."""
    if isinstance(x, Last) or rank == 1:
        return Last(x)
    return Last(f"{atom(x)}.mT" if rank == 2 else f"{atom(x)}.movedim(1, -1)")


@dataclass(frozen=True, slots=True)
class Call:
    """An operation that is to be written.

    Attributes:
        operation: the operation.
        given: the expressions of what it reads, each as it lies in memory.
        shapes: of one example of these.
        arrays: those of the program, by path.
        after: the operations behind it that are written with it.
    """

    operation: Operation
    given: Sequence[str]
    shapes: Sequence[tuple[int, ...]]
    arrays: Arrays
    after: Sequence[Operation] = ()

    @property
    def reads(self) -> list[str]:
        """The expressions of what it reads, the channels (or features) first."""
        return [first(x, len(shape)) for x, shape in zip(self.given, self.shapes, strict=True)]

    @property
    def lasts(self) -> list[Last]:
        """The expressions of what it reads, the channels (or features) last."""
        return [last(x, len(shape)) for x, shape in zip(self.given, self.shapes, strict=True)]

    @property
    def bias(self) -> str:
        """The path of the bias that is written with it; empty where there is none."""
        return next((o.parameters[0] for o in self.after if isinstance(o.op, Bias)), "")


Follow: TypeAlias = Callable[[Program, Sequence[Operation]], Sequence[Operation]]
"""A program, and its operations from one on → those behind the first that are written with it."""


@dataclass(frozen=True, slots=True)
class Repeated:
    """What is computed again and again from its own result.

    Attributes:
        head: the line that begins the loop.
        body: returns the expression of a round, given that of the round before.
        start: the place, among what is read, of what goes into the first round.
        last: whether the channels (or features) of that, and of what comes out, lie last.
    """

    head: str
    body: Callable[[str], str]
    start: int
    last: bool = False


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
