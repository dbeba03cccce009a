"""The benchmark of promises: each holds in its short form, broken ones are told, rows are recorded one by one."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

import promises
import reliability
from comparison.results import Machine
from promises import PROMISES, damage, frame
from promises.frame import RECORDS, ROOT, Found, Row, measured
from promises.page import page

MACHINE = Machine(processor="Z80", cores=1, device="cpu", system="CP/M", python="3.11")


def row(**changed: Any) -> Row:
    facts: dict[str, Any] = {
        "done": "3 tries",
        "figure": "0 failures",
        "kept": True,
        "seconds": 1.0,
        "seed": 1,
        "date": "2025-01-02T03:04:05+00:00",
        "commit": "abc",
        "machine": MACHINE,
        "versions": {"netspec": "1"},
    }
    return Row(**{**facts, **changed})


# Quick tests keep these too: tests/cli/test_cli_resume.py, tests/training/test_training_nonfinite.py and _resume.py,
# tests/runs/test_sealed.py and test_model_file.py, tests/data/test_data_examples.py,
# tests/formats/test_import_bad.py and its like for ONNX, Keras and PyTorch, tests/sources/test_trees.py.
LONG = {
    *("data_flips", "hostile_archives", "hostile_imports", "hostile_models", "kills", "nonfinite", "repeats"),
    *("signals", "streamed_kills"),
}


@pytest.mark.parametrize("name", [pytest.param(p, marks=pytest.mark.slow) if p in LONG else p for p in PROMISES])
def test_every_promise_is_kept_in_the_short_form(name: str) -> None:
    found = measured(name, short=True, seed=7)
    assert found.kept, f"{found.done}: {found.figure}"
    assert "\n" not in found.done + found.figure
    assert "|" not in found.done + found.figure, "it is a cell of a table"
    assert found.versions["netspec"]


def test_every_promise_has_a_file_and_every_measuring_file_is_listed() -> None:
    files = {p.stem for p in Path(promises.__file__).parent.glob("*.py") if "\ndef measure(" in p.read_text("utf-8")}
    assert files == set(PROMISES)


# --- what is recorded ---------------------------------------------------------------------------------------------


@pytest.fixture
def outcome(monkeypatch: pytest.MonkeyPatch) -> dict[str, bool]:
    """Which promises are kept: all unless a test says otherwise. Nothing is measured."""
    kept = dict.fromkeys(PROMISES, True)
    monkeypatch.setattr(reliability, "measured", lambda name, short, seed: row(kept=kept[name], figure=f"of {name}"))
    return kept


def run(folder: Path, *words: str) -> int:
    return reliability.main([*words, "--json", str(folder / "rows.json"), "--page", str(folder / "page.md")])


def test_rows_are_recorded_one_by_one_and_told(tmp_path: Path, outcome: dict[str, bool], capsys: Any) -> None:
    assert run(tmp_path, "--only", "huge_spec") == 0
    assert list(RECORDS.read(tmp_path / "rows.json")) == ["huge_spec"]
    assert run(tmp_path, "--only", "model_flips", "data_flips") == 0
    assert list(RECORDS.read(tmp_path / "rows.json")) == ["model_flips", "data_flips", "huge_spec"]
    assert "model_flips: kept: 3 tries: of model_flips (1.0 s)" in capsys.readouterr().out
    text = (tmp_path / "page.md").read_text("utf-8")
    assert text.count("not measured yet") == len(PROMISES) - 3


def test_a_broken_promise_is_an_exit_code_and_stands_in_the_page(
    tmp_path: Path, outcome: dict[str, bool], capsys: Any
) -> None:
    outcome["fetches"] = False
    assert run(tmp_path) == 1
    assert "fetches: BROKEN" in capsys.readouterr().out
    (line,) = [s for s in (tmp_path / "page.md").read_text("utf-8").splitlines() if s.startswith("| `fetches`")]
    assert "| **no** |" in line
    assert run(tmp_path, "--page-only") == 0


def test_the_short_form_records_nothing(tmp_path: Path, outcome: dict[str, bool]) -> None:
    assert run(tmp_path, "--short") == 0
    assert list(tmp_path.iterdir()) == []


def test_the_list_names_every_promise(capsys: Any) -> None:
    assert reliability.main(["--list"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(PROMISES)


def test_a_row_that_is_measured_again_replaces_the_old_one(tmp_path: Path) -> None:
    RECORDS.merged(tmp_path / "rows.json", "huge_spec", row(figure="old"))
    rows = RECORDS.merged(tmp_path / "rows.json", "huge_spec", row(figure="new"))
    assert {name: r.figure for name, r in rows.items()} == {"huge_spec": "new"}


def test_the_page_tells_rows_of_different_circumstances_apart() -> None:
    same = page({name: row() for name in PROMISES})
    assert same.count("Measured on 2025-01-02 at commit `abc` with seed 1, on Z80, 1 core, CP/M, Python 3.11") == 1
    rows: Mapping[str, Row] = {"model_flips": row(), "huge_spec": row(commit="def+")}
    text = page(rows)
    assert "`model_flips`: measured on 2025-01-02 at commit `abc`" in text
    assert "`huge_spec`: measured on 2025-01-02 at commit `def+`" in text


def test_the_page_is_that_of_the_recorded_rows() -> None:
    recorded = RECORDS.read(ROOT / "benchmarks" / "results" / "reliability.json")
    assert (ROOT / "docs" / "reliability.md").read_text("utf-8") == page(recorded)


def test_an_exception_while_measuring_is_no_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(effort: object) -> Found:
        raise RuntimeError("out of order")

    monkeypatch.setattr(frame, "import_module", lambda name: SimpleNamespace(measure=fail))
    with pytest.raises(RuntimeError, match="out of order"):
        run(tmp_path, "--only", "huge_spec")
    assert list(tmp_path.iterdir()) == []


# --- damage -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", damage.KINDS)
def test_damage_changes_bytes_and_follows_from_the_seed(kind: str) -> None:
    data = bytes(range(200))
    for seed in range(50):
        changed = damage.damaged(data, kind, Random(seed))
        assert changed != data
        assert changed == damage.damaged(data, kind, Random(seed))
        if kind == "flip":
            assert sum((a ^ b).bit_count() for a, b in zip(data, changed, strict=True)) == 1
        if kind in ("stretch", "zeros", "swap"):
            assert len(changed) == len(data)
        if kind == "swap":
            assert sorted(changed) == sorted(data)
