"""TimingsCache times: what comes back is what was put, and nothing damaged, foreign or outdated is believed."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import netspec
import netspec as ns
from netspec.backends import timings
from netspec.backends.timings import TimingsCache, clear, count, cpu_name
from netspec.graph.trace import trace
from netspec.passes import Mode, optimize
from netspec.planning import OpInstance, Strategy, op_instances

NETWORK = ns.parse("input 1x8x8\nconv 4 3x3\npool 2\nfc 3 softmax")
CONV, POOL = (
    p
    for p in op_instances(optimize(trace(NETWORK), Mode.TRAINING), 8, gradient=True)
    if type(p.op).__name__ in {"Conv", "MaxPool"}
)
TIMES = {strategy: 10.0 + i for i, strategy in enumerate(CONV.strategies())}


def the_file(folder: Path) -> Path:
    (file,) = folder.iterdir()
    return file


def test_what_was_put_comes_back_and_nothing_else_does(tmp_path: Path) -> None:
    kept = TimingsCache(tmp_path / "new" / "folder", "a device")
    assert kept.get(CONV) is None
    some = dict(list(TIMES.items())[:2])
    kept.put(CONV, some)
    assert kept.get(CONV) == some
    assert kept.get(POOL) is None
    assert kept.get(replace(CONV, batch=9)) is None
    assert kept.get(replace(CONV, gradient=False)) is None
    assert kept.get(replace(CONV, input_gradient=not CONV.input_gradient)) is None
    assert TimingsCache(kept.folder, "another device").get(CONV) is None
    assert TimingsCache(kept.folder, "a device").get(CONV) == some
    kept.put(CONV, TIMES)
    assert kept.get(CONV) == TIMES


def test_other_versions_have_times_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    TimingsCache(tmp_path, "d").put(CONV, TIMES)
    monkeypatch.setattr(timings, "installed_version", lambda name: f"{name} 99")
    assert TimingsCache(tmp_path, "d").get(CONV) is None


def test_nobody_else_may_look(tmp_path: Path) -> None:
    folder = tmp_path / "autotune"
    folder.mkdir(mode=0o755)
    TimingsCache(folder, "d").put(CONV, TIMES)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(the_file(folder).stat().st_mode) == 0o600


def changed(**facts: Any) -> Callable[[bytes], bytes]:
    return lambda data: json.dumps({**json.loads(data), **facts}).encode()


def with_time(value: Any) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        whole = json.loads(data)
        whole["microseconds"][next(iter(whole["microseconds"]))] = value
        return json.dumps(whole).encode()

    return change


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "not JSON": lambda _: b"\x00\xff\xfe",
    "not UTF-8": lambda data: data.replace(b"problem", b"\xff\xfe\xfd"),
    "a list": lambda _: b"[1, 2]",
    "a number": lambda _: b"7",
    "deep": lambda _: b"[" * 90_000,
    "huge": lambda _: b'{"microseconds": {' + b" " * 10**6 + b"}}",
    "another problem": changed(problem="another"),
    "another format": changed(format=2),
    "no times": changed(microseconds=None),
    "no strategies": changed(microseconds={}),
    "unknown strategies": changed(microseconds={"magic batch_last": 1.0}),
    "negative": with_time(-1.0),
    "zero": with_time(0),
    "text": with_time("1.0"),
    "true": with_time(True),
    "not a number": with_time(float("nan")),
    "infinite": with_time(float("inf")),
    "more": changed(also=1),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_file_counts_as_none_and_is_written_anew(tmp_path: Path, damage: str) -> None:
    kept = TimingsCache(tmp_path, "d")
    kept.put(CONV, TIMES)
    file = the_file(tmp_path)
    file.write_bytes(DAMAGE[damage](file.read_bytes()))
    assert kept.get(CONV) is None
    kept.put(CONV, TIMES)
    assert kept.get(CONV) == TIMES


def test_counting_and_clearing(tmp_path: Path) -> None:
    assert (count(tmp_path / "none"), clear(tmp_path / "none")) == (0, 0)
    kept = TimingsCache(tmp_path, "d")
    kept.put(CONV, TIMES)
    kept.put(CONV, TIMES)
    kept.put(POOL, {})
    (tmp_path / "mine.txt").write_text("stays")
    assert (count(tmp_path), kept.get(POOL)) == (2, {})
    assert clear(tmp_path) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]
    assert kept.get(CONV) is None


def test_processes_that_write_at_the_same_time_leave_a_whole_file(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_timings import CONV, TIMES, TimingsCache\n"
        "kept, own = TimingsCache(Path(sys.argv[1]), 'd'), float(sys.argv[2])\n"
        "for _ in range(40):\n"
        "    kept.put(CONV, {strategy: own for strategy in TIMES})\n"
        "    seen = kept.get(CONV)\n"
        "    assert seen and set(seen) == set(TIMES) and len(set(seen.values())) == 1, seen\n"
    )
    env = os.environ | {"PYTHONPATH": str(Path(netspec.__file__).parents[1])}
    runs = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), n], env=env, stderr=subprocess.PIPE, text=True)
        for n in ("1", "2")
    ]
    assert [run.communicate(timeout=120)[1] for run in runs] == ["", ""]
    assert count(tmp_path) == 1
    assert set((TimingsCache(tmp_path, "d").get(CONV) or {}).values()) <= {1.0, 2.0}


def test_a_cpu_is_told_by_its_model_and_cores() -> None:
    assert cpu_name().startswith("cpu: ")
    assert cpu_name().endswith(" cores")
    assert cpu_name() == cpu_name()


def test_a_problem_and_its_ways_are_values() -> None:
    assert isinstance(CONV, OpInstance)
    assert hash(CONV) == hash(replace(CONV))
    assert all(isinstance(strategy, Strategy) for strategy in TIMES)
