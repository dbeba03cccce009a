"""`if` and `for` as they are written: the bodies with their conditions, the rounds with the values of their names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from netspec.diagnostics.diagnostic import Span
from netspec.elaborate.evaluate import Scope, ValueProblem, evaluate, evaluate_word
from netspec.syntax import ast
from netspec.syntax.printer import in_text_order, print_argument, print_value

__all__ = ["Branch", "Rounds", "branches", "loop_names", "rounds"]

_IF = "for example `if (stride > 1) { pool 2 } else { identity }`"
_FOR = "for example `for c in 64 128 { conv c 3x3 }`, or `for i in 1..3 { … }`"


@dataclass(frozen=True, slots=True)
class Branch:
    """One body of an `if`, and what must hold for it; None for what stands behind the last `else`."""

    condition: ast.Value | None
    body: ast.Body


def branches(command: ast.Command) -> list[Branch]:
    """Return the bodies of an `if` with their conditions, in the order of the text.

    Raises:
        ValueProblem: where it is not written as `if (…) { … } else if (…) { … } else { … }`.
    """
    parts = in_text_order(command)
    found: list[Branch] = []
    at = 0
    while at < len(parts):
        condition = None
        if found:
            at = _else(parts, at, found)
            again = at < len(parts) and _word(parts[at]) == "if"
            at += again
        if not found or again:
            condition = _condition(parts[at] if at < len(parts) else None, command)
            at += 1
        body = parts[at] if at < len(parts) else None
        if not isinstance(body, ast.Body):
            raise ValueProblem("E0206", "a body is missing", body.span if body else command.name.span, _IF)
        found.append(Branch(condition, body))
        at += 1
    if not found:
        raise ValueProblem("E0206", "`if` needs a condition and a body", command.name.span, _IF)
    return found


def _else(parts: Sequence[ast.Argument | ast.Body], at: int, found: Sequence[Branch]) -> int:
    """Go over the `else` between two bodies."""
    part = parts[at]
    word = _word(part)
    if word != "else":
        fix = "write `else if`" if word in {"elif", "elseif", "elsif"} else "put what follows the `}` on its own line"
        raise ValueProblem("E0205", "behind the body of an `if` stands `else`, or nothing", part.span, fix)
    if found[-1].condition is None:
        fix = "write `else if (…)` before it"
        raise ValueProblem("E0205", "behind the last `else` nothing follows", part.span, fix)
    return at + 1


def _condition(part: ast.Argument | ast.Body | None, command: ast.Command) -> ast.Value:
    if isinstance(part, ast.Argument) and part.key is None and isinstance(part.value, ast.Group | ast.Word):
        return part.value
    span = part.span if isinstance(part, ast.Argument) else command.name.span
    written = f"({print_argument(part)})" if isinstance(part, ast.Argument) and part.key else "(stride > 1)"
    raise ValueProblem("E0206", "`if` needs a condition in parentheses", span, f"for example `if {written} {{ … }}`")


def _word(part: ast.Argument | ast.Body) -> str:
    if isinstance(part, ast.Argument) and part.key is None and isinstance(part.value, ast.Word):
        return part.value.text
    return ""


@dataclass(frozen=True, slots=True)
class Rounds:
    """The rounds of a `for`: how many, where its names are given, and their values round by round."""

    count: int
    named: Mapping[str, Span]
    values: Iterator[dict[str, Any]]


def loop_names(command: ast.Command) -> tuple[ast.Word, ...]:
    """Return the names of a `for`, without looking whether they are written as they should be."""
    first = command.arguments[0] if command.arguments else None
    if first is None or first.key is not None:
        return ()
    items = first.value.items if isinstance(first.value, ast.Tuple) else (first.value,)
    items = tuple(item.expression if isinstance(item, ast.Group) else item for item in items)
    return tuple(item for item in items if isinstance(item, ast.Word))


def rounds(command: ast.Command, scope: Scope, labels: Mapping[str, str]) -> Rounds:
    """Return the rounds of a `for`.

    Args:
        command: the command, with one body.
        scope: the names its values may use.
        labels: the labels they may be.

    Raises:
        ValueProblem: where it is not written as `for NAME in VALUES { … }`, or a value has none.
    """
    if len(command.arguments) < 2 or len(command.bodies) != 1 or any(a.key for a in command.arguments):
        raise ValueProblem("E0206", "`for` needs a name, `in`, values and one body", command.name.span, _FOR)
    heads, word, *values = command.arguments
    names = loop_names(command)
    items = heads.value.items if isinstance(heads.value, ast.Tuple) else (heads.value,)
    if len(names) != len(items):
        raise ValueProblem("E0207", "`for` gives values to names", heads.span, _FOR)
    twice = next((n for i, n in enumerate(names) if n.text in {m.text for m in names[:i]}), None)
    if twice:
        raise ValueProblem("E0209", f"the name `{twice.text}` is given twice", twice.span, "choose another name")
    if _word(word) != "in":
        raise ValueProblem("E0206", "`in` stands behind the names of a `for`", word.span, _FOR)
    if not values:
        raise ValueProblem("E0206", "`for` needs values behind `in`", word.span, _FOR)
    only = values[0].value
    if len(values) == 1 and isinstance(only, ast.Integer):
        fix = f"`for {names[0].text} in 1..{only.value}` counts; `repeat {only.value}` needs no name"
        raise ValueProblem("E0207", f"a `for` over `{only.value}` alone is one round", only.span, fix)
    texts = [name.text for name in names]
    parts = [_values(argument.value, texts, scope, labels) for argument in values]
    named = {name.text: name.span for name in names}
    return Rounds(sum(len(p) for p in parts), named, (_round(texts, v) for v in chain.from_iterable(parts)))


def _values(
    value: ast.Value, names: Sequence[str], scope: Scope, labels: Mapping[str, str]
) -> range | list[tuple[Any, ...]]:
    """Return what one value behind `in` gives, round by round: a range gives many, a tuple one value for each name."""
    if isinstance(value, ast.Range) and len(names) == 1:
        low, high = (_whole(end, scope) for end in (value.low, value.high))
        if high < low:
            fix = f"it begins with its lower end: `{high}..{low}`" if high != low - 1 else "put an `if` around it"
            raise ValueProblem("E0207", f"`{print_value(value)}` is nothing: {low} is above {high}", value.span, fix)
        return range(low, high + 1)
    items = value.items if isinstance(value, ast.Tuple) else (value,)
    if len(items) != len(names):
        needs = "one value" if len(names) == 1 else f"{len(names)} values, `({', '.join(names)})`"
        message = f"each round of this `for` takes {needs}; `{print_value(value)}` has {len(items)}"
        fix = ""
        if len(names) == 1:
            fix = f"values stand side by side: `for {names[0]} in {' '.join(map(print_value, items))}`"
        raise ValueProblem("E0207", message, value.span, fix)
    if isinstance(value, ast.Call) and value.name.text == "range":
        raise ValueProblem("E0207", "a range is its two ends", value.span, f"for example `for {names[0]} in 1..3`")
    return [tuple(evaluate_word(item, scope, labels) for item in items)]


def _whole(value: ast.Value, scope: Scope) -> int:
    number = evaluate(value, scope, whole=True)
    if isinstance(number, int) and not isinstance(number, bool):
        return number
    raise ValueProblem("E0207", "a range of `for` goes over whole numbers", value.span, "for example `for i in 1..3`")


def _round(names: Sequence[str], values: Any) -> dict[str, Any]:
    return {names[0]: values} if isinstance(values, int) else dict(zip(names, values, strict=True))
