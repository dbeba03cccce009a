"""Where a mistake is (Span), what it is (Diagnostic), and the one place that renders it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import inf
from pathlib import Path
from typing import Any

from netspec.diagnostics.visible import visible

__all__ = [
    "DataError",
    "DatasetUnavailableError",
    "DeviceError",
    "Diagnostic",
    "ModelFileError",
    "NetspecError",
    "Place",
    "Places",
    "Related",
    "RunError",
    "Source",
    "Span",
    "SpecError",
    "listing",
    "plural",
]


@dataclass(frozen=True)  # no slots: it keeps what it computed once
class Source:
    """One text that was compiled: its name as the user gave it, and what it says."""

    name: str
    text: str
    folder: Path | None = field(default=None, compare=False)
    """Where its includes and data are looked for; a text that is no file has none."""

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends. Only a newline ends one, as for the parser."""
        return self.text.split("\n")

    def line(self, number: int) -> str:
        """Return line `number` (from 1) without its line end; empty past the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source text: lines and columns count from 1, the end column is exclusive."""

    source: Source = field(repr=False)
    line: int
    column: int
    end_line: int
    end_column: int

    def to(self, other: Span) -> Span:
        """Return the span from the start of this one to the end of `other`."""
        return Span(self.source, self.line, self.column, other.end_line, other.end_column)

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was declared, and in which words."""

    span: Span
    text: str
    uses: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True)
class Related:
    """A further place that a mistake has to do with, and in what way."""

    span: Span
    label: str


Places = Mapping[str, Place]
"""Places by node name, and by `input`, `init`, `data`, `train`: the bridge from the IR to the text."""


class NetspecError(Exception):
    """An error the user can cause and mend: `str()` says what was wrong, where, and what would be right.

    Args:
        message: what is wrong and where, in one line.
        fix: what would be right.
    """

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(f"{message}\n  fix: {fix}" if fix else message)
        self.message = message
        self.fix = fix


class DataError(NetspecError):
    """A dataset, an image file or an array is not what it should be."""


class DatasetUnavailableError(DataError):
    """A known dataset is neither on this machine nor to be had now; `data A else B` then takes B."""


class ModelFileError(NetspecError):
    """A model file is damaged, of another format, or does not fit its own spec."""


class RunError(NetspecError):
    """A run folder cannot be written, or is not one."""


class DeviceError(NetspecError):
    """The device asked for is not there, or its memory does not suffice."""


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One mistake, or a note on what is right and may be meant otherwise.

    Attributes:
        code: the stable code, such as `E0301`; `netspec explain CODE` documents it. A note has none.
        message: what is wrong, in one line.
        span: where, when it has a place in a text.
        label: a few words under the caret.
        notes: further facts, a line each, such as the shape trail.
        fix: what would be right.
        related: other places that have to do with it: the line it contradicts, the uses of the block it is in.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    notes: tuple[str, ...] = ()
    fix: str = ""
    related: tuple[Related, ...] = ()

    def render(self, *, color: bool = False) -> str:
        """Return the text people read: place and message, the excerpt with a caret, notes and fix."""
        red, blue, bold, off = ("\x1b[1;31m", "\x1b[1;34m", "\x1b[1m", "\x1b[0m") if color else ("",) * 4
        place = f"{bold}{visible(str(self.span))}:{off} " if self.span else ""
        kind = f"{red}error[{self.code}]" if self.code else f"{blue}note"
        lines = [f"{place}{kind}{off}{bold}: {visible(self.message)}{off}"]
        if self.span:
            lines += _excerpt(self.span, self.label, red if self.code else blue, blue, off)
        file = self.span.source.name if self.span else ""
        for other in self._shown():
            if other.span.source.name != file:
                file = other.span.source.name
                lines.append(f"  {blue}-->{off} {visible(str(other.span))}")
            lines += _excerpt(other.span, other.label, blue, blue, off)
        lines += [f"  {visible(note)}" for note in self.notes]
        if self.fix:
            lines.append(f"  {bold}fix:{off} {visible(self.fix)}")
        return "\n".join(lines)

    def _shown(self) -> tuple[Related, ...]:
        """Return the related places, of a long chain the first and the last."""
        return self.related if len(self.related) <= 6 else (*self.related[:3], *self.related[-3:])

    def to_json(self) -> dict[str, Any]:
        """Return the documented machine-readable form (`netspec check --json` lists them)."""
        return {
            "code": self.code,
            "severity": "error" if self.code else "note",
            "message": self.message,
            **_where(self.span),
            "label": self.label,
            "notes": list(self.notes),
            "fix": self.fix,
            "related": [{**_where(place.span), "label": place.label} for place in self.related],
        }


class SpecError(NetspecError):
    """One or more mistakes in a spec; `.diagnostics` has them all, in the order of the text."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        found = tuple(diagnostics)
        several = len({d.span.source.name for d in found if d.span}) > 1
        self.diagnostics = found if several else tuple(sorted(found, key=_position))
        super().__init__("\n".join(d.render() for d in self.diagnostics))

    def __reduce__(self) -> tuple[type[SpecError], tuple[tuple[Diagnostic, ...]]]:
        # Exceptions are made again from their text: this one from what the text is made of.
        return SpecError, (self.diagnostics,)


def _where(span: Span | None) -> dict[str, Any]:
    return {
        "file": span.source.name if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
    }


def _position(diagnostic: Diagnostic) -> tuple[float, float]:
    span = diagnostic.span
    if diagnostic.code == "E0002":
        return (inf, inf)
    return (span.line, span.column) if span else (0, 0)


def _excerpt(span: Span, label: str, red: str, blue: str, off: str) -> list[str]:
    text = span.source.line(span.line).removesuffix("\r").replace("\t", " ")
    gutter = str(span.line)
    end = span.end_column if span.end_line == span.line else len(text) + 1
    caret = "^" * max(1, min(end, len(text) + 1) - span.column)
    shown, column = _window(text, span.column)
    marked = f"{' ' * (column - 1)}{red}{caret[: max(1, len(shown) - column + 1)]} {visible(label)}"
    return [
        f"  {blue}{gutter} |{off} {shown}".rstrip(),
        f"  {blue}{' ' * len(gutter)} |{off} {marked}".rstrip() + off,
    ]


def _window(text: str, column: int, width: int = 160) -> tuple[str, int]:
    """Cut a very long line to what surrounds `column`."""
    start = max(0, min(column - width // 2, len(text) - width)) if len(text) > width else 0
    return visible(text[start : start + width]), column - start


def plural(count: int, noun: str) -> str:
    """Return `1 layer`, `2 layers`."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def listing(words: Sequence[str], last: str = "or") -> str:
    """Return `a, b or c`."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}" if words else "none"
