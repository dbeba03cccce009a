"""Golden diagnostics: `bad/NAME.net` is a mistake, `bad/NAME.txt` the exact rendering of all that is said about it.

`pytest tests/test_golden_diagnostics.py --update` rewrites the renderings; the difference is then reviewed like code.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

import netspec
from netspec.compiler import analyze
from netspec.diagnostics.codes import CODES
from netspec.diagnostics.diagnostic import Diagnostic, Source, SpecError
from netspec.syntax.parser import read_source

BAD = Path(__file__).parent / "bad"
CASES = sorted(path.stem for path in BAD.glob("*.net"))
PACKAGE = Path(netspec.__file__).parent

# Codes that no file under bad/ can have, and where they are tested instead.
MADE_IN_CODE = {
    "E0001": "a file that cannot be opened: made by the command line, tested with it",
    "E0107": "a file of more than 1 MB: test_compiler.py",
    "E0109": "a binary file, which a text golden cannot hold: test_compiler.py",
    "E0002": "needs a file of more than 100 mistakes: test_compiler.py makes one",
    "E0314": "needs data files: test_data_look.py makes them",
    "E0115": "needs a file of more than 100,000 words, or a command of more than 10,000: test_limits.py",
}


@cache
def diagnostics(name: str) -> tuple[Diagnostic, ...]:
    try:
        source = read_source(f"{name}.net", (BAD / f"{name}.net").read_bytes())
    except SpecError as error:
        return error.diagnostics
    return analyze(Source(source.name, source.text, BAD)).diagnostics


@pytest.mark.parametrize("name", CASES)
def test_rendering(name: str, update: bool) -> None:
    golden = BAD / f"{name}.txt"
    said = "\n".join(d.render() for d in diagnostics(name)) + "\n"
    if update:
        golden.write_text(said, encoding="utf-8", newline="\n")
    assert golden.exists(), f"{golden} is missing: run with --update and review what it says"
    assert said == golden.read_text(encoding="utf-8")


# Known and to be mended; the test says so as soon as it is.


@pytest.mark.parametrize(
    "name",
    CASES,
)
def test_every_diagnostic_has_a_place_in_the_file_and_says_something(name: str) -> None:
    assert diagnostics(name), f"{name}.net is not wrong"
    for d in diagnostics(name):
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


@pytest.mark.parametrize("name", CASES)
def test_diagnostics_come_in_the_order_of_the_text(name: str) -> None:
    # What is wrong in an included file stands where it is included.
    spans = [[d.span, *(r.span for r in d.related)] for d in diagnostics(name)]
    own = [next(s for s in some if s and s.source.name == f"{name}.net") for some in spans]
    places = [(span.line, span.column) for span in own]
    assert places == sorted(places)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_said_twice(name: str) -> None:
    said = [(d.code, d.message, str(d.span)) for d in diagnostics(name)]
    assert len(said) == len(set(said))


def test_every_code_has_a_case() -> None:
    codes = {c for path in PACKAGE.rglob("*.py") for c in re.findall(r'"(E\d{4})"', path.read_text(encoding="utf-8"))}
    shown = {d.code for name in CASES for d in diagnostics(name)}
    assert codes >= shown, "a diagnostic has a code that is no literal in netspec/"
    assert codes - shown == set(MADE_IN_CODE)
    assert set(CODES) == codes


def test_every_golden_has_its_spec() -> None:
    assert sorted(path.stem for path in BAD.glob("*.txt")) == CASES
    assert len(CASES) >= 200


def test_renderings_show_the_place() -> None:
    for name in CASES:
        for d in diagnostics(name):
            if d.span:
                assert d.render().startswith(
                    f"{d.span.source.name}:{d.span.line}:{d.span.column}: error[{d.code}]: {d.message}"
                )


def test_json_has_what_the_rendering_has() -> None:
    (d,) = diagnostics("unknown_layer")
    form = d.to_json()
    assert form["code"] == "E0201"
    assert (form["file"], form["line"], form["column"], form["end_column"]) == ("unknown_layer.net", 2, 1, 6)
    assert form["fix"] == "did you mean `conv`?"


def test_color_only_adds_escapes() -> None:
    for name in CASES:
        for d in diagnostics(name):
            assert re.sub(r"\x1b\[[0-9;]*m", "", d.render(color=True)) == d.render()
