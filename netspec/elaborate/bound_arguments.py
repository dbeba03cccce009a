"""The arguments of one definition while they are bound: what it takes, what is written of that, and its values."""

from __future__ import annotations

from typing import Any

from netspec.diagnostics.diagnostic import Span
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.evaluate import Scope
from netspec.elaborate.spellings import SPELLINGS, Spelling
from netspec.elaborate.suggestions import example_call
from netspec.layers import Layer
from netspec.schema.definition import Definition, Parameter, parameters
from netspec.syntax import ast

__all__ = ["BoundArguments"]


class BoundArguments:
    """The parameters of a definition, which of them are bound, and to what.

    Attributes:
        cls: the definition.
        name: the word that the text has for it.
        scope: what the names in force there stand for.
        parameters: all that it takes, by name.
        spans: where the bound ones are written, by name, whether or not their values are right.
        written: the values of these as they are written, but for those that a mistake or a line of its own took.
        values: those that are right as far as is known, in Python.
    """

    def __init__(self, cls: type[Definition], name: ast.Name, scope: Scope) -> None:
        self.cls, self.name, self.scope = cls, name, scope
        self.parameters: dict[str, Parameter] = {p.name: p for p in parameters(cls)}
        self.spans: dict[str, Span] = {}
        self.written: dict[str, ast.Value] = {}
        self.values: dict[str, Any] = {}

    @property
    def next_positional(self) -> Parameter | None:
        """The parameter that the next argument without a key is for; None where there is none left."""
        return next((p for p in self.parameters.values() if p.positional and p.name not in self.spans), None)

    @property
    def missing(self) -> list[Parameter]:
        """The parameters that are required and not bound."""
        return [p for p in self.parameters.values() if p.required and p.name not in {*self.spans, *self.values}]

    @property
    def spelling(self) -> Spelling | None:
        """What is particular about the name, where it is that of another program."""
        spelling = SPELLINGS.get(self.name.text)
        return spelling if spelling and spelling.kind == self.cls.canonical() else None

    def owners(self, word: str) -> list[Parameter]:
        """Return the parameter that a word is a choice of; several where only a key tells which."""
        owners = [p for p in self.parameters.values() if word in p.choices]
        unset = [p for p in owners if p.name not in self.spans]
        first = [p for p in unset if p.positional]
        taken = [p for p in owners if p.positional and p.name in self.spans]
        if taken:
            return taken[:1]
        return first if len(first) == 1 else unset or owners[:1]

    def understands(self, word: str) -> bool:
        """Return whether a word means something here without a key: it is a choice, or a name in force."""
        return word in self.scope or any(word in p.choices for p in self.parameters.values())

    def key_of(self, word: str) -> str:
        """Return the parameter that knows a word behind its key only; empty where there is none."""
        return next((p.name for p in self.parameters.values() if word in p.keyed), "")

    def nearest_word(self, word: str) -> str | None:
        """Return what a word that means nothing here most likely is: a name, a choice, or a parameter."""
        return nearest(word, self.scope, self.choices, self.parameters)

    @property
    def choices(self) -> list[str]:
        """The words that its arguments may be."""
        return [choice for p in self.parameters.values() for choice in p.choices]

    def member(self, name: str) -> type[Definition] | None:
        """Return the member of a registry that is written for a parameter, as a word alone; None where none is."""
        written = self.written.get(name)
        return self.parameters[name].members.get(written.text) if isinstance(written, ast.Word) else None

    def member_call(self, cls: type[Definition]) -> str:
        """Return how a member of a registry is written on this line, with what it needs."""
        kind = cls.canonical()
        owner = next((p for p in self.parameters.values() if p.members.get(kind) is cls), None)
        if owner is None or issubclass(self.cls, Layer):
            return f"{owner.name}={example_call(cls)}" if owner else example_call(cls)
        return f"{self.name.text} {'' if owner.positional else f'{owner.name}='}{example_call(cls)}"

    def next_setting(self, command: ast.Command) -> ast.Argument | None:
        """Return where the next setting begins on the line of one, without the `;` between them."""
        own = [p for cls in self.parameters[command.name.text].members.entries for p in parameters(cls)]
        for argument in command.arguments[1:]:
            word = argument.value.text if argument.key is None and isinstance(argument.value, ast.Word) else ""
            if word in self.parameters and not any(word == p.name or word in p.choices for p in own):
                return argument
        return None
