"""Golden diagnostics: each case is a spec with a mistake and the exact message. README.md says how to write one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from netspec.compiler import analyze
from netspec.diagnostics.codes import CODES
from netspec.diagnostics.diagnostic import Diagnostic, Source, SpecError
from netspec.syntax.parser import read_source

FOLDER = Path(__file__).parent
RAW = FOLDER / "raw"
"""The folder in which `include`, `data` and the like look for files, whatever the case."""


class MalformedError(ValueError):
    """A file of cases that is not written as README.md says."""


@dataclass(frozen=True)
class Fence:
    """A fenced block: the lines between are [start, end), counted from 0."""

    start: int
    end: int

    def text(self, lines: list[str]) -> str:
        """Return what is between the fences."""
        return "".join(f"{line}\n" for line in lines[self.start : self.end])


@dataclass(frozen=True)
class Case:
    """One spec with a mistake.

    Attributes:
        code: the code under which it is shelved.
        name: its name, which no other case has; the message calls the file NAME.net.
        path: the Markdown file, or the raw spec.
        spec: the bytes of the spec.
        message: the exact message on file, or None where there is none yet.
    """

    code: str
    name: str
    path: Path
    spec: bytes
    message: str | None

    @property
    def id(self) -> str:
        """Return the name of its test."""
        return f"{self.code}/{self.name}"

    @property
    def raw(self) -> bool:
        """Return whether the spec is a file of its own."""
        return self.path.suffix == ".net"

    @property
    def text(self) -> str:
        """Return the spec as text."""
        return self.spec.decode("utf-8", "replace")

    @cached_property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Return what netspec says now."""
        try:
            source = read_source(f"{self.name}.net", self.spec)
        except SpecError as error:
            return error.diagnostics
        return analyze(Source(source.name, source.text, RAW)).diagnostics

    @property
    def rendered(self) -> str:
        """Return what netspec says now, as text."""
        return "\n".join(d.render() for d in self.diagnostics) + "\n"


@cache
def read_cases(folder: Path = FOLDER) -> tuple[Case, ...]:
    """Return all cases, by code; those in Markdown first, in the order of the file.

    Raises:
        MalformedError: a file is not written as README.md says, or two cases have one name.
    """
    files = sorted(path for path in folder.glob("*.md") if path.name != "README.md")
    cases = [case for path in files for case in _read_markdown(path)]
    for spec in sorted((folder / "raw").glob("E*/*.net")):
        golden = spec.with_suffix(".txt")
        message = golden.read_bytes().decode("utf-8") if golden.exists() else None
        cases.append(Case(spec.parent.name, spec.stem, spec, spec.read_bytes(), message))
    named: dict[str, Case] = {}
    for case in cases:
        if case.name in named:
            raise MalformedError(f"{named[case.name].id} and {case.id} have one name: give one of them another")
        named[case.name] = case
    return tuple(sorted(cases, key=lambda case: case.code))


def write_message(case: Case, message: str) -> None:
    """Replace the message of a case on file by another; all else in the file stays."""
    if case.raw:
        case.path.with_suffix(".txt").write_bytes(message.encode("utf-8"))
        return
    lines = _lines(case.path)
    ((spec, said),) = [(spec, said) for name, spec, said in _sections(case.path, lines) if name == case.name]
    block = fenced(message)
    if said is None:
        lines[spec.end + 1 : spec.end + 1] = ["", *block]
    else:
        lines[said.start - 1 : said.end + 1] = block
    case.path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8"))


def fenced(text: str, kind: str = "") -> list[str]:
    """Return the lines of a fenced block; its fences are longer than any within."""
    longest = max(map(len, re.findall(r"^`+", text, re.MULTILINE)), default=0)
    marks = "`" * max(3, longest + 1)
    return [f"{marks}{kind}", *text.removesuffix("\n").split("\n"), marks]


def _read_markdown(path: Path) -> Iterator[Case]:
    code, lines = path.stem, _lines(path)
    if not re.fullmatch(r"E\d{4}", code):
        raise MalformedError(f"{path.name}: a file of cases is named after its code, as E0301.md")
    if code in CODES and lines[0] != (title := f"# {code}: {CODES[code].title}"):
        raise MalformedError(f"{path.name}:1: write `{title}`")
    for name, spec, said in _sections(path, lines):
        message = None if said is None else said.text(lines)
        yield Case(code, name, path, spec.text(lines).encode("utf-8"), message)


def _lines(path: Path) -> list[str]:
    return path.read_bytes().decode("utf-8").removesuffix("\n").split("\n")


def _sections(path: Path, lines: list[str]) -> Iterator[tuple[str, Fence, Fence | None]]:
    """Yield the name of each case, the place of its spec, and that of its message where there is one."""
    name, begins, fences = "", 0, list[Fence]()
    # A heading at the end, to close the last case.
    for at, line in _outside([*lines, "## "], fences, path):
        if not line.startswith("## "):
            continue
        if name and not 1 <= len(fences) <= 2:
            wanted = "a fenced spec, then its fenced message (which --update writes)"
            raise MalformedError(f"{path.name}:{begins + 1}: {name} has {len(fences)} fenced blocks, not {wanted}")
        if not name and fences:
            raise MalformedError(f"{path.name}:{fences[0].start}: a block before the first `## name`")
        if name:
            yield name, fences[0], fences[1] if len(fences) == 2 else None
        name, begins = line[3:].strip(), at
        fences.clear()
        if at < len(lines) and not re.fullmatch(r"[a-z][a-z0-9_]*", name):
            raise MalformedError(f"{path.name}:{at + 1}: a case is named with a-z, 0-9 and _, not `{name}`")


def _outside(lines: list[str], fences: list[Fence], path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines outside of fences with their numbers from 0; append each fence to `fences` as it closes."""
    marks, start = "", 0
    for at, line in enumerate(lines):
        opened = re.match(r"`{3,}", line)
        if marks and line == marks:
            fences.append(Fence(start, at))
            marks = ""
        elif not marks and opened:
            marks, start = opened[0], at + 1
        elif not marks:
            yield at, line
    if marks:
        raise MalformedError(f"{path.name}:{start}: this fence is not closed by a line of {marks} alone")
