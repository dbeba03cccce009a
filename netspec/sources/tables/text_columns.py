"""Tables of texts: the column that a network reads alone, where the spec says how texts are cut and names no input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.ir.data_source import DataSource
from netspec.sources.tables.columns import Column, written
from netspec.sources.tables.table import Table

__all__ = ["mean_words", "text_column", "texts_of"]

_PROSE = 3
"""Words in the mean from which on a column of few different values may be texts, and no categories."""


def mean_words(column: Column) -> float:
    """Return how many words the values of a column have in the mean."""
    count = sum(column.counts.values())
    return sum(len(value.split()) * n for value, n in column.counts.items()) / count if count else 0.0


def texts_of(columns: Mapping[str, Column], without: Sequence[str] = ()) -> list[str]:
    """Return the columns that are texts; of few rows those that look like categories, and are several words each."""
    others = {name: column for name, column in columns.items() if name not in without}
    texts = [name for name, column in others.items() if column.kind == "text" and not column.odd]
    if texts:
        return texts
    return [n for n, c in others.items() if c.kind in {"category", "id"} and c.low is None and mean_words(c) >= _PROSE]


def text_column(
    table: Table,
    data: DataSource,
    targets: Sequence[str],
    columns: Mapping[str, Column],
    asked: Mapping[str, Sequence[str]] | None,
) -> str | None:
    """Return the column of texts that is read alone; None where the spec does not ask for one so.

    Raises:
        DataError: there is none, or there are several.
    """
    if data.text is None or any((asked or {}).values()):
        return None
    without = [*targets, *data.drop, *([data.group] if data.group else ())]
    named = {name: columns[name] for name in (data.columns or table.columns)}
    if len(data.columns) == 1 and data.columns[0] not in without:
        return data.columns[0]
    found = texts_of(named, without)
    if len(found) == 1:
        return found[0]
    if found:
        shown = listing(found, "and")
        first = written(found[0])
        raise DataError(
            f"{table.name} has several columns of texts: {shown}",
            f"choose one: `columns {first}`; or give each an input: `input {first} as first`",
        )
    raise DataError(
        f"{table.name} has no column of texts, and the spec says how they are cut",
        "leave `text` out, or say which column it is: `columns NAME`",
    )
