"""The plain value an expression stands for: numbers, sizes, ranges, words, and whether a condition holds.

Arithmetic is exact, with fractions: `(10 * 0.1)` is 1, and `(64 * 0.75)` is the whole number 48.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from math import floor, isfinite
from typing import Any, TypeAlias

from netspec.diagnostics.diagnostic import Span
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.vocabulary import CHOICES
from netspec.layers import LAYERS
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = [
    "BINARY_UNITS",
    "UNITS",
    "UNKNOWN",
    "LabelledWord",
    "Percent",
    "Scope",
    "Unanswered",
    "ValueProblem",
    "evaluate",
    "evaluate_condition",
    "evaluate_word",
]

Scope: TypeAlias = Mapping[str, Any]
"""What each `let` name stands for."""

UNKNOWN = object()
"""What a name stands for whose value was wrong: that is reported, and what uses the name stays silent."""

_LARGEST = 10**18
_FINEST = 10**400
"""So large may the denominator of a fraction be: float64 knows no smaller numbers."""

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


@dataclass(frozen=True, slots=True)
class Unanswered:
    """What `classes` and `tokens` stand for where the data does not say it: why, and what would be right."""

    why: str
    fix: str


class Percent(float):
    """A share written as one, `15%`: it fits only where a share is meant, not where 0.15 of something is."""


@dataclass(frozen=True, slots=True)
class LabelledWord:
    """A word given to a block that is the label of a layer where it is used.

    Attributes:
        text: the word.
        node: the layer's name.
        choice: the word as a choice of the language, where it is one too: what it means, its use decides.
    """

    text: str
    node: str
    choice: ast.Word | None = None


def evaluate(value: ast.Value, scope: Scope, *, whole: bool = False) -> Any:
    """Return the int, float, bool, str, size (tuple of int) or range (tuple of float) that a value stands for.

    Args:
        value: the value.
        scope: the names it may use.
        whole: whether a whole number is needed: then whole numbers must divide each other, and a decimal must be one.

    Raises:
        ValueProblem: for an unknown name, arithmetic that has no result, or a misplaced call.
    """
    match value:
        case ast.Integer() | ast.Decimal() | ast.String():
            return value.value
        case ast.Quantity():
            return _quantity(value.text)
        case ast.Negative():
            return -_number(value.operand, scope, whole)
        case ast.Group():
            return evaluate(value.expression, scope, whole=whole)
        case ast.Binary(operator=sign) if sign in _ARITHMETIC:
            return _plain(_arithmetic(value, scope, whole), value, whole)
        case ast.Binary() | ast.Not():
            return evaluate_condition(value, scope)
        case ast.Size():
            return tuple(_integer(e, scope) for e in value.extents)
        case ast.Range():
            return (float(_number(value.low, scope, False)), float(_number(value.high, scope, False)))
        case ast.Tuple():
            raise ValueProblem("E0207", "several values in parentheses are for `for` alone", value.span)
        case ast.Word():
            return _named(value, scope)
        case ast.Call():
            raise ValueProblem("E0207", f"`{value.name.text}(…)` makes no sense here", value.span)


def evaluate_word(value: ast.Value, scope: Scope, labels: Mapping[str, str] | None = None) -> Any:
    """Return what a `let` or a parameter stands for: a plain value, or a word or call of the language as it is.

    Args:
        value: the value.
        scope: the names it may use; they come before the words of the language, and these before labels.
        labels: the labels it may be, for a parameter.

    Raises:
        ValueProblem: where it is neither.
    """
    if isinstance(value, ast.Group):
        return evaluate_word(value.expression, scope, labels)
    word = value.text if isinstance(value, ast.Word) else value.name.text if isinstance(value, ast.Call) else ""
    if not word:
        return evaluate(value, scope)
    if isinstance(value, ast.Word) and word in scope:
        return scope[word]
    if isinstance(value, ast.Word) and labels and word in labels:
        return LabelledWord(word, labels[word], value if word in CHOICES else None)
    if word in CHOICES:
        return value
    if word in LAYERS:
        message = f"no name stands for a layer, and `{word}` is one"
        raise ValueProblem("E0210", message, value.span, "write the layer itself, where it is to stand")
    near = nearest(word, scope, sorted(CHOICES, key=lambda w: (not w.islower(), w)))
    message = f"no `let` is named `{word}`, and it is no word of the language"
    raise ValueProblem("E0210", message, value.span, f"did you mean `{near}`?" if near else "")


def evaluate_condition(value: ast.Value, scope: Scope) -> bool:
    """Return whether a condition holds.

    Raises:
        ValueProblem: where it cannot be decided.
    """
    match value:
        case ast.Group():
            return evaluate_condition(value.expression, scope)
        case ast.Not():
            return not evaluate_condition(value.operand, scope)
        case ast.Binary(operator="and"):
            return evaluate_condition(value.left, scope) and evaluate_condition(value.right, scope)
        case ast.Binary(operator="or"):
            return evaluate_condition(value.left, scope) or evaluate_condition(value.right, scope)
        case ast.Binary(operator=sign) if sign in _COMPARISONS:
            return _compared(value, scope)
    found = evaluate_word(value, scope)
    if found is UNKNOWN:
        raise ValueProblem("", "", value.span)
    if isinstance(found, ast.Word) and found.text in {"true", "false"}:
        return found.text == "true"
    if isinstance(found, bool):
        return found
    shown = print_value(value)
    fix = f"compare it, for example `({shown} > 1)`" if isinstance(found, int | float) else ""
    raise ValueProblem("E0212", f"`{shown}` is no condition", value.span, fix or "for example `(stride > 1)`")


def _named(value: ast.Word, scope: Scope) -> Any:
    found = scope.get(value.text)
    if found is UNKNOWN:
        raise ValueProblem("", "", value.span)
    if isinstance(found, Unanswered):
        raise ValueProblem("E0406", f"`{value.text}` is not known: {found.why}", value.span, found.fix)
    if isinstance(found, LabelledWord):
        message = f"`{value.text}` stands for the layer labelled `{found.text}`, which is no value here"
        raise ValueProblem("E0212", message, value.span, name=value.text)
    if isinstance(found, ast.Word | ast.Call):
        stands = found.text if isinstance(found, ast.Word) else f"{found.name.text}(…)"
        message = f"`{value.text}` stands for the word `{stands}`, which is no value here"
        raise ValueProblem("E0212", message, value.span, name=value.text)
    if found is not None:
        return found
    near = nearest(value.text, scope)
    fix = f"did you mean `{near}`?" if near else ""
    raise ValueProblem("E0210", f"no `let` is named `{value.text}`", value.span, fix)


def _quantity(text: str) -> int | float:
    if text.endswith("%"):
        # The nearest number to the decimal itself, which a division of a rounded one may miss.
        return Percent(f"{text[:-1]}e-2")
    digits = text.rstrip("kKMGTiB")
    unit = text[len(digits) :].removesuffix("B")
    factor = BINARY_UNITS[unit[0]] if unit.endswith("i") else UNITS[unit]
    number = float(digits) * factor if "." in digits else int(digits) * factor
    return int(number) if number == int(number) else number


# --- arithmetic -----------------------------------------------------------------------------------------------------

_ARITHMETIC: dict[str, Callable[[Fraction, Fraction], Fraction | int]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "//": operator.floordiv,
    "%": operator.mod,
}

_Exact: TypeAlias = "_Number | tuple[_Number, ...]"


@dataclass(frozen=True, slots=True)
class _Number:
    """A number within arithmetic: exact, and whether it is a decimal, also where it is whole."""

    exact: Fraction
    decimal: bool


def _arithmetic(value: ast.Value, scope: Scope, whole: bool) -> _Exact:
    """Return the number or the size that arithmetic gives; sizes are computed part by part."""
    if isinstance(value, ast.Group):
        return _arithmetic(value.expression, scope, whole)
    if not isinstance(value, ast.Binary) or value.operator not in _ARITHMETIC:
        return _operand(value, scope, whole)
    left, right = _arithmetic(value.left, scope, whole), _arithmetic(value.right, scope, whole)
    if isinstance(left, _Number) and isinstance(right, _Number):
        return _computed(value, left, right, whole)
    parts = len(left) if isinstance(left, tuple) else len(right) if isinstance(right, tuple) else 0
    lefts = left if isinstance(left, tuple) else (left,) * parts
    rights = right if isinstance(right, tuple) else (right,) * parts
    if len(lefts) != len(rights):
        message = f"sizes of {len(lefts)} and {len(rights)} numbers are not computed with each other"
        raise ValueProblem("E0212", message, value.span)
    return tuple(_computed(value, a, b, True) for a, b in zip(lefts, rights, strict=True))


def _operand(value: ast.Value, scope: Scope, whole: bool) -> _Exact:
    found = evaluate(value, scope, whole=whole)
    if isinstance(found, tuple) and all(isinstance(part, int) for part in found):
        return tuple(_Number(Fraction(part), False) for part in found)
    if isinstance(found, bool) or not isinstance(found, int | float):
        raise ValueProblem("E0212", "arithmetic needs numbers", value.span)
    if not isfinite(found):
        raise ValueProblem("E0212", "this number is too large", value.span)
    # A decimal is what is written, not the binary number next to it.
    return _Number(Fraction(str(float(found)) if isinstance(found, float) else found), isinstance(found, float))


def _computed(value: ast.Binary, left: _Number, right: _Number, whole: bool) -> _Number:
    sign, decimal = value.operator, left.decimal or right.decimal
    if sign in {"/", "//", "%"} and right.exact == 0:
        raise ValueProblem("E0212", "division by zero", value.span)
    result = Fraction(_ARITHMETIC[sign](left.exact, right.exact))
    if sign == "/" and not decimal and result.denominator != 1:
        if whole:
            fix = f"`{left.exact} // {right.exact}` is {left.exact // right.exact}"
            message = f"{left.exact} / {right.exact} is not a whole number"
            raise ValueProblem("E0212", message, value.span, fix)
        decimal = True
    if abs(result) > _LARGEST:
        raise ValueProblem("E0212", "this number is too large", value.span)
    if result.denominator > _FINEST:
        raise ValueProblem("E0212", "this number has too many digits", value.span)
    # `//` rounds down to a whole number, also of decimals.
    return _Number(result, decimal and sign != "//")


def _plain(found: _Exact, value: ast.Value, whole: bool) -> int | float | tuple[int, ...]:
    """Return a result of arithmetic as Python's number or size."""
    if isinstance(found, tuple):
        return tuple(int(_whole(part, value)) for part in found)
    # `(16 * 0.75)` is the whole number 12, which fits where a decimal may stand too.
    return float(found.exact) if found.exact.denominator != 1 and not whole else _whole(found, value)


def _whole(found: _Number, value: ast.Value) -> int:
    if found.exact.denominator == 1:
        return int(found.exact)
    shown = print_value(value)
    fix = f"`({shown.removeprefix('(').removesuffix(')')} // 1)` rounds it down to {floor(found.exact)}"
    raise ValueProblem("E0212", f"`{shown}` is {float(found.exact):.12g}, not a whole number", value.span, fix)


def _number(value: ast.Value, scope: Scope, whole: bool) -> int | float:
    number = evaluate(value, scope, whole=whole)
    if isinstance(number, int | float) and not isinstance(number, bool):
        return number
    raise ValueProblem("E0212", "arithmetic needs numbers", value.span)


def _integer(value: ast.Value, scope: Scope) -> int:
    number = _number(value, scope, True)
    if isinstance(number, int):
        return number
    raise ValueProblem("E0212", f"arithmetic and sizes need whole numbers, {number} is not one", value.span)


# --- comparisons ----------------------------------------------------------------------------------------------------

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def _compared(value: ast.Binary, scope: Scope) -> bool:
    left, right = _comparable(value.left, scope), _comparable(value.right, scope)
    (kind, one), (other, two) = left, right
    if kind != other:
        message = f"{kind} and {other} cannot be compared: `{print_value(value.left)}`, `{print_value(value.right)}`"
        fix = ""
        if {kind, other} == {"a word", "a string"}:
            fix = 'a word stands without quotes: `relu`, not `"relu"`'
        elif "a number" in {kind, other} and {one, two} & {"true", "false"}:
            fix = "what is on or off is a number here: `let deep = 1`, then `(deep == 1)`"
        raise ValueProblem("E0212", message, value.span, fix)
    if value.operator not in {"==", "!="} and kind != "a number":
        raise ValueProblem("E0212", f"{kind} is neither more nor less than another", value.span, "use `==` or `!=`")
    return _COMPARISONS[value.operator](one, two)


def _comparable(value: ast.Value, scope: Scope) -> tuple[str, Any]:
    """Return what kind of thing a value is, and what it is compared by."""
    if isinstance(value, ast.Binary) and value.operator in _ARITHMETIC:
        exact = _arithmetic(value, scope, False)
        return ("a number", exact.exact) if isinstance(exact, _Number) else ("a size", tuple(n.exact for n in exact))
    found = evaluate_word(value, scope)
    found = found.choice if isinstance(found, LabelledWord) else found
    match found:
        case bool():
            return "a word", str(found).lower()
        case int() | float() if isfinite(found):
            return "a number", Fraction(str(float(found)) if isinstance(found, float) else found)
        case str():
            return "a string", found
        case tuple():
            return "a size", found
        case ast.Word() | ast.Call():
            word = found.text if isinstance(found, ast.Word) else found.name.text
            return "a word", LAYERS.canonical(word) if word in LAYERS else word
    if found is UNKNOWN:
        raise ValueProblem("", "", value.span)
    raise ValueProblem("E0212", f"`{print_value(value)}` is a label, which has no value", value.span)
