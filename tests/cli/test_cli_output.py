"""Tables on terminals of every width, and what a training says of the time and of what to do next."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.progress import Progress as RichProgress

import netspec as ns
from netspec.cli.narrow_table import minimum_width, stacked_lines
from netspec.cli.output import print_table
from netspec.data.arrays.arrays import from_arrays
from netspec.terminal.progress import Progress, _next_command, _Time
from netspec.workflows import train as session

COLUMNS = [("name", False), ("layer", False), ("output", False), ("parameters", True), ("FLOPs", True)]
ROWS = [
    ["conv_1", "conv 20 5x5 relu", "20x24x24", "520", "599 k"],
    ["block", "", "", "", ""],
    ["  batchnorm_1", "batchnorm", "20x24x24", "25,050", "11.5 k"],
    ["  data", "a path", "/work/of/somebody/with/a/long/name/digits.npz", "0", "1"],
]
FOOTER = ["", "total", "", "1,225,090", "3.85 M"]


def printed(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: str) -> list[str]:
    monkeypatch.setenv("COLUMNS", width)
    print_table(COLUMNS, ROWS, FOOTER)
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.parametrize("width", [12, 20, 30, 44, 50, 60, 70, 80, 120])
def test_no_number_and_no_name_is_cut(
    width: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(capsys, monkeypatch, str(width))
    assert max(map(len, lines)) <= width
    text = "\n".join(lines)
    assert "…" not in text
    words = {w for row in [*ROWS, FOOTER] for cell in row for w in cell.split() if len(w) < min(width - 4, 16)}
    assert words <= set(text.replace(":", "").split())
    whole = re.sub(r"\s", "", text)
    if width < 50:
        assert "/work/of/somebody/with/a/long/name/digits.npz" in whole


@pytest.mark.parametrize("width", ["0", "00", "-1", "wide", "999999", ""])
def test_a_width_that_is_none_is_not_believed(
    width: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = printed(capsys, monkeypatch, width)
    assert len(lines) == 2 + len(ROWS) + 2
    assert any("conv 20 5x5 relu" in line and "520" in line for line in lines)


def test_a_row_on_a_narrow_terminal() -> None:
    assert list(stacked_lines(COLUMNS, ROWS[:3], 44)) == [
        "conv_1: conv 20 5x5 relu",
        "  output 20x24x24   parameters 520",
        "  FLOPs 599 k",
        "block",
        "  batchnorm_1: batchnorm",
        "    output 20x24x24   parameters 25,050",
        "    FLOPs 11.5 k",
    ]
    assert minimum_width(["conv 20 5x5", "batchnorm"], number=False) == 9
    assert minimum_width(["33.6 k"], number=True) == 6


def test_while_nothing_is_known_the_time_that_has_passed_is_shown() -> None:
    now = [0.0]
    bar = RichProgress(get_time=lambda: now[0])
    bar.add_task("epoch", total=10)
    (task,) = bar.tasks
    now[0] = 67.0
    assert _Time().render(task).plain == "1:07"
    bar.update(task.id, completed=4)
    now[0] = 71.0
    bar.update(task.id, completed=6)
    assert _Time().render(task).plain == "0:08 left"
    assert "--" not in "".join(_Time().render(each).plain for each in bar.tasks)


NEXT = {
    "input 1x8x8; fc 10 softmax; data digits": ("digits", "predict runs/x/001 digit.png"),
    "input 64; fc 10 softmax; data digits": ("digits", "predict runs/x/001 digit.png"),
    "input 3x8x8; fc 2 softmax": ("/tmp/x.npz", "predict runs/x/001 picture.png"),
    "input 1x8x8; fc 10 softmax; data digits; train { epochs 2 }": ("/tmp/x.npz", "predict runs/x/001 picture.png"),
    "input 4; fc 2 softmax": ("/tmp/x.npz", "predict runs/x/001 examples.npy"),
    "input 3x9; flatten; fc 2 softmax": ("/tmp/x.npz", "predict runs/x/001 examples.npy"),
    "input 9 tokens=7; embedding 4; flatten; fc 2 softmax": ("/tmp/x.npz", "predict runs/x/001 examples.npy"),
    'input 9 tokens=7; embedding 4; lstm 4; fc 7 softmax pointwise; data "x.txt"': (
        "/tmp/x.txt",
        "generate runs/x/001",
    ),
    "input 1x8x8; fc 64; data digits { target input }; train { loss mse }": (
        "digits",
        "predict runs/x/001 digit.png -o again.npy",
    ),
}


@pytest.mark.parametrize("spec", NEXT)
def test_what_to_do_next_goes_with_the_model(spec: str) -> None:
    dataset, said = NEXT[spec]
    network = ns.parse(spec)
    assert _next_command(network, dataset, Path("runs/x/001")) == said


def test_a_training_says_what_to_do_next(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    x = np.random.default_rng(0).random((20, 4)).astype(np.float32)
    y = np.arange(20) % 2
    dataset = from_arrays(x, y, x, y, name="made")
    network = ns.parse("input 4; fc 2 softmax; train { epochs 1; batch 20 }")
    progress = Progress(quiet=False)
    events: list[Any] = list(session.train(network, dataset, out=tmp_path / "run"))
    for event in events:
        progress.show(event)
    last = capsys.readouterr().out.replace("\n", " ").strip()
    assert last.endswith(f"saved in {tmp_path / 'run'}; next: netspec predict {tmp_path / 'run'} examples.npy")


@pytest.mark.parametrize(("share", "said"), [(0.0, ""), (0.004, ""), (0.12, "waiting for data 12 %"), (1.0, "100 %")])
def test_waiting_for_data_is_told(share: float, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress(quiet=False)
    progress.started = ns.Started("n", 1, "d", 1, 0, 1, 2, 1, 1, 0, 1, "cpu", ("cpu:0",), None)
    epoch = ns.Epoch(1, 1, 0.5, None, None, None, 0.4, None, 2.0, best=True, data_wait=share)
    progress.show(epoch)
    shown = capsys.readouterr().out
    assert said in shown
    assert ("waiting" in shown) == bool(said)
