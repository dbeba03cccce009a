"""Binding: the arguments of a line, each to a field of its definition, and all of them to one validated instance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import ValidationError

from netspec.diagnostics.diagnostic import Diagnostic, Span
from netspec.elaborate import binder_errors as errors
from netspec.elaborate.bound_arguments import BoundArguments
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import UNKNOWN, LabelledWord, Percent, ValueProblem, evaluate
from netspec.elaborate.joint_mistakes import joint_mistake
from netspec.elaborate.suggestions import example_setting
from netspec.elaborate.unfit_values import blame_override, blame_use, report_invalid, report_unfit
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.syntax import ast

__all__ = ["Binder", "bind", "bind_settings"]

_D = TypeVar("_D", bound=Definition)

_FAILED = object()
"""Stands for a value that was wrong, which is reported."""


def bind(cls: type[_D], name: ast.Name, arguments: Sequence[ast.Argument], context: Context) -> _D | None:
    """Bind a line's arguments to the fields of a definition.

    Returns:
        The instance; None when something was wrong, which `context.diagnostics` then says.
    """
    binder = Binder(cls, name, context)
    binder.bind(arguments)
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
    binder = Binder(cls, name, context, base=base)
    binder.bind(arguments)
    for body in bodies:
        for command in body.commands:
            binder.bind_setting(command)
    return binder.finish()


class Binder:
    """Binds the arguments and settings of one definition, reports each mistake once, and makes the instance.

    Args:
        cls: the definition.
        name: the word that the text has for it.
        context: the names in force, and where mistakes are noted.
        base: the instance whose fields hold unless others are bound.
        member_example: of a member of a registry, which is an argument itself: how it is written there.
    """

    def __init__(
        self,
        cls: type[Definition],
        name: ast.Name,
        context: Context,
        *,
        base: Definition | None = None,
        member_example: str = "",
    ) -> None:
        self.context = context
        self.bound = BoundArguments(cls, name, context.scope)
        self.settings = [n for n in self.bound.parameters if n not in cls.inline]
        if base is not None:
            # Single settings are replaced, whichever they are: `--set data.name=digits`.
            self.settings = list(self.bound.parameters)
            self.bound.values = {n: getattr(base, n) for n in self.settings}
        self.is_member = bool(member_example)
        self.example = member_example or str(getattr(cls, "example", ""))
        self.substituted: list[tuple[ast.Argument, Parameter | None]] = []
        """The arguments whose names stand for words or calls, and the parameter that was next at each."""
        self.unfit_in_use: list[tuple[str, Parameter, Span]] = []
        """The names that the use of a block gave no number, and the parameters that need one."""
        self.failed = False
        """Whether a mistake is reported: then there is no instance."""
        self.missing_explained = self.surplus_explained = False
        """Whether a mistake is reported that explains what seems to be missing, or what seems to be too many."""

    # --- which field an argument is for ------------------------------------------------------------------------------

    def bind(self, arguments: Sequence[ast.Argument]) -> None:
        """Bind arguments one after the other, but for those that are one mistake together."""
        at = 0
        while at < len(arguments):
            joint = joint_mistake(self.bound, arguments, at, self.context.blocks, is_member=self.is_member)
            if joint is None:
                self._bind_argument(arguments[at])
                at += 1
                continue
            self._misplace(joint.diagnostic)
            if joint.key:
                self.bound.spans.setdefault(joint.key, arguments[at].span)
            at += joint.count

    def _bind_argument(self, argument: ast.Argument) -> None:
        argument = self._substitute(argument)
        if isinstance(argument.value, ast.Word) and self.context.scope.get(argument.value.text) is UNKNOWN:
            self.failed = self.missing_explained = True
            return
        if argument.relation != "=":
            self._misplace(errors.comparison(self.bound.name.text, argument))
            return
        parameter = self._by_key(argument, argument.key) if argument.key else self._by_value(argument.value)
        if parameter is None:
            self.missing_explained = True
        elif parameter.name in self.bound.spans:
            self._report(errors.given_twice(self.bound, parameter, argument.span))
        else:
            self.bound.spans[parameter.name] = argument.span
            self.bound.written[parameter.name] = argument.value
            self._set(parameter.name, self._convert(parameter, argument.value))

    def _substitute(self, argument: ast.Argument) -> ast.Argument:
        """Return the argument with the word or call that a `let` or a parameter stands for in its place."""
        value = argument.value
        meant = self.context.scope.get(value.text) if isinstance(value, ast.Word) else None
        meant = meant.choice if isinstance(meant, LabelledWord) else meant
        if isinstance(meant, ast.Word | ast.Call):
            self.substituted.append((argument, self.bound.next_positional))
            return replace(argument, value=replace(meant, span=value.span))
        return argument

    def _by_key(self, argument: ast.Argument, key: ast.Name) -> Parameter | None:
        parameter = self.bound.parameters.get(key.text)
        if parameter is None:
            self._report(errors.unknown_key(self.bound, key, argument))
        return parameter

    def _by_value(self, value: ast.Value) -> Parameter | None:
        word = value.text if isinstance(value, ast.Word) else value.name.text if isinstance(value, ast.Call) else None
        if word is not None and word not in self.context.scope:
            return self._by_word(word, value)
        parameter = self.bound.next_positional
        if parameter is None and self.surplus_explained:
            # A word before it was not understood: one error says it.
            self.failed = True
        elif parameter is None:
            self._report(errors.surplus(self.bound, value))
        return parameter

    def _by_word(self, word: str, value: ast.Value) -> Parameter | None:
        """Return the parameter that has a word among its choices, else the next one where that takes any word."""
        owners = self.bound.owners(word)
        if len(owners) > 1:
            self._report(errors.ambiguous_word(word, value, owners))
            return None
        if owners:
            return owners[0]
        following = self.bound.next_positional
        if following and following.takes_words:
            return following
        near = self.bound.nearest_word(word)
        self._report(errors.unknown_word(self.bound, word, value.span, near))
        self.surplus_explained = True
        if following and (not near or near in self.bound.scope or near in following.choices):
            # It stands where that value was to stand.
            self.bound.spans[following.name] = value.span
        return None

    # --- the value of an argument ------------------------------------------------------------------------------------

    def _set(self, name: str, value: Any) -> None:
        if value is not _FAILED:
            self.bound.values[name] = value

    def _convert(self, parameter: Parameter, value: ast.Value) -> Any:
        """Return the Python value that Pydantic then checks, or _FAILED."""
        if isinstance(value, ast.Word) and value.text not in self.context.scope:
            return self._convert_word(parameter, value)
        if isinstance(value, ast.Call):
            member = parameter.members.get(value.name.text)
            if member:
                return self._bind_member(member, value.name, value.arguments, self.bound.member_call(member))
            if parameter.members:
                return self._report(errors.unknown_choice(self.bound, parameter, value.name.text, value.span))
            return self._report(errors.call_of_a_plain_argument(parameter, value))
        if isinstance(value, ast.String) and value.value in parameter.members:
            return self._report(errors.quoted_word(parameter.name, value.span, value.value))
        try:
            found = evaluate(value, self.context.scope, whole=parameter.is_whole)
            if isinstance(found, Percent) and not parameter.is_share:
                return self._report(errors.no_share(parameter, value.span, found))
            return found
        except ValueProblem as problem:
            if blame_override(self.context, problem.name, parameter, "a number", problem.span):
                self.failed = True
            elif problem.name in self.context.given:
                self.unfit_in_use.append((problem.name, parameter, problem.span))
            else:
                self._report(Diagnostic(problem.code, problem.message, problem.span, fix=problem.fix))
            return _FAILED

    def _convert_word(self, parameter: Parameter, word: ast.Word) -> Any:
        choice = parameter.choices.get(word.text, parameter.keyed.get(word.text))
        if isinstance(choice, type):
            return self._bind_member(choice, ast.Name(word.text, word.span), (), self.bound.member_call(choice))
        if choice is not None or word.text in parameter.choices:
            # `none` is a choice, and stands for None.
            return choice
        if parameter.is_flag and word.text in {"true", "false"}:
            return word.text == "true"
        if parameter.takes_words:
            return word.text
        return self._report(errors.unknown_choice(self.bound, parameter, word.text, word.span))

    def _bind_member(
        self, cls: type[Definition], name: ast.Name, arguments: Sequence[ast.Argument], example: str
    ) -> Any:
        """Return an instance of a member of a registry, which has arguments of its own, or _FAILED."""
        following = self.bound.next_positional
        if arguments and not parameters(cls) and following and following.required and not following.choices:
            line = self.bound.name.text
            return self._misplace(errors.member_without_arguments(line, name.text, following, arguments[0]))
        binder = Binder(cls, name, self.context, member_example=example)
        binder.bind(arguments)
        member = binder.finish()
        self.failed = self.failed or member is None
        return _FAILED if member is None else member

    # --- the settings of a body --------------------------------------------------------------------------------------

    def bind_setting(self, command: ast.Command) -> None:
        """Bind one command of the body."""
        name = command.name.text
        if name not in self.settings:
            self._report(errors.unknown_setting(self.bound, command, self.settings))
        elif command.bodies or command.label:
            self._report(errors.setting_with_body(command))
        elif name in self.bound.spans:
            self._report(errors.given_twice(self.bound, self.bound.parameters[name], command.span))
        else:
            self.bound.spans[name] = command.span
            self._set(name, self._convert_setting(self.bound.parameters[name], command))

    def _convert_setting(self, parameter: Parameter, command: ast.Command) -> Any:
        """Return the Python value of a setting, or _FAILED."""
        next_setting = self.bound.next_setting(command)
        # A column may be called as a setting is.
        if next_setting and not parameter.takes_names:
            return self._report(errors.setting_on_the_line(next_setting))
        if len(parameter.members.names) == 1:
            (cls,) = parameter.members.entries
            example = str(getattr(cls, "example", "")) or example_setting(self.bound.name.text, cls)
            return self._bind_member(cls, command.name, command.arguments, example)
        if not command.arguments or command.arguments[0].key is not None:
            return self._report(errors.bare_setting(parameter, command.span))
        if parameter.takes_names:
            return self._convert_names(parameter, command.arguments)
        first, *rest = map(self._substitute, command.arguments)
        if parameter.members and isinstance(first.value, ast.String):
            written = f"{parameter.name} {first.value.value}"
            return self._report(errors.quoted_word(parameter.name, first.span, written))
        if parameter.members and isinstance(first.value, ast.Word):
            member = parameter.members.get(first.value.text)
            if member is None:
                return self._report(errors.unknown_choice(self.bound, parameter, first.value.text, first.span))
            name = ast.Name(first.value.text, first.span)
            return self._bind_member(member, name, rest, example_setting(parameter.name, member))
        if rest:
            return self._report(errors.several_values(parameter, rest[0].span))
        self.bound.written[parameter.name] = first.value
        return self._convert(parameter, first.value)

    def _convert_names(self, parameter: Parameter, arguments: Sequence[ast.Argument]) -> Any:
        """Return the names that a setting has, or one of its choices where that is the only word; or _FAILED."""
        only = arguments[0].value if len(arguments) == 1 else None
        if isinstance(only, ast.Word) and only.text in parameter.choices:
            return parameter.choices[only.text]
        found = []
        for argument in arguments:
            value = argument.value
            name = value.text if isinstance(value, ast.Word) else value.value if isinstance(value, ast.String) else None
            if name is None or argument.key is not None:
                return self._report(errors.no_name(parameter, argument))
            if name in found:
                return self._report(errors.name_twice(parameter, name, argument.span))
            found.append(name)
        return tuple(found)

    # --- the instance ------------------------------------------------------------------------------------------------

    def finish(self) -> Any:
        """Return the instance; None when something was wrong."""
        self._report_missing()
        for word, parameter, span in self.unfit_in_use:
            self.failed = True
            blame_use(self.context, self.bound, word, parameter, "a number", span)
        given = set(self.bound.spans)
        spelling = self.bound.spelling
        if spelling and spelling.turned and self.bound.values.get(spelling.turned) == 0:
            self._report(errors.zero_share(spelling, self.bound.spans[spelling.turned]))
            return None
        try:
            instance = self.bound.cls(**(spelling.read(self.bound.values, given) if spelling else self.bound.values))
        except ValidationError as invalid:
            report_invalid(self.context, self.bound, invalid, failed=self.failed)
            return None
        if self.failed:
            return None
        for text in spelling.said(instance, given) if spelling else ():
            self.context.note(f"`{self.bound.name.text}`: {text}", self.bound.name.span)
        return instance

    def _report_missing(self) -> None:
        missing = self.bound.missing
        if not missing or self.missing_explained:
            return
        for argument, following in self.substituted:
            if argument.key is None:
                # A name stands for a word where a value is needed.
                self.failed = True
                report_unfit(self.context, self.bound, following or missing[0], argument.value, argument.span)
                return
        self._report(errors.missing(self.bound.name, missing, self.example))

    # --- mistakes -----------------------------------------------------------------------------------------------------

    def _report(self, mistake: Diagnostic) -> object:
        """Note a mistake, with which there is no instance; return _FAILED for the value that was wrong."""
        self.failed = True
        self.context.report(mistake)
        return _FAILED

    def _misplace(self, mistake: Diagnostic) -> object:
        """Report what found no field: what seems to be missing or too many for that is not reported as well."""
        self.missing_explained = self.surplus_explained = True
        return self._report(mistake)
