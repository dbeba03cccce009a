"""What one cell of a table says: nothing, a number, yes or no."""

from __future__ import annotations

from math import isfinite

__all__ = ["MISSING", "class_name", "is_missing", "number_of", "shown", "truth_of", "zero_or_one"]

MISSING = frozenset({"", "na", "n/a", "#n/a", "nan", "null", "none", "<na>", "nat", "?", "-"})
"""What stands where there is no value, in small letters."""

_LONGEST_MISSING = max(map(len, MISSING))

_TRUTHS = {"true": True, "false": False, "yes": True, "no": False, "t": True, "f": False, "y": True, "n": False}


def is_missing(cell: str) -> bool:
    """Return whether a cell has no value."""
    return not cell or (len(cell) <= _LONGEST_MISSING and cell.lower() in MISSING)


def number_of(cell: str) -> float | None:
    """Return the number that a cell has; None where it has none."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if "_" not in cell else None


def truth_of(cell: str) -> bool | None:
    """Return whether a cell says yes or no; None where it says neither."""
    return _TRUTHS.get(cell.lower())


def class_name(cell: str) -> str:
    """Return the name of the class that a cell says: of whole numbers without the fraction, `1` for `1.0`."""
    value = number_of(cell)
    if value is not None and isfinite(value) and value.is_integer() and abs(value) < 2**53 and "." in cell:
        return str(int(value))
    return cell


def zero_or_one(cell: str) -> float | None:
    """Return 1 for a cell that says yes, or 1, 0 for no, or 0; None for any other."""
    value = truth_of(cell)
    if value is None:
        number = number_of(cell)
        return number if number in {0.0, 1.0} else None
    return float(value)


_SHOWN = 40
"""Characters of a cell that a message shows."""


def shown(cell: str) -> str:
    """Return a cell as a message shows it: in quotes, and no more of it than a line has room for."""
    return repr(cell) if len(cell) <= _SHOWN else f"{cell[:_SHOWN]!r}… ({len(cell):,} characters)"
