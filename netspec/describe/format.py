"""The whole formatter: `syntax/formatter.py` decides the form, this file the names: `Linear` becomes `fc`.

A word is rewritten only where binding takes it for a member of a family, and never where the file gives the name, or
the canonical one, a meaning of its own: by `let`, as a block, as a block's parameter, as a label. What a name of
another program says beside that is written out: `Pooling 3 stride=2` becomes `pool 3 stride=2 ceil`; where it cannot be
written out, the name stays.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from netspec.describe.spelled import written_out
from netspec.diagnostics.diagnostic import NetspecError, Source, SpecError
from netspec.elaborate.control import loop_names
from netspec.ir.data_source import DataSource
from netspec.ir.network import Init
from netspec.ir.recipe import Compile, Recipe
from netspec.layers import LAYERS
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.syntax import ast
from netspec.syntax.formatter import comment_text, format_file
from netspec.syntax.numbers import spell_numbers
from netspec.syntax.parser import parse

__all__ = ["canonical_names", "format_source"]

_SETTINGS: dict[str, type[Definition]] = {"data": DataSource, "train": Recipe, "compile": Compile}
_COMMANDS: dict[str, type[Definition]] = {"init": Init, **_SETTINGS}


def format_source(source: Source) -> str:
    """Return the canonical text of a spec.

    Raises:
        SpecError: with every syntax error of the text.
        NetspecError: when the result would not say the same; that is a mistake of netspec, and never passes unseen.
    """
    file = canonical_names(parse(source))
    text = format_file(file)
    try:
        again = parse(Source(source.name, text))
    except SpecError as error:
        raise _mistake(source, error.diagnostics[0].message) from None
    if again.commands != spell_numbers(file.commands):
        raise _mistake(source, "a command would change")
    if [c.text for c in again.comments] != [comment_text(c.text) for c in file.comments]:
        raise _mistake(source, "a comment would change")
    return text


def canonical_names(file: ast.File) -> ast.File:
    """Return the file with the well-known other spellings of layers, optimizers … replaced by their canonical names."""
    return replace(file, commands=_Renamer(frozenset(_given(file.commands))).commands(file.commands))


def _mistake(source: Source, what: str) -> NetspecError:
    message = f"{source.name} is not formatted: {what}. This is a mistake in netspec; the spec is as good as before"
    return NetspecError(message, "please report it, with the spec")


def _given(commands: Iterable[ast.Command]) -> Iterator[str]:
    """Yield the names that a file defines itself."""
    for command in commands:
        if command.label:
            yield command.label.text
        if command.name.text == "let":
            yield from (a.key.text for a in command.arguments if a.key)
        elif command.name.text == "for":
            yield from (name.text for name in loop_names(command))
        elif command.name.text == "block":
            for argument in command.arguments:
                yield from _defined(argument)
        for body in command.bodies:
            yield from _given(body.commands)


def _defined(argument: ast.Argument) -> Iterator[str]:
    """Yield the names of `res(c, s=1)`, or of `res c s=1`: the block and its parameters."""
    if argument.key:
        yield argument.key.text
    elif isinstance(argument.value, ast.Call):
        yield argument.value.name.text
        for parameter in argument.value.arguments:
            yield from _defined(parameter)
    elif isinstance(argument.value, ast.Word):
        yield argument.value.text


class _Renamer:
    """Walks the commands; `given` are the names that mean what the file says."""

    def __init__(self, given: frozenset[str]) -> None:
        self.given = given

    def commands(self, commands: Iterable[ast.Command]) -> tuple[ast.Command, ...]:
        """Rename in the commands of a file, or of a body that holds layers."""
        return tuple(self._command(c) for c in commands)

    def _command(self, command: ast.Command) -> ast.Command:
        name = command.name.text
        if name in self.given or name in {"let", "block"}:
            return replace(command, bodies=self._bodies(command.bodies))
        if name in _SETTINGS:
            return self._with_settings(command, _SETTINGS[name])
        if name == "branch":
            merged = tuple(self._merge(a) for a in command.arguments)
            return replace(command, arguments=merged, bodies=self._bodies(command.bodies))
        cls = LAYERS.get(name) or _COMMANDS.get(name)
        if cls is None:
            return replace(command, bodies=self._bodies(command.bodies))
        renamed, arguments = command.name, self._arguments(command.arguments, cls)
        if name in LAYERS:
            renamed, arguments = self._renamed(command.name, cls, arguments)
        return replace(command, name=renamed, arguments=arguments, bodies=self._bodies(command.bodies))

    def _merge(self, argument: ast.Argument) -> ast.Argument:
        """Rename in `branch { } { } Concat`: the word is a layer that merges."""
        word = argument.value
        cls = LAYERS.get(word.text) if isinstance(word, ast.Word) and argument.key is None else None
        if not isinstance(word, ast.Word) or cls is None or not cls.merges:
            return argument
        return replace(argument, value=replace(word, text=self._name(ast.Name(word.text, word.span), cls).text))

    def _bodies(self, bodies: Sequence[ast.Body]) -> tuple[ast.Body, ...]:
        return tuple(replace(b, commands=self.commands(b.commands)) for b in bodies)

    def _with_settings(self, command: ast.Command, cls: type[Definition]) -> ast.Command:
        known = {p.name: p for p in parameters(cls)}
        bodies = tuple(
            replace(b, commands=tuple(self._setting(c, known.get(c.name.text)) for c in b.commands))
            for b in command.bodies
        )
        return replace(command, arguments=self._arguments(command.arguments, cls), bodies=bodies)

    def _setting(self, command: ast.Command, parameter: Parameter | None) -> ast.Command:
        """Rename in `optimizer Adam lr=0.1`: the first word is a member, what follows are its arguments."""
        if parameter is None or not command.arguments or not (parameter.members or parameter.choices):
            return command
        if len(parameter.members.names) == 1:
            return replace(command, arguments=self._arguments(command.arguments, *parameter.members.entries))
        first, *rest = command.arguments
        if first.key is None:
            member = _member(parameter, first.value)
            if member and isinstance(first.value, ast.Word) and first.value.text not in self.given:
                # What follows are the arguments of the word.
                called = ast.Name(first.value.text, first.value.span)
                renamed, others = self._renamed(called, member, self._arguments(rest, member))
                first = replace(first, value=replace(first.value, text=renamed.text))
                return replace(command, arguments=(first, *others))
            first = replace(first, value=self._value(parameter, first.value))
        return replace(command, arguments=(first, *rest))

    # --- arguments ------------------------------------------------------------------------------------------------

    def _arguments(self, arguments: Sequence[ast.Argument], cls: type[Definition]) -> tuple[ast.Argument, ...]:
        return tuple(self._argument(a, cls) for a in arguments)

    def _argument(self, argument: ast.Argument, cls: type[Definition]) -> ast.Argument:
        if argument.relation != "=":
            return argument
        if argument.key:
            fitting = [p for p in parameters(cls) if p.name == argument.key.text]
        else:
            fitting = _fitting(cls, argument.value)
        changed = {self._value(p, argument.value) for p in fitting}
        if len(changed) != 1:
            return argument
        value = changed.pop()
        # A bare word finds its argument by itself, and its canonical name must find the same one.
        same = argument.key or _fitting(cls, value) == fitting
        return replace(argument, value=value) if same else argument

    def _value(self, parameter: Parameter, value: ast.Value) -> ast.Value:
        if _word(value) in self.given:
            return value
        cls = _member(parameter, value)
        if cls is None:
            meant = parameter.choices.get(_word(value) or "")
            return ast.Word(meant, value.span) if isinstance(meant, str) else value
        called = value.name if isinstance(value, ast.Call) else ast.Name(_word(value) or "", value.span)
        arguments = self._arguments(value.arguments, cls) if isinstance(value, ast.Call) else ()
        name, arguments = self._renamed(called, cls, arguments)
        if isinstance(value, ast.Call) or arguments:
            return ast.Call(name, arguments, value.span)
        return ast.Word(name.text, value.span)

    def _name(self, name: ast.Name, cls: type[Definition]) -> ast.Name:
        return name if {name.text, cls.canonical()} & self.given else replace(name, text=cls.canonical())

    def _renamed(
        self, name: ast.Name, cls: type[Definition], arguments: tuple[ast.Argument, ...]
    ) -> tuple[ast.Name, tuple[ast.Argument, ...]]:
        """Return the canonical name, and the arguments with what the other name says beside them."""
        renamed = self._name(name, cls)
        written = None if renamed == name else written_out(name, cls, arguments, self.given)
        return (name, arguments) if written is None else (renamed, written)


def _word(value: ast.Value) -> str | None:
    return value.text if isinstance(value, ast.Word) else value.name.text if isinstance(value, ast.Call) else None


def _fitting(cls: type[Definition], value: ast.Value) -> list[Parameter]:
    return [p for p in parameters(cls) if _word(value) in p.choices]


def _member(parameter: Parameter, value: ast.Value) -> type[Definition] | None:
    return parameter.members.get(_word(value) or "")
