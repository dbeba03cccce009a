"""Tables in JSON: lists of rows, columns as pandas writes them, and what is none of these."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.sources.tables.table import Table, read_table

ROWS: list[dict[str, Any]] = [{"a": 1, "b": "x"}, {"a": 2.5, "b": None}, {"a": True, "b": " y "}]
CELLS = {"a": ["1", "2.5", "true"], "b": ["x", "", "y"]}


def read(tmp_path: Path, text: str, name: str = "d.json") -> Table:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return read_table(tmp_path / name, name)


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        " \n" + json.dumps(ROWS) + "\n",
        "\n".join(map(json.dumps, ROWS)),
        json.dumps({key: [row[key] for row in ROWS] for key in "ab"}),
        json.dumps({key: {str(i): row[key] for i, row in enumerate(ROWS)} for key in "ab"}, indent=1),
        json.dumps({"columns": ["a", "b"], "index": [0, 1, 2], "data": [list(row.values()) for row in ROWS]}),
    ],
    ids=["list", "indented", "blanks", "lines", "lists of columns", "columns", "split"],
)
def test_each_form_is_the_same_table(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text).cells == CELLS


def test_rows_have_the_lines_at_which_they_begin(tmp_path: Path) -> None:
    assert list(read(tmp_path, '[\n{"a": 1},\n\n{"a":\n2},\n{"a": 3}]').lines) == [2, 4, 6]
    # All on one line they have their numbers.
    assert list(read(tmp_path, json.dumps(ROWS)).lines) == [1, 2, 3]
    assert read_table(json.dumps(ROWS).encode(), "<stdin>").cells == CELLS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "nested too deeply"),
        ('[{"a": ' + "[" * 100_000, "nested too deeply"),
        ('[{"a": 1}, {"a": 2', "d.json is no JSON in line 1: it ends too early"),
        ('[{"a": 1},]', "d.json is no JSON in line 1"),
        ('[{"a": 1}] x', "d.json is no JSON in line 1"),
        ('[{"a": 1}\n{"a": 2}]', "d.json is no JSON in line 2"),
        ("[1, 2]", "value 1 of the list, in line 1, is no object"),
        ("[]", "d.json has no rows"),
        ("null", "d.json is no list of rows"),
        ('{"rows": [{"a": 1}]}', "an object of 'rows', and no list of rows"),
        ('{"x": {"a": 1}, "y": {"a": 2}}', "an object of 2 keys, and no list of rows"),
        ('[{"a": {"b": 1}}]', "'a' in line 1 is an object"),
        ('[\n{"a": 1, "a": 2}]', "line 2 has 'a' twice"),
        ('{"a": [1], "b": [1, 2]}', "of different lengths"),
        ('{"columns": ["a"], "data": [[1], [1, 2]]}', "row 2 has no value for each of 1 column"),
        ('{"columns": ["a", "a"], "data": [[1, 2]]}', "columns of the same name"),
        ("", "d.json is empty"),
        ("words", "d.json is no JSON in line 1"),
    ],
)
def test_what_is_no_table_is_one_error(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DataError) as refused:
        read(tmp_path, text)
    assert said in refused.value.message
    assert refused.value.fix
