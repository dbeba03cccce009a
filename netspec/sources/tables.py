"""Tables: `.csv`, `.tsv`, `.jsonl` and `.parquet` as columns of texts, whatever wrote them."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.ir.network import TABLE_ENDINGS
from netspec.sources.texts import decoded, read_content

__all__ = ["MISSING", "Table", "is_table_name", "read_table", "table_of_columns"]

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "nat", "?", "-"})
"""What stands where there is no value, in small letters."""

_MOST_COLUMNS = 10_000
_LONGEST = 1_000_000
"""Characters of one cell."""

_DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SHOWN = 8


def is_table_name(name: str) -> bool:
    """Return whether a file of this name is a table."""
    return name.lower().endswith(TABLE_ENDINGS)


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Columns of texts, all of the same length.

    Attributes:
        name: what messages call it.
        cells: those of each column by its name, without spaces around them; an empty one where there is no value.
        lines: the line in the file at which each row begins, for messages.
        notices: what was found that the user should know.
    """

    name: str
    cells: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    notices: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns, in their order."""
        return tuple(self.cells)

    def require(self, column: str, what: str) -> None:
        """Raise DataError where there is no such column; `what` names it."""
        if column in self.cells:
            return
        near = nearest(column, self.columns)
        if all(_is_number(name) for name in self.columns):
            fix = "the first row of a table has the names of its columns: put one there"
        else:
            more = ["…"] if len(self.columns) > _SHOWN else []
            has = f"it has {listing([*self.columns[:_SHOWN], *more], 'and')}"
            fix = f"did you mean `{near}`?" if near else has
        raise DataError(f"{self.name} has no column {column!r}{what}", fix)

    def take(self, rows: Sequence[int]) -> Table:
        """Return some of the rows, in that order."""
        cells = {name: [column[i] for i in rows] for name, column in self.cells.items()}
        return Table(self.name, cells, [self.lines[i] for i in rows], self.notices)


def read_table(source: Path | bytes, name: str) -> Table:
    """Return the table in a file.

    Args:
        source: its path, or what is in it, which is then CSV, or JSON Lines where it begins with a brace.
        name: what messages call it.

    Raises:
        DataError: it cannot be read, or is no table: rows of different lengths, two columns of one name, no rows.
    """
    ending = source.suffix.lower() if isinstance(source, Path) else ""
    if ending == ".parquet":
        assert isinstance(source, Path)
        return _of_parquet(source, name)
    example = 'name a table, such as `data "table.csv"`'
    content = read_content(source, name, example) if isinstance(source, Path) else source
    if content[:2] in {b"\xff\xfe", b"\xfe\xff"}:
        raise DataError(f"{name} is UTF-16", f"convert it: `iconv -f utf-16 -t utf-8 {name}`, or save it as UTF-8")
    if content[:4] == b"PAR1" or content[:2] == b"PK":
        what = "a Parquet file" if content[:1] == b"P" and content[1:2] == b"A" else "a zip or Excel file"
        raise DataError(f"{name} is {what}, and no text", "save it as CSV in UTF-8")
    text = decoded(content, name)
    if "\0" in text:
        raise DataError(f"{name} has bytes that no text has", "give a table as text: CSV in UTF-8")
    if not text.strip():
        raise DataError(f"{name} is empty", "give a table: a line with the names of the columns, then the rows")
    if ending == ".jsonl" or (not ending and text.lstrip().startswith("{")):
        return _of_json_lines(text, name)
    return _of_delimited(text, name, "\t" if ending == ".tsv" else None)


def table_of_columns(columns: Mapping[str, Iterable[Any]], name: str) -> Table:
    """Return a table of values in memory: columns by their names."""
    cells = {str(key).strip(): [_cell(value) for value in column] for key, column in columns.items()}
    if len(cells) < len(columns):
        raise DataError(f"{name} has two columns of one name", "give each a name of its own")
    counts = {key: len(column) for key, column in cells.items()}
    if len(set(counts.values())) > 1:
        low, high = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
        message = f"the columns of {name} are of different lengths: {low} {counts[low]:,}, {high} {counts[high]:,}"
        raise DataError(message, "give each a value for every row")
    _require_columns(list(cells), name)
    count = next(iter(counts.values()))
    if not count:
        raise DataError(f"{name} has no rows", "give at least one")
    return Table(name, cells, range(1, count + 1))


def _cell(value: Any) -> str:
    """Return a value of a program, or of JSON, as a text."""
    if value is None or value != value:  # noqa: PLR0124  # NaN differs from itself
        return ""
    if type(value).__name__ in {"NAType", "NaTType"}:
        return ""
    if isinstance(value, bool) or type(value).__name__ in {"bool", "bool_"}:
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(int(value)) if isinstance(value, int) else repr(float(value))
    return str(value).strip()


def _of_delimited(text: str, name: str, delimiter: str | None) -> Table:
    notices = []
    if delimiter is None:
        delimiter = _delimiter(text)
        if delimiter != ",":
            notices.append(f"{name} is separated by {_DELIMITERS[delimiter]}")
    before = csv.field_size_limit(_LONGEST)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    try:
        line = 1
        for row in reader:
            # A line without anything in it is no row, unless one column is all there is and it may be missing.
            if row and (len(row) > 1 or row[0].strip()):
                rows.append(row)
                lines.append(line)
                if len(row) != len(rows[0]):
                    _refuse_ragged(name, rows[0], row, line, delimiter)
            line = reader.line_num + 1
    except csv.Error as error:
        raise _unreadable(error, name, line) from None
    finally:
        csv.field_size_limit(before)
    header = [cell.strip() for cell in rows[0]]
    header = [cell or f"column_{i + 1}" for i, cell in enumerate(header)]
    _require_columns(header, name)
    if len(rows) == 1:
        fix = "give rows below the names of the columns"
        raise DataError(f"{name} has one line alone, the names of its columns, and no rows", fix)
    cells = [[cell.strip() for cell in column] for column in zip(*rows[1:], strict=True)]
    for key, column in zip(header, cells, strict=True):
        notices += _without_commas(column, key, decimal=delimiter != ",")
    return Table(name, dict(zip(header, cells, strict=True)), lines[1:], tuple(notices))


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


def _without_commas(column: list[str], name: str, *, decimal: bool) -> list[str]:
    """Write numbers that have commas in them without; return what to say of it.

    Args:
        column: its cells, which are changed where all are numbers.
        name: of it.
        decimal: whether `1,234` is a little more than one, as where semicolons separate cells; else that is decided by
            whether all commas stand between thousands.
    """
    commas = [cell for cell in column if "," in cell]
    if not commas:
        return []
    thousands = not decimal and all(map(_THOUSANDS.fullmatch, commas))
    if not thousands and not all(map(_COMMA.fullmatch, commas)):
        return []
    if not all("," in cell or cell.lower() in MISSING or _is_number(cell) for cell in column):
        return []
    point = "" if thousands else "."
    column[:] = [cell.replace(",", point) for cell in column]
    what = "commas between thousands" if thousands else "decimal commas"
    return [f"{name} has {what}: {commas[0]} is read as {commas[0].replace(',', point)}"]


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell


def _refuse_ragged(name: str, header: list[str], row: list[str], line: int, delimiter: str) -> None:
    message = f"{name}: line {line:,} has {plural(len(row), 'cell')}, and there are {plural(len(header), 'column')}"
    if len(row) > len(header):
        separated = _DELIMITERS[delimiter].removesuffix("s")
        fix = f'a {separated} within a cell needs quotes around the cell: "a{delimiter}b"'.replace("\t", " ")
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


def _require_columns(header: Sequence[str], name: str) -> None:
    if len(header) > _MOST_COLUMNS:
        message = f"{name} has {len(header):,} columns, and a table has at most {_MOST_COLUMNS:,}"
        raise DataError(message, "rows of so many numbers go into an .npz file: docs/your_data.md")
    if not header:
        raise DataError(f"{name} has no columns", "give a line with their names, then the rows")
    twice = next((key for key, count in Counter(header).items() if count > 1), None)
    if twice is not None:
        at = [i + 1 for i, key in enumerate(header) if key == twice]
        places = listing([str(i) for i in at[:5]], "and")
        raise DataError(f"{name} has columns of the same name: {twice!r} are columns {places}", "rename one")


def _of_json_lines(text: str, name: str) -> Table:
    rows: list[tuple[int, dict[str, Any]]] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            whole = number == 1 and text.lstrip()[:1] == "["
            fix = "give each row a line of its own, without the brackets around them" if whole else _JSON
            raise DataError(f"{name}: line {number:,} is no JSON object", fix)
        rows.append((number, row))
    header = list(dict.fromkeys(key for _, row in rows for key in row))
    _require_columns(header, name)
    for number, row in rows:
        nested = next((key for key, value in row.items() if isinstance(value, dict | list)), None)
        if nested is not None:
            what = "an object" if isinstance(row[nested], dict) else "a list"
            raise DataError(f"{name}: {nested!r} in line {number:,} is {what}", "give each column one value a row")
    cells = {key.strip(): [_cell(row.get(key)) for _, row in rows] for key in header}
    return Table(name, cells, [number for number, _ in rows])


_JSON = 'each line is a row: {"height": 1.8, "color": "red"}'


def _of_parquet(path: Path, name: str) -> Table:
    if not path.is_file():
        raise DataError(f"{name} does not exist", 'name a table, such as `data "table.parquet"`')
    try:
        # A dependency that only those need who have such files.
        from pyarrow import parquet  # noqa: PLC0415
    except ImportError:
        fix = "install what reads them: pip install 'netspec[tables]'; or save the table as CSV"
        raise DataError(f"{name}: Parquet files are read by pyarrow, which is not installed", fix) from None
    try:
        columns = parquet.read_table(path).to_pydict()
    except Exception as error:  # pyarrow raises whatever a damaged file leads it to
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{name} cannot be read as Parquet: {why}", "write it again, or save it as CSV") from None
    return table_of_columns(columns, name)
