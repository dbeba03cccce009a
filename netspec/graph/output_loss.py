"""The loss of an output: as stated, else as it follows from the last layer and the data; and what does not fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import prod
from typing import NamedTuple

from netspec import ops
from netspec.diagnostics.diagnostic import plural
from netspec.graph.graph import Operation
from netspec.ir.network import Network, Output
from netspec.layers.base import Tensor
from netspec.ops import Activation, Op, Shape, ShapeError, format_shape
from netspec.recipe.catalog import find
from netspec.recipe.class_weights import named_weights, weights_of
from netspec.recipe.losses import (
    BinaryCrossEntropy,
    Contrastive,
    CrossEntropy,
    Ctc,
    Hinge,
    Loss,
    MeanSquaredError,
    class_loss,
    default_loss,
)

__all__ = ["Ending", "Misfit", "output_loss", "two_classes"]

_HANDING_ON = (
    ops.Concat,
    ops.Channels,
    ops.ShuffleChannels,
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

_UNBOUNDED = {
    *("relu", "leaky_relu", "elu", "celu", "selu", "gelu", "silu", "mish", "hard_swish", "softplus"),
    *("ramp", "exp", "log", "abs", "square", "sqrt"),
}
"""Functions that go as far up as is wanted."""


class Misfit(NamedTuple):
    """What does not fit of an output.

    Attributes:
        error: what, and what would be right.
        label: what to say at the layer that makes the output.
        loss_shown: whether the place where the loss is stated belongs to it.
        of_data: whether it is the settings of `data` that are wrong, not the layer.
    """

    error: ShapeError
    label: str = "the last layer"
    loss_shown: bool = False
    of_data: bool = False


class Ending(NamedTuple):
    """How an output is made.

    Attributes:
        value: the output.
        made: by the index of each value, the operation that makes it.
    """

    value: Tensor
    made: Mapping[int, Operation]

    @property
    def function(self) -> str | None:
        """The activation that is last; None where the last operation is another."""
        last = self.made.get(self.value.index)
        return last.op.function if last and isinstance(last.op, Activation) else None


def two_classes(shape: Shape) -> str:
    """Return how a network whose output has this shape learns two classes, at each position where there are some."""
    two, one = {
        1: ("fc 2 softmax", "fc 1 sigmoid"),
        2: ("fc 2 softmax pointwise", "fc 1 sigmoid pointwise"),
    }.get(len(shape), ("conv 2 1x1 softmax", "conv 1 1x1 sigmoid"))
    return f"two classes take two outputs with softmax, `{two}`, or one with sigmoid, `{one}`"


def output_loss(network: Network, output: Output, ending: Ending, *, recorded: bool) -> tuple[Loss, list[Misfit]]:
    """Return the loss of an output, and what does not fit.

    Args:
        network: whose output it is.
        output: as declared.
        ending: how it is made.
        recorded: as for `trace`.
    """
    shape, function = ending.value.shape, ending.function
    stated = network.stated_loss(output.name)
    loss = stated or default_loss(function)
    misfits: list[Misfit] = []
    # Of several outputs the data has targets of several kinds.
    if stated is None and network.classifies and len(network.all_outputs) == 1 and not recorded and len(shape) == 1:
        loss, misfits = _of_classes(ending, loss)
    if function in loss.refuses:
        message = f"the loss {loss.canonical()} does not fit a last layer with {function}"
        right = _stating(default_loss(function), output)
        fix = f"write `{right}`, or leave the loss out: it follows from the last layer"
        if isinstance(loss, BinaryCrossEntropy):
            fix += "; several labels at once end in sigmoid"
        elif isinstance(loss, CrossEntropy) and shape[0] > 1:
            fix += "; one class of several ends in softmax"
        misfits.append(Misfit(ShapeError("E0402", message, fix), loss_shown=True))
    elif network.reconstructs and len(network.inputs) > 1:
        message = "`target input` is for a network of one input"
        fix = "leave it out: each output is compared with the target of its name"
        misfits.append(Misfit(ShapeError("E0305", message, fix), of_data=True))
    elif network.reconstructs and loss.compares:
        misfits += _of_reconstruction(network, output, ending, loss)
    else:
        for error in _of_shape(network, output, ending, loss):
            label = "the last layer has one output" if error.code == "E0309" else f"its output is {format_shape(shape)}"
            misfits.append(Misfit(error, label, loss_shown=True))
    return loss, misfits


def _stating(loss: Loss, output: Output) -> str:
    """Return how a loss is stated where that of an output stands: on the output's own line, or in `train`."""
    return f"loss={loss.canonical()}" if output.loss else f"loss {loss.canonical()}"


def _of_shape(network: Network, output: Output, ending: Ending, loss: Loss) -> Iterator[ShapeError]:
    """Yield what is wrong with a loss for outputs of this shape, and for the data that is named."""
    shape, kind, data = ending.value.shape, loss.canonical(), network.data
    classes = network.classifies and data is not None and find(data.name) is not None
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
        yield ShapeError("E0305", message, _one_row(ending))
    elif classes and not {"class", "nothing"} & {*loss.targets}:
        message = f"the loss {kind} is not for classes, which {data.name if data else 'the data'} has"
        yield ShapeError("E0402", message, f"write `{_stating(class_loss(shape[0]), output)}`")
    elif isinstance(loss, CrossEntropy) and shape[0] == 1:
        message = "cross_entropy of one output is 0 whatever that is: nothing can be learned"
        yield ShapeError("E0309", message, two_classes(shape))
    elif isinstance(loss, Hinge) and shape[0] == 1:
        message = "hinge compares the scores of classes, and there is one: nothing can be learned"
        yield ShapeError("E0309", message, "two classes take two outputs, `fc 2`")
    yield from _of_arguments(loss, shape[0])


def _one_row(ending: Ending) -> str:
    """Return what would be right where a network ends in an image; one that makes images must not be told to pool."""
    enlarging = (ops.ConvTranspose, ops.Upsample, ops.DepthToSpace)
    if any(isinstance(o.op, enlarging) for o in ending.made.values()):
        target = "to give images, say `target input` in `data`, or `loss mse`"
        return f"a label is one of the whole example, and there are none for its positions; {target}"
    return "end with `globalpool`, `flatten` or `fc CLASSES`"


def _of_arguments(loss: Loss, outputs: int) -> Iterator[ShapeError]:
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


def _of_classes(ending: Ending, loss: Loss) -> tuple[Loss, list[Misfit]]:
    """Return the loss of outputs that class labels are learned by: that of logits where no function is last.

    Functions of each value, such as relu and tanh, bound what they let through; they do not fit.
    """
    value, made = ending
    op = _bound(ending)
    if op is None:
        return class_loss(value.shape[0]) if isinstance(loss, MeanSquaredError) else loss, []
    last = value.index in made and made[value.index].op == op
    if last and not isinstance(loss, MeanSquaredError):
        return loss, []
    end = f"fc {value.shape[0]} softmax" if value.shape[0] > 1 else "fc 1 sigmoid"
    function = op.function if isinstance(op, Activation) else "a recurrent layer"
    if last or isinstance(op, ops.Recurrent):
        message = f"classes are not learned from the outputs of {function} unless a loss is stated"
        fix = f"end with `{end}`, or say `loss mse`, which compares with rows of 0 and 1"
    else:
        message = f"the outputs are those of {function}, but it is not last, so that no loss follows from it"
        fix = f"let it be last, as in `{end}`, or say `loss mse`"
    return loss, [Misfit(ShapeError("E0402", message, fix))]


def _bound(ending: Ending) -> Op | None:
    """Return what bounds the outputs: the last function of each value, or a recurrence; None where nothing does.

    Looked through are operations that hand on what they read: moved, joined, dropped or pooled.
    """
    made = ending.made
    at, pooled = ending.value.index, False
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


def _of_reconstruction(network: Network, output: Output, ending: Ending, loss: Loss) -> Iterator[Misfit]:
    """Yield why an autoencoder cannot give its input again."""
    value, shape = ending.value, network.input
    if isinstance(loss, CrossEntropy) or not {"number", "share"} & {*loss.targets}:
        what = {"pair": "pairs", "sequence": "sequences of classes"}.get(loss.targets[0], "classes")
        message = f"the network is to give its input again, and {loss.canonical()} is for {what}"
        stated = network.stated_loss(output.name)
        mse = f"write `{_stating(MeanSquaredError(), output)}`"
        end = mse if stated else "end with `sigmoid` or without an activation"
        fix = f"{end}, or leave `target input` out"
        yield Misfit(ShapeError("E0402", message, fix), loss_shown=True)
    elif prod(value.shape) != prod(shape):
        message = f"the network is to give its input of {format_shape(shape)} again"
        fix = f"let it end in {prod(shape):,} values, or leave `target input` out"
        yield Misfit(ShapeError("E0305", message, fix), f"its output is {format_shape(value.shape)}")
