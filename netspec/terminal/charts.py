"""Charts of a training as it goes: the loss, and beside or below it the first metric, for a terminal of any size."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from netspec.diagnostics.visible import visible
from netspec.terminal.chart import Chart, Curve, drawn
from netspec.terminal.numbers import is_share, loss_text, metric_text
from netspec.training.events import Event, Started, metrics_line

__all__ = ["LEAST_COLUMNS", "LEAST_ROWS", "Charts"]

_Measure: TypeAlias = tuple[str, str]
"""The name of an output, empty for all of them, and `loss` or that of a metric."""

_LOSS: _Measure = ("", "loss")

LEAST_COLUMNS, LEAST_ROWS = 80, 15
"""Of a terminal in which charts are begun; in one that becomes smaller meanwhile stays what fits."""

_WIDE = 100
"""Columns of a terminal in which two charts are side by side."""

_LEAST_WIDTH, _MOST_WIDTH = 39, 100
_LEAST_HEIGHT, _MOST_HEIGHT = 8, 16
_BETWEEN = 3
"""Columns between two charts."""

_PAUSE = 0.25
"""Seconds between two drawings within an epoch."""

_MOST_POINTS = 2048
"""Of a curve: beyond that two neighbors become their mean."""

_BEYOND = 1e100
"""Values beyond it are as good as infinite."""

# Colors of Okabe and Ito, as in the pictures of a run: people with any of the common color vision deficiencies can
# tell them apart, and they are seen on black and on white.
_SPLITS = {"train": ("#0072B2", "", "."), "validation": ("#009E73", "+", "+"), "test": ("#D55E00", "o", "o")}
"""Color, mark and letter of the curve of a split."""

_NO_MEASURES = {"kind", "split", "epoch", "step", "learning_rate", "examples_per_second", "data_wait", "outputs"}
"""What a line of metrics.jsonl says of steps and evaluations beside what was measured."""


class Charts:
    """What was measured so far, drawn; Rich shows it.

    Args:
        before: the records of metrics.jsonl, where the training goes on with a run.
    """

    def __init__(self, before: Iterable[Mapping[str, Any]] = ()) -> None:
        self._before = list(before)
        self._steps = 0
        self._curves: dict[tuple[_Measure, str], list[tuple[float, float]]] = {}
        self._metric: _Measure | None = None
        self._changed, self._due = False, 0.0
        self._lines: list[Text] = []
        self._size = (0, 0)

    def add(self, event: Event) -> None:
        """Take note of what an event measured."""
        if isinstance(event, Started):
            self._steps = event.steps_per_epoch
            # What was measured after the checkpoint is measured again.
            for record in self._before:
                if record["step"] <= event.step:
                    self._add(record)
        elif self._steps and (found := metrics_line(event)):
            self._add(found)

    def _add(self, record: Mapping[str, Any]) -> None:
        at = record["step"] / self._steps
        if record["kind"] == "rewound":
            back = (record.get("to") or 0) / self._steps
            for points in self._curves.values():
                points[:] = [point for point in points if point[0] <= back]
        for measure, split, value in _measured(record):
            if measure != _LOSS and self._metric is None:
                self._metric = measure
            if measure in {_LOSS, self._metric}:
                _append(self._curves.setdefault((measure, split), []), at, value, whole=record["kind"] == "epoch")
                self._changed = True
        if record["kind"] == "epoch":
            self._due = 0.0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the charts; they are drawn anew where something has changed, in an epoch only a few times a second."""
        size, now = (console.size.width, console.size.height), time.monotonic()
        if size != self._size or (self._changed and now >= self._due):
            self._changed, self._due, self._size = False, now + _PAUSE, size
            self._lines = self.lines(*size, ascii_only=_ascii_only(console))
        yield from self._lines

    def finish(self) -> None:
        """Let the charts be drawn with all that was measured when they are shown next."""
        self._due = 0.0

    def lines(self, width: int, height: int, *, ascii_only: bool) -> list[Text]:
        """Return the charts for a terminal of so many columns and lines; none where they do not fit.

        Args:
            width: columns of the terminal.
            height: its lines, of which a few are left for other things.
            ascii_only: the terminal has no other letters.
        """
        # A letter in the last column is followed by an empty line in some terminals.
        columns, room = width - 1, height - 3
        charts = [chart for measure in (_LOSS, self._metric) if measure and (chart := self._chart(measure))]
        if not charts or columns < _LEAST_WIDTH or room < _LEAST_HEIGHT:
            return []
        if len(charts) == 2 and (width >= _WIDE or (room < 2 * _LEAST_HEIGHT and width >= LEAST_COLUMNS)):
            wide = min((columns - _BETWEEN) // 2, _MOST_WIDTH)
            left, right = (drawn(c, wide, min(room, _MOST_HEIGHT), ascii_only=ascii_only) for c in charts)
            return [_beside(*pair, wide + _BETWEEN) for pair in zip(left, right, strict=True)]
        if room < len(charts) * _LEAST_HEIGHT:
            charts = charts[:1]
        wide, high = min(columns, _MOST_WIDTH), min(room // len(charts), _MOST_HEIGHT)
        return [line for chart in charts for line in drawn(chart, wide, high, ascii_only=ascii_only)]

    def _chart(self, measure: _Measure) -> Chart | None:
        """Return the chart of a measure; None before there is a value."""
        # Copies: another thread draws while the training goes on.
        found = {split: list(self._curves[measure, split]) for split in _SPLITS if (measure, split) in self._curves}
        if not found:
            return None
        output, name = measure
        share = name != "loss" and is_share(name)
        curves = [
            Curve(
                split, _text(name, points[-1][1]), *_SPLITS[split], [(at, 100 * v if share else v) for at, v in points]
            )
            for split, points in found.items()
        ]
        title = f"{name} of {output}" if output else name
        return Chart(visible(title), curves, " %" if share else "", logarithmic=name == "loss")


def _append(points: list[tuple[float, float]], at: float, value: float | None, *, whole: bool) -> None:
    """Add a point to a curve in place of those that it repeats, as a training that went back does.

    Args:
        points: the curve.
        at: the epoch.
        value: None stands for a number that is not finite.
        whole: it is the mean of an epoch, which a curve with points within the epoch does without.
    """
    if whole and points and points[-1][0] >= at:
        return
    while points and points[-1][0] >= at:
        points.pop()
    points.append((at, math.nan if value is None or not abs(value) <= _BEYOND else float(value)))
    if len(points) > _MOST_POINTS:
        points[:-1] = [
            ((x + next_x) / 2, (y + next_y) / 2)
            for (x, y), (next_x, next_y) in zip(points[:-1:2], points[1:-1:2], strict=False)
        ]


def _beside(left: Text, right: Text, at: int) -> Text:
    return Text.assemble(left, " " * (at - left.cell_len), right, no_wrap=True)


def _text(name: str, value: float) -> str:
    if not math.isfinite(value):
        return "not finite"
    return loss_text(value) if name == "loss" else metric_text(name, value)


def _measured(record: Mapping[str, Any]) -> Iterator[tuple[_Measure, str, float | None]]:
    """Yield (measure, split, value) of a line of metrics.jsonl, in the order in which a metric is chosen."""
    if record["kind"] not in {"step", "evaluation", "epoch"}:
        return
    split = "" if record["kind"] == "epoch" else record.get("split", "train")
    for output, values in (("", record), *record.get("outputs", {}).items()):
        for key, value in values.items():
            of, _, name = (split, "", key) if split else key.partition("_")
            if of not in _SPLITS or name in _NO_MEASURES or (output and name == "loss"):
                continue
            # Null stands for a loss of steps that is no number; elsewhere it is left out.
            if value is not None or (record["kind"] == "step" and name == "loss"):
                yield (output, name), of, value


def _ascii_only(console: Console) -> bool:
    """Return whether a terminal shows ASCII alone: by its encoding, or because its letters are few."""
    try:
        "⠿│┤└─┬".encode(console.encoding)
    except (LookupError, UnicodeEncodeError):
        return True
    # The console of Linux has 512 letters, and braille is not among them.
    return console.legacy_windows or os.environ.get("TERM") == "linux"
