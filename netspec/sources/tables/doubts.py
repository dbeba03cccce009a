"""What is likely a mistake in the rows of a table: numbers for no value, a sum among the rows, an answer given away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import fsum

from netspec.diagnostics.diagnostic import listing, plural
from netspec.sources.tables.cells import class_name, is_missing, number_of, shown, truth_of, zero_or_one
from netspec.sources.tables.columns import Column, numbers_of
from netspec.sources.tables.parts import could_be_classes
from netspec.sources.tables.table import Table

__all__ = ["several_in_cells", "stands_for_none", "sum_among", "tells_alone", "written_twice"]

_STAND_INS = frozenset(sign * (10**digits - 1) for digits in range(2, 7) for sign in (-1, 1)) | {-9}
"""Numbers that are written where there is no value."""

_SUMS = re.compile(
    r"(grand |sub ?)?totals?|sum|average|mean|summe|gesamt|insgesamt|mittelwert|durchschnitt|somme|moyenne|suma", re.I
)
_FEW, _MANY = 10, 50
"""Of fewer rows nothing is said of a sum, or of what tells the target."""

_CLASSES, _ROWS_A_LEVEL = 10, 5
"""More classes, or fewer rows for each level of a category, may well go together by chance."""

_SAMPLE = 500
"""Rows that are looked at first."""

_NAMED = 3


def stands_for_none(column: Column) -> str:
    """Return which number of a column may stand for no value, being far from all others; empty where none may."""
    if column.low is None or column.form or len(column.counts) < 3 or not {column.low, column.high} & _STAND_INS:
        return ""
    numbers = {cell: float(cell) for cell in column.counts}
    for cell, value in numbers.items():
        if value not in _STAND_INS or value not in {column.low, column.high}:
            continue
        others = [number for number in numbers.values() if number != value]
        if len(others) < 2:
            continue
        low, high = min(others), max(others)
        if value < low - (high - low) or value > high + (high - low):
            return f"{cell} in {plural(column.counts[cell], 'row')} is far from {low:g} to {high:g}"
    return ""


def written_twice(column: Column) -> str:
    """Return the values of a category that differ in nothing but how they are written; empty where none do.

    They differ in small and large letters, or are several words for yes or for no.
    """
    if column.kind != "category":
        return ""
    meant = {value: zero_or_one(value) for value in column.counts}
    if None not in meant.values() and len(meant) > 2 and any(truth_of(value) is not None for value in meant):
        return listing(list(map(shown, sorted(meant))), "and")
    alike: dict[str, list[str]] = {}
    for value in column.counts:
        alike.setdefault(" ".join(value.casefold().split()), []).append(value)
    several = [sorted(values) for values in alike.values() if len(values) > 1]
    return listing(list(map(shown, several[0][:_NAMED])), "and") if several else ""


def several_in_cells(column: Column) -> str:
    """Return some values of a category that seem to be labels one behind the other; empty where none do.

    They are so if there are fewer labels than values, and half of these are a value by themselves.
    """
    if column.kind != "category":
        return ""
    for mark in "|;, ":
        cut = {value: [part.strip() for part in value.split(mark)] for value in column.counts}
        joined = [
            value for value, parts in cut.items() if len(parts) > 1 and len({*parts}) == len(parts) and all(parts)
        ]
        labels = {part for parts in cut.values() for part in parts}
        alone = labels & {*column.counts}
        if len(joined) > 2 and len(labels) < len(cut) and 2 * len(alone) >= len(labels):
            return listing(list(map(shown, sorted(joined, key=lambda value: -column.counts[value])[:_NAMED])), "and")
    return ""


def sum_among(table: Table, columns: Mapping[str, Column]) -> str:
    """Return what says that the last row sums up the others; empty where nothing does."""
    if len(table) < _FEW:
        return ""
    line = f"the last row, line {table.lines[-1]:,},"
    for name, column in columns.items():
        cell = table.cells[name][-1]
        if column.counts.get(cell) == 1 and _SUMS.fullmatch(cell.rstrip(":")):
            return f"{line} has {shown(cell)} in {name}: if it sums up the others, remove it"
    sums = [name for name, column in columns.items() if _ends_in_extreme(table, column)]
    sums = [name for name in sums if _is_sum(numbers_of(table, columns[name]))]
    if len(sums) > 1:
        return f"{line} is the sum of all others in {listing(sums[:_NAMED], 'and')}: remove it"
    return ""


def _ends_in_extreme(table: Table, column: Column) -> bool:
    """Return whether the last number of a column is its least or its largest; of one with units that is not known."""
    return column.low is not None and (
        column.form is not None or number_of(table.cells[column.name][-1]) in {column.low, column.high}
    )


def _is_sum(numbers: Sequence[float | None]) -> bool:
    *others, last = [number for number in numbers if number is not None] or [0.0]
    if numbers[-1] is None or len(others) < _FEW - 1 or abs(last) <= max(map(abs, others)):
        return False
    return abs(fsum(others) - last) <= 1e-4 * abs(last)


def tells_alone(table: Table, column: Column, target: Column) -> bool:
    """Return whether a column alone gives the class of each row away: each level has one, or each range of numbers."""
    if len(table) < _MANY or not could_be_classes(target) or not 2 <= len(target.counts) <= _CLASSES:
        return False
    if column.low is None:
        return _has_one_each(table, column, target)
    step = max(1, len(table) // _SAMPLE)
    some = {name: table.cells[name][::step] for name in (column.name, target.name)}
    # What does not hold of some rows does not of all.
    return all(_in_ranges(rows, column, target) for rows in (Table(table.name, some, table.lines[::step]), table))


def _has_one_each(table: Table, column: Column, target: Column) -> bool:
    """Return whether each level of a category has one class."""
    if column.kind not in {"category", "boolean"} or len(column.counts) * _ROWS_A_LEVEL > len(table):
        return False
    pairs = set(zip(table.cells[column.name], table.cells[target.name], strict=True))
    named = {(level, class_name(cell)) for level, cell in pairs if not is_missing(level)}
    return len(column.counts) > 1 and len(named) == len(column.counts) and len({cell for _, cell in named}) > 1


def _in_ranges(table: Table, column: Column, target: Column) -> bool:
    """Return whether each class has a range of numbers of its own."""
    cells = table.cells[target.name]
    found = sorted((n, class_name(c)) for n, c in zip(numbers_of(table, column), cells, strict=True) if n is not None)
    changes = sum(a[1] != b[1] for a, b in pairwise(found))
    return len(found) >= _MANY and 1 < len({k for _, k in found}) == changes + 1
