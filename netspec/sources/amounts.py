"""Numbers that are written with a currency, a unit or points between thousands, which no cell of numbers has."""

from __future__ import annotations

import re
from collections.abc import Iterable

from netspec.sources.cells import number_of

__all__ = ["amount_of"]

_SIGNS = (
    "US$ USD EUR GBP CHF JPY $ € £ ¥ ₹ % ‰ °C °F ° kg mg g km/h km cm mm m mi mph lbs lb oz ft kWh kW W ml l h min ms s"
)
_SIGN = f"(?:{'|'.join(map(re.escape, _SIGNS.split()))})"
_AMOUNT = re.compile(
    rf"(?P<minus>[+-]?)(?P<before>{_SIGN}?)\s*(?P<inner>[+-]?)"
    rf"(?P<number>\d[\d.,'’ \u00a0\u202f]*|\.\d+)(?P<after>\s*{_SIGN}?)"
)
"""A number with a sign or a unit before or behind it."""


def amount_of(cells: Iterable[str]) -> tuple[str, str] | None:
    """Return a cell and the plain number that it stands for, where all are numbers of one form; None where one is not.

    Args:
        cells: the different values of a column, without those that are missing; some are no plain numbers.
    """
    signs: set[tuple[str, str]] = set()
    numbers: list[tuple[str, str, str]] = []
    for cell in cells:
        found = _AMOUNT.fullmatch(cell)
        if found is None:
            return None
        signs.add((found["before"], found["after"].strip()))
        numbers.append((cell, found["minus"] or found["inner"], found["number"].strip()))
        if len(signs) > 1:
            return None
    for thousands, decimal in ((",", "."), (".", ","), (" ", "."), (" ", ","), ("'", "."), ("'", ",")):
        plain = [_plain(number, thousands, decimal) for _, _, number in numbers]
        if all(plain):
            # The one that shows most of the form.
            at = max(range(len(numbers)), key=lambda i: len(numbers[i][0]))
            return numbers[at][0], numbers[at][1].strip("+") + (plain[at] or "")
    return None


def _plain(number: str, thousands: str, decimal: str) -> str | None:
    """Return a number without marks between thousands, and with a decimal point; None where it is written otherwise."""
    for mark, same in (("’", "'"), ("\u00a0", " "), ("\u202f", " ")):
        number = number.replace(mark, same)
    whole, point, rest = number.partition(decimal)
    if point and not rest.isdigit():
        return None
    groups = whole.split(thousands)
    if len(groups) > 1 and not (1 <= len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])):
        return None
    if not all(group.isdigit() for group in groups) and not (whole == "" and rest):
        return None
    plain = "".join(groups) + (f".{rest}" if point else "")
    return plain if number_of(plain) is not None else None
