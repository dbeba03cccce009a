"""A chart as text: what it looks like, and that it fits whatever the values are."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from netspec.terminal.chart import Chart, Curve, drawn

NAN, INF = math.nan, math.inf
TRAIN = [(0.5, 2.2), (1.0, 1.4), (1.5, 1.0), (2.0, 0.8), (2.5, 0.7), (3.0, 0.6)]
TEST = [(1.0, 1.6), (2.0, 1.0), (3.0, 0.9)]


def curve(name: str, points: list[tuple[float, float]]) -> Curve:
    mark, letter = {"train": ("", "."), "validation": ("+", "+"), "test": ("o", "o")}[name]
    return Curve(name, f"{points[-1][1]:.4f}", "red", mark, letter, points)


def picture(chart: Chart, width: int, height: int, *, ascii_only: bool = False) -> str:
    lines = drawn(chart, width, height, ascii_only=ascii_only)
    assert len(lines) == height
    assert max(line.cell_len for line in lines) <= width
    return "\n".join(line.plain.rstrip() for line in lines) + "\n"


def test_a_chart_in_braille() -> None:
    chart = Chart("loss", [curve("train", TRAIN), curve("test", TEST)], logarithmic=True)
    assert picture(chart, 50, 12) == BRAILLE


def test_a_chart_in_ascii() -> None:
    chart = Chart("loss", [curve("train", TRAIN), curve("test", TEST)], logarithmic=True)
    assert picture(chart, 60, 10, ascii_only=True) == ASCII


BRAILLE = """\
loss
⠤⠤⠤ train 0.6000   ⠤o⠤ test 0.9000
    2.5 ┤
        │       ⠢⡀
    2.0 ┤        ⠈⠢⣀
        │           ⠑⢄o⢄⣀
    1.5 ┤             ⠑⠢⢄⡉⠑⠒⠤⢄⣀
    1.0 ┤                ⠈⠑⠢⢄⣀⡀⠉⠑⠒⠤⢄o⣀⣀⡀
        │                     ⠈⠉⠑⠒⠒⠤⠤⠤⣀⣈⣉⡉⠉⠉⠉⠉⠑⠒⠒o
    0.5 ┤                                ⠈⠉⠉⠉⠉⠑⠒⠒⠒
        └┬────────────┬─────────────┬────────────┬
  epoch  0            1             2            3
"""
ASCII = """\
loss   ... train 0.6000   ooo test 0.9000
    2.5 +
        |        ...
    2.0 +           ....
    1.5 +               ..ooooooooo
    1.0 +                      ....oooooooooooooooo
        |                              ............ooooooooo
    0.5 +                                               ....
        ++----------------+---------------+----------------+
  epoch  0                1               2                3
"""


def test_losses_that_differ_much_have_a_logarithmic_axis() -> None:
    points = [(e, 10.0 ** (1 - e)) for e in range(1, 5)]
    shown = picture(Chart("loss", [curve("test", points)], logarithmic=True), 60, 13)
    assert shown.startswith("loss, log scale\n")
    ticks = [line.split()[0] for line in shown.splitlines() if "┤" in line]
    assert ticks == ["1", "0.1", "0.01", "0.001"]
    # Each power of ten is as far from the next one: the curve is a straight line.
    marks = [(row, line.index("o")) for row, line in enumerate(shown.splitlines()[2:-2]) if "o" in line]
    steps = [(b[0] - a[0], b[1] - a[1]) for a, b in pairwise(marks)]
    assert all(abs(a - b) <= 1 for one, two in pairwise(steps) for a, b in zip(one, two, strict=True))
    flat = picture(Chart("mae", [curve("test", points)]), 60, 13)
    assert "log" not in flat


def test_a_loss_that_is_no_number_breaks_the_curve_and_is_marked() -> None:
    points = [(0.25, 2.0), (0.5, 9.0), (0.75, NAN), (1.0, 3.0)]
    rows = picture(Chart("loss", [curve("train", points)], logarithmic=True), 48, 12).splitlines()[2:-2]
    at = rows[0].index("!")
    assert all(len(row) <= at or row[at] == " " for row in rows[1:]), "no line leads there, and none away"
    assert any(len(row) > at for row in rows[1:])


def test_shares_end_at_100_percent() -> None:
    shown = picture(Chart("accuracy", [curve("test", [(1, 99.7), (2, 100.0)])], " %"), 60, 12)
    ticks = [line.split("┤")[0].strip() for line in shown.splitlines() if "┤" in line]
    assert ticks[0] == "100.0 %"
    assert all(tick.endswith(" %") for tick in ticks)


@pytest.mark.parametrize(
    "values",
    [
        [0.0],
        [50.0, 0.25],
        [3.5],
        [2.0, 2.0],
        [NAN],
        [NAN, 1.0],
        [-3.0, -1.5e6],
        [1e-300, 1e99],
        [1e-5, 2e-5],
        [1_000_000.0, 1_000_010.0],
        [150_000.0, 90_000.0],
        [-1e99, 1e99],
        [5e-324, 1.0],
        [0.1 + 0.2, 0.3],
        [float(v % 7) for v in range(700)],
    ],
    ids=str,
)
@pytest.mark.parametrize("unit", ["", " %"])
def test_whatever_the_values_are_it_fits(values: list[float], unit: str) -> None:
    chart = Chart("loss", [curve("train", [(e + 1.0, v) for e, v in enumerate(values)])], unit, logarithmic=not unit)
    for ascii_only in (False, True):
        for size in ((24, 6), (39, 8), (100, 16)):
            shown = picture(chart, *size, ascii_only=ascii_only)
            assert shown.isascii() == ascii_only
            numbers = [line[:8].strip() for line in shown.splitlines() if line[8:9] in {"┤", "+"}]
            assert len(set(numbers)) == len(numbers), "no two ticks say the same"


def test_a_long_title_is_cut() -> None:
    chart = Chart("名前" * 30, [curve("train", TRAIN), curve("validation", TRAIN), curve("test", TEST)])
    assert picture(chart, 39, 9).splitlines()[1] == "⠤⠤⠤ train   ⠤+⠤ validation   ⠤o⠤ test"
