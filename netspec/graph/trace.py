"""Network to Graph: every layer says itself in operations; all that does not fit is said at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from netspec import ops
from netspec.diagnostics.diagnostic import Diagnostic, Places, Related, SpecError
from netspec.graph.graph import Graph, GraphInput, GraphOutput, Operation, Parameter
from netspec.graph.output_loss import Ending, Misfit, output_loss, two_classes
from netspec.graph.sharing import Owners
from netspec.ir.network import INPUT, Network, Output
from netspec.ir.text import layer_text
from netspec.layers.base import Layer, Mask, Role, Tensor, UnknownLayerError, Weight
from netspec.ops import Op, Shape, ShapeError, format_shape
from netspec.recipe.initializers import Initializer, Ones, Zeros

__all__ = ["MAX_DIAGNOSTICS", "MAX_PARAMETERS", "trace"]

MAX_PARAMETERS = 4_000_000_000
"""More than this is refused before anything is allocated: 16 GB in float32."""

MAX_DIAGNOSTICS = 100
"""After so many mistakes no more are looked for."""

_ONES, _ZEROS = Ones.model_construct(), Zeros.model_construct()
_MAX_VALUES = 4_000_000_000

_STEEP = {"exp", "log", "sqrt"}
"""Functions that have no finite value or slope everywhere."""


def trace(network: Network, places: Places | None = None, *, recorded: bool = False) -> Graph:
    """Trace a network into operations.

    Args:
        network: what was declared.
        places: where in a text each node was declared, for the diagnostics.
        recorded: whether it is what a training kept: there a loss that is not stated follows from the last layer alone,
            whatever the data, for today's trainings state it where the data decides.

    Raises:
        SpecError: with a diagnostic for every node whose input does not fit. What depends on such a node stays silent.
    """
    builder = _Builder(network, places or {})
    builder.check_inputs()
    for node in network.nodes:
        builder.node(node.name, node.inputs)
    outputs = [made for output in network.all_outputs if (made := builder.output(output, recorded=recorded))]
    if builder.diagnostics or len(outputs) < len(network.all_outputs):
        raise SpecError(builder.diagnostics)
    return Graph(
        name=network.name,
        inputs=tuple(GraphInput(i.name, i.shape, i.tokens, i.mask) for i in network.inputs),
        operations=tuple(builder.operations),
        parameters=builder.parameters,
        outputs=_compared(outputs, network),
        nodes={name: value.index for name, value in builder.values.items() if value is not None},
    )


def _compared(outputs: Sequence[GraphOutput], network: Network) -> tuple[GraphOutput, ...]:
    """Return outputs with what they are compared with: of one whose loss needs nothing, what another one is.

    Where the input is to be given again, all are compared with that.
    """
    if len(outputs) == 1:
        return tuple(outputs)
    first = next((o.target for o in outputs if o.loss.compares), outputs[0].target)
    stated = {o.name for o in network.all_outputs if o.target}
    own = set() if network.reconstructs else {o.name for o in outputs if o.loss.compares or o.name in stated}
    return tuple(o if o.name in own else replace(o, target=first) for o in outputs)


class _Builder:
    """The builder that layers are handed; it also keeps what went wrong. A failed node's value is None."""

    def __init__(self, network: Network, places: Places) -> None:
        self.network, self.places = network, places
        self.layers = {node.name: node.layer for node in network.nodes}
        self.reads = {node.name: node.inputs for node in network.nodes}
        self.inputs = {i.name: i for i in network.inputs}
        self.values: dict[str, Tensor | None] = {
            given.name: Tensor(
                index,
                given.shape,
                given.tokens,
                None if given.mask is None else Mask(index, given.shape[0], given.mask),
            )
            for index, given in enumerate(network.inputs)
        }
        self.masks: dict[Mask, Tensor] = {}
        self.mask: Mask | None = None
        """Of what the current node reads."""
        self.owners = Owners(network, self.places)
        self.operations: list[Operation] = []
        self.parameters: dict[str, Parameter] = {}
        self.diagnostics: list[Diagnostic] = []
        self.current = ""
        self.total = 0

    def check_inputs(self) -> None:
        """Note inputs that are too large."""
        for name, given in self.inputs.items():
            if prod(given.shape) > _MAX_VALUES:
                place = self.places.get(name)
                size = f"{format_shape(given.shape)} has {prod(given.shape):,} values"
                message = f"the input {size}; at most {_MAX_VALUES:,} can be"
                self.diagnostics.append(Diagnostic("E0307", message, place.span if place else None))
                self.values[name] = None

    def node(self, name: str, sources: tuple[str, ...]) -> None:
        """Build one node, noting an input that does not fit."""
        self.current = name
        self.values[name] = None
        xs = [x for source in sources if (x := self.values[source]) is not None]
        owner = self.owners.owner(name)
        if len(xs) < len(sources) or (owner and self.values[owner] is None):
            return
        layer = self.layers[name]
        try:
            if any(x.tokens for x in xs) and not layer.reads_tokens:
                raise ShapeError(
                    "E0302", f"`{layer.canonical()}` cannot compute with token numbers", "put `embedding 64` before it"
                )
            self.mask = _common_mask(layer, xs)
            made = layer.join(self, xs)
            if self.mask and not layer.reads_mask:
                made = replace(made, mask=self.mask)
            self.owners.require_all_used(name)
            self.values[name] = made
        except UnknownLayerError:
            pass
        except ShapeError as error:
            if error.fix == "one value takes `sigmoid`":
                error.fix = self._instead_of_softmax(name, xs[0], error.shape)
            error.fix = self._in_the_data(error, layer) or error.fix
            shapes = [format_shape(x.shape) for x in xs]
            related = [
                Related(self.places[source].span, f"this gives {shape}")
                for source, shape in dict(zip(sources, shapes, strict=True)).items()
                if len(xs) > 1 and source in self.places
            ]
            shown = [*shapes[:4], "others"] if len(shapes) > 5 else shapes
            related += self.owners.related(name, error)
            self._shortcut(error, name, [x.shape for x in xs])
            self._report(error, name, f"here the input is {' and '.join(shown)}", related)

    def _instead_of_softmax(self, name: str, x: Tensor, one: Shape) -> str:
        """Return what is meant by a softmax of one value: two classes at the end, a gate elsewhere."""
        if name in {o.node for o in self.network.all_outputs} and not self.network.reconstructs:
            return two_classes(one)
        positions = ", and softmax goes over the channels of each position" if len(x.shape) > 1 else ""
        return f"for one value write `sigmoid`; shares take two or more{positions}"

    def _in_the_data(self, error: ShapeError, layer: Layer) -> str:
        """Return how what `data` reads mends a layer; empty where that is not known."""
        data = self.network.data
        if data is None:
            return ""
        if error.code == "E0316" and data.is_tagged and layer.kind == "fc":
            return "write `pointwise` behind it: each word has a label"
        if error.code == "E0302" and layer.reads_tokens and data.is_table and not data.text:
            return "tokens are made of texts by `text words` in `data`, and of categories by `input COLUMN as NAME`"
        return ""

    def _shortcut(self, error: ShapeError, name: str, shapes: Sequence[Shape]) -> None:
        """Say for a `residual` how its second body, or padding, mends it."""
        residual = name in self.places and self.places[name].text.split()[0] == "residual"
        if error.code == "E0310" and residual:
            error.fix = ops.way_around(shapes[0], shapes[1]) or error.fix

    def weight(
        self, name: str, shape: Shape, *, role: Role, fans: tuple[int, int], init: Initializer | None = None
    ) -> Weight:
        shared = self.owners.shared(self.current, name, shape, role)
        if shared:
            return shared
        path = f"{self.current}/{name}"
        self.owners.declare(self.current, Weight(path, shape), role)
        self.parameters[path] = Parameter(path, shape, role, fans, init or self._default(role))
        self.total += prod(shape)
        if self.total > MAX_PARAMETERS:
            raise ShapeError(
                "E0307",
                f"{self.current} brings the network to {self.total:,} parameters; at most {MAX_PARAMETERS:,} can be",
                f"its {name} alone is {format_shape(shape)}: use fewer units, or pool before it",
            )
        return Weight(path, shape)

    def _default(self, role: Role) -> Initializer:
        init = self.network.init
        return {"kernel": init.kernel, "bias": init.bias, "scale": _ONES, "state": _ZEROS}[role]

    def valid(self, mask: Mask) -> Tensor:
        if mask not in self.masks:
            tokens = Tensor(mask.source, (mask.length,))
            self.masks[mask] = self.apply(ops.ValidPositions(mask.token, mask.before), tokens)
        return self.masks[mask]

    def apply(self, op: Op, x: Tensor | Sequence[Tensor], *weights: Weight) -> Tensor:
        xs = (x,) if isinstance(x, Tensor) else tuple(x)
        if isinstance(op, ops.Divide) or (isinstance(op, ops.Activation) and op.function in _STEEP):
            xs = tuple(map(self._with_ones, xs))
        shapes = [*(x.shape for x in xs), *(w.shape for w in weights)]
        shape = op.shape(*shapes)
        if prod(shape) > _MAX_VALUES:
            raise ShapeError(
                "E0307", f"its output {format_shape(shape)} has {prod(shape):,} values for one example alone"
            )
        out = Tensor(len(self.inputs) + len(self.operations), shape)
        paths = tuple(w.path for w in weights)
        flops = op.flops(shape, *shapes)
        self.operations.append(Operation(op, tuple(x.index for x in xs), paths, out.index, shape, self.current, flops))
        return out

    def _with_ones(self, x: Tensor) -> Tensor:
        """Return a value with 1 at padding: an infinite slope there would make a gradient of 0 no number."""
        if self.mask is None or x.shape[1:] != (self.mask.before + self.mask.length,):
            return x
        return self.apply(ops.OnePadding(), (x, self.valid(self.mask)))

    def output(self, output: Output, *, recorded: bool) -> GraphOutput | None:
        """Return an output with its loss: as stated, else the one that goes with its last layer and the data.

        A stated one must fit. None where what makes the output could not be built.

        Args:
            output: as declared.
            recorded: as for `trace`.
        """
        value = self.values.get(output.node)
        if value is None:
            return None
        made = {o.output: o for o in self.operations}
        loss, misfits = output_loss(self.network, output, Ending(value, made), recorded=recorded)
        for misfit in misfits:
            self._misfit(misfit, output)
        return GraphOutput(output.name, value.index, value.index, loss, output.weight, output.target_name, value.mask)

    def _misfit(self, misfit: Misfit, output: Output) -> None:
        """Report what does not fit of an output; what is wrong with the data's settings is said once, there."""
        error = misfit.error
        if not misfit.of_data:
            self._report(error, output.node, misfit.label, self._stated_loss(output) if misfit.loss_shown else ())
        elif not any(d.message == error.message for d in self.diagnostics):
            place = self.places.get("data")
            self.diagnostics.append(Diagnostic(error.code, error.message, place.span if place else None, fix=error.fix))

    def _stated_loss(self, output: Output) -> list[Related]:
        place = self.places.get(f"output {output.name}" if output.loss else "train")
        stated = self.network.stated_loss(output.name)
        return [Related(place.span, "the loss is stated here")] if place and stated else []

    def _report(self, error: ShapeError, name: str, label: str, related: Sequence[Related] = ()) -> None:
        if len(self.diagnostics) > MAX_DIAGNOSTICS:
            return
        place = self.places.get(name)
        uses = place.uses if place else ()
        self.diagnostics.append(
            Diagnostic(
                error.code,
                error.message if place else f"{name}: {error.message}",
                place.span if place else None,
                label,
                (f"trail: {self._trail(name)}",),
                error.fix + self._or_drop_a_pool(error, name) + self._channels_last(error),
                (*related, *reversed(uses)),
            )
        )

    def _or_drop_a_pool(self, error: ShapeError, name: str) -> str:
        """Return the other way to mend a kernel that is too large: the last pooling before it made the image small."""
        if error.code != "E0301":
            return ""
        pools = {o.node for o in self.operations if isinstance(o.op, ops.MaxPool | ops.AvgPool)}
        node = name
        while self.reads[node][0] not in self.inputs:
            node = self.reads[node][0]
            if node in pools and node in self.places:
                place = self.places[node]
                return f", or drop `{place.text}` on line {place.span.line}"
        return ""

    def _channels_last(self, error: ShapeError) -> str:
        """Return the hint that channels come first, where a kernel does not fit an input that has them last."""
        shape = self.network.inputs[0].shape
        if error.code != "E0301" or len(shape) != 3 or shape[2] not in {1, 3} or min(shape[:2]) <= 3:
            return ""
        return f"; channels come first: `input {format_shape((shape[2], shape[0], shape[1]))}`"

    def _trail(self, name: str) -> str:
        """Return how the shape came to be: `input 1x12x12 → conv 20 5x5 → 20x8x8 → …`, the last few steps of it."""
        steps = [self._words(name)]
        node = name
        while node not in self.inputs and len(steps) < 14:
            node = self.reads[node][0]
            value = self.values[node]
            assert value is not None
            shape = format_shape(value.shape)
            called = f"input {shape}" if node == INPUT else f"input {shape} as {node}"
            steps += [called] if node in self.inputs else [shape, self._words(node)]
        steps.reverse()
        return " → ".join(["…", *steps[-12:]] if len(steps) > 13 else steps)

    def _words(self, name: str) -> str:
        return self.places[name].text if name in self.places else layer_text(self.layers[name])


def _common_mask(layer: Layer, xs: Sequence[Tensor]) -> Mask | None:
    """Return which positions of what a layer reads are padding; None where there is none.

    Raises:
        ShapeError: the layer would take padding for values, or there are several paddings.
    """
    masks = {x.mask for x in xs if x.mask}
    if not masks:
        return None
    name = layer.canonical()
    if not layer.positionwise and not layer.reads_mask:
        fix = "put `globalpool`, `take last` or a recurrent layer with `last` before it, or leave `mask=` out"
        raise ShapeError("E0316", f"`{name}` would take padding for values", _INSTEAD.get(name, fix))
    if len(masks) > 1 and not layer.reads_mask:
        raise ShapeError("E0316", f"`{name}` reads sequences with different padding", "merge what is pooled of each")
    return masks.pop()


_INSTEAD = {
    "batchnorm": "use `layernorm`, which goes over the features of each position",
    "groupnorm": "use `layernorm`, which goes over the features of each position",
    "instancenorm": "use `layernorm`, which goes over the features of each position",
    "pool": "use `globalpool max`, which knows what is padding",
    "coordinates": "use `position sinusoidal`: the place among all positions depends on how many are padding",
    "avgpool": "use `globalpool`, which knows what is padding",
}
"""What knows padding, in place of what does not."""
