"""What a training starts from and which parts it moves: `weights`, `freeze`, `unfreeze`, `rate`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from netspec.diagnostics.diagnostic import Place, Related, Span, listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.context import Context
from netspec.elaborate.evaluate import UNKNOWN, ValueProblem, evaluate
from netspec.elaborate.node_names import place_of
from netspec.elaborate.scope import Scope
from netspec.ir.network import INPUT, Freeze, Input, Rate, parts_of
from netspec.schema.types import LARGEST, LARGEST_FLOAT, SMALLEST_FLOAT
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["Tuning"]

ALL = "all"


class Tuning:
    """The commands so far; which parts they name is known when all layers are."""

    def __init__(self, context: Context, places: dict[str, Place]) -> None:
        self.context, self.places = context, places
        self.weights: str | None = None
        self.freeze: list[Freeze] = []
        self.unfreeze: list[str] = []
        self.rates: list[Rate] = []
        self._commands: list[ast.Command] = []

    def take(self, command: ast.Command, scope: Scope) -> None:
        """Take one of the commands, all of which stand at the top of a file."""
        name = command.name.text
        if not scope.top:
            fix = "move it out of the braces"
            self.context.error("E0217", f"`{name}` belongs at the top of a spec", command.name.span, fix=fix)
            return
        if command.bodies:
            self.context.error("E0211", f"`{name}` takes no body", command.bodies[0].span, fix="remove `{ … }`")
        if command.label:
            fix = "only layers and blocks are labelled"
            self.context.error("E0211", f"`{name}` takes no label", command.label.span, fix=fix)
        if name == "weights":
            self._weights(command)
        else:
            self._commands.append(command)

    # --- weights ----------------------------------------------------------------------------------------------------

    def _weights(self, command: ast.Command) -> None:
        if "weights" in self.places:
            related = Related(self.places["weights"].span, "the first is here")
            message = "`weights` is given twice"
            self.context.error("E0209", message, command.name.span, fix="keep one", related=(related,))
            return
        self.places["weights"] = place_of(command, self.context.uses)
        example = 'for example `weights "base.safetensors"`'
        if not command.arguments or command.arguments[0].key:
            self.context.error("E0206", "`weights` needs a file, in quotes", command.head, fix=example)
            return
        first, *others = command.arguments
        if others:
            self.context.error("E0205", "`weights` takes one file", others[0].span, fix=example)
        value = first.value
        if not isinstance(value, ast.String) or not value.value:
            written = print_value(value)
            fix = f'write `weights "{written}"`' if isinstance(value, ast.Word) else example
            self.context.error("E0207", "a path stands in quotes", value.span, fix=fix)
        elif "\\" in value.value:
            fix = f'write `weights "{value.value.replace(chr(92), "/")}"`'
            self.context.error("E0207", "folders are separated by `/` on every system", value.span, fix=fix)
        elif _outside(value.value):
            fix = "put the file beside the spec, or give it with --weights PATH"
            self.context.error("E0403", "a spec reads no file outside its own folder", value.span, fix=fix)
        else:
            self.weights = value.value

    # --- parts ------------------------------------------------------------------------------------------------------

    def resolve(self, scope: Scope, nodes: Iterable[str], inputs: Iterable[Input]) -> None:
        """Find the parts that the commands name."""
        names = list(nodes)
        known = dict.fromkeys(part for name in names for part in parts_of(name))
        given = {INPUT, *(i.name for i in inputs)}
        for command in self._commands:
            getattr(self, f"_{command.name.text}")(command, scope, known, given)

    def _freeze(self, command: ast.Command, scope: Scope, known: dict[str, None], given: set[str]) -> None:
        keyed = [a for a in command.arguments if a.key]
        until = None
        for argument in keyed:
            if argument.key and argument.key.text == "until" and argument.relation == "=":
                if argument is not next(a for a in keyed if a.key and a.key.text == "until"):
                    self.context.error("E0209", "`until` is given twice", argument.span, fix="keep one")
                    continue
                until = self._epochs(argument)
            else:
                self._unknown_argument(command, argument, "until")
        for part, span in self._parts(command, scope, known, given, "freeze stem"):
            if self._first(command, "freeze", part, span):
                self.freeze.append(Freeze.model_construct(part=part, until=until))

    def _unfreeze(self, command: ast.Command, scope: Scope, known: dict[str, None], given: set[str]) -> None:
        for argument in command.arguments:
            if argument.key:
                self._unknown_argument(command, argument, "")
        for part, span in self._parts(command, scope, known, given, "unfreeze head"):
            if part is None:
                fix = "leave the `freeze` out, or name the parts that are trained"
                self.context.error("E0332", "`unfreeze all` leaves nothing frozen", span, fix=fix)
            elif self._first(command, "unfreeze", part, span):
                self.unfreeze.append(part)

    def _rate(self, command: ast.Command, scope: Scope, known: dict[str, None], given: set[str]) -> None:
        for argument in command.arguments:
            if argument.key:
                self._unknown_argument(command, argument, "")
        plain = [a for a in command.arguments if not a.key]
        example = "for example `rate stem 0.1`: a tenth of the learning rate"
        if len(plain) < 2:
            missing = "a label and a factor" if not plain else "a factor" if _names_part(plain[0].value) else "a label"
            self.context.error("E0206", f"`rate` needs {missing}", command.head, fix=example)
            return
        if isinstance(plain[-1].value, ast.String) or _is_label(plain[-1].value, scope, known):
            self.context.error("E0207", "the factor of `rate` stands last", command.head, fix=example)
            return
        factor = self._factor(plain[-1], example)
        for part, span in self._parts(command, scope, known, given, "rate stem 0.1", plain[:-1]):
            if self._first(command, "rate", part, span) and factor is not None:
                self.rates.append(Rate.model_construct(part=part, factor=factor))

    def _epochs(self, argument: ast.Argument) -> int | None:
        value = self._value(argument.value, whole=True)
        if value is UNKNOWN:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= LARGEST:
            message = "`until=` is a number of epochs, 1 or more"
            self.context.error("E0207", message, argument.span, fix="for example `freeze stem until=2`")
            return None
        return value

    def _factor(self, argument: ast.Argument, example: str) -> float | None:
        value = self._value(argument.value)
        if value is UNKNOWN:
            return None
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if number and SMALLEST_FLOAT <= value <= LARGEST_FLOAT:
            return float(value)
        fix = "weights that are not to move are frozen: `freeze LABEL`" if number and value == 0 else example
        message = "`rate` multiplies the learning rate by a positive number"
        self.context.error("E0207", message, argument.span, fix=fix)
        return None

    def _value(self, value: ast.Value, *, whole: bool = False) -> Any:
        try:
            return evaluate(value, self.context.scope, whole=whole)
        except ValueProblem as problem:
            self.context.error(problem.code, problem.message, problem.span, fix=problem.fix)
            return UNKNOWN

    def _parts(
        self,
        command: ast.Command,
        scope: Scope,
        known: dict[str, None],
        given: set[str],
        example: str,
        arguments: Iterable[ast.Argument] | None = None,
    ) -> list[tuple[str | None, Span]]:
        """Return the parts that a command names, and where; None is all of the network."""
        self.context.scope = scope.values
        arguments = [a for a in command.arguments if not a.key] if arguments is None else arguments
        found: list[tuple[str | None, Span]] = []
        for argument in arguments:
            value = argument.value
            meant = scope.values.get(value.text) if isinstance(value, ast.Word) else None
            if meant is UNKNOWN:
                continue
            value = meant if isinstance(meant, ast.Word) else value
            if isinstance(value, ast.Word) and value.text == ALL:
                found.append((None, argument.span))
                continue
            text = value.text if isinstance(value, ast.Word) else value.value if isinstance(value, ast.String) else ""
            if not text:
                self.context.error("E0207", "a part is a word", argument.span, fix=f"for example `{example}`")
                continue
            part = scope.uses.get(text) or scope.labels.get(text, text)
            if part in known:
                found.append((part, argument.span))
            elif part in given:
                fix = f"name a layer or the use of a block: {_known(scope, known, given)}" if known else ""
                self.context.error("E0215", f"`{text}` is an input, and has no weights", argument.span, fix=fix)
            elif not self._is_broken(scope, text):
                near = nearest(text, scope.labels, known)
                fix = f"did you mean `{near}`?" if near else _known(scope, known, given)
                self.context.error("E0215", f"no layer and no block is named `{text}`", argument.span, fix=fix)
        if not command.arguments:
            message = f"`{command.name.text}` needs the label of a layer or of the use of a block, or `all`"
            message = message.removesuffix(", or `all`") if command.name.text == "unfreeze" else message
            self.context.error("E0206", message, command.head, fix=f"for example `{example}`")
        return found

    def _is_broken(self, scope: Scope, text: str) -> bool:
        """Return whether a label was not understood, which is said there."""
        return bool(self.context.diagnostics) and text in scope.frame.reserved

    def _first(self, command: ast.Command, kind: str, part: str | None, span: Span) -> bool:
        """Return whether nothing of the kind was said of a part before; note where it is said."""
        key = f"{kind} {part or ALL}"
        before = self.places.get(key)
        if not before and kind != "rate":
            other = {"freeze": "unfreeze", "unfreeze": "freeze"}[kind]
            before = self.places.get(f"{other} {part or ALL}")
            if before:
                message = f"`{part or ALL}` is frozen and not frozen"
                related = (Related(before.span, f"`{other}` is here"),)
                self.context.error("E0209", message, span, fix="keep one", related=related)
                return False
        if before:
            related = (Related(before.span, "the first is here"),)
            message = f"`{kind} {part or ALL}` is given twice"
            self.context.error("E0209", message, span, fix="keep one", related=related)
            return False
        place = place_of(command, self.context.uses)
        self.places[key] = Place(span, place.text, place.uses)
        return True

    def _unknown_argument(self, command: ast.Command, argument: ast.Argument, known: str) -> None:
        name = command.name.text
        key = argument.key.text if argument.key else ""
        fix = f"it has `{known}=`, a number of epochs" if known else "it takes none with a key"
        if key in {"rate", "factor", "lr"} and name == "rate":
            fix = "the factor stands last: `rate stem 0.1`"
        self.context.error("E0202", f"`{name}` has no argument `{key}`", argument.span, fix=fix)


def _outside(path: str) -> bool:
    posix, windows = PurePosixPath(path), PureWindowsPath(path)
    return posix.is_absolute() or bool(windows.drive) or ".." in posix.parts or path.startswith("~")


def _names_part(value: ast.Value) -> bool:
    return isinstance(value, ast.Word | ast.String)


def _is_label(value: ast.Value, scope: Scope, known: dict[str, None]) -> bool:
    word = value.text if isinstance(value, ast.Word) else ""
    return word not in scope.values and (word in scope.labels or word in scope.uses or word in known)


def _known(scope: Scope, known: dict[str, None], given: set[str]) -> str:
    labels = [name for name in scope.labels if name not in given]
    blocks = [part for part in known if any(other.startswith(f"{part}/") for other in known)]
    names = list(dict.fromkeys([*labels, *blocks, *known]))[:8]
    return f"there are {listing(names, 'and')}" if names else ""
