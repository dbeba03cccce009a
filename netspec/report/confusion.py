"""The confusion matrix, colored so that the mistakes stand out."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.report.canvas import INK, MARGIN, MUTED, fit, heading, panel, picture

__all__ = ["draw_confusion"]

_DIAGONAL = "#DDE6ED"
"""Correct predictions outnumber all else, so they get a quiet color outside the scale."""

_NEVER = "#FAFAFA"
"""What never happened stays almost white, so that a single mistake is seen."""

_NAME_SIZE = 9.0


def draw_confusion(
    matrix: NDArray[Any], class_names: Sequence[str], path: str | os.PathLike[str], *, title: str
) -> Path:
    """Draw a confusion matrix: counts as numbers (up to 20 classes), shares of each true class as color.

    Args:
        matrix: (K, K) counts; row = true class, column = predicted class.
        class_names: K names.
        path: the PNG file to write.
        title: the heading.

    Returns:
        The path written.

    Raises:
        DataError: the matrix is not square, empty or negative, or the names are not K.
        RunError: the file cannot be written.
    """
    matrix = np.asarray(matrix)
    _check(matrix, class_names)
    size = len(matrix)
    side = max(3.2, size * 0.55 if size <= 12 else min(6.6 + (size - 12) * 0.08, 12.0))
    names_size = min(_NAME_SIZE, side / size * 72 * 0.8)
    names = [fit(name, 1.6, names_size) for name in class_names]
    name_room = max(map(len, names)) * names_size * 0.62 / 72 + 0.15
    left, top = MARGIN + 0.3 + name_room, 0.9
    with picture(path, left + side + 1.35, top + side + name_room + 0.3 + MARGIN) as figure:
        heading(figure, title, _summary(matrix))
        axes = panel(figure, left, top, side, side)
        shares = _mistake_shares(matrix)
        colors = matplotlib.colormaps["OrRd"].with_extremes(bad=_DIAGONAL, under=_NEVER)
        top_share = float(shares.max()) if shares.count() and shares.max() > 0 else 0.01
        image = axes.imshow(shares, cmap=colors, vmin=1e-9, vmax=top_share, interpolation="nearest")
        _name_axes(axes, names, names_size)
        if size <= 20:
            _write_counts(axes, matrix, shares / top_share, side / size)
        bar = figure.colorbar(image, cax=panel(figure, left + side + 0.2, top, 0.16, side))
        bar.ax.yaxis.set_major_formatter(PercentFormatter(1, symbol=" %", decimals=None))
        bar.ax.tick_params(labelsize=8, length=2)
        bar.set_label("mistakes, as a share of the true class", size=8)
        bar.outline.set_visible(False)
    return Path(path)


def _check(matrix: NDArray[Any], class_names: Sequence[str]) -> None:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.size:
        raise DataError(f"the confusion matrix has shape {matrix.shape}", "give a square matrix (K, K)")
    if (matrix < 0).any():
        raise DataError("the confusion matrix has a negative count", "give numbers of examples")
    if len(class_names) != len(matrix):
        raise DataError(f"{len(matrix)} classes but {len(class_names)} names", "give one name for each class")


def _summary(matrix: NDArray[Any]) -> str:
    total, right = int(matrix.sum()), int(np.trace(matrix))
    if not total:
        return "no examples"
    both = matrix.sum(axis=0) + matrix.sum(axis=1)
    macro = float((2 * np.diag(matrix)[both > 0] / both[both > 0]).mean())
    return f"{right / total:.2%} right, {total - right:,} wrong, of {total:,}; macro F1 {macro:.2%}".replace("%", " %")


def _mistake_shares(matrix: NDArray[Any]) -> np.ma.MaskedArray[Any, Any]:
    """Return each count as a share of its row, with the diagonal masked; rows without examples are 0."""
    totals = matrix.sum(axis=1, keepdims=True)
    return np.ma.masked_array(matrix / np.maximum(totals, 1), mask=np.eye(len(matrix), dtype=bool))


def _name_axes(axes: Axes, names: Sequence[str], size: float) -> None:
    # Past 100 classes names would overlap, so only some are written.
    places = range(0, len(names), math.ceil(len(names) / 100))
    shown = [names[place] for place in places]
    upright = max(map(len, shown)) <= 3 and len(names) <= 20
    axes.set_xticks(places, shown, rotation=0 if upright else 90, size=size)
    axes.set_yticks(places, shown, size=size)
    axes.tick_params(length=0, colors=INK)
    axes.set_xlabel("predicted", color=MUTED)
    axes.set_ylabel("true", color=MUTED)
    axes.spines[:].set_visible(False)
    axes.set_xticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) + 1) - 0.5, minor=True)
    axes.tick_params(which="minor", length=0)
    axes.grid(which="minor", color="white", linewidth=1.5 if len(names) <= 20 else 0.3)
    axes.grid(which="major", visible=False)


def _write_counts(axes: Axes, matrix: NDArray[Any], strength: NDArray[Any], cell: float) -> None:
    size = min(10.0, cell * 72 / (0.75 * max(2, len(str(int(matrix.max()))))))
    for (row, column), count in np.ndenumerate(matrix):
        on_color = "white" if strength[row, column] > 0.6 else INK
        color = MUTED if row == column else on_color
        if count or row == column:
            axes.text(column, row, str(int(count)), size=size, color=color, ha="center", va="center")
