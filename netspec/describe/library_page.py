"""The blocks that travel with netspec, as their files say them: for `netspec layers NAME` and the docs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from netspec.diagnostics.diagnostic import Source
from netspec.syntax import ast
from netspec.syntax.parser import parse
from netspec.syntax.printer import print_argument
from netspec.system.resources import library_folder

__all__ = ["LibraryBlock", "library_blocks"]


@dataclass(frozen=True, slots=True)
class LibraryBlock:
    """A block of a library file: what is said above it is what it is for."""

    file: str
    name: str
    usage: str
    summary: str
    text: str

    def page(self) -> str:
        """Return its reference page, as plain text."""
        return f"{self.usage}\n\n{self.summary}\n\nIn the library: `include {self.file}`\n\n{self.text}"


@cache
def library_blocks() -> tuple[LibraryBlock, ...]:
    """Return all blocks of all library files, in their order."""
    found = []
    for path in sorted(library_folder().glob("*.net")):
        source = Source(path.name, path.read_text(encoding="utf-8"))
        found += [_block(path.stem, source, c) for c in parse(source).commands if c.name.text == "block"]
    return tuple(found)


def _block(file: str, source: Source, command: ast.Command) -> LibraryBlock:
    value = command.arguments[0].value
    given = value.arguments if isinstance(value, ast.Call) else ()
    name = value.name.text if isinstance(value, ast.Call) else print_argument(command.arguments[0])
    words = [f"[{print_argument(a)}]" if a.key else print_argument(a).upper() for a in given]
    above: list[str] = []
    line = command.span.line - 1
    while source.line(line).startswith("#"):
        above.insert(0, source.line(line).lstrip("# "))
        line -= 1
    text = "\n".join(source.lines[command.span.line - 1 : command.span.end_line])
    return LibraryBlock(file, name, " ".join([name, *words]), " ".join(above), text)
