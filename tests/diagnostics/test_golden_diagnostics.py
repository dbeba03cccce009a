"""Golden diagnostics: each case is a mistake, and the exact rendering of all that is said about it; see README.md.

`pytest tests/diagnostics --update` rewrites the renderings; the difference is then reviewed like code.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from diagnostics.cases import FOLDER, Case, read_cases, write_message

import netspec
from netspec.diagnostics.codes import CODES

CASES = read_cases()
PACKAGE = Path(netspec.__file__).parent

# Codes that no case can have, and where they are tested instead.
MADE_IN_CODE = {
    "E0001": "a file that cannot be opened: made by the command line, tested with it",
    "E0107": "a file of more than 1 MB: test_compiler.py",
    "E0109": "a binary file, which a text golden cannot hold: test_compiler.py",
    "E0002": "needs a file of more than 100 mistakes: test_compiler.py makes one",
    "E0333": "needs a file of weights: test_weights_check.py makes them",
    "E0334": "needs a file of weights too",
    "E0115": "needs a file of more than 100,000 words, or a command of more than 10,000: test_limits.py",
}

each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)


@each_case
def test_rendering(case: Case, update: bool) -> None:
    if update:
        assert "PYTEST_XDIST_WORKER" not in os.environ, "two processes would write one file: give --update with -n0"
        write_message(case, case.rendered)
        return
    assert case.message is not None, f"{case.id} has no message: run with --update and review what it says"
    assert case.rendered == case.message


@each_case
def test_a_case_lies_under_its_code(case: Case) -> None:
    assert case.diagnostics, f"{case.id}: nothing is wrong with this spec"
    first = case.diagnostics[0].code
    shelf = f"raw/{first}/" if case.raw else f"{first}.md"
    path = case.path.relative_to(FOLDER)
    assert case.code == first, f"{case.name} gives {first} first: move it from {path} to {shelf}"


@each_case
def test_every_diagnostic_has_a_place_in_the_file_and_says_something(case: Case) -> None:
    for d in case.diagnostics:
        assert d.message.strip(), d
        assert "\n" not in d.message
        assert "\n" not in d.fix
        assert d.span is not None, f"{d.code} has no place: {d.message}"
        # A file ends in a newline, so an empty one still has line 1.
        lines = d.span.source.text.split("\n")
        assert 1 <= d.span.line <= d.span.end_line <= len(lines)
        assert 1 <= d.span.column <= len(lines[d.span.line - 1]) + 1
        assert (d.span.line, d.span.column) < (d.span.end_line, d.span.end_column)
        assert d.span.end_column <= len(lines[d.span.end_line - 1]) + 2


@each_case
def test_diagnostics_come_in_the_order_of_the_text(case: Case) -> None:
    # What is wrong in an included file stands where it is included.
    spans = [[d.span, *(r.span for r in d.related)] for d in case.diagnostics]
    own = [next(s for s in some if s and s.source.name == f"{case.name}.net") for some in spans]
    places = [(span.line, span.column) for span in own]
    assert places == sorted(places)


@each_case
def test_nothing_is_said_twice(case: Case) -> None:
    said = [(d.code, d.message, str(d.span)) for d in case.diagnostics]
    assert len(said) == len(set(said))


def test_every_code_has_a_case() -> None:
    codes = {c for path in PACKAGE.rglob("*.py") for c in re.findall(r'"(E\d{4})"', path.read_text(encoding="utf-8"))}
    shown = {d.code for case in CASES for d in case.diagnostics}
    assert codes >= shown, "a diagnostic has a code that is no literal in netspec/"
    assert codes - shown == set(MADE_IN_CODE)
    assert set(CODES) == codes


def test_every_golden_has_its_spec() -> None:
    raw = {path.relative_to(FOLDER).as_posix() for path in (FOLDER / "raw").glob("E*/*")}
    assert raw == {f"raw/{case.id}.{kind}" for case in CASES if case.raw for kind in ("net", "txt")}
    assert len(CASES) >= 450


def test_only_what_markdown_cannot_hold_is_raw() -> None:
    for case in CASES:
        harmless = re.fullmatch(r"([^\n]*[^ \n]\n|\n)+", case.text)
        shown = harmless and all(c.isprintable() or c == "\n" for c in case.text)
        assert case.raw != bool(shown), f"{case.id}: " + ("write it in Markdown" if case.raw else "keep it in raw/")


def test_renderings_show_the_place() -> None:
    for case in CASES:
        for d in case.diagnostics:
            if d.span:
                assert d.render().startswith(
                    f"{d.span.source.name}:{d.span.line}:{d.span.column}: error[{d.code}]: {d.message}"
                )


def test_json_has_what_the_rendering_has() -> None:
    (d,) = next(case for case in CASES if case.name == "unknown_layer").diagnostics
    form = d.to_json()
    assert form["code"] == "E0201"
    assert (form["file"], form["line"], form["column"], form["end_column"]) == ("unknown_layer.net", 2, 1, 6)
    assert form["fix"] == "did you mean `conv`?"


def test_color_only_adds_escapes() -> None:
    for case in CASES:
        for d in case.diagnostics:
            assert re.sub(r"\x1b\[[0-9;]*m", "", d.render(color=True)) == d.render()
