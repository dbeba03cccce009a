"""What a page says of a run, as plain values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from netspec.ops import Shape
from netspec.pages.spec_view import SpecLine

__all__ = ["Answers", "ClassFigures", "Mistake", "Row", "RunFacts", "Scatter", "Sentence", "Word"]


@dataclass(frozen=True, slots=True)
class ClassFigures:
    """How a model does on the examples of one class, or the entities of one kind; None for a share of nothing."""

    label: str
    examples: int
    right: int
    recall: float | None
    precision: float | None
    f1: float | None


@dataclass(frozen=True, slots=True)
class Mistake:
    """An example that was taken for another class.

    Attributes:
        picture: a PNG file; empty where it is none.
        true: its class.
        predicted: the class that it was taken for.
        probability: of that.
        why: a PNG file of the picture with what spoke for the answer; empty where it is not known.
        parts: columns or words, and by how many percentage points the answer would be less probable without each.
        place: where it stands in the data, such as `line 7`, or its file; empty where that is not known.
        texts: what was read, each with the name of its column.
        cells: the other columns of the row that were read, with their values.
    """

    picture: bytes
    true: str
    predicted: str
    probability: float
    why: bytes = b""
    parts: Sequence[tuple[str, float]] = ()
    place: str = ""
    texts: Sequence[tuple[str, str]] = ()
    cells: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a sentence, and where its label is wrong the true one, the predicted one and how probable that is."""

    text: str
    true: str = ""
    predicted: str = ""
    probability: float = 0.0


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of which some words were given a wrong label, and where it stands in the data."""

    place: str
    words: Sequence[Word]


@dataclass(frozen=True, slots=True)
class Scatter:
    """Numbers against the true ones, some of them where there are many."""

    name: str
    points: Sequence[tuple[float, float]]
    mae: float
    r2: float | None


@dataclass(frozen=True, slots=True)
class Answers:
    """How one output does on a part of the data.

    Attributes:
        output: its name where there are several, else empty.
        data: which examples, in words.
        figures: names and values, as text.
        classes: by class; empty where there are none.
        entities: by kind, and all at the end, where labels of words mark some; else empty.
        confusion: a row for each true class, a column for each predicted one.
        reliability: of ten bins that have examples: the mean probability, the share that is right, the examples.
        mistakes: the surest ones.
        why: what is shown of why they were made, in words.
        sentences: those with the surest wrong labels of words.
        scatter: one for each number that is predicted.
        pictures: PNG files with captions, such as masks beside their pictures.
        text: what a language model writes.
    """

    output: str
    data: str
    figures: Sequence[tuple[str, str]] = ()
    classes: Sequence[ClassFigures] = ()
    entities: Sequence[ClassFigures] = ()
    confusion: Sequence[Sequence[int]] = ()
    reliability: Sequence[tuple[float, float, int]] = ()
    mistakes: Sequence[Mistake] = ()
    why: str = ""
    sentences: Sequence[Sentence] = ()
    scatter: Sequence[Scatter] = ()
    pictures: Sequence[tuple[str, bytes]] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the table of layers: a layer, the shape that it gives, and what it costs."""

    name: str
    layer: str
    shape: Shape
    parameters: int
    flops: int


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run, ready to be shown.

    Attributes:
        name: such as `lenet/001`.
        headline: the figures that say the most, a name and a text each.
        spec: the lines of the spec.
        drawing: SVG text of the network.
        rows: of the table of layers.
        series: what `series_of` made of the measurements.
        answers: one for each output; empty where the data was not to be had.
        environment: names and values: versions, device, seeds, hashes.
        repeat: the commands that train and compare it again.
        notes: what a reader should know, such as why there are no answers.
    """

    name: str
    headline: Sequence[tuple[str, str]]
    spec: Sequence[SpecLine]
    drawing: str
    rows: Sequence[Row]
    series: Mapping[str, Any]
    answers: Sequence[Answers] = ()
    environment: Sequence[tuple[str, str]] = ()
    repeat: Sequence[str] = ()
    notes: Sequence[str] = field(default=())
