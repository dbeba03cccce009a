"""Trackers take what `ns.measurements` gives, each as it works without a network, and have it afterwards."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import netspec as ns

pytestmark = pytest.mark.torch  # of the environment with large packages

SPEC = "input 1x8x8; fc 10 softmax; data digits; train { batch 500; epochs 2 }"


def logged(log: Callable[[dict[str, float], int], Any]) -> ns.Epoch:
    """Give a tracker everything that a training measures, as docs/runs.md does, and return the last epoch."""
    last = None
    for event in ns.train(ns.parse(SPEC)):
        if isinstance(event, ns.Step | ns.Epoch):
            log(ns.measurements(event), event.step)
            last = event if isinstance(event, ns.Epoch) else last
    assert last is not None
    return last


def test_mlflow_has_every_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A database would need the whole of mlflow.
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    mlflow: Any = pytest.importorskip("mlflow", reason="mlflow is not installed: pip install mlflow-skinny")
    mlflow.set_tracking_uri(tmp_path.as_uri())
    mlflow.set_experiment("netspec")
    with mlflow.start_run() as run:
        last = logged(lambda numbers, step: mlflow.log_metrics(numbers, step=step))
    found = mlflow.MlflowClient().get_metric_history(run.info.run_id, "test/loss")
    assert len(found) == 2
    assert (found[-1].step, found[-1].value) == (last.step, pytest.approx(last.test_loss))


def test_wandb_takes_them_offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WANDB_SILENT", "true")
    wandb: Any = pytest.importorskip("wandb", reason="wandb is not installed: pip install wandb")
    run = wandb.init(mode="offline", dir=tmp_path, project="netspec", settings=wandb.Settings(console="off"))
    last = logged(lambda numbers, step: run.log(numbers, step=step))
    run.finish()
    wandb.teardown()  # `finish` only tells wandb's own process to close the file; this waits until it has.
    (kept,) = (tmp_path / "wandb").glob("offline-run-*/*.wandb")
    content = kept.read_bytes()
    assert b"test/loss" in content
    assert json.dumps(last.test_loss).encode() in content


def test_trackio_has_every_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path))
    trackio: Any = pytest.importorskip("trackio", reason="trackio is not installed: pip install trackio")
    trackio.init(project="netspec", name="one", embed=False)
    last = logged(lambda numbers, step: trackio.log(numbers, step=step))
    trackio.finish()
    (kept,) = tmp_path.glob("netspec*.db")
    with closing(sqlite3.connect(kept)) as database:
        rows = [json.loads(text) for (text,) in database.execute("select metrics from metrics order by step")]
    found = [row["test/loss"] for row in rows if "test/loss" in row]
    assert found[-1] == pytest.approx(last.test_loss)
