"""Examples side by side with what is true of them and what a model gives."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.report.canvas import INK, MARGIN, heading, note, picture
from netspec.report.cells import Cells
from netspec.report.pixels import displayable

__all__ = ["Column", "draw_examples", "mask_colors"]

_TOP, _SIDE, _GAP = 1.05, 1.0, 0.1

# Okabe and Ito's colors behind black, which stands for class 0: mostly the ground.
_COLORS = np.array(
    [
        (0, 0, 0),
        (230, 159, 0),
        (86, 180, 233),
        (0, 158, 115),
        (240, 228, 66),
        (0, 114, 178),
        (213, 94, 0),
        (204, 121, 167),
        (255, 255, 255),
    ],
    np.float32,
) / np.float32(255)


@dataclass(frozen=True, eq=False, slots=True)
class Column:
    """One picture of each example: an input, what is true, or what is predicted.

    Attributes:
        name: stands above it.
        images: (N, C, H, W), or (N, H, W, 3) colors in 0..1 where `colored`.
        colored: whether they are colors already.
    """

    name: str
    images: NDArray[Any]
    colored: bool = False

    @property
    def pixels(self) -> NDArray[Any]:
        """The colors to show, (N, H, W, 3)."""
        return self.images if self.colored else displayable(self.images)


def mask_colors(labels: NDArray[Any]) -> NDArray[np.float32]:
    """Return a color for each class number, (N, H, W) → (N, H, W, 3); past eight classes the colors come again."""
    labels = np.asarray(labels).astype(np.int64)
    # Two classes are black and white, as masks are.
    colors = _COLORS[[0, -1]] if labels.max(initial=0) <= 1 else _COLORS
    return colors[np.where(labels > 0, (labels - 1) % (len(colors) - 1) + 1, 0)]


def draw_examples(
    columns: Sequence[Column],
    captions: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str = "",
) -> Path:
    """Draw examples, each as a strip of pictures with a caption under it.

    Args:
        columns: the pictures of a strip, from left to right; each has as many as there are examples.
        captions: one for each example, of one line or more; empty ones take no room where all are.
        path: the PNG file to write.
        title: the heading.
        subtitle: a line under it.

    Returns:
        The path written.

    Raises:
        DataError: no examples, or columns of different lengths.
        RunError: the file cannot be written.
    """
    counts = {len(captions), *(len(column.images) for column in columns)}
    if len(counts) > 1 or not columns or not captions:
        raise DataError(f"there are {sorted(counts)} pictures and captions", "give one of each for every example")
    lines = max(caption.count("\n") + 1 if caption else 0 for caption in captions)
    longest = max(len(line) for caption in captions for line in caption.split("\n"))
    side = float(np.clip(longest * 0.068 / len(columns), _SIDE, 2.4))
    strips = max(1, min(len(captions), int(9.5 // (len(columns) * (side + _GAP)))))
    pixels = [column.pixels for column in columns]
    height, width = pixels[0].shape[1:3]
    size = (side, side * float(np.clip(height / width, 0.3, 2)))
    cells = Cells(len(captions) * len(columns), strips * len(columns), size, _GAP, lines)
    # A heading over a single narrow strip is rather given room than cut.
    with picture(path, max(cells.width, 5.0) + 2 * MARGIN, _TOP + cells.height + MARGIN) as figure:
        heading(figure, title, subtitle)
        for i, column in enumerate(list(columns) * strips if len(columns) > 1 else []):
            note(figure, column.name, MARGIN + i * (side + _GAP), _TOP - 0.2, size=8)
        one_by_one = [part[i] for i in range(len(captions)) for part in pixels]
        cells.draw(figure, MARGIN, _TOP, one_by_one, interpolation="nearest")
        for i, caption in enumerate(captions):
            row, strip = divmod(i, strips)
            left = MARGIN + strip * len(columns) * (side + _GAP)
            top = _TOP + row * (cells.height + _GAP) / -(-len(captions) // strips) + size[1] + 0.04
            for line, text in enumerate(caption.split("\n")):
                note(figure, text, left, top + 0.145 * line, size=8.5, color=INK)
    return Path(path)
