"""The specs that a path on the command line stands for."""

from __future__ import annotations

import sys
from pathlib import Path

from netspec.diagnostics.diagnostic import NetspecError, SpecError
from netspec.syntax.errors import too_large
from netspec.syntax.parser import MAX_BYTES

__all__ = ["STDIN", "read_stdin", "require_specs", "spec_name", "specs_in"]

STDIN = Path("-")
"""Stands for standard input."""


def specs_in(path: Path) -> list[Path]:
    """Return the specs below a folder, hidden ones left out; what is no folder stands for itself."""
    if not _is_folder(path):
        return [path]
    inside = [p for p in sorted(path.rglob("*.net")) if p.is_file()]
    seen = [p for p in inside if not any(part.startswith(".") for part in p.relative_to(path).parts)]
    return seen or [path]


def require_specs(path: Path) -> None:
    """Refuse what is still a folder after `specs_in`.

    Raises:
        NetspecError: where it is one.
    """
    if _is_folder(path):
        raise NetspecError(f"{path} has no .net files in it", "give .net files, or a folder with some")


def read_stdin() -> bytes:
    """Return the spec on standard input.

    Raises:
        SpecError: where it is larger than a spec may be.
    """
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise SpecError([too_large(MAX_BYTES)])
    return data


def spec_name(path: Path) -> str:
    """Return the name of a spec in messages."""
    return "<stdin>" if path == STDIN else str(path)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        # A name that no system takes: reading it says so.
        return False
