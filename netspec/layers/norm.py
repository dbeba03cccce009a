"""Normalization layers, and a trained scale of its own."""

from typing import ClassVar, Literal

from netspec.layers.activation import OptionalActivation
from netspec.layers.base import Builder, Layer, PositionwiseLayer, Tensor, require_positions
from netspec.ops import BatchNorm as BatchNormOp
from netspec.ops import Bias, Shape
from netspec.ops import GroupNorm as GroupNormOp
from netspec.ops import LayerNorm as LayerNormOp
from netspec.ops import LocalResponseNorm as LocalResponseNormOp
from netspec.ops import Scale as ScaleOp
from netspec.recipe.initializers import Constant, Ones, Zeros
from netspec.schema.definition import option, positional
from netspec.schema.types import Float, Fraction, NonNegativeFloat, PositiveFloat, PositiveInt

__all__ = ["BatchNorm", "GroupNorm", "InstanceNorm", "LayerNorm", "LocalResponseNorm", "Scale"]


class BatchNorm(Layer):
    """Batch normalization of each channel (or feature), with a trainable scale and offset. Ioffe & Szegedy 2015.

    Training uses the batch's mean and variance; prediction the running averages,
    `running = momentum · running + (1 − momentum) · batch` (PyTorch's momentum 0.1 is 0.9 here), of the unbiased
    variance. A last batch of one value a channel has none: it is normalized as in prediction, the averages stay.
    """

    kind: Literal["batchnorm"] = "batchnorm"
    aliases = ("bn", "BatchNorm", "BatchNorm2d", "BatchNorm1d", "BatchNorm3d", "BatchNormalization", "batch_norm")
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "batchnorm"

    activation: OptionalActivation = option(None, "function applied to the result")
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


class LayerNorm(Layer):
    """Layer normalization: the channels (or features) at each position get mean 0 and variance 1. Ba et al. 2016.

    Then a trainable scale and offset for each channel: for features x length this is PyTorch's `LayerNorm` over the
    features. `layernorm all` normalizes all values of an example, with a scale and offset for each value.
    """

    kind: Literal["layernorm"] = "layernorm"
    aliases = ("LayerNorm", "LayerNormalization", "layer_norm")
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "layernorm"

    over: Literal["positionwise", "all"] = positional("the channels at each position, or all values", "positionwise")
    activation: OptionalActivation = option(None, "function applied to the result")
    epsilon: PositiveFloat = option(1e-5, "added to the variance")
    affine: bool = option(True, "then multiply by a trainable scale and add a trainable offset")

    @property
    def positionwise(self) -> bool:
        """Whether padding stays padding."""
        return self.over == "positionwise"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Normalize, scale and shift, apply the activation."""
        everything = self.over == "all"
        y = g.apply(GroupNormOp(1, self.epsilon) if everything else LayerNormOp(self.epsilon), x)
        return _finish(self, g, y, x.shape if everything else x.shape[:1])


class GroupNorm(Layer):
    """Group normalization: each group of channels gets mean 0 and variance 1 over its positions. Wu & He 2018.

    Then a trainable scale and offset for each channel. One example at a time, so that small batches do no harm.
    """

    kind: Literal["groupnorm"] = "groupnorm"
    aliases = ("GroupNorm", "GroupNormalization", "group_norm")
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "groupnorm 4"

    groups: PositiveInt = positional("number of equal groups that the channels are split into")
    activation: OptionalActivation = option(None, "function applied to the result")
    epsilon: PositiveFloat = option(1e-5, "added to the variance")
    affine: bool = option(True, "then multiply by a trainable scale and add a trainable offset")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Normalize, scale and shift, apply the activation."""
        return _finish(self, g, g.apply(GroupNormOp(self.groups, self.epsilon), x), x.shape[:1])


class InstanceNorm(Layer):
    """Instance normalization: each channel of each example gets mean 0 and variance 1. Ulyanov et al. 2016."""

    kind: Literal["instancenorm"] = "instancenorm"
    aliases = ("InstanceNorm", "InstanceNorm2d", "InstanceNorm1d", "InstanceNorm3d", "instance_norm")
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "instancenorm"

    activation: OptionalActivation = option(None, "function applied to the result")
    epsilon: PositiveFloat = option(1e-5, "added to the variance")
    affine: bool = option(False, "then multiply by a trainable scale and add a trainable offset")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Normalize, scale and shift, apply the activation."""
        channels, _ = require_positions(self, x)
        return _finish(self, g, g.apply(GroupNormOp(channels, self.epsilon), x), x.shape[:1])


class LocalResponseNorm(Layer):
    """Divides by (k + alpha/size · Σ x²)^beta, summed over neighboring channels. Krizhevsky et al. 2012.

    As in PyTorch and Caffe alpha is divided by the size, unlike in the paper: its 1e-4 over 5 channels is 5e-4 here.
    """

    kind: Literal["lrn"] = "lrn"
    aliases = ("LRN", "LocalResponseNorm", "local_response_norm")
    example: ClassVar[str] = "lrn 5"

    size: PositiveInt = positional("number of neighboring channels, itself included")
    alpha: NonNegativeFloat = option(1e-4, "weight of the squares")
    beta: NonNegativeFloat = option(0.75, "exponent")
    k: PositiveFloat = option(1.0, "added to the weighted squares")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Divide by the neighbors' strength."""
        return g.apply(LocalResponseNormOp(self.size, self.alpha, self.beta, self.k), x)


class Scale(PositionwiseLayer):
    """Multiplies each channel (or feature) by a trainable number. Touvron et al. 2021 begin with a small one."""

    kind: Literal["scale"] = "scale"
    aliases = ("Scale", "layer_scale", "LayerScale")
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "scale 0.1"

    init: Float = positional("what each number begins with", 1.0)
    bias: bool = option(False, "then add a trainable number to each channel")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Multiply, add the bias."""
        shape, fans = x.shape[:1], (1, 1)
        y = g.apply(ScaleOp(), x, g.weight("scale", shape, role="scale", fans=fans, init=Constant(value=self.init)))
        return g.apply(Bias(), y, g.weight("bias", shape, role="bias", fans=fans, init=Zeros())) if self.bias else y


def _finish(layer: LayerNorm | GroupNorm | InstanceNorm, g: Builder, y: Tensor, shape: Shape) -> Tensor:
    """Scale and shift where asked for, by parameters of a shape; apply the activation."""
    if layer.affine:
        fans = (shape[0], shape[0])
        y = g.apply(ScaleOp(), y, g.weight("scale", shape, role="scale", fans=fans, init=Ones()))
        y = g.apply(Bias(), y, g.weight("offset", shape, role="bias", fans=fans, init=Zeros()))
    return layer.activation.build(g, y) if layer.activation else y
