"""The columns of a table: a histogram or bars for each, and how the one that is learned goes with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from netspec.report.canvas import BLUE, GREEN, INK, MARGIN, MUTED, ORANGE, PALE, fit, heading, note, panel, picture

__all__ = ["ColumnValues", "draw_columns"]

_WIDTH, _HEIGHT, _GAP, _TOP = 2.6, 1.6, 0.7, 1.0
_ACROSS = 4
_MOST_PANELS, _MOST_BARS, _MOST_CLASSES, _MOST_POINTS = 24, 10, 6, 2_000
_BINS = 24
_COLORS = (BLUE, ORANGE, GREEN, "#CC79A7", "#E69F00", "#56B4E9")


@dataclass(frozen=True, eq=False, slots=True)
class ColumnValues:
    """What is in a column.

    Attributes:
        name: of it.
        remark: a few words below the name.
        numbers: a value for each row, NaN where there is none; None where they are no numbers.
        texts: a value for each row, an empty one where there is none; None where they are numbers.
    """

    name: str
    remark: str
    numbers: NDArray[np.float64] | None = None
    texts: Sequence[str] | None = None


def draw_columns(
    columns: Sequence[ColumnValues],
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str,
    target: ColumnValues | None = None,
) -> Path:
    """Draw each column: numbers as a histogram, others as bars of the most frequent values.

    Args:
        columns: they, of the same length.
        path: the PNG file to write.
        title: the heading.
        subtitle: a line below it.
        target: what is learned: of classes each has a color of its own, a number is drawn against each column.

    Returns:
        The path written. Of more than 24 columns the first are drawn, and a line says so.

    Raises:
        RunError: the file cannot be written.
    """
    count = min(len(columns), _MOST_PANELS)
    across = min(max(count, 2), _ACROSS)
    pitch_x, pitch_y = _WIDTH + _GAP, _HEIGHT + 0.95
    rows = -(-count // across)
    groups, legend = _groups(target)
    with picture(path, 2 * MARGIN + across * pitch_x + 0.3, _TOP + rows * pitch_y + MARGIN) as figure:
        heading(figure, title, subtitle)
        left = MARGIN
        for name, color in legend:
            shown = fit(name, 1.6, 9)
            note(figure, f"■ {shown}", left, 0.72, color=color)
            left += 0.35 + 0.085 * len(shown)
        for i, column in enumerate(columns[:count]):
            x = MARGIN + 0.65 + (i % across) * pitch_x
            y = _TOP + 0.35 + (i // across) * pitch_y
            note(figure, fit(column.name, _WIDTH, 10), x, y - 0.36, size=9, color=INK, weight="bold")
            note(figure, fit(column.remark, _WIDTH, 8), x, y - 0.18, size=7.5)
            axes = panel(figure, x, y, _WIDTH, _HEIGHT)
            if target is not None and target.numbers is not None and column is not target:
                _against(axes, column, target.numbers)
            else:
                _alone(axes, column, groups, [color for _, color in legend] or [BLUE])
            axes.tick_params(labelsize=7, length=2)
        if count < len(columns):
            note(figure, f"+{len(columns) - count:,} more columns", MARGIN, _TOP + rows * pitch_y)
    return Path(path)


def _groups(target: ColumnValues | None) -> tuple[list[NDArray[np.bool_]], list[tuple[str, str]]]:
    """Return the rows of each class, and its name with its color; all rows where there are none."""
    if target is None or target.texts is None:
        return [], []
    cells = np.array(target.texts, object)
    names = [name for name, _ in Counter(c for c in target.texts if c).most_common()]
    first = sorted(names[:_MOST_CLASSES])
    groups = [np.asarray(cells == name, bool) for name in first]
    legend = list(zip(first, _COLORS, strict=False))
    if len(names) > len(first):
        groups.append(~np.any(groups, axis=0) & np.asarray(cells != "", bool))
        legend.append((f"{len(names) - len(first):,} others", PALE))
    return groups, legend


def _alone(axes: Axes, column: ColumnValues, groups: Sequence[NDArray[np.bool_]], colors: Sequence[str]) -> None:
    """Draw how often each value is there, the classes on top of each other."""
    if column.numbers is not None:
        known = np.isfinite(column.numbers)
        parts = [column.numbers[known & group] for group in groups] or [column.numbers[known]]
        if known.any():
            bins: Any = _bins(column.numbers[known])
            axes.hist(parts, bins=bins, stacked=True, color=list(colors[: len(parts)]))
        axes.locator_params(axis="x", nbins=5)
        return
    assert column.texts is not None
    names = [name for name, _ in Counter(column.texts).most_common(_MOST_BARS)]
    cells = np.array(column.texts, object)
    places = np.arange(len(names))
    below = np.zeros(len(names))
    for group, color in zip(groups or [np.ones(len(cells), bool)], colors, strict=False):
        heights = np.array([int((group & (cells == name)).sum()) for name in names], float)
        axes.barh(places, heights, left=below, color=color)
        below += heights
    axes.set_yticks(places, [fit(name or "missing", 0.85, 7) for name in names])
    axes.invert_yaxis()
    axes.locator_params(axis="x", nbins=4)


def _bins(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the edges of bars: one for each of few whole numbers."""
    low, high = float(values.min()), float(values.max())
    if high - low < _BINS and np.equal(values, np.round(values)).all():
        return np.arange(low - 0.5, high + 1)
    return np.linspace(low, high, _BINS + 1) if high > low else np.array([low - 0.5, low + 0.5])


def _against(axes: Axes, column: ColumnValues, target: NDArray[np.float64]) -> None:
    """Draw the number that is learned against a column: points, or its quartiles for each of a few values."""
    if column.numbers is not None:
        known = np.flatnonzero(np.isfinite(column.numbers) & np.isfinite(target))
        some = known[:: max(1, len(known) // _MOST_POINTS)]
        faint = float(np.clip(20 / np.sqrt(max(len(some), 1)), 0.15, 0.9))
        axes.scatter(column.numbers[some], target[some], s=7, color=BLUE, alpha=faint, linewidths=0, rasterized=True)
        axes.locator_params(nbins=5)
        return
    assert column.texts is not None
    cells = np.array(column.texts, object)
    names = [name for name, _ in Counter(column.texts).most_common(_MOST_BARS)]
    for place, name in enumerate(names):
        own = target[(cells == name) & np.isfinite(target)]
        if len(own):
            low, middle, high = np.quantile(own, (0.25, 0.5, 0.75))
            axes.plot([own.min(), own.max()], [place, place], color=MUTED, linewidth=0.8)
            axes.plot([low, high], [place, place], color=BLUE, linewidth=6, solid_capstyle="butt")
            axes.plot([middle], [place], marker="|", color="white", markersize=6)
    axes.set_yticks(np.arange(len(names)), [fit(name or "missing", 0.85, 7) for name in names])
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.locator_params(axis="x", nbins=4)
