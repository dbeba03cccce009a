"""Numbers predicted against the true ones, a panel for each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.report.canvas import BLUE, INK, MARGIN, MUTED, fit, heading, note, panel, picture

__all__ = ["draw_scatter"]

_SIDE, _GAP, _TOP = 2.7, 0.75, 1.05
_MOST_PANELS = 12


def draw_scatter(
    true: NDArray[Any],
    predicted: NDArray[Any],
    names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str,
) -> Path:
    """Draw each predicted number against the true one, with the line on which both are equal.

    Args:
        true: (N, K) the targets.
        predicted: (N, K) what a model gives.
        names: K names.
        path: the PNG file to write.
        title: the heading.

    Returns:
        The path written. Of more than 12 numbers the first 12 are drawn, and a line says so.

    Raises:
        DataError: arrays of other shapes, or no examples.
        RunError: the file cannot be written.
    """
    true, predicted = np.asarray(true, np.float64), np.asarray(predicted, np.float64)
    if true.shape != predicted.shape or true.ndim != 2 or not true.size or len(names) != true.shape[1]:
        shapes = f"{true.shape}, {predicted.shape} and {plural(len(names), 'name')}"
        raise DataError(f"true, predicted and names are {shapes}", "give (N, K) arrays and K names")
    count = min(len(names), _MOST_PANELS)
    columns = min(count, 4)
    rows = -(-count // columns)
    pitch = _SIDE + _GAP
    width = max(columns * pitch + 0.5 * _GAP, 4.2) + MARGIN
    with picture(path, width, _TOP + rows * (pitch + 0.3) + MARGIN) as figure:
        heading(figure, title, f"{plural(len(true), 'example')}; on the line, predicted and true are equal")
        for i in range(count):
            left, top = MARGIN + _GAP * 0.9 + (i % columns) * pitch, _TOP + 0.2 + (i // columns) * (pitch + 0.3)
            note(
                figure, f"{fit(names[i], 1.5, 9)}: {_fit_text(true[:, i], predicted[:, i])}", left, top - 0.2, color=INK
            )
            _draw(panel(figure, left, top, _SIDE, _SIDE), true[:, i], predicted[:, i])
        if count < len(names):
            note(figure, f"+{len(names) - count:,} more numbers", MARGIN, _TOP + rows * (pitch + 0.3))
    return Path(path)


def _fit_text(true: NDArray[Any], predicted: NDArray[Any]) -> str:
    """Return the mean absolute difference, and R² where it has a value."""
    mae = f"MAE {np.abs(true - predicted).mean():.3g}"
    around = ((true - true.mean()) ** 2).sum()
    return f"{mae}, R² {1 - ((true - predicted) ** 2).sum() / around:.3f}" if around > 0 else mae


def _draw(axes: Axes, true: NDArray[Any], predicted: NDArray[Any]) -> None:
    low = float(min(true.min(), predicted.min()))
    high = float(max(true.max(), predicted.max()))
    room = 0.05 * (high - low) or max(abs(low), 1.0) * 0.1
    ends = (low - room, high + room)
    axes.plot(ends, ends, color=MUTED, linewidth=0.8, zorder=1)
    # Many points are drawn faint, so that it shows where they are dense.
    faint = float(np.clip(30 / np.sqrt(len(true)), 0.15, 0.9))
    axes.scatter(true, predicted, s=12, color=BLUE, alpha=faint, linewidths=0, zorder=2, rasterized=True)
    axes.set(xlim=ends, ylim=ends, xlabel="true", ylabel="predicted")
    axes.locator_params(nbins=5)
    axes.tick_params(labelsize=8, length=2)
    axes.grid()
