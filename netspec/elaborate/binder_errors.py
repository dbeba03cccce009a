"""What is wrong with the arguments and settings of a definition: a diagnostic for each kind of mistake."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.diagnostics.diagnostic import Diagnostic, Span, listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate import dialects
from netspec.elaborate.bound_arguments import BoundArguments
from netspec.elaborate.spellings import Spelling
from netspec.elaborate.suggestions import (
    argument_place,
    elsewhere,
    flag_place,
    nearest_argument,
    setting_place,
    size_of_names,
)
from netspec.elaborate.units import without_unit
from netspec.ir.data_source import DataSource
from netspec.ir.recipe import Recipe
from netspec.layers import Layer
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.syntax import ast
from netspec.syntax.printer import print_argument, print_value

__all__ = [
    "ambiguous_word",
    "bare_setting",
    "call_of_a_plain_argument",
    "comparison",
    "given_twice",
    "member_without_arguments",
    "missing",
    "name_twice",
    "no_name",
    "quoted_word",
    "setting_on_the_line",
    "setting_with_body",
    "several_values",
    "surplus",
    "unknown_choice",
    "unknown_key",
    "unknown_setting",
    "unknown_word",
    "zero_share",
]


# --- which parameter an argument is for ------------------------------------------------------------------------------


def unknown_key(bound: BoundArguments, key: ast.Name, argument: ast.Argument) -> Diagnostic:
    """Return the error of a key that the definition does not have."""
    owner = next((p for p in bound.parameters.values() if key.text in p.members), None)
    near = nearest_argument(key.text, [*bound.parameters, *_labels(bound.cls)])
    if owner:
        fix = f"write `{key.text}({print_value(argument.value)})`"
    else:
        known = f"it takes {listing(list(bound.parameters))}" if bound.parameters else "it takes no arguments"
        fix = f"did you mean `{near}`?" if near else known
        fix = _member_argument(bound, key.text, argument) or fix
        if bound.cls is Recipe:
            fix = flag_place(key.text, argument.value) or setting_place(key.text, argument.value) or fix
    return Diagnostic("E0202", f"`{bound.name.text}` has no argument `{key.text}`", key.span, fix=fix)


def _labels(cls: type[Definition]) -> list[str]:
    """Return the keys on the line of a layer that take a label."""
    if not issubclass(cls, Layer):
        return []
    return [*(["share"] if cls.has_weights else []), *([cls.second] if cls.second else [])]


def _member_argument(bound: BoundArguments, key: str, argument: ast.Argument) -> str:
    """Return how an argument is written that belongs to a word before it: `gelu(approximate=tanh)`."""
    for name in bound.written:
        member = bound.member(name)
        if member and any(p.name == key for p in parameters(member)):
            written = print_value(bound.written[name])
            return f"it is an argument of `{written}`: `{written}({print_argument(argument)})`"
    return ""


def unknown_word(bound: BoundArguments, word: str, span: Span, near: str | None) -> Diagnostic:
    """Return the error of a word that means nothing here; `near` is what it most likely should be."""
    parameter = bound.next_positional
    if parameter and not parameter.choices and (near in bound.scope or not near):
        size = size_of_names(word, bound.scope)
        message = f"`{parameter.name}` must be {parameter.expects}, and no `let` is named `{word}`"
        fix = f"did you mean `{near}`?" if near else f"write `{size}`: the x touches both sides" if size else ""
        return Diagnostic("E0210", message, span, label=parameter.description, fix=fix)
    key = bound.key_of(word)
    if key:
        fix = f"write `{key}={word}`"
    elif number := without_unit(bound, word, span):
        fix = number
    elif place := elsewhere(bound.cls.canonical(), word):
        fix = place
    elif word in _labels(bound.cls):
        fix = f"it takes the label of a layer: `{word}=LABEL`"
    elif near and near not in bound.choices and near in bound.parameters:
        fix = f"did you mean `{near}=…`?"
    elif near:
        fix = f"did you mean `{near}`?"
    elif word[0] in "xX" and word[1:] in bound.scope:
        fix = f"in a size a name stands in parentheses: `3x({word[1:]})`"
    else:
        fix = f"`netspec layers {bound.name.text}` shows what it takes" if issubclass(bound.cls, Layer) else ""
    return Diagnostic("E0203", f"`{bound.name.text}` does not know the word `{word}`", span, fix=fix)


def ambiguous_word(word: str, value: ast.Value, owners: Sequence[Parameter]) -> Diagnostic:
    """Return the error of a word that is a choice of several parameters."""
    keys = [f"`{p.name}={print_value(value)}`" for p in owners]
    message = f"`{word}` could mean several arguments"
    return Diagnostic("E0208", message, value.span, fix=f"write {listing(keys)}")


def surplus(bound: BoundArguments, value: ast.Value) -> Diagnostic:
    """Return the error of a value without a key for which there is no parameter left."""
    if isinstance(value, ast.String) and value.value in bound.choices:
        message = f"`{bound.name.text}` takes the word {value.value}, not a string"
        return Diagnostic("E0207", message, value.span, fix=f"write it without quotes: `{value.value}`")
    shown = print_value(value)
    names = [f"`{p.name}`" for p in bound.parameters.values() if p.positional]
    takes = f"takes {listing(names, 'and')} without a key" if names else "takes no value without a key"
    keys = [f"`{p.name}=`" for p in bound.parameters.values() if not p.positional]
    fix = f"remove it, or name the argument: {listing(keys[:6])}" if keys else "remove it"
    word = _word_before(bound) if isinstance(value, ast.Integer | ast.Decimal) else ""
    fix = f"write `{word}({shown})`" if word else fix
    return Diagnostic("E0205", f"`{bound.name.text}` {takes}; `{shown}` is one too many", value.span, fix=fix)


def _word_before(bound: BoundArguments) -> str:
    """Return the word before a value that could take it as its argument: `leaky_relu` of `leaky_relu 0.1`."""
    last = next(reversed(bound.spans), "")
    member = bound.member(last) if last else None
    return print_value(bound.written[last]) if member and any(p.positional for p in parameters(member)) else ""


def given_twice(bound: BoundArguments, parameter: Parameter, span: Span) -> Diagnostic:
    """Return the error of a second value for a parameter."""
    first, written = bound.spans[parameter.name], bound.written.get(parameter.name)
    if written is not None and first.line == span.line:
        other = f"it is already `{print_value(written)}`"
    else:
        other = f"the other is on line {first.line}"
    return Diagnostic("E0209", f"`{parameter.name}` is given twice", span, fix=f"keep one; {other}")


def comparison(name: str, argument: ast.Argument) -> Diagnostic:
    """Return the error of a `<` or `>` where a `=` is meant."""
    fix = f"write `{argument.key.text}={print_value(argument.value)}`" if argument.key else "write `key=value`"
    return Diagnostic("E0207", f"`{name}` takes no comparison", argument.span, fix=fix)


# --- words and calls as values ---------------------------------------------------------------------------------------


def unknown_choice(bound: BoundArguments, parameter: Parameter, word: str, span: Span) -> Diagnostic:
    """Return the error of a word that a parameter does not know."""
    name, members = parameter.name, parameter.members
    if set(members) == {name}:
        fix = f"write it in the body: `{bound.name.text} … {{ {name} {word} }}`"
        return Diagnostic("E0207", f"`{name}` has settings of its own", span, fix=fix)
    near = nearest(word, parameter.choices, bound.scope)
    near = members.canonical(near) if near and near in members else near
    has_words = bool(members.names or parameter.choices)
    fix = f"did you mean `{near}`?" if near else f"{name} must be {parameter.expects}" if has_words else ""
    if members:
        fix = dialects.MEMBERS.get(word, fix)
        return Diagnostic("E0204", f"unknown {members.word} `{word}`", span, fix=fix)
    if has_words:
        return Diagnostic("E0203", f"`{name}` does not know the word `{word}`", span, fix=fix)
    message = f"`{name}` must be {parameter.expects}, and no `let` is named `{word}`"
    return Diagnostic("E0210", message, span, fix=fix)


def no_share(parameter: Parameter, span: Span, share: float) -> Diagnostic:
    """Return the error of a percentage of what is no share."""
    name = parameter.name
    unit, example = _COUNTS.get(name, ("", ""))
    fix = f"it is a number of {unit}: `{example}`" if unit else f"write the number itself: `{share:.12g}`"
    fix = f"`{name}` must be {parameter.expects}" if parameter.is_whole and not unit else fix
    message = f"`{name}` is no share: it takes no percentage"
    return Diagnostic("E0207", message, span, label=parameter.description, fix=fix)


_COUNTS = {
    "validation": ("examples", "validation 100"),
    "batch": ("examples", "batch 64"),
    "buffer": ("examples", "buffer=1000"),
    "epochs": ("epochs", "epochs 5"),
    "warmup": ("epochs", "warmup=1"),
    "patience": ("epochs", "patience=3"),
    "every": ("steps or epochs", "every=10"),
    "step": ("epochs", "step 10"),
    "shift": ("pixels", "shift=2"),
    "cutout": ("pixels", "cutout=4"),
    "pad": ("pixels", "pad=1"),
    "rotate": ("degrees", "rotate=10"),
    "shear": ("degrees", "shear=10"),
}
"""What is written as a share elsewhere and is a number of something here, with an example."""


def call_of_a_plain_argument(parameter: Parameter, call: ast.Call) -> Diagnostic:
    """Return the error of a call where a plain value is expected."""
    message = f"`{parameter.name}` must be {parameter.expects}, not `{print_value(call)}`"
    return Diagnostic("E0207", message, call.span, label=parameter.description)


def quoted_word(name: str, span: Span, written: str) -> Diagnostic:
    """Return the error of a string that should be a word; `written` is how it is right."""
    fix = f"write it without quotes: `{written}`"
    return Diagnostic("E0207", f"`{name}` takes a word, not a string", span, fix=fix)


def member_without_arguments(name: str, member: str, needed: Parameter, argument: ast.Argument) -> Diagnostic:
    """Return the error of an argument of a word that takes none, on a line that needs one itself."""
    message = f"`{member}` takes no value, and `{name}` needs `{needed.name}` ({needed.description})"
    fix = f"write `{name} {print_value(argument.value)} {member}`"
    return Diagnostic("E0205", message, argument.span, fix=fix)


# --- the settings of a body ------------------------------------------------------------------------------------------


def unknown_setting(bound: BoundArguments, command: ast.Command, settings: Sequence[str]) -> Diagnostic:
    """Return the error of a setting that the definition does not have."""
    name, value = command.name.text, command.arguments[0].value if command.arguments else None
    near = nearest(name, settings)
    fix = f"did you mean `{near}`?" if near else f"it takes {listing(settings)}"
    fix = _other_body(bound.cls, name) or flag_place(name, value) or argument_place(bound.cls, name, value) or fix
    if bound.cls is Recipe:
        fix = dialects.SETTINGS.get(name) or setting_place(name, value) or fix
    return Diagnostic("E0202", f"`{bound.name.text}` has no setting `{name}`", command.name.span, fix=fix)


def _other_body(cls: type[Definition], name: str) -> str:
    """Return where a setting belongs that is one of `data` and not of `train`, or the other way around."""
    bodies: dict[str, type[Definition]] = {"train": Recipe, "data": DataSource}
    if cls not in bodies.values():
        return ""
    others = [body for body, other in bodies.items() if other is not cls and _has_setting(other, name)]
    return f"it belongs into `{others[0]} {{ … }}`" if others else ""


def _has_setting(cls: type[Definition], name: str) -> bool:
    return any(p.name == name and not p.positional for p in parameters(cls))


def setting_with_body(command: ast.Command) -> Diagnostic:
    """Return the error of a setting with a body or a label."""
    span = command.bodies[0].span if command.bodies else command.name.span
    return Diagnostic("E0211", f"`{command.name.text}` takes no body and no label here", span)


def setting_on_the_line(argument: ast.Argument) -> Diagnostic:
    """Return the error of a setting that begins on the line of another one."""
    word = print_value(argument.value)
    fix = f"separate settings by `;`: put one before `{word}`"
    return Diagnostic("E0205", f"`{word}` is a setting of its own", argument.span, fix=fix)


def bare_setting(parameter: Parameter, span: Span) -> Diagnostic:
    """Return the error of a setting without its value."""
    needs = parameter.expects if len(parameter.expects) < 80 else "a name"
    example = next(iter(parameter.members)) if parameter.members else parameter.default
    fix = "" if example is None else f"for example `{parameter.name} {example}`"
    return Diagnostic("E0206", f"`{parameter.name}` needs {needs}", span, fix=fix)


def several_values(parameter: Parameter, span: Span) -> Diagnostic:
    """Return the error of a setting with more than its one value."""
    return Diagnostic("E0205", f"`{parameter.name}` takes one value", span, fix="remove the rest")


def no_name(parameter: Parameter, argument: ast.Argument) -> Diagnostic:
    """Return the error of what is no name among those of a setting."""
    written = print_argument(argument)
    message = f"`{parameter.name}` takes names of columns, and `{written}` is none"
    return Diagnostic(
        "E0207", message, argument.span, fix=f'a name that is no plain word stands in quotes: "{written}"'
    )


def name_twice(parameter: Parameter, name: str, span: Span) -> Diagnostic:
    """Return the error of a name that a setting has twice."""
    return Diagnostic("E0209", f"`{parameter.name}` names {name} twice", span, fix="keep one")


# --- the definition as a whole ----------------------------------------------------------------------------------------


def missing(name: ast.Name, required: Sequence[Parameter], example: str) -> Diagnostic:
    """Return the error of a definition without what it requires."""
    needs = listing([f"`{p.name}` ({p.description})" for p in required], "and")
    return Diagnostic("E0206", f"`{name.text}` needs {needs}", name.span, fix=f"for example `{example}`")


def zero_share(spelling: Spelling, span: Span) -> Diagnostic:
    """Return the error of a share of 0 where another program's name says how much is taken, and 0.1 is 0.9 here."""
    argument = spelling.turned
    message = f"with {spelling.program}'s `{argument}=0` the running averages would never move"
    return Diagnostic("E0207", message, span, fix=f"for example `{argument}=0.1`")
