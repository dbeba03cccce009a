"""The contract of a reader: files of another program become a Description, in netspec's own layers.

A reader says everything that it does not understand, with its place and what could stand for it; it never guesses. Its
layers are those of the registry, so what they do is written down once. It runs no code from a file, and takes no more
memory than the files have bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import NetspecError
from netspec.diagnostics.visible import visible
from netspec.layers.base import Layer
from netspec.ops import Shape

__all__ = ["Description", "Given", "ModelImportError", "Output", "Piece", "Place", "Reader", "Stored", "Unknown"]

Array: TypeAlias = NDArray[Any]


class ModelImportError(NetspecError):
    """A file of another program cannot be read, or not all of it; what it quotes of a file steers no terminal."""

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__("\n".join(map(visible, message.split("\n"))), visible(fix))


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: the name of the file, and the line, the layer or the byte."""

    file: str
    at: str = ""

    def __str__(self) -> str:
        return f"{self.file}, {self.at}" if self.at else self.file


@dataclass(frozen=True, slots=True)
class Unknown:
    """What was not understood, and what could stand for it."""

    place: Place
    what: str
    instead: str = ""


@dataclass(frozen=True, slots=True)
class Stored:
    """An array as it goes into a model file, and where it came from, for the table."""

    array: Array
    source: str


@dataclass(eq=False, slots=True)
class Piece:
    """One layer in its place.

    Attributes:
        name: as the file has it; a label where one is needed.
        layer: in netspec's terms, with whole numbers for its padding.
        inputs: the names of the pieces, or inputs, that it reads.
        place: where the file says it.
        shape: of what it makes; empty where that is not known, because something before it was not understood.
        weights: the shapes of its parameters and state, by the last part of their path.
        arrays: those that the file has.
        keep: whether something names it, so that it needs a label.
        share: the piece before it whose weights it uses; it then has none of its own.
    """

    name: str
    layer: Layer
    inputs: tuple[str, ...]
    place: Place
    shape: Shape = ()
    weights: Mapping[str, Shape] = field(default_factory=dict)
    arrays: dict[str, Stored] = field(default_factory=dict)
    keep: bool = False
    share: str = ""


@dataclass(frozen=True, slots=True)
class Output:
    """A piece that is an output, where there are several; its loss counts by its weight."""

    piece: str
    loss: str = ""
    weight: float = 1.0
    target: str = ""


@dataclass(slots=True)
class Description:
    """What a file says, in netspec's terms.

    Attributes:
        name: of the network.
        title: one line about it, for the top of the spec.
        inputs: shapes of the inputs by name; the only one is called `input`.
        pieces: in an order in which each reads only those before it.
        outputs: where there are several.
        data: the words of `data`, and its settings.
        settings: those of `train`, as the language writes them.
        top: further commands, the piece that each is about, and the rest: `("rate", "conv1", "0.1")`.
        remarks: comments that a person would have written at the end of the spec.
        notes: what differs a little, or had to be decided, for the terminal.
        unknown: what was not understood.
        has_weights: whether there were weights; then every layer must have its own.
        tokens: of inputs that are token numbers, how many tokens there are.
        masks: of such inputs, the token that is padding, where one is.
        labels: the names of the classes, where the files say them.
    """

    name: str
    title: str = ""
    inputs: dict[str, Shape] = field(default_factory=dict)
    pieces: list[Piece] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    data: tuple[str, dict[str, str]] | None = None
    settings: dict[str, str] = field(default_factory=dict)
    top: list[tuple[str, str, str]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unknown: list[Unknown] = field(default_factory=list)
    has_weights: bool = False
    tokens: dict[str, int] = field(default_factory=dict)
    masks: dict[str, int] = field(default_factory=dict)
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Given:
    """What the user gave.

    Attributes:
        files: in the order given.
        shape: of the input, where `--shape` says it.
        load: returns the bytes of a file, which is refused beyond a size.
    """

    files: Sequence[Path]
    shape: Shape | None
    load: Callable[[Path, int], bytes]


class Reader(Protocol):
    """Reads one format. A further one is listed in `READERS` of `formats/readers.py`."""

    name: str
    endings: tuple[str, ...]

    def read(self, given: Given) -> Description:
        """Return what the files say; raises ModelImportError for a file that is damaged or none of the format's."""
        ...
