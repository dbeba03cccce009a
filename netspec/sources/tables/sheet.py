"""Where the table is in a sheet: below titles, beside remarks, with blank rows and columns and merged cells in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.sources.tables.cells import number_of, shown
from netspec.sources.tables.workbook import Sheet
from netspec.sources.tables.workbook_parts import letters_of

__all__ = ["Found", "table_in"]


@dataclass(frozen=True, eq=False, slots=True)
class Found:
    """The table in a sheet.

    Attributes:
        rows: of it, the names of the columns first; all of the same length.
        lines: the number of each row in the sheet.
        notices: what is left out, and what merged cells are read as.
    """

    rows: Sequence[Sequence[str]]
    lines: Sequence[int]
    notices: tuple[str, ...]


def table_in(sheet: Sheet, name: str) -> Found:
    """Return the table in a sheet.

    The names of the columns are the first row that has more than half as many cells as the fullest one, and is not
    followed by a blank row. What stands above is left out, and so are columns beside the table without a name.

    Raises:
        DataError: the names of the columns are merged cells.
    """
    top, left = sheet.first
    head = _head(sheet.rows)
    notices = [*sheet.notices, *_said_of_titles(sheet, head, name)]
    _refuse_merged_names(sheet, head, name)
    rows = [list(row) for row in sheet.rows[head:]]
    notices += _filled_down(sheet, rows, head, name)
    columns, beside = _columns(rows)
    if beside:
        at, row = next((at, row) for row, cells in enumerate(rows) for at in beside if cells[at])
        cell = f"{letters_of(left + at)}{top + head + row + 1}"
        notices.append(f"{cell} of {name} and what else stands beside the table, with no name above it, is left out")
    kept = [(top + head + i + 1, [row[at] for at in columns]) for i, row in enumerate(rows)]
    kept = [(line, row) for line, row in kept if any(row)]
    kept, remarks = _without_remarks(kept)
    if remarks:
        what = f"row {remarks[0]:,}" if len(remarks) == 1 else f"rows {remarks[0]:,} to {remarks[-1]:,}"
        notices.append(f"{what} of {name}, below the table, {'is' if len(remarks) == 1 else 'are'} left out: a remark")
    line, names = kept[0]
    # A name that is broken into lines is one line to a spec.
    kept[0] = line, [" ".join(cell.split()) for cell in names]
    return Found([row for _, row in kept], [line for line, _ in kept], tuple(notices))


def _head(rows: Sequence[Sequence[str]]) -> int:
    """Return which row has the names of the columns."""
    filled = [sum(map(bool, row)) for row in rows]
    most = max(filled)
    found = [i for i, count in enumerate(filled) if count > most // 2 or count == most]
    above = (i for i in found if filled[i] == most or (i + 1 < len(rows) and filled[i + 1]))
    return next(above, found[0])


def _said_of_titles(sheet: Sheet, head: int, name: str) -> list[str]:
    above = [(sheet.first[0] + i + 1, cell) for i, row in enumerate(sheet.rows[:head]) for cell in row if cell]
    if not above:
        return []
    first, last = above[0][0], above[-1][0]
    what = f"row {first:,}" if first == last else f"rows {first:,} to {last:,}"
    stands = "stands" if first == last else "stand"
    are = "is" if first == last else "are"
    return [f"{what} of {name} {stands} above the names of the columns and {are} left out: {shown(above[0][1])}"]


def _refuse_merged_names(sheet: Sheet, head: int, name: str) -> None:
    """Raise DataError where a name of a column is one cell over several columns or rows."""
    line = sheet.first[0] + head
    for (first, left), (last, right) in sheet.merged:
        if first == line and (last > first or right > left):
            cells = f"{letters_of(left)}{first + 1}:{letters_of(right)}{last + 1}"
            message = f"{name}: the names of the columns have merged cells in them, {cells}"
            raise DataError(message, "unmerge them, and give each column one name, all in one row")


def _filled_down(sheet: Sheet, rows: list[list[str]], head: int, name: str) -> list[str]:
    """Write the value of cells that are merged over several rows into each of these; return what to say."""
    top, left = sheet.first
    count = 0
    for (first, place), (last, _) in sheet.merged:
        at, column = first - top - head, place - left
        if last == first or at < 1 or at >= len(rows) or not 0 <= column < len(rows[0]):
            continue
        count += 1
        for row in rows[at : last - top - head + 1]:
            row[column] = row[column] or rows[at][column]
    if not count:
        return []
    have = "has" if count == 1 else "have"
    return [f"{plural(count, 'merged cell')} of {name} {have} one value for several rows: each row gets it"]


def _columns(rows: Sequence[Sequence[str]]) -> tuple[list[int], list[int]]:
    """Return the columns of the table, and those with something in them beside it that have no name."""
    width = len(rows[0])
    filled = [any(row[at] for row in rows) for at in range(width)]
    columns: list[int] = []
    beside: list[int] = []
    at = 0
    while at < width:
        block = []
        while at < width and filled[at]:
            block.append(at)
            at += 1
        (columns if any(rows[0][i] for i in block) else beside).extend(block)
        at += 1
    return columns, beside


def _without_remarks(kept: list[tuple[int, list[str]]]) -> tuple[list[tuple[int, list[str]]], list[int]]:
    """Return rows without texts that stand alone below a table and a blank row, and where these stand."""
    end = len(kept)
    while end > 2 and _is_remark(kept[end - 1][1]):
        end -= 1
    below = kept[end:]
    if not below or below[0][0] == kept[end - 1][0] + 1:
        return kept, []
    return kept[:end], [line for line, _ in below]


def _is_remark(row: Sequence[str]) -> bool:
    filled = [cell for cell in row if cell]
    return len(row) > 2 and len(filled) == 1 and number_of(filled[0]) is None
