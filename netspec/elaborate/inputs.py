"""What `input` says: the shape of one example and, of token sequences, how many tokens there are."""

from __future__ import annotations

from typing import Any, NamedTuple

from netspec.diagnostics.suggest import nearest
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import ValueProblem, evaluate
from netspec.elaborate.suggestions import split_size
from netspec.schema.types import Shape
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["Input", "read_input"]

_LARGEST = 10**9
_EXAMPLE = "for example `input 1x28x28` or `input 784`"
_TOKENS_EXAMPLE = "for example `input 64 tokens=1000`: 64 whole numbers from 0 to 999"


class Input(NamedTuple):
    """The shape of one example; `tokens` is set where it is so many whole numbers from 0 to tokens - 1."""

    shape: Shape
    tokens: int | None = None


def read_input(command: ast.Command, context: Context) -> Input | None:
    """Return what an `input` command says; None when something was wrong, which `context.diagnostics` then says."""
    before = len(context.diagnostics)
    shapes = [a for a in command.arguments if a.key is None]
    tokens = _tokens([a for a in command.arguments if a.key is not None], context)
    shape = None
    end, size = split_size(shapes, 0) if shapes else (0, "")
    if end:
        span = shapes[0].span.to(shapes[end].span)
        fix = f"write `input {size}`: the x touches both sides"
        context.error("E0206", "a size is written in one piece", span, fix=fix)
    elif len(shapes) == 1:
        shape = _shape(shapes[0], context)
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
    return Input(shape, tokens)


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
    if len(shape) > 3:
        message = (
            f"an input has 1 axis (features), 2 (features x length) or 3 (channels x height x width), not {len(shape)}"
        )
        context.error("E0207", message, argument.span)
        return None
    return shape


def _tokens(arguments: list[ast.Argument], context: Context) -> int | None:
    """Return the value of `tokens=`, the one argument with a key."""
    found: int | None = None
    for number, argument in enumerate(arguments):
        assert argument.key is not None
        name = argument.key.text
        if name != "tokens":
            near = nearest(name, ["tokens"])
            fix = f"did you mean `{near}`?" if near else "the shape stands without a key: `input 1x28x28`"
            context.error("E0202", f"`input` has no argument `{name}`", argument.key.span, fix=fix)
        elif argument.relation != "=":
            context.error("E0207", "`input` takes no comparison", argument.span, fix="write `tokens=1000`")
        elif number and any(a.key and a.key.text == name for a in arguments[:number]):
            context.error("E0209", "`tokens` is given twice", argument.span, fix="keep one")
        else:
            found = _positive(argument, context)
    return found


def _positive(argument: ast.Argument, context: Context) -> int | None:
    value = _value(argument.value, context)
    if value is None or _counts(value):
        return value
    message = f"`tokens` must be a positive whole number, not `{print_value(argument.value)}`"
    context.error("E0207", message, argument.span, fix=_TOKENS_EXAMPLE)
    return None


def _counts(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value <= _LARGEST


def _value(value: ast.Value, context: Context) -> Any:
    try:
        return evaluate(value, context.scope)
    except ValueProblem as problem:
        context.error(problem.code, problem.message, problem.span, fix=problem.fix)
        return None
