"""Small workbooks, written part by part, so that no test needs what writes them: .xlsx, .xlsb and .ods."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

Rows = Sequence[Sequence[Any]]

_TYPES = '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>'
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006/relationships"


class Raw(str):
    """The XML of a cell, behind the place of it."""


class Date(float):
    """A number that is shown as a date."""


def letters(column: int) -> str:
    return (letters(column // 26 - 1) if column >= 26 else "") + chr(ord("A") + column % 26)


def _cell(row: int, column: int, value: Any) -> str:
    place = f'r="{letters(column)}{row + 1}"'
    match value:
        case None:
            return ""
        case Raw():
            return value.replace("<c", f"<c {place}", 1)
        case bool():
            return f'<c {place} t="b"><v>{int(value)}</v></c>'
        case Date():
            return f'<c {place} s="1"><v>{float(value)!r}</v></c>'
        case int() | float():
            return f"<c {place}><v>{value!r}</v></c>"
        case str() if value.startswith("#"):
            return f'<c {place} t="e"><v>{value}</v></c>'
        case _:
            return f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>'


def sheet_xml(rows: Rows, merged: Sequence[str] = ()) -> str:
    lines = (
        f'<row r="{i + 1}">{"".join(_cell(i, j, value) for j, value in enumerate(row))}</row>'
        for i, row in enumerate(rows)
    )
    areas = "".join(f'<mergeCell ref="{area}"/>' for area in merged)
    merges = f"<mergeCells>{areas}</mergeCells>" if merged else ""
    return f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData>{merges}</worksheet>'


def _zipped(parts: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content, zipfile.ZIP_STORED if name == "mimetype" else None)
    return stream.getvalue()


def _related(kinds: Sequence[tuple[str, str]]) -> str:
    each = "".join(
        f'<Relationship Id="r{i}" Type="{_OFFICE}/{kind}" Target="{to}"/>' for i, (kind, to) in enumerate(kinds)
    )
    return f'<Relationships xmlns="{_PACKAGE}">{each}</Relationships>'


def xlsx(
    rows: Rows | str,
    *,
    merged: Sequence[str] = (),
    name: str = "Sheet1",
    others: Mapping[str, Rows] | None = None,
    hidden: Sequence[str] = (),
    more: Mapping[str, bytes] | None = None,
) -> bytes:
    """Return a workbook whose first sheet has rows, or is XML; `others` are further sheets by their names."""
    sheets = [rows if isinstance(rows, str) else sheet_xml(rows, merged), *map(sheet_xml, (others or {}).values())]
    names = [name, *(others or {})]
    listed = ""
    for i, own in enumerate(names):
        state = ' state="hidden"' if own in hidden else ""
        listed += f'<sheet name="{escape(own)}" sheetId="{i + 1}"{state} r:id="r{i}"/>'
    formats = '<cellXfs><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs>'
    parts = {
        "[Content_Types].xml": _TYPES,
        "_rels/.rels": _related([("officeDocument", "xl/workbook.xml")]),
        "xl/workbook.xml": f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>{listed}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": _related(
            [*(("worksheet", f"worksheets/sheet{i}.xml") for i in range(len(names))), ("styles", "styles.xml")]
        ),
        "xl/styles.xml": f'<styleSheet xmlns="{_MAIN}">{formats}</styleSheet>',
        **{f"xl/worksheets/sheet{i}.xml": sheet for i, sheet in enumerate(sheets)},
    }
    return _zipped({**parts, **(more or {})})


# --- .ods -------------------------------------------------------------------------------------------------------------

_ODS = "application/vnd.oasis.opendocument.spreadsheet"
_SPACES = " ".join(
    f'xmlns:{name}="urn:oasis:names:tc:opendocument:xmlns:{name}:1.0"' for name in ("office", "table", "text")
)


def _ods_cell(value: Any) -> str:
    match value:
        case None:
            return "<table:table-cell/>"
        case bool():
            said = f'"boolean" office:boolean-value="{str(value).lower()}"'
        case int() | float():
            said = f'"float" office:value="{value!r}"'
        case _:
            said = '"string"'
    return f"<table:table-cell office:value-type={said}><text:p>{escape(str(value))}</text:p></table:table-cell>"


def ods(rows: Rows, manifest: str = "") -> bytes:
    lines = "".join(f"<table:table-row>{''.join(map(_ods_cell, row))}</table:table-row>" for row in rows)
    sheet = f'<table:table table:name="Sheet1">{lines}</table:table>'
    body = f"<office:body><office:spreadsheet>{sheet}</office:spreadsheet></office:body>"
    return _zipped(
        {
            "mimetype": _ODS,
            "META-INF/manifest.xml": f"<manifest>{manifest}</manifest>",
            "content.xml": f"<office:document-content {_SPACES}>{body}</office:document-content>",
        }
    )


# --- .xlsb ------------------------------------------------------------------------------------------------------------


def _record(kind: int, content: bytes = b"") -> bytes:
    number = bytes([kind]) if kind < 128 else bytes([kind & 127 | 128, kind >> 7])
    return number + bytes([len(content)]) + content


def _wide(text: str) -> bytes:
    return struct.pack("<I", len(text)) + text.encode("utf-16-le")


def xlsb(rows: Rows, places: Mapping[tuple[int, int], float] | None = None) -> bytes:
    """Return a workbook of binary records; `places` are further cells by their row and column."""
    cells: dict[int, dict[int, Any]] = {i: dict(enumerate(row)) for i, row in enumerate(rows)}
    for (row, column), value in (places or {}).items():
        cells.setdefault(row, {})[column] = value
    sheet = _record(129) + _record(148, struct.pack("<4I", 0, 0, 0, 0)) + _record(145)
    for i, row in sorted(cells.items()):
        sheet += _record(0, struct.pack("<IIHHBI", i, 0, 300, 0, 0, 0))
        for j, value in row.items():
            place = struct.pack("<II", j, 0)
            if isinstance(value, str):
                sheet += _record(6, place + _wide(value))
            elif value is not None:
                sheet += _record(5, place + struct.pack("<d", value))
    sheet += _record(146) + _record(130)
    book = _record(131) + _record(143) + _record(156, struct.pack("<II", 0, 1) + _wide("r0") + _wide("Sheet1"))
    book += _record(144) + _record(157, bytes(26)) + _record(132)
    return _zipped(
        {
            "[Content_Types].xml": _TYPES,
            "_rels/.rels": _related([("officeDocument", "xl/workbook.bin")]),
            "xl/workbook.bin": book,
            "xl/_rels/workbook.bin.rels": _related([("worksheet", "worksheets/sheet1.bin")]),
            "xl/worksheets/sheet1.bin": sheet,
        }
    )
