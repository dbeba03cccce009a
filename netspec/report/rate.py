"""The learning rate over the steps of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.ticker import FuncFormatter

from netspec.diagnostics.diagnostic import RunError, plural
from netspec.report.canvas import BLUE, MARGIN, heading, panel, picture
from netspec.report.curves import draw_steps_axis
from netspec.report.history import read_history, read_rate

__all__ = ["draw_learning_rate"]


def draw_learning_rate(
    records: Iterable[Mapping[str, Any]], path: str | os.PathLike[str], *, title: str = "learning rate"
) -> Path:
    """Draw the learning rate over the steps of a run; on a logarithmic scale where most steps have very little of it.

    Args:
        records: the objects of a run's metrics.jsonl.
        path: the picture file to write.
        title: the heading.

    Returns:
        The path written.

    Raises:
        RunError: there is nothing to draw, or the file cannot be written.
    """
    records = list(records)
    rate = read_rate(records)
    if not len(rate):
        raise RunError("the run has no steps with a learning rate to draw", "train for at least one step")
    first, last = rate.values[0], rate.values[-1]
    with picture(path, MARGIN + 7.0, 5.0) as figure:
        facts = f"{plural(int(rate.steps[-1]), 'step')}, from {first:.4g} over {rate.values.max():.4g} to {last:.4g}"
        heading(figure, title, facts)
        axes = panel(figure, MARGIN + 0.75, 0.95, 5.7, 3.4)
        axes.plot(rate.steps, rate.values, color=BLUE, linewidth=1.8, marker="o" if len(rate) == 1 else "")
        if rate.values.min() > 0 and rate.values.max() > 50 * np.median(rate.values):
            axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.set_ylabel("learning rate")
        draw_steps_axis(axes, read_history(records))
    return Path(path)
