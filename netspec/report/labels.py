"""How each of several labels does that an example may have at once."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.report.canvas import BLUE, INK, MARGIN, MUTED, ORANGE, PALE, fit, heading, panel, picture

__all__ = ["draw_labels"]

_MOST = 60


def draw_labels(
    true: NDArray[Any], found: NDArray[Any], names: Sequence[str], path: str | os.PathLike[str], *, title: str
) -> Path:
    """Draw for each label how often it is found, missed, and found where it is not.

    Args:
        true: (N, K) whether each example has each label.
        found: (N, K) whether the model says so.
        names: K names.
        path: the PNG file to write.
        title: the heading.

    Returns:
        The path written. Of more than 60 labels the 60 most frequent are drawn, and a line says so.

    Raises:
        DataError: arrays of other shapes, or no examples.
        RunError: the file cannot be written.
    """
    true, found = np.asarray(true, bool), np.asarray(found, bool)
    if true.shape != found.shape or true.ndim != 2 or not true.size or len(names) != true.shape[1]:
        shapes = f"{true.shape}, {found.shape} and {plural(len(names), 'name')}"
        raise DataError(f"true, found and names are {shapes}", "give (N, K) arrays and K names")
    hits, missed, wrongly = (true & found).sum(0), (true & ~found).sum(0), (~true & found).sum(0)
    order = np.argsort(-true.sum(0), kind="stable")[:_MOST]
    more = f", the {len(order)} most frequent of {len(names):,} labels" if len(names) > len(order) else ""
    label_room = min(2.2, max(len(names[i]) for i in order) * 0.075 + 0.15)
    height = 0.26 * len(order)
    with picture(path, 8.0, 1.35 + height + 0.55) as figure:
        right = (true == found).all(axis=1).mean()
        heading(figure, title, f"{plural(len(true), 'example')}, {100 * right:.2f} % with all labels right{more}")
        axes = panel(figure, MARGIN + label_room, 1.25, 8.0 - 2 * MARGIN - label_room - 1.5, height)
        rows = np.arange(len(order))
        axes.barh(rows, hits[order], 0.72, color=BLUE, label="found")
        axes.barh(rows, missed[order], 0.72, hits[order], color=PALE, label="missed")
        axes.barh(rows, -wrongly[order], 0.72, color=ORANGE, label="found where it is not")
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_yticks(rows, [fit(names[i], label_room, 9) for i in order])
        axes.invert_yaxis()
        axes.set_xlabel("examples")
        axes.xaxis.set_major_formatter(lambda value, _: f"{abs(value):,.0f}")
        axes.tick_params(axis="y", length=0, colors=INK)
        axes.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3, borderaxespad=0.2, frameon=False)
        for row, i in enumerate(order):
            both = 2 * hits[i] + missed[i] + wrongly[i]
            score = f"F1 {2 * hits[i] / both:.3f}" if both else "never there"
            axes.text(1.02, row, score, transform=axes.get_yaxis_transform(), size=8, color=MUTED, va="center")
    return Path(path)
