"""What the columns of a table hold: numbers, categories, dates, texts; how much is missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal, TypeAlias

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.class_names import in_order
from netspec.sources.cells import is_missing, number_of
from netspec.sources.tables import Table

__all__ = ["MOST_LEVELS", "Column", "Kind", "column_of"]

Kind: TypeAlias = Literal["number", "boolean", "category", "date", "text", "id", "empty"]
"""What a column holds; `empty` is one without any value."""

MOST_LEVELS = 50
"""A column of texts with more different ones is no category."""

_PAIRS = ({"true", "false"}, {"yes", "no"}, {"t", "f"}, {"y", "n"})

_DATE = re.compile(r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}([T ]\d{1,2}:\d{2}.*)?|\d{1,2}[-/.]\d{1,2}[-/.]\d{2,4}([T ].*)?")
_ID_NAME = re.compile(
    r"id|index|uuid|guid|key|.*_id|.*Id|.*ID|id_.*|unnamed.*|column_1|row|row_?(id|number)|nr|no\.?", re.I
)

_MOSTLY = 0.9
"""Where so many values are numbers, the others may be a mistake."""


@dataclass(frozen=True, slots=True)
class Column:
    """What is in a column.

    Attributes:
        name: of it.
        kind: what it holds.
        missing: how many rows have no value.
        counts: how often each value is there, as a text, the missing ones left out.
        low: the least number; None where it has none.
        high: the largest.
        odd: the place of a value that is no number, and it, where nearly all others are numbers; else None.
    """

    name: str
    kind: Kind
    missing: int
    counts: Counter[str] = field(repr=False)
    low: float | None = None
    high: float | None = None
    odd: tuple[int, str] | None = None

    @property
    def levels(self) -> tuple[str, ...]:
        """The different values as they sort."""
        return in_order(self.counts)

    @property
    def is_constant(self) -> bool:
        """Whether it has one value, and no row is without it."""
        return len(self.counts) == 1 and not self.missing

    @property
    def is_whole(self) -> bool:
        """Whether it has whole numbers alone."""
        return self.kind in {"number", "id"} and all(_number(value).is_integer() for value in self.counts)


def column_of(table: Table, name: str, rows: Iterable[int] | None = None) -> Column:
    """Return what is in a column of a table, of some of its rows if so told.

    Raises:
        DataError: a number is infinite.
    """
    cells: Sequence[str] = table.cells[name]
    cells = cells if rows is None else [cells[i] for i in rows]
    every = Counter(cells)
    counts = Counter({cell: count for cell, count in every.items() if not is_missing(cell)})
    missing = len(cells) - sum(counts.values())
    if not counts:
        return Column(name, "empty", missing, counts)
    numbers = {cell: number_of(cell) for cell in counts}
    known = [value for value in numbers.values() if value is not None]
    if len(known) == len(counts):
        return _numeric(table, name, counts, missing, known, len(cells))
    lower = {cell.lower() for cell in counts}
    if any(lower <= pair for pair in _PAIRS):
        return Column(name, "boolean", missing, counts)
    if all(_DATE.fullmatch(cell) for cell in counts):
        return Column(name, "date", missing, counts)
    present = sum(counts.values())
    odd = None
    if sum(counts[cell] for cell, value in numbers.items() if value is not None) >= _MOSTLY * present:
        first = next(i for i, cell in enumerate(cells) if not is_missing(cell) and numbers[cell] is None)
        odd = (first, cells[first])
    few = len(counts) <= MOST_LEVELS and (len(counts) < present or len(counts) == 1)
    if few:
        return Column(name, "category", missing, counts, odd=odd)
    kind: Kind = "id" if len(counts) == present and _ID_NAME.fullmatch(name) and not odd else "text"
    return Column(name, kind, missing, counts, odd=odd)


def _numeric(
    table: Table, name: str, counts: Counter[str], missing: int, numbers: Sequence[float], count: int
) -> Column:
    infinite = next((cell for cell in counts if not isfinite(_number(cell))), None)
    if infinite is not None:
        line = table.lines[list(table.cells[name]).index(infinite)]
        message = f"{table.name}: {name} in line {line:,} is {infinite}, which is no finite number"
        raise DataError(message, "leave the cell empty where the value is not known")
    whole = all(value.is_integer() for value in numbers)
    distinct = len(counts) == count > 2
    kind: Kind = "id" if whole and distinct and _ID_NAME.fullmatch(name) else "number"
    return Column(name, kind, missing, counts, min(numbers), max(numbers))


def _number(cell: str) -> float:
    value = number_of(cell)
    assert value is not None
    return value
