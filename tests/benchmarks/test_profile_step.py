"""Where a step's time goes: reading JAX's trace and XLA's account of its operations."""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import profile_step
from comparison.where import Sources, read_trace, shares

PROGRAM = """HloModule jit_step

FileNames
1 "/home/me/train.py"
2 "/p/kernels/pool.py"
3 "/p/emit.py"

FunctionNames
1 "<module>"
2 "max_pool2d.<locals>.body"
3 "run"

FileLocations
1 {file_name_id=1 function_name_id=1 line=8 end_line=8 column=24 end_column=39}
2 {file_name_id=3 function_name_id=3 line=7 end_line=7 column=1 end_column=2}
3 {file_name_id=2 function_name_id=2 line=5 end_line=5 column=1 end_column=2}
4 {file_name_id=1 function_name_id=1 line=9 end_line=9 column=1 end_column=2}

StackFrames
1 {file_location_id=1 parent_frame_id=1}
2 {file_location_id=2 parent_frame_id=1}
3 {file_location_id=3 parent_frame_id=2}
4 {file_location_id=4 parent_frame_id=3}

ENTRY %main {
  %fusion.1 = f32[2]{0} fusion(%a), metadata={op_name="jit(step)/jvp(pool_1)/max" stack_frame_id=3}
  %fusion.2 = f32[2]{0} fusion(%a), metadata={op_name="jit(step)/transpose(jvp(pool_1))/max" stack_frame_id=4}
  ROOT %add = f32[2]{0} add(%a, %b), metadata={op_name="jit(step)/add" stack_frame_id=1}
}
"""


def test_the_innermost_function_of_the_package_is_named() -> None:
    sources = Sources(PROGRAM, Path("/p"), {"pool_1"})
    assert sources.function("fusion.1") == "kernels/pool.py max_pool2d"
    assert sources.function("fusion.2") == "kernels/pool.py max_pool2d, gradient"
    assert sources.function("add") == "elsewhere"
    assert sources.function("copy.7") == "unknown"


def test_the_node_is_named_where_the_program_knows_it() -> None:
    sources = Sources(PROGRAM, Path("/p"), {"pool_1"})
    assert [sources.node(name) for name in ("fusion.1", "fusion.2", "add")] == ["pool_1", "pool_1", "elsewhere"]


def write_trace(folder: Path, events: list[dict[str, object]]) -> None:
    file = folder / "plugins" / "host.trace.json.gz"
    file.parent.mkdir()
    with gzip.open(file, "wt", encoding="utf-8") as stream:
        json.dump({"traceEvents": events}, stream)


def test_operations_are_summed_over_threads(tmp_path: Path) -> None:
    def event(operation: str, microseconds: float) -> dict[str, object]:
        return {"ph": "X", "dur": microseconds, "name": operation, "args": {"hlo_op": operation}}

    other: list[dict[str, object]] = [{"ph": "M", "name": "thread_name"}, {"ph": "X", "dur": 9, "name": "python"}]
    write_trace(tmp_path, [event("a", 1), event("b", 4), event("a", 2), *other])
    assert read_trace(tmp_path) == pytest.approx({"a": 3e-6, "b": 4e-6})


def test_a_trace_without_operations_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="wrote no trace"):
        read_trace(tmp_path)
    write_trace(tmp_path, [])
    with pytest.raises(ValueError, match="names no operations"):
        read_trace(tmp_path)


def test_shares_come_largest_first() -> None:
    found = shares({"a.1": 1.0, "b.1": 4.0, "a.2": 2.0}, lambda operation: operation[0])
    assert [(share.name, share.seconds, share.operations) for share in found] == [
        ("b", 4.0, ("b.1",)),
        ("a", 3.0, ("a.2", "a.1")),
    ]


def test_a_small_network_is_profiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "tiny.net"
    spec.write_text("input 1x28x28\nfc 10 softmax\ndata digits\ntrain { batch 256 }\n", encoding="utf-8")
    assert profile_step.main([str(spec), "--steps", "3"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tiny, batch 256: ")
    assert "kernels/arrange.py dot" in out
    assert profile_step.main([str(spec), "--steps", "3", "--json", "--top", "2"]) == 0
    (_, first), (_, second) = json.loads(capsys.readouterr().out)
    assert 1 >= first >= second > 0


def test_inference_is_profiled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "tiny.net"
    spec.write_text("input 1x28x28\nfc 10 softmax\ndata digits\n", encoding="utf-8")
    assert profile_step.main([str(spec), "--inference", "--steps", "3", "--batch", "2"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("tiny, batch 2: ")
    assert " ms a call  function" in out
    assert profile_step.main([str(spec), "--inference", "--steps", "3", "--json"]) == 0
    shares = dict(json.loads(capsys.readouterr().out))
    assert sum(shares.values()) == pytest.approx(1)
    assert profile_step.OUTSIDE in shares
