"""Examples as points of a plane: near each other where a network sees them as alike."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.report.canvas import COLORS, INK, MARGIN, fit, heading, panel, picture

__all__ = ["draw_embeddings", "principal_components"]

_SIDE, _TOP, _LEGEND = 6.0, 0.95, 2.3
_MOST_NAMED = 24
_MARKERS = "osD"


def principal_components(values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the two coordinates in which values differ most, (N, 2), and the share of the variance of each.

    Args:
        values: (N, F). The sign of a coordinate is such that its longest arrow points to the positive side.
    """
    centered = np.asarray(values, np.float64) - np.asarray(values, np.float64).mean(axis=0)
    u, s, vt = np.linalg.svd(centered, full_matrices=False)
    signs = np.sign(vt[np.arange(len(vt)), np.abs(vt).argmax(axis=1)])
    made = np.zeros((len(centered), 2))
    count = min(2, len(s))
    made[:, :count] = u[:, :count] * s[:count] * signs[:count]
    total = float((s**2).sum())
    shares = np.zeros(2)
    shares[:count] = s[:count] ** 2 / total if total else 0
    return made, shares


def draw_embeddings(
    points: NDArray[Any],
    values: NDArray[Any],
    names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str = "",
    axes_names: tuple[str, str] = ("", ""),
    measure: str = "",
) -> Path:
    """Draw points in the colors of their classes, or of their numbers.

    Args:
        points: (N, 2).
        values: (N,) the class of each, or a number where there are no names.
        names: of the classes.
        path: the picture file to write.
        title: the heading.
        subtitle: a line under it.
        axes_names: what the two coordinates are.
        measure: what the numbers are, where there are no names.

    Returns:
        The path written.

    Raises:
        DataError: no points, or arrays of other shapes.
        RunError: the file cannot be written.
    """
    points, values = np.asarray(points, np.float64), np.asarray(values)
    if points.ndim != 2 or points.shape[1] != 2 or values.shape != (len(points),) or not len(points):
        raise DataError(f"points and values are {points.shape} and {values.shape}", "give (N, 2) and (N,)")
    with picture(path, MARGIN + 0.6 + _SIDE + _LEGEND, _TOP + _SIDE + 0.75) as figure:
        heading(figure, title, subtitle)
        axes = panel(figure, MARGIN + 0.6, _TOP, _SIDE, _SIDE)
        size = float(np.clip(20_000 / len(points), 10, 40))
        if names:
            _draw_classes(axes, points, values.astype(np.int64), names, size)
        else:
            shown = axes.scatter(points[:, 0], points[:, 1], c=values, s=size, cmap="viridis", linewidths=0)
            bar = panel(figure, MARGIN + 0.6 + _SIDE + 0.25, _TOP, 0.18, _SIDE)
            figure.colorbar(shown, cax=bar).set_label(fit(measure, _SIDE, 9), color=INK)
        axes.set_xlabel(axes_names[0], color=INK)
        axes.set_ylabel(axes_names[1], color=INK)
        axes.set_xticks([])
        axes.set_yticks([])
        for side in ("top", "right"):
            axes.spines[side].set_visible(True)
    return Path(path)


def _draw_classes(
    axes: Axes, points: NDArray[np.float64], classes: NDArray[np.int64], names: Sequence[str], size: float
) -> None:
    """Draw each class in a color, past ten with another mark; the most frequent are named."""
    counts = np.bincount(classes, minlength=len(names))
    named = set(np.argsort(-counts, kind="stable")[:_MOST_NAMED].tolist())
    for k, name in enumerate(names):
        own = points[classes == k]
        if len(own):
            color, marker = COLORS[k % len(COLORS)], _MARKERS[k // len(COLORS) % len(_MARKERS)]
            label = fit(name, 1.6, 8.5) if k in named else None
            axes.scatter(own[:, 0], own[:, 1], s=size, linewidths=0, alpha=0.8, label=label, color=color, marker=marker)
    more = len(counts.nonzero()[0]) - len([k for k in named if counts[k]])
    title = f"+{more:,} more classes" if more else None
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.01, 1), borderaxespad=0, frameon=False, title=title, markerscale=1.5
    )
