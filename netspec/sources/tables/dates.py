"""Dates of a table as moments that can be compared: `2026-01-31`, `31.1.2026 08:15`, `1/31/26`, `Jan 31, 2026`."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

__all__ = ["days_first", "moment_of", "name_months"]

_CLOCK = r"(?:[T ]\s*(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*([AaPp][Mm])?\s*(Z|[+-]\d{2}:?\d{2})?)?"
_YEAR_FIRST = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})" + _CLOCK)
_MONTH = re.compile(r"\d{4}[-/.]\d{1,2}")
_YEAR_LAST = re.compile(r"(\d{1,2})([-/.])(\d{1,2})[-/.](\d{2}|\d{4})" + _CLOCK)
_NAMED_FIRST = re.compile(r"([A-Za-z]{3,9})\.?(?:[ -](\d{1,2})(?:st|nd|rd|th)?,?)?[ -](\d{4})" + _CLOCK)
_NAMED_SECOND = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)?[ /-]([A-Za-z]{3,9})\.?,?[ /-](\d{4})" + _CLOCK)
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)

_CENTURY = 70
"""A year of two digits from here on is of the last century."""


def days_first(cells: Sequence[str]) -> bool | None:
    """Return whether the day stands before the month in dates that end in the year; None where nothing says it.

    With points between them it does, as in 31.1.2026.
    """
    found = [m for cell in cells if (m := _YEAR_LAST.fullmatch(cell))]
    if any(int(m[1]) > 12 for m in found):
        return True
    if any(int(m[3]) > 12 for m in found):
        return False
    return True if found and found[0][2] == "." else None


def moment_of(cell: str, *, day_first: bool) -> datetime | None:
    """Return the moment that a date says, in UTC where it names its zone; None where it is no date.

    Args:
        cell: it.
        day_first: whether the day stands before the month where the year stands last.
    """
    match = _YEAR_FIRST.fullmatch(f"{cell}-1" if _MONTH.fullmatch(cell) else cell)
    if match:
        year, month, day, *clock = match.groups()
    elif match := _NAMED_FIRST.fullmatch(cell):
        name, day, year, *clock = match.groups()
        month, day = _number_of_month(name), day or "1"
    elif match := _NAMED_SECOND.fullmatch(cell):
        day, name, year, *clock = match.groups()
        month = _number_of_month(name)
    else:
        match = _YEAR_LAST.fullmatch(cell)
        if match is None:
            return None
        first, _, second, year, *clock = match.groups()
        day, month = (first, second) if day_first else (second, first)
    whole = int(year) + (0 if len(year) == 4 else 1900 if int(year) >= _CENTURY else 2000)
    hour, minute, second, fraction, half, zone = clock
    hours = int(hour or 0)
    if half:
        hours = hours % 12 + 12 * (half.lower() == "pm")
    try:
        found = datetime(whole, int(month), int(day), hours, int(minute or 0), int(second or 0))
        found += timedelta(microseconds=int((fraction or "0").ljust(6, "0")[:6]))
        if zone and zone != "Z":
            away = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))
            found += away if zone[0] == "-" else -away
    except (ValueError, OverflowError):
        return None
    return found


def name_months(cells: Iterable[str]) -> bool:
    """Return whether all cells are dates that name their month: `Jan 31, 2026`, `31-Jan-2026`, `January 2026`."""
    there = list(cells)
    return bool(there) and all(_named(cell) and moment_of(cell, day_first=True) for cell in there)


def _named(cell: str) -> bool:
    return bool(_NAMED_FIRST.fullmatch(cell) or _NAMED_SECOND.fullmatch(cell))


def _number_of_month(name: str) -> str:
    """Return the number of a month by its English name or the beginning of it; 0 where there is none."""
    return str(next((i for i, month in enumerate(_MONTHS, start=1) if month.startswith(name.lower())), 0))
