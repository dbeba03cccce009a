"""Signals, kills, full disks and vanished folders on the real command line; `resume` and `replay` afterwards."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command_line import ROOT, cli, lines, spawn

SPEC = """\
input 1x8x8
fc 8 relu; batchnorm; dropout 0.1
fc 10 softmax
data digits
train {
  batch 32
  epochs 12
  checkpoint every=30
}
"""
CLOCK = {"seconds", "examples_per_second", "data_wait"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run that is never interrupted; what it compiled is kept for the others."""
    folder = tmp_path_factory.mktemp("cli_resume")
    (folder / "s.net").write_text(SPEC)
    done = subprocess.run(command("train", "s.net", "-o", "whole"), cwd=folder, env=environment(folder), check=True)
    assert done.returncode == 0
    return folder / "whole"


@pytest.fixture
def here(whole: Path, tmp_path: Path) -> Path:
    (tmp_path / "s.net").write_text(SPEC)
    shutil.copytree(whole.parent / ".cache", tmp_path / ".cache")
    return tmp_path


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "netspec", *words]


def environment(cwd: Path) -> dict[str, str]:
    # Who is killed may leave a piece of a program: not in the folder that the other tests read.
    left_out = {"NETSPEC_DATA", "FORCE_COLOR", "COLUMNS", "JAX_COMPILATION_CACHE_DIR"}
    env = {k: v for k, v in os.environ.items() if k not in left_out}
    return env | {"NETSPEC_OFFLINE": "1", "NETSPEC_CACHE": str(cwd / ".cache"), "PYTHONPATH": ROOT, "PYTHONUTF8": "1"}


def begun(cwd: Path, *words: str, **how: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command(*words), cwd=cwd, env=environment(cwd), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
    )


def until(seen: Callable[[], bool], process: subprocess.Popen[str]) -> None:
    """Wait until something is seen, while the process runs."""
    for _ in range(12_000):
        if seen():
            return
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    raise AssertionError("it never came")


def measured(run: Path, count: int) -> Callable[[], bool]:
    metrics = run / "metrics.jsonl"
    return lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= count


def outcome(run: Path) -> dict[str, Any]:
    result = json.loads((run / "result.json").read_text())
    metrics = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return {
        "metrics": [{k: v for k, v in line.items() if k not in CLOCK} for line in metrics],
        "result": {k: v for k, v in result.items() if k not in CLOCK},
        "models": [(run / name).read_bytes() for name in ("best.safetensors", "last.safetensors")],
    }


# A process that is killed is also what the benchmark of reliability tries.
@pytest.mark.parametrize(
    ("number", "code", "as_json"),
    [
        (signal.SIGINT, 130, False),
        # Of what the others do differently, test_cli_process.py makes sure every day.
        pytest.param(signal.SIGTERM, 143, True, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, False, marks=pytest.mark.slow),
    ],
)
def test_a_signal_saves_and_stops(here: Path, whole: Path, number: int, code: int, as_json: bool) -> None:
    process = begun(here, "train", "s.net", "-o", "run", *(["--json"] if as_json else []))
    until(measured(here / "run", 40), process)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == code, (out, err)
    assert err == ""
    if as_json:
        last = lines(out)[-1]
        assert (last["event"], last["folder"]) == ("stopped", "run")
        step = last["step"]
        assert last["checkpoint"] == f"run/checkpoints/step-{step:09d}.safetensors"
    else:
        *_, stopped, saved = out.splitlines()
        assert stopped.startswith("interrupted after step ")
        assert saved == "saved; to go on: netspec resume run"
        step = int(stopped.split()[3].rstrip(",").replace(",", ""))
    assert (here / "run" / "checkpoints" / f"step-{step:09d}.safetensors").is_file()
    assert not (here / "run" / "result.json").exists()
    again = cli(here, "resume", "run")
    assert again.returncode == 0, again.stderr
    assert f"resumed after step {step:,}, in epoch " in again.stdout
    assert outcome(here / "run") == outcome(whole)


@pytest.mark.slow
def test_killed_without_warning_it_goes_on(here: Path, whole: Path) -> None:
    words: tuple[str, ...] = ("train", "s.net", "-o", "run")
    for count in (40, 150):
        process = begun(here, *words)
        until(measured(here / "run", count), process)
        process.kill()
        process.communicate()
        words = ("resume", "run")
    assert cli(here, "resume", "run").returncode == 0
    assert outcome(here / "run") == outcome(whole)


@pytest.mark.skipif(signal.getsignal(signal.SIGINT) is signal.SIG_IGN, reason="started with SIGINT ignored")
def test_a_signal_before_the_training_ends_the_command(here: Path) -> None:
    process = begun(here, "train", "s.net", "-o", "run")
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    # Before netspec itself has begun to run, Python ends in its own way: 1 is one of them.
    assert process.returncode in {130, -signal.SIGINT, 1}
    assert process.returncode != 130 or "interrupted" in out + err


def test_two_processes_do_not_train_in_one_folder(here: Path) -> None:
    process = begun(here, "train", "s.net", "-o", "run", "--epochs", "4000")
    until(measured(here / "run", 40), process)
    done = cli(here, "resume", "run")
    process.kill()
    process.communicate()
    assert done.returncode == 1
    assert f"run is being trained in by process {process.pid}" in done.stderr
    assert cli(here, "resume", "run", "--epochs", "1").returncode in {0, 1}


# tests/test_runs.py covers it within one process.
@pytest.mark.slow
def test_a_full_disk_is_one_clear_error(here: Path, whole: Path) -> None:
    """No file may grow beyond 30 kB: the measurements do, after a while; models and checkpoints are smaller."""
    limited = ["sh", "-c", 'ulimit -f 60; exec "$@"', "sh", *command("train", "s.net", "-o", "run")]
    env = environment(here) | {"NETSPEC_COMPILE_CACHE": "off"}
    done = subprocess.run(limited, cwd=here, env=env, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 1, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert "metrics.jsonl cannot be written: File too large" in done.stderr
    assert cli(here, "resume", "run").returncode == 0
    assert outcome(here / "run") == outcome(whole)


# tests/test_runs.py covers it within one process.
@pytest.mark.slow
def test_a_folder_that_vanishes_is_one_clear_error(here: Path) -> None:
    process = begun(here, "train", "s.net", "-o", "run")
    until(measured(here / "run", 40), process)
    (here / "run").rename(here / "gone")
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, (out, err)
    assert "Traceback" not in err
    assert "cannot be written" in err
    assert cli(here, "resume", "gone").returncode == 0


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only(here: Path) -> None:
    process = begun(here, "train", "s.net", "-o", "run")
    until(measured(here / "run", 40), process)
    process.send_signal(signal.SIGINT)
    process.communicate()
    (here / "run").chmod(0o500)
    done = cli(here, "resume", "run")
    (here / "run").chmod(0o700)
    assert done.returncode == 1
    assert "cannot be written" in done.stderr


@pytest.mark.slow
def test_a_changed_spec_is_refused(here: Path) -> None:
    process = begun(here, "train", "s.net", "-o", "run", "--epochs", "4000")
    until(measured(here / "run", 40), process)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    spec = here / "run" / "spec.net"
    spec.write_text(spec.read_text().replace("batch 32", "batch 32\n  l2 0.5"))
    done = cli(here, "resume", "run")
    assert done.returncode == 1
    assert "train.l2: 0.0 → 0.5" in done.stderr
    assert "--accept-changes" in done.stderr
    process = begun(here, "resume", "run", "--accept-changes")
    until(measured(here / "run", 80), process)
    process.send_signal(signal.SIGTERM)
    process.communicate()
    assert process.returncode == 143
    assert json.loads((here / "run" / "lock.json").read_text())["resumed"][-1]["changes"] == ["train.l2: 0.0 → 0.5"]


def test_a_complete_run_says_so(whole: Path) -> None:
    done = cli(whole.parent, "resume", "whole")
    assert done.returncode == 1
    assert "whole is complete: it ended after epoch 12" in done.stderr
    assert "--epochs 24" in done.stderr


def test_a_replay_is_the_same(whole: Path) -> None:
    done = cli(whole.parent, "replay", "whole", "--quiet")
    assert (done.returncode, done.stderr) == (0, "")
    assert "and all weights of whole, bit for bit" in done.stdout


@pytest.mark.slow
def test_a_replay_that_differs_says_where(whole: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(whole, tmp_path / "run"))
    metrics = run / "metrics.jsonl"
    text = metrics.read_text().splitlines()
    line = json.loads(text[5])
    line["loss"] += 0.5
    text[5] = json.dumps(line)
    metrics.write_text("\n".join(text) + "\n")
    done = cli(tmp_path, "replay", "run", "--quiet")
    assert done.returncode == 1
    assert "first difference: line 6 of metrics.jsonl, loss: " in done.stdout
    found = lines(cli(tmp_path, "replay", "run", "--json").stdout)[-1]
    assert (found["event"], found["kept"], found["identical"]) == ("replay", False, False)


def test_a_run_is_not_trained_over(whole: Path) -> None:
    done = cli(whole.parent, "train", "s.net", "-o", "whole")
    assert done.returncode == 1
    assert "whole holds a run already" in done.stderr
    assert "netspec resume whole" in done.stderr


def test_no_run_no_resume(here: Path) -> None:
    assert "s.net is no run folder" in cli(here, "resume", "s.net").stderr
    for word in ("resume", "replay"):
        done = cli(here, word, "nowhere")
        assert done.returncode == 1
        assert "nowhere is not there" in done.stderr


@pytest.mark.slow
def test_devices_that_share_a_batch_resume_too(here: Path) -> None:
    words = ["train", "s.net", "--devices", "2", "--epochs", "6", "--set", "train.batch=48"]
    assert spawn(here, *words, "-o", "whole", NETSPEC_COMPILE_CACHE="").returncode == 0
    process = begun(here, *words, "-o", "run")
    until(measured(here / "run", 12), process)
    process.kill()
    process.communicate()
    assert spawn(here, "resume", "run", NETSPEC_COMPILE_CACHE="").returncode == 0
    assert outcome(here / "run") == outcome(here / "whole")
