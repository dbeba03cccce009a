"""CSV and its relatives: cells separated by commas, semicolons, tabs or bars, as they are found in the wild."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeAlias

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.sources.tables.cells import is_missing, number_of, shown

__all__ = ["MOST_COLUMNS", "Delimited", "columns_of_rows", "read_delimited", "require_few_columns"]

MOST_COLUMNS = 10_000
"""A table has no more."""

_LONGEST = 1_000_000
"""Characters of one cell."""

_NAMED, _LOOKED_AT = 5, 100
"""So many names are shown, and values looked at."""

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}


Delimited: TypeAlias = tuple[list[str], list[list[str]], list[int], list[str], bool]
"""The names of the columns, their cells, the line of each row, what to say, and whether commas may be decimal ones."""


def read_delimited(text: str, name: str, delimiter: str | None) -> Delimited:
    """Return the columns of a text whose cells are separated.

    Args:
        text: it.
        name: what messages call it.
        delimiter: what separates the cells; found out unless given.

    Raises:
        DataError: rows are of different lengths, a quote is not closed, or there are none.
    """
    notices = []
    skipped = 0
    # Excel writes above a table what separates its cells.
    if said := _SEPARATOR.match(text):
        delimiter, text, skipped = said[1], text[said.end() :], 1
        _require_some(text, name)
    if delimiter is None:
        delimiter = _delimiter(text)
        if delimiter != ",":
            notices.append(f"{name} is separated by {_DELIMITERS[delimiter]}")
    before = csv.field_size_limit(_LONGEST)
    reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        line = 1 + skipped
        for row in reader:
            # A line without anything in it is no row, unless one column is all there is and it may be missing.
            if row and (len(row) > 1 or row[0].strip()):
                rows.append(row)
                lines.append(line)
                if len(row) != len(rows[0]):
                    _refuse_ragged(name, rows[0], row, line, delimiter)
                if len(rows) == 1:
                    require_few_columns(len(row), name)
            line = reader.line_num + 1 + skipped
    except csv.Error as error:
        raise _unreadable(error, name, line) from None
    finally:
        csv.field_size_limit(before)
    names, cells, found = columns_of_rows(name, rows, lines, decimal=delimiter != ",")
    return names, cells, lines[1:], [*notices, *found], delimiter != ","


def columns_of_rows(
    name: str, rows: Sequence[Sequence[str]], lines: Sequence[int], *, decimal: bool = False
) -> tuple[list[str], list[list[str]], list[str]]:
    """Return the names of columns, their cells, and what to say, of rows of equal length whose first has the names.

    Args:
        name: what messages call the table.
        rows: there is one at least.
        lines: where each begins.
        decimal: whether a comma in a number stands before a fraction.

    Raises:
        DataError: there are no rows below the names.
    """
    names = [cell.strip() or f"column_{i + 1}" for i, cell in enumerate(rows[0])]
    if len(rows) == 1:
        fix = "give rows below the names of the columns"
        raise DataError(f"{name} has one line alone, the names of its columns, and no rows", fix)
    cells = [[cell.strip() for cell in column] for column in zip(*rows[1:], strict=True)]
    notices = _said_of_names(name, rows, cells, lines)
    notices += _all_without_commas(names, cells, decimal=decimal)
    return names, cells, notices


def _said_of_names(
    name: str, rows: Sequence[Sequence[str]], cells: Sequence[Sequence[str]], lines: Sequence[int]
) -> list[str]:
    """Return what is suspicious about the names of the columns, the first of the rows: a row, a title, there again."""
    header, found = rows[0], []
    first = f"the first line of {name} has"
    again = next((i for i, row in enumerate(rows[1:], 1) if row == header), None)
    if again is not None and all(number_of(cell) is None for cell in header):
        found.append(f"line {lines[again]:,} of {name} has the names of the columns again: remove it")
    elif looks_headless(header, cells):
        some = listing([*map(shown, header[:_NAMED]), *(["…"] if len(header) > _NAMED else [])], "and")
        found.append(
            f"{first} the names of the columns, and {some} look like a row: if they are one, "
            "put a line with names above it"
        )
    if _is_title(header, cells):
        found.append(
            f"{first} {shown(header[0].strip())} alone for {len(header):,} columns: if it is a title, "
            "remove what stands above the names of the columns"
        )
    if len(header) == 1 and len(header[0].split()) > 1 and len({len(row[0].split()) for row in rows}) == 1:
        found.append(f"{name} is one column, {shown(header[0])}: if blanks separate its cells, write commas for them")
    return found


def _require_some(text: str, name: str) -> None:
    """Raise DataError where nothing is below the line that says what separates the cells."""
    if not text.strip():
        raise DataError(f"{name} has no rows", "give the names of the columns, then the rows")


def _is_title(header: Sequence[str], cells: Sequence[Sequence[str]]) -> bool:
    """Return whether a first line is no names but a title: one cell, above a line of names that are no numbers."""
    first = [column[0] for column in cells if column[0]]
    alone = len(header) > 2 and header[0].strip() and not any(cell.strip() for cell in header[1:])
    return bool(alone and all(number_of(cell) is None for cell in first))


def _all_without_commas(names: Sequence[str], cells: Sequence[list[str]], *, decimal: bool) -> list[str]:
    """Write numbers that have commas in them without; return what to say, of many columns in one line."""
    found = [
        said
        for key, column in zip(names, cells, strict=True)
        if (said := _without_commas(column, key, decimal=decimal))
    ]
    if len(found) <= _NAMED:
        return found
    return [f"{found[0]}; likewise in {len(found) - 1:,} other columns"]


def looks_headless(header: Sequence[str], cells: Sequence[Sequence[str]]) -> bool:
    """Return whether the names of columns may be a row: numbers, or values of their columns, and no mere counting."""
    header = [cell.strip() for cell in header]
    numbers = [number_of(cell) for cell in header]
    found = [number for number in numbers if number is not None]
    # Whole numbers one after the other are what programs call columns, or are years.
    if len(found) == len(header) and all(after - before == 1 for before, after in pairwise(found)):
        return False
    return any(header) and all(
        not cell or cell in column or (number is not None and _are_numbers(column))
        for cell, number, column in zip(header, numbers, cells, strict=True)
    )


def _are_numbers(column: Sequence[str]) -> bool:
    """Return whether the first values of a column are numbers."""
    return all(is_missing(cell) or number_of(cell) is not None for cell in column[:_LOOKED_AT])


def require_few_columns(count: int, name: str) -> None:
    """Raise DataError where a table has more columns than is sensible."""
    if count > MOST_COLUMNS:
        message = f"{name} has {count:,} columns, and a table has at most {MOST_COLUMNS:,}"
        raise DataError(message, "rows of so many numbers go into an .npz file: docs/your_data.md")


_SEPARATOR = re.compile(r"sep=([,;\t|])\r?\n", re.I)

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\n|\r)?")


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text with what ends them, one at a time: a stream would copy it at four times the size."""
    for found in _LINE.finditer(text):
        if found.end() > found.start():
            yield found.group()


def _delimiter(text: str) -> str:
    """Return what separates the cells of a text: a comma, unless the first lines are cut evenly by another alone."""
    first = list(_first_lines(text, 5))
    counts = {d: [_outside_quotes(line).count(d) for line in first] for d in _DELIMITERS}
    even = [d for d, found in counts.items() if found[0] and len(set(found)) == 1]
    if "," in even:
        return ","
    named = [d for d, found in counts.items() if found[0]]
    return even[0] if even else named[0] if named else ","


def _first_lines(text: str, count: int) -> Iterable[str]:
    start = 0
    while count and start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        line = text[start:end]
        if line.strip():
            yield line
            count -= 1
        start = end + 1


def _outside_quotes(line: str) -> str:
    return re.sub(r'"[^"]*"', "", line)


_COMMA = re.compile(r"[+-]?\d*,\d+")
_THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?")


def _without_commas(column: list[str], name: str, *, decimal: bool) -> str:
    """Write numbers that have commas in them without; return what to say of it, if anything.

    Args:
        column: its cells, which are changed where all are numbers.
        name: of it.
        decimal: whether `1,234` is a little more than one, as where semicolons separate cells; else that is decided by
            whether all commas stand between thousands.
    """
    commas = [cell for cell in column if "," in cell]
    if not commas:
        return ""
    thousands = not decimal and all(map(_THOUSANDS.fullmatch, commas))
    if not thousands and not all(map(_COMMA.fullmatch, commas)):
        return ""
    if not all("," in cell or is_missing(cell) or number_of(cell) is not None for cell in column):
        return ""
    point = "" if thousands else "."
    column[:] = [cell.replace(",", point) for cell in column]
    what = "commas between thousands" if thousands else "decimal commas"
    return f"{name} has {what}: {commas[0]} is read as {commas[0].replace(',', point)}"


def _refuse_ragged(name: str, header: list[str], row: list[str], line: int, delimiter: str) -> None:
    are = "there is" if len(header) == 1 else "there are"
    message = f"{name}: line {line:,} has {plural(len(row), 'cell')}, and {are} {plural(len(header), 'column')}"
    if len(header) == 1 and len(row) > 1:
        fix = "the first line has the names of the columns: remove what stands above it, such as a title"
    elif len(row) == len(header) + 1 and not row[-1].strip():
        fix = "a row ends in a separator that the first line does not have: remove these, or add one to the first line"
    elif len(row) > len(header):
        separated = _DELIMITERS[delimiter].removesuffix("s")
        fix = f'a {separated} within a cell needs quotes around the cell: "a{delimiter}b"'.replace("\t", " ")
        if len(row) == len(header) + 1:
            fix += "; if each row begins with a name, as R writes them, put a name for these before the first line's"
    else:
        fix = "give each row a cell for every column; an empty one is a missing value"
    raise DataError(message, fix)


def _unreadable(error: csv.Error, name: str, line: int) -> DataError:
    said = str(error)
    if "field larger" in said:
        message = f"{name}: a cell that begins in line {line:,} has more than {_LONGEST:,} characters"
        return DataError(message, "a quote that is not closed makes one cell of all that follows: close it")
    if "unexpected end" in said:
        return DataError(f"{name}: a quote that opens in line {line:,} is not closed", "close it")
    if "expected after" in said:
        message = f"{name}: line {line:,} goes on behind the quote that closes a cell"
        return DataError(message, 'a quote within a cell is written twice: "say ""yes"""')
    return DataError(f"{name}: line {line:,} cannot be read: {said}", "give a table as CSV in UTF-8")
