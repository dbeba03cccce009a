"""Floor 4: AST to Network: what each command means, and, apart from it, where all of it was declared."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from netspec.binding import Context, bind, bind_settings
from netspec.diagnostics import Diagnostic, Place, Places, Span, listing, nearest
from netspec.inputs import Input, read_input
from netspec.ir import DataSource, Init, Network, Node, Recipe
from netspec.layers import LAYER_NAMES
from netspec.layers.base import Broken, Layer
from netspec.recipe import datasets
from netspec.recipe.settings import Shuffle
from netspec.signature import Shape, parameters
from netspec.syntax import ast
from netspec.values import ValueProblem, evaluate

__all__ = ["MAX_DIAGNOSTICS", "Elaboration", "elaborate"]

MAX_DIAGNOSTICS = 100
"""After so many mistakes the rest of a file is not looked at."""


@dataclass(frozen=True)
class Elaboration:
    """What became of a source text.

    Attributes:
        network: the validated network; where there were mistakes, one that is only good for finding more of them,
            with placeholders for what could not be understood; None when not even that could be made.
        places: where each node, and `input`, `data`, `train`, were declared.
        diagnostics: all that is wrong so far.
    """

    network: Network | None
    places: Places
    diagnostics: tuple[Diagnostic, ...]


def elaborate(file: ast.File, *, name: str, lets: Mapping[str, Any] | None = None) -> Elaboration:
    """Give every command of a file its meaning.

    Args:
        file: the parsed text.
        name: what the network is called.
        lets: values that replace those of `let` commands, by name.
    """
    elaborator = _Elaborator(file, dict(lets or {}))
    for command in file.commands:
        if len(elaborator.context.diagnostics) >= MAX_DIAGNOSTICS:
            elaborator.context.error("E0002", "there are too many mistakes to name them all", command.name.span)
            break
        elaborator.command(command)
    return elaborator.finish(name)


@dataclass
class _Declared:
    """What the commands have said so far."""

    input: Input | None = None
    init: Init | None = None
    data: DataSource | None = None
    recipe: Recipe | None = None
    layers: list[tuple[ast.Command, Layer]] = field(default_factory=list)


class _Elaborator:
    """One pass over the commands of a file."""

    def __init__(self, file: ast.File, lets: dict[str, Any]) -> None:
        self.file, self.lets = file, lets
        self.scope: dict[str, Any] = {}
        self.context = Context(self.scope)
        self.declared = _Declared()
        self.places: dict[str, Place] = {}
        self.handlers: dict[str, Callable[[ast.Command], None]] = {
            "input": self._input,
            "let": self._let,
            "init": self._init,
            "data": self._data,
            "train": self._train,
        }

    # --- commands -----------------------------------------------------------------------------------------------

    def command(self, command: ast.Command) -> None:
        """Dispatch on the command's name."""
        name = command.name.text
        if name in self.handlers:
            if name != "let" and name in self.places:
                first = self.places[name].span
                self._error(
                    "E0209",
                    f"`{name}` is given twice",
                    command.name.span,
                    fix=f"the first is on line {first.line}",
                )
                return
            if command.label:
                self._error("E0211", f"`{name}` takes no label", command.label.span, fix="only layers are labelled")
            self.places[name] = _place(command)
            self.handlers[name](command)
        elif name in LAYER_NAMES:
            self._layer(command)
        else:
            self._unknown(command)

    def _unknown(self, command: ast.Command) -> None:
        name = command.name.text
        near = nearest(name, [*LAYER_NAMES, *self.handlers])
        settings = {p.name for p in (*parameters(Recipe), *parameters(DataSource))}
        if name in settings:
            owner = "train" if name in Recipe.model_fields else "data"
            fix = f"`{name}` belongs inside `{owner} {{ … }}`"
        else:
            fix = f"did you mean `{near}`?" if near else "`netspec layers` lists all layers"
        self._error("E0201", f"unknown layer or command `{name}`", command.name.span, fix=fix)
        self.declared.layers.append((command, Broken()))

    def _input(self, command: ast.Command) -> None:
        self._no_body(command)
        self.declared.input = read_input(command, self.context)

    def _let(self, command: ast.Command) -> None:
        self._no_body(command)
        if len(command.arguments) != 1 or command.arguments[0].key is None or command.arguments[0].relation != "=":
            self._error("E0206", "`let` needs a name and a value", command.head, fix="for example `let width = 64`")
            return
        key, value = command.arguments[0].key, command.arguments[0].value
        if key.text in self.scope:
            self._error(
                "E0209",
                f"`let {key.text}` is given twice",
                key.span,
                fix="a name has one value: choose another",
            )
        elif key.text in _reserved():
            self._error("E0213", f"`{key.text}` already means something else", key.span, fix="choose another name")
        else:
            found = self.lets.pop(key.text, None)
            found = self._value(value) if found is None else found
            self.scope[key.text] = 1 if found is None else found

    def _init(self, command: ast.Command) -> None:
        self._no_body(command)
        self.declared.init = bind(Init, command.name, command.arguments, self.context)

    def _data(self, command: ast.Command) -> None:
        arguments, fallback = self._split_else(command)
        data = bind_settings(DataSource, command.name, arguments, command.bodies, self.context)
        if data and fallback:
            data = data.model_copy(update={"fallback": _text(fallback.value)})
        if data:
            written = [a for c in _inner(command) for a in c.arguments]
            for name in (data.name, data.fallback):
                self._known_dataset(name, written, command)
        self.declared.data = data

    def _split_else(self, command: ast.Command) -> tuple[list[ast.Argument], ast.Argument | None]:
        """Take `else NAME` out of the arguments."""
        arguments = list(command.arguments)
        at = next(
            (i for i, a in enumerate(arguments) if isinstance(a.value, ast.Word) and a.value.text == "else"),
            None,
        )
        if at is None or arguments[at].key is not None:
            return arguments, None
        if at + 1 >= len(arguments) or _text(arguments[at + 1].value) is None:
            fix = "for example `data mnist else digits`"
            self._error("E0206", "`else` needs the name of a dataset", arguments[at].span, fix=fix)
            return arguments[:at], None
        return arguments[:at] + arguments[at + 2 :], arguments[at + 1]

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
            fix = (
                f"did you mean `{near}`?" if near else f"built in are {listing(names, 'and')}; a path stands in quotes"
            )
            self._error("E0401", f"unknown dataset `{name}`", span, fix=fix)
        elif Path(name).is_absolute() or ".." in Path(name).parts:
            fix = "put the file beside the spec, or give it with --data PATH"
            self._error("E0403", "a spec reads no file outside its own folder", span, fix=fix)

    def _train(self, command: ast.Command) -> None:
        self.declared.recipe = bind_settings(Recipe, command.name, command.arguments, command.bodies, self.context)

    def _layer(self, command: ast.Command) -> None:
        self._no_body(command)
        layer = bind(LAYER_NAMES[command.name.text], command.name, command.arguments, self.context)
        self.declared.layers.append((command, layer or Broken()))

    # --- the whole ----------------------------------------------------------------------------------------------

    def finish(self, name: str) -> Elaboration:
        """Name the nodes and put the network together."""
        for unused in self.lets:
            near = nearest(unused, self.scope)
            known = f"did you mean `{near}`?" if near else f"it has {listing(list(self.scope))}" if self.scope else ""
            self.context.diagnostics.append(
                Diagnostic("E0210", f"the spec has no `let {unused}`", fix=known or "it has no `let` at all")
            )
        start = Span(self.file.source, 1, 1, 1, 2)
        if not self.declared.layers:
            self._error("E0404", "the spec has no layers", start, fix="add at least one, for example `fc 10 softmax`")
        found = self._declared_input(start)
        nodes = self._nodes()
        network = None
        if found and nodes:
            d = self.declared
            kept = {"tokens": found.tokens, "init": d.init, "data": d.data, "recipe": d.recipe}
            parts = {key: value for key, value in kept.items() if value is not None}
            network = _network(name=name, input=found.shape, nodes=nodes, valid=not self.context.diagnostics, **parts)
        return Elaboration(network, self.places, tuple(self.context.diagnostics))

    def _declared_input(self, start: Span) -> Input | None:
        """Return the input as declared, else as the dataset has it."""
        if self.declared.input or "input" in self.places:
            return self.declared.input
        data = self.declared.data
        for candidate in (data.name, data.fallback) if data else ():
            info = datasets.find(candidate) if candidate else None
            if info:
                return Input(info.shape)
        if data or "data" not in self.places:
            fix = "say it: `input 1x28x28` (channels x height x width), or name a built-in dataset: `data mnist`"
            self._error("E0306", "the shape of the input is not known", start, fix=fix)
        return None

    def _nodes(self) -> tuple[tuple[str, Layer, str], ...]:
        """Return (name, layer, input) of every layer; unlabelled ones are numbered by kind, as in `conv_2`."""
        labels = {c.label.text for c, _ in self.declared.layers if c.label}
        counts: Counter[str] = Counter()
        nodes, previous = [], "input"
        for command, layer in self.declared.layers:
            name = self._label(command) or _numbered(layer.canonical(), counts, labels)
            nodes.append((name, layer, previous))
            self.places[name] = _place(command)
            previous = name
        return tuple(nodes)

    def _label(self, command: ast.Command) -> str | None:
        if command.label is None:
            return None
        label = command.label
        place = self.places.get(label.text)
        if place or label.text == "input":
            other = f"line {place.span.line} has it" if place else "it is the network's input"
            self._error("E0214", f"the name `{label.text}` is taken", label.span, fix=f"choose another; {other}")
            return None
        if len(label.text) > 200:
            self._error("E0214", "this label is too long", label.span, fix="at most 200 characters")
            return None
        return label.text

    # --- helpers ------------------------------------------------------------------------------------------------

    def _value(self, value: ast.Value) -> Any:
        try:
            return evaluate(value, self.scope)
        except ValueProblem as problem:
            self._error(problem.code, problem.message, problem.span, fix=problem.fix)
            return None

    def _no_body(self, command: ast.Command) -> None:
        if command.bodies:
            message = f"`{command.name.text}` takes no body"
            self._error("E0211", message, command.bodies[0].span, fix="remove `{ … }`")

    def _error(self, code: str, message: str, span: Span, *, fix: str = "") -> None:
        self.context.error(code, message, span, fix=fix)


def _network(
    *, name: str, input: Shape, nodes: tuple[tuple[str, Layer, str], ...], valid: bool, **parts: Any
) -> Network:
    """Build the network; one with placeholders is not validated, for it is only looked at for further mistakes."""
    if valid:
        made = tuple(Node(name=n, layer=layer, inputs=(source,)) for n, layer, source in nodes)
        return Network(name=name, input=input, nodes=made, **parts)
    loose = tuple(Node.model_construct(name=n, layer=layer, inputs=(source,)) for n, layer, source in nodes)
    return Network.model_construct(name=name, input=input, nodes=loose, **parts)


def _numbered(kind: str, counts: Counter[str], taken: set[str]) -> str:
    while True:
        counts[kind] += 1
        name = f"{kind}_{counts[kind]}"
        if name not in taken:
            return name


def _place(command: ast.Command) -> Place:
    """Return where a command stands and its words, without bodies."""
    span = command.head
    lines = [span.source.line(span.line)[span.column - 1 :]] if span.end_line > span.line else []
    text = lines[0] if lines else span.source.line(span.line)[span.column - 1 : span.end_column - 1]
    return Place(span, " ".join(text.split()))


def _inner(command: ast.Command) -> list[ast.Command]:
    """Return a command and those of its bodies."""
    return [command, *(c for body in command.bodies for c in body.commands)]


def _text(value: ast.Value) -> str | None:
    return value.text if isinstance(value, ast.Word) else value.value if isinstance(value, ast.String) else None


def _reserved() -> set[str]:
    """Words that a `let` may not take, for they would then change what other lines mean."""
    words = {w for cls in {*LAYER_NAMES.values(), Init, Shuffle} for p in parameters(cls) for w in p.choices}
    return words | set(LAYER_NAMES) | {"input", "let", "init", "data", "train", "as", "else", "true", "false"}
