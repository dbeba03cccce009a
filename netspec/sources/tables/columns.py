"""What the columns of a table hold: numbers, categories, dates, texts; how much is missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Literal, TypeAlias

from netspec.diagnostics.diagnostic import DataError
from netspec.recipe.class_names import in_order
from netspec.sources.tables.amounts import Amount, AmountForm, UnreadableError, WithAmount, amount_of, form_of
from netspec.sources.tables.cells import class_name, is_missing, number_of, shown
from netspec.sources.tables.dates import name_months
from netspec.sources.tables.table import Table

__all__ = ["MOST_LEVELS", "MOST_SAID", "Column", "Kind", "column_of", "numbers_of", "written"]

Kind: TypeAlias = Literal["number", "boolean", "category", "date", "text", "id", "file", "empty"]
"""What a column holds; `file` are names of pictures that are there, `empty` is one without any value."""

MOST_LEVELS = 50
"""A column of texts with more different ones is no category."""

_DIGITS = 24
"""A number of more stands in quotes in a message."""

MOST_SAID = 10_000
"""What is said to be a category has no more."""

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
        is_whole: whether it has whole numbers alone.
        absent: the texts that stand for no value.
        said: whether the spec says what it holds.
        amount: where all are numbers with a sign, a unit or marks between thousands, and are read as texts; else None.
        form: how numbers are written that the spec says to be such; None where they are plain.
    """

    name: str
    kind: Kind
    missing: int
    counts: Counter[str] = field(repr=False)
    low: float | None = None
    high: float | None = None
    odd: tuple[int, str] | None = None
    is_whole: bool = False
    absent: frozenset[str] = frozenset()
    said: bool = False
    amount: Amount | None = None
    form: AmountForm | None = None

    @property
    def levels(self) -> tuple[str, ...]:
        """The different values as they sort."""
        return in_order(self.counts)

    @property
    def how_written(self) -> str:
        """What numbers are written as that are read as texts, and what would be read as numbers; else empty."""
        if not self.amount:
            return ""
        return f"numbers such as {shown(self.amount.cell)} are read as text: {self.how_read}"

    @property
    def how_read(self) -> str:
        """What makes numbers of what is read as texts; empty where they are none."""
        if not self.amount:
            return ""
        if self.amount.is_clear:
            return f"`number {written(self.name)}` reads it as {self.amount.number}"
        return f"write {self.amount.number} for it"

    @property
    def is_constant(self) -> bool:
        """Whether it has one value, and no row is without it."""
        return len(self.counts) == 1 and not self.missing


def column_of(
    table: Table, name: str, rows: Iterable[int] | None = None, said: Literal["category", "number"] | None = None
) -> Column:
    """Return what is in a column of a table.

    Args:
        table: it.
        name: of the column.
        rows: the rows that count; all unless given.
        said: what it holds, if the spec says so.

    Raises:
        DataError: a number is infinite, or what is said to be numbers is none.
    """
    cells: Sequence[str] = table.cells[name]
    cells = cells if rows is None else [cells[i] for i in rows]
    counts = Counter(cells)
    absent = frozenset(cell for cell in counts if is_missing(cell))
    missing = sum(counts.pop(cell) for cell in absent)
    if not counts:
        return Column(name, "empty", missing, counts, absent=absent)
    if said == "category":
        return _said_category(table, name, counts, absent, missing)
    numbers = _floats(counts)
    if numbers is not None:
        found = _numeric(table, name, counts, absent, missing, numbers)
        return replace(found, kind="number", said=True) if said else found
    if said:
        return _said_amount(table, name, counts, absent, missing)
    lower = {cell.lower() for cell in counts}
    if any(lower <= pair for pair in _PAIRS):
        return Column(name, "boolean", missing, counts, absent=absent)
    if all(_DATE.fullmatch(cell) for cell in counts):
        return Column(name, "date", missing, counts, absent=absent)
    present = sum(counts.values())
    odd = None
    if sum(count for cell, count in counts.items() if number_of(cell) is not None) >= _MOSTLY * present:
        first = next(i for i, cell in enumerate(cells) if cell not in absent and number_of(cell) is None)
        odd = (first, cells[first])
    amount = None if odd else amount_of(counts, decimal_comma=table.decimal_comma)
    few = len(counts) <= MOST_LEVELS and (len(counts) < present or len(counts) == 1)
    if few:
        return Column(name, "category", missing, counts, odd=odd, absent=absent, amount=amount)
    if name_months(counts):
        return Column(name, "date", missing, counts, absent=absent)
    kind: Kind = "id" if len(counts) == present and _ID_NAME.fullmatch(name) and not odd else "text"
    return Column(name, kind, missing, counts, odd=odd, absent=absent, amount=amount)


def _said_category(table: Table, name: str, counts: Counter[str], absent: frozenset[str], missing: int) -> Column:
    """Return a column that is said to be a category: `1` and `1.0` are one."""
    own: Counter[str] = Counter()
    for cell, count in counts.items():
        own[class_name(cell)] += count
    if len(own) > MOST_SAID:
        message = f"{table.name}: {name} is said to be a category, and has {len(own):,} different values"
        raise DataError(message, f"a category has at most {MOST_SAID:,}: leave {name} out of `category`")
    return Column(name, "category", missing, own, absent=absent, said=True)


def _said_amount(table: Table, name: str, counts: Counter[str], absent: frozenset[str], missing: int) -> Column:
    """Return a column that is said to be numbers, which have signs, units or marks between thousands."""
    try:
        form = form_of(counts, decimal_comma=table.decimal_comma)
    except UnreadableError as error:
        line = table.lines[list(table.cells[name]).index(error.cell)]
        why = "" if error.why == "is no number" else f", which {error.why}"
        message = f"{table.name}: the spec says that {name} is a number, and line {line:,} has {shown(error.cell)}{why}"
        fix = f"write a number there, leave the cell empty, or take {name} out of `number`"
        fix = f"write {error.either} for it, and the others alike" if error.either else fix
        raise DataError(message, fix) from None
    plain, _ = form.plain(list(counts))
    found = _numeric(table, name, Counter(), absent, missing, list(map(float, plain)))
    return replace(found, kind="number", counts=counts, said=True, form=form)


def _floats(cells: Iterable[str]) -> list[float] | None:
    """Return the numbers that texts are; None where one is none."""
    try:
        found = list(map(float, cells))
    except ValueError:
        return None
    # Python reads `1_000` too, which nobody writes into a table.
    return None if any("_" in cell for cell in cells) else found


def _numeric(
    table: Table, name: str, counts: Counter[str], absent: frozenset[str], missing: int, numbers: Sequence[float]
) -> Column:
    if not all(map(isfinite, numbers)):
        infinite = next(cell for cell, value in zip(counts, numbers, strict=True) if not isfinite(value))
        line = table.lines[list(table.cells[name]).index(infinite)]
        said = infinite if len(infinite) <= _DIGITS else shown(infinite)
        message = f"{table.name}: {name} in line {line:,} is {said}, which is no finite number"
        raise DataError(message, "leave the cell empty where the value is not known")
    whole = all(map(float.is_integer, numbers))
    distinct = not missing and len(counts) == sum(counts.values()) > 2
    kind: Kind = "id" if whole and distinct and _ID_NAME.fullmatch(name) else "number"
    return Column(name, kind, missing, counts, min(numbers), max(numbers), is_whole=whole, absent=absent)


def numbers_of(table: Table, column: Column) -> list[float | None]:
    """Return the number in each row of a column; None where there is none."""
    cells: Sequence[str] = WithAmount(amount=column.form).plain(table.cells[column.name])[0]
    return [None if is_missing(cell) else number_of(cell) for cell in cells]


def written(name: str) -> str:
    """Return the name of a column as a spec writes it: in quotes where it is no plain word.

    `target input` without quotes learns no column of that name, but the input again.
    """
    return name if name.isascii() and name.isidentifier() and name != "input" else f'"{name}"'
