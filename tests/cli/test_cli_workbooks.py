"""A spreadsheet through the command line, as the CSV file that it could be; options that say how a file is read."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from command_line import cli
from sources.workbooks import xlsx

ROWS = [
    ["size", "color", "kind"],
    *([i % 7 + i / 8 + 1 / 16, ("red", "blue")[i % 2], ("no", "yes")[i % 3 == 0]] for i in range(60)),
]
CSV = "".join(",".join(map(str, row)) + "\n" for row in ROWS)
SPEC = 'data "{}" {{ target kind; validation 10; test 10 }}\nfc classes softmax\ntrain {{ epochs 1 }}\n'


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "a.xlsx").write_bytes(xlsx(ROWS, name="Data 1", others={"Notes": [["see"], ["there"]]}))
    (tmp_path / "a.csv").write_text(CSV)
    (tmp_path / "c.xlsx").write_bytes(xlsx(ROWS))
    return tmp_path


def test_a_spreadsheet_is_learned_from_as_the_csv_file(here: Path) -> None:
    found = {}
    for name in ("a.csv", "c.xlsx"):
        spec = f"{name[0]}.net"
        (here / spec).write_text(SPEC.format(name))
        assert cli(here, "train", spec, "--quiet").returncode == 0
        lock = json.loads((here / "runs" / name[0] / "001" / "lock.json").read_text())
        found[name] = lock["split"]
        done = cli(here, "predict", f"runs/{name[0]}", name, "-o", f"{name[0]}_out.csv")
        assert done.returncode == 0, done.stderr
    assert found["a.csv"] == found["c.xlsx"]
    assert (here / "a_out.csv").read_bytes() == (here / "c_out.csv").read_bytes()
    (here / "c.xlsx").write_bytes(xlsx([*ROWS[:-1], [9, "red", "no"]]))
    refused = cli(here, "eval", "runs/c")
    assert refused.returncode == 1
    assert "c.xlsx" in refused.stderr


def test_which_sheet_is_said_by_an_option_and_written_into_the_spec(here: Path) -> None:
    done = cli(here, "new", "--data", "a.xlsx", "--target", "kind")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith('without a spec --sheet "Data 1"')
    done = cli(here, "new", "--data", "a.xlsx", "--target", "kind", "--sheet", "Data 1")
    assert done.returncode == 0, done.stderr
    assert '  sheet "Data 1"\n' in (here / "a.net").read_text()
    assert cli(here, "check", "a.net").returncode == 0
    assert cli(here, "data", "show", "a.net", "--split").returncode == 0
    shown = cli(here, "data", "show", "a.xlsx", "--sheet", "Data 1", "--json")
    assert [json.loads(line)["column"] for line in shown.stdout.splitlines()] == ["size", "color", "kind"]


def test_an_encoding_is_said_by_an_option_and_written_into_the_spec(here: Path) -> None:
    (here / "b.csv").write_bytes(CSV.replace("red", "röt").encode("cp1252"))
    (here / "b.txt").write_bytes(("Höre, was ich sage. " * 200).encode("cp1252"))
    for name in ("b.csv", "b.txt"):
        done = cli(here, "new", "--data", name, "-o", "b.net")
        assert done.returncode == 1
        assert "without a spec --encoding windows_1252" in done.stderr
        done = cli(here, "new", "--data", name, "--encoding", "CP1252", "-o", "b.net")
        assert done.returncode == 0, done.stderr
        assert "  encoding windows_1252\n" in (here / "b.net").read_text()
        assert cli(here, "check", "b.net").returncode == 0
        assert cli(here, "data", "show", name, "--encoding", "windows-1252").returncode == 0
        (here / "b.net").unlink()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--data", "a.csv", "--encoding", "windows1253"], "did you mean windows_1253?"),
        (["--data", "a.csv", "--sheet", "Data"], "--sheet is for spreadsheets"),
        (["--data", "a.xlsx", "--encoding", "latin1"], "--encoding is for texts, and a.xlsx is a spreadsheet"),
        (["--sheet", "Data"], "--sheet says how a file is read"),
    ],
)
def test_options_that_do_not_fit_are_one_error(here: Path, words: list[str], said: str) -> None:
    done = cli(here, "new", *words)
    assert done.returncode != 0
    assert said in done.stderr


def test_a_check_that_needs_no_look_needs_no_library(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    (here / "s.net").write_text(SPEC.format("c.xlsx"))
    done = cli(here, "check", "s.net")
    assert done.returncode == 1
    assert "pip install 'netspec[sheets]'" in done.stdout
