"""A block's parameters: how they are defined, and the values that a use gives them."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from netspec.diagnostics.diagnostic import Related, Span, listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.context import Context, Given
from netspec.elaborate.evaluate import ValueProblem, evaluate_word
from netspec.elaborate.scope import Block, Scope
from netspec.elaborate.vocabulary import ARGUMENT_WORDS, COMMAND_WORDS, RESERVED, meaning
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["bind_parameters", "define", "given_at", "hide"]


def hide(name: str, what: str, span: Span, context: Context) -> bool:
    """Take a name for a `let`, a block or a parameter: it wins over netspec's words, which is noted.

    Returns:
        Whether it can be one: words that hold the language together cannot, and are reported.
    """
    if name in RESERVED:
        fix = f"choose another name for the {what}"
        context.error("E0213", f"`{name}` is a word of the language itself", span, fix=fix)
        return False
    if name in (COMMAND_WORDS if what == "block" else ARGUMENT_WORDS):
        context.note(f"in this file `{name}` is this {what}; without it, it is {meaning(name)}", span)
    return True


def define(command: ast.Command, scope: Scope, context: Context) -> None:
    """Enter a `block NAME(params) { }` into the scope."""
    if len(command.arguments) != 1 or command.arguments[0].key or len(command.bodies) != 1:
        fix = "for example `block res(width, stride=1) { conv width 3x3 stride=stride }`"
        context.error("E0206", "`block` needs a name, its parameters and one body", command.name.span, fix=fix)
        values = [a.value for a in command.arguments]
        scope.misdefined |= {v.text for v in values if isinstance(v, ast.Word)}
        scope.misdefined |= {v.value for v in values if isinstance(v, ast.String)}
        scope.misdefined |= {v.name.text for v in values if isinstance(v, ast.Call)}
        return
    value = command.arguments[0].value
    if not isinstance(value, ast.Word | ast.Call):
        context.error("E0206", "a block's name is a word", value.span, fix="for example `block res(width) { … }`")
        return
    name = value.name if isinstance(value, ast.Call) else ast.Name(value.text, value.span)
    parameters = value.arguments if isinstance(value, ast.Call) else ()
    found = scope.blocks.get(name.text)
    if not hide(name.text, "block", name.span, context):
        scope.misdefined.add(name.text)
    elif found and not _same(found, command.bodies[0], parameters):
        related = Related(found.name.span, "the first is here")
        message = f"the block `{name.text}` is defined twice"
        context.error("E0209", message, name.span, fix="choose another name", related=(related,))
        scope.misdefined.add(name.text)
    elif _named(parameters, context):
        scope.blocks[name.text] = Block(name, parameters, command.bodies[0], scope)
    else:
        scope.misdefined.add(name.text)


def _same(found: Block, body: ast.Body, parameters: tuple[ast.Argument, ...]) -> bool:
    """Return whether a block is the one that is already there: of a file that is included twice, or of its text."""
    return found.body is body or (found.parameters == parameters and found.body == body)


def _named(parameters: tuple[ast.Argument, ...], context: Context) -> bool:
    """Check the names of parameters: words, each once, no word of the language; those with a default come last."""
    seen: set[str] = set()
    good = True
    defaults = False
    for parameter in parameters:
        name = _parameter_name(parameter)
        if name is None:
            message, fix = "a parameter is a word, or a word and its default", "`block res(width, stride=1) { … }`"
            context.error("E0207", message, parameter.span, fix=fix)
        elif name in seen:
            context.error("E0209", f"the parameter `{name}` is given twice", parameter.span, fix="choose another name")
        elif not hide(name, "parameter", parameter.span, context):
            pass
        elif defaults and parameter.key is None:
            message = f"the parameter `{name}` needs a default, as one before it has one"
            context.error("E0206", message, parameter.span, fix="parameters without a default come first")
        else:
            seen.add(name)
            defaults = parameter.key is not None
            continue
        good = False
    return good


def _parameter_name(parameter: ast.Argument) -> str | None:
    if parameter.key is not None:
        return parameter.key.text
    return parameter.value.text if isinstance(parameter.value, ast.Word) else None


def bind_parameters(block: Block, command: ast.Command, context: Context) -> dict[str, Any] | None:
    """Return the values of a block's parameters for one use; None where something is wrong, which is then reported."""
    names = [str(_parameter_name(p)) for p in block.parameters]
    given: dict[str, ast.Argument] = {}
    good, at = True, 0
    for argument in command.arguments:
        # Positions are filled from the left, so the first free one is where the last search ended, or behind.
        while at < len(names) and names[at] in given:
            at += 1
        free = names[at] if at < len(names) else None
        name = argument.key.text if argument.key else free
        good = _fits(name, argument, names, given, block, context) and good
        if name is not None:
            given.setdefault(name, argument)
    missing = [n for n, p in zip(names, block.parameters, strict=True) if p.key is None and n not in given]
    if missing and good:
        needs = listing([f"`{n}`" for n in missing], "and")
        related = Related(block.name.span, "the block is defined here")
        fix = f"it is used as `{_usage(block)}`"
        message = f"`{block.name.text}` needs {needs}"
        context.error("E0206", message, command.name.span, fix=fix, related=(related,))
        good = False
    return _values(block, names, given, context) if good else None


def _fits(
    name: str | None,
    argument: ast.Argument,
    names: list[str],
    given: Mapping[str, ast.Argument],
    block: Block,
    context: Context,
) -> bool:
    shown = f"`{block.name.text}`"
    if argument.relation != "=":
        fix = f"write `{name}={print_value(argument.value)}`"
        context.error("E0207", f"{shown} takes no comparison", argument.span, fix=fix)
    elif name is None:
        takes = f"takes {listing([f'`{n}`' for n in names], 'and')}" if names else "takes no arguments"
        context.error(
            "E0205", f"{shown} {takes}; this is one too many", argument.span, fix=f"it is used as `{_usage(block)}`"
        )
    elif name not in names:
        near = nearest(name, names)
        fix = f"did you mean `{near}`?" if near else f"it is used as `{_usage(block)}`"
        context.error("E0202", f"{shown} has no parameter `{name}`", argument.span, fix=fix)
    elif name in given:
        context.error("E0209", f"`{name}` is given twice", argument.span, fix="keep one")
    else:
        return True
    return False


def _values(
    block: Block, names: list[str], given: Mapping[str, ast.Argument], context: Context
) -> dict[str, Any] | None:
    """Evaluate arguments where they are used, and defaults where the block is defined."""
    values: dict[str, Any] = {}
    defaults: Mapping[str, Any] = block.scope.values.new_child(values)
    for name, parameter in zip(names, block.parameters, strict=True):
        value, scope = parameter.value, defaults
        if name in given:
            value, scope = given[name].value, context.scope
        try:
            values[name] = evaluate_word(value, scope, context.labels if name in given else None)
        except ValueProblem as problem:
            context.error(problem.code, problem.message, problem.span, fix=problem.fix)
    return values if len(values) == len(names) else None


def given_at(block: Block, command: ast.Command, values: Mapping[str, Any], context: Context) -> dict[str, Given]:
    """Return, by parameter, what one use of a block gives it: what does not fit in the block is reported there."""
    names = [str(_parameter_name(p)) for p in block.parameters]
    keyed = {a.key.text for a in command.arguments if a.key}
    free = iter([n for n in names if n not in keyed])
    found: dict[str, Given] = {}
    for argument in command.arguments:
        name = argument.key.text if argument.key else next(free)
        passed = argument.value.text if isinstance(argument.value, ast.Word) else ""
        outer = context.given.get(passed)
        fix = partial(_argument_fix, block, name, argument, values[name])
        # A block that hands its own parameter on is not where the mistake was made.
        found[name] = outer or Given(block.name.text, argument.span, fix)
    return found


def _argument_fix(block: Block, name: str, argument: ast.Argument, value: Any) -> str:
    """Say what would be right for an argument that does not fit: a word is meant for a parameter that has one."""
    if isinstance(value, ast.Word | ast.Call):
        for other in block.parameters:
            if other.key and other.key.text != name and _is_word(other.value, block):
                return f"write `{other.key.text}={print_value(argument.value)}`"
    return f"it is used as `{_usage(block)}`"


def _is_word(value: ast.Value, block: Block) -> bool:
    return isinstance(value, ast.Word | ast.Call) and print_value(value) not in block.scope.values


def _usage(block: Block) -> str:
    """Return how a block is used: `conv_bn filters [kernel=3]`."""
    shown = [f"[{p.key.text}={print_value(p.value)}]" if p.key else str(_parameter_name(p)) for p in block.parameters]
    return " ".join([block.name.text, *shown])
