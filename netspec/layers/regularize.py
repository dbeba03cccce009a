"""Layers that draw random numbers, in training."""

from typing import ClassVar, Literal

from netspec.layers.base import Builder, PositionwiseLayer, Tensor
from netspec.ops import ChannelDropout as ChannelDropoutOp
from netspec.ops import Dropout as DropoutOp
from netspec.ops import Noise as NoiseOp
from netspec.ops import Sample as SampleOp
from netspec.ops import StochasticDepth as StochasticDepthOp
from netspec.schema.definition import option, positional
from netspec.schema.types import Fraction, NonNegativeFloat

__all__ = ["Dropout", "Noise", "Sample", "StochasticDepth"]


class Dropout(PositionwiseLayer):
    """Zeroes each value with probability `rate` and scales the rest by 1/(1 − rate), in training. Srivastava 2014.

    With `spatial`, all positions of a channel (or feature) are zeroed together, for neighbors say much the same.
    Tompson et al. 2015.
    """

    kind: Literal["dropout"] = "dropout"
    aliases = (
        "Dropout",
        "drop",
        "Dropout1d",
        "Dropout2d",
        "Dropout3d",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "SpatialDropout3D",
    )
    example: ClassVar[str] = "dropout 0.5"
    later = ("spatial",)

    rate: Fraction = positional("share of the values that are zeroed", 0.5)
    spatial: bool = option(False, "whole channels (or features) are zeroed, at all their positions")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Drop values."""
        return g.apply(ChannelDropoutOp(self.rate) if self.spatial and len(x.shape) > 1 else DropoutOp(self.rate), x)


class StochasticDepth(PositionwiseLayer):
    """Zeroes all values of an example with probability `rate`, else scales them by 1/(1 − rate), in training.

    As the last layer in a body of `residual`, it leaves that body out for the example. Huang et al. 2016; each example
    has its own draw, as in torchvision's mode `row`.
    """

    kind: Literal["stochastic_depth"] = "stochastic_depth"
    aliases = ("StochasticDepth", "DropPath", "drop_path", "droppath")
    example: ClassVar[str] = "stochastic_depth 0.1"

    rate: Fraction = positional("share of the examples that are zeroed")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Drop examples."""
        return g.apply(StochasticDepthOp(self.rate), x)


class Noise(PositionwiseLayer):
    """Adds normal noise of mean 0 to each value, in training. Bishop 1995."""

    kind: Literal["noise"] = "noise"
    aliases = ("GaussianNoise", "gaussian_noise")
    example: ClassVar[str] = "noise 0.1"

    std: NonNegativeFloat = positional("standard deviation of the noise")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Add noise."""
        return g.apply(NoiseOp(self.std), x)


class Sample(PositionwiseLayer):
    """Draws from normal distributions: 2n features, n means and then n logarithms of variances → n features.

    In training mean + exp(log variance / 2)·ε, which gradients go through; in evaluation the mean. It goes with the
    loss `kl` of what it reads, as in a variational autoencoder. Kingma & Welling 2014.
    """

    kind: Literal["sample"] = "sample"
    aliases = ("Sampling", "reparameterize", "reparametrize")
    example: ClassVar[str] = "sample"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Draw."""
        return g.apply(SampleOp(), x)
