"""Logs of a training say what its metrics.jsonl says; TensorBoard's own reader reads its files."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli.command_line import cli

import netspec as ns
from netspec.logs import kept_logs, logged
from netspec.logs.table import table_of
from netspec.runs.files import read_metrics
from netspec.training.events import Epoch, Evaluated, Saved, Step, measurements

SPEC = """
input 4
fc 3 relu as trunk
fc 1 as age
from trunk; fc 2 softmax as kind
output age loss=mse
output kind
data "data.npz"
train { epochs 3; batch 8 }
"""


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for part, count in (("train", 24), ("test", 8)):
        arrays[f"x_{part}"] = rng.random((count, 4), np.float32)
        arrays[f"age_{part}"] = rng.random(count, np.float32)
        arrays[f"kind_{part}"] = rng.integers(0, 2, count)
    np.savez("data.npz", **arrays)
    Path("t.net").write_text(SPEC)
    return tmp_path


def test_measurements_have_the_names_of_their_splits() -> None:
    step = Step(1, 5, 0.5, None, 0.1, 100.0)
    assert measurements(step) == {
        "train/step_loss": 0.5,
        "train/learning_rate": 0.1,
        "train/examples_per_second": 100.0,
    }
    epoch = Epoch(1, 5, 1.0, 0.5, None, None, float("nan"), 0.25, 2.0, True, {"test_f1": 0.5, "validation_f1": None})
    assert measurements(epoch) == {
        "train/loss": 1.0,
        "train/accuracy": 0.5,
        "test/accuracy": 0.25,
        "test/f1": 0.5,
    }
    within = Evaluated(1, 5, "test", 1.0, None, {"r2": 0.5}, {"age": {"loss": 2.0}})
    assert measurements(within) == {"test/loss": 1.0, "test/r2": 0.5, "age/test/loss": 2.0}
    assert measurements(Saved(Path("x"))) == {}


def test_a_table_has_a_row_for_each_epoch_and_no_empty_columns() -> None:
    records = [
        {"kind": "step", "epoch": 1, "step": 2, "learning_rate": 0.5},
        {"kind": "epoch", "epoch": 1, "step": 2, "train_loss": 3.0, "test_accuracy": None, "best": True},
        {"kind": "step", "epoch": 2, "step": 4, "learning_rate": 0.25},
        {"kind": "epoch", "epoch": 2, "step": 4, "train_loss": 9.0, "test_accuracy": None},
        {
            "kind": "epoch",
            "epoch": 2,
            "step": 4,
            "train_loss": 2.0,
            "test_accuracy": None,
            "outputs": {"a": {"loss": 1}},
        },
    ]
    assert table_of(records) == "epoch,step,train_loss,learning_rate,a_loss\n1,2,3.0,0.5,\n2,4,2.0,0.25,1\n"
    assert table_of([]) == "\n"


@pytest.mark.torch  # where the other oracles are, TensorBoard is too
def test_the_command_line_writes_them_and_goes_on_with_them(here: Path) -> None:
    pytest.importorskip("tensorboard", reason="TensorBoard is not installed: pip install tensorboard")
    assert cli(here, "train", "t.net", "-o", "run", "--csv", "--tensorboard", "--quiet").returncode == 0
    assert kept_logs(here / "run") == ["csv", "tensorboard"]
    assert cli(here, "resume", "run", "--epochs", "5", "--quiet").returncode == 0
    rows = list(csv.DictReader((here / "run" / "metrics.csv").read_text().splitlines()))
    epochs = [r for r in read_metrics(here / "run") if r["kind"] == "epoch"]
    assert [int(row["epoch"]) for row in rows] == [1, 2, 3, 4, 5]
    assert [float(row["age_test_loss"]) for row in rows] == [r["outputs"]["age"]["test_loss"] for r in epochs]
    found = _read_back(here / "run" / "tensorboard")
    assert [step for step, _ in found["test/loss"]] == [r["step"] for r in epochs]
    np.testing.assert_allclose([value for _, value in found["test/loss"]], [r["test_loss"] for r in epochs], rtol=1e-6)
    assert {"train/loss", "train/learning_rate", "kind/test/accuracy"} <= found.keys()


def _read_back(folder: Path) -> dict[str, list[tuple[int, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    reader = EventAccumulator(str(folder))
    reader.Reload()
    return {tag: [(e.step, e.value) for e in reader.Scalars(tag)] for tag in reader.Tags()["scalars"]}


def test_a_table_alone_needs_nothing_else(here: Path) -> None:
    assert cli(here, "train", "t.net", "-o", "run", "--csv", "--quiet").returncode == 0
    assert len((here / "run" / "metrics.csv").read_text().splitlines()) == 4


def test_without_tensorboard_it_is_said_before_the_training(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    done = cli(here, "train", "t.net", "-o", "run", "--tensorboard")
    assert done.returncode == 1
    assert 'pip install "netspec[tensorboard]"' in done.stderr
    assert not (here / "run").exists()


def test_a_training_goes_on_without_tensorboard_as_the_fix_says(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert cli(here, "train", "t.net", "-o", "run", "--quiet").returncode == 0
    (here / "run" / "tensorboard").mkdir()
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    done = cli(here, "resume", "run", "--epochs", "4", "--quiet")
    assert done.returncode == 1
    assert f"move {Path('run', 'tensorboard')} elsewhere" in done.stderr
    (here / "run" / "tensorboard").rename(here / "elsewhere")
    assert cli(here, "resume", "run", "--epochs", "4", "--quiet").returncode == 0


def test_logs_are_closed_however_it_ends(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr("netspec.logs.table.TableLog.close", lambda self: closed.append(1))
    events = logged(ns.train(ns.load("t.net"), out="run"), ["csv"])
    for event in events:
        if isinstance(event, Step):
            break
    events.close()  # type: ignore[attr-defined]
    assert closed == [1]
