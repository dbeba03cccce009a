"""Names of other programs that mean more there than the layer alone: what they carry, what is to be said.

A name that one program alone has means what it means there: its defaults hold, where the line does not say otherwise.
What two programs share, or what no argument can express, keeps the meaning of the canonical name, and a note says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.ir.text import layer_text
from netspec.schema.definition import Definition
from netspec.schema.types import Shape

__all__ = ["SPELLINGS", "Spelling", "kept", "of_shapes"]

_When: TypeAlias = Callable[[Any, Collection[str]], bool]
"""Whether a remark holds of a definition, on whose line some arguments are given."""


@dataclass(frozen=True, slots=True)
class Spelling:
    """What is particular about one name.

    Attributes:
        kind: the canonical name of what it names.
        program: whose name it is, where it is that of one alone and carries something.
        carries: arguments, and what they are where the line does not give them.
        turned: an argument that says there how much is taken, and here how much is kept: 0.1 is 0.9.
        remarks: what is to be said of its meaning, and when.
    """

    kind: str
    program: str = ""
    carries: Mapping[str, Any] = field(default_factory=dict)
    turned: str = ""
    remarks: tuple[tuple[str, _When], ...] = ()

    def read(self, values: Mapping[str, Any], given: Collection[str]) -> dict[str, Any]:
        """Return the values of a line with what the name carries, and what it turns around.

        Args:
            values: those that are understood so far.
            given: the arguments that the line gives, understood or not.
        """
        read = {**{name: value for name, value in self.carries.items() if name not in given}, **values}
        taken = read.get(self.turned)
        if isinstance(taken, int | float) and not isinstance(taken, bool):
            read[self.turned] = kept(taken)
        return read

    def said(self, definition: Definition, given: Collection[str]) -> Iterator[str]:
        """Yield what is to be said of a line that gives some arguments."""
        if self.program and (self.turned in given or any(name not in given for name in self.carries)):
            text = layer_text(definition)
            if self.turned and self.turned not in text:
                text += f" {self.turned}={getattr(definition, self.turned)!r}"
            yield f"read as {self.program} has it: `{text}`"
        yield from (text for text, when in self.remarks if when(definition, given))

    def described(self) -> str:
        """Return what is particular about it, for a reference page."""
        texts = [text for text, _ in self.remarks]
        if self.turned:
            texts.insert(0, f"{self.turned} is {self.program}'s: 0.1 there is 0.9 here")
        if self.program and self.carries:
            shown = " ".join(_written(name, value) for name, value in self.carries.items())
            texts.insert(0, f"{shown} unless given, as {self.program} has it")
        return "; ".join(texts)


def _written(name: str, value: Any) -> str:
    if isinstance(value, bool):
        return name if value else f"no{name}"
    return f"{name}={value[0] if isinstance(value, tuple) else value}"


def kept(taken: float) -> float:
    """Return 1 less a share, in decimals: 1 - 0.9 is 0.09999999999999998."""
    return round(1 - taken, 15)


def _always(definition: Any, given: Collection[str]) -> bool:
    del definition, given
    return True


def _without(*names: str) -> _When:
    return lambda definition, given: any(name not in given for name in names)


def _pads(definition: Any, given: Collection[str]) -> bool:
    return "pad" in given and definition.pad not in {"valid", "same", (0, 0), (0, 0, 0)}


def _uncounted(definition: Any, given: Collection[str]) -> bool:
    return _pads(definition, given) and "count_padding" not in given


def _decays(definition: Any, given: Collection[str]) -> bool:
    return "weight_decay" in given and definition.weight_decay > 0


def _switched(definition: Any, given: Collection[str]) -> bool:
    """Return whether a pad of 1 is not what half the kernel would be."""
    return "pad" in given and definition.pad == (1, 1) and definition.kernel != (3, 3)


def _is_cubic(definition: Any, given: Collection[str]) -> bool:
    return "mode" in given and definition.mode == "bicubic"


def _apart(definition: Any, given: Collection[str]) -> bool:
    """Return whether kernels of a transposed convolution leave gaps."""
    gaps = any(k < s for k, s in zip(definition.kernel[::-1], definition.stride[::-1], strict=False))
    return gaps and definition.pad == "valid" and "output_pad" not in given


_COUNTED = (("PyTorch counts the padding as zeros, here it does not count unless `count_padding` is said", _uncounted),)
_LOGISTIC = ("Darknet puts `logistic` behind it where no activation is given; here is none", _without("activation"))
_SWITCH = ("Darknet's `pad=1` is half the kernel, `pad=same`; here it is one row and column", _switched)
_STEPS = (
    ("as in PyTorch it gives its state after every step; Keras's gives the last one alone: `last`", _without("last")),
)
_COUPLED = (
    ("as in PyTorch the weight decay is added to the gradient; Keras's is apart from it, as `adamw` has it", _decays),
)
_KEYS = (("as in PyTorch `bicubic` has the sharpness -0.75; Keras's has -0.5", _is_cubic),)
_GAPS = (("Keras's output is stride x the input; `output_pad=` adds what is missing", _apart),)


def _shared(kind: str, carries: Mapping[str, Any], text: str) -> Spelling:
    """Return the spelling of a name that two programs have with different defaults, of which one is ours."""
    return Spelling(kind, "", carries, remarks=((text, _without(*carries)),))


SPELLINGS: dict[str, Spelling] = {
    # what one program alone has
    "Pooling": Spelling("pool", "Caffe", {"stride": (1, 1), "ceil": True}),
    "LRN": Spelling("lrn", "Caffe", {"alpha": 1.0}),
    "leaky": Spelling("leaky_relu", "Darknet", {"slope": 0.1}),
    "BatchNorm1d": Spelling("batchnorm", "PyTorch", turned="momentum"),
    "BatchNorm2d": Spelling("batchnorm", "PyTorch", turned="momentum"),
    "BatchNorm3d": Spelling("batchnorm", "PyTorch", turned="momentum"),
    "BatchNormalization": Spelling("batchnorm", "Keras", {"epsilon": 0.001, "momentum": 0.99}),
    "LayerNormalization": Spelling("layernorm", "Keras", {"epsilon": 0.001}),
    "GroupNormalization": Spelling("groupnorm", "Keras", {"epsilon": 0.001}),
    "GlobalMaxPooling1D": Spelling("globalpool", "Keras", {"mode": "max"}),
    "GlobalMaxPooling2D": Spelling("globalpool", "Keras", {"mode": "max"}),
    "GlobalMaxPooling3D": Spelling("globalpool", "Keras", {"mode": "max"}),
    "SimpleRNN": Spelling("rnn", "Keras", {"last": True, "bias": "one"}),
    # what no argument expresses
    "AvgPool1d": Spelling("avgpool", remarks=_COUNTED),
    "AvgPool2d": Spelling("avgpool", remarks=_COUNTED),
    "AvgPool3d": Spelling("avgpool", remarks=_COUNTED),
    "convolutional": Spelling("conv", remarks=(_LOGISTIC, _SWITCH)),
    "deconvolutional": Spelling("deconv", remarks=(_LOGISTIC,)),
    "connected": Spelling("fc", remarks=(_LOGISTIC,)),
    "Conv1DTranspose": Spelling("deconv", remarks=_GAPS),
    "Conv2DTranspose": Spelling("deconv", remarks=_GAPS),
    "Conv3DTranspose": Spelling("deconv", remarks=_GAPS),
    "route": Spelling(
        "concat", remarks=(("Darknet's joins what it names alone; here what flows in comes first", _always),)
    ),
    "UpSampling2D": Spelling("upsample", remarks=_KEYS),
    "SGD": Spelling("sgd", remarks=_COUPLED),
    "Adam": Spelling("adam", remarks=_COUPLED),
    "OneCycleLR": Spelling(
        "onecycle", remarks=(("PyTorch's moves the momentum too; here the rate alone moves", _always),)
    ),
    "Dropout1d": Spelling("dropout", "PyTorch", {"spatial": True}),
    "Dropout2d": Spelling("dropout", "PyTorch", {"spatial": True}),
    "Dropout3d": Spelling("dropout", "PyTorch", {"spatial": True}),
    "SpatialDropout1D": Spelling("dropout", "Keras", {"spatial": True}),
    "SpatialDropout2D": Spelling("dropout", "Keras", {"spatial": True}),
    "SpatialDropout3D": Spelling("dropout", "Keras", {"spatial": True}),
    "EuclideanLoss": Spelling(
        "mse", remarks=(("Caffe's is half the sum over the outputs; here it is their mean", _always),)
    ),
    "MultiMarginLoss": Spelling(
        "hinge", remarks=(("PyTorch's is divided by the number of classes; here it is the sum", _always),)
    ),
    # what two programs have, with different defaults
    "LayerScale": _shared("scale", {"init": 1.0}, "here it begins with 1; elsewhere with 0.00001 or less"),
    "LeakyReLU": _shared("leaky_relu", {"slope": 0.01}, "as in PyTorch its slope is 0.01; Keras's is 0.3"),
    "PReLU": _shared(
        "prelu", {"shared": False}, "as in Caffe each channel has a slope; PyTorch's has one for all: `shared`"
    ),
    "LSTM": Spelling("lstm", "", {"last": False}, remarks=_STEPS),
    "GRU": Spelling("gru", "", {"last": False}, remarks=_STEPS),
    "AdamW": _shared("adamw", {"weight_decay": 0.01}, "as in PyTorch its weight decay is 0.01; Keras's is 0.004"),
    "RMSprop": _shared(
        "rmsprop",
        {"lr": 0.01, "decay": 0.99},
        "as in PyTorch the defaults are lr=0.01 and decay=0.99; Keras's are 0.001 and 0.9",
    ),
    "Adagrad": _shared(
        "adagrad", {"lr": 0.01}, "as in PyTorch lr is 0.01 and the sums begin at 0; Keras has 0.001 and 0.1"
    ),
    "Adadelta": _shared(
        "adadelta",
        {"lr": 1.0, "rho": 0.9},
        "as in PyTorch the defaults are lr=1.0 and rho=0.9; Keras's are 0.001 and 0.95",
    ),
}
"""The names of which there is something to be said; all others mean in their programs what they mean here."""


# --- what depends on the shape that flows in -------------------------------------------------------------------------

_POSITIONS = "it reads the whole sequence at once; in PyTorch and Keras it works at each position: `pointwise`"
_LEFT_OUT = "the last rows or columns are left out; Darknet's keeps them: `pad=same`"
_HALVES = "it halves the channels; PyTorch's halves the last axis, unless told otherwise"


def of_shapes(network: Network, graph: Graph, written: Callable[[str], str]) -> Iterator[tuple[str, str, str]]:
    """Yield nodes, the names on their lines, and what is to be said of these for what flows in.

    Args:
        network: the network.
        graph: of it.
        written: returns the name with which a node's line begins.
    """
    for node in network.nodes:
        name = written(node.name)
        if name in {"Dense", "dense", "Linear", "linear", "maxpool", "GLU"}:
            said = _of_shape(name, node.layer, graph.shape(graph.nodes.get(node.inputs[0], 0)))
            if said:
                yield node.name, name, said


def _of_shape(name: str, layer: Any, shape: Shape) -> str:
    if name == "GLU":
        return _HALVES if len(shape) > 1 else ""
    if name != "maxpool":
        return _POSITIONS if len(shape) == 2 and not layer.pointwise else ""
    steps = zip(shape[-1:0:-1], layer.kernel[::-1], (layer.stride or layer.kernel)[::-1], strict=False)
    rest = any((size - kernel) % stride for size, kernel, stride in steps)
    return _LEFT_OUT if rest and layer.pad == "valid" and not layer.ceil else ""
