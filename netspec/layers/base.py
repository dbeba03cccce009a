"""Floor 2: what a layer is, and the builder it is handed to say itself in terms of the operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol

from netspec.ops import Op, Shape, ShapeError
from netspec.recipe.initializers import Initializer
from netspec.signature import Definition

__all__ = ["Broken", "Builder", "Layer", "Role", "Tensor", "UnknownLayerError", "Weight", "require_image"]

Role = Literal["kernel", "bias", "scale", "state"]
"""What a parameter is for: `l2` counts kernels only, `state` is not trained."""


@dataclass(frozen=True)
class Tensor:
    """A value that flows through the graph: its number, its shape per example, and, of whole numbers, how many.

    Images are channels x height x width, sequences features x length. `tokens` is set where the values are whole
    numbers below it, as only the network's input can be.
    """

    index: int
    shape: Shape
    tokens: int | None = None


@dataclass(frozen=True)
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


class Layer(Definition):
    """A layer, written once: its fields are its signature, `build` is its meaning."""

    merges: ClassVar[bool] = False
    """Whether it reads several values: the one that flows into it, and those named on its line."""
    reads_tokens: ClassVar[bool] = False
    """Whether its input may be token numbers, which say nothing to a layer that computes with them."""
    example: ClassVar[str]
    """A line for the reference docs."""
    example_input: ClassVar[str] = "8x6x6"
    """An input shape on which the example line compiles."""

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Describe the layer in operations; raises ShapeError where the input does not fit."""
        raise NotImplementedError

    def join(self, g: Builder, xs: Sequence[Tensor]) -> Tensor:
        """Describe the layer on all it reads; only a merging layer reads more than one value."""
        (x,) = xs
        return self.build(g, x)


def require_image(layer: Layer, x: Tensor) -> tuple[int, int, int]:
    """Return the channels, height and width of an input that has them; raises ShapeError otherwise."""
    if len(x.shape) != 3:
        raise ShapeError(
            "E0302",
            f"`{layer.canonical()}` needs an image (channels x height x width), its input is a row of {x.shape[0]:,}",
            f"put `{layer.canonical()}` before the layers that flatten (fc, flatten, globalpool)",
        )
    channels, height, width = x.shape
    return channels, height, width


class UnknownLayerError(Exception):
    """A layer could not be read; what depends on it stays silent, for the mistake is already reported."""


class Broken(Layer):
    """Stands where a line could not be understood, so that the rest of the network is still checked."""

    kind: Literal["broken"] = "broken"
    example: ClassVar[str] = ""

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Raise UnknownLayerError."""
        del g, x
        raise UnknownLayerError

    def join(self, g: Builder, xs: Sequence[Tensor]) -> Tensor:
        """Raise UnknownLayerError: what could not be understood may have been a merging layer."""
        del g, xs
        raise UnknownLayerError
