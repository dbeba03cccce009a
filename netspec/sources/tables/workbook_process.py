"""A program that reads a workbook from standard input, and writes one of its sheets as JSON.

The library that it reads with ends its process on some damaged files, and where memory is short. So this is one of its
own, which imports nothing of netspec.
"""

from __future__ import annotations

import datetime
import io
import json
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

_MARGIN = 2**30
"""Bytes of addresses that a process takes, whatever it does."""


def main(sheet: str, most: str) -> None:
    """Write what there is of a workbook: `rows` of the sheet, or which sheets there are where it is not clear.

    Args:
        sheet: its name; the only one that is visible and has something in it where that is empty.
        most: bytes of memory that are free; empty where that is not known.
    """
    if most:
        # Where a system has no such limit it refuses what there is no room for.
        with suppress(ImportError, OSError, ValueError):
            import resource  # noqa: PLC0415

            resource.setrlimit(resource.RLIMIT_AS, (int(most) + _MARGIN,) * 2)
    try:
        found = _read(sys.stdin.buffer.read(), sheet)
    except PasswordError:
        found = {"encrypted": True}
    except MemoryError:
        found = {"large": True}
    except Exception as error:  # whatever a damaged file leads to
        found = {"error": str(error) or type(error).__name__}
    json.dump(found, sys.stdout)


def _read(content: bytes, sheet: str) -> dict[str, Any]:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
    of_cells = [facts for facts in workbook.sheets_metadata if facts.typ == SheetTypeEnum.WorkSheet]
    names = [facts.name for facts in of_cells]
    if sheet and sheet not in names:
        return {"names": names}
    if not sheet:
        visible = {facts.name for facts in of_cells if facts.visible == SheetVisibleEnum.Visible}
        filled = names
        if len(names) > 1:
            filled = [name for name in names if _has_cells(workbook.get_sheet_by_name(name).to_python())]
        shown = [name for name in filled if name in visible] or filled
        if len(shown) != 1:
            return {"filled": shown}
        sheet = shown[0]
    found = workbook.get_sheet_by_name(sheet)
    return {
        "sheet": sheet,
        "rows": _as_texts(found.to_python()),
        "start": found.start or (0, 0),
        "merged": found.merged_cell_ranges or [],
    }


def _has_cells(rows: Sequence[Sequence[Any]]) -> bool:
    return any(cell != "" for row in rows for cell in row)


def _as_texts(rows: Sequence[Sequence[Any]]) -> list[list[str]]:
    """Return cells as a CSV file has them; dates in a column in which one has a time have one, too."""
    timed = {at for row in rows for at, cell in enumerate(row) if _has_time(cell)}
    return [[_text(cell, timed=at in timed) for at, cell in enumerate(row)] for row in rows]


def _has_time(cell: Any) -> bool:
    return isinstance(cell, datetime.datetime) and cell.time() != datetime.time()


def _text(cell: Any, *, timed: bool) -> str:
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return str(cell)
    if isinstance(cell, float):
        # Spreadsheets know no whole numbers: 3 is 3.0 to them.
        return str(int(cell)) if cell.is_integer() and abs(cell) < 2**53 else repr(cell)
    if isinstance(cell, datetime.datetime):
        return cell.isoformat(" ") if timed else cell.date().isoformat()
    if isinstance(cell, datetime.date):
        return f"{cell.isoformat()} 00:00:00" if timed else cell.isoformat()
    if isinstance(cell, datetime.timedelta):
        seconds = round(cell.total_seconds())
        sign, seconds = ("-", -seconds) if seconds < 0 else ("", seconds)
        return f"{sign}{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(cell)


if __name__ == "__main__":
    main(*sys.argv[1:])
