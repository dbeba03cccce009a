"""One chart as lines of text: curves over epochs between two axes, in braille or in ASCII."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from rich.text import Text

__all__ = ["Chart", "Curve", "drawn"]

_GUTTER = 8
"""Columns left of the axis: the numbers of the other axis, and the word `epoch`."""

_DECADES = 1.5
"""Losses that differ by more than so many powers of ten are drawn on a logarithmic axis, as in curves.png."""

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
"""The bits of a braille character, by row and column of its dots."""

_PREFIXES = (("k", 1e3), ("M", 1e6), ("G", 1e9))

_NEAR = 0.2
"""Of the values' range: so much longer the axis may be, at each end, to end at a tick."""

_HIGH = 12
"""Lines of a chart that has a line for its legend."""

_APART = 4
"""Columns between two marks of a curve, at least."""


@dataclass(frozen=True, slots=True)
class Curve:
    """A curve of a chart.

    Attributes:
        name: in the legend.
        latest: its last value, as the legend says it.
        color: of the curve.
        mark: a letter at its points, which tells it apart without color; empty for none.
        letter: what it is drawn with where there are no dots.
        points: epochs, in rising order, and values; one that is not finite breaks the curve.
    """

    name: str
    latest: str
    color: str
    mark: str
    letter: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Attributes:
        title: of what the values are.
        unit: behind the numbers of the axis; of ` %` none is above 100.
        logarithmic: whether the axis may be, where the values ask for it.
        curves: one above the other, the last one on top.
    """

    title: str
    curves: Sequence[Curve]
    unit: str = ""
    logarithmic: bool = False


class _Axis:
    """The axis of the values: its ends, its ticks, and where a value is."""

    def __init__(self, values: Sequence[float], unit: str, ticks: int, *, logarithmic: bool) -> None:
        low, high = min(values, default=0.0), max(values, default=1.0)
        self.logarithmic = logarithmic and low > 1e-100 and math.log10(high) - math.log10(low) > _DECADES
        self.unit = unit
        if self.logarithmic:
            self.low, self.high = math.log10(low), math.log10(high)
            self.ticks = _decades(self.low, self.high, ticks)
            self.step = 0.0
            return
        if high - low <= max(1e-9 * abs(high), 1e-12):
            # All the same: the line is in the middle.
            low, high = low - (abs(low) / 10 or 0.1), high + (abs(high) / 10 or 0.1)
            if unit == " %":
                low, high = max(low, 0.0), min(high, 100.0)
        self.step = _step((high - low) / max(ticks - 1, 1))
        # The axis ends at a tick where that is near: else there would be little left for the curves.
        below, above = math.floor(low / self.step + 1e-9), math.ceil(high / self.step - 1e-9)
        near = _NEAR * (high - low)
        self.low = self.step * below if low - self.step * below <= near else low
        self.high = self.step * above if self.step * above - high <= near else high
        found = (self.step * i for i in range(below, above + 1))
        self.ticks = [tick for tick in found if self.low <= tick <= self.high]

    def place(self, value: float) -> float:
        """Return how far up a value is, from 0 to 1."""
        found = math.log10(value) if self.logarithmic else value
        return min(max((found - self.low) / (self.high - self.low), 0.0), 1.0)

    def text(self, tick: float) -> str:
        """Return a tick as the axis says it."""
        room = _GUTTER - 1 - len(self.unit)
        digits = 0 if self.logarithmic else max(0, -math.floor(math.log10(self.step) + 1e-9))
        shown = f"{tick:g}" if self.logarithmic else f"{tick:.{digits}f}"
        short = (f"{tick / size:.4g}{prefix}" for prefix, size in _PREFIXES if abs(tick) >= size)
        fitting = (text for text in (shown, *short, f"{tick:.1e}") if len(text) <= room)
        return next(fitting, f"{tick:.0e}") + self.unit


def _step(least: float) -> float:
    """Return the first of …, 0.1, 0.2, 0.5, 1, 2, 5, … that is no smaller."""
    power: float = 10.0 ** math.floor(math.log10(least))
    return next(power * k for k in (1, 2, 5, 10) if power * k >= least * (1 - 1e-9))


def _decades(low: float, high: float, most: int) -> list[float]:
    """Return round numbers between two powers of ten: with 2 and 5 where there is room, else every few tens."""
    for firsts, stride in (((1, 2, 5), 1), ((1,), 1), ((1,), 2), ((1,), 5), ((1,), 10), ((1,), 50)):
        powers = range(math.floor(low), math.ceil(high) + 1)
        found = [k * 10.0**p for p in powers if p % stride == 0 for k in firsts]
        found = [v for v in found if low - 1e-9 <= math.log10(v) <= high + 1e-9]
        if len(found) <= most:
            break
    return found


def drawn(chart: Chart, width: int, height: int, *, ascii_only: bool) -> list[Text]:
    """Return a chart as so many lines, none of them wider.

    Args:
        chart: what is drawn.
        width: in columns, at least 24.
        height: in lines, at least 6.
        ascii_only: the terminal has no other letters.
    """
    columns, last = width - _GUTTER - 1, _last_epoch(chart)
    across, down = (1, 1) if ascii_only else (2, 4)
    shown = [_means(curve.points, last, columns * across) for curve in chart.curves]
    finite = [value for points in shown for _, value in points if math.isfinite(value)]
    axis = _Axis(finite, chart.unit, height // 2, logarithmic=chart.logarithmic)
    head = _head(chart, width, axis, together=height < _HIGH, ascii_only=ascii_only)
    rows = height - 2 - len(head)
    cells: dict[tuple[int, int], tuple[str, str]] = {}
    for curve, points in zip(chart.curves, shown, strict=True):
        dots = [
            (x, round((1 - axis.place(y)) * (rows * down - 1))) if math.isfinite(y) else (x, None) for x, y in points
        ]
        if ascii_only:
            cells |= {(y, x): (curve.letter, curve.color) for x, y in _connected(dots)}
        else:
            _braille(cells, _connected(dots), curve.color)
            cells |= {place: (curve.mark, curve.color) for place in _marks(dots) if curve.mark}
        cells |= {(0, x // across): ("!", curve.color) for x, y in dots if y is None}
    ticks = {round((1 - axis.place(tick)) * (rows * down - 1)) // down: axis.text(tick) for tick in axis.ticks}
    # Where two ticks differ by less than is said of them, the first is enough.
    ticks = {row: text for row, text in ticks.items() if text not in [t for r, t in ticks.items() if r > row]}
    body = [_row(cells, row, columns, ticks.get(row), ascii_only=ascii_only) for row in range(rows)]
    return [*head, *body, *_epochs(last, columns, ascii_only=ascii_only)]


def _last_epoch(chart: Chart) -> int:
    return max([1, *(math.ceil(curve.points[-1][0] - 1e-9) for curve in chart.curves if curve.points)])


def _means(points: Sequence[tuple[float, float]], last: int, columns: int) -> list[tuple[int, float]]:
    """Return a curve with a value for each column that it has one in: the mean of those that are finite.

    Many points, as single batches have, get one value for every two columns: less is seen of their noise.
    """
    found: dict[int, list[float]] = {}
    stride = 2 if len(points) > columns else 1
    for epoch, value in points:
        x = round(epoch / last * (columns - 1))
        found.setdefault(min(x - x % stride + stride // 2, columns - 1), []).append(value)
    finite = {x: [v for v in values if math.isfinite(v)] for x, values in found.items()}
    return [(x, math.fsum(values) / len(values) if values else math.nan) for x, values in finite.items()]


def _connected(dots: Sequence[tuple[int, int | None]]) -> Iterable[tuple[int, int]]:
    """Yield the dots of a curve, and those of straight lines between them."""
    yield from ((x, y) for x, y in dots if y is not None)
    for (x, y), (next_x, next_y) in pairwise(dots):
        if y is not None and next_y is not None:
            steps = max(next_x - x, abs(next_y - y))
            yield from (
                (x + round((next_x - x) * i / steps), y + round((next_y - y) * i / steps)) for i in range(steps)
            )


def _braille(cells: dict[tuple[int, int], tuple[str, str]], dots: Iterable[tuple[int, int]], color: str) -> None:
    for x, y in dots:
        place = (y // 4, x // 2)
        before = cells.get(place, ("", ""))[0]
        bits = ord(before) - 0x2800 if before >= "\u2800" else 0
        cells[place] = (chr(0x2800 + (bits | _DOTS[y % 4][x % 2])), color)


def _marks(dots: Sequence[tuple[int, int | None]]) -> list[tuple[int, int]]:
    """Return the cells of the points of a curve, from the last one back, so that there is a line between them."""
    found: list[tuple[int, int]] = []
    for x, y in reversed(dots):
        if y is not None and (not found or found[-1][1] - x // 2 >= _APART):
            found.append((y // 4, x // 2))
    return found


def _head(chart: Chart, width: int, axis: _Axis, *, together: bool, ascii_only: bool) -> list[Text]:
    """Return the title and the legend: on two lines, or on one where they are to be together, and fit."""
    title = Text(chart.title + (", log scale" if axis.logarithmic else ""), style="bold", no_wrap=True)
    legends = []
    for with_values in (True, False):
        parts = []
        for curve in chart.curves:
            sample = 3 * curve.letter if ascii_only else f"⠤{curve.mark or '⠤'}⠤"
            said = f" {curve.name} {curve.latest}" if with_values else f" {curve.name}"
            parts.append(Text.assemble((sample, curve.color), said))
        legends.append(Text("   ", no_wrap=True).join(parts))
    legend = next((each for each in legends if each.cell_len <= width), legends[-1])
    if together and title.cell_len + 3 + legend.cell_len <= width:
        return [Text.assemble(title, "   ", legend, no_wrap=True)]
    for line in (title, legend):
        line.truncate(width)
    return [title, legend]


def _row(
    cells: dict[tuple[int, int], tuple[str, str]], row: int, columns: int, tick: str | None, *, ascii_only: bool
) -> Text:
    edge = ("|+" if ascii_only else "│┤")[tick is not None]
    line = Text(f"{tick or '':>{_GUTTER - 1}} {edge}", style="", no_wrap=True)
    found = [cells.get((row, column), (" ", "")) for column in range(columns)]
    for color, group in groupby(found, key=lambda cell: cell[1]):
        line.append("".join(letter for letter, _ in group), style=color or None)
    line.rstrip()
    return line


def _epochs(last: int, columns: int, *, ascii_only: bool) -> list[Text]:
    """Return the axis of the epochs, and its numbers."""
    corner, line, tick = "+-+" if ascii_only else "└─┬"
    step = max(1, round(_step(last / max(columns // 8, 1))))
    axis, numbers = [line] * columns, [" "] * columns
    for epoch in range(0, last + 1, step):
        x = round(epoch / last * (columns - 1))
        axis[x] = tick
        begin = min(max(x - len(str(epoch)) // 2, 0), columns - len(str(epoch)))
        numbers[begin : begin + len(str(epoch))] = str(epoch)
    under = f"{'epoch':>{_GUTTER - 1}}  " + "".join(numbers).rstrip()
    return [Text(" " * _GUTTER + corner + "".join(axis), no_wrap=True), Text(under, no_wrap=True)]
