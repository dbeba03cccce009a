"""Spreadsheets: the rows of one sheet of a workbook, as texts that a CSV file would have."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.sources.how_read import HowRead
from netspec.sources.tables.workbook_parts import WITHOUT_PASSWORD, Extent, extents_of, packed_anew, parts_of
from netspec.system.memory import free_memory

__all__ = ["Sheet", "is_workbook", "read_sheet"]

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MARKS = (b"[Content_Types].xml", b"xl/worksheets/", b"opendocument.spreadsheet")
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")

_PROGRAM = Path(__file__).with_name("workbook_process.py")

_LOOKED_AT, _SHOWN = 4096, 12

Area: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""The first and the last cell of a rectangle: row and column of each."""

_NO_ROWS = "give a sheet with the names of the columns, then the rows"


@dataclass(frozen=True, eq=False, slots=True)
class Sheet:
    """A sheet of a workbook.

    Attributes:
        name: of it.
        rows: its cells, as texts; all of the same length.
        first: the row and the column at which they begin, counted from 0.
        merged: rectangles of cells that are one, of which the first has the value; places are those in the sheet.
        notices: what is to be said of it.
    """

    name: str
    rows: Sequence[list[str]]
    first: tuple[int, int]
    merged: Sequence[Area] = ()
    notices: tuple[str, ...] = ()


def is_workbook(content: bytes) -> bool:
    """Return whether some bytes are a workbook, by how they begin and end."""
    if content.startswith(_OLE):
        return True
    # The names of what is in a zip stand before each part, and once more at its end.
    some = content[:_LOOKED_AT] + content[-_LOOKED_AT:]
    return content.startswith(_ZIP) and any(mark in some for mark in _MARKS)


def read_sheet(content: bytes, name: str, how: HowRead) -> Sheet:
    """Return the sheet of a workbook that is the table.

    Args:
        content: what is in the file.
        name: what messages call it.
        how: says which sheet; without a word on it, it is the only one that is visible and has something in it.

    Raises:
        DataError: it cannot be read, is no workbook, or it is not clear which sheet is meant.
    """
    try:
        # A dependency that only those need who have such files.
        import python_calamine  # noqa: F401, PLC0415
    except ImportError:
        fix = "install what reads them: pip install 'netspec[sheets]'; or save the table as CSV"
        raise DataError(f"{name}: spreadsheets are read by python-calamine, which is not installed", fix) from None
    safe, extents = _looked_through(content, name)
    found = _read(safe, how.sheet)
    if "names" in found and how.like:
        found = _read(safe, "")
    if "rows" not in found:
        raise _unclear(found, name, how)
    if not any(map(any, found["rows"])):
        raise DataError(f"{name} is empty", _NO_ROWS)
    merged = [((a, b), (c, d)) for (a, b), (c, d) in found["merged"]]
    row, column = found["start"]
    return Sheet(found["sheet"], found["rows"], (row, column), merged, _said(name, extents.get(found["sheet"])))


def _read(content: bytes, sheet: str) -> dict[str, Any]:
    """Return what the program that reads workbooks says of one."""
    free = free_memory()
    # It finds the library where this program does, also in a folder of the user, and imports nothing beside its file.
    done = subprocess.run(
        [sys.executable, "-P", str(_PROGRAM), sheet, "" if free is None else str(free)],
        input=content,
        capture_output=True,
        check=False,
    )
    if done.returncode == 0:
        found: dict[str, Any] = json.loads(done.stdout)
        return found
    # A fault within the library, or no room for what the file says that it has.
    return {"error": "it is damaged, or takes more memory than there is"}


def _looked_through(content: bytes, name: str) -> tuple[bytes, dict[str, Extent]]:
    """Return a workbook without what is not read, and how far the cells of its sheets reach, where that is known."""
    if content.startswith(_ZIP):
        parts = parts_of(content, name)
        if not {"[Content_Types].xml", "content.xml"} & set(parts):
            fix = "give a .xlsx, .xlsb, .xls or .ods file; another zip is named .zip"
            raise DataError(f"{name} is a zip, and no spreadsheet", fix)
        return packed_anew(parts), extents_of(parts, name)
    if content.startswith(_OLE):
        if _ENCRYPTED in content:
            raise DataError(f"{name} is encrypted", WITHOUT_PASSWORD)
        return content, {}
    if not content:
        raise DataError(f"{name} is empty", _NO_ROWS)
    raise DataError(f"{name} is no spreadsheet, as its name says", _named_by(content))


def _named_by(content: bytes) -> str:
    with suppress(UnicodeDecodeError):
        text = content[:_LOOKED_AT].decode("utf-8-sig", "strict" if len(content) <= _LOOKED_AT else "ignore").lstrip()
        if text.lower().startswith(("<html", "<!doctype", "<table", "<?xml", "<meta", "<style")):
            return "it is a web page, as some programs export tables: open it, and save it as .xlsx or CSV"
        if "\0" not in text:
            return "it looks like text: name it .csv"
    return "save it again as .xlsx, or its table as CSV"


def _unclear(found: dict[str, Any], name: str, how: HowRead) -> DataError:
    """Return why no sheet of a workbook is read."""
    if "encrypted" in found:
        return DataError(f"{name} is encrypted", WITHOUT_PASSWORD)
    if "large" in found:
        return DataError(f"{name} does not fit into memory", "take fewer rows or columns")
    if "names" in found:
        near = nearest(how.sheet, found["names"])
        fix = f'did you mean `sheet "{near}"`?' if near else f"it has {_listed(found['names'])}"
        return DataError(f"{name} has no sheet {how.sheet!r}", fix)
    filled = found.get("filled")
    if filled is None:
        why = next(iter(str(found["error"]).splitlines()), "")
        return DataError(f"{name} cannot be read as a spreadsheet: {why}", "save it again, or as CSV")
    if not filled:
        return DataError(f"{name} is empty", _NO_ROWS)
    fix = f'say which one is the table: `sheet "{filled[0]}"` in `data`; without a spec --sheet "{filled[0]}"'
    if how.like:
        fix = "save the one that is meant as a file of its own, or give it the name of the one that was learned from"
    return DataError(f"{name} has {plural(len(filled), 'sheet')} with rows: {_listed(filled)}", fix)


def _listed(names: Sequence[str]) -> str:
    more = [f"{len(names) - _SHOWN:,} more"] if len(names) > _SHOWN else []
    return listing([*(f'"{name}"' for name in names[:_SHOWN]), *more], "and")


def _said(name: str, extent: Extent | None) -> tuple[str, ...]:
    """Return what is to be said of the cells of a sheet; raises DataError where formulas have no value."""
    if extent is None:
        return ()
    if extent.uncomputed:
        formulas = plural(extent.uncomputed, "formula")
        message = f"{name} has {formulas} without a value: the program that wrote it has computed none"
        raise DataError(message, "open it in Excel or LibreOffice, and save it")
    if extent.errors:
        are = "cell is an error" if extent.errors == 1 else "cells are errors"
        read = "it is read as a missing value" if extent.errors == 1 else "they are read as missing values"
        return (f"{extent.errors:,} {are} in {name}, such as #N/A or #DIV/0!: {read}",)
    return ()
