"""What `input` says: the shape of one example; of token sequences, how many tokens there are, and which is padding."""

from __future__ import annotations

from typing import Any

from netspec.diagnostics.suggest import nearest
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import ValueProblem, evaluate
from netspec.elaborate.suggestions import split_size
from netspec.ir.network import Input
from netspec.schema.types import Shape
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["read_input"]

_LARGEST = 10**9
_EXAMPLE = "for example `input 1x28x28` or `input 784`"
_TOKENS_EXAMPLE = "for example `input 64 tokens=1000`: 64 whole numbers from 0 to 999"
_MASK_EXAMPLE = "for example `input 64 tokens=1000 mask=0`"


def read_input(command: ast.Command, name: str, context: Context) -> Input | None:
    """Return what an `input` command says; None when something was wrong, which `context.diagnostics` then says.

    Args:
        command: the command.
        name: what the input is called.
        context: where mistakes are noted.
    """
    before = len(context.diagnostics)
    shapes = [a for a in command.arguments if a.key is None]
    named = [a for a in command.arguments if a.key is not None and a.key.text == "columns"]
    columns = _columns(named, context)
    numbers = _numbers([a for a in command.arguments if a.key is not None and a not in named], context)
    tokens, mask = numbers.get("tokens"), numbers.get("mask")
    shape = None
    end, size = split_size(shapes, 0) if shapes else (0, "")
    if end:
        span = shapes[0].span.to(shapes[end].span)
        fix = f"write `input {size}`: the x touches both sides"
        context.error("E0206", "a size is written in one piece", span, fix=fix)
    elif len(shapes) == 1:
        shape = _shape(shapes[0], context)
    elif words := [a for a in shapes if isinstance(a.value, ast.Word) and a.value.text in _LEAST]:
        text = print_value(words[0].value)
        message = f"`{text}` is an argument of `input`, and takes its value with a `=`"
        context.error("E0203", message, words[0].span, fix=f"for example `{text}={_LEAST[text][1]}`")
    elif not any(d.code == "E0202" for d in context.diagnostics[before:]):
        # A misspelt key is one mistake: the shape that it may have stood for is then not missed too.
        fix = "channels x height x width: `input 1x28x28`" if tokens is None else _TOKENS_EXAMPLE
        context.error("E0206", "`input` needs one shape", command.head, fix=fix)
    if len(context.diagnostics) > before or shape is None:
        return None
    if tokens is not None and len(shape) != 1:
        message = f"token numbers have 1 axis, their length, not {len(shape)}"
        context.error("E0207", message, shapes[0].span, fix=_TOKENS_EXAMPLE)
        return None
    if mask is not None and (tokens is None or mask >= tokens):
        place = next(a.span for a in command.arguments if a.key and a.key.text == "mask")
        message = "`mask` is the token that stands for padding, one of those that `tokens=` counts"
        fix = _MASK_EXAMPLE
        if tokens is not None:
            message = f"{message}: 0{f' to {tokens - 1:,}' * (tokens > 1)}, not {mask:,}"
            fix = f"count it too: `tokens={mask + 1} mask={mask}`, or give one of these"
        context.error("E0207", message, place, fix=fix)
        return None
    return Input(name=name, shape=shape, tokens=tokens, mask=mask, columns=columns)


def _columns(arguments: list[ast.Argument], context: Context) -> tuple[str, ...]:
    """Return the columns of a table that an input names beside its shape: `columns="sex" columns="age"`."""
    found = []
    for argument in arguments:
        value = argument.value
        name = value.text if isinstance(value, ast.Word) else value.value if isinstance(value, ast.String) else None
        if name is None or argument.relation != "=":
            written = print_value(value)
            fix = f'a name that is no plain word stands in quotes: columns="{written}"'
            context.error("E0207", f"`columns` names a column, and `{written}` is none", argument.span, fix=fix)
        else:
            found.append(name)
    return tuple(found)


def _shape(argument: ast.Argument, context: Context) -> Shape | None:
    found = _value(argument.value, context)
    if found is None:
        return None
    shape = found if isinstance(found, tuple) else (found,)
    if not all(_counts(n) for n in shape):
        if any(isinstance(n, int) and n > _LARGEST for n in shape):
            message = f"the input is too large: `{print_value(argument.value)}`"
            context.error("E0207", message, argument.span, fix=f"an axis has at most {_LARGEST:,} values")
            return None
        message = f"the input must be a shape of positive whole numbers, not `{print_value(argument.value)}`"
        context.error("E0207", message, argument.span, fix=_EXAMPLE)
        return None
    if len(shape) > 4:
        message = (
            "an input has 1 axis (features), 2 (features x length), 3 (channels x height x width) or 4 (channels x "
            f"depth x height x width), not {len(shape)}"
        )
        context.error("E0207", message, argument.span)
        return None
    return shape


def _numbers(arguments: list[ast.Argument], context: Context) -> dict[str, int]:
    """Return the values of `tokens=` and `mask=`, the arguments with keys."""
    found: dict[str, int] = {}
    seen: set[str] = set()
    for argument in arguments:
        assert argument.key is not None
        name = argument.key.text
        if name not in _LEAST:
            near = nearest(name, _LEAST)
            fix = f"did you mean `{near}`?" if near else "the shape stands without a key: `input 1x28x28`"
            context.error("E0202", f"`input` has no argument `{name}`", argument.key.span, fix=fix)
        elif argument.relation != "=":
            context.error(
                "E0207", "`input` takes no comparison", argument.span, fix=f"write `{name}={_LEAST[name][1]}`"
            )
        elif name in seen:
            context.error("E0209", f"`{name}` is given twice", argument.span, fix="keep one")
        elif (value := _whole(argument, _LEAST[name][0], context)) is not None:
            found[name] = value
        seen.add(name)
    return found


_LEAST = {"tokens": (1, "1000"), "mask": (0, "0")}
"""The arguments with keys: the least value of each, and an example."""


def _whole(argument: ast.Argument, least: int, context: Context) -> int | None:
    value = _value(argument.value, context)
    if value is None or (_counts(value) or (value == 0 and not isinstance(value, bool) and least == 0)):
        return value
    name = argument.key.text if argument.key else ""
    expects = "a positive whole number" if least else "a whole number, 0 or more"
    message = f"`{name}` must be {expects}, not `{print_value(argument.value)}`"
    context.error("E0207", message, argument.span, fix=_TOKENS_EXAMPLE if least else _MASK_EXAMPLE)
    return None


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST


def _value(value: ast.Value, context: Context) -> Any:
    try:
        return evaluate(value, context.scope, whole=True)
    except ValueProblem as problem:
        context.error(problem.code, problem.message, problem.span, fix=problem.fix)
        return None
