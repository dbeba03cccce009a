"""Fully connected layers."""

from math import prod
from typing import ClassVar, Literal

from netspec.layers.activation import OptionalActivation
from netspec.layers.base import Builder, Layer, Tensor
from netspec.ops import Bias, MatMul, Reshape
from netspec.recipe.initializers import AnyInitializer
from netspec.schema.definition import option, positional
from netspec.schema.types import PositiveInt

__all__ = ["Dense"]


class Dense(Layer):
    """Fully connected: any shape → units. An image is flattened first, in C, H, W order.

    With `pointwise` the same product is taken at each position: features x length → units x length.
    """

    kind: Literal["fc"] = "fc"
    aliases = ("dense", "Dense", "linear", "Linear", "InnerProduct", "connected")
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "fc 10 softmax"

    units: PositiveInt = positional("number of outputs")
    activation: OptionalActivation = option(None, "function applied to the result")
    bias: bool = option(True, "add a trainable number to each output; `nobias` leaves it out")
    pointwise: bool = option(False, "one product for each position of a sequence or image, over its features only")
    init: AnyInitializer | None = option(None, "initializer of the kernel; the network's default unless given")
    bias_init: AnyInitializer | None = option(None, "initializer of the bias; the network's default unless given")

    @property
    def positionwise(self) -> bool:
        """Whether padding stays padding: `pointwise`, each position has its own product."""
        return self.pointwise

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Flatten, multiply, add the bias, apply the activation."""
        features = x.shape[0] if self.pointwise else prod(x.shape)
        if len(x.shape) > 1 and not self.pointwise:
            x = g.apply(Reshape((features,)), x)
        fans = (features, self.units)
        kernel = g.weight("kernel", (self.units, features), role="kernel", fans=fans, init=self.init)
        y = g.apply(MatMul(), x, kernel)
        if self.bias:
            y = g.apply(Bias(), y, g.weight("bias", (self.units,), role="bias", fans=fans, init=self.bias_init))
        return self.activation.build(g, y) if self.activation else y
