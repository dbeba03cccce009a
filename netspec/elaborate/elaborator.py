"""AST to Network: what each command means, and, apart from it, where all of it was declared."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import repeat
from pathlib import Path
from typing import Any, TypeAlias

from netspec.diagnostics.diagnostic import Diagnostic, Place, Places, Related, Span, SpecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.elaborate.blocks import define, hide
from netspec.elaborate.context import Context
from netspec.elaborate.control import Rounds, branches, rounds
from netspec.elaborate.data_words import data_words, other_data, undeclared
from netspec.elaborate.declarations import Declarations
from netspec.elaborate.ends import Ends
from netspec.elaborate.evaluate import UNKNOWN, ValueProblem, evaluate, evaluate_condition, evaluate_word
from netspec.elaborate.includes import Includes
from netspec.elaborate.node_names import TooLargeError
from netspec.elaborate.rebinding import Opened, lost, read_behind
from netspec.elaborate.scope import Scope, labels_in
from netspec.elaborate.suggestions import unknown_command
from netspec.elaborate.tuning import Tuning
from netspec.elaborate.wiring import MAX_DEPTH, Placed, Wiring
from netspec.ir.data_source import DataSource
from netspec.ir.network import Input, Network, Node
from netspec.ir.recipe import Compile, Recipe
from netspec.layers import LAYERS
from netspec.schema.definition import parameters
from netspec.sources.places import OutsideError
from netspec.syntax import ast
from netspec.syntax.printer import print_value
from netspec.system.resources import library_folder

__all__ = ["MAX_DIAGNOSTICS", "Elaboration", "elaborate"]

MAX_DIAGNOSTICS = 100
"""After so many mistakes the rest of a file is not looked at."""


_NO_LAYERS = frozenset({"input", "init", "data", "train", "compile", "assert", "let", "block", "include"})
"""What keeps its meaning even where a block was to take its name."""


@dataclass(frozen=True, slots=True)
class Elaboration:
    """What became of a source text.

    Attributes:
        network: the validated network; where there were mistakes, one that is only good for finding more of them,
            with placeholders for what could not be understood; None when not even that could be made.
        places: where each node, and `input`, `data`, `train`, `compile`, were declared.
        diagnostics: all that is wrong so far.
        notes: what is right, and may be meant otherwise.
    """

    network: Network | None
    places: Places
    diagnostics: tuple[Diagnostic, ...]
    notes: tuple[Diagnostic, ...] = ()


def elaborate(
    file: ast.File, *, name: str, lets: Mapping[str, Any] | None = None, data: str | Path | None = None
) -> Elaboration:
    """Give every command of a file its meaning.

    Args:
        file: the parsed text.
        name: what the network is called.
        lets: values that replace those of `let` commands, by name.
        data: what is learned from in place of the data that the file names.

    Raises:
        DataError: that is a text, and cannot be read.
    """
    elaborator = _Elaborator(file, dict(lets or {}), data)
    try:
        elaborator.run(file.commands, elaborator.scope)
    except TooLargeError:
        # What there is of the network would cost time to look at, and is not what was meant.
        return Elaboration(None, elaborator.places, tuple(elaborator.context.diagnostics))
    except _TooManyMistakesError:
        return Elaboration(None, elaborator.places, (*elaborator.context.diagnostics, _too_many(elaborator.at)))
    return elaborator.finish(name)


def _too_many(span: Span) -> Diagnostic:
    return Diagnostic("E0002", "there are too many mistakes to name them all", span)


class _TooManyMistakesError(Exception):
    """The rest of the file is not looked at."""


_Handler: TypeAlias = Callable[[ast.Command, Scope], None]


class _Elaborator:
    """One walk over the commands of a file, of the files it includes, and of the bodies in them."""

    def __init__(self, file: ast.File, lets: dict[str, Any], data: str | Path | None = None) -> None:
        self.file, self.lets = file, lets
        self.context = Context({}, limit=MAX_DIAGNOSTICS, overridden=frozenset(lets))
        self.places: dict[str, Place] = {}
        self.declared = Declarations(self.context, self.places)
        self.wiring = Wiring(self.context, self.run, self.places)
        self.ends = Ends(self.context, self.places, self.wiring)
        self.tuning = Tuning(self.context, self.places)
        self.includes = Includes(file.source.folder)
        self.given = data
        self.data_words = self.ends.of_data = data_words(file, data, lets)
        self.scope = Scope.of_file(file.commands, self.data_words.values)
        self.depth = 0
        self.opened: list[Opened] = []
        self.judged: set[tuple[int, Any]] = set()
        self.inner: dict[str, Span] = {}
        """Where names get values that end with the body they are given in."""
        self.at = Span(file.source, 1, 1, 1, 2)
        self.handlers: dict[str, _Handler] = {
            **dict.fromkeys(self.declared.once, self.declared.declare),
            "input": self.ends.input,
            "output": self.ends.output,
            **dict.fromkeys(("weights", "freeze", "unfreeze", "rate"), self.tuning.take),
            "assert": self.declared.budget,
            "let": self._let,
            "block": self._block,
            "repeat": self._repeat,
            "for": self._for,
            "if": self._if,
            "else": self._else,
            "include": self._include,
            "residual": self.wiring.residual,
            "branch": self.wiring.branch,
            "from": self.wiring.jump,
        }

    # --- commands -----------------------------------------------------------------------------------------------

    def run(self, commands: Iterable[ast.Command], scope: Scope) -> None:
        """Give some commands their meaning in a scope, one after the other."""
        self.depth += 1
        opened = Opened(tuple(commands), scope)
        self.opened.append(opened)
        for at, command in enumerate(opened.commands):
            opened.at = at
            self.at = command.name.span
            if self.depth > MAX_DEPTH:
                message = f"bodies, blocks and includes are nested deeper than {MAX_DEPTH} levels"
                self.context.error("E0110", message, command.name.span)
                raise TooLargeError
            self.wiring.step(command)
            if self.context.full:
                raise _TooManyMistakesError
            self.context.scope, self.context.blocks, self.context.labels = scope.values, scope.blocks, scope.labels
            self._handler(command, scope)(command, scope)
        self.opened.pop()
        self.depth -= 1

    def _handler(self, command: ast.Command, scope: Scope) -> _Handler:
        """Return what a command's name stands for."""
        name = command.name.text
        if name in scope.misdefined and name not in _NO_LAYERS:
            return self._misdefined
        if name in scope.blocks:
            return self.wiring.use
        if name in self.handlers:
            return self.handlers[name]
        layer = LAYERS.get(name)
        if layer:
            return self.wiring.merge if layer.merges else self.wiring.layer
        return self._unknown

    def _misdefined(self, command: ast.Command, scope: Scope) -> None:
        """Say nothing of the use of a block whose definition was wrong: that is said there."""
        self.wiring.broken(command, scope)

    def _unknown(self, command: ast.Command, scope: Scope) -> None:
        name = command.name.text
        message = f"unknown layer or command `{name}`"
        if not self.context.noted("E0201", message, command.name.span):
            # Looking for what was meant takes a while, and a `repeat` comes here once for each round.
            fix, related = self._what_is_meant(command, scope)
            self.context.error("E0201", message, command.name.span, fix=fix, related=related)
        self.wiring.broken(command, scope)

    def _what_is_meant(self, command: ast.Command, scope: Scope) -> tuple[str, tuple[Related, ...]]:
        """Return the fix for an unknown name, and the place where it is defined, if it is."""
        name = command.name.text
        later = next((c for c in self.file.commands if _defines(c, name)), None)
        if later:
            return "move the block above its first use", (Related(later.head, "the block is defined here"),)
        owners = (("train", Recipe), ("data", DataSource), ("compile", Compile))
        owner = next((o for o, cls in owners if any(p.name == name for p in parameters(cls))), "")
        if owner:
            return f"`{name}` belongs inside `{owner} {{ … }}`", ()
        # An `import` was meant as an `include`, which could have brought the input.
        self.ends.missed = self.ends.missed or name == "import" or nearest(name, ["input"]) is not None
        if name in _library_blocks():
            return f"`include blocks` has it: put that line before `{name}`", ()
        return unknown_command(command, scope.blocks, scope.labels), ()

    def _let(self, command: ast.Command, scope: Scope) -> None:
        self._plain(command)
        if len(command.arguments) != 1 or command.arguments[0].key is None or command.arguments[0].relation != "=":
            self.context.error("E0206", "`let` needs a name and a value", command.head, fix=_let_fix(command.arguments))
            words = [a.key or a.value for a in command.arguments]
            for word in words if command.arguments and command.arguments[0].key else words[:1]:
                if isinstance(word, ast.Name | ast.Word):
                    self._unknown_value(word, scope)
            return
        key, value = command.arguments[0].key, command.arguments[0].value
        place = self.places.get(f"let {key.text}")
        if place and scope.top:
            related = Related(place.span, "the first is here")
            fix = "a name has one value: choose another"
            self.context.error("E0209", f"`let {key.text}` is given twice", key.span, fix=fix, related=(related,))
        elif not hide(key.text, "`let`", key.span, self.context):
            self._unknown_value(key, scope)
        else:
            if scope.top:
                self.places[f"let {key.text}"] = Place(key.span, key.text)
            else:
                self.inner.setdefault(key.text, key.span)
                if key.text in scope.values:
                    self._rebound(command, key, scope)
            given = self.lets.pop(key.text, None) if scope.top else None
            scope.values[key.text] = self._evaluated(value) if given is None else given
            scope.named[key.text] = key.span
            scope.lets += 1

    def _unknown_value(self, name: ast.Name | ast.Word, scope: Scope) -> None:
        """Keep the uses silent of a name whose `let` was wrong."""
        scope.values.setdefault(name.text, UNKNOWN)
        scope.named.setdefault(name.text, name.span)
        scope.lets += 1
        if scope.top:
            self.lets.pop(name.text, None)

    def _rebound(self, command: ast.Command, key: ast.Name, scope: Scope) -> None:
        """Report a `let` in a body that is lost: what has a value already keeps it behind the body."""
        scope.rebound += key.text in scope.values.maps[0]
        # The lines of a body mean the same in each round of a repetition.
        if (id(command), scope.key) in self.judged:
            return
        self.judged.add((id(command), scope.key))
        found = lost(command, key.text, self.opened, scope.blocks)
        if found:
            why, fix = found
            label = "its value before" if key.text in scope.values.maps[0] else f"the `{key.text}` from outside"
            related = (Related(scope.named[key.text], label),)
            self.context.error("E0209", f"this `let {key.text}` is lost: {why}", key.span, fix=fix, related=related)
        elif key.text not in scope.values.maps[0] and read_behind(key.text, self.opened, scope.blocks):
            related = (Related(scope.named[key.text], "this one is read again behind the `}`"),)
            self.context.note(f"this `{key.text}` ends with the `}}`", key.span, related=related)

    def _evaluated(self, value: ast.Value) -> Any:
        try:
            return evaluate_word(value, self.context.scope)
        except ValueProblem as problem:
            self.context.error(problem.code, problem.message, problem.span, fix=problem.fix)
            return UNKNOWN

    def _block(self, command: ast.Command, scope: Scope) -> None:
        if command.label:
            self.context.error("E0211", "`block` takes no label", command.label.span, fix="label its uses")
        define(command, scope, self.context)

    def _repeat(self, command: ast.Command, scope: Scope) -> None:
        if command.label:
            fix = f"a block around it does: `block part {{ repeat … }}; part as {command.label.text}`"
            self.context.error("E0211", "`repeat` takes no label", command.label.span, fix=fix)
        if len(command.arguments) > 1 and not command.arguments[0].key and len(command.bodies) == 1:
            fix = "put what follows the `}` on a line of its own"
            self.context.error("E0205", "`repeat` takes a number and one body", command.arguments[1].span, fix=fix)
        elif len(command.arguments) != 1 or command.arguments[0].key or len(command.bodies) != 1:
            fix = "for example `repeat 3 { conv 64 3x3 pad=same relu }`"
            self.context.error("E0206", "`repeat` needs a number and one body", command.name.span, fix=fix)
            return
        value = command.arguments[0].value
        try:
            count = evaluate(value, scope.values, whole=True)
        except ValueProblem as problem:
            self.context.error(problem.code, problem.message, problem.span, fix=problem.fix)
            return
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            message = "`repeat` needs a whole number, 0 or more"
            self.context.error("E0207", message, value.span, fix="for example `repeat 3 { … }`")
            return
        self.wiring.repeat(command, Rounds(count, {}, repeat({}, count)), scope)
        if command.label:
            # That it cannot have one is said; what reads it says nothing.
            scope.labels[command.label.text] = self.wiring.cursor

    def _for(self, command: ast.Command, scope: Scope) -> None:
        if command.label:
            fix = f"a block around it does: `block part {{ for … }}; part as {command.label.text}`"
            self.context.error("E0211", "`for` takes no label", command.label.span, fix=fix)
        try:
            found = rounds(command, scope.values, scope.labels)
        except ValueProblem as problem:
            self.context.error(problem.code, problem.message, problem.span, fix=problem.fix)
            self._skipped(command, scope)
            return
        names = [hide(name, "name of a `for`", span, self.context) for name, span in found.named.items()]
        if all(names):
            self.wiring.repeat(command, found, scope)
        else:
            self._skipped(command, scope)

    def _if(self, command: ast.Command, scope: Scope) -> None:
        if command.label:
            fix = f"label a layer behind it: `identity as {command.label.text}`"
            self.context.error("E0211", "`if` takes no label", command.label.span, fix=fix)
        try:
            chosen = next(
                (b for b in branches(command) if not b.condition or evaluate_condition(b.condition, scope.values)),
                None,
            )
        except ValueProblem as problem:
            self.context.error(problem.code, problem.message, problem.span, fix=problem.fix)
            self._skipped(command, scope)
            return
        if chosen:
            self.run(chosen.body.commands, scope.way(chosen.body))

    def _else(self, command: ast.Command, scope: Scope) -> None:
        fix = "it stands on the line of the `}` before it: `if (…) { … } else { … }`"
        self.context.error("E0220", "this `else` belongs to no `if`", command.name.span, fix=fix)
        self._skipped(command, scope)

    def _skipped(self, command: ast.Command, scope: Scope) -> None:
        """Stand in for the bodies of a command that was not understood, and for the labels in them."""
        self.wiring.broken(replace(command, label=None), scope)
        for label in labels_in([command]):
            scope.labels.setdefault(label, self.wiring.cursor)

    def _include(self, command: ast.Command, scope: Scope) -> None:
        try:
            path, file = self.includes.read(command)
        except ValueProblem as problem:
            self.context.error(problem.code, problem.message, problem.span, fix=problem.fix)
            self._not_included(command, scope)
            return
        except SpecError as errors:
            here = Related(command.head, "included here")
            self.context.extend(errors.diagnostics, (here,))
            self._not_included(command, scope)
            return
        self.includes.open.append(path)
        with self.context.within(Related(command.head, "included here")):
            self.run(file.commands, scope)
        self.includes.open.pop()

    def _not_included(self, command: ast.Command, scope: Scope) -> None:
        """Blame nothing on what a file that cannot be read would have brought."""
        self.wiring.broken(command, scope)
        self.ends.missed = True

    def _plain(self, command: ast.Command) -> None:
        """Report a body or a label where none belongs."""
        self.wiring.no_body(command)
        if command.label:
            fix = "only layers and blocks are labelled"
            self.context.error("E0211", f"`{command.name.text}` takes no label", command.label.span, fix=fix)

    # --- the whole ----------------------------------------------------------------------------------------------

    def finish(self, name: str) -> Elaboration:
        """Put the network together."""
        self._unused_lets()
        self.context.diagnostics[:] = map(self._ended, self.context.diagnostics)
        start = Span(self.file.source, 1, 1, 1, 2)
        outputs = self.ends.resolve_outputs(self.scope)
        nodes = self.ends.joined(self.wiring.nodes)
        self.tuning.resolve(self.scope, [node.name for node in nodes], self.ends.inputs)
        if not nodes and not self.context.diagnostics:
            if self.scope.blocks and not self.ends.inputs:
                fix = 'include it from a spec: `include "FILE"`, then use its blocks like layers'
                self.context.error("E0404", "there are only blocks here, and no layers", start, fix=fix)
            else:
                fix = "add at least one, for example `fc 10 softmax`"
                self.context.error("E0404", "the spec has no layers", start, fix=fix)
        self.ends.require_read(nodes, outputs, self.at)
        error = self.data_words.error
        if error and "data" in self.places:
            code = "E0403" if isinstance(error, OutsideError) else "E0314"
            self.context.error(code, error.message, self.places["data"].span, fix=error.fix)
        for notice in self.data_words.notices if "data" in self.places else ():
            self.context.note(notice, self.places["data"].span)
        self.declared.data = self.declared.data or undeclared(self.file, self.given)
        inputs = self.ends.resolve_inputs(start, self.declared, self.data_words)
        other = other_data(self.declared.data, self.given) if self.declared.data else None
        self.declared.complete_data(inputs, self.file.source.folder or Path(), other)
        if self.context.full:
            self.context.diagnostics.append(_too_many(self.at))
        network = None
        if inputs and nodes:
            d = self.declared
            kept = {
                "init": d.init,
                "data": d.data,
                "recipe": d.recipe,
                "compile": d.compile,
                "budgets": tuple(d.budgets) or None,
                "outputs": outputs or None,
                "weights": self.tuning.weights,
                "freeze": tuple(self.tuning.freeze) or None,
                "unfreeze": tuple(self.tuning.unfreeze) or None,
                "rates": tuple(self.tuning.rates) or None,
            }
            parts = {key: value for key, value in kept.items() if value is not None}
            network = _network(name=name, inputs=inputs, nodes=nodes, valid=not self.context.diagnostics, **parts)
        return Elaboration(network, self.places, tuple(self.context.diagnostics), tuple(self.context.notes))

    def _ended(self, diagnostic: Diagnostic) -> Diagnostic:
        """Return what is said of an unknown name with the place where a body gave it a value, if one did."""
        name = re.search("no `let` is named `([^`]+)`", diagnostic.message)
        span = self.inner.get(name[1]) if name and diagnostic.code == "E0210" else None
        if span is None:
            return diagnostic
        fix = f"a `let` ends with its `}}`: give `{name[1] if name else ''}` its value outside, above both"
        return replace(diagnostic, fix=fix, related=(Related(span, "it is known in these braces"), *diagnostic.related))

    def _unused_lets(self) -> None:
        for unused in self.lets:
            values = self.scope.values
            near = nearest(unused, values)
            known = f"did you mean `{near}`?" if near else f"it has {listing(list(values))}" if values else ""
            self.context.diagnostics.append(
                Diagnostic("E0210", f"the spec has no `let {unused}`", fix=known or "it has no `let` at all")
            )


def _let_fix(arguments: Sequence[ast.Argument]) -> str:
    """Return how a `let` that is no name and one value would be right."""
    if len(arguments) > 1 and all(a.key and a.relation == "=" for a in arguments):
        each = "; ".join(f"let {a.key.text} = {print_value(a.value)}" for a in arguments if a.key)
        return f"each name has a `let` of its own: `{each}`"
    if len(arguments) == 2 and not any(a.key for a in arguments) and isinstance(arguments[0].value, ast.Word):
        return f"write `let {arguments[0].value.text} = {print_value(arguments[1].value)}`"
    return "for example `let width = 64`"


@cache
def _library_blocks() -> frozenset[str]:
    """Return the names of the blocks that `include blocks` brings."""
    text = library_folder().joinpath("blocks.net").read_text(encoding="utf-8")
    return frozenset(re.findall(r"^block (\w+)", text, re.MULTILINE))


def _defines(command: ast.Command, name: str) -> bool:
    if command.name.text != "block" or not command.arguments:
        return False
    value = command.arguments[0].value
    return name == (
        value.name.text if isinstance(value, ast.Call) else value.text if isinstance(value, ast.Word) else ""
    )


def _network(*, name: str, inputs: tuple[Input, ...], nodes: list[Placed], valid: bool, **parts: Any) -> Network:
    """Build the network; one with placeholders is not validated, for it is only looked at for further mistakes."""
    if valid:
        made = tuple(Node(name=n.name, layer=n.layer, inputs=n.inputs, share=n.share) for n in nodes)
        return Network(name=name, inputs=inputs, nodes=made, **parts)
    loose = tuple(Node.model_construct(name=n.name, layer=n.layer, inputs=n.inputs, share=n.share) for n in nodes)
    return Network.model_construct(name=name, inputs=inputs, nodes=loose, **parts)
