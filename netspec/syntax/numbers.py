"""Numbers in their one spelling: `1E-03` is `1e-3`, `.5` is `0.5`. The value never changes, and no digit is lost."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from netspec.syntax import ast

__all__ = ["decimal_text", "spell_numbers"]


def spell_numbers(commands: Iterable[ast.Command]) -> tuple[ast.Command, ...]:
    """Return the commands with every decimal in its canonical spelling."""
    return tuple(_command(c) for c in commands)


def decimal_text(text: str) -> str:
    """Return the canonical spelling of a decimal.

    Zeros at the end stay: `0.10` may tell how exactly a number is known.
    """
    mantissa, _, exponent = text.lower().partition("e")
    whole, point, fraction = mantissa.partition(".")
    spelled = (whole.lstrip("0") or "0") + point + fraction
    sign = "-" if exponent.startswith("-") else ""
    return f"{spelled}e{sign}{exponent.lstrip('+-0') or '0'}" if exponent else spelled


def _command(command: ast.Command) -> ast.Command:
    bodies = tuple(replace(b, commands=spell_numbers(b.commands)) for b in command.bodies)
    return replace(command, arguments=_arguments(command.arguments), bodies=bodies)


def _arguments(arguments: Iterable[ast.Argument]) -> tuple[ast.Argument, ...]:
    return tuple(replace(a, value=_value(a.value)) for a in arguments)


def _value(value: ast.Value) -> ast.Value:
    match value:
        case ast.Decimal():
            return replace(value, text=decimal_text(value.text))
        case ast.Negative() | ast.Not():
            return replace(value, operand=_value(value.operand))
        case ast.Group():
            return replace(value, expression=_value(value.expression))
        case ast.Binary():
            return replace(value, left=_value(value.left), right=_value(value.right))
        case ast.Range():
            return replace(value, low=_value(value.low), high=_value(value.high))
        case ast.Call():
            return replace(value, arguments=_arguments(value.arguments))
        case ast.Size():
            return replace(value, extents=tuple(map(_value, value.extents)))
        case ast.Tuple():
            return replace(value, items=tuple(map(_value, value.items)))
        case _:
            return value
