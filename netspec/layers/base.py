"""What a layer is, and the builder it is handed to say itself in terms of the operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isqrt
from typing import ClassVar, Literal, Protocol

from netspec.ops import Activation, Op, Shape, ShapeError, format_shape
from netspec.recipe.initializers import Initializer
from netspec.schema.definition import Definition, parameters

__all__ = [
    "ActivationLayer",
    "Broken",
    "Builder",
    "Layer",
    "Mask",
    "PositionwiseLayer",
    "Role",
    "Tensor",
    "UnknownLayerError",
    "Weight",
    "along",
    "require_image",
    "require_positions",
    "require_sequence",
]

Role = Literal["kernel", "bias", "scale", "state"]
"""What a parameter is for: `l2` counts kernels only, `state` is not trained."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value that flows through the graph: its number, its shape per example, and, of whole numbers, how many.

    Images are channels x height x width, volumes channels x depth x height x width, sequences features x length.
    `tokens` is set where the values are whole numbers below it, as only the network's input can be.
    """

    index: int
    shape: Shape
    tokens: int | None = None
    mask: "Mask | None" = None
    """Of a sequence: which of its positions are padding."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Which positions of a sequence are padding: those where some token numbers are one of them.

    Attributes:
        source: the number of the value that holds the tokens.
        length: how many there are.
        token: the one that stands for padding.
        before: so many positions stand before these, and are no padding.
    """

    source: int
    length: int
    token: int
    before: int = 0


@dataclass(frozen=True, slots=True)
class Weight:
    """A parameter as a layer sees it: its path in the graph and its shape."""

    path: str
    shape: Shape


class Builder(Protocol):
    """What a layer may do while it is traced."""

    def weight(
        self, name: str, shape: Shape, *, role: Role, fans: tuple[int, int], init: Initializer | None = None
    ) -> Weight:
        """Declare a parameter of this layer; without `init` the network-wide default for its role holds."""
        ...

    def apply(self, op: Op, x: Tensor | Sequence[Tensor], *weights: Weight) -> Tensor:
        """Add an operation and return its output; raises ShapeError where an input does not fit."""
        ...

    def valid(self, mask: Mask) -> Tensor:
        """Return which positions are no padding, 1 or 0: (1, L)."""
        ...


class Layer(Definition):
    """A layer, written once: its fields are its signature, `build` is its meaning."""

    merges: ClassVar[bool] = False
    """Whether it reads several values: the one that flows into it, and those named on its line."""
    second: ClassVar[str] = ""
    """The key of a label that may stand on its line, `memory=LABEL`: what it then reads beside what flows in."""
    reads_tokens: ClassVar[bool] = False
    """Whether its input may be token numbers, which say nothing to a layer that computes with them."""
    reads_mask: ClassVar[bool] = False
    """Whether its build looks at the padding of what it reads, and says which of its output is padding."""
    has_weights: ClassVar[bool] = False
    """Whether it has parameters, which another layer may share."""
    example: ClassVar[str] = ""
    """A line for the reference docs."""
    example_input: ClassVar[str] = "8x6x6"
    """An input shape on which the example line compiles."""

    @property
    def positionwise(self) -> bool:
        """Whether each position of its output comes from the same position of its input: padding then stays padding."""
        return False

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Describe the layer in operations; raises ShapeError where the input does not fit."""
        raise NotImplementedError

    def join(self, g: Builder, xs: Sequence[Tensor]) -> Tensor:
        """Describe the layer on all it reads: one value, unless it merges or has a `second`."""
        (x,) = xs
        return self.build(g, x)


class PositionwiseLayer(Layer):
    """A layer of which each position of the output comes from the same position of the input, whatever its fields."""

    @property
    def positionwise(self) -> bool:
        """Whether padding stays padding."""
        return True


class ActivationLayer(PositionwiseLayer):
    """A layer that is one function, over the features of one position at most; its fields are its parameters."""

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Apply the function of the same name."""
        given = ((p.name, getattr(self, p.name)) for p in parameters(type(self)))
        values = tuple((name, value) for name, value in given if value is not None)
        return g.apply(Activation(self.canonical(), values), x)


def require_image(layer: Layer, x: Tensor) -> tuple[int, int, int]:
    """Return the channels, height and width of an input that has them; raises ShapeError otherwise."""
    if len(x.shape) != 3:
        raise _no_positions(layer, x, "an image (channels x height x width)")
    channels, height, width = x.shape
    return channels, height, width


def require_sequence(layer: Layer, x: Tensor) -> tuple[int, int]:
    """Return the features and the length of an input that has them; raises ShapeError otherwise."""
    if len(x.shape) > 2:
        kind = "image" if len(x.shape) == 3 else "volume"
        raise ShapeError(
            "E0302",
            f"`{layer.canonical()}` needs a sequence (features x length), its input is {format_shape(x.shape)}",
            f"`flatten positions` before it reads the {kind} as one",
        )
    if len(x.shape) != 2:
        raise _no_positions(layer, x, "a sequence (features x length)")
    features, length = x.shape
    return features, length


def require_positions(layer: Layer, x: Tensor) -> tuple[int, tuple[int, ...]]:
    """Return the channels and the positions: (height, width) of an image, (length,) of a sequence, three of a volume.

    Raises:
        ShapeError: for an input that has no positions.
    """
    if len(x.shape) not in {2, 3, 4}:
        raise _no_positions(layer, x, "an image (channels x height x width) or a sequence (features x length)")
    return x.shape[0], x.shape[1:]


def _no_positions(layer: Layer, x: Tensor, needed: str) -> ShapeError:
    forms = {1: f"a row of {x.shape[0]:,}", 2: f"a sequence of {format_shape(x.shape)}"}
    found = forms.get(len(x.shape), f"a volume of {format_shape(x.shape)}")
    name = layer.canonical()
    fix = f"put `{name}` before the layers that flatten (fc, flatten, globalpool)"
    if len(x.shape) != 1:
        fix = "bring it to that shape with `reshape`"
    elif name == "globalpool":
        fix = "remove it: there are no positions left to pool"
    elif x.index == 0:
        fix = f"say the shape, `input {_image(x.shape[0])}`, or put `reshape {_image(x.shape[0])}` before it"
    return ShapeError("E0302", f"`{name}` needs {needed}, its input is {found}", fix)


def _image(values: int) -> str:
    """Return a shape of channels x height x width that so many values may have."""
    for channels in (1, 3):
        side = isqrt(values // channels)
        if channels * side * side == values:
            return f"{channels}x{side}x{side}"
    return "CxHxW"


def along(what: str, size: tuple[int, ...], x: Tensor, neutral: int = 1) -> tuple[int, ...]:
    """Return a size for the axes of positions of an input: two for an image, one for a sequence, three for a volume.

    Args:
        what: the name of the argument, for the message.
        size: as written, two numbers or three; one number was read as two equal ones. On a sequence both are equal, or
            the rows are `neutral` (`1x5`); on a volume equal ones mean all three axes.
        x: the input, an image, a sequence or a volume.
        neutral: the number of rows that changes nothing.

    Raises:
        ShapeError: where there are not as many numbers as axes.
    """
    count = len(x.shape) - 1
    if len(size) == count:
        return size
    if count == 3 and size[0] == size[1]:
        return (*size, size[0])
    if count == 1 and set(size[:-1]) in ({size[-1]}, {neutral}):
        return size[-1:]
    have = {
        1: "a sequence has one length",
        2: "an image has two axes of positions",
        3: "a volume has three axes of positions",
    }[count]
    right = format_shape(size[-count:] if len(size) > count else (neutral, *size))
    raise ShapeError(
        "E0309",
        f"{have}, {what} {format_shape(size)} has {_NUMBERS[len(size)]}",
        f"write {what}={right}",
    )


_NUMBERS = {2: "two", 3: "three"}


class UnknownLayerError(Exception):
    """A layer could not be read; what depends on it stays silent, for the mistake is already reported."""


class Broken(Layer):
    """Stands where a line could not be understood, so that the rest of the network is still checked."""

    kind: Literal["broken"] = "broken"
    reads_mask: ClassVar[bool] = True
    example: ClassVar[str] = ""

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Raise UnknownLayerError."""
        del g, x
        raise UnknownLayerError

    def join(self, g: Builder, xs: Sequence[Tensor]) -> Tensor:
        """Raise UnknownLayerError: what could not be understood may have been a merging layer."""
        del g, xs
        raise UnknownLayerError
