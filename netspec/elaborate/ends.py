"""The two ends of a network: what flows in (`input`), what it gives (`output`), and layers that nothing reads."""

from __future__ import annotations

from dataclasses import replace

from netspec.diagnostics.diagnostic import Place, Related, Span, listing
from netspec.elaborate.binder import bind
from netspec.elaborate.context import Context
from netspec.elaborate.data_words import DataWords
from netspec.elaborate.declarations import Declarations
from netspec.elaborate.inputs import read_input
from netspec.elaborate.node_names import place_of
from netspec.elaborate.scope import Scope
from netspec.elaborate.wiring import Placed, Wiring
from netspec.ir.network import INPUT, Input, Output
from netspec.recipe import catalog as datasets
from netspec.recipe.settings import OutputSettings
from netspec.syntax import ast
from netspec.syntax.printer import print_value

__all__ = ["Ends"]


class Ends:
    """The inputs and outputs declared so far."""

    def __init__(self, context: Context, places: dict[str, Place], wiring: Wiring) -> None:
        self.context, self.places, self.wiring = context, places, wiring
        self.inputs: list[Input] = []
        self.of_data = DataWords(None, {})
        self.named: list[tuple[str, Span]] = []
        """The inputs as they are written, also those that are wrong: a name, or nothing, and where."""
        self.missed = False
        """Whether a command was meant to be `input`, or would have brought it: a dataset, a file to include."""
        self.outputs: list[ast.Command] = []

    # --- input ------------------------------------------------------------------------------------------------------

    def input(self, command: ast.Command, scope: Scope) -> None:
        """Take an `input`; of several each has a name, which is a label that layers read."""
        if not scope.top:
            fix = "move it out of the braces"
            self.context.error("E0217", "`input` belongs at the top of a spec", command.name.span, fix=fix)
            self.missed = True
            return
        label = command.label
        unnamed = next((span for name, span in self.named if not name or not label), None)
        if unnamed:
            related = Related(self.named[0][1], "the first is here")
            fix = "keep one; several have names, each its own: `input … as left`"
            self.context.error("E0209", "`input` is given twice", command.name.span, fix=fix, related=(related,))
            self._stand_in(label, scope)
            return
        if command.bodies:
            self.context.error("E0211", "`input` takes no body", command.bodies[0].span, fix="remove `{ … }`")
        place = place_of(command, self.context.uses)
        name = self.wiring.names.of_label(command, scope) if label else INPUT
        self.named.append((label.text if label else "", command.head))
        asked = self.of_data.asked.get(label.text if label else INPUT)
        sized = [a for a in command.arguments if isinstance(a.value, ast.Size)]
        if asked and sized:
            only = replace(command, arguments=tuple(sized))
            found = read_input(only, name or INPUT, self.context)
            found = found and found.model_copy(update={"columns": asked})
        elif asked:
            found = self._of_columns(asked, name, command.head)
        else:
            found = read_input(command, name or INPUT, self.context)
        if found is None or name is None:
            self.missed = True
            self._stand_in(label, scope)
            return
        self.places[name] = place
        self.inputs.append(found)
        if label:
            scope.labels[label.text] = name

    def _of_columns(self, asked: tuple[str, ...], name: str | None, span: Span) -> Input | None:
        """Return an input that names columns of a table; None where the table cannot be read, which is said of it."""
        found = self.of_data.survey
        given = next((i for i in found.inputs if i.columns == asked), None) if found else None
        if found and given and given.name in found.files:
            fix = f"write `input {asked[0]} 3x64x64 as {given.name}` (channels x height x width)"
            self.context.error("E0306", f"the size that pictures of {asked[0]} get is not known", span, fix=fix)
            return None
        return given.model_copy(update={"name": name or INPUT}) if given else None

    def _stand_in(self, label: ast.Name | None, scope: Scope) -> None:
        """Let a name be known whose input was wrong: that is said there."""
        if label:
            scope.labels.setdefault(label.text, INPUT)

    def resolve_inputs(self, start: Span, declared: Declarations, of_data: DataWords) -> tuple[Input, ...]:
        """Return the inputs as declared, else the one that the dataset has; none where that is not known."""
        if self.inputs or self.named or self.missed:
            return tuple(self.inputs) if len(self.inputs) == len(self.named) else ()
        data = declared.data
        for candidate in (data.name, data.fallback) if data else ():
            info = datasets.find(candidate) if candidate else None
            if info:
                return (Input(shape=info.shape),)
        if data and of_data.survey and of_data.survey.data.name == data.name:
            unclear = of_data.survey.unclear
            if not of_data.survey.inputs and unclear:
                self.context.error("E0306", f"{data.name}: {unclear[0]}", start, fix=unclear[1])
            elif not of_data.survey.inputs:
                fix = "say which size they get: `input 3x64x64` (channels x height x width)"
                message = f"the pictures of {data.name} are of different sizes, or large"
                self.context.error("E0306", message, start, fix=fix)
            return of_data.survey.inputs
        if of_data.error:
            return ()
        if any(d.code in {"E0401", "E0403", "E0404"} for d in self.context.diagnostics):
            return ()
        if data and data.is_text:
            fix = (
                "say it: `input 200 tokens=10001 mask=0` is right for `text words length=200 size=10000`; in place of "
                "`classes` write their number"
            )
            message = f"{data.name} is too large to be read before the training, so the input is not known"
            self.context.error("E0306", message, start, fix=fix)
            return ()
        if data or "data" not in self.places:
            fix = "say it: `input 1x28x28` (channels x height x width), or name a built-in dataset: `data mnist`"
            if data and data.is_table:
                # A small one would have said it.
                fix = "say how many numbers a row of this large table becomes: `input 32`"
            self.context.error("E0306", "the shape of the input is not known", start, fix=fix)
        return ()

    def joined(self, nodes: list[Placed]) -> list[Placed]:
        """Return the nodes with what they read by its name: `input` is the only one, however that is called."""
        if len(self.inputs) == 1:
            (one,) = self.inputs
            return [node.reading({INPUT: one.name}) for node in nodes] if one.name != INPUT else nodes
        lost = [node for node in nodes if INPUT in node.inputs]
        if len(self.inputs) > 1 and lost:
            if not self.context.diagnostics:
                names = [f"`from {i.name}`" for i in self.inputs]
                place = self.places[lost[0].name]
                message = f"`{place.text}` does not say which of the {len(names)} inputs it reads"
                fix = f"put {listing(names, 'or')} before it"
                _, *merged = lost[0].inputs
                if len(merged) > 1 and all(name in {i.name for i in self.inputs} for name in merged):
                    # What is named first flows in.
                    fix = f"write `from {merged[0]}; {' '.join([lost[0].layer.canonical(), *merged[1:]])}`"
                self.context.error("E0221", message, place.span, fix=fix, related=place.uses)
            unread = {node.name for node in lost}
            return [node if node.name not in unread else node.without(self.inputs[0].name) for node in nodes]
        return nodes

    # --- output -----------------------------------------------------------------------------------------------------

    def output(self, command: ast.Command, scope: Scope) -> None:
        """Take an `output`; which layer it names is known when all are."""
        if not scope.top:
            fix = "move it out of the braces"
            self.context.error("E0217", "`output` belongs at the top of a spec", command.name.span, fix=fix)
        elif not command.arguments or command.arguments[0].key or command.arguments[0].relation != "=":
            fix = "for example `output kind`, where a layer is labelled `kind`"
            self.context.error("E0206", "`output` needs the label of a layer", command.head, fix=fix)
        else:
            if command.bodies:
                self.context.error("E0211", "`output` takes no body", command.bodies[0].span, fix="remove `{ … }`")
            self.outputs.append(command)

    def resolve_outputs(self, scope: Scope) -> tuple[Output, ...]:
        """Return the outputs as declared: none where the last layer is the output."""
        found: dict[str, Output] = {}
        for command in self.outputs:
            label, *arguments = command.arguments
            more = next((a for a in arguments if self._is_label(a, scope)), None)
            if more is not None:
                fix = f"give each a line of its own: `output {print_value(more.value)}`"
                self.context.error("E0203", "an `output` names one layer", more.span, fix=fix)
                continue
            node = self.wiring.names.node(label, scope, "no layer")
            settings = bind(OutputSettings, command.name, arguments, self.context)
            if node is None or settings is None:
                continue
            value = label.value
            text = value.text if isinstance(value, ast.Word) else value.value if isinstance(value, ast.String) else ""
            name = command.label.text if command.label else text
            if node not in self.wiring.kinds:
                fix = "an output is what a layer gives; `identity` makes one of an input"
                self.context.error("E0405", f"`{text}` is an input, and no output", label.span, fix=fix)
            elif name in found:
                related = Related(self.places[f"output {name}"].span, "the first is here")
                message = f"the output `{name}` is given twice"
                self.context.error("E0209", message, command.head, fix="keep one", related=(related,))
            elif name in {i.name for i in self.inputs}:
                fix = f"give it another name: `output {text} as {name}_out`"
                self.context.error("E0214", f"an input is named `{name}` too", command.head, fix=fix)
            else:
                self.places[f"output {name}"] = place_of(command, self.context.uses)
                found[name] = Output(
                    name=name, node=node, loss=settings.loss, weight=settings.weight, target=settings.target
                )
        self._forgotten_from(list(found.values()))
        return tuple(found.values())

    def _is_label(self, argument: ast.Argument, scope: Scope) -> bool:
        return argument.key is None and isinstance(argument.value, ast.Word) and argument.value.text in scope.labels

    def _forgotten_from(self, outputs: list[Output]) -> None:
        """Note an output that reads the probabilities of another one, only because that is on the line above."""
        nodes = {node.name: node for node in self.wiring.nodes}
        given = {output.node: output.name for output in outputs}
        for number, node in enumerate(self.wiring.nodes):
            (above, *more) = node.inputs
            if node.name not in given or above not in given or more or number in self.wiring.jumped:
                continue
            layer = nodes[above].layer
            ends = getattr(layer, "activation", None) or layer
            if ends.canonical() in {"softmax", "sigmoid"}:
                place, before = self.places[node.name], nodes[above].inputs[0]
                label = self.wiring.names.labelled.get(before, before if before not in nodes else "LABEL")
                message = f"`{place.text}` reads the output `{given[above]}`, behind its {ends.canonical()}"
                self.context.note(f"{message}; `from {label}` before it makes two heads of one layer", place.span)

    # --- what nothing reads -----------------------------------------------------------------------------------------

    def require_read(self, nodes: list[Placed], outputs: tuple[Output, ...], at: Span) -> None:
        """Report what no layer reads and is no output: a forgotten branch is a mistake."""
        if self.context.diagnostics:
            return
        end = self.wiring.cursor
        ends = {o.node for o in outputs} or {end}
        for node in nodes:
            if node.name not in self.wiring.read and node.name not in ends:
                self._unread(node, end, bool(outputs))
        read = {name for node in nodes for name in node.inputs}
        for given in self.inputs:
            if given.name not in read and nodes and end != INPUT:
                place = self.places[given.name]
                fix = f"put `from {given.name}` before the layer that is to read it, or remove it"
                self.context.error("E0222", f"no layer reads the input `{given.name}`", place.span, fix=fix)
        if nodes and not outputs and end not in self.wiring.kinds:
            message = "the network's output is its input: the last `from` jumps over all layers"
            self.context.error("E0405", message, at)

    def _unread(self, node: Placed, end: str, several: bool) -> None:
        place = self.places[node.name]
        message = f"nothing reads the output of `{place.text}`, and a network has one output"
        label = self.wiring.names.labelled.get(node.name, "a")
        fix = f"merge it, for example with `concat {label}`, or remove it"
        if node.name not in self.wiring.names.labelled:
            fix = f"label it (`{_labelled(place.text, node)}`), then `concat a`; or remove it"
        last = self.places.get(end)
        related = (Related(last.span, "the network's output is here"),) if last else ()
        if several:
            message, related = f"nothing reads the output of `{place.text}`, and no `output` names it", ()
            fix = f"say `output {label}`" if node.name in self.wiring.names.labelled else f"{fix}, or `output a`"
        self.context.error("E0405", message, place.span, fix=fix, related=(*related, *place.uses))


def _labelled(text: str, node: Placed) -> str:
    """Return the words of a command with a label behind them."""
    if text.startswith("branch"):
        return f"branch {{ … }} {{ … }} {node.layer.canonical()} as a"
    return "residual { … } as a" if text.startswith("residual") else f"{text} as a"
