"""What is suspicious about the columns of a table: the target again under another name, an id, a value out of place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from math import fsum, sqrt

from netspec.diagnostics.diagnostic import listing
from netspec.sources.tables.cells import is_missing, shown
from netspec.sources.tables.columns import Column, numbers_of, written
from netspec.sources.tables.doubts import several_in_cells, stands_for_none, sum_among, tells_alone, written_twice
from netspec.sources.tables.one_hot import one_hot_with
from netspec.sources.tables.table import Table

__all__ = ["counts_rows", "notices_of", "said_of_amounts", "says_again"]

_FEW = 10
"""Of fewer rows a column may say the target by chance."""

_SAME = 0.999_999
"""Two columns of numbers that go together by so much are one."""


def notices_of(
    table: Table, columns: Mapping[str, Column], read: Sequence[str], targets: Mapping[str, Column]
) -> list[str]:
    """Return what to say of the columns that are read, a line each."""
    found = [said for name in read for said in _of_read(table, columns[name], targets)]
    if said := sum_among(table, columns):
        found.append(said)
    for target in targets.values():
        if none := stands_for_none(target):
            found.append(f"{target.name}: {none}, and is learned: if it stands for no value, leave these cells empty")
        if alike := written_twice(target):
            found.append(f"{target.name} has {alike}, which are classes of their own: are they one?")
        if several := several_in_cells(target):
            found.append(
                f"{target.name} seems to have several labels in a cell, and each combination is a class: {several}; to "
                "learn the labels apart, give each a column of 0 and 1"
            )
        group = one_hot_with(table, columns, target.name)
        beside = [name for name in group if name in read]
        if beside:
            some = " ".join(map(written, beside))
            found.append(
                f"{listing(group, 'and')} are one class, one of them is 1 in every row: drop the others? `drop {some}`"
            )
        if target.how_written:
            found.append(f"{target.name} is learned as classes: its {target.how_written}")
    return found


def _of_read(table: Table, column: Column, targets: Mapping[str, Column]) -> list[str]:
    """Return what to say of a column that is read: of what it gives away, and of its values."""
    name, found = column.name, []
    again = next((target for target in targets.values() if says_again(table, column, target)), None)
    told = next((target for target in targets.values() if not again and tells_alone(table, column, target)), None)
    if again:
        found.append(f"{name} says {again.name} again: drop it? `drop {written(name)}`")
    elif counts_rows(table, column):
        found.append(f"{name} counts the rows: drop it? `drop {written(name)}`")
    elif told:
        found.append(f"{name} alone tells {told.name}: is it known before? If not, `drop {written(name)}`")
    if column.odd:
        row, value = column.odd
        taken = "category" if column.kind == "category" else "text"
        found.append(
            f"{name} is taken for a {taken}, since line {table.lines[row]:,} has {shown(value)}; "
            "nearly all other values are numbers"
        )
    elif column.how_written and column.kind == "category":
        found.append(f"{name} is taken for a category: its {column.how_written}")
    elif column.kind == "number" and column.missing > 0.5 * len(table):
        found.append(f"{name} is missing in {column.missing:,} of {len(table):,} rows")
    if none := stands_for_none(column):
        found.append(f"{name}: {none}: if it stands for no value, leave these cells empty")
    if alike := written_twice(column):
        found.append(f"{name} has {alike}: if they are one, write one of them")
    return found


def said_of_amounts(column: Column) -> str:
    """Return how the numbers of a column are read that the spec says to be such; empty where they are plain."""
    if column.form is None:
        return ""
    # The one that shows most of the form.
    cell = max(column.counts, key=len)
    return f"{column.name} is read as numbers: {shown(cell)} is {column.form.plain([cell])[0][0]}"


def counts_rows(table: Table, column: Column) -> bool:
    """Return whether a column counts the rows, one by one."""
    if column.kind not in {"number", "id"} or column.missing or len(table) < _FEW or not column.is_whole:
        return False
    numbers = [number or 0.0 for number in numbers_of(table, column)]
    return all(after - before == 1 for before, after in pairwise(numbers))


def says_again(table: Table, column: Column, target: Column) -> bool:
    """Return whether a column is a target under another name: each of its values stands for one value of that."""
    few = len(table) < _FEW or column.missing != target.missing
    if few or len(column.counts) != len(target.counts) < len(table):
        return False
    cells, other = table.cells[column.name], table.cells[target.name]
    pairs = set(zip(cells, other, strict=True))
    if any(is_missing(cell) != is_missing(beside) for cell, beside in pairs):
        return False
    if sum(not is_missing(cell) for cell, _ in pairs) == len(column.counts):
        return (
            target.kind != "number"
            or len(target.counts) <= _FEW
            or _proportional(numbers_of(table, column), numbers_of(table, target))
        )
    return False


def _proportional(numbers: Sequence[float | None], others: Sequence[float | None]) -> bool:
    """Return whether two columns of numbers are one, but for their unit."""
    pairs = [(a, b) for a, b in zip(numbers, others, strict=True) if a is not None and b is not None]
    if len(pairs) < _FEW:
        return False
    mean_a, mean_b = (fsum(values) / len(pairs) for values in zip(*pairs, strict=True))
    both = fsum((a - mean_a) * (b - mean_b) for a, b in pairs)
    size = sqrt(fsum((a - mean_a) ** 2 for a, _ in pairs) * fsum((b - mean_b) ** 2 for _, b in pairs))
    return size > 0 and abs(both) / size > _SAME
