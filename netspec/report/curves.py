"""Curves of loss and accuracy over the steps of a run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import RunError, plural
from netspec.report.canvas import BLUE, GREEN, INK, MARGIN, MUTED, ORANGE, PALE, heading, panel, picture
from netspec.report.history import History, Measure, Series, read_history

__all__ = ["draw_curves", "draw_steps_axis"]

_LINES = (("training", BLUE, ""), ("validation", GREEN, "s"), ("test", ORANGE, "o"))
"""Name, color and marker of the lines, in the order of `Measure.lines`."""

_MOST_EPOCH_LINES = 30


def draw_curves(records: Iterable[Mapping[str, Any]], path: str | os.PathLike[str], *, title: str) -> Path:
    """Draw the loss, and beside it the accuracy where there is one, of training, validation and test.

    Args:
        records: the objects of a run's metrics.jsonl, kinds `step`, `evaluation` and `epoch`.
        path: the PNG file to write.
        title: the heading.

    Returns:
        The path written.

    Raises:
        RunError: there is nothing to draw, or the file cannot be written.
    """
    history = read_history(records)
    if not history.loss and not history.accuracy:
        raise RunError("the run has no finite loss or accuracy to draw", "train for at least one step")
    panels = [draw for draw, has in ((_draw_loss, history.loss), (_draw_accuracy, history.accuracy)) if has]
    width, height = 5.4, 3.6
    with picture(path, MARGIN + len(panels) * (width + 0.85), height + 1.6) as figure:
        heading(figure, title, _subtitle(history))
        for index, draw in enumerate(panels):
            axes = panel(figure, MARGIN + 0.6 + index * (width + 0.85), 0.95, width, height)
            draw(axes, history)
            draw_steps_axis(axes, history)
    return Path(path)


def _subtitle(history: History) -> str:
    parts = [plural(len(history.epoch_ends), "epoch")] if history.epoch_ends else []
    parts.append(plural(int(_last_step(history)), "step"))
    if history.broke_at is not None:
        parts.append(f"the training loss was not finite at step {history.broke_at:,}")
    return ", ".join(parts)


def _draw_loss(axes: Axes, history: History) -> None:
    loss = history.loss
    thin = 0.8 if len(loss.steps) < 2000 else 0.3
    axes.plot(loss.steps.steps, loss.steps.values, color=BLUE, alpha=0.25, linewidth=thin)
    texts = [f"{series.values[-1]:.4g} at the end" if len(series) else "" for series in loss.lines]
    _draw_lines(axes, loss, texts)
    axes.set_ylabel("loss")
    shown = np.concatenate([line.values for line in loss.lines])
    if shown.min() > 0 and np.log10(shown.max() / shown.min()) > 1.5:
        _make_logarithmic(axes, float(shown.min()), float(max(shown.max(), loss.steps.values.max(initial=0))))
    axes.legend(loc="upper right")


def _make_logarithmic(axes: Axes, low: float, high: float) -> None:
    axes.set_yscale("log")
    # Single batches may have almost no loss; they may leave the axis, the lines may not.
    axes.set_ylim(low / 2.5, high * 1.3)
    subs = (1.0, 2.0, 5.0) if high / low < 1e4 else (1.0,)
    axes.yaxis.set_major_locator(LogLocator(subs=subs, numticks=20))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.yaxis.set_minor_formatter(NullFormatter())


def _draw_accuracy(axes: Axes, history: History) -> None:
    accuracy = history.accuracy
    texts = [_best_and_final(series, history.best) if index else "" for index, series in enumerate(accuracy.lines)]
    _draw_lines(axes, accuracy, texts, scale=100)
    for series, (_, color, _) in zip(accuracy.lines[1:], _LINES[1:], strict=True):
        best = _best(series, history.best)
        if best is not None:
            axes.plot(
                series.steps[best],
                100 * series.values[best],
                "*",
                color=color,
                markersize=13,
                markeredgecolor="white",
            )
    low, high = _accuracy_range(accuracy)
    axes.set(ylabel="accuracy", ylim=(low, high))
    axes.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.10g} %"))
    if any((100 * line.values < low).any() for line in accuracy.lines):
        axes.text(0.985, 1.01, "lower values are cut off", transform=axes.transAxes, size=8, color=MUTED, ha="right")
    axes.legend(loc="lower right")


def _best(series: Series, step: int | None) -> int | None:
    """Return where in a series the best epoch is: the one that the training chose, of two that look the same as well.

    Where the records do not say which one that is, the highest value is.
    """
    if not len(series):
        return None
    if step is None:
        return int(series.values.argmax())
    found = np.flatnonzero(series.steps == step)
    return int(found[0]) if len(found) else None


def _best_and_final(series: Series, step: int | None) -> str:
    best = _best(series, step)
    final = f"final {_percent(series.values[-1])}" if len(series) else ""
    if best is None:
        return final
    return f"best {_percent(series.values[best])} at step {series.steps[best]:,.0f}, {final}"


def _percent(share: float) -> str:
    return f"{100 * share:.2f} %"


def _accuracy_range(accuracy: Measure) -> tuple[float, float]:
    """Return the percentages to show: those that decide between good models, not the steep first steps."""
    late = [_late(100 * line.values) for line in (accuracy.validation, accuracy.test) if len(line)]
    train = 100 * accuracy.train.values[len(accuracy.train) // 4 :]
    # The training line may start below the evaluations without stretching the axis down to it.
    late += [np.array([np.median(train), train.max()])] if len(train) else []
    values = np.concatenate(late)
    low, high = float(values.min()), float(values.max())
    span = max(high - low, 0.5)
    return max(low - 0.35 * span, -0.5), min(high + 0.15 * span, 100 + 0.03 * span)


def _late(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Leave out the first quarter, unless 98 and 99 % can be told apart with it."""
    return values if np.ptp(values) <= 5 else values[len(values) // 4 :]


def _draw_lines(axes: Axes, measure: Measure, texts: list[str], scale: float = 1.0) -> None:
    for series, (name, color, marker), text in zip(measure.lines, _LINES, texts, strict=True):
        if not len(series):
            continue
        few = 1 if name == "training" and len(measure.steps) else 40
        axes.plot(
            series.steps,
            scale * series.values,
            color=color,
            linewidth=1.8,
            marker=(marker or "D") if len(series) <= few else "",
            markersize=4.5,
            label=f"{name}: {text}" if text else name,
        )


def draw_steps_axis(axes: Axes, history: History) -> None:
    """Draw the steps as the lower axis, with a line where an epoch ends."""
    few = 0 < len(history.epoch_ends) <= _MOST_EPOCH_LINES
    for step in history.epoch_ends if few else ():
        axes.axvline(step, color=PALE, linewidth=0.9, linestyle=(0, (2, 2)), zorder=0.5)
    axes.set_xlim(0, _last_step(history) * 1.03)
    axes.set_xlabel("step" + (" (dashed: the end of an epoch)" if few else ""), color=INK)
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.grid(axis="y")


def _last_step(history: History) -> float:
    """Return the last step anything is known of, at least 1."""
    ends = [line.steps[-1] for part in (history.loss, history.accuracy) for line in part.lines if len(line)]
    return float(max([1, *ends, *history.epoch_ends]))
