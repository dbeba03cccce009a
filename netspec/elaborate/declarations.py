"""The commands that a file gives once: initializers, data, recipe, how to compute; and its budgets."""

from __future__ import annotations

import re
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import Place, Related, listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.binder import bind, bind_settings
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import ValueProblem, evaluate
from netspec.elaborate.node_names import place_of
from netspec.elaborate.scope import Scope
from netspec.ir.data_source import DataSource
from netspec.ir.network import Budget, Init, Input
from netspec.ir.recipe import Compile, Recipe
from netspec.recipe import catalog as datasets
from netspec.sources.survey import completed
from netspec.sources.texts.trees import has_classes
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["Declarations"]


class Declarations:
    """What the commands have said so far, apart from layers."""

    def __init__(self, context: Context, places: dict[str, Place]) -> None:
        self.context, self.places = context, places
        self.init: Init | None = None
        self.data: DataSource | None = None
        self.recipe: Recipe | None = None
        self.compile: Compile | None = None
        self.budgets: list[Budget] = []
        self.once: dict[str, Callable[[ast.Command], None]] = {
            "init": self._init,
            "data": self._data,
            "train": self._train,
            "compile": self._compile,
        }

    def declare(self, command: ast.Command, scope: Scope) -> None:
        """Take one of the commands that stand at the top of a file, each once."""
        name = command.name.text
        if not scope.top:
            fix = "move it out of the braces"
            self.context.error("E0217", f"`{name}` belongs at the top of a spec", command.name.span, fix=fix)
        elif name in self.places:
            related = Related(self.places[name].span, "the first is here")
            message = f"`{name}` is given twice"
            self.context.error("E0209", message, command.name.span, fix="keep one", related=(related,))
        else:
            if command.label:
                fix = "only layers and blocks are labelled"
                self.context.error("E0211", f"`{name}` takes no label", command.label.span, fix=fix)
            self.places[name] = place_of(command, self.context.uses)
            self.once[name](command)

    def _init(self, command: ast.Command) -> None:
        if command.bodies:
            self.context.error("E0211", "`init` takes no body", command.bodies[0].span, fix="remove `{ … }`")
        self.init = bind(Init, command.name, command.arguments, self.context)

    def _train(self, command: ast.Command) -> None:
        self.recipe = bind_settings(Recipe, command.name, command.arguments, command.bodies, self.context)

    def _compile(self, command: ast.Command) -> None:
        self.compile = bind_settings(Compile, command.name, command.arguments, command.bodies, self.context)

    def _data(self, command: ast.Command) -> None:
        arguments, fallback = self._split_else(command)
        data = bind_settings(DataSource, command.name, arguments, command.bodies, self.context)
        if data and fallback:
            data = data.model_copy(update={"fallback": _text(fallback.value)})
        if data:
            inner = [command, *(c for body in command.bodies for c in body.commands)]
            written = [a for c in inner for a in c.arguments]
            for name in (data.name, data.fallback):
                self._known_dataset(name, written, command)
            file = data.text.file if data.text else None
            if file and (Path(file).is_absolute() or ".." in Path(file).parts):
                argument = next((a for a in written if _text(a.value) == file), None)
                span = argument.span if argument else command.head
                fix = "put the tokenizer beside the spec"
                self.context.error("E0403", "a spec reads no file outside its own folder", span, fix=fix)
        self.data = data

    def complete_data(self, inputs: tuple[Input, ...], folder: Path, given: DataSource | None = None) -> None:
        """Write out what goes without saying of a text.

        Args:
            inputs: of the network; of a text the one says how long examples are.
            folder: of the spec.
            given: what is learned in place of what the spec names.
        """
        data = self.data
        length = inputs[0].shape[0] if inputs and inputs[0].tokens and len(inputs[0].shape) == 1 else None
        if data and data.is_text:
            whole = has_classes(given or data, folder)
            self.data = completed(data, length, whole=whole)
        elif data and data.text and length and not data.text.length and not any(i.columns for i in inputs):
            self.data = data.model_copy(update={"text": data.text.model_copy(update={"length": length})})

    def _split_else(self, command: ast.Command) -> tuple[list[ast.Argument], ast.Argument | None]:
        """Take `else NAME` out of the arguments."""
        arguments = list(command.arguments)
        at = next(
            (i for i, a in enumerate(arguments) if isinstance(a.value, ast.Word) and a.value.text == "else"),
            None,
        )
        if at is None:
            return self._misspelt_else(arguments), None
        if arguments[at].key is not None:
            return arguments, None
        if at + 1 >= len(arguments) or _text(arguments[at + 1].value) is None:
            fix = "for example `data mnist else digits`"
            self.context.error("E0206", "`else` needs the name of a dataset", arguments[at].span, fix=fix)
            return arguments[:at], None
        return arguments[:at] + arguments[at + 2 :], arguments[at + 1]

    def _misspelt_else(self, arguments: list[ast.Argument]) -> list[ast.Argument]:
        """Report `data mnist esle digits`, and return what is left to understand."""
        words = [a.value.text if a.key is None and isinstance(a.value, ast.Word) else "" for a in arguments]
        if len(words) == 3 and all(words) and nearest(words[1], ["else"]):
            message = f"`data` does not know the word `{words[1]}`"
            self.context.error("E0203", message, arguments[1].span, fix="did you mean `else`?")
            return arguments[:1]
        return arguments

    def _known_dataset(self, name: str | None, written: list[ast.Argument], command: ast.Command) -> None:
        """Report a dataset that is none, however it came to be named; a path stands in quotes and in the folder."""
        if name is None or datasets.find(name):
            return
        argument = next((a for a in written if _text(a.value) == name), None)
        span = argument.span if argument else command.head
        quoted = argument is None or isinstance(argument.value, ast.String)
        if not quoted:
            names = [d.name for d in datasets.DATASETS]
            near = nearest(name, names)
            built_in = f"built in are {listing(names, 'and')}; a path stands in quotes"
            fix = f"did you mean `{near}`?" if near else built_in
            self.context.error("E0401", f"unknown dataset `{name}`", span, fix=fix)
        elif Path(name).is_absolute() or ".." in Path(name).parts:
            fix = "put the file beside the spec, or give it with --data PATH"
            self.context.error("E0403", "a spec reads no file outside its own folder", span, fix=fix)

    def budget(self, command: ast.Command, scope: Scope) -> None:
        """Take `assert params < 100k`; what it says is checked when the network is known."""
        del scope
        known = Budget.quantities()
        if not command.arguments or command.bodies or command.label:
            fix = f"for example `assert params < 100k`; it knows {listing(known, 'and')}"
            self.context.error("E0206", "`assert` needs a comparison", command.name.span, fix=fix)
        for at, argument in enumerate(command.arguments):
            if argument.key is None or argument.relation == "=":
                word = print_value(argument.value)
                unit = at > 0 and re.fullmatch("[kmgt]?i?b?", word, re.IGNORECASE)
                fix = "for example `assert params < 100k`"
                if unit:
                    # The comparison before it has lost its unit, so its limit is not what is meant.
                    number = print_value(command.arguments[at - 1].value)
                    written = word.upper().replace("K", "k").replace("I", "i")
                    fix = f"a unit touches its number: `{number}{written}`"
                    fix = fix if written == word else f"units are written k, M, G, kB, MB, GB: `{number}{written}`"
                    self._drop_budget(command.arguments[at - 1])
                elif word in {"and", "or"}:
                    fix = f"there is no `{word}`: comparisons stand one after the other, and all must hold"
                self.context.error("E0207", "`assert` needs a comparison with <, <=, > or >=", argument.span, fix=fix)
                continue
            if argument.relation in {"==", "!="}:
                fix = f"a budget has a bound: `{argument.key.text} <= {print_value(argument.value)}`"
                self.context.error("E0207", "`assert` needs a comparison with <, <=, > or >=", argument.span, fix=fix)
                continue
            if argument.key.text not in known:
                near = nearest(argument.key.text, known)
                fix = f"did you mean `{near}`?" if near else f"it knows {listing(known, 'and')}"
                message = f"`assert` knows no quantity `{argument.key.text}`"
                self.context.error("E0203", message, argument.key.span, fix=fix)
                continue
            limit = self._value(argument.value)
            if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit < inf:
                if limit is not None:
                    fix = "for example 100k, 5M or 64MiB"
                    self.context.error("E0207", "a budget is a number, 0 or more", argument.value.span, fix=fix)
                continue
            text = place_of(command).text
            self.places[f"assert {len(self.budgets)}"] = Place(argument.span, text, self.context.uses)
            said = {"quantity": argument.key.text, "relation": argument.relation, "limit": limit}
            self.budgets.append(Budget.model_validate(said))

    def _drop_budget(self, argument: ast.Argument) -> None:
        place = self.places.get(f"assert {len(self.budgets) - 1}")
        if place and place.span == argument.span:
            self.budgets.pop()

    def _value(self, value: ast.Value) -> Any:
        try:
            return evaluate(value, self.context.scope)
        except ValueProblem as problem:
            self.context.error(problem.code, problem.message, problem.span, fix=problem.fix)
            return None


def _text(value: ast.Value) -> str | None:
    return value.text if isinstance(value, ast.Word) else value.value if isinstance(value, ast.String) else None
