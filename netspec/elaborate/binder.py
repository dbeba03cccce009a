"""One definition while its arguments are found out: the values written, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from netspec.diagnostics.diagnostic import Related, Span
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import ValueProblem, evaluate
from netspec.elaborate.suggestions import example_call, example_of, held_value, value_text
from netspec.layers import Layer
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["FAILED", "Binder", "Failed"]


class Failed:
    """Stands for a value that was wrong and is already reported."""


FAILED = Failed()


class Binder:
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
        self.inside = False
        """Whether this is a member on another line, behind which no command can begin."""

    def error(
        self, code: str, message: str, span: Span, *, label: str = "", fix: str = "", related: tuple[Related, ...] = ()
    ) -> None:
        """Note a mistake; nothing is made of the definition then."""
        self.broken = True
        self.context.error(code, message, span, label=label, fix=fix, related=related)

    def arguments(self, arguments: Sequence[ast.Argument]) -> None:
        """Find the field of each argument."""
        raise NotImplementedError

    def finish(self) -> Any:
        """Return the instance; None when something was wrong."""
        raise NotImplementedError

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
        if not isinstance(converted, Failed):
            self.values[parameter.name] = converted

    def _convert(self, parameter: Parameter, value: ast.Value) -> Any:
        """Return the Python value that Pydantic then checks, or FAILED."""
        if isinstance(value, ast.Word) and value.text not in self.context.scope:
            return self._word(parameter, value)
        if isinstance(value, ast.Call):
            member = parameter.members.get(value.name.text)
            if member:
                return self._member(member, value.name, value.arguments)
            if not parameter.members:
                message = f"`{parameter.name}` must be {parameter.expects}, not `{print_value(value)}`"
                self.error("E0207", message, value.span, label=parameter.description)
                return FAILED
            return self._unknown_choice(parameter, value.name.text, value.span)
        if isinstance(value, ast.String) and value.value in parameter.members:
            fix = f"write it without quotes: `{value.value}`"
            self.error("E0207", f"`{parameter.name}` takes a word, not a string", value.span, fix=fix)
            return FAILED
        try:
            return evaluate(value, self.context.scope)
        except ValueProblem as problem:
            if self._overridden(problem.name, parameter, "a number", problem.span):
                return FAILED
            if problem.name in self.context.given:
                self.deferred.append((problem.name, parameter, problem.span))
                return FAILED
            self.error(problem.code, problem.message, problem.span, fix=problem.fix)
            return FAILED

    def _word(self, parameter: Parameter, value: ast.Word) -> Any:
        choice = parameter.choices.get(value.text, parameter.keyed.get(value.text))
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
            return FAILED
        near = nearest(word, parameter.choices, self.context.scope)
        near = parameter.members.canonical(near) if near and near in parameter.members else near
        names = parameter.members.names or tuple(parameter.choices)
        fix = f"did you mean `{near}`?" if near else f"{parameter.name} must be {parameter.expects}" if names else ""
        if parameter.members:
            self.error("E0204", f"unknown {parameter.members.word} `{word}`", span, fix=fix)
        elif names:
            self.error("E0203", f"`{parameter.name}` does not know the word `{word}`", span, fix=fix)
        else:
            message = f"`{parameter.name}` must be {parameter.expects}, and no `let` is named `{word}`"
            self.error("E0210", message, span, fix=fix)
        return FAILED

    def _member(
        self, cls: type[Definition], name: ast.Name, arguments: Sequence[ast.Argument], written: str = ""
    ) -> Any:
        """Bind a member of a family, written as a call, or as a setting behind the word `written`."""
        free = self._free()
        if arguments and not parameters(cls) and free and free.required and not free.choices:
            fix = f"write `{self.name.text} {print_value(arguments[0].value)} {name.text}`"
            message = f"`{name.text}` takes no value, and `{self.name.text}` needs `{free.name}` ({free.description})"
            self._wrong("E0205", message, arguments[0].span, fix)
            return FAILED
        binder = type(self)(cls, name, self.context)
        binder.inside = True
        needed = [example_of(p) for p in parameters(cls) if p.required]
        binder.example = " ".join([written, cls.canonical(), *needed]) if written else self._call(cls)
        binder.arguments(arguments)
        bound = binder.finish()
        self.broken = self.broken or bound is None
        return FAILED if bound is None else bound

    def _wrong(self, code: str, message: str, span: Span, fix: str) -> None:
        """Report what found no place: what seems to be missing or too much for that is not reported as well."""
        self.misplaced = self.puzzled = True
        self.error(code, message, span, fix=fix)

    def _free(self) -> Parameter | None:
        """Return the next argument that stands without its key."""
        return next((p for p in self.parameters.values() if p.positional and p.name not in self.spans), None)

    def _call(self, cls: type[Definition]) -> str:
        """Return how a member of a family is written here, with what it needs."""
        kind = cls.canonical()
        owner = next((p for p in self.parameters.values() if p.members.get(kind) is cls), None)
        if owner is None or issubclass(self.cls, Layer):
            return f"{owner.name}={example_call(cls)}" if owner else example_call(cls)
        return f"{self.name.text} {'' if owner.positional else f'{owner.name}='}{example_call(cls)}"

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
