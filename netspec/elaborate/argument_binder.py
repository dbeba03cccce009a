"""Which field of a definition each argument is for: by its key, by its word, or by its position."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from netspec.diagnostics.diagnostic import listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.binder import Binder
from netspec.elaborate.evaluate import UNKNOWN
from netspec.elaborate.suggestions import (
    command_word,
    flag_place,
    nearest_argument,
    setting_place,
    size_of_names,
    split_size,
)
from netspec.ir.network import Recipe
from netspec.layers import Layer
from netspec.schema.definition import Parameter, parameters
from netspec.syntax import ast
from netspec.syntax.printer import print_argument, print_value

__all__ = ["ArgumentBinder"]


class ArgumentBinder(Binder):
    """A binder that knows where arguments belong."""

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
        keyed = any(word in p.keyed for p in self.parameters.values())
        kind = "" if word in self.parameters or keyed or self.inside else command_word(word, self.context.blocks)
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

    def argument(self, argument: ast.Argument) -> None:
        """Find the field that an argument is for, and its value."""
        argument = self._meant(argument)
        if isinstance(argument.value, ast.Word) and self.context.scope.get(argument.value.text) is UNKNOWN:
            self.broken = self.misplaced = True
            return
        if argument.relation != "=":
            fix = f"write `{argument.key.text}={print_value(argument.value)}`" if argument.key else "write `key=value`"
            self._wrong("E0207", f"`{self.name.text}` takes no comparison", argument.span, fix)
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
        near = nearest_argument(key, self.parameters)
        if owner:
            fix = f"write `{key}({print_value(argument.value)})`"
        else:
            fix = f"did you mean `{near}`?" if near else f"it takes {known}" if known else "it takes no arguments"
            fix = (self.cls is Recipe and setting_place(key, argument.value)) or self._of_a_member(argument) or fix
            fix = (self.cls is Recipe and flag_place(key, argument.value)) or fix
        self.error("E0202", f"`{self.name.text}` has no argument `{key}`", argument.key.span, fix=fix)
        return None

    def _of_a_member(self, argument: ast.Argument) -> str:
        """Return how an argument is written that belongs to a word before it: `gelu(approximate=tanh)`."""
        for name, written in self.written.items():
            member = self.parameters[name].members.get(written)
            if member and argument.key and any(p.name == argument.key.text for p in parameters(member)):
                return f"it is an argument of `{written}`: `{written}({print_argument(argument)})`"
        return ""

    def _by_value(self, value: ast.Value) -> Parameter | None:
        word = value.text if isinstance(value, ast.Word) else value.name.text if isinstance(value, ast.Call) else None
        if word is not None and word not in self.context.scope:
            return self._by_word(word, value)
        free = self._free()
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
        plain = self._free()
        if plain and plain.takes_words:
            return plain
        self._unknown_word(word, value)
        return None

    def _unknown_word(self, word: str, value: ast.Value) -> None:
        """Report a word that means nothing here; it takes the place of the value that it may have stood for."""
        self.puzzled = True
        choices = [c for p in self.parameters.values() for c in p.choices]
        near = nearest(word, self.context.scope, choices, self.parameters)
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
        keyed = next((p.name for p in self.parameters.values() if word in p.keyed), "")
        if keyed:
            fix = f"write `{keyed}={word}`"
        elif near and near not in choices and near in self.parameters:
            fix = f"did you mean `{near}=…`?"
        elif near:
            fix = f"did you mean `{near}`?"
        elif word[0] in "xX" and word[1:] in self.context.scope:
            fix = f"in a size a name stands in parentheses: `3x({word[1:]})`"
        else:
            fix = f"`netspec layers {self.name.text}` shows what it takes" if issubclass(self.cls, Layer) else ""
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
