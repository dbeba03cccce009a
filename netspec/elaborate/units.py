"""Units written behind numbers, which take none: `4khz` is meant as 4000."""

from __future__ import annotations

from netspec.diagnostics.diagnostic import Span
from netspec.elaborate.bound_arguments import BoundArguments
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["without_unit"]

_SECONDS = {"s": 1.0, "sec": 1.0, "seconds": 1.0, "ms": 0.001, "min": 60.0}
_MILLISECONDS = {unit: 1000 * seconds for unit, seconds in _SECONDS.items()}
_UNITS = {
    "rate": {"hz": 1.0, "khz": 1000.0, "k": 1000.0},
    "seconds": _SECONDS,
    "time_shift": _SECONDS,
    "window": _MILLISECONDS,
    "hop": _MILLISECONDS,
    "gain": {"db": 1.0},
}


def without_unit(bound: BoundArguments, word: str, span: Span) -> str:
    """Return what to write instead of a number and the unit that stands right behind it; empty of other words."""
    for name, before in bound.spans.items():
        value = bound.written.get(name)
        touches = (before.end_line, before.end_column) == (span.line, span.column)
        if not touches or name not in _UNITS or not isinstance(value, ast.Integer | ast.Decimal):
            continue
        factor = _UNITS[name].get(word.lower())
        if factor is None:
            return f"numbers have no units: write `{print_value(value)}` alone"
        number = f"{value.value * factor:.12g}"
        positional = bound.parameters[name].positional
        return f"numbers have no units: write `{number if positional else f'{name}={number}'}`"
    return ""
