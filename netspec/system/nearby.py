"""Suggestions for a path that does not exist: a spec, a model, a run folder or data near it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from netspec.diagnostics.suggest import nearest

__all__ = ["nearby", "path_fix"]

_MARKS = ("lock.json", "network.json")
"""What every run folder has."""


def path_fix(path: Path, *endings: str, runs: bool = False, otherwise: str) -> str:
    """Return `did you mean …?` with what is near a path, or the text for where there is nothing."""
    found = nearby(path, *endings, runs=runs)
    return f"did you mean {found}?" if found else otherwise


def nearby(path: Path, *endings: str, runs: bool = False, folders: bool = False) -> Path | None:
    """Return what there is near a path that leads nowhere, or to another thing.

    Args:
        path: what the user gave.
        endings: of the files that would do: `.net`.
        runs: whether a run folder would do too.
        folders: whether any folder would do too.
    """
    # What cannot be looked into, or is no name of a file, has nothing near it.
    with suppress(OSError, ValueError):
        for ending in endings:
            longer = path.with_name(path.name + ending)
            if path.suffix != ending and longer.is_file():
                return longer
        if path.is_dir():
            return _newest(path) if runs else None
        numbered = path.with_name(path.name.zfill(3))
        newest = numbered if _is_run(numbered) else _newest(Path("runs", path.stem))
        if runs and newest:
            return newest
        names = list(_beside(path, endings, runs, folders))
        stems = {name if (path.parent / name).is_dir() else Path(name).stem: name for name in reversed(names)}
        near = nearest(path.name, names) or stems.get(nearest(path.stem, stems) or "")
        return path.parent / near if near else None
    return None


def _newest(folder: Path) -> Path | None:
    """Return the newest run in a folder: runs are numbered."""
    found = [child for child in folder.iterdir() if _is_run(child)] if folder.is_dir() else []
    return max(found, key=lambda child: (len(child.name), child.name), default=None)


def _is_run(folder: Path) -> bool:
    return all((folder / mark).is_file() for mark in _MARKS)


def _beside(path: Path, endings: tuple[str, ...], runs: bool, folders: bool) -> Iterator[str]:
    for other in sorted(path.parent.iterdir()):
        wanted = other.suffix in endings or (runs and _is_run(other)) or (folders and other.is_dir())
        if wanted and other.name != path.name:
            yield other.name
