"""The parser's tables: those in the package are those of the grammar, and where they cannot be used it is built."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import lark
import pytest

from netspec.diagnostics.diagnostic import Source
from netspec.syntax import parser, tables
from netspec.system.resources import specs_folder


@pytest.fixture
def built(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Return a list that gets an entry for each parser built from the grammar."""
    calls: list[bool] = []
    real = tables.build

    def build(**options: Any) -> Any:
        calls.append(True)
        return real(**options)

    monkeypatch.setattr(tables, "build", build)
    return calls


def automaton(found: Any) -> list[dict[str, Any]]:
    """Return the states in the order they are reached: Lark numbers them, and its tokens and rules, anew each time."""
    parser = found["data"]["parser"]["parser"]
    order, rows = [parser["start_states"]["start"]], []
    for state in order:
        row: dict[str, Any] = {}
        named = {parser["tokens"][token]: action for token, action in parser["states"][str(state)].items()}
        for token, (reduces, argument) in sorted(named.items()):
            if not reduces and argument not in order:
                order.append(argument)
            row[token] = rule(found, argument) if reduces else order.index(argument)
        rows.append(row)
    return rows


def rule(found: Any, reference: dict[str, int]) -> str:
    entry = found["memo"][str(reference["@"])]
    return f"{entry['origin']['name']} -> {[symbol['name'] for symbol in entry['expansion']]} {entry['alias']}"


def terminals(found: Any) -> list[str]:
    return sorted(json.dumps(found["memo"][str(t["@"])]) for t in found["data"]["parser"]["lexer_conf"]["terminals"])


def test_the_tables_in_the_package_are_those_of_the_grammar() -> None:
    held, made = json.loads(tables.TABLES.read_text()), json.loads(tables.serialized())
    assert held["made_for"][1] == made["made_for"][1], "run `python -m netspec.syntax.tables`"
    assert automaton(held) == automaton(made)
    assert terminals(held) == terminals(made)


def test_no_parser_is_built_where_the_tables_fit(built: list[bool]) -> None:
    if json.loads(tables.TABLES.read_text())["made_for"][0] != lark.__version__:
        pytest.skip("the tables are for another version of Lark")
    tables.load()
    assert not built


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"{}", b"[]", b"\xff", b'{"made_for": ["0", "0"], "data": {}, "memo": {}}'],
    ids=["empty", "cut", "no entries", "a list", "no text", "another version"],
)
def test_tables_that_do_not_fit_are_not_used(
    content: bytes, built: list[bool], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "tables.json"
    file.write_bytes(content)
    monkeypatch.setattr(tables, "TABLES", file)
    assert str(tables.load().parse("conv 20 5x5\n"))
    assert built


def test_the_tables_read_a_text_as_the_grammar_does(monkeypatch: pytest.MonkeyPatch) -> None:
    paths = sorted(specs_folder().rglob("*.net"))
    from_tables = [parser.parse(Source(p.name, p.read_text())) for p in paths]
    monkeypatch.setattr(tables, "load", tables.build)
    parser._parser.cache_clear()
    try:
        assert from_tables == [parser.parse(Source(p.name, p.read_text())) for p in paths]
    finally:
        parser._parser.cache_clear()
