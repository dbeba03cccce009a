"""Where the pictures lie that a column names: at the folder of the table, or all in one folder below it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Sequence
from functools import cached_property
from pathlib import Path, PurePosixPath

from netspec.sources.files.kinds import NAMED
from netspec.sources.trees import is_wanted

__all__ = ["MOSTLY", "PicturesBelow", "could_name", "is_there", "path_inside", "places_of", "some_of"]

MOSTLY = 0.9
"""Of the values of a column so many name a picture, if the column names pictures."""

_LOOKED_AT, _LONGEST, _DEPTH, _MOST_FOLDERS, _MOST_FILES = 200, 200, 4, 2_000, 1_000_000
"""Values that are looked at; characters of a name; how deep, and among how many, pictures are looked for."""


def some_of(values: Sequence[str]) -> Sequence[str]:
    """Return values from all over a column, enough to see what it holds."""
    return values[:: max(1, len(values) // _LOOKED_AT)]


def could_name(values: Collection[str]) -> bool:
    """Return whether values may be names of files, with or without an ending, rather than prose."""
    return bool(values) and all(
        0 < len(v) <= _LONGEST and (PurePosixPath(v).suffix.lower() in NAMED or not any(map(str.isspace, v)))
        for v in values
    )


def path_inside(root: Path, name: str) -> Path | None:
    """Return the path of a file below a folder; None where it leads out of it, also by a link."""
    plain = name.replace("\\", "/")
    parts = PurePosixPath(plain).parts
    if not parts or plain.startswith("/") or ".." in parts or parts[0].endswith(":") or "\0" in plain:
        return None
    path = root.joinpath(*parts)
    try:
        return path if path.resolve().is_relative_to(root) else None
    except (OSError, RuntimeError, ValueError):
        return None


def is_there(root: Path, name: str) -> bool:
    """Return whether a name is the path of a file below a folder."""
    path = path_inside(root, name)
    try:
        return path is not None and path.is_file()
    except OSError:
        return False


def places_of(folder: Path | None, names: Collection[str]) -> dict[str, str]:
    """Return the path, from the folder of a table, of each picture that a column of it names.

    Names are paths as they are, unless nearly all of them are names, with or without their ending, of pictures in
    exactly one folder below.

    Args:
        folder: of the table; None where that is not known.
        names: all that the column names.
    """
    own = {name: name for name in names}
    if folder is None:
        return own
    root = folder.resolve()
    some = some_of(sorted(names))
    if sum(is_there(root, name) for name in some) >= MOSTLY * len(some):
        return own
    below = PicturesBelow(folder)
    found = below.folders_with(names)
    return {name: below.file(found[0], name) or name for name in names} if len(found) == 1 else own


class PicturesBelow:
    """The pictures in the folder of a table and in those below, looked for once, when they are first asked for.

    Args:
        folder: of the table; None where that is not known, and there are none.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder

    @cached_property
    def _found(self) -> dict[str, dict[str, str]]:
        return _pictures_below(self._folder.resolve()) if self._folder else {}

    @cached_property
    def _folders(self) -> dict[str, list[str]]:
        """The folders that have a picture of each name."""
        folders: dict[str, list[str]] = {}
        for folder, pictures in self._found.items():
            for name, file in pictures.items():
                if file:
                    folders.setdefault(name, []).append(folder)
        return folders

    def folders_with(self, names: Collection[str]) -> list[str]:
        """Return the folders that have pictures of nearly all names; that of the table is an empty name."""
        some = some_of(sorted(names))
        if not could_name(some):
            return []
        counts: Counter[str] = Counter()
        for name in some:
            inner, _, last = name.replace("\\", "/").rpartition("/")
            for folder in self._folders.get(last, ()):
                if f"/{folder}/".endswith(f"/{inner}/" if inner else "/"):
                    at = folder.removesuffix(inner).removesuffix("/")
                    counts[at] += bool(self.file(at, name))
        return [at for at in self._found if counts[at] >= MOSTLY * len(some)]

    def file(self, folder: str, name: str) -> str:
        """Return the path of the picture of a name in a folder; empty where there is none, or it may be of several."""
        before, _, last = f"{folder}/{name}".replace("\\", "/").removeprefix("/").rpartition("/")
        file = self._found.get(before, {}).get(last)
        return f"{before}/{file}".removeprefix("/") if file else ""


def _pictures_below(root: Path) -> dict[str, dict[str, str]]:
    """Return, of each folder below one, the pictures by their names, and by these without the ending."""
    found: dict[str, dict[str, str]] = {}
    count = 0
    waiting = [""]
    while waiting:
        folder = waiting.pop(0)
        try:
            with os.scandir(root / folder) as entries:
                # Links are not followed: what lies behind one may be outside.
                listed = [e for e in entries if is_wanted(e.name) and not e.is_symlink()]
        except OSError:
            continue
        own = found.setdefault(folder, {})
        pictures = sorted(e.name for e in listed if PurePosixPath(e.name).suffix.lower() in NAMED and e.is_file())
        for name in pictures:
            stem = name[: name.rindex(".")]
            # Of two files, which only their endings tell apart, none is meant.
            own[stem] = "" if stem in own else name
        own |= {name: name for name in pictures}
        if folder.count("/") < _DEPTH - 1:
            waiting += sorted(f"{folder}/{e.name}".removeprefix("/") for e in listed if e.is_dir())
        count += len(listed)
        if len(found) + len(waiting) > _MOST_FOLDERS or count > _MOST_FILES:
            return {}
    return found
