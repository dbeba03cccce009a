"""What a spec's text is made of: lines, bodies, repetitions and uses of blocks, and which pieces each stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from netspec.formats.reading import Piece

__all__ = ["Block", "From", "Item", "Line", "Merge", "Parameter", "Repeat", "Use", "labels_of", "pieces_of"]


@dataclass(eq=False, slots=True)
class Line:
    """One layer, which may read labelled values beside what flows in, and use the weights of a labelled one."""

    piece: Piece
    reads: tuple[str, ...] = ()
    label: str = ""
    share: str = ""


@dataclass(eq=False, slots=True)
class From:
    """`from LABEL`."""

    label: str


@dataclass(eq=False, slots=True)
class Merge:
    """`residual` or `branch`: bodies on one input, and the layer that merges what they make."""

    bodies: list[list[Item]]
    piece: Piece
    residual: bool
    label: str = ""


@dataclass(eq=False, slots=True)
class Repeat:
    """`repeat N`: the same text in every round, of which each has pieces of its own."""

    rounds: list[list[Item]]
    label: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a block, with its default where it has one."""

    name: str
    default: int | None = None


@dataclass(eq=False, slots=True)
class Block:
    """A block: its parameters, its first use, and what stands in place of each number of that (None: the number)."""

    name: str
    parameters: list[Parameter]
    body: list[Item]
    words: list[str | None]


@dataclass(eq=False, slots=True)
class Use:
    """A use of a block: a value for each parameter, and the items that it stands for."""

    block: Block
    values: list[int]
    kinds: list[str]
    body: list[Item]
    label: str = ""


Item: TypeAlias = Line | From | Merge | Repeat | Use


def pieces_of(items: Iterable[Item]) -> Iterator[Piece]:
    """Yield the pieces in the order in which the language expands the text."""
    for item in items:
        match item:
            case Line():
                yield item.piece
            case Merge():
                for body in item.bodies:
                    yield from pieces_of(body)
                yield item.piece
            case Repeat():
                for body in item.rounds:
                    yield from pieces_of(body)
            case Use():
                yield from pieces_of(item.body)


def labels_of(items: Iterable[Item]) -> Iterator[str]:
    """Yield all labels, and what is read by one."""
    for item in items:
        match item:
            case Line():
                yield from filter(None, (item.label, *item.reads))
            case From():
                yield item.label
            case Merge():
                yield from filter(None, (item.label,))
                for body in item.bodies:
                    yield from labels_of(body)
            case Repeat():
                for body in item.rounds:
                    yield from labels_of(body)
            case Use():
                yield from filter(None, (item.label,))
                yield from labels_of(item.body)
