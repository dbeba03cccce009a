"""Columns of a table that name picture files: which ones do, and the files, relative to the folder of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.network import INPUT
from netspec.sources.cells import is_missing
from netspec.sources.columns import Column, written
from netspec.sources.pictures import ENDINGS
from netspec.sources.tables import Table
from netspec.sources.trees import MOST_BYTES, Read, Tree
from netspec.system.files import open_to_read

__all__ = ["ColumnFiles", "missing_files", "picture_column", "require_files", "with_files"]

_MOSTLY, _LOOKED_AT, _SHOWN = 0.9, 200, 3


class ColumnFiles(Tree):
    """The files that a column names, below the folder of the table; what leads out of it is never read."""

    def __init__(self, folder: Path, name: str, files: Sequence[str]) -> None:
        super().__init__(folder, name)
        self.files = tuple(files)
        self._root = folder.resolve()

    def shown(self, file: str) -> str:
        """Return what messages call a file."""
        return file

    def each(self, names: Sequence[str]) -> Iterator[tuple[int, Read]]:
        """Yield the place of each file and what reads it."""
        for at, name in enumerate(names):
            yield at, lambda name=name: self.read(name)  # type: ignore[misc]

    def read(self, name: str) -> bytes:
        """Return what is in a file; raises DataError where it lies outside, or cannot be read."""
        path = _inside(self._root, name)
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


def _inside(root: Path, name: str) -> Path | None:
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


def with_files(table: Table, columns: Mapping[str, Column]) -> dict[str, Column]:
    """Return columns, those of the kind `file` that nearly always name picture files that are there."""
    return {name: replace(c, kind="file") if _names_files(table, c) else c for name, c in columns.items()}


def _names_files(table: Table, column: Column) -> bool:
    if table.folder is None or column.kind not in {"text", "category", "id"} or column.low is not None:
        return False
    if not _looks_named(column):
        return False
    values = list(column.counts)
    some = values[:: max(1, len(values) // _LOOKED_AT)]
    root = table.folder.resolve()
    return sum(_is_there(root, value) for value in some) >= _MOSTLY * len(some)


def _is_there(root: Path, name: str) -> bool:
    path = _inside(root, name)
    try:
        return path is not None and path.is_file()
    except OSError:
        return False


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
    named = [name for name, column in columns.items() if _looks_named(column)]
    if names:
        if names[0] in named:
            return names[0]
        value = next(iter(columns[names[0]].counts), "")
        message = f"{table.name}: the input `{given}` is a picture, and {names[0]} names none: {value!r}"
        raise DataError(message, "name a column of picture files, such as photo.jpg")
    found = [name for name in named if columns[name].kind == "file"] or named
    if len(found) == 1:
        return found[0]
    if found:
        message = f"{table.name} has several columns of picture files: {listing(found, 'and')}"
        own = "picture" if given == INPUT else given
        raise DataError(message, f"say which the input reads: `input {written(found[0])} 3x64x64 as {own}`")
    message = f"{table.name} has no column of picture files, and the input is that of a picture"
    raise DataError(message, "leave `input` out: it follows from the table")


def _looks_named(column: Column) -> bool:
    """Return whether nearly all values of a column end as the names of pictures do."""
    values = list(column.counts)
    some = values[:: max(1, len(values) // _LOOKED_AT)]
    return bool(some) and sum(PurePosixPath(v).suffix.lower() in ENDINGS for v in some) >= _MOSTLY * len(some)


def missing_files(table: Table, column: str) -> list[int]:
    """Return the rows whose picture is not there, or lies outside the folder of the table."""
    root = (table.folder or Path()).resolve()
    there = {name: not is_missing(name) and _is_there(root, name) for name in set(table.cells[column])}
    return [row for row, name in enumerate(table.cells[column]) if not there[name]]


def require_files(table: Table, column: str, lost: Sequence[int]) -> None:
    """Raise DataError where the pictures of some rows are not there."""
    if not lost:
        return
    cells = table.cells[column]
    shown = [f"{cells[row]!r} (line {table.lines[row]:,})" for row in lost[:_SHOWN]]
    shown += [f"{len(lost) - _SHOWN:,} more"] if len(lost) > _SHOWN else []
    are = "is" if len(lost) == 1 else "are"
    raise DataError(
        f"{table.name}: {plural(len(lost), 'picture')} of {column} {are} not there: {listing(shown, 'and')}",
        "paths begin at the folder of the table, and cannot leave it; `data … { on_bad skip }` leaves such rows out",
    )
