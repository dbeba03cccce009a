"""A drawing: boxes, frames, lines and labels with their places, in pixels, for whatever renders them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

__all__ = ["Box", "Drawing", "Frame", "Kind", "Label", "Line", "Point", "text_width"]

Point: TypeAlias = tuple[float, float]

Kind: TypeAlias = Literal[
    "input", "output", "weights", "norm", "activation", "pool", "merge", "noise", "block", "other"
]
"""What a box is colored by."""

CHARACTER = 6.7
"""The width of a character of the code font at 11 pixels: 0.6 of the size, and a little for wider fonts."""


@dataclass(frozen=True, slots=True)
class Box:
    """A layer, an input, an output, or a block that is one box.

    Attributes:
        name: the name of the row.
        lines: the text, a line each: the layer, and its name with its parameters.
        hint: what a pointer over the box shows.
        kind: what it is colored by.
        x, y: of the upper left corner.
        width, height: in pixels.
    """

    name: str
    lines: tuple[str, ...]
    hint: str
    kind: Kind
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Frame:
    """A block around its boxes."""

    name: str
    title: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Line:
    """A value on its way: through points from top to bottom; `arrow` where it arrives at a box.

    `dashed` lines join layers that share weights, and nothing flows in them.
    """

    source: str
    points: tuple[Point, ...]
    arrow: bool = False
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """The shape of a value beside the line that it begins."""

    text: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """A network with the places of all that is drawn."""

    title: str
    description: str
    width: float
    height: float
    boxes: tuple[Box, ...]
    frames: tuple[Frame, ...]
    lines: tuple[Line, ...]
    labels: tuple[Label, ...]

    def moved(self, x: float, y: float) -> Drawing:
        """Return the drawing with a margin of that size around it."""
        return Drawing(
            self.title,
            self.description,
            self.width + 2 * x,
            self.height + 2 * y,
            tuple(replace(box, x=box.x + x, y=box.y + y) for box in self.boxes),
            tuple(replace(frame, x=frame.x + x, y=frame.y + y) for frame in self.frames),
            tuple(replace(line, points=tuple((a + x, b + y) for a, b in line.points)) for line in self.lines),
            tuple(replace(label, x=label.x + x, y=label.y + y) for label in self.labels),
        )


def text_width(text: str) -> float:
    """Return the width of a text in pixels, at most."""
    # East Asian characters and emoji take two cells of a code font.
    return CHARACTER * sum(1 if ord(character) < 0x1100 else 2 for character in text)
