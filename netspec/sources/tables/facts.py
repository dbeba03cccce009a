"""A table at a glance: what each column holds, and what is suspicious; and the column that is likely to be learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from netspec.diagnostics.diagnostic import plural
from netspec.sources.tables.cells import class_name, shown
from netspec.sources.tables.columns import Column, column_of
from netspec.sources.tables.doubts import several_in_cells, stands_for_none, written_twice
from netspec.sources.tables.file_columns import missing_files, with_files
from netspec.sources.tables.notices import counts_rows, says_again
from netspec.sources.tables.parts import could_be_classes
from netspec.sources.tables.table import Table

__all__ = ["TableFacts", "class_counts", "facts_of", "likely_target"]

_SHOWN = 5
_MOST_PAIRS = 100
"""Columns that are compared with each other at most."""

_USUAL = ("target", "label", "labels", "class", "classes", "y", "outcome", "species", "category", "price", "result")
"""Names of columns that are to be learned, as people call them."""


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What is in a table.

    Attributes:
        columns: by their names.
        values: of each column what its values are, in a few words.
        remarks: of each column what is suspicious about it; empty where nothing is.
    """

    columns: Mapping[str, Column]
    values: Mapping[str, str]
    remarks: Mapping[str, str]


def facts_of(table: Table) -> TableFacts:
    """Return what is in a table."""
    columns = with_files(table, {name: column_of(table, name) for name in table.columns}, ids=True)
    remarks = {name: _remark(table, column) for name, column in columns.items()}
    for first, second in combinations(list(columns)[:_MOST_PAIRS], 2):
        one, other = columns[first], columns[second]
        if not remarks[second] and not one.is_constant and says_again(table, other, one):
            remarks[second] = f"says {first} again"
    return TableFacts(columns, {name: _values(column) for name, column in columns.items()}, remarks)


def _remark(table: Table, column: Column) -> str:
    if column.kind == "empty":
        return "no value at all"
    if column.is_constant:
        return "the same in every row"
    if column.odd:
        row, value = column.odd
        return f"line {table.lines[row]:,} has {shown(value)} among numbers"
    if column.how_written and column.kind != "file":
        return column.how_written
    if column.kind == "file":
        lost = missing_files(table, column.name)
        first = shown(table.cells[column.name][lost[0]]) if lost else ""
        return f"{plural(len(lost), 'row')} without a picture, such as {first}" if lost else ""
    if counts_rows(table, column):
        return "counts the rows"
    if none := stands_for_none(column):
        return f"{none}: no value?"
    if alike := written_twice(column):
        return f"has {alike}: one value?"
    if several_in_cells(column):
        return "several labels in a cell?"
    if column.kind in {"id", "text"} and len(column.counts) == sum(column.counts.values()) > 2:
        return "another value in every row"
    return ""


def _values(column: Column) -> str:
    """Return the range of numbers, or the levels, most frequent first."""
    if column.low is not None and column.high is not None:
        return f"{column.low:g} to {column.high:g}"
    ranked = sorted(column.counts.items(), key=lambda pair: (-pair[1], pair[0]))
    if column.kind in {"text", "id", "file"}:
        return f"{plural(len(ranked), 'value')}, such as {_short(ranked[0][0])}" if ranked else ""
    if column.kind == "date":
        return f"{min(column.counts)} to {max(column.counts)}"
    first = [f"{_short(value)} {count:,}" for value, count in ranked[:_SHOWN]]
    return ", ".join(first) + (f", and {len(ranked) - _SHOWN:,} more" if len(ranked) > _SHOWN else "")


def _short(value: str) -> str:
    value = "⏎".join(value.splitlines())
    return value if len(value) <= 24 else f"{value[:23]}…"


def likely_target(table: Table, columns: Mapping[str, Column]) -> str:
    """Return the column that is likely to be learned: one of a usual name, else the last that can be."""
    usual = [n for n, c in columns.items() if n.lower() in _USUAL and (_learnable(c) or _repeats(c))]
    if usual:
        return min(usual, key=lambda name: _USUAL.index(name.lower()))
    possible = [name for name, column in columns.items() if _learnable(column)]
    possible = possible or [name for name, column in columns.items() if _repeats(column)]
    return possible[-1] if possible else table.columns[-1]


def _learnable(column: Column) -> bool:
    return column.kind in {"number", "boolean", "category"} and len(column.counts) > 1


def _repeats(column: Column) -> bool:
    """Return whether the texts of a column are classes, of which there are many."""
    return column.kind == "text" and not column.odd and 2 * len(column.counts) <= sum(column.counts.values())


def class_counts(column: Column) -> Sequence[tuple[str, int]]:
    """Return how often each class of a column is there, the most frequent first; none where it is an amount."""
    if not could_be_classes(column):
        return []
    counts: dict[str, int] = {}
    for value, count in column.counts.items():
        name = class_name(value)
        counts[name] = counts.get(name, 0) + count
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
