"""Runs that earlier versions of netspec began can be resumed: one of each format is kept here."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import netspec as ns
from netspec.runs import checkpoints
from netspec.runs import files as runs

FORMATS = Path(__file__).parents[1] / "formats"


def test_a_run_of_each_format_is_kept() -> None:
    newest = max(runs.MANIFEST_FORMAT, checkpoints.FORMAT_VERSION)
    assert sorted(path.name for path in FORMATS.glob("run_v*")) == [f"run_v{i}" for i in range(1, newest + 1)]


@pytest.mark.parametrize("kept", sorted(FORMATS.glob("run_v*")), ids=lambda path: path.name)
def test_it_is_resumed(kept: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(kept, tmp_path / "run"))
    before = runs.read_metrics(run)
    events = list(ns.resume(run))
    started = next(e for e in events if isinstance(e, ns.Started))
    assert started.step == max(int(path.stem.removeprefix("step-")) for path in (kept / "checkpoints").iterdir())
    assert isinstance(events[-1], ns.Finished)
    assert runs.read_metrics(run)[: len(before)] == before
    assert events[-1].result.epochs == ns.open(run).network.recipe.epochs


@pytest.mark.parametrize("kept", sorted(FORMATS.glob("run_v*")), ids=lambda path: path.name)
def test_it_is_resumed_again_and_again(kept: Path, tmp_path: Path) -> None:
    """Its network.json stays as it is until something is changed: it must not be taken for an edited one."""
    run = Path(shutil.copytree(kept, tmp_path / "run"))
    *_, last = ns.resume(run)
    assert isinstance(last, ns.Finished)
    for more in (1, 2):
        *_, again = ns.resume(run, epochs=last.result.epochs + more)
        assert isinstance(again, ns.Finished)
