"""Tables: text, Parquet, Feather and spreadsheets as columns of texts, whatever wrote them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path, PurePath
from typing import Any

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.diagnostics.suggest import nearest
from netspec.recipe.file_names import WORKBOOK_ENDINGS, unpacked_name
from netspec.sources.compressed import is_compressed
from netspec.sources.how_read import AS_IT_IS, HowRead
from netspec.sources.missing import missing_data
from netspec.sources.tables.cells import number_of
from netspec.sources.tables.delimited import columns_of_rows, read_delimited, require_few_columns
from netspec.sources.tables.json_rows import Rows, begins_json, rows_of_json, rows_of_lines
from netspec.sources.tables.sheet import table_in
from netspec.sources.tables.workbook import is_workbook, read_sheet
from netspec.sources.tables.zipped import is_zip, only_table
from netspec.sources.texts.reading import decoded, read_content, require_text
from netspec.system.memory import free_memory

__all__ = ["Table", "read_table", "table_of_columns", "table_of_objects"]

_CELL = 100
"""Bytes that a cell takes, with its place in a row and in a column."""

_SHOWN = 8

_LONGEST_NAME = 200
"""Characters of the name of a column."""


@dataclass(frozen=True, eq=False, slots=True)
class Table:
    """Columns of texts, all of the same length.

    Attributes:
        name: what messages call it.
        cells: those of each column by its name, without spaces around them; an empty one where there is no value.
        lines: the line in the file at which each row begins, for messages.
        notices: what was found that the user should know.
        folder: where the files are that it names; None where that is not known.
        decimal_comma: whether `1,234` may be a little more than one, for something else separates cells.
    """

    name: str
    cells: Mapping[str, Sequence[str]]
    lines: Sequence[int]
    notices: tuple[str, ...] = ()
    folder: Path | None = None
    decimal_comma: bool = False

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
        if all(number_of(name) is not None for name in self.columns):
            fix = "the first row of a table has the names of its columns: put one there"
        else:
            more = ["…"] if len(self.columns) > _SHOWN else []
            has = f"it has {listing([*self.columns[:_SHOWN], *more], 'and')}"
            fix = f"did you mean `{near}`?" if near else has
        raise DataError(f"{self.name} has no column {column!r}{what}", fix)

    def take(self, rows: Sequence[int]) -> Table:
        """Return some of the rows, in that order."""
        cells = {name: [column[i] for i in rows] for name, column in self.cells.items()}
        return replace(self, cells=cells, lines=[self.lines[i] for i in rows])


def read_table(source: Path | bytes, name: str, how: HowRead = AS_IT_IS) -> Table:
    """Return the table in a file.

    Args:
        source: its path, also of a compressed one or of a zip of one; or what is in it, which is then a spreadsheet,
            CSV, JSON Lines where it begins with a brace, or a JSON list of objects.
        name: what messages call it.
        how: which sheet is meant, and how a text is encoded.

    Raises:
        DataError: it cannot be read, or is no table: rows of different lengths, two columns of one name, no rows.
    """
    return replace(_read_any(source, name, how), folder=source.parent if isinstance(source, Path) else None)


def _read_any(source: Path | bytes, name: str, how: HowRead) -> Table:
    ending = ""
    if isinstance(source, Path):
        inside = source.name
        # A folder of that name, or nothing at all, is said where files are read.
        if is_zip(source.name) and source.is_file():
            inside, source = only_table(source, name)
        ending = PurePath(unpacked_name(inside)).suffix.lower()
    if ending in _ARROW:
        return _of_arrow(source, name, ending)
    try:
        if ending in WORKBOOK_ENDINGS or (not ending and isinstance(source, bytes) and is_workbook(source)):
            return _of_sheet(source, name, how)
        if how.sheet and not how.like:
            raise DataError(f"{name} is no spreadsheet, and `sheet` is for one", "leave `sheet` out")
        return _of_text(source, name, ending, how)
    except MemoryError:
        raise DataError(f"{name} does not fit into memory", _DIVIDE) from None


_DIVIDE = "take fewer rows or columns"


def _of_text(source: Path | bytes, name: str, ending: str, how: HowRead) -> Table:
    content = read_content(source, name, _example("table.csv")) if isinstance(source, Path) else source
    fix = "save it as CSV in UTF-8"
    if is_workbook(content):
        fix = "name it .xlsx or .xls if it is a spreadsheet, or save it as CSV in UTF-8"
    # Before room is made for a text.
    require_text(content, name, fix, how)
    _require_room(content, name)
    text = decoded(content, name, fix, how)
    del content
    if not text.strip():
        raise DataError(f"{name} is empty", "give a table: a line with the names of the columns, then the rows")
    if ending == ".jsonl" or (not ending and text.lstrip().startswith("{")):
        return _of_rows(rows_of_lines(text, name), name)
    if ending == ".json" or (not ending and begins_json(text)):
        return _of_rows(rows_of_json(text, name), name)
    header, cells, lines, notices, decimal_comma = read_delimited(text, name, "\t" if ending == ".tsv" else None)
    _require_columns(header, name)
    return Table(name, dict(zip(header, cells, strict=True)), lines, tuple(notices), decimal_comma=decimal_comma)


def _of_sheet(source: Path | bytes, name: str, how: HowRead) -> Table:
    content = read_content(source, name, _example("table.xlsx")) if isinstance(source, Path) else source
    found = table_in(read_sheet(content, name, how), name)
    header, cells, notices = columns_of_rows(name, found.rows, found.lines)
    _require_columns(header, name)
    _require_whole_characters(dict(zip(header, cells, strict=True)), name)
    return Table(name, dict(zip(header, cells, strict=True)), found.lines[1:], (*found.notices, *notices))


def _example(file: str) -> str:
    return f"name a table that is there, such as {file}; the paths of a spec begin at its folder"


def _require_room(content: bytes, name: str) -> None:
    """Raise DataError where the cells of a table would not fit in memory."""
    cells = content.count(b"\n") + sum(content.count(mark) for mark in (b",", b";", b"\t", b"|"))
    needed, free = 2 * len(content) + _CELL * cells, free_memory()
    if free is not None and needed > free:
        message = f"{name} has about {cells:,} cells: they take {needed / 2**30:.1f} GiB of memory while they are read"
        raise DataError(f"{message}, and {free / 2**30:.1f} GiB are free", _DIVIDE)


def table_of_columns(columns: Mapping[str, Iterable[Any]], name: str) -> Table:
    """Return a table of values in memory: columns by their names.

    Raises:
        DataError: they are of different lengths, or no columns of single values.
    """
    cells = {}
    for key, column in columns.items():
        values = column.tolist() if hasattr(column, "tolist") else column
        if isinstance(values, str | bytes) or not isinstance(values, Iterable):
            raise DataError(f"{name}: {key} is no column of values", "give a list with a value for each row")
        values = list(values)
        nested = next((i for i, v in enumerate(values) if isinstance(v, list | tuple | dict)), None)
        if nested is not None:
            raise DataError(f"{name}: {key}[{nested}] is no single value", "give each column one value a row")
        cells[str(key).strip()] = [_cell(value) for value in values]
    if len(cells) < len(columns):
        raise DataError(f"{name} has two columns of one name", "give each a name of its own")
    _require_columns(list(cells), name)
    _require_whole_characters(cells, name)
    counts = {key: len(column) for key, column in cells.items()}
    if len(set(counts.values())) > 1:
        low, high = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
        message = f"the columns of {name} are of different lengths: {low} {counts[low]:,}, {high} {counts[high]:,}"
        raise DataError(message, "give each a value for every row")
    count = next(iter(counts.values()))
    if not count:
        raise DataError(f"{name} has no rows", "give at least one")
    return Table(name, cells, range(1, count + 1))


def _cell(value: Any, true: str = "True", false: str = "False") -> str:
    """Return a value of a program, or of JSON, as a text."""
    if value is None or type(value).__name__ in {"NAType", "NaTType"} or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, bool):
        return true if value else false
    return repr(value) if type(value) in {int, float} else str(value).strip()


def _require_columns(header: Sequence[str], name: str) -> None:
    require_few_columns(len(header), name)
    long = next((i for i, key in enumerate(header, 1) if len(key) > _LONGEST_NAME), None)
    if long is not None:
        message = f"{name}: the name of column {long:,} has {len(header[long - 1]):,} characters"
        raise DataError(
            message, f"give it a name of at most {_LONGEST_NAME}; the first line has the names of the columns"
        )
    if not header:
        raise DataError(f"{name} has no columns", "give a line with their names, then the rows")
    twice = next((key for key, count in Counter(header).items() if count > 1), None)
    if twice is not None:
        at = [i + 1 for i, key in enumerate(header) if key == twice]
        places = listing([str(i) for i in at[:5]], "and")
        # In a row a value may well be there twice.
        row = number_of(twice) is not None
        fix = "rename one" + ("; if the first line is a row, put a line with names above it" if row else "")
        raise DataError(f"{name} has columns of the same name: {twice!r} are columns {places}", fix)


def table_of_objects(objects: Sequence[Mapping[str, Any]], name: str) -> Table:
    """Return the table whose rows are JSON objects; what it says of a value names the line, which is the row.

    Raises:
        DataError: there are none, or a value is none of a single cell.
    """
    if not objects:
        raise DataError(f"{name} has no rows", "give at least one")
    return _of_rows(list(enumerate(objects, 1)), name)


def _of_rows(rows: Rows, name: str) -> Table:
    """Return the table whose rows are JSON objects, each with its line."""
    header = list(dict.fromkeys(key for _, row in rows for key in row))
    _require_columns([key.strip() for key in header], name)
    for number, row in rows:
        nested = next((key for key, value in row.items() if isinstance(value, dict | list)), None)
        if nested is not None:
            what = "an object" if isinstance(row[nested], dict) else "a list"
            fix = "give each column one value a row"
            if what == "a list":
                fix += ": of several labels at once a column of 0 and 1 for each"
                fix += "; words with a label each are read by `text words tagged`"
            raise DataError(f"{name}: {nested!r} in line {number:,} is {what}", fix)
    cells = {key.strip(): [_cell(row.get(key), "true", "false") for _, row in rows] for key in header}
    _require_whole_characters(cells, name)
    return Table(name, cells, [number for number, _ in rows])


def _require_whole_characters(cells: Mapping[str, Sequence[str]], name: str) -> None:
    """Raise DataError where a text has half a character, which no file can hold."""
    for key, column in cells.items():
        try:
            f"{key}\n".join(column).encode()
        except UnicodeEncodeError:
            message = f"{name}: {key!r} has half a character (a surrogate without the other)"
            raise DataError(message, "write the whole character") from None


_ARROW = {".parquet": "Parquet", ".feather": "Feather", ".arrow": "Arrow"}


def _of_arrow(source: Path | bytes, name: str, ending: str) -> Table:
    example, form = _example(f"table{ending}"), _ARROW[ending]
    if isinstance(source, Path) and is_compressed(source.name):
        source = read_content(source, name, example)
    if isinstance(source, Path) and not source.is_file():
        raise missing_data(source, name, example)
    try:
        # A dependency that only those need who have such files.
        from pyarrow import feather, ipc, parquet  # noqa: PLC0415
    except ImportError:
        fix = "install what reads them: pip install 'netspec[tables]'; or save the table as CSV"
        raise DataError(f"{name}: {form} files are read by pyarrow, which is not installed", fix) from None
    stream: Any = source if isinstance(source, Path) else io.BytesIO(source)
    try:
        if ending == ".parquet":
            columns = parquet.read_table(stream).to_pydict()
        elif ending == ".arrow" and _is_stream(source):
            columns = (
                ipc.open_stream(source.read_bytes() if isinstance(source, Path) else source).read_all().to_pydict()
            )
        else:
            columns = feather.read_table(stream, memory_map=False).to_pydict()
    except Exception as error:  # pyarrow raises whatever a damaged file leads it to
        why = next(iter(str(error).splitlines()), type(error).__name__)
        raise DataError(f"{name} cannot be read as {form}: {why}", "write it again, or save it as CSV") from None
    return table_of_columns(columns, name)


def _is_stream(source: Path | bytes) -> bool:
    """Return whether Arrow is in the form of a stream, as one of batches is written, rather than of a file."""
    if isinstance(source, bytes):
        return not source.startswith(b"ARROW1")
    with source.open("rb") as opened:
        return opened.read(6) != b"ARROW1"
