"""What surrounds a command: streams that are closed, full or not read, odd variables, odd names, what is no file."""

from __future__ import annotations

import ast
import inspect
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from command_line import GOOD, ROOT, cli, lines, spawn

import netspec as ns
from netspec.cli import command, process_environment, signals, streams
from netspec.cli.app import build

LONG = GOOD.replace("epochs 1; batch 500", "epochs 300; batch 500; checkpoint off")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a spec and the two runs of it that all tests here share."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "good.net").write_text(GOOD)
    (folder / "long.net").write_text(LONG)
    for seed in ("0", "1"):
        done = cli(folder, "train", "good.net", "--seed", seed, "--quiet")
        assert done.returncode == 0, done.stderr
    return folder


def shell(folder: Path, line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if k not in {"FORCE_COLOR", "COLUMNS"}} | environment
    env |= {"PYTHONPATH": ROOT, "NETSPEC_CACHE": str(folder / ".cache"), "NETSPEC_OFFLINE": "1", "PYTHONUTF8": "1"}
    line = line.replace("netspec", f"{sys.executable} -m netspec", 1)
    command = ["bash", "-c", f"set -o pipefail; {line}"]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=100, check=False)


# --- streams ------------------------------------------------------------------------------------------------------

UNWANTED = {"JAX_DEBUG_NANS": "1", "JAX_DISABLE_JIT": "1", "MPLBACKEND": "nosuch", "COLUMNS": "0"}
"""Variables that would stop a training, or hide what it shows: one that prints nothing has them too."""
FULL = "standard output cannot be written to: No space left on device"


@pytest.mark.parametrize(
    ("line", "code", "out", "err"),
    [
        ("netspec check good.net >/dev/full", 1, "", f"error: {FULL}\n"),
        ("netspec check good.net >/dev/full 2>&1", 1, "", ""),
        ("netspec check good.net <&- >&- 2>&-", 0, "", ""),
        ("netspec check missing.net >/dev/full", 1, "", f"error: {FULL}\n"),
        ("netspec layers 2>&- | head -1", 0, "layers:\n", ""),
        ("netspec train good.net -o closed >&- 2>&- <&-", 0, "", ""),
        ("netspec train good.net -o full >/dev/full", 0, "", f"note: {FULL}: the training goes on unseen\n"),
    ],
)
def test_streams_that_are_closed_or_full(place: Path, line: str, code: int, out: str, err: str) -> None:
    done = shell(place, line, **(UNWANTED if " -o closed " in line else {}))
    assert (done.returncode, done.stdout.lower(), done.stderr) == (code, out, err)
    if " train " in line:
        run = place / line.split()[4]
        assert (run / "result.json").is_file()
        assert (run / "spec.net").read_text() == GOOD  # nothing was printed into a file that took the place of a stream


def test_a_training_that_is_not_read_any_more_is_saved(place: Path) -> None:
    done = shell(place, "netspec train long.net -o unread | head -1")
    assert done.returncode == 0
    assert done.stdout.startswith("long: 610 parameters")
    assert done.stderr == "note: nobody reads what is shown: saved; to go on: netspec resume unread\n"
    assert len(list((place / "unread" / "checkpoints").iterdir())) == 1


def test_an_outlet_that_takes_nothing_takes_everything() -> None:
    reads, writes = os.pipe()
    outlet = streams.ResilientStream(writes)
    os.set_blocking(writes, False)
    assert outlet.write(b"a") == 1
    os.close(reads)
    assert outlet.write(b"bcd") == 3
    assert isinstance(outlet.lost, BrokenPipeError)
    os.close(writes)
    assert outlet.write(b"efgh") == 4


# --- signals ------------------------------------------------------------------------------------------------------


def test_a_terminal_that_is_lost_asks_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It sends its signal together with the shell in it: the second one is no impatience."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with signals.Interrupts() as interrupts:
        interrupts.started()
        for _ in range(2):
            signal.raise_signal(signal.SIGHUP)
        assert (interrupts.requested(), interrupts.exit_code, ended) == (True, 129, [])
        signal.raise_signal(signal.SIGTERM)
        assert (interrupts.exit_code, ended) == (143, [])
        signal.raise_signal(signal.SIGHUP)
        assert ended == []
        signal.raise_signal(signal.SIGTERM)
        assert ended == [143]
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


def test_nohup_is_believed() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with signals.Interrupts() as interrupts:
            interrupts.started()
            signal.raise_signal(signal.SIGHUP)
            assert not interrupts.requested()
    finally:
        signal.signal(signal.SIGHUP, before)


# --- the environment ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"JAX_PLATFORMS": "nosuch"}, "error: JAX_PLATFORMS is nosuch: "),
        ({"JAX_ENABLE_X64": "x"}, "error: JAX cannot take a variable of the environment: "),
    ],
    ids=str,
)
def test_variables_that_jax_cannot_take(place: Path, variables: dict[str, str], said: str) -> None:
    done = spawn(place, "eval", "runs/good", **variables)
    assert done.returncode == 1
    assert said in done.stderr


def test_variables_that_would_stop_a_training_are_left_out(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "jax", raising=False)
    for verb, noted in (("train", ["JAX_DEBUG_NANS", "JAX_DISABLE_JIT"]), ("check", [])):
        monkeypatch.setattr(sys, "argv", ["netspec", verb, "good.net"])
        for name, value in UNWANTED.items():
            monkeypatch.setenv(name, value)
        process_environment.clean_variables()
        assert not UNWANTED.keys() & os.environ.keys()
        notes = capsys.readouterr().err.splitlines()
        assert [line.split(" is left out: ")[0] for line in notes] == [f"note: {name}" for name in noted]


def test_a_cache_that_is_not_named_in_utf_8(place: Path) -> None:
    done = cli(place, "doctor", NETSPEC_CACHE="/tmp/\udcff")
    assert done.returncode == 1
    assert "is not named in UTF-8" in done.stderr


@pytest.mark.parametrize(("said", "kept"), [("0", False), ("x", False), ("-3", False), ("", False), ("80", True)])
def test_a_width_that_is_none_is_left_out(said: str, kept: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", said)
    process_environment.clean_variables()
    assert ("COLUMNS" in os.environ) is kept


def test_memory_that_does_not_suffice_is_said() -> None:
    for error in (
        MemoryError(),
        ImportError("lib.so: failed to map segment from shared object"),
        RuntimeError("can't start new thread"),
    ):
        known = process_environment.explain(error)
        assert known is not None
        assert "ulimit" in known.fix
    assert process_environment.explain(ImportError("no module named x")) is None
    assert process_environment.explain(ValueError("x")) is None


def test_on_windows_no_limit_is_named_that_its_shells_do_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_environment, "_WINDOWS", True)
    for error in (MemoryError(), RuntimeError("can't start new thread")):
        known = process_environment.explain(error)
        assert known is not None
        assert known.fix == "close other programs"


def test_a_folder_that_is_gone(tmp_path: Path) -> None:
    done = shell(tmp_path, "mkdir gone; cd gone; rmdir ../gone; echo 'fc 1' | netspec check -")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: the folder that this command was started in is not there any more\n  fix: cd to another one\n"
    )


# --- names --------------------------------------------------------------------------------------------------------

ODD = "a\x1b[31m\x9b\u202eb.net"


@pytest.mark.parametrize(
    "words",
    [
        ("check", ODD),
        ("check", "missing" + ODD),
        ("show", ODD),
        ("fmt", "--diff", ODD),
        ("fmt", "--check", ODD),
        ("diff", ODD, "long.net"),
        ("new", "-o", "new" + ODD),
        ("ch\x1b[31meck",),
        ("show", "good.net", "--x\x1b[31m"),
        ("plot", "odd\x1b[31m"),
        ("runs", "odd\x1b[31m"),
        ("predict", "odd\x1b[31m", "x\x1b[31m.npy"),
        ("eval", "odd\x1b[31m"),
    ],
    ids=lambda words: words[0].strip("\x1b"),
)
def test_no_name_steers_the_terminal(place: Path, words: tuple[str, ...]) -> None:
    (place / ODD).write_text(GOOD.replace("; ", ";  "))
    run = place / "odd\x1b[31m"
    if not run.exists():
        run.symlink_to(place / "runs" / "good" / "001")
        np.save(place / "x\x1b[31m.npy", np.zeros((1, 1, 8, 8), np.uint8))
    done = cli(place, *words)  # which looks for control characters
    assert not {"\x9b", "\u202e"} & {*done.stdout, *done.stderr}
    assert "\N{REPLACEMENT CHARACTER}" in done.stdout + done.stderr or "\\x1b" in done.stderr


def test_all_that_is_printed_goes_through_one_door() -> None:
    folder = Path(streams.__file__).parent
    for file in folder.rglob("*.py"):
        calls = [n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.Call)]
        plain = [n.lineno for n in calls if isinstance(n.func, ast.Name) and n.func.id == "print"]
        assert not plain or file.name in {"output.py", "streams.py"}, f"{file.name}:{plain}: use say"


def test_a_spec_named_with_dots_keeps_its_run_in_the_folder(place: Path) -> None:
    (place / "...net").write_text(GOOD)
    done = cli(place, "train", "...net", "--quiet")
    assert done.returncode == 0
    assert (place / "runs" / "network" / "001").is_dir()
    assert not (place / "001").exists()


# --- what is no file ----------------------------------------------------------------------------------------------


def test_what_is_no_regular_file_is_not_waited_for(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("pipe.net", "pipe.safetensors", "pipe.npy", "pipe.png"):
        os.mkfifo(place / name)
    monkeypatch.chdir(place)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.net")
    for words, code in (
        (("check", "pipe.net", "socket.net", "/dev/zero"), 1),
        (("show", "pipe.net"), 1),
        (("train", "pipe.net"), 1),
        (("diff", "pipe.net", "good.net"), 2),
        (("fmt", "pipe.net"), 1),
        (("show", "pipe.safetensors"), 1),
        (("eval", "pipe.safetensors"), 1),
        (("predict", "runs/good", "pipe.npy", "pipe.png", "/dev/zero"), 1),
        (("train", "good.net", "--data", "/dev/zero"), 1),
    ):
        done = cli(place, *words)
        assert done.returncode == code
        said = [line for line in (done.stdout + done.stderr).splitlines() if "error" in line]
        for name in words[1:]:
            if name.startswith(("pipe", "/dev", "socket")):
                assert any(name in line and ("not a" in line or "neither" in line) for line in said), said


def test_what_a_shell_hands_over_is_read(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = shell(place, "netspec check <(cat good.net) /dev/stdin < good.net")
    assert (done.returncode, done.stdout.count(": ok: 2 layers")) == (0, 2), done.stdout + done.stderr
    monkeypatch.setattr("netspec.system.files._PATIENCE", 0.05)
    reads, writes = os.pipe()
    try:
        with pytest.raises(ns.NetspecError, match="nothing has come from it"):
            ns.load(f"/dev/fd/{reads}")
    finally:
        os.close(reads)
        os.close(writes)


# --- options ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("train", "good.net", "--lr", "0.1", "--lr=0.01"),
        ("check", "good.net", "--json", "--json"),
        ("predict", "runs/good", "x.png", "--invert", "--no-invert"),
        ("data", "show", "digits", "-o", "a.png", "--out", "b.png"),
    ],
    ids=" ".join,
)
def test_an_option_that_is_given_twice_is_refused(place: Path, words: tuple[str, ...]) -> None:
    done = cli(place, *words)
    assert done.returncode == 2
    assert "it is given twice" in done.stderr


def commands(known: Any) -> list[Any]:
    """Return all verbs of a command, those of `data` too."""
    inner = getattr(known, "commands", {})
    return [c for one in inner.values() for c in commands(one)] if inner else [known]


def test_every_verb_refuses_it() -> None:
    found = commands(typer.main.get_command(build()))
    assert len(found) > 15
    assert all(isinstance(verb, command.Command) for verb in found)


def test_every_verb_returns_its_exit_code_and_leaves_the_process_alone() -> None:
    """What ends, interrupts or sets up a process stands where the process of a command is made, so that others last."""
    verbs = commands(typer.main.get_command(build()))
    assert {inspect.signature(verb.callback).return_annotation for verb in verbs} == {"int"}
    own = {"entry.py", "process.py", "process_environment.py", "signals.py", "streams.py", "__init__.py"}
    changing = {
        *("os._exit", "sys.exit", "signal.signal", "os.dup2", "gc.freeze", "gc.set_threshold", "jax.config.update"),
        *("keep_memory", "turn_on", "typer.Exit"),
    }
    allowed = {("app.py", "typer.Exit"), ("command.py", "typer.Exit")}
    for file in Path(streams.__file__).parent.rglob("*.py"):
        nodes = [n for n in ast.walk(ast.parse(file.read_text("utf-8"))) if isinstance(n, ast.Call | ast.Attribute)]
        found = {ast.unparse(n.func if isinstance(n, ast.Call) else n) for n in nodes} & changing
        assert file.name in own or not {(file.name, name) for name in found} - allowed, (file.name, found)


# --- runs ---------------------------------------------------------------------------------------------------------


def test_runs_are_listed_the_newest_last(place: Path) -> None:
    found = lines(cli(place, "runs", "runs/good", "--json").stdout)
    assert [run["folder"] for run in found] == ["runs/good/001", "runs/good/002"]
    assert {(run["state"], run["spec"], run["data"], run["epochs_done"], run["epochs"]) for run in found} == {
        ("complete", "good", "digits", 1, 1)
    }
    result = lines((place / "runs/good/002/result.json").read_text().replace("\n", ""))[0]
    assert (found[1]["best_accuracy"], found[1]["best_loss"]) == (
        result["best_test_accuracy"],
        result["best_test_loss"],
    )
    table = cli(place, "runs", "runs/good").stdout.splitlines()
    assert "runs/good/001" in table[2]
    assert "1/1  complete" in table[3]
    assert cli(place, "runs", "nowhere").returncode == 1


def test_a_folder_of_runs_stands_for_its_newest(place: Path) -> None:
    assert cli(place, "eval", "runs/good").stdout.startswith("runs/good/002/best.safetensors on digits")
    assert cli(place, "show", "runs/good").stdout.startswith("good: input 1x8x8")
    assert "runs/good/002 is complete" in cli(place, "resume", "runs/good").stderr
    assert cli(place, "plot", "runs/good").stdout == "runs/good/002/curves.png\n"
    assert cli(place, "diff", "runs/good", "runs/good/002").stdout == "nothing differs\n"
