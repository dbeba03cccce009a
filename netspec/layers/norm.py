"""Normalization layers."""

from typing import ClassVar, Literal

from netspec.layers.activation import Activation
from netspec.layers.base import Builder, Layer, Tensor
from netspec.ops import BatchNorm as BatchNormOp
from netspec.recipe.initializers import Ones, Zeros
from netspec.signature import Fraction, PositiveFloat, option

__all__ = ["BatchNorm"]


class BatchNorm(Layer):
    """Batch normalization of each channel (or feature), with a trainable scale and offset. Ioffe & Szegedy 2015.

    Training uses the batch's mean and variance; prediction the running averages,
    `running = momentum · running + (1 − momentum) · batch` (PyTorch's momentum 0.1 is 0.9 here).
    """

    kind: Literal["batchnorm"] = "batchnorm"
    aliases: ClassVar[tuple[str, ...]] = (
        "bn",
        "BatchNorm",
        "BatchNorm2d",
        "BatchNorm1d",
        "BatchNormalization",
        "batch_norm",
    )
    example: ClassVar[str] = "batchnorm"

    activation: Activation | None = option(None, "function applied to the result")
    epsilon: PositiveFloat = option(1e-5, "added to the variance")
    momentum: Fraction = option(0.9, "share of the running averages that each step keeps")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Normalize, scale and shift, apply the activation."""
        shape = x.shape[:1]
        fans = (shape[0], shape[0])
        scale = g.weight("scale", shape, role="scale", fans=fans, init=Ones())
        offset = g.weight("offset", shape, role="bias", fans=fans, init=Zeros())
        mean = g.weight("mean", shape, role="state", fans=fans, init=Zeros())
        variance = g.weight("variance", shape, role="state", fans=fans, init=Ones())
        y = g.apply(BatchNormOp(self.epsilon, self.momentum), x, scale, offset, mean, variance)
        return self.activation.build(g, y) if self.activation else y
