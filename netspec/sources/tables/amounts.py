"""Numbers that are written with a currency, a unit or marks between thousands: how they are told, and read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from math import isfinite
from typing import Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from netspec.sources.tables.cells import is_missing, number_of, shown

__all__ = ["Amount", "AmountForm", "UnreadableError", "WithAmount", "amount_of", "form_of"]

_SIGNS = frozenset(
    {
        *("US$", "CA$", "A$", "R$", "USD", "EUR", "GBP", "CHF", "JPY", "INR", "Rs", "Rs.", "kr", "zł"),
        *"$€£¥₹₽₩₺%‰°",
        *("°C", "°F", "kg", "mg", "g", "t", "lbs", "lb", "oz", "km/h", "mph", "km", "cm", "mm", "m", "mi", "ft"),
        *("sqft", "m²", "km²", "ml", "l", "kWh", "kW", "W", "hp", "PS", "kcal", "Hz", "MHz", "GHz", "kB", "MB", "GB"),
        *("TB", "ms", "s", "min", "h", "hours", "days", "years"),
    }
)
"""Signs and units by which numbers are told from other texts; what is said to be a number may have any."""

_UNIT = r"[^\d\s.,'’()+-](?:[^\d()+-]{0,10}[^\d\s()+-])?"
_AMOUNT = re.compile(
    rf"(?P<minus>[+-]?)(?P<before>(?:{_UNIT})?)\s*(?P<inner>[+-]?)\s*"
    rf"(?P<number>\d(?:[\d.,' ]*\d)?\.?|[.,]\d+)(?:(?P<scale>[kKM])|\s*(?P<after>{_UNIT})?)"
)
_SCALES = {"k": 1_000, "K": 1_000, "M": 1_000_000}
_SAME = str.maketrans({"’": "'", "\u00a0": " ", "\u202f": " ", "\u2212": "-"})

_Mark: TypeAlias = Literal[",", ".", " ", "'"]
_MARKS: tuple[tuple[_Mark, _Mark], ...] = ((",", "."), (".", ","), (" ", "."), (" ", ","), ("'", "."), ("'", ","))
"""What stands between thousands, and before decimals."""


@dataclass(frozen=True, slots=True)
class Amount:
    """What is said of a column whose numbers are read as texts.

    Attributes:
        cell: one of its values.
        number: the plain number that it stands for; two with `or` between them where that is not clear.
        is_clear: whether it is.
    """

    cell: str
    number: str
    is_clear: bool = True


class UnreadableError(ValueError):
    """A cell is not the number that the others are: the cell, why, and the numbers that it may be."""

    def __init__(self, cell: str, why: str, either: str = "") -> None:
        super().__init__(why)
        self.cell, self.why, self.either = cell, why, either


@dataclass(frozen=True, slots=True)
class _Parts:
    """The parts of a cell; `number` has its marks still."""

    cell: str
    unit: tuple[str, str]
    minus: bool
    number: str
    scale: int


class AmountForm(BaseModel):
    """How the numbers of a column are written.

    `1.2k` is 1200, and `(5)` is -5. A percentage stays one: `46%` is 46.

    Attributes:
        before: the sign or unit before each number.
        after: behind it.
        thousands: what may stand between thousands.
        decimal: what stands before decimals.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    before: str = ""
    after: str = ""
    thousands: _Mark = ","
    decimal: _Mark = "."

    @property
    def is_share(self) -> bool:
        """Whether the numbers are percentages: without the sign one may be a share as well."""
        return bool({self.before, self.after} & {"%", "‰"})

    def written(self, number: str) -> str:
        """Return a plain number as the column has it."""
        space = " " if self.after[:1].isalpha() else ""
        return f"{self.before}{number.replace('.', self.decimal)}{space}{self.after}"

    def plain(self, cells: Sequence[str]) -> tuple[list[str], str]:
        """Return the plain numbers of some cells of a column, and what to say of them.

        They are written as the column that was learned, apart from the unit, which may be missing; or all are plain.

        Raises:
            UnreadableError: one is neither.
        """
        try:
            read = [self._read(cell) for cell in cells]
        except UnreadableError:
            if self.is_share or not all(number_of(cell) is not None for cell in cells):
                raise
            return list(cells), ""
        two = next((i for i, cell in enumerate(cells) if number_of(cell) not in {None, float(read[i])}), None)
        if two is None:
            return read, ""
        return read, f"{shown(cells[two])} is read as {read[two]}, as numbers were written in training"

    def _read(self, cell: str) -> str:
        parts = _parts(cell)
        own = (self.before, self.after)
        if parts.unit != own and (parts.unit != ("", "") or self.is_share):
            raise UnreadableError(cell, f"is not written as {shown(self.written('12'))}")
        found = _plain(parts, self.thousands, self.decimal)
        if found is None:
            raise UnreadableError(cell, f"has no decimals behind `{self.decimal}`, as others have")
        return found


class WithAmount(BaseModel):
    """What is known of a column, which may be one of amounts.

    Attributes:
        amount: how its numbers are written; None where they are plain.
    """

    amount: AmountForm | None = None

    def plain(self, cells: Sequence[str]) -> tuple[Sequence[str], str]:
        """Return its cells as plain numbers, those that are missing as they are, and what to say of them.

        Raises:
            UnreadableError: one is written in another way.
        """
        if self.amount is None:
            return cells, ""
        different = [cell for cell in dict.fromkeys(cells) if not is_missing(cell)]
        read, note = self.amount.plain(different)
        of = dict(zip(different, read, strict=True))
        return [of.get(cell, cell) for cell in cells], note

    @model_serializer(mode="wrap")
    def _without_amount(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        # An older netspec reads what does not say it.
        fields: dict[str, Any] = dump(self)
        return fields if self.amount else {name: value for name, value in fields.items() if name != "amount"}


def form_of(cells: Iterable[str], *, decimal_comma: bool = False) -> AmountForm:
    """Return how the numbers of a column are written, all alike.

    Args:
        cells: the different values of the column, without those that are missing.
        decimal_comma: whether `1,234` may be a little more than one, as where semicolons separate cells.

    Raises:
        UnreadableError: one is no number, is written otherwise, or may be either of two numbers.
    """
    parts = [_parts(cell) for cell in cells]
    other = next((each for each in parts if each.unit != parts[0].unit), None)
    if other is not None:
        raise UnreadableError(other.cell, f"is not written as {shown(parts[0].cell)}")
    readings: dict[tuple[str, ...], tuple[_Mark, _Mark]] = {}
    for thousands, decimal in _MARKS:
        found = [_plain(each, thousands, decimal) for each in parts]
        whole = tuple(number for number in found if number is not None)
        if len(whole) == len(parts):
            readings.setdefault(whole, (thousands, decimal))
    if not readings:
        wrong = next((p for p in parts if not any(_plain(p, *marks) for marks in _MARKS)), parts[-1])
        raise UnreadableError(wrong.cell, "has marks that no number has, or others than the rest")
    marks = next(iter(readings.values()))
    # A comma between thousands is common where another one separates cells.
    if len(readings) > 1 and (decimal_comma or "." in "".join(each.number for each in parts)):
        one, two = list(readings)[:2]
        at = next(i for i in range(len(parts)) if one[i] != two[i])
        either = f"{one[at]} or {two[at]}"
        raise UnreadableError(parts[at].cell, f"may be {either}", either)
    before, after = parts[0].unit
    return AmountForm(before=before, after=after, thousands=marks[0], decimal=marks[1])


def amount_of(cells: Iterable[str], *, decimal_comma: bool = False) -> Amount | None:
    """Return what is said of numbers of one form that are read as texts; None where they are none.

    Args:
        cells: the different values of a column, without those that are missing; some are no plain numbers.
        decimal_comma: as of `form_of`.
    """
    cells = list(cells)
    try:
        form = form_of(cells, decimal_comma=decimal_comma)
    except UnreadableError as error:
        known = error.either and all(sign in _SIGNS for sign in _parts(error.cell).unit if sign)
        return Amount(error.cell, error.either, is_clear=False) if known else None
    if not all(sign in _SIGNS for sign in (form.before, form.after) if sign):
        return None
    # The one that shows most of the form.
    cell = max(cells, key=len)
    return Amount(cell, form.plain([cell])[0][0])


def _parts(cell: str) -> _Parts:
    """Return the parts of a cell; raises UnreadableError where it is no number."""
    text = cell.translate(_SAME).strip()
    # As accountants write what is below zero.
    below = text.startswith("(") and text.endswith(")")
    found = _AMOUNT.fullmatch(text[1:-1].strip() if below else text)
    if found is None or (found["minus"] and found["inner"]):
        raise UnreadableError(cell, "is no number")
    minus = below or "-" in (found["minus"], found["inner"])
    unit = (found["before"].strip(), (found["after"] or "").strip())
    return _Parts(cell, unit, minus, found["number"], _SCALES.get(found["scale"] or "", 1))


def _plain(parts: _Parts, thousands: str, decimal: str) -> str | None:
    """Return a number without marks between thousands, and with a decimal point; None where it is written otherwise."""
    whole, point, rest = parts.number.partition(decimal)
    if point and not rest.isdigit() and not (rest == "" and decimal == "."):
        return None
    groups = whole.split(thousands)
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])):
        return None
    if not all(group.isdigit() for group in groups) and not (whole == "" and rest):
        return None
    plain = "".join(groups) + (f".{rest}" if rest else "")
    if not isfinite(number_of(plain) or 0.0):
        return None
    if parts.scale > 1:
        plain = format((Decimal(plain) * parts.scale).normalize(), "f")
    return f"-{plain}" if parts.minus else plain
