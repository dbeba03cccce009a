"""Runs as they are listed: whatever is in their folders, nothing but what is wrong with them is said."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import netspec as ns
from netspec.runs import listing as run_lists
from netspec.runs.listing import list_runs, newest
from netspec.runs.lock import RunLock

KEPT = Path(__file__).parents[1] / "formats" / "run_v1"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    for name in ("001", "002", "010"):
        shutil.copytree(KEPT, tmp_path / "net" / name)
    return tmp_path


def states(folder: Path) -> dict[str, str]:
    return {run.folder.name: run.state for run in list_runs(folder)}


def test_a_run_that_was_not_ended_is_stopped_or_running(runs: Path) -> None:
    held = RunLock(runs / "net" / "002")
    assert states(runs) == {"001": "stopped", "002": "running", "010": "stopped"}
    held.release()
    assert states(runs / "net") == dict.fromkeys(("001", "002", "010"), "stopped")
    (run,) = list_runs(runs / "net" / "001")
    assert run.data
    assert run.epochs
    assert 0 < run.done <= run.epochs
    assert not (runs / "net" / "001" / ".lock").exists()


@pytest.mark.parametrize("name", ["lock.json", "network.json", "metrics.jsonl"])
@pytest.mark.parametrize("content", [None, b"", b"\xff", b"[]", b"{}", b'{"format": 99}', b"[" * 100_000])
def test_whatever_is_damaged_is_said(runs: Path, name: str, content: bytes | None) -> None:
    file = runs / "net" / "002" / name
    file.unlink()
    if content is None:
        os.mkfifo(file)
    else:
        file.write_bytes(content)
    found = {run.folder.name: run for run in list_runs(runs)}
    assert found["001"].state == "stopped"
    if name == "metrics.jsonl" and content is not None:
        assert (found["002"].state, found["002"].done) == ("stopped", 0)
    else:
        assert found["002"].state == "damaged"
        assert name in found["002"].problem


def test_a_training_that_an_error_ended_has_failed(tmp_path: Path) -> None:
    spec = "input 1x8x8; fc 8 relu; fc 10 softmax; data digits; train { optimizer sgd lr=1e30; batch 500; epochs 1 }"
    with pytest.raises(ns.NonFiniteLossError):
        list(ns.train(ns.parse(spec), out=tmp_path / "run"))
    (run,) = list_runs(tmp_path)
    assert (run.state, run.done) == ("failed", 0)
    assert "no longer a number" in run.problem
    (tmp_path / "5").mkdir()
    assert states(tmp_path) == {"run": "failed", "5": "failed"}


def test_the_newest_has_the_highest_number(runs: Path) -> None:
    assert newest(runs / "net") == runs / "net" / "010"
    assert newest(runs / "net" / "001") == runs / "net" / "001"
    assert newest(runs) == runs
    assert newest(runs / "nothing") == runs / "nothing"
    (runs / "net" / "011").mkdir()  # left before its training began
    assert newest(runs / "net") == runs / "net" / "010"
    shutil.copy(KEPT / "last.safetensors", runs / "net")  # a folder that is itself one goes first
    assert newest(runs / "net") == runs / "net"
    assert ns.open(runs / "net").file == runs / "net" / "last.safetensors"


def test_no_heavy_library_is_needed() -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom netspec.runs.listing import list_runs\n"
        f"print(len(list_runs(Path({str(KEPT)!r}))), sorted({{'jax', 'numpy', 'safetensors'}} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "1 []\n"


def test_what_is_listed_can_be_said_in_json(runs: Path) -> None:
    lock = json.loads((runs / "net" / "001" / "lock.json").read_text())
    (runs / "net" / "001" / "lock.json").write_text(json.dumps({**lock, "begun": "2020-01-01T00:00:00+00:00"}))
    assert list_runs(runs)[0].begun.startswith("2020")
    assert run_lists.list_runs(runs)[0].folder == runs / "net" / "001"
