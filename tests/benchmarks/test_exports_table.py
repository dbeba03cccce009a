"""The exports of the ready-made specs: what is recorded, and the page that follows from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import exports
from comparison.results import Machine
from exports import RECORDS, SPECS, TO, Cell, Row, calmed, exported, merged, moved, stamp, untrained
from exports_page import page
from recorded import ROOT

import netspec as ns
from netspec.diagnostics.diagnostic import NetspecError

RECORDED = ROOT / "benchmarks" / "results" / "exports.json"


def row(name: str, cells: dict[str, Cell], **changed: Any) -> Row:
    facts: dict[str, Any] = {
        "parameters": 1234,
        "stamp": stamp(name),
        "seconds": 1.0,
        "seed": 0,
        "date": "2025-01-02T03:04:05+00:00",
        "commit": "abc",
        "machine": Machine(processor="Z80", cores=1, device="cpu", system="CP/M", python="3.11"),
        "versions": {"netspec": "1"},
    }
    return Row(cells=cells, **{**facts, **changed})


def test_every_recorded_export_agrees_or_is_refused_as_announced() -> None:
    rows = RECORDS.read(RECORDED)
    assert {name: r.stamp for name, r in rows.items()} == {name: stamp(name) for name in rows}
    wrong = {(name, to): c.fault for name, r in rows.items() for to, c in r.cells.items() if c.fault}
    assert wrong == {}
    assert all(" cannot hold " in c.refused for r in rows.values() for c in r.cells.values() if c.refused)


def test_the_page_is_that_of_the_recorded_rows() -> None:
    assert (ROOT / "docs" / "exports.md").read_text("utf-8") == page(RECORDS.read(RECORDED))


def test_the_page_says_what_came_of_each() -> None:
    cells = {
        "onnx": Cell(relative=2.5e-7, examples="8 random examples"),
        "torch": Cell(relative=3e-5, examples="8 random examples"),
        "keras": Cell(refused="keras cannot hold weights shared by different layers (a and b)"),
        "jax": Cell(fault="jax cannot run what was exported"),
        "safetensors": Cell(relative=0.0),
    }
    text = page({"lenet": row("lenet", cells)})
    assert r"| `lenet` | 1,234 | 2e-07 | not yet | 3e-05 \* | refused | **wrong** | 0 |" in text
    assert "1 specs: of 5 exports 3 agree, 1 are refused as announced, 0 were not run again, 1 are wrong." in text
    assert "- `lenet` as `keras`: keras cannot hold weights shared by different layers (a and b)" in text
    assert "| `resnet20` | | not yet |" in text
    assert "| `lenet` | | not yet |" in page({"lenet": row("lenet", cells, stamp="another spec")})
    assert all(f"`{name}`" in text for name in SPECS)


def test_a_later_row_keeps_the_formats_that_it_has_not(tmp_path: Path) -> None:
    file = tmp_path / "rows.json"
    merged(file, "lenet", row("lenet", {"jax": Cell(relative=1.0), "onnx": Cell(relative=2.0)}))
    merged(file, "lenet", row("lenet", {"onnx": Cell(relative=3.0)}))
    assert RECORDS.read(file)["lenet"].cells == {"onnx": Cell(relative=3.0), "jax": Cell(relative=1.0)}
    merged(file, "lenet", row("lenet", {"onnx": Cell(relative=3.0)}, seed=2))
    assert list(RECORDS.read(file)["lenet"].cells) == ["onnx"]


def test_what_is_recorded_is_not_exported_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    words = [
        "--json",
        str(tmp_path / "rows.json"),
        "--page",
        str(tmp_path / "page.md"),
        "--only",
        "lenet",
        "--to",
        "jax",
    ]
    merged(tmp_path / "rows.json", "lenet", row("lenet", {"jax": Cell(relative=1e-7)}))
    monkeypatch.setattr(exports.subprocess, "run", None)
    assert exports.main(words) == 0
    assert "lenet: recorded already" in capsys.readouterr().out
    assert "1e-07" in (tmp_path / "page.md").read_text("utf-8")
    merged(tmp_path / "rows.json", "lenet", row("lenet", {"jax": Cell(fault="it stopped")}))
    assert exports.main(words) == 1


@pytest.mark.parametrize("name", ["paddle_softmax", "table", "reviews"])
def test_a_spec_is_exported_untrained(name: str, tmp_path: Path) -> None:
    file, count = untrained(SPECS[name], tmp_path / name if SPECS[name].parent.name == "own" else tmp_path, 0)
    assert count == ns.open(file).model.graph.parameter_count
    assert all(len(np.unique(a)) > 1 or a.size == 1 for a in ns.open(file).content.arrays.values())
    cell = exported(file, "safetensors", tmp_path)
    assert (cell.relative, cell.fault, cell.refused) == (0.0, "", "")


def test_logits_are_of_a_size_that_probabilities_show() -> None:
    model = ns.compile(ns.parse("input 5\nfc 4 relu\nfc 3 softmax\ntrain { loss cross_entropy }"), "cpu")
    arrays = moved({p.path: np.full(p.shape, 100, np.float32) for p in model.graph.parameters.values()}, 0)
    calm = calmed(model, arrays, 0)
    assert np.array_equal(calm["fc_1/kernel"], arrays["fc_1/kernel"])
    assert np.abs(calm["fc_2/kernel"]).max() < 1


def test_a_refusal_that_is_not_announced_is_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise NetspecError("torch cannot run what was exported: no", "another format")

    monkeypatch.setattr(exports, "export_model", fails)
    assert exported(tmp_path, TO[0], tmp_path).fault == "torch cannot run what was exported: no"
