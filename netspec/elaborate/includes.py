"""`include`: reading the files that a spec is made of, all from the spec's own folder, or from the library."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath
from stat import S_ISDIR, S_ISREG

from netspec.diagnostics.diagnostic import NetspecError, Source, Span, SpecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.evaluate import ValueProblem
from netspec.syntax import ast
from netspec.syntax.parser import MAX_BYTES, parse, read_source
from netspec.system.nearby import nearby
from netspec.system.resources import library_folder

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
        self.broken: set[Path] = set()
        self.paths: dict[int, Path] = {}
        self.open: list[Path] = []
        self.bytes = 0

    def read(self, command: ast.Command) -> tuple[Path, ast.File]:
        """Return the file that an `include` command names.

        Raises:
            ValueProblem: where there is none, or it must not be read.
            SpecError: with the file's syntax errors.
        """
        # In a repetition the same line is met thousands of times; looking its path up takes longer than all else.
        path = self.paths.get(id(command)) or self._path(command)
        self.paths[id(command)] = path
        span = command.arguments[0].span
        if path in self.open:
            chain = " → ".join(p.name for p in [*self.open[self.open.index(path) :], path])
            raise ValueProblem("E0219", f"the files include each other: {chain}", span, "remove one of the includes")
        known = path in self.files or path in self.broken
        if len(self.open) >= MAX_DEPTH or (not known and len(self.files) + len(self.broken) >= MAX_FILES):
            message = f"too many includes: at most {MAX_DEPTH} inside each other, {MAX_FILES} in all"
            raise ValueProblem("E0219", message, span)
        if path in self.broken:
            # What is wrong with it is said where it is included first; a problem without a code is noted already.
            raise ValueProblem("", "", span)
        if path not in self.files:
            self.broken.add(path)
            self.files[path] = self._parsed(path, command, span)
            self.broken.remove(path)
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
        if "\\" in value.value:
            fix = f'write `include "{value.value.replace(chr(92), "/")}"`'
            raise ValueProblem("E0219", "folders are separated by `/` on every system", value.span, fix)
        if PurePosixPath(value.value).is_absolute() or PureWindowsPath(value.value).drive:
            fix = "put the file into the spec's folder, and name it from there"
            raise ValueProblem("E0403", "a spec reads no file outside its own folder", value.span, fix)
        try:
            path = (here / value.value).resolve()
        except (OSError, ValueError, RuntimeError):
            # RuntimeError is what Python before 3.13 says of links that lead in a circle.
            raise ValueProblem("E0219", "this is no name of a file", value.span) from None
        if not path.is_relative_to(self.root):
            fix = "put the file into the spec's folder, or one below it"
            raise ValueProblem("E0403", "a spec reads no file outside its own folder", value.span, fix)
        return path

    def _parsed(self, path: Path, command: ast.Command, span: Span) -> ast.File:
        shown = self._name(path, command)
        try:
            data = _bytes(path)
        except (OSError, ValueError) as error:
            reason = "there is no such file" if isinstance(error, FileNotFoundError) else "it cannot be read"
            reason = "it is a folder" if isinstance(error, IsADirectoryError) else reason
            near = nearby(path, ".net") if isinstance(error, FileNotFoundError) else None
            written = command.arguments[0].value
            # The folders before the name are as they were written.
            fix = ""
            if near and isinstance(written, ast.String):
                fix = f'did you mean `"{PurePosixPath(written.value).with_name(near.name)}"`?'
            raise ValueProblem("E0219", f"`{shown}` cannot be included: {reason}", span, fix) from None
        self.bytes += len(data)
        if self.bytes > MAX_BYTES:
            message = f"the files that the spec includes have more than {MAX_BYTES:,} bytes"
            raise ValueProblem("E0219", message, span, "include less: a network is a few lines")
        try:
            source = read_source(shown, data)
        except SpecError as error:
            raise ValueProblem("E0219", error.diagnostics[0].message, span, "include .net files") from None
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


def _bytes(path: Path) -> bytes:
    """Return what is in a file; what is none, such as a pipe, would be waited for without end."""
    # Opening a pipe waits for its other end, unless one says not to; Windows has no such flag, and no such pipes.
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    try:
        mode = os.fstat(descriptor).st_mode
        if S_ISDIR(mode):
            raise IsADirectoryError
        if not S_ISREG(mode):
            raise OSError("not a regular file")
        stream = os.fdopen(descriptor, "rb")
    except OSError:
        os.close(descriptor)
        raise
    with stream:
        return stream.read(MAX_BYTES + 1)


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
        NetspecError: where a file cannot be included, which a spec that was checked before has none of; or where the
            whole would be larger than a spec may be, as when a large file is included hundreds of times.
    """
    try:
        text = _inlined(parse(source), Includes(source.folder), MAX_BYTES)
    except ValueProblem as problem:
        raise NetspecError(problem.message, problem.fix) from None
    return text


def _inlined(file: ast.File, includes: Includes, left: int) -> str:
    """Return the text of a file with its includes; `left` characters may be in it."""
    text = file.source.text.removeprefix("\ufeff")
    offset = len(file.source.text) - len(text)
    starts = [0]
    for line in file.source.lines:
        starts.append(starts[-1] + len(line) + 1)
    for command in sorted(_commands(file.commands), key=lambda c: (c.span.line, c.span.column), reverse=True):
        if command.name.text != "include":
            continue
        path, included = includes.read(command)
        includes.open.append(path)
        inner = _inlined(included, includes, left - len(text)).strip("\n")
        includes.open.pop()
        span = command.span
        begin = max(0, starts[span.line - 1] + span.column - 1 - offset)
        end = starts[span.end_line - 1] + span.end_column - 1 - offset
        text = f"{text[:begin]}# {' '.join(text[begin:end].split())}\n{inner}\n# end of the include\n{text[end:]}"
        if len(text) > left:
            raise NetspecError(f"with its includes the spec has more than {MAX_BYTES:,} characters")
    return text


def _commands(commands: tuple[ast.Command, ...]) -> Iterator[ast.Command]:
    for command in commands:
        yield command
        for body in command.bodies:
            yield from _commands(body.commands)
