"""What a workbook consists of, looked at before it is read: its size, where its cells stand, and what lost its value.

The library that reads workbooks makes room for all places between the first cell and the last. So of most files it is
known before how many these are.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from html import unescape
from posixpath import join, normpath
from typing import TypeAlias

from netspec.diagnostics.diagnostic import DataError
from netspec.sources.trees import most_held
from netspec.system.memory import free_memory

__all__ = [
    "WITHOUT_PASSWORD",
    "Extent",
    "Parts",
    "extents_of",
    "letters_of",
    "packed_anew",
    "parts_of",
]

Parts: TypeAlias = Mapping[str, bytes]
"""The files in a workbook that are read, by their names in it."""

_CELL = 100
"""Bytes that a cell takes while it is read."""

_MOST_ROWS, _MOST_COLUMNS = 1_048_576, 16_384
"""What a sheet has at most, in Excel and in LibreOffice."""

_SPARSE, _FEW = 100, 5_000_000
"""A table has no more places than so many times its cells, and so many more."""

_PIECE = 2**20


@dataclass(frozen=True, slots=True)
class Extent:
    """How far the cells of a sheet reach.

    Attributes:
        rows: the number of the last row.
        columns: that of the last column.
        cells: how many there are.
        errors: how many of them are errors, such as #DIV/0!.
        uncomputed: how many are formulas without a value.
    """

    rows: int
    columns: int
    cells: int
    errors: int = 0
    uncomputed: int = 0


def parts_of(content: bytes, name: str) -> Parts:
    """Return the parts of a workbook that is a zip, without pictures, macros and the like.

    Raises:
        DataError: it is damaged, encrypted, or holds more than such a file does.
    """
    most, held, found = most_held(len(content)), 0, {}
    free = free_memory()
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for info in archive.infolist():
                if not _is_read(info.filename):
                    continue
                if info.flag_bits & 1:
                    raise DataError(f"{name} is encrypted", WITHOUT_PASSWORD)
                held += info.file_size
                if held > most:
                    message = f"{name} has {len(content):,} bytes and holds more than {most:,}"
                    raise DataError(f"{message}: no tables are packed like that", "save its table as CSV")
                if free is not None and 3 * held > free:
                    raise DataError(f"what is in {name} does not fit into memory", "save its table as CSV")
                with archive.open(info) as stream:
                    found[info.filename] = stream.read()
                if info.filename == "META-INF/manifest.xml" and b"encryption-data" in found[info.filename]:
                    raise DataError(f"{name} is encrypted", WITHOUT_PASSWORD)
    except DataError:
        raise
    except Exception as error:  # zipfile and zlib raise whatever a damaged file leads them to
        raise DataError(f"{name} is damaged: {error}", "copy it again, or save it again") from None
    return found


WITHOUT_PASSWORD = "save it without a password, or its table as CSV"


def _is_read(name: str) -> bool:
    lower = name.lower()
    if lower.endswith(".bin"):
        return lower.rpartition("/")[0] in {"xl", "xl/worksheets"} and not lower.endswith("vbaproject.bin")
    return lower.endswith((".xml", ".rels")) or lower == "mimetype"


def packed_anew(parts: Parts) -> bytes:
    """Return a zip of the parts of a workbook."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for part, content in parts.items():
            archive.writestr(zipfile.ZipInfo(part), content)
    return made.getvalue()


def extents_of(parts: Parts, name: str) -> dict[str, Extent]:
    """Return how far the cells of each sheet reach, by its name; of sheets that are not XML how far they may reach.

    Raises:
        DataError: cells stand where no sheet has any, or so far apart that this is no table.
    """
    if "content.xml" in parts:
        return {}
    of_parts = {}
    for part, content in parts.items():
        if part.lower().endswith(".bin"):
            of_parts[part] = _of_records(content)
        elif part.lower().endswith(".xml"):
            of_parts[part] = _of_xml(content)
    for extent in of_parts.values():
        _require_plausible(extent, name)
    return {sheet: of_parts[part] for sheet, part in _sheets(parts).items() if part in of_parts}


def _require_plausible(extent: Extent, name: str) -> None:
    """Raise DataError where cells stand where no sheet has any, far apart, or are too many for the memory."""
    if extent.rows > _MOST_ROWS or extent.columns > _MOST_COLUMNS:
        raise DataError(f"{name} has cells outside of its sheet", "save its table as CSV")
    places, free = extent.rows * extent.columns, free_memory()
    if not _is_dense(extent):
        last = f"{letters_of(extent.columns - 1)}{extent.rows}"
        message = f"{name} has {extent.cells:,} cells in an area that reaches to {last}"
        raise DataError(message, "delete what stands far from the table, or save the table as CSV")
    if free is not None and _CELL * places > free:
        message = f"{name} has about {places:,} cells: they take {_CELL * places / 2**30:.1f} GiB while they are read"
        raise DataError(f"{message}, and {free / 2**30:.1f} GiB are free", "take fewer rows or columns")


def _is_dense(extent: Extent) -> bool:
    return extent.rows * extent.columns <= _SPARSE * extent.cells + _FEW


def letters_of(column: int) -> str:
    """Return how spreadsheets call a column, counted from 0: `A` to `Z`, then `AA`."""
    found = ""
    column += 1
    while column:
        column, digit = divmod(column - 1, 26)
        found = chr(ord("A") + digit) + found
    return found


# --- XML --------------------------------------------------------------------------------------------------------------

_REFERENCES = re.compile(rb"""[\s:]r\s*=\s*["']\s*([A-Za-z]*)\d""")
_ROWS = re.compile(rb"""[\s:]r\s*=\s*["']\s*[A-Za-z]*(\d+)""")
_CELLS = re.compile(rb"<(?:\w+:)?c(?=[\s/>])")
_ROW_TAGS = re.compile(rb"<(?:\w+:)?row(?=[\s/>])")
_VALUES = re.compile(rb"""<(?:\w+:)?c(?=[\s>])((?:[^>"']|"[^"]*"|'[^']*')*)(?<!/)>(?!\s*</)""")
_PLACE = re.compile(rb"""\sr\s*=\s*["']\s*([A-Za-z]+)(\d+)\s*["']""")
_ERRORS = re.compile(rb"""<(?:\w+:)?c\s[^>]*?\bt=["']e["']""")
_UNCOMPUTED = re.compile(
    rb"""<c(?=[\s>])(?![^>]*\st=)[^>]*>\s*<f(?=[\s/>])(?:[^>]*/>|[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"""
)


def _of_xml(content: bytes) -> Extent:
    """Return how far the cells in a part reach; 0 where it is no sheet."""
    rows = columns = cells = errors = uncomputed = tags = widest = 0
    for piece in _pieces(content, b"</row>"):
        found = len(_CELLS.findall(piece))
        if not found and not _ROW_TAGS.search(piece):
            continue
        cells += found
        # Rows and cells without a place of their own stand behind the one before.
        tags += len(_ROW_TAGS.findall(piece))
        widest = max(widest, *map(len, map(_CELLS.findall, _ROW_TAGS.split(piece))))
        rows = max([rows, *map(int, set(_ROWS.findall(piece)))])
        columns = max([columns, *map(_number_of, set(_REFERENCES.findall(piece)))])
        errors += len(_ERRORS.findall(piece))
        uncomputed += len(_UNCOMPUTED.findall(piece))
    whole = Extent(max(rows, tags), max(columns, widest), cells, errors, uncomputed)
    return whole if _is_dense(whole) else _of_values(content, whole)


def _of_values(content: bytes, whole: Extent) -> Extent:
    """Return how far the cells with a value reach: those that have a format alone may stand anywhere."""
    rows = columns = cells = 0
    for piece in _pieces(content, b"</row>"):
        for attributes in _VALUES.findall(piece):
            place = _PLACE.search(attributes)
            if place is None:
                return whole
            rows, columns, cells = max(rows, int(place[2])), max(columns, _number_of(place[1])), cells + 1
    return replace(whole, rows=rows, columns=columns, cells=cells)


def _pieces(content: bytes, end: bytes) -> Iterator[bytes]:
    """Yield what is in a part, many rows at a time."""
    start = 0
    while start < len(content):
        stop = content.find(end, start + _PIECE)
        stop = len(content) if stop < 0 else stop + len(end)
        yield content[start:stop]
        start = stop


def _number_of(letters: bytes) -> int:
    number = 0
    for letter in letters.upper()[:8]:
        number = 26 * number + letter - 64
    return number


# --- records, of .xlsb ------------------------------------------------------------------------------------------------

_ROW, _CELL_RECORDS = 0, range(1, 12)
_ERROR_RECORDS = {3, 11}


def _of_records(content: bytes) -> Extent:
    """Return how far the cells in a part of records reach: each has a number, a length, and begins with its place."""
    rows = columns = cells = errors = at = 0
    while at < len(content):
        kind, at = _packed(content, at, 2)
        length, at = _packed(content, at, 4)
        if kind == _ROW and length >= 4:
            rows = max(rows, int.from_bytes(content[at : at + 4], "little") + 1)
        elif kind in _CELL_RECORDS and length >= 4:
            columns = max(columns, int.from_bytes(content[at : at + 4], "little") + 1)
            cells += 1
            errors += kind in _ERROR_RECORDS
        at += length
    return Extent(rows, columns, cells, errors) if rows else Extent(0, 0, 0)


def _packed(content: bytes, at: int, most: int) -> tuple[int, int]:
    """Return a number of seven bits a byte, and where it ends."""
    number = 0
    for place in range(most):
        byte = content[at] if at < len(content) else 0
        at += 1
        number |= (byte & 127) << 7 * place
        if byte < 128:
            break
    return number, at


# --- which part is which sheet ----------------------------------------------------------------------------------------

_SHEET = re.compile(rb"<(?:\w+:)?sheet\s[^>]*>")
_RELATION = re.compile(rb"<(?:\w+:)?Relationship\s[^>]*>")


def _sheets(parts: Parts) -> dict[str, str]:
    """Return the part of each sheet, by the name of the sheet."""
    targets = {}
    for tag in _RELATION.findall(parts.get("xl/_rels/workbook.xml.rels", b"")):
        target = _attribute(tag, "Target")
        targets[_attribute(tag, "Id")] = normpath(target.lstrip("/") if target.startswith("/") else join("xl", target))
    tags: Iterable[bytes] = _SHEET.findall(parts.get("xl/workbook.xml", b""))
    return {_attribute(tag, "name"): targets.get(_attribute(tag, r"\w+:id"), "") for tag in tags}


def _attribute(tag: bytes, key: str) -> str:
    found = re.search(rf"""\s{key}\s*=\s*(["'])(.*?)\1""", tag.decode("utf-8", "replace"))
    return unescape(found[2]) if found else ""
