"""Floor 4: arguments as written → one validated definition. All that is wrong with a line is said, each thing once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import ValidationError

from netspec.diagnostics import Diagnostic, Related, Span, listing, nearest
from netspec.signature import Definition, Parameter, parameters
from netspec.syntax import ast
from netspec.syntax.printer import print_value
from netspec.values import UNKNOWN, Scope, ValueProblem, evaluate

__all__ = ["Context", "bind", "bind_settings"]

_D = TypeVar("_D", bound=Definition)


@dataclass
class Context:
    """What binding knows and gathers: the names in scope, how one came here, and the diagnostics so far."""

    scope: Scope
    diagnostics: list[Diagnostic] = field(default_factory=list)
    uses: tuple[Related, ...] = ()
    """The uses of blocks and the includes that the current line is in, the outermost first."""
    seen: set[tuple[str, Span, str]] = field(default_factory=set)
    limit: int = 1_000
    """So many mistakes are noted, and no more."""
    full: bool = False
    """Whether there were more."""

    def error(
        self,
        code: str,
        message: str,
        span: Span,
        *,
        label: str = "",
        fix: str = "",
        related: tuple[Related, ...] = (),
    ) -> None:
        """Note a mistake; one in a block is noted once, not for each use, and one without a code is already noted."""
        if code and (code, span, message) not in self.seen:
            self.full = len(self.diagnostics) >= self.limit
            if self.full:
                return
            self.seen.add((code, span, message))
            related = (*related, *reversed(self.uses))
            self.diagnostics.append(Diagnostic(code, message, span, label, (), fix, related))

    def extend(self, diagnostics: Iterable[Diagnostic], related: tuple[Related, ...]) -> None:
        """Note the mistakes of an included file."""
        chain = (*related, *reversed(self.uses))
        more = [replace(d, related=(*d.related, *chain)) for d in diagnostics]
        left = self.limit - len(self.diagnostics)
        self.full = self.full or len(more) > left
        self.diagnostics += more[:left]


class _Failed:
    """Stands for a value that was wrong and is already reported."""


_FAILED = _Failed()


def bind(cls: type[_D], name: ast.Name, arguments: Sequence[ast.Argument], context: Context) -> _D | None:
    """Bind a line's arguments to the fields of a definition.

    Returns:
        The instance; None when something was wrong, which `context.diagnostics` then says.
    """
    binder = _Binder(cls, name, context)
    for argument in arguments:
        binder.argument(argument)
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
        binder.values = {p: getattr(base, p) for p in binder.parameters}
    for argument in arguments:
        binder.argument(argument)
    for body in bodies:
        for command in body.commands:
            binder.setting(command)
    return binder.finish()


class _Binder:
    """One definition while its arguments are found out."""

    def __init__(self, cls: type[Definition], name: ast.Name, context: Context) -> None:
        self.cls, self.name, self.context = cls, name, context
        self.parameters = {p.name: p for p in parameters(cls)}
        self.values: dict[str, Any] = {}
        self.spans: dict[str, Span] = {}
        self.written: dict[str, str] = {}
        self.broken = self.misplaced = False

    def error(
        self, code: str, message: str, span: Span, *, label: str = "", fix: str = "", related: tuple[Related, ...] = ()
    ) -> None:
        self.broken = True
        self.context.error(code, message, span, label=label, fix=fix, related=related)

    # --- which field an argument is for -------------------------------------------------------------------------

    def argument(self, argument: ast.Argument) -> None:
        argument = self._meant(argument)
        if isinstance(argument.value, ast.Word) and self.context.scope.get(argument.value.text) is UNKNOWN:
            self.broken = self.misplaced = True
        elif argument.relation != "=":
            self.misplaced = True
            self.error("E0207", f"`{self.name.text}` takes no comparison", argument.span, fix="write `key=value`")
        elif argument.key is not None:
            parameter = self._by_key(argument.key)
            if parameter:
                self._assign(parameter, argument.value, argument.span)
            else:
                self.misplaced = True
        else:
            parameter = self._by_value(argument.value)
            if parameter:
                self._assign(parameter, argument.value, argument.span)
            else:
                self.misplaced = True

    def _meant(self, argument: ast.Argument) -> ast.Argument:
        """Return the argument with the word or call that a `let` or a parameter stands for in its place."""
        value = argument.value
        meant = self.context.scope.get(value.text) if isinstance(value, ast.Word) else None
        if isinstance(meant, ast.Word | ast.Call):
            return replace(argument, value=replace(meant, span=value.span))
        return argument

    def _by_key(self, key: ast.Name) -> Parameter | None:
        if key.text in self.parameters:
            return self.parameters[key.text]
        near = nearest(key.text, self.parameters)
        known = listing(list(self.parameters)) if self.parameters else ""
        fix = f"did you mean `{near}`?" if near else f"it takes {known}" if known else "it takes no arguments"
        self.error("E0202", f"`{self.name.text}` has no argument `{key.text}`", key.span, fix=fix)
        return None

    def _by_value(self, value: ast.Value) -> Parameter | None:
        word = value.text if isinstance(value, ast.Word) else value.name.text if isinstance(value, ast.Call) else None
        if word is not None and word not in self.context.scope:
            return self._by_word(word, value)
        free = next((p for p in self.parameters.values() if p.positional and p.name not in self.spans), None)
        if free is None:
            self._surplus(value)
        return free

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
        plain = next((p for p in self.parameters.values() if p.positional and p.name not in self.spans), None)
        if plain and plain.takes_words:
            return plain
        self._unknown_word(word, value.span)
        return None

    def _unknown_word(self, word: str, span: Span) -> None:
        choices = [c for p in self.parameters.values() for c in p.choices]
        near = nearest(word, [*choices, *self.parameters, *self.context.scope])
        free = next((p for p in self.parameters.values() if p.positional and p.name not in self.spans), None)
        if free and not near and not free.choices:
            message = f"`{free.name}` must be {free.expects}, and no `let` is named `{word}`"
            self.error("E0210", message, span, label=free.description)
            return
        if near in self.parameters:
            fix = f"did you mean `{near}=…`?"
        elif near:
            fix = f"did you mean `{near}`?"
        else:
            fix = f"`netspec layers {self.name.text}` shows what it takes" if choices else ""
        self.error("E0203", f"`{self.name.text}` does not know the word `{word}`", span, fix=fix)

    def _surplus(self, value: ast.Value) -> None:
        names = [f"`{p.name}`" for p in self.parameters.values() if p.positional]
        takes = f"takes {listing(names, 'and')} without a key" if names else "takes no value without a key"
        keyed = [p.name for p in self.parameters.values() if not p.positional]
        fix = f"remove it, or name the argument: {listing([f'`{k}=`' for k in keyed[:6]])}" if keyed else "remove it"
        self.error(
            "E0205",
            f"`{self.name.text}` {takes}; `{print_value(value)}` is one too many",
            value.span,
            fix=fix,
        )

    # --- settings of a body -------------------------------------------------------------------------------------

    def setting(self, command: ast.Command) -> None:
        parameter = self.parameters.get(command.name.text)
        if parameter is None:
            near = nearest(command.name.text, self.parameters)
            fix = f"did you mean `{near}`?" if near else f"it takes {listing(list(self.parameters))}"
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

    def _setting(self, parameter: Parameter, command: ast.Command) -> Any:
        classes = set(parameter.members.values())
        if len(classes) == 1:
            return self._member(classes.pop(), command.name, command.arguments)
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
            return self._member(member, ast.Name(first.value.text, first.span), rest)
        if rest:
            self.error("E0205", f"`{command.name.text}` takes one value", rest[0].span, fix="remove the rest")
            return _FAILED
        self.written[parameter.name] = print_value(first.value)
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
        self.written[parameter.name] = print_value(value)
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
        try:
            return evaluate(value, self.context.scope)
        except ValueProblem as problem:
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
        near = nearest(word, [*parameter.choices, *self.context.scope])
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

    def _member(self, cls: type[Definition], name: ast.Name, arguments: Sequence[ast.Argument]) -> Any:
        bound = bind(cls, name, arguments, self.context)
        self.broken = self.broken or bound is None
        return _FAILED if bound is None else bound

    # --- the whole ----------------------------------------------------------------------------------------------

    def finish(self) -> Any:
        missing = [p for p in self.parameters.values() if p.required and p.name not in {*self.spans, *self.values}]
        # A value that found no place is likely the missing one misspelt: one error says it.
        if missing and not self.misplaced:
            needs = listing([f"`{p.name}` ({p.description})" for p in missing], "and")
            fix = f"for example `{getattr(self.cls, 'example', '') or _call_example(self.cls)}`"
            self.error("E0206", f"`{self.name.text}` needs {needs}", self.name.span, fix=fix)
        try:
            instance = self.cls(**self.values)
        except ValidationError as invalid:
            self._invalid(invalid)
            return None
        return None if self.broken else instance

    def _invalid(self, invalid: ValidationError) -> None:
        seen: set[str] = set()
        for problem in invalid.errors(include_url=False, include_context=False):
            where = str(problem["loc"][0]) if problem["loc"] else ""
            if where in seen or problem["type"] == "missing":
                continue
            seen.add(where)
            if where:
                p = self.parameters[where]
                shown = self.written.get(where, "")
                message = f"`{where}` must be {p.expects}, not `{shown}`"
                if problem["type"] == "less_than_equal":
                    message = f"`{where}` is too large: `{shown}`"
                self.error("E0207", message, self.spans[where], label=p.description)
            elif not self.broken:
                self.error("E0207", problem["msg"].removeprefix("Value error, "), self.name.span)


def _family(parameter: Parameter) -> str:
    return next(iter(parameter.members.values())).family


def _example(parameter: Parameter) -> str:
    if parameter.members:
        return f"for example `{parameter.name} {next(iter(parameter.members))}`"
    return "" if parameter.default is None else f"for example `{parameter.name} {parameter.default}`"


def _call_example(cls: type[Definition]) -> str:
    needed = ", ".join(p.name for p in parameters(cls) if p.required)
    return f"{cls.canonical()}({needed})"
