"""What lies in a folder that a network can learn from, by its names; nothing is read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.catalog import find
from netspec.recipe.file_names import is_table_name, is_tagged_name, is_text_name
from netspec.sources.files.kinds import ENDINGS, SOUNDS
from netspec.sources.trees import is_archive

__all__ = ["place_of", "things"]

_MOST, _LOOKED_AT = 200, 500
"""Things that are listed, and files of a folder that are looked at."""


def things(folder: Path) -> list[dict[str, str]]:
    """Return the name and the kind of each file and folder beside the specs that may be data."""
    found = []
    for path in sorted(folder.iterdir(), key=lambda path: path.name.lower()):
        if path.name.startswith(".") or path.name == "runs" or path.is_symlink():
            continue
        kind = _kind(path)
        if kind:
            found.append({"name": path.name, "kind": kind})
    return found[:_MOST]


def _kind(path: Path) -> str:
    name = path.name.lower()
    if path.is_dir():
        endings = [Path(file).suffix.lower() for file in islice(_files(path), _LOOKED_AT)]
        if any(ending in ENDINGS for ending in endings):
            return "a folder of pictures"
        if any(ending in SOUNDS.endings for ending in endings):
            return "a folder of sounds"
        if ".npy" in endings:
            return "a folder of arrays"
        return "a folder of texts" if ".txt" in endings else ""
    if is_table_name(name):
        return "a table"
    if is_tagged_name(name):
        return "words with labels"
    if name.endswith((".npz", ".npy")):
        return "arrays"
    if is_text_name(name):
        return "a text"
    return "an archive" if is_archive(name) else ""


def _files(folder: Path) -> Iterator[str]:
    for _, _, files in os.walk(folder):
        yield from files


def place_of(folder: Path, name: object) -> str:
    """Return the name of a dataset, or of a file below the folder; raises DataError for any other."""
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise DataError("no dataset is named", "write a name such as `digits`, or choose one of the list")
    if find(name):
        return name
    folder = folder.resolve()
    try:
        place = (folder / name).resolve()
        there = place.exists()
    except (OSError, ValueError, RuntimeError):
        # It is too long, no text, or, before Python 3.13, a link that leads in a circle.
        raise DataError(f"{name[:200]!r} is no name of a file", "name the data as it is beside the spec") from None
    if not place.is_relative_to(folder):
        raise DataError(f"{name[:200]} is outside of the folder of the spec", "put the data beside the spec")
    if not there:
        raise DataError(
            f"there is no dataset and no file {name[:200]!r} here",
            "choose one of the list, or copy your file into the folder of the spec",
        )
    return str(place.relative_to(folder)) if place != folder else "."
