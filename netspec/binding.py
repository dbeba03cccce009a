"""Floor 4: arguments as written → one validated definition. All that is wrong with a line is said, each thing once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from netspec.context import Context, Given
from netspec.diagnostics import Related, Span, listing
from netspec.ir import Recipe
from netspec.layers import LAYER_NAMES
from netspec.proposals import (
    closest,
    command_word,
    example_call,
    example_of,
    held_value,
    setting_place,
    size_of_names,
    split_size,
    value_text,
)
from netspec.signature import Definition, Parameter, parameters
from netspec.syntax import ast
from netspec.syntax.printer import print_value
from netspec.values import UNKNOWN, ValueProblem, evaluate

__all__ = ["Context", "Given", "bind", "bind_settings"]

_LAYERS = frozenset(LAYER_NAMES.values())
_D = TypeVar("_D", bound=Definition)


class _Failed:
    """Stands for a value that was wrong and is already reported."""


_FAILED = _Failed()


def bind(cls: type[_D], name: ast.Name, arguments: Sequence[ast.Argument], context: Context) -> _D | None:
    """Bind a line's arguments to the fields of a definition.

    Returns:
        The instance; None when something was wrong, which `context.diagnostics` then says.
    """
    binder = _Binder(cls, name, context)
    binder.arguments(arguments)
    return binder.finish()


def bind_settings(
    cls: type[_D],
    name: ast.Name,
    arguments: Sequence[ast.Argument],
    bodies: Sequence[ast.Body],
    context: Context,
    base: _D | None = None,
) -> _D | None:
    """Bind `name arguments { setting … }`: arguments as in `bind`, and in the body one command for each field.

    Fields that are not mentioned are those of `base` where it is given.
    """
    binder = _Binder(cls, name, context)
    if base is not None:
        # Single settings are replaced, whichever they are: `--set data.name=digits`.
        binder.values, binder.inline = {p: getattr(base, p) for p in binder.parameters}, ()
    binder.arguments(arguments)
    for body in bodies:
        for command in body.commands:
            binder.setting(command)
    return binder.finish()


class _Binder:
    """One definition while its arguments are found out."""

    def __init__(self, cls: type[Definition], name: ast.Name, context: Context) -> None:
        self.cls, self.name, self.context = cls, name, context
        self.parameters = {p.name: p for p in parameters(cls)}
        self.inline = cls.inline
        self.values: dict[str, Any] = {}
        self.spans: dict[str, Span] = {}
        self.written: dict[str, str] = {}
        self.given: dict[str, ast.Value] = {}
        self.deferred: list[tuple[str, Parameter, Span]] = []
        self.example = str(getattr(cls, "example", ""))
        self.meant: list[tuple[ast.Argument, Parameter | None]] = []
        self.broken = self.misplaced = self.puzzled = False

    def error(
        self, code: str, message: str, span: Span, *, label: str = "", fix: str = "", related: tuple[Related, ...] = ()
    ) -> None:
        self.broken = True
        self.context.error(code, message, span, label=label, fix=fix, related=related)

    # --- which field an argument is for -------------------------------------------------------------------------

    def arguments(self, arguments: Sequence[ast.Argument]) -> None:
        """Bind arguments one after the other, but for what a mistake in front of them takes with it."""
        at = 0
        while at < len(arguments):
            at = self._slip(arguments, at) or self._next(arguments[at], at)

    def _next(self, argument: ast.Argument, at: int) -> int:
        self.argument(argument)
        return at + 1

    def _slip(self, arguments: Sequence[ast.Argument], at: int) -> int:
        """Report a mistake that takes several arguments; return the one behind it, 0 where there is none."""
        argument = arguments[at]
        if argument.key is not None:
            return 0
        end, size = split_size(arguments, at)
        if end > at and not self._known(arguments[at + 1].value):
            span = argument.span.to(arguments[end].span)
            self._wrong("E0203", "a size is written in one piece", span, f"write `{size}`: the x touches both sides")
            return end + 1
        word = argument.value.text if isinstance(argument.value, ast.Word) else ""
        if not word or self._known(argument.value):
            return 0
        follows = arguments[at + 1] if at + 1 < len(arguments) else None
        if word in self.parameters and follows and follows.key is None:
            fix = f"write `{word}={print_value(follows.value)}`"
            message = f"`{word}` is an argument of `{self.name.text}`, and takes its value with a `=`"
            self._wrong("E0203", message, argument.span, fix)
            self.spans.setdefault(word, argument.span)
            return at + 2
        kind = "" if word in self.parameters else command_word(word, self.context.blocks)
        if kind:
            self._wrong("E0203", f"`{word}` is {kind} of its own", argument.span, f"put `;` before `{word}`")
            return len(arguments)
        return 0

    def _known(self, value: ast.Value) -> bool:
        """Return whether a word means something here."""
        if not isinstance(value, ast.Word):
            return not isinstance(value, ast.Call)
        choice = any(value.text in p.choices for p in self.parameters.values())
        return choice or value.text in self.context.scope

    def _wrong(self, code: str, message: str, span: Span, fix: str) -> None:
        """Report what found no place: what seems to be missing or too much for that is not reported as well."""
        self.misplaced = self.puzzled = True
        self.error(code, message, span, fix=fix)

    def argument(self, argument: ast.Argument) -> None:
        """Find the field that an argument is for, and its value."""
        argument = self._meant(argument)
        if isinstance(argument.value, ast.Word) and self.context.scope.get(argument.value.text) is UNKNOWN:
            self.broken = self.misplaced = True
            return
        if argument.relation != "=":
            self._wrong("E0207", f"`{self.name.text}` takes no comparison", argument.span, "write `key=value`")
            return
        parameter = self._by_key(argument) if argument.key else self._by_value(argument.value)
        if parameter:
            self._assign(parameter, argument.value, argument.span)
        else:
            self.misplaced = True

    def _meant(self, argument: ast.Argument) -> ast.Argument:
        """Return the argument with the word or call that a `let` or a parameter stands for in its place."""
        value = argument.value
        meant = self.context.scope.get(value.text) if isinstance(value, ast.Word) else None
        if isinstance(meant, ast.Word | ast.Call):
            self.meant.append((argument, self._free()))
            return replace(argument, value=replace(meant, span=value.span))
        return argument

    def _by_key(self, argument: ast.Argument) -> Parameter | None:
        assert argument.key is not None
        key = argument.key.text
        if key in self.parameters:
            return self.parameters[key]
        known = listing(list(self.parameters)) if self.parameters else ""
        owner = next((p for p in self.parameters.values() if key in p.members), None)
        near = closest(key, self.parameters)
        if owner:
            fix = f"write `{key}({print_value(argument.value)})`"
        else:
            fix = f"did you mean `{near}`?" if near else f"it takes {known}" if known else "it takes no arguments"
            fix = (self.cls is Recipe and setting_place(key, argument.value)) or fix
        self.error("E0202", f"`{self.name.text}` has no argument `{key}`", argument.key.span, fix=fix)
        return None

    def _by_value(self, value: ast.Value) -> Parameter | None:
        word = value.text if isinstance(value, ast.Word) else value.name.text if isinstance(value, ast.Call) else None
        if word is not None and word not in self.context.scope:
            return self._by_word(word, value)
        free = self._free()
        if free is None:
            self._surplus(value)
        return free

    def _free(self) -> Parameter | None:
        """Return the next argument that stands without its key."""
        return next((p for p in self.parameters.values() if p.positional and p.name not in self.spans), None)

    def _by_word(self, word: str, value: ast.Value) -> Parameter | None:
        fitting = [p for p in self.parameters.values() if word in p.choices]
        unset = [p for p in fitting if p.name not in self.spans]
        first = [p for p in unset if p.positional]
        taken = [p for p in fitting if p.positional and p.name in self.spans]
        if taken:
            return taken[0]
        if len(first) == 1 or len(unset) == 1:
            return (first or unset)[0]
        if len(unset) > 1:
            keys = [f"`{p.name}={print_value(value)}`" for p in unset]
            self.error("E0208", f"`{word}` could mean several arguments", value.span, fix=f"write {listing(keys)}")
            return None
        if fitting:
            return fitting[0]
        plain = self._free()
        if plain and plain.takes_words:
            return plain
        self._unknown_word(word, value)
        return None

    def _unknown_word(self, word: str, value: ast.Value) -> None:
        """Report a word that means nothing here; it takes the place of the value that it may have stood for."""
        self.puzzled = True
        choices = [c for p in self.parameters.values() for c in p.choices]
        near = closest(word, self.context.scope, choices, self.parameters)
        free, size = self._free(), size_of_names(word, self.context.scope)
        named = near in self.context.scope or not near
        if free and (named or near in free.choices):
            self.spans[free.name] = value.span
        if isinstance(value, ast.Call) and word in self.context.scope:
            near = None
        if free and not free.choices and named:
            message = f"`{free.name}` must be {free.expects}, and no `let` is named `{word}`"
            fix = f"did you mean `{near}`?" if near else f"write `{size}`: the x touches both sides" if size else ""
            self.error("E0210", message, value.span, label=free.description, fix=fix)
            return
        if near and near not in choices and near in self.parameters:
            fix = f"did you mean `{near}=…`?"
        elif near:
            fix = f"did you mean `{near}`?"
        else:
            fix = f"`netspec layers {self.name.text}` shows what it takes" if self.cls in _LAYERS else ""
        self.error("E0203", f"`{self.name.text}` does not know the word `{word}`", value.span, fix=fix)

    def _surplus(self, value: ast.Value) -> None:
        if self.puzzled:
            # A word before it was not understood: one error says it.
            self.broken = True
            return
        shown = print_value(value)
        called = self._could_be_called(value)
        if isinstance(value, ast.String) and any(value.value in p.choices for p in self.parameters.values()):
            message = f"`{self.name.text}` takes the word {value.value}, not a string"
            self.error("E0207", message, value.span, fix=f"write it without quotes: `{value.value}`")
            return
        names = [f"`{p.name}`" for p in self.parameters.values() if p.positional]
        takes = f"takes {listing(names, 'and')} without a key" if names else "takes no value without a key"
        keyed = [p.name for p in self.parameters.values() if not p.positional]
        fix = f"remove it, or name the argument: {listing([f'`{k}=`' for k in keyed[:6]])}" if keyed else "remove it"
        fix = f"write `{called}({shown})`" if called else fix
        self.error("E0205", f"`{self.name.text}` {takes}; `{shown}` is one too many", value.span, fix=fix)

    def _could_be_called(self, value: ast.Value) -> str:
        """Return the word before a value that could take it as its argument: `leaky_relu` of `leaky_relu 0.1`."""
        last = next(reversed(self.spans), "")
        member = self.parameters[last].members.get(self.written.get(last, "")) if last else None
        number = isinstance(value, ast.Integer | ast.Decimal)
        return self.written[last] if number and member and any(p.positional for p in parameters(member)) else ""

    # --- settings of a body -------------------------------------------------------------------------------------

    def setting(self, command: ast.Command) -> None:
        settings = [n for n in self.parameters if n not in self.inline]
        parameter = self.parameters[command.name.text] if command.name.text in settings else None
        if parameter is None:
            near = closest(command.name.text, settings)
            fix = f"did you mean `{near}`?" if near else f"it takes {listing(settings)}"
            value = command.arguments[0].value if command.arguments else None
            fix = (self.cls is Recipe and setting_place(command.name.text, value)) or fix
            self.error(
                "E0202",
                f"`{self.name.text}` has no setting `{command.name.text}`",
                command.name.span,
                fix=fix,
            )
        elif command.bodies or command.label:
            extra = command.bodies[0].span if command.bodies else command.name.span
            self.error("E0211", f"`{command.name.text}` takes no body and no label here", extra)
        elif parameter.name in self.spans:
            self._twice(parameter, command.span)
        else:
            self.spans[parameter.name] = command.span
            value = self._setting(parameter, command)
            if not isinstance(value, _Failed):
                self.values[parameter.name] = value

    def _run_on(self, command: ast.Command, classes: Iterable[type[Definition]]) -> ast.Argument | None:
        """Return where the next setting begins on the line of one, without the `;` between them."""
        inner = {name for cls in classes for p in parameters(cls) for name in (p.name, *p.choices)}
        for argument in command.arguments[1:]:
            word = argument.value.text if argument.key is None and isinstance(argument.value, ast.Word) else ""
            if word in self.parameters and word not in inner:
                return argument
        return None

    def _setting(self, parameter: Parameter, command: ast.Command) -> Any:
        next_one = self._run_on(command, parameter.members.values())
        if next_one:
            word = print_value(next_one.value)
            message = f"`{word}` is a setting of its own"
            self.error("E0205", message, next_one.span, fix=f"separate settings by `;`: put one before `{word}`")
            return _FAILED
        classes = set(parameter.members.values())
        if len(classes) == 1:
            return self._member(classes.pop(), command.name, command.arguments, self.name.text)
        if not command.arguments or command.arguments[0].key is not None:
            what = parameter.expects if len(parameter.expects) < 80 else "a name"
            self.error("E0206", f"`{command.name.text}` needs {what}", command.span, fix=_example(parameter))
            return _FAILED
        first, *rest = map(self._meant, command.arguments)
        if parameter.members and isinstance(first.value, ast.String):
            fix = f"write it without quotes: `{command.name.text} {first.value.value}`"
            self.error("E0207", f"`{command.name.text}` takes a word, not a string", first.span, fix=fix)
            return _FAILED
        if parameter.members and isinstance(first.value, ast.Word):
            member = parameter.members.get(first.value.text)
            if member is None:
                return self._unknown_choice(parameter, first.value.text, first.span)
            return self._member(member, ast.Name(first.value.text, first.span), rest, command.name.text)
        if rest:
            self.error("E0205", f"`{command.name.text}` takes one value", rest[0].span, fix="remove the rest")
            return _FAILED
        self.written[parameter.name], self.given[parameter.name] = print_value(first.value), first.value
        return self._convert(parameter, first.value)

    # --- values -------------------------------------------------------------------------------------------------

    def _twice(self, parameter: Parameter, span: Span) -> None:
        first = self.spans[parameter.name]
        written = self.written.get(parameter.name)
        other = (
            f"it is already `{written}`"
            if written and first.line == span.line
            else f"the other is on line {first.line}"
        )
        self.error("E0209", f"`{parameter.name}` is given twice", span, fix=f"keep one; {other}")

    def _assign(self, parameter: Parameter, value: ast.Value, span: Span) -> None:
        if parameter.name in self.spans:
            self._twice(parameter, span)
            return
        self.spans[parameter.name] = span
        self.written[parameter.name], self.given[parameter.name] = print_value(value), value
        converted = self._convert(parameter, value)
        if not isinstance(converted, _Failed):
            self.values[parameter.name] = converted

    def _convert(self, parameter: Parameter, value: ast.Value) -> Any:
        """Return the Python value that Pydantic then checks, or _FAILED."""
        if isinstance(value, ast.Word) and value.text not in self.context.scope:
            return self._word(parameter, value)
        if isinstance(value, ast.Call):
            member = parameter.members.get(value.name.text)
            if member:
                return self._member(member, value.name, value.arguments)
            if not parameter.members:
                message = f"`{parameter.name}` must be {parameter.expects}, not `{print_value(value)}`"
                self.error("E0207", message, value.span, label=parameter.description)
                return _FAILED
            return self._unknown_choice(parameter, value.name.text, value.span)
        if isinstance(value, ast.String) and value.value in parameter.members:
            fix = f"write it without quotes: `{value.value}`"
            self.error("E0207", f"`{parameter.name}` takes a word, not a string", value.span, fix=fix)
            return _FAILED
        try:
            return evaluate(value, self.context.scope)
        except ValueProblem as problem:
            if self._overridden(problem.name, parameter, "a number", problem.span):
                return _FAILED
            if problem.name in self.context.given:
                self.deferred.append((problem.name, parameter, problem.span))
                return _FAILED
            self.error(problem.code, problem.message, problem.span, fix=problem.fix)
            return _FAILED

    def _word(self, parameter: Parameter, value: ast.Word) -> Any:
        choice = parameter.choices.get(value.text)
        if isinstance(choice, type):
            return self._member(choice, ast.Name(value.text, value.span), ())
        if choice is not None:
            return choice
        if parameter.is_flag and value.text in {"true", "false"}:
            return value.text == "true"
        if parameter.takes_words:
            return value.text
        return self._unknown_choice(parameter, value.text, value.span)

    def _unknown_choice(self, parameter: Parameter, word: str, span: Span) -> Any:
        if set(parameter.members) == {parameter.name}:
            fix = f"write it in the body: `{self.name.text} … {{ {parameter.name} {word} }}`"
            self.error("E0207", f"`{parameter.name}` has settings of its own", span, fix=fix)
            return _FAILED
        near = closest(word, parameter.choices, self.context.scope)
        near = parameter.members[near].canonical() if near and near in parameter.members else near
        names = {c.canonical() for c in parameter.members.values()} or set(parameter.choices)
        fix = f"did you mean `{near}`?" if near else f"{parameter.name} must be {parameter.expects}" if names else ""
        if parameter.members:
            self.error("E0204", f"unknown {_family(parameter)} `{word}`", span, fix=fix)
        elif names:
            self.error("E0203", f"`{parameter.name}` does not know the word `{word}`", span, fix=fix)
        else:
            message = f"`{parameter.name}` must be {parameter.expects}, and no `let` is named `{word}`"
            self.error("E0210", message, span, fix=fix)
        return _FAILED

    def _member(
        self, cls: type[Definition], name: ast.Name, arguments: Sequence[ast.Argument], written: str = ""
    ) -> Any:
        """Bind a member of a family, written as a call, or as a setting behind the word `written`."""
        free = self._free()
        if arguments and not parameters(cls) and free and free.required and not free.choices:
            fix = f"write `{self.name.text} {print_value(arguments[0].value)} {name.text}`"
            message = f"`{name.text}` takes no value, and `{self.name.text}` needs `{free.name}` ({free.description})"
            self._wrong("E0205", message, arguments[0].span, fix)
            return _FAILED
        binder = _Binder(cls, name, self.context)
        needed = [example_of(p) for p in parameters(cls) if p.required]
        binder.example = " ".join([written, cls.canonical(), *needed]) if written else self._call(cls)
        binder.arguments(arguments)
        bound = binder.finish()
        self.broken = self.broken or bound is None
        return _FAILED if bound is None else bound

    # --- the whole ----------------------------------------------------------------------------------------------

    def finish(self) -> Any:
        missing = [p for p in self.parameters.values() if p.required and p.name not in {*self.spans, *self.values}]
        # A value that found no place is likely the missing one misspelt: one error says it.
        if missing and not self.misplaced and not self._word_for_a_value(missing[0]):
            needs = listing([f"`{p.name}` ({p.description})" for p in missing], "and")
            self.error(
                "E0206", f"`{self.name.text}` needs {needs}", self.name.span, fix=f"for example `{self.example}`"
            )
        for word, parameter, span in self.deferred:
            self._at_use(word, parameter, "a number", span)
        try:
            instance = self.cls(**self.values)
        except ValidationError as invalid:
            self._invalid(invalid)
            return None
        return None if self.broken else instance

    def _call(self, cls: type[Definition]) -> str:
        """Return how a member of a family is written here, with what it needs."""
        owner = next((p for p in self.parameters.values() if cls in p.members.values()), None)
        if owner is None or self.cls in _LAYERS:
            return f"{owner.name}={example_call(cls)}" if owner else example_call(cls)
        return f"{self.name.text} {'' if owner.positional else f'{owner.name}='}{example_call(cls)}"

    def _word_for_a_value(self, missing: Parameter) -> bool:
        """Report a word that a name stands for where a value is needed; return whether there is one."""
        for argument, free in self.meant:
            if argument.key is None and isinstance(argument.value, ast.Word):
                meant = free or missing
                self._unfit(meant, argument.value, meant.expects, argument.span)
                return True
        return False

    def _unfit(self, parameter: Parameter, value: ast.Value, expects: str, span: Span) -> None:
        """Report a value that does not fit, at the use of the block where that gave it."""
        name = value.text if isinstance(value, ast.Word) else ""
        if self._overridden(name, parameter, expects, span):
            return
        if name in self.context.given:
            self._at_use(name, parameter, expects, span)
            return
        message = f"`{parameter.name}` must be {expects}, not {held_value(value, self.context.scope)}"
        self.error("E0207", message, span, label=parameter.description)

    def _overridden(self, name: str, parameter: Parameter, expects: str, span: Span) -> bool:
        """Report a value from outside that does not fit, once; return whether it is one."""
        context = self.context
        if name not in context.overridden or name in context.given:
            return False
        self.broken = True
        if name not in context.blamed:
            context.blamed.add(name)
            shown = value_text(context.scope[name])
            message = f"--let {name}={shown} does not fit: `{parameter.name}` must be {expects}"
            self.error("E0207", message, span, label=parameter.description)
        return True

    def _at_use(self, name: str, parameter: Parameter, expects: str, span: Span) -> None:
        """Report, where a block is used, a value that does not fit a line of the block; once."""
        self.broken = True
        given, context = self.context.given[name], self.context
        if given.span in context.blamed:
            return
        context.blamed.add(given.span)
        shown = value_text(context.scope[name])
        message = f"`{name}` of `{given.block}` is `{shown}`, but `{self.name.text}` needs {expects}"
        uses, context.uses = context.uses, context.uses[:-1]
        self.error("E0207", message, given.span, fix=given.fix(), related=(Related(span, f"`{parameter.name}` here"),))
        context.uses = uses

    def _invalid(self, invalid: ValidationError) -> None:
        seen: set[str] = set()
        for problem in invalid.errors(include_url=False, include_context=False):
            where = str(problem["loc"][0]) if problem["loc"] else ""
            if where in seen or problem["type"] == "missing":
                continue
            seen.add(where)
            if where:
                p = self.parameters[where]
                if problem["type"] == "less_than_equal":
                    message = f"`{where}` is too large: {held_value(self.given[where], self.context.scope)}"
                    self.error("E0207", message, self.spans[where], label=p.description)
                else:
                    self._unfit(p, self.given[where], p.expects, self.spans[where])
            elif not self.broken:
                self.error("E0207", problem["msg"].removeprefix("Value error, "), self.name.span)


def _family(parameter: Parameter) -> str:
    return next(iter(parameter.members.values())).family


def _example(parameter: Parameter) -> str:
    if parameter.members:
        return f"for example `{parameter.name} {next(iter(parameter.members))}`"
    return "" if parameter.default is None else f"for example `{parameter.name} {parameter.default}`"
