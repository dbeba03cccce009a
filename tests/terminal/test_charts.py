"""Charts of a training: what they show of its events, in windows of all sizes, and what they leave behind."""

from __future__ import annotations

import math
import re
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from rich.console import Console, ConsoleDimensions, ConsoleOptions, RenderResult
from rich.text import Text
from small_terminal import SmallTerminal

import netspec as ns
from netspec.terminal import charts as charts_module
from netspec.terminal.charts import Charts
from netspec.terminal.progress import Progress
from netspec.training.events import Event, metrics_line

STEPS = 10


def started(step: int = 0, folder: Path | None = None) -> ns.Started:
    return ns.Started("n", 1, "d", 1, 0, 1, 9, STEPS, 1, 0, 1, "cpu", ("cpu:0",), folder, step)


def step(number: int, loss: float, accuracy: float | None = 0.5) -> ns.Step:
    return ns.Step((number - 1) // STEPS + 1, number, loss, accuracy, 0.1, 100.0)


def epoch(number: int, loss: float = 1.0, accuracy: float | None = 0.5, **more: Any) -> ns.Epoch:
    return ns.Epoch(number, number * STEPS, loss, accuracy, None, None, loss, accuracy, 1.0, best=False, **more)


def training(epochs: int) -> list[Event]:
    found: list[Event] = []
    for e in range(epochs):
        found += [step(e * STEPS + i, 2.0 / (e + 1)) for i in range(2, STEPS + 1, 2)]
        found.append(epoch(e + 1, 1.5 / (e + 1), 0.5 + 0.04 * e))
    return found


def told(events: list[Event], before: list[Any] | None = None, at: int = 0) -> Charts:
    charts = Charts(before or [])
    for event in [started(at), *events]:
        charts.add(event)
    return charts


def shown(charts: Charts, width: int = 80, height: int = 40) -> str:
    return "\n".join(line.plain for line in charts.lines(width, height, ascii_only=False))


COLUMNS = {"validation_mae": 2.0, "test_mae": 3.0}
OUTPUTS = {
    "age": {"train_loss": 1.0, "test_loss": 2.0, "test_accuracy": None, "test_mae": 4.5},
    "kind": {"train_loss": 1.0, "test_loss": 2.0, "train_accuracy": 0.5, "test_accuracy": 0.25},
    **{f"more{i}": {"test_loss": 1.0, "test_accuracy": 0.75} for i in range(10)},
}


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ([step(2, 1.0), epoch(1)], ["loss", "accuracy", "train 50.00 %", "test 50.00 %"]),
        ([step(2, 1.0), epoch(1, metrics={"test_f1": 0.2})], ["loss", "accuracy"]),
        (
            [step(2, 1.0, None), epoch(1, 1.0, None, metrics=COLUMNS)],
            ["loss", "mae", "validation 2.0000", "test 3.0000"],
        ),
        ([step(2, 1.0, None), epoch(1, 1.0, None, outputs=OUTPUTS)], ["loss", "mae of age", "test 4.5000"]),
        ([step(2, 1.0, None), epoch(1, 1.0, None)], ["loss", "test 1.0000"]),
        ([step(2, 1.0)], ["loss", "accuracy", "train 1.0000"]),
        ([step(2, math.nan)], ["loss", "train not finite", "!", "accuracy"]),
        ([step(2, 1.0), step(4, math.inf)], ["loss", "train not finite", "!", "accuracy"]),
        ([ns.Evaluated(1, 5, "validation", 0.5, 0.75, {"f1": 0.2})], ["validation 0.5000", "validation 75.00 %"]),
        ([epoch(1, 1.0, None, metrics={"test_\x1b[2J_mae": 1.0})], ["[2J_mae"]),
    ],
)
def test_the_loss_and_the_first_metric_are_drawn(events: list[Event], said: list[str]) -> None:
    text = shown(told(events), 100)
    assert [word for word in said if word not in text] == []
    assert "\x1b" not in text
    titles = [w for w in ("accuracy", "f1", "mae", "of age") if re.search(rf"(?m)^{w}\b|   {w}", text)]
    assert len(titles) <= 1 + ("of age" in text), "a chart of the loss, and one more"


@pytest.mark.parametrize(
    ("size", "lines", "beside"),
    [
        ((120, 40), 16, True),
        ((300, 90), 16, True),
        ((100, 15), 12, True),
        ((99, 40), 32, False),
        ((80, 24), 20, False),
        ((80, 18), 15, True),
        ((60, 18), 15, None),
        ((40, 11), 8, None),
        ((40, 10), 0, None),
        ((39, 40), 0, None),
        ((1, 1), 0, None),
    ],
)
def test_what_a_window_has_room_for(size: tuple[int, int], lines: int, beside: bool | None) -> None:
    charts = told(training(3))
    found = charts.lines(*size, ascii_only=False)
    assert len(found) == lines <= max(size[1] - 3, 0)
    assert all(line.cell_len < size[0] for line in found)
    both = sum("loss" in line.plain and "accuracy" in line.plain for line in found)
    assert both == (1 if beside else 0)
    assert any(line.plain.startswith("accuracy") for line in found) == (beside is False)


def test_a_run_that_goes_on_has_the_epochs_before() -> None:
    before = [metrics_line(event) for event in training(4)]
    whole = shown(told(training(6)))
    # What was measured behind the checkpoint is measured again.
    resumed = told(training(6)[3 * 6 :], before, at=3 * STEPS)
    assert shown(resumed) == whole
    # Also in the file where an epoch after the checkpoint was measured twice, as in runs of before.
    assert shown(told(training(6)[4 * 6 :], [*before, *before[3 * 6 :]], at=4 * STEPS)) == whole


def test_a_training_that_goes_back_takes_its_curves_along() -> None:
    there = [*training(2), step(22, math.nan), ns.Rewound(3, 22, 20, "it")]
    assert shown(told(there)) == shown(told(training(2)))
    assert shown(told([], [metrics_line(event) for event in there], at=20)) == shown(told(training(2)))


def test_a_long_training_keeps_few_points() -> None:
    charts = told([step(n, 1.0 / n) for n in range(1, 20_001)])
    (points, *_) = charts._curves.values()
    assert len(points) <= 2048
    assert points[-1] == (2000.0, 1 / 20_000)
    assert [x for x, _ in points] == sorted({x for x, _ in points})


# --- at a terminal --------------------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Any:
    for name in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TTY_INTERACTIVE", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)

    def make(
        width: int = 100, height: int = 30, term: str = "xterm-256color", encoding: str = "utf-8"
    ) -> SmallTerminal:
        found = SmallTerminal(width, height, encoding)
        monkeypatch.setattr("sys.stdout", found)
        for name, value in (("TERM", term), ("COLUMNS", str(width)), ("LINES", str(height))):
            monkeypatch.setenv(name, value)
        return found

    # Drawn at each refresh, which the tests ask for themselves.
    monkeypatch.setattr(charts_module, "_PAUSE", 0.0)
    return make


def test_charts_stay_behind_with_the_message(terminal: Any) -> None:
    window = terminal(100, 30)
    with Progress(quiet=False, plot=True) as progress:
        for event in [started(), *training(3)]:
            progress.show(event)
            progress.bar.refresh()
            assert not window.cursor_shown
        progress.show(ns.Stopped(4, 30, None, Path("runs/n/001")))
    lines = [line for line in [*window.history, *window.rows] if line.strip()]
    assert [line.split("   ")[0] for line in lines if line.startswith("epoch")] == [
        "epoch 1/9",
        "epoch 2/9",
        "epoch 3/9",
    ]
    at = next(i for i, line in enumerate(lines) if line.startswith("loss"))
    assert lines[at + 16 :] == [
        "interrupted after step 30, in epoch 3".replace("epoch 3", "epoch 4"),
        "saved; to go on: netspec resume runs/n/001",
    ]
    assert sum(line.startswith("loss") for line in lines) == 1, "what was live is gone"
    assert window.cursor_shown
    assert window.column == 0


def test_an_error_leaves_the_charts_too(terminal: Any) -> None:
    window = terminal(100, 30)
    with pytest.raises(ns.NetspecError), Progress(quiet=False, plot=True) as progress:  # noqa: PT012
        for event in [started(), step(2, 1.0), step(4, math.nan)]:
            progress.show(event)
        raise ns.NetspecError("it diverged")
    assert window.text.count("loss") == 1
    assert "train not finite" in window.text
    assert window.cursor_shown


@pytest.mark.parametrize("sizes", [[(60, 24)], [(85, 12)], [(140, 50)], [(50, 40), (120, 30)], [(100, 9), (100, 30)]])
def test_a_window_of_another_size_is_drawn_anew(terminal: Any, sizes: list[tuple[int, int]]) -> None:
    window = terminal(100, 30)
    progress = Progress(quiet=False, plot=True)
    # Nothing draws meanwhile: between the window and what is drawn there is always a moment.
    progress.bar.live.auto_refresh = False
    with progress:
        for event in [started(), *training(4)]:
            progress.show(event)
            progress.bar.refresh()
        for size in sizes:
            window.resize(*size)
            progress.console.size = ConsoleDimensions(*size)
            progress.bar.refresh()
            expected = [line.plain for line in progress.charts.lines(*size, ascii_only=False)]
            rows = [row.rstrip() for row in window.rows]
            below = rows[len(rows) - len(expected) - 1 :]
            assert below[:-1] == expected
            assert below[-1].startswith("epoch 4/9 ━")
            above = [row for row in rows[: len(rows) - len(below)] if row]
            assert not any("┤" in row or "━" in row for row in above), "no piece of what was there before"
            assert above[-1:] == [] or "1.0 s" in above[-1]
            progress.show(epoch(5))
            assert "epoch 5/9" in window.text
            assert window.text.count("┤") == "".join(expected).count("┤") or not expected
        progress.show(ns.Stopped(6, 50, None, None))
    assert window.text.rstrip().endswith("interrupted after step 50, in epoch 6")
    assert window.cursor_shown


def test_what_is_printed_while_charts_are_drawn_does_not_meet_them(terminal: Any) -> None:
    window = terminal(100, 40)
    progress = Progress(quiet=False, plot=True)
    progress.bar.live.auto_refresh = False

    class Slow:
        """A line during whose printing the charts grow, and the thread that draws them would like to do so."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            progress.charts.add(step(2, 1.0))
            other.start()
            other.join(0.2)
            yield Text("something")

    with progress:
        other = Thread(target=progress.bar.refresh)
        progress.show(started())
        progress.bar.refresh()
        progress.bar.print_above(Slow())
        other.join()
        progress.bar.refresh()
        rows = [row for row in window.rows if row.strip()]
        assert [row.split(" ")[0] for row in rows[:3]] == ["n:", "something", "loss"]
        assert len(rows) == 2 + 16 + 1


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"width": 79}, "they need a terminal of 80 columns and 15 lines, this one has 79 and 30"),
        ({"height": 14}, "they need a terminal of 80 columns and 15 lines, this one has 100 and 14"),
        ({"term": "dumb"}, "this terminal cannot move its cursor"),
    ],
)
def test_where_there_are_none_it_says_why(terminal: Any, how: dict[str, Any], reason: str) -> None:
    window = terminal(**how)
    with Progress(quiet=False, plot=True) as progress:
        for event in [started(folder=Path("runs/n/001")), *training(1)]:
            progress.show(event)
    said = " ".join(re.sub(r"\x1b\[[?\d;]*[A-Za-z]", "", window.seen).split())
    assert said.count("no charts") == 1
    assert f"note: no charts: {reason}" in said
    assert "curves.png of runs/n/001 will have them" in said
    assert "┤" not in said


def test_in_a_pipe_it_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    # What makes others color their output draws nothing in a file.
    for environment in ({}, {"FORCE_COLOR": "1"}):
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        with Progress(quiet=False, plot=True) as progress:
            progress.live = False
            progress.show(started())
        out = capsys.readouterr().out
        assert "note: no charts: the output is not a terminal\n" in re.sub(r"\x1b\[[\d;]*m", "", out)
    with Progress(quiet=True, plot=True) as progress:
        progress.show(started())
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("how", "environment", "letters"),
    [
        ({}, {}, "┤⠤"),
        ({"encoding": "ascii"}, {}, "|."),
        ({"encoding": "latin-1"}, {}, "|."),
        ({"encoding": "cp437"}, {}, "|."),
        ({"term": "linux"}, {}, "|."),
        ({}, {"NO_COLOR": "1"}, "┤⠤"),
    ],
)
def test_letters_and_colors_are_those_of_the_terminal(
    terminal: Any, monkeypatch: pytest.MonkeyPatch, how: dict[str, str], environment: dict[str, str], letters: str
) -> None:
    window = terminal(**how)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with Progress(quiet=False, plot=True) as progress:
        for event in [started(), *training(2)]:
            progress.show(event)
    charts = window.text[window.text.index("loss\n" if "loss\n" in window.text else "loss") :]
    assert all(letter in charts for letter in letters)
    assert ("⠤" in window.seen) == ("⠤" in letters)
    colored = re.search(r"\x1b\[(3[1-7]|9[1-7]|38)[;m]", window.seen) is not None
    assert colored == (not environment)
