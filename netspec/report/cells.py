"""A grid of equal cells, each a small picture with a caption under it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from netspec.report.canvas import PALE, fit, panel

__all__ = ["Cells", "shape_text"]


@dataclass(frozen=True, slots=True)
class Cells:
    """How a block is laid out; all lengths in inches.

    Attributes:
        count: number of cells.
        columns: cells in a row.
        size: width and height of one picture.
        gap: between neighboring cells.
        caption_lines: lines of text under each picture.
        caption_size: of that text, in points.
    """

    count: int
    columns: int
    size: tuple[float, float]
    gap: float = 0.1
    caption_lines: int = 0
    caption_size: float = 8.5

    @property
    def width(self) -> float:
        """Width of the block."""
        return self.columns * (self.size[0] + self.gap) - self.gap

    @property
    def height(self) -> float:
        """Height of the block."""
        return math.ceil(self.count / self.columns) * self._pitch - self.gap

    @property
    def _pitch(self) -> float:
        return self.size[1] + self.gap + self.caption_lines * self.caption_size * 1.25 / 72

    def draw(
        self,
        figure: Figure,
        left: float,
        top: float,
        pictures: NDArray[Any] | Sequence[NDArray[Any]],
        captions: Sequence[str] = (),
        **image_options: Any,
    ) -> Any:
        """Draw the block with its upper left corner `left` and `top` inches into the figure.

        Args:
            figure: what to draw on.
            left: inches.
            top: inches.
            pictures: (count, H, W) for a color map, or (count, H, W, 3) for RGB; of several sizes a list of them.
            captions: one for each picture, or none; a newline separates lines.
            **image_options: for matplotlib's `imshow`, such as `cmap` and `norm`.

        Returns:
            The last image drawn, which a color bar can refer to.
        """
        axes = panel(figure, left, top, self.width, self.height)
        image = None
        for index, pixels in enumerate(pictures):
            x, y = self._corner(index)
            width, height = self.size
            image = axes.imshow(pixels, extent=(x, x + width, y + height, y), aspect="auto", **image_options)
            axes.add_patch(Rectangle((x, y), width, height, fill=False, edgecolor=PALE, linewidth=0.5, clip_on=False))
            if captions:
                self._write(axes, captions[index], x + width / 2, y + height)
        axes.set(xlim=(0, self.width), ylim=(self.height, 0))
        axes.axis("off")
        return image

    def _corner(self, index: int) -> tuple[float, float]:
        row, column = divmod(index, self.columns)
        return column * (self.size[0] + self.gap), row * self._pitch

    def _write(self, axes: Axes, caption: str, center: float, top: float) -> None:
        # Line by line, because captions are even only when each line stands on a baseline of its own.
        size = self.caption_size
        for row, line in enumerate(caption.split("\n")[: self.caption_lines]):
            baseline = top + 0.03 + (0.85 + 1.2 * row) * size / 72
            shown = fit(line, self.size[0] + self.gap, size)
            axes.text(center, baseline, shown, size=size, ha="center", va="baseline")


def shape_text(shape: Sequence[int]) -> str:
    """Return `1 × 28 × 28`."""
    return " × ".join(f"{int(n):,}" for n in np.atleast_1d(np.asarray(shape)))
