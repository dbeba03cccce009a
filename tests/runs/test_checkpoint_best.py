"""A training that goes on keeps its best epoch where the model of that is in the run folder, or comes again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.runs import model_file
from netspec.runs.checkpoints import with_best
from netspec.runs.files import BEST
from netspec.runs.model_file import ModelFile
from netspec.training.events import Epoch
from netspec.training.progress import Snapshot, TrainingProgress

STEP = 10
"""The last step of the best epoch."""

NONE, LATER, DAMAGED, OWN, STRANGER = "missing", "of a later epoch", "damaged", "its own", "of another run"


def snapshot(step: int, best: int | None) -> Snapshot:
    epochs = [Epoch(n // STEP, n, 0.5, 0.9, None, None, 0.4, 0.8, 1.0, best=n == best) for n in (STEP, step)]
    progress = TrainingProgress(step // STEP + 1, best=None if best is None else epochs[0], last=epochs[1], stale=1)
    return Snapshot(progress, step, {"w": np.zeros(2)}, 7, "abc")


def put(folder: Path, step: int) -> str:
    """Write best.safetensors as of a step, and return its seal."""
    network = ns.parse("input 2; fc 1", name="tiny")
    graph = network.graph()
    arrays = {p.path: np.zeros(p.shape, np.float32) for p in graph.parameters.values()}
    model_file.write(folder / BEST, ModelFile(network, graph, arrays, (), {"step": step}))
    return model_file.read(folder / BEST).seal


def state(folder: Path, file: str) -> dict[str, Any]:
    """Make the file what it is said to be, and return the manifest of the run."""
    seal = put(folder, 2 * STEP if file == LATER else STEP) if file != NONE else ""
    if file == DAMAGED:
        (folder / BEST).write_bytes(b"damaged")
    return {"models": {BEST: ["0" * 64] if file == STRANGER else ["1" * 64, seal]}}


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize(
    ("file", "step", "kept"),
    [
        (OWN, STEP, "always"),
        (OWN, 2 * STEP, "always"),
        # The same training comes to that epoch again; a changed one does not.
        (LATER, STEP, "unchanged"),
        (LATER, 2 * STEP, "unchanged"),
        # It is written again from the checkpoint of that moment, which no later one holds.
        (NONE, STEP, "always"),
        (NONE, 2 * STEP, "never"),
        (DAMAGED, STEP, "never"),
        (DAMAGED, 2 * STEP, "never"),
    ],
)
def test_the_best_epoch_is_kept_where_its_model_is(
    tmp_path: Path, file: str, step: int, kept: str, changed: bool
) -> None:
    lock, before = state(tmp_path, file), snapshot(step, STEP)
    after, said = with_best(tmp_path, before, lock, changed=changed)
    if kept == "always" or (kept == "unchanged" and not changed):
        assert after is before
        assert said == []
        return
    assert after is not None
    assert after.progress == replace(before.progress, best=None)
    assert (after.step, after.mark, after.metrics_sha256) == (step, 7, "abc")
    assert after.arrays is before.arrays
    why = "is of a later epoch" if file == LATER else f"is {file}"
    assert said == [
        f"{tmp_path / BEST} {why}: the model of epoch 1, the best so far, is lost; the best of the next ones is kept"
    ]


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("file", [NONE, OWN, LATER, DAMAGED])
def test_without_a_best_epoch_nothing_is_lost(tmp_path: Path, file: str, changed: bool) -> None:
    lock, before = state(tmp_path, file), snapshot(STEP, None)
    assert with_best(tmp_path, before, lock, changed=changed) == (before, [])


@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("best", [STEP, None])
def test_a_model_of_another_run_is_refused(tmp_path: Path, best: int | None, changed: bool) -> None:
    lock = state(tmp_path, STRANGER)
    with pytest.raises(ns.RunError, match="is not a model of this run"):
        with_best(tmp_path, snapshot(STEP, best), lock, changed=changed)


def test_a_later_model_of_another_run_is_refused_where_the_training_would_come_to_it(tmp_path: Path) -> None:
    state(tmp_path, LATER)
    lock = {"models": {BEST: ["0" * 64]}}
    with pytest.raises(ns.RunError, match="is not a model of this run"):
        with_best(tmp_path, snapshot(STEP, STEP), lock, changed=False)
    # A changed one writes its own in that place.
    assert with_best(tmp_path, snapshot(STEP, STEP), lock, changed=True)[1]


@pytest.mark.parametrize("file", [NONE, OWN, DAMAGED, STRANGER])
def test_without_a_checkpoint_there_is_nothing_to_go_on_from(tmp_path: Path, file: str) -> None:
    assert with_best(tmp_path, None, state(tmp_path, file), changed=False) == (None, [])
