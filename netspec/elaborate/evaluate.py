"""The plain value an expression stands for: numbers, sizes, ranges, and integer arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from netspec.diagnostics.diagnostic import Span
from netspec.diagnostics.suggest import nearest
from netspec.syntax import ast

__all__ = ["BINARY_UNITS", "UNITS", "UNKNOWN", "Scope", "ValueProblem", "evaluate"]

Scope: TypeAlias = Mapping[str, Any]
"""What each `let` name stands for."""

UNKNOWN = object()
"""What a name stands for whose value was wrong: that is reported, and what uses the name stays silent."""

_LARGEST = 10**18

UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
BINARY_UNITS = {"k": 2**10, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
"""What the letters of a quantity multiply by: alone, and before an i as in 64MiB."""


class ValueProblem(Exception):  # noqa: N818 - reported as a diagnostic, never raised to a user
    """An expression has no value."""

    def __init__(self, code: str, message: str, span: Span, fix: str = "", name: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.span, self.fix = code, message, span, fix
        self.name = name
        """The name whose value is to blame, where one is."""


def evaluate(value: ast.Value, scope: Scope) -> Any:
    """Return the int, float, str, size (tuple of int) or range (tuple of float) that a value stands for.

    Raises:
        ValueProblem: for an unknown name, arithmetic that has no whole result, or a misplaced call.
    """
    match value:
        case ast.Integer() | ast.Decimal() | ast.String():
            return value.value
        case ast.Quantity():
            return _quantity(value.text)
        case ast.Negative():
            return -_number(value.operand, scope)
        case ast.Group():
            return evaluate(value.expression, scope)
        case ast.Binary():
            return _arithmetic(value, scope)
        case ast.Size():
            return tuple(_integer(e, scope) for e in value.extents)
        case ast.Range():
            return (float(_number(value.low, scope)), float(_number(value.high, scope)))
        case ast.Word():
            found = scope.get(value.text)
            if found is UNKNOWN:
                raise ValueProblem("", "", value.span)
            if isinstance(found, ast.Word | ast.Call):
                stands = found.text if isinstance(found, ast.Word) else f"{found.name.text}(…)"
                message = f"`{value.text}` stands for the word `{stands}`, which is no value here"
                raise ValueProblem("E0212", message, value.span, name=value.text)
            if found is not None:
                return found
            near = nearest(value.text, scope)
            raise ValueProblem(
                "E0210",
                f"no `let` is named `{value.text}`",
                value.span,
                f"did you mean `{near}`?" if near else "",
            )
        case ast.Call():
            raise ValueProblem("E0207", f"`{value.name.text}(…)` makes no sense here", value.span)


def _quantity(text: str) -> int | float:
    digits = text.rstrip("kKMGTiB")
    unit = text[len(digits) :].removesuffix("B")
    factor = BINARY_UNITS[unit[0]] if unit.endswith("i") else UNITS[unit]
    number = float(digits) * factor if "." in digits else int(digits) * factor
    return int(number) if number == int(number) else number


def _number(value: ast.Value, scope: Scope) -> int | float:
    number = evaluate(value, scope)
    if isinstance(number, int | float) and not isinstance(number, bool):
        return number
    raise ValueProblem("E0212", "arithmetic needs numbers", value.span)


def _integer(value: ast.Value, scope: Scope) -> int:
    number = _number(value, scope)
    if isinstance(number, int):
        return number
    raise ValueProblem("E0212", f"arithmetic and sizes need whole numbers, {number} is not one", value.span)


_OPERATORS: dict[str, Callable[[int, int], int]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "//": lambda a, b: a // b,
    "%": lambda a, b: a % b,
}


def _arithmetic(value: ast.Binary, scope: Scope) -> int:
    left, right = _integer(value.left, scope), _integer(value.right, scope)
    if value.operator in {"/", "//", "%"} and right == 0:
        raise ValueProblem("E0212", "division by zero", value.span)
    if value.operator == "/":
        if left % right:
            fix = f"`{left} // {right}` is {left // right}"
            raise ValueProblem("E0212", f"{left} / {right} is not a whole number", value.span, fix)
        return left // right
    result = _OPERATORS[value.operator](left, right)
    if abs(result) > _LARGEST:
        raise ValueProblem("E0212", "this number is too large", value.span)
    return result
