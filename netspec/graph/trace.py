"""Network to Graph: every layer says itself in operations; all that does not fit is said at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import prod

from netspec import ops
from netspec.diagnostics.diagnostic import Diagnostic, Places, Related, SpecError, plural
from netspec.graph.graph import Graph, GraphInput, GraphOutput, Operation, Parameter
from netspec.graph.sharing import Owners
from netspec.ir.network import INPUT, DataSource, Network, Output
from netspec.ir.text import layer_text
from netspec.layers.base import Layer, Mask, Role, Tensor, UnknownLayerError, Weight
from netspec.ops import Activation, Op, Shape, ShapeError, format_shape
from netspec.recipe.catalog import find
from netspec.recipe.class_weights import named_weights, weights_of
from netspec.recipe.initializers import Initializer, Ones, Zeros
from netspec.recipe.losses import Contrastive, CrossEntropy, Ctc, Loss, MeanSquaredError, class_loss, default_loss

__all__ = [
    "MAX_DIAGNOSTICS",
    "MAX_PARAMETERS",
    "follows_from_targets",
    "loss_text",
    "recorded",
    "trace",
    "with_loss",
    "with_losses",
]

MAX_PARAMETERS = 4_000_000_000
"""More than this is refused before anything is allocated: 16 GB in float32."""

MAX_DIAGNOSTICS = 100
"""After so many mistakes no more are looked for."""

_TWO = "two classes take two outputs with softmax, `fc 2 softmax`, or one with sigmoid, `fc 1 sigmoid`"

_HANDING_ON = (
    ops.Concat,
    ops.Reshape,
    ops.Permute,
    ops.Take,
    ops.Dropout,
    ops.Noise,
    ops.GlobalPool,
    ops.AvgPool,
    ops.MaxPool,
)
"""Operations whose outputs lie where their inputs do."""

_UNBOUNDED = {"relu", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "hard_swish", "softplus"}
"""Functions that go as far up as is wanted."""

_ONES, _ZEROS = Ones.model_construct(), Zeros.model_construct()
_MAX_VALUES = 4_000_000_000


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


def recorded(network: Network, graph: Graph) -> Network:
    """Return what a training kept with its loss stated, where today the data would decide; the graph is `recorded`."""
    if len(graph.outputs) > 1 or network.stated_loss(network.all_outputs[0].name) is not None:
        return network
    open_to_data = network.classifies and isinstance(graph.loss, MeanSquaredError)
    return with_loss(network, graph.loss) if open_to_data else network


def with_losses(network: Network, losses: Mapping[str, Loss]) -> Network:
    """Return a network with the losses of some of its several outputs stated, by their names."""
    outputs = (o.model_copy(update={"loss": losses[o.name]}) if o.name in losses else o for o in network.outputs)
    return network.model_copy(update={"outputs": tuple(outputs)})


def follows_from_targets(network: Network, graph: Graph) -> bool:
    """Return whether the loss is that of classes, or of numbers where the targets in a file turn out to be these."""
    open_ = (
        len(graph.outputs) == 1
        and network.stated_loss(graph.outputs[0].name) is None
        and network.classifies
        and graph.ends_in is None
    )
    return open_ and network.data is not None and find(network.data.name) is None


def loss_text(network: Network, graph: Graph) -> str:
    """Return the loss of a network in words; where no data is known yet, also the one that classes would lead to."""
    if len(graph.outputs) > 1:
        return " + ".join(_output_loss_text(network, graph.only(output)) for output in graph.outputs)
    said = graph.loss.canonical()
    stated = network.stated_loss(network.all_outputs[0].name)
    if follows_from_targets(network, graph) and not isinstance(graph.loss, MeanSquaredError):
        return f"{said} (mse where the targets are numbers)"
    if network.data or stated or not isinstance(graph.loss, MeanSquaredError):
        return said
    try:
        classes = trace(network.model_copy(update={"data": DataSource(name="data")})).loss
    except SpecError:
        return said
    return said if classes == graph.loss else f"{said} ({classes.canonical()} where the data has classes)"


def _output_loss_text(network: Network, graph: Graph) -> str:
    """Return the loss of one of several outputs in words; `graph` is of it alone."""
    (output,) = graph.outputs
    said = f"{'' if output.weight == 1 else f'{output.weight:g}·'}{output.loss.canonical()} of {output.name}"
    shape = graph.shape(output.index)
    decided = network.stated_loss(output.name) or graph.ends_in or len(shape) != 1 or shape[0] == 1
    return said if decided else f"{said} ({class_loss(shape[0]).canonical()} where its targets are classes)"


def with_loss(network: Network, loss: Loss) -> Network:
    """Return a network with the loss of its one output stated."""
    if network.outputs:
        return with_losses(network, {network.outputs[0].name: loss})
    return network.model_copy(update={"recipe": network.recipe.model_copy(update={"loss": loss})})


def _wrong_arguments(loss: Loss, outputs: int) -> Iterator[ShapeError]:
    """Yield what is wrong with the arguments of a loss for so many outputs."""
    if isinstance(loss, CrossEntropy) and loss.class_weights:
        weights, names = weights_of(loss.class_weights), named_weights(loss.class_weights)
        if weights and len(weights) != outputs:
            message = f"`class_weights` has {plural(len(weights), 'weight')}, but there are {plural(outputs, 'output')}"
            yield ShapeError("E0318", message, "give one for each class, in their order, or say `balanced`")
        elif len(names) > outputs:
            message = f"`class_weights` names {len(names)} classes, but there are {plural(outputs, 'output')}"
            yield ShapeError("E0318", message, "name those that count more or less than 1")
    if isinstance(loss, Ctc) and loss.blank >= outputs:
        message = f"`blank={loss.blank}` is no class: there are {plural(outputs, 'output')}, counted from 0"
        yield ShapeError("E0318", message, f"say 0 to {outputs - 1}, or let the network end in more outputs")


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
            mask = _common_mask(layer, xs)
            made = layer.join(self, xs)
            if mask and not layer.reads_mask:
                made = replace(made, mask=mask)
            self.owners.require_all_used(name)
            self.values[name] = made
        except UnknownLayerError:
            pass
        except ShapeError as error:
            if error.fix == "one value takes `sigmoid`":
                error.fix = self._instead_of_softmax(name, xs[0])
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

    def _instead_of_softmax(self, name: str, x: Tensor) -> str:
        """Return what is meant by a softmax of one value: two classes at the end, a gate elsewhere."""
        if name in {o.node for o in self.network.all_outputs} and not self.network.reconstructs:
            return _TWO
        positions = ", and softmax goes over the channels of each position" if len(x.shape) > 1 else ""
        return f"for one value write `sigmoid`; shares take two or more{positions}"

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
        loss = self._loss(output, value, recorded=recorded)
        return GraphOutput(output.name, value.index, value.index, loss, output.weight, output.target_name, value.mask)

    def _loss(self, output: Output, value: Tensor, *, recorded: bool) -> Loss:
        name = output.node
        made = next((o for o in self.operations if o.output == value.index), None)
        last = made.op if made else None
        function = last.function if isinstance(last, Activation) else None
        stated = self.network.stated_loss(output.name)
        loss = stated or default_loss(function)
        # Of several outputs the data has targets of several kinds.
        classes = self.network.classifies and len(self.network.all_outputs) == 1
        if stated is None and classes and not recorded and len(value.shape) == 1:
            loss = self._of_classes(name, value, loss)
        if function in loss.refuses:
            other = default_loss(function).canonical()
            self._report(
                ShapeError(
                    "E0402",
                    f"the loss {loss.canonical()} does not fit a last layer with {function}",
                    f"write `loss {other}`, or leave the loss out: it follows from the last layer",
                ),
                name,
                "the last layer",
                self._stated_loss(output),
            )
        elif self.network.reconstructs and len(self.inputs) > 1:
            self._several_again()
        elif self.network.reconstructs and loss.compares:
            self._check_reconstruction(output, value, loss)
        else:
            for error in self._misfits(value, loss):
                one = "the last layer has one output" if error.code == "E0309" else ""
                label = one or f"its output is {format_shape(value.shape)}"
                self._report(error, name, label, self._stated_loss(output))
        return loss

    def _misfits(self, value: Tensor, loss: Loss) -> Iterator[ShapeError]:
        """Yield what is wrong with a loss for outputs of this shape, and for the data that is named."""
        shape, kind, data = value.shape, loss.canonical(), self.network.data
        classes = self.network.classifies and data is not None and find(data.name) is not None
        taken = f"{kind} takes the outputs apart into {loss.parts} equal parts"
        if loss.parts > 1 and shape[0] % loss.parts and not (isinstance(loss, Contrastive) and shape[0] == 1):
            yield ShapeError(
                "E0305", f"{taken}, and there are {shape[0]}", f"let it end in {loss.parts} times the size of one"
            )
        elif isinstance(loss, Ctc) and len(shape) != 2:
            message = f"ctc needs positions, classes x length, the network ends in {format_shape(shape)}"
            yield ShapeError("E0305", message, "end with a layer of sequences, such as `fc CLASSES softmax pointwise`")
        elif classes and len(shape) != 1 and loss.compares and not isinstance(loss, MeanSquaredError):
            message = f"{kind} needs one row of outputs, the network ends in {format_shape(shape)}"
            yield ShapeError("E0305", message, self._one_row())
        elif classes and not {"class", "nothing"} & {*loss.targets}:
            message = f"the loss {kind} is not for classes, which {data.name if data else 'the data'} has"
            yield ShapeError("E0402", message, f"write `loss {class_loss(shape[0]).canonical()}`")
        elif isinstance(loss, CrossEntropy) and shape[0] == 1:
            message = "cross_entropy of one output is 0 whatever that is: nothing can be learned"
            yield ShapeError("E0309", message, _TWO)
        yield from _wrong_arguments(loss, shape[0])

    def _one_row(self) -> str:
        """Say what would be right where a network ends in an image; one that makes images must not be told to pool."""
        enlarging = (ops.ConvTranspose, ops.Upsample, ops.DepthToSpace)
        if any(isinstance(o.op, enlarging) for o in self.operations):
            target = "to give images, say `target input` in `data`, or `loss mse`"
            return f"a label is one of the whole example, and there are none for its positions; {target}"
        return "end with `globalpool`, `flatten` or `fc CLASSES`"

    def _of_classes(self, name: str, value: Tensor, loss: Loss) -> Loss:
        """Return the loss of outputs that class labels are learned by: that of logits where no function is last.

        Functions of each value, such as relu and tanh, bound what they let through; they are reported.
        """
        made = {o.output: o for o in self.operations}
        op = self._bound(made, value)
        if op is None:
            return class_loss(value.shape[0]) if isinstance(loss, MeanSquaredError) else loss
        last = value.index in made and made[value.index].op == op
        if last and not isinstance(loss, MeanSquaredError):
            return loss
        end = f"fc {value.shape[0]} softmax" if value.shape[0] > 1 else "fc 1 sigmoid"
        function = op.function if isinstance(op, Activation) else "a recurrent layer"
        if last or isinstance(op, ops.Recurrent):
            message = f"classes are not learned from the outputs of {function} unless a loss is stated"
            fix = f"end with `{end}`, or say `loss mse`, which compares with rows of 0 and 1"
        else:
            message = f"the outputs are those of {function}, but it is not last, so that no loss follows from it"
            fix = f"let it be last, as in `{end}`, or say `loss mse`"
        self._report(ShapeError("E0402", message, fix), name, "the last layer")
        return loss

    def _bound(self, made: Mapping[int, Operation], value: Tensor) -> Op | None:
        """Return what bounds the outputs: the last function of each value, or a recurrence; None where nothing does.

        Looked through are operations that hand on what they read: moved, joined, dropped or pooled.
        """
        at, pooled = value.index, False
        while at in made:
            op, inputs = made[at].op, made[at].inputs
            if isinstance(op, Activation):
                # The mean of what is not negative goes as far as is wanted.
                return None if pooled and op.function in _UNBOUNDED else op
            if isinstance(op, ops.Recurrent):
                return None if op.cell == "relu" else op
            if not isinstance(op, _HANDING_ON) or len({type(made[i].op) for i in inputs if i in made}) > 1:
                return None
            pooled = pooled or isinstance(op, ops.GlobalPool | ops.AvgPool | ops.MaxPool)
            at = inputs[0]
        return None

    def _several_again(self) -> None:
        """Report, once, that of several inputs none is to be given again."""
        message = "`target input` is for a network of one input"
        if not any(d.message == message for d in self.diagnostics):
            place = self.places.get("data")
            fix = "leave it out: each output is compared with the target of its name"
            self.diagnostics.append(Diagnostic("E0305", message, place.span if place else None, fix=fix))

    def _check_reconstruction(self, output: Output, value: Tensor, loss: Loss) -> None:
        """Report an autoencoder that cannot give its input again."""
        name, shape = output.node, self.network.input
        if isinstance(loss, CrossEntropy) or not {"number", "share"} & {*loss.targets}:
            what = {"pair": "pairs", "sequence": "sequences of classes"}.get(loss.targets[0], "classes")
            message = f"the network is to give its input again, and {loss.canonical()} is for {what}"
            stated = self.network.stated_loss(output.name)
            end = "write `loss mse`" if stated else "end with `sigmoid` or without an activation"
            fix = f"{end}, or leave `target input` out"
            self._report(ShapeError("E0402", message, fix), name, "the last layer", self._stated_loss(output))
        elif prod(value.shape) != prod(shape):
            message = f"the network is to give its input of {format_shape(shape)} again"
            fix = f"let it end in {prod(shape):,} values, or leave `target input` out"
            self._report(ShapeError("E0305", message, fix), name, f"its output is {format_shape(value.shape)}")

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
    "avgpool": "use `globalpool`, which knows what is padding",
}
"""What knows padding, in place of what does not."""
