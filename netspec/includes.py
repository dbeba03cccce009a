"""Floor 4: `include`: reading the files that a spec is made of, all from the spec's own folder, or from the library."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from netspec.diagnostics import NetspecError, Source, Span, listing, nearest
from netspec.resources import library_folder
from netspec.syntax import ast
from netspec.syntax.parser import MAX_BYTES, parse, read_source
from netspec.values import ValueProblem

__all__ = ["MAX_DEPTH", "Includes", "whole_text"]

MAX_DEPTH = 16
"""So deep may files include each other."""

MAX_FILES = 256
"""So many files may one spec be made of."""


class Includes:
    """The files of one spec, each read once.

    Args:
        root: the spec's folder, which no include leaves; None for a text that is no file.
    """

    def __init__(self, root: Path | None) -> None:
        self.root = root.resolve() if root else None
        self.files: dict[Path, ast.File] = {}
        self.open: list[Path] = []

    def read(self, command: ast.Command) -> tuple[Path, ast.File]:
        """Return the file that an `include` command names.

        Raises:
            ValueProblem: where there is none, or it must not be read.
            SpecError: with the file's syntax errors.
        """
        path = self._path(command)
        span = command.arguments[0].span
        if path in self.open:
            chain = " → ".join(p.name for p in [*self.open[self.open.index(path) :], path])
            raise ValueProblem("E0219", f"the files include each other: {chain}", span, "remove one of the includes")
        if len(self.open) >= MAX_DEPTH or len(self.files) >= MAX_FILES:
            message = f"too many includes: at most {MAX_DEPTH} inside each other, {MAX_FILES} in all"
            raise ValueProblem("E0219", message, span)
        if path not in self.files:
            self.files[path] = self._parsed(path, command, span)
        return path, self.files[path]

    def _path(self, command: ast.Command) -> Path:
        if len(command.arguments) != 1 or command.arguments[0].key or command.bodies:
            fix = 'for example `include "backbone.net"`, or `include blocks` for the library'
            raise ValueProblem("E0206", "`include` needs the name of a file in quotes", command.head, fix)
        value = command.arguments[0].value
        if isinstance(value, ast.Word):
            return _library(value)
        if not isinstance(value, ast.String) or not value.value:
            message = "`include` needs the name of a file in quotes"
            raise ValueProblem("E0206", message, value.span, 'for example `include "backbone.net"`')
        return self._confined(value)

    def _confined(self, value: ast.String) -> Path:
        if self.root is None:
            message = "a text that is no file cannot include one"
            raise ValueProblem("E0219", message, value.span, "write the spec to a file beside it")
        here = value.span.source.folder or self.root
        try:
            path = (here / value.value).resolve()
        except (OSError, ValueError):
            raise ValueProblem("E0219", "this is no name of a file", value.span) from None
        if not path.is_relative_to(self.root):
            fix = "put the file into the spec's folder, or one below it"
            raise ValueProblem("E0403", "a spec reads no file outside its own folder", value.span, fix)
        return path

    def _parsed(self, path: Path, command: ast.Command, span: Span) -> ast.File:
        shown = self._name(path, command)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            reason = "there is no such file" if isinstance(error, FileNotFoundError) else "it cannot be read"
            near = nearest(path.name, [p.name for p in path.parent.glob("*.net")]) if path.parent.is_dir() else None
            fix = f"did you mean `{near}`?" if near else ""
            raise ValueProblem("E0219", f"`{shown}` cannot be included: {reason}", span, fix) from None
        source = read_source(shown, data)
        return parse(Source(shown, source.text, path.parent))

    def _name(self, path: Path, command: ast.Command) -> str:
        """Return the file's name as the includer would give it: beside its own name."""
        if isinstance(command.arguments[0].value, ast.Word):
            return f"<{path.stem}>"
        including = Path(command.span.source.name)
        try:
            return str(including.parent / path.relative_to(command.span.source.folder or path.parent))
        except ValueError:
            return str(path.relative_to(self.root or path.parent))


def _library(word: ast.Word) -> Path:
    names = sorted(p.stem for p in library_folder().glob("*.net"))
    if word.text not in names:
        near = nearest(word.text, names)
        fix = f"did you mean `{near}`?" if near else f"the library has {listing(names, 'and')}; a file stands in quotes"
        raise ValueProblem("E0219", f"the library has no file `{word.text}`", word.span, fix)
    return library_folder() / f"{word.text}.net"


def whole_text(source: Source) -> str:
    """Return a text with the files it includes put in their places: it means the same and stands alone.

    Raises:
        NetspecError: where a file cannot be included; a spec that was checked before has none such.
    """
    try:
        return _inlined(parse(source), Includes(source.folder))
    except ValueProblem as problem:
        raise NetspecError(problem.message, problem.fix) from None


def _inlined(file: ast.File, includes: Includes) -> str:
    text = file.source.text
    starts = [0]
    for line in file.source.lines:
        starts.append(starts[-1] + len(line) + 1)
    for command in sorted(_commands(file.commands), key=lambda c: (c.span.line, c.span.column), reverse=True):
        if command.name.text != "include":
            continue
        path, included = includes.read(command)
        includes.open.append(path)
        inner = _inlined(included, includes).strip("\n")
        includes.open.pop()
        span = command.span
        begin = starts[span.line - 1] + span.column - 1
        end = starts[span.end_line - 1] + span.end_column - 1
        text = f"{text[:begin]}# {' '.join(text[begin:end].split())}\n{inner}\n# end of the include\n{text[end:]}"
    return text


def _commands(commands: tuple[ast.Command, ...]) -> Iterator[ast.Command]:
    for command in commands:
        yield command
        for body in command.bodies:
            yield from _commands(body.commands)
