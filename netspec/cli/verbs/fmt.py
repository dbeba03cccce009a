"""`netspec fmt`: the canonical form of specs, comments kept."""

from __future__ import annotations

import difflib
import os
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.output import print_error, say
from netspec.cli.paths import STDIN, read_stdin, require_specs, spec_name, specs_in
from netspec.compiler import load_source
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import NetspecError, plural
from netspec.diagnostics.visible import visible
from netspec.syntax.parser import read_source
from netspec.system.files import atomic_write, kind_of

__all__ = ["fmt"]


@dataclass(frozen=True)
class _Formatted:
    """A spec before and after formatting."""

    path: Path
    before: str
    after: str

    @property
    def name(self) -> str:
        return spec_name(self.path)


def fmt(
    files: Annotated[
        list[Path],
        typer.Argument(metavar="FILE…", help="The .net files, folders of them, or - for standard input."),
    ],
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit code 1 if anything would.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="As --check, and print what would change.")] = False,
) -> int:
    """Bring specs into their canonical form, comments kept."""
    changed = unchanged = failed = 0
    for path in dict.fromkeys(spec for file in files for spec in specs_in(file)):
        try:
            spec = _format(path)
            _deliver(spec, check=check, diff=diff)
        except NetspecError as error:
            print_error(error)
            failed += 1
        else:
            changed += spec.before != spec.after
            unchanged += spec.before == spec.after
    if check or diff or STDIN not in files:
        _summarize(changed, unchanged, dry=check or diff, error=diff)
    return 1 if failed or (changed and (check or diff)) else 0


def _format(path: Path) -> _Formatted:
    """Read a spec and format it; raises NetspecError with all that keeps it from being formatted."""
    data = _read(path)
    source = read_source(spec_name(path), data)
    return _Formatted(path, data.decode(), format_source(source))


def _read(path: Path) -> bytes:
    if path == STDIN:
        return read_stdin()
    require_specs(path)
    if kind_of(path, NetspecError) == "neither":
        raise NetspecError(f"{path} is not a regular file", "`netspec fmt -` formats standard input")
    load_source(path)  # for its error messages
    return path.read_bytes()


def _deliver(spec: _Formatted, *, check: bool, diff: bool) -> None:
    """Write, print or just name a spec that has changed; standard input is printed in any case."""
    if diff:
        # The text of a spec holds nothing that steers a terminal; its tabs are to stay.
        sys.stdout.write("".join(_diff(spec)))
    elif spec.path == STDIN and not check:
        sys.stdout.buffer.write(spec.after.encode())
        sys.stdout.flush()
    elif spec.before != spec.after and check:
        say(f"would reformat {visible(spec.name)}")
    elif spec.before != spec.after:
        _write(spec)
        say(f"reformatted {visible(spec.name)}")


def _diff(spec: _Formatted) -> Iterator[str]:
    # Only a newline ends a line; `splitlines` knows a dozen other ends.
    before, after = (list(StringIO(text, newline="\n")) for text in (spec.before, spec.after))
    for line in difflib.unified_diff(before, after, visible(spec.name), visible(spec.name)):
        yield line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _write(spec: _Formatted) -> None:
    """Replace the file, or the one a link leads to, as a whole; its permissions stay."""
    target = spec.path.resolve()
    try:
        mode = stat.S_IMODE(target.stat().st_mode)
        # A rename asks for the folder's permission only; a file that is write-protected is meant to stay.
        if not mode & 0o222 or not os.access(target, os.W_OK):
            raise NetspecError(f"{spec.name} is write-protected", "`--diff` shows what would change")
        atomic_write(target, spec.after, mode)
    except OSError as error:
        raise NetspecError(f"{spec.name} cannot be written: {error.strerror}") from None


def _summarize(changed: int, unchanged: int, *, dry: bool, error: bool) -> None:
    parts = [f"{plural(changed, 'file')} would be reformatted"] if changed and dry else []
    parts += [f"{plural(unchanged, 'file')} already formatted"] if unchanged else []
    if parts:
        say(", ".join(parts), error=error)
