"""`netspec train --devices`, and several processes."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import cli, spawn
from PIL import Image
from safetensors.numpy import load_file

SPEC = """input 1x8x8
conv 4 3x3 nobias; batchnorm relu; pool 2; fc 10 softmax
data digits
train { optimizer sgd lr=0.1; batch 96; epochs 1; devices 2 }
"""


def command(folder: Path, *words: str) -> list[str]:
    (folder / "small.net").write_text(SPEC)
    return [sys.executable, "-m", "netspec", "train", "small.net", "--device", "cpu", *words]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    (folder / "small.net").write_text(SPEC)
    return cli(folder, "train", "small.net", "--device", "cpu", *words)


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, np.ndarray]]:
    result, lock = (json.loads((folder / name).read_text()) for name in ("result.json", "lock.json"))
    return result, lock, load_file(folder / "last.safetensors")


def same(one: Path, other: Path) -> None:
    (result, _, weights), (theirs, _, their_weights) = read(one), read(other)
    assert result["test_accuracy"] == pytest.approx(theirs["test_accuracy"], abs=0.006)
    for figure in ("train_loss", "test_loss"):
        assert result[figure] == pytest.approx(theirs[figure], rel=1e-3)
    for path, array in weights.items():
        np.testing.assert_allclose(array, their_weights[path], rtol=1e-3, atol=1e-4, err_msg=path)


def test_two_devices_leave_the_run_that_one_does(tmp_path: Path) -> None:
    (tmp_path / "small.net").write_text(SPEC)
    # XLA takes the number of its threads from NPROC; somebody's may be no number.
    done = spawn(tmp_path, "train", "small.net", "--device", "cpu", "-o", "two", NPROC="x")
    assert done.returncode == 0, done.stderr
    assert "on cpu (cpu:0, cpu:1)" in done.stdout
    assert run(tmp_path, "-o", "one", "--devices", "1").returncode == 0
    same(tmp_path / "one", tmp_path / "two")
    assert read(tmp_path / "two")[1]["devices"] == ["cpu:0", "cpu:1"]
    assert read(tmp_path / "one")[1]["devices"] == ["cpu:0"]
    assert read(tmp_path / "one")[1]["overrides"] == {"devices": "1"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--devices", "0"], 1, "devices 0: `devices` must be a positive whole number"),
        (["--devices", "100"], 1, "devices 100: 100 devices cannot share a batch of 96"),
        (["--batch", "1"], 1, "batch 1: 2 devices cannot share a batch of 1"),
        (["--processes", "2"], 2, "go"),
        (["--coordinator", "here", "--processes", "2", "--process", "0"], 2, "HOST:PORT"),
        (["--coordinator", "here:1", "--processes", "2", "--process", "2"], 2, "from 0 to 1"),
        # Within another program, which has these devices and no others.
        ([], 1, "2 cpu devices: there is 1 here"),
        (["--coordinator", "here:1", "--processes", "2", "--process", "0"], 1, "shared with other work"),
    ],
)
def test_what_cannot_be_is_said_in_a_line(tmp_path: Path, words: list[str], code: int, said: str) -> None:
    done = run(tmp_path, *words)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert not (tmp_path / "runs").exists()


def together(folder: Path, spec: str, out: str) -> list[tuple[str, str]]:
    """Let two processes train a spec together; returns what each said."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "small.net").write_text(spec)
    words = ["-o", out, "--json", "--coordinator", f"127.0.0.1:{port}", "--processes", "2", "--process"]
    environment = {**os.environ, "JAX_CPU_COLLECTIVES_IMPLEMENTATION": "gloo"}
    # One of them may read a program that the other one is writing.
    environment.pop("JAX_COMPILATION_CACHE_DIR", None)
    started = [
        subprocess.Popen(
            [sys.executable, "-m", "netspec", "train", "small.net", "--device", "cpu", *words, str(i)],
            cwd=folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    said = [process.communicate(timeout=900) for process in started]
    assert [process.returncode for process in started] == [0, 0], said
    return said


@pytest.mark.slow
def test_two_processes_train_as_one_does(tmp_path: Path) -> None:
    said = together(tmp_path, SPEC, "both")
    # Only the first one speaks, and nothing but JSON.
    events = [json.loads(line) for line in said[0][0].splitlines()]
    assert events[-1]["event"] == "finished"
    assert said[1][0] == ""
    assert len(read(tmp_path / "both")[1]["devices"]) == 4
    assert run(tmp_path, "-o", "one", "--devices", "1").returncode == 0
    same(tmp_path / "one", tmp_path / "both")


STREAMED = """input 3x8x8
conv 4 3x3; dropout 0.2; relu; pool 2; fc 2 softmax
data "photos" { augment shift=1; validation 9; streaming HOW }
train { optimizer sgd lr=0.1; batch 7; epochs 2; evaluate batch=5; devices DEVICES }
"""


@pytest.mark.slow
def test_two_processes_read_their_shares_to_the_same_bits(tmp_path: Path) -> None:
    """Each of them reads the examples of its own device alone."""
    rng = np.random.default_rng(0)
    for i in range(60):
        file = tmp_path / "photos" / "ab"[i % 2] / f"{i}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (8, 8, 3), np.uint8)).save(file)
    for how in ("off", "on"):
        together(tmp_path, STREAMED.replace("HOW", how).replace("DEVICES", "1"), f"both-{how}")
        (tmp_path / "small.net").write_text(STREAMED.replace("HOW", how).replace("DEVICES", "2"))
        done = spawn(tmp_path, "train", "small.net", "--device", "cpu", "-o", f"one-{how}")
        assert done.returncode == 0, done.stderr
    for runs in ("both", "one"):
        kept, streamed = (read(tmp_path / f"{runs}-{how}") for how in ("off", "on"))
        assert kept[0]["test_loss"] == streamed[0]["test_loss"]
        for path, array in kept[2].items():
            assert array.tobytes() == streamed[2][path].tobytes(), f"{runs} {path}"
    same(tmp_path / "one-on", tmp_path / "both-on")
