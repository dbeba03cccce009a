"""Arguments as written → one validated definition. All that is wrong with a line is said, each thing once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import ValidationError

from netspec.diagnostics.diagnostic import listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.argument_binder import ArgumentBinder
from netspec.elaborate.binder import FAILED, Failed
from netspec.elaborate.context import Context
from netspec.elaborate.spellings import SPELLINGS
from netspec.elaborate.suggestions import flag_place, held_value, setting_place
from netspec.ir.network import DataSource, Recipe
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.schema.registry import Registry
from netspec.schema.types import LARGEST, LARGEST_FLOAT, SMALLEST_FLOAT
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["bind", "bind_settings"]

_D = TypeVar("_D", bound=Definition)


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


def _argument_of(members: Registry[Definition], word: str) -> bool:
    """Return whether a word is an argument of a member, or a choice of one."""
    return any(word == p.name or word in p.choices for cls in members.entries for p in parameters(cls))


def _has(cls: type[Definition], name: str) -> bool:
    return any(p.name == name and not p.positional for p in parameters(cls))


class _Binder(ArgumentBinder):
    """A binder that also takes the settings of a body, and makes the instance."""

    def setting(self, command: ast.Command) -> None:
        settings = [n for n in self.parameters if n not in self.inline]
        parameter = self.parameters[command.name.text] if command.name.text in settings else None
        if parameter is None:
            near = nearest(command.name.text, settings)
            fix = f"did you mean `{near}`?" if near else f"it takes {listing(settings)}"
            value = command.arguments[0].value if command.arguments else None
            fix = self._elsewhere(command.name.text) or flag_place(command.name.text, value) or fix
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
            if not isinstance(value, Failed):
                self.values[parameter.name] = value

    def _run_on(self, command: ast.Command, members: Registry[Definition]) -> ast.Argument | None:
        """Return where the next setting begins on the line of one, without the `;` between them."""
        for argument in command.arguments[1:]:
            word = argument.value.text if argument.key is None and isinstance(argument.value, ast.Word) else ""
            if word in self.parameters and not _argument_of(members, word):
                return argument
        return None

    def _elsewhere(self, name: str) -> str:
        """Say where a setting belongs that `train` and `data` do not share; empty where it is none."""
        others: dict[str, type[Definition]] = {"train": Recipe, "data": DataSource}
        owner = next((o for o, cls in others.items() if cls is not self.cls and _has(cls, name)), "")
        return f"it belongs into `{owner} {{ … }}`" if owner and self.cls in others.values() else ""

    def _setting(self, parameter: Parameter, command: ast.Command) -> Any:
        next_one = self._run_on(command, parameter.members)
        if next_one:
            word = print_value(next_one.value)
            message = f"`{word}` is a setting of its own"
            self.error("E0205", message, next_one.span, fix=f"separate settings by `;`: put one before `{word}`")
            return FAILED
        if len(parameter.members.names) == 1:
            (cls,) = parameter.members.entries
            return self._member(cls, command.name, command.arguments, self.name.text)
        if not command.arguments or command.arguments[0].key is not None:
            what = parameter.expects if len(parameter.expects) < 80 else "a name"
            self.error("E0206", f"`{command.name.text}` needs {what}", command.span, fix=_example(parameter))
            return FAILED
        first, *rest = map(self._meant, command.arguments)
        if parameter.members and isinstance(first.value, ast.String):
            fix = f"write it without quotes: `{command.name.text} {first.value.value}`"
            self.error("E0207", f"`{command.name.text}` takes a word, not a string", first.span, fix=fix)
            return FAILED
        if parameter.members and isinstance(first.value, ast.Word):
            member = parameter.members.get(first.value.text)
            if member is None:
                return self._unknown_choice(parameter, first.value.text, first.span)
            return self._member(member, ast.Name(first.value.text, first.span), rest, command.name.text)
        if rest:
            self.error("E0205", f"`{command.name.text}` takes one value", rest[0].span, fix="remove the rest")
            return FAILED
        self.written[parameter.name], self.given[parameter.name] = print_value(first.value), first.value
        return self._convert(parameter, first.value)

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
        spelling = SPELLINGS.get(self.name.text)
        spelling = spelling if spelling and spelling.kind == self.cls.canonical() else None
        given = {*self.spans}
        if spelling:
            if spelling.turned and self.values.get(spelling.turned) == 0:
                message = f"with {spelling.program}'s `{spelling.turned}=0` the running averages would never move"
                fix = f"for example `{spelling.turned}=0.1`"
                self.error("E0207", message, self.spans[spelling.turned], fix=fix)
                return None
            self.values = spelling.read(self.values, given)
        try:
            instance = self.cls(**self.values)
        except ValidationError as invalid:
            self._invalid(invalid)
            return None
        if self.broken:
            return None
        for text in spelling.said(instance, given) if spelling else ():
            self.context.note(f"`{self.name.text}`: {text}", self.name.span)
        return instance

    def _word_for_a_value(self, missing: Parameter) -> bool:
        """Report a word that a name stands for where a value is needed; return whether there is one."""
        for argument, free in self.meant:
            if argument.key is None and isinstance(argument.value, ast.Word):
                meant = free or missing
                self._unfit(meant, argument.value, meant.expects, argument.span)
                return True
        return False

    def _invalid(self, invalid: ValidationError) -> None:
        seen: set[str] = set()
        for problem in invalid.errors(include_url=False):
            where = str(problem["loc"][0]) if problem["loc"] else ""
            if where in seen or problem["type"] == "missing":
                continue
            seen.add(where)
            if where:
                p = self.parameters[where]
                beyond = _beyond(problem)
                if beyond:
                    size, fix = beyond
                    message = f"`{where}` is too {size}: {held_value(self.given[where], self.context.scope)}"
                    self.error("E0207", message, self.spans[where], label=p.description, fix=fix)
                else:
                    self._unfit(p, self.given[where], p.expects, self.spans[where])
            elif not self.broken:
                self.error("E0207", problem["msg"].removeprefix("Value error, "), self.name.span)


def _beyond(problem: Any) -> tuple[str, str] | None:
    """Return in which way a number is beyond what can be computed with, and what would be right; None where it is not.

    Args:
        problem: what Pydantic says of it.
    """
    match problem["type"], problem.get("ctx", {}):
        case "less_than_equal", {"le": limit} if limit in {LARGEST, LARGEST_FLOAT}:
            return "large", "" if limit == LARGEST else f"float32 holds numbers up to {LARGEST_FLOAT:.1e}"
        case "value_error", {"error": error} if "float32" in str(error):
            return "large", f"float32 holds numbers up to {LARGEST_FLOAT:.1e}"
        case "greater_than_equal", {"ge": limit} if limit == SMALLEST_FLOAT and problem["input"] > 0:
            return "small", f"float32 holds numbers from {SMALLEST_FLOAT:.1e}"
        case "greater_than_equal", {"ge": limit} if limit == -LARGEST_FLOAT:
            return "small", f"float32 holds numbers from -{LARGEST_FLOAT:.1e}"
    return None


def _example(parameter: Parameter) -> str:
    if parameter.members:
        return f"for example `{parameter.name} {next(iter(parameter.members))}`"
    return "" if parameter.default is None else f"for example `{parameter.name} {parameter.default}`"
