"""What a golden diagnostic says would be right is right: put in its place, it does not bring the same error again."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from diagnostics.cases import RAW, Case, read_cases

from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import Diagnostic, Source

# Where the fix is for another line than the mistake, or is a form rather than a text.
ELSEWHERE = {
    "channels_last": "the line of the input",
    "embedding_of_numbers": "the line of the input",
    "autoencoder_cross_entropy": "a setting of `train`",
    "input_unknown": "a line to put before it",
}


def _meant(fix: str) -> str:
    """Return the text that a fix names, where it is one that can be put in as it is."""
    found = re.match(r"(?:did you mean|write|[^`]*:) `([^`…]+)`(?:\?|$|,|:)", fix)
    return found[1] if found and not fix.startswith("for example") else ""


def _applied(d: Diagnostic, text: str) -> Iterator[str]:
    """Yield the source with a text in the place of the marked words, of the whole word, of the command, of the line."""
    assert d.span
    lines = d.span.source.text.split("\n")
    line = lines[d.span.line - 1]
    start, end = d.span.column - 1, d.span.end_column - 1 if d.span.end_line == d.span.line else len(line)
    around = [m.span() for m in re.finditer(r"[^;{}#]+", line) if m.start() <= start <= m.end()]
    words = [m.span() for m in re.finditer(r"[^\s;{}()]+", line) if m.start() <= start <= m.end()]
    begins = [m.start() for m in re.finditer(r"\S+", line)]
    several = [(s, e) for s in begins for e in _ends(line) if s <= start <= e + 1]
    for begin, stop in [(start, end), *words, *around, (0, len(line)), *several]:
        yield "\n".join([*lines[: d.span.line - 1], line[:begin] + text + line[stop:], *lines[d.span.line :]])


def _ends(line: str) -> list[int]:
    return [m.end() for m in re.finditer(r"[^\s;}]+", line)]


def _count(found: tuple[Diagnostic, ...], like: Diagnostic) -> int:
    assert like.span
    return sum(d.code == like.code and d.span is not None and d.span.line == like.span.line for d in found)


@pytest.mark.parametrize("case", [c for c in read_cases() if c.name not in ELSEWHERE], ids=lambda case: case.id)
def test_a_fix_put_in_its_place_does_not_bring_the_same_error(case: Case) -> None:
    before, name = case.diagnostics, f"{case.name}.net"
    for d in before:
        text = _meant(d.fix)
        if not text or d.span is None or d.span.source.name != name:
            continue
        tried = (analyze(Source(name, after, RAW)).diagnostics for after in _applied(d, text))
        assert any(_count(after, d) < _count(before, d) for after in tried), d.render()
