"""Columns of a table that name picture files: which ones do, and the files, relative to the folder of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.network import INPUT
from netspec.sources.files.kinds import NAMED, PICTURES, FileKind
from netspec.sources.files.picture_places import (
    MOSTLY,
    PicturesBelow,
    is_there,
    path_inside,
    places_of,
    some_of,
)
from netspec.sources.tables.cells import is_missing
from netspec.sources.tables.columns import Column, written
from netspec.sources.tables.table import Table
from netspec.sources.trees import MOST_BYTES, Read, Tree
from netspec.system.files import open_to_read

__all__ = [
    "ColumnFiles",
    "column_places",
    "missing_files",
    "picture_column",
    "require_files",
    "where_pictures_go",
    "with_files",
]

_SHOWN = 3


class ColumnFiles(Tree):
    """The files that a column names, below the folder of the table; what leads out of it is never read."""

    def __init__(self, folder: Path, name: str, files: Sequence[str], places: Mapping[str, str] | None = None) -> None:
        super().__init__(folder, name)
        self.files = tuple(files)
        self._root = folder.resolve()
        self._places = places or {}

    def shown(self, file: str) -> str:
        """Return what messages call a file."""
        return self._places.get(file, file)

    def each(self, names: Sequence[str]) -> Iterator[tuple[int, Read]]:
        """Yield the place of each file and what reads it."""
        for at, name in enumerate(names):
            yield at, lambda name=name: self.read(name)  # type: ignore[misc]

    def read(self, name: str) -> bytes:
        """Return what is in a file; raises DataError where it lies outside, or cannot be read."""
        path = path_inside(self._root, self._places.get(name, name))
        if path is None:
            message = f"{name!r} leads out of the folder of {self.name}"
            raise DataError(message, "name files in the folder of the table, or in folders there")
        try:
            with open_to_read(path) as stream:
                content = stream.read(MOST_BYTES + 1)
        except OSError as error:
            raise DataError(f"{name} cannot be read: {error.strerror or error}", "make it readable") from None
        if len(content) > MOST_BYTES:
            raise DataError(f"{name} has more than {MOST_BYTES:,} bytes", "make it smaller first")
        return content


def with_files(table: Table, columns: Mapping[str, Column], *, ids: bool = False) -> dict[str, Column]:
    """Return columns, those of the kind `file` that nearly always name picture files that are there.

    Args:
        table: it.
        columns: of it.
        ids: whether numbers, and names of categories, may be the names of pictures in a folder below the table.
    """
    below = PicturesBelow(table.folder)
    found = {name: _names_files(table, c, below, ids=ids) for name, c in columns.items()}
    return {name: replace(c, kind="file") if found[name] else c for name, c in columns.items()}


def _names_files(table: Table, column: Column, below: PicturesBelow, *, ids: bool) -> bool:
    """Return whether a column nearly always names pictures: by their paths, or by their names in one folder."""
    if table.folder is None or column.kind not in {"text", "category", "id", "number"} or column.said:
        return False
    some = some_of(list(column.counts))
    root = table.folder.resolve()
    direct = sum(is_there(root, value) for value in some) if column.low is None and _looks_named(column) else 0
    if direct and direct >= MOSTLY * len(some):
        return True
    if column.kind == "category" or column.low is not None:
        # They are read as categories and numbers, unless a picture is asked for.
        rows = sum(column.counts.values())
        if not ids or not (_looks_named(column) or (column.is_whole and len(column.counts) == rows)):
            return False
    return len(column.counts) > 1 and len(below.folders_with(column.counts)) == 1


def picture_column(table: Table, columns: Mapping[str, Column], names: Sequence[str], given: str) -> str:
    """Return the column whose pictures an input reads: the one that it names, or the only one of picture files.

    Args:
        table: it.
        columns: of it.
        names: what the input names beside `pictures`.
        given: the name of the input, for messages.

    Raises:
        DataError: there is none, or several, or what is named has no names of pictures.
    """
    for name in names:
        table.require(name, f", which the input `{given}` names")
    if len(names) > 1:
        raise DataError(f"the input `{given}` is one picture, and names {listing(names, 'and')}", "name one column")
    below = PicturesBelow(table.folder)
    named = [name for name, column in columns.items() if column.kind == "file" or _looks_named(column)]
    if not named or (names and names[0] not in named):
        named += [name for name, column in columns.items() if _names_files(table, column, below, ids=True)]
    if names:
        if names[0] in named:
            return names[0]
        value = next(iter(columns[names[0]].counts), "")
        message = f"{table.name}: the input `{given}` is a picture, and {names[0]} names none: {value!r}"
        fix = _in_several(table, names[0], below) or "name a column of picture files, such as photo.jpg"
        raise DataError(message, fix)
    found = [name for name in named if columns[name].kind == "file"] or named
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{table.name} has several columns of picture files: {listing(found, 'and')}"
        own = "picture" if given == INPUT else given
        raise DataError(message, f"say which the input reads: `input {written(found[0])} 3x64x64 as {own}`")
    message = f"{table.name} has no column of picture files, and the input is that of a picture"
    several = next((fix for name in columns if (fix := _in_several(table, name, below))), "")
    raise DataError(message, several or "leave `input` out: it follows from the table")


def _looks_named(column: Column) -> bool:
    """Return whether nearly all values of a column end as the names of pictures do."""
    return _are_named(list(column.counts))


def _are_named(values: Sequence[str]) -> bool:
    some = some_of(values)
    return bool(some) and sum(PurePosixPath(v).suffix.lower() in NAMED for v in some) >= MOSTLY * len(some)


def column_places(table: Table, column: str) -> dict[str, str]:
    """Return the path, from the folder of the table, of each picture that a column names."""
    return places_of(table.folder, {cell for cell in table.cells[column] if not is_missing(cell)})


def missing_files(table: Table, column: str) -> list[int]:
    """Return the rows whose picture is not there, or lies outside the folder of the table."""
    root = (table.folder or Path()).resolve()
    there = {name: is_there(root, place) for name, place in column_places(table, column).items()}
    return [row for row, name in enumerate(table.cells[column]) if not there.get(name)]


def require_files(table: Table, column: str, lost: Sequence[int], kind: FileKind = PICTURES) -> None:
    """Raise DataError where the files of some rows are not there."""
    if not lost:
        return
    cells = table.cells[column]
    shown = [f"{cells[row]!r} (line {table.lines[row]:,})" for row in lost[:_SHOWN]]
    shown += [f"{len(lost) - _SHOWN:,} more"] if len(lost) > _SHOWN else []
    are = "is" if len(lost) == 1 else "are"
    fix = "paths begin at the folder of the table, and cannot leave it; `data … { on_bad skip }` leaves such rows out"
    raise DataError(
        f"{table.name}: {plural(len(lost), kind.one)} of {column} {are} not there: {listing(shown, 'and')}",
        _in_several(table, column, PicturesBelow(table.folder)) or fix,
    )


def where_pictures_go(table: Table) -> str:
    """Return where the pictures should be that a column of a table seems to name, and does not reach; else nothing."""
    below = PicturesBelow(table.folder)
    for name in table.columns:
        if several := _in_several(table, name, below):
            return several
        values = [cell for cell in dict.fromkeys(table.cells[name]) if not is_missing(cell)]
        if _are_named(values) and not is_there((table.folder or Path()).resolve(), values[0]):
            example = PurePosixPath(values[0].replace("\\", "/")).name
            where = f"the pictures that {name} names are not there: put them into a folder beside the table"
            return f"{where}, and write their paths from it, such as images/{example}"
    return ""


def _in_several(table: Table, column: str, below: PicturesBelow) -> str:
    """Return what to write where the pictures of a column may be those of several folders; else nothing."""
    names = {cell for cell in table.cells[column] if not is_missing(cell)}
    found = below.folders_with(names)
    if len(found) < 2:
        return ""
    at = next(folder for folder in found if folder)
    each = [f"{folder}/" if folder else "the folder of the table" for folder in found]
    shown = [*each[:_SHOWN], *(["…"] if each[_SHOWN:] else [])]
    path = next(path for name in sorted(names) if (path := below.file(at, name)))
    return f"pictures of these names are in {listing(shown, 'and')}: write which into {column}, such as {path}"
