"""Activations: a layer of their own, or a word on another layer's line."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from netspec import ops
from netspec.layers.base import ActivationLayer, Builder, Tensor
from netspec.layers.functions import Abs, Clamp, Exp, Log, Ramp, Sqrt, Square
from netspec.recipe.initializers import Constant
from netspec.schema.definition import option, positional
from netspec.schema.registry import OneOf, Registry
from netspec.schema.types import Also, AlsoKeyed, Float, NonNegativeFloat, PositiveFloat

__all__ = [
    "ACTIVATIONS",
    "Activation",
    "Celu",
    "Elu",
    "Gelu",
    "Glu",
    "HardShrink",
    "HardSigmoid",
    "HardSwish",
    "HardTanh",
    "LeakyRelu",
    "LogSigmoid",
    "LogSoftmax",
    "Mish",
    "OptionalActivation",
    "PRelu",
    "Relu",
    "Relu6",
    "Selu",
    "Sigmoid",
    "Silu",
    "SoftShrink",
    "Softmax",
    "Softmin",
    "Softplus",
    "Softsign",
    "Tanh",
    "TanhShrink",
    "Threshold",
]


class Relu(ActivationLayer):
    """Rectified linear unit, max(x, 0). Nair & Hinton 2010."""

    kind: Literal["relu"] = "relu"
    aliases = ("ReLU",)
    example: ClassVar[str] = "relu"


class Relu6(ActivationLayer):
    """min(max(x, 0), 6): a relu that fixed-point hardware can hold. Howard et al. 2017."""

    kind: Literal["relu6"] = "relu6"
    aliases = ("ReLU6",)
    example: ClassVar[str] = "relu6"


class Threshold(ActivationLayer):
    """x where it is above the threshold, one and the same value elsewhere."""

    kind: Literal["threshold"] = "threshold"
    aliases = ("Threshold", "ThresholdedReLU")
    example: ClassVar[str] = "threshold 0.5"
    threshold: Float = positional("what x must exceed to stay")
    value: Float = positional("what all other values become", 0.0)


class LeakyRelu(ActivationLayer):
    """x where positive, slope·x elsewhere. Maas et al. 2013."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    aliases = ("LeakyReLU", "leaky")
    example: ClassVar[str] = "leaky_relu 0.1"
    slope: NonNegativeFloat = positional("slope where x is negative", 0.01)


class PRelu(ActivationLayer):
    """x where positive, slope·x elsewhere, with a trained slope for each channel (or feature). He et al. 2015."""

    kind: Literal["prelu"] = "prelu"
    aliases = ("PReLU",)
    has_weights: ClassVar[bool] = True
    example: ClassVar[str] = "prelu"
    init: Float = positional("what each slope begins with", 0.25)
    shared: bool = option(False, "one slope for all channels")

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Apply the function with a slope of its own."""
        shape = (1,) if self.shared else x.shape[:1]
        slope = g.weight("slope", shape, role="scale", fans=(1, 1), init=Constant(value=self.init))
        return g.apply(ops.PRelu(), x, slope)


class Elu(ActivationLayer):
    """x where positive, alpha·(eˣ − 1) elsewhere. Clevert et al. 2016."""

    kind: Literal["elu"] = "elu"
    aliases = ("ELU",)
    example: ClassVar[str] = "elu"
    alpha: NonNegativeFloat = positional("−alpha is the limit for very negative x", 1.0)


class Celu(ActivationLayer):
    """x where positive, alpha·(e^(x/alpha) − 1) elsewhere: an elu without a corner. Barron 2017."""

    kind: Literal["celu"] = "celu"
    aliases = ("CELU",)
    example: ClassVar[str] = "celu 0.5"
    alpha: PositiveFloat = positional("−alpha is the limit for very negative x", 1.0)


class Selu(ActivationLayer):
    """The self-normalizing elu with fixed constants. Klambauer et al. 2017."""

    kind: Literal["selu"] = "selu"
    aliases = ("SELU",)
    example: ClassVar[str] = "selu"


class Gelu(ActivationLayer):
    """x·Φ(x), with the exact normal distribution Φ or its tanh approximation. Hendrycks & Gimpel 2016."""

    kind: Literal["gelu"] = "gelu"
    aliases = ("GELU",)
    example: ClassVar[str] = "gelu"
    approximate: Annotated[bool, AlsoKeyed(tanh=True, none=False)] = option(
        False, "use the tanh approximation; `approximate=tanh` and `approximate=none` are understood too"
    )


class Silu(ActivationLayer):
    """x·sigmoid(x), also called swish. Elfwing et al. 2018; Ramachandran et al. 2017."""

    kind: Literal["silu"] = "silu"
    aliases = ("SiLU", "swish")
    example: ClassVar[str] = "silu"


class Mish(ActivationLayer):
    """x·tanh(softplus(x)). Misra 2019."""

    kind: Literal["mish"] = "mish"
    aliases = ("Mish",)
    example: ClassVar[str] = "mish"


class HardSwish(ActivationLayer):
    """x·min(max(x + 3, 0), 6)/6. Howard et al. 2019."""

    kind: Literal["hard_swish"] = "hard_swish"
    aliases = ("Hardswish",)
    example: ClassVar[str] = "hard_swish"


class Glu(ActivationLayer):
    """The first half of the channels (or features) times the sigmoid of the second half. Dauphin et al. 2017."""

    kind: Literal["glu"] = "glu"
    aliases = ("GLU",)
    example: ClassVar[str] = "glu"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Gate one half with the other."""
        return g.apply(ops.Gated("sigmoid"), x)


class Sigmoid(ActivationLayer):
    """1/(1 + e⁻ˣ). As the last layer, its loss is binary cross-entropy computed from the logits."""

    kind: Literal["sigmoid"] = "sigmoid"
    aliases = ("Sigmoid", "logistic")
    example: ClassVar[str] = "sigmoid"


class LogSigmoid(ActivationLayer):
    """The logarithm of sigmoid, computed without underflow."""

    kind: Literal["log_sigmoid"] = "log_sigmoid"
    aliases = ("LogSigmoid", "logsigmoid")
    example: ClassVar[str] = "log_sigmoid"


class HardSigmoid(ActivationLayer):
    """min(max(x + 3, 0), 6)/6."""

    kind: Literal["hard_sigmoid"] = "hard_sigmoid"
    aliases = ("Hardsigmoid",)
    example: ClassVar[str] = "hard_sigmoid"


class Tanh(ActivationLayer):
    """Hyperbolic tangent."""

    kind: Literal["tanh"] = "tanh"
    aliases = ("Tanh", "TanH")
    example: ClassVar[str] = "tanh"


class HardTanh(ActivationLayer):
    """min(max(x, −1), 1)."""

    kind: Literal["hard_tanh"] = "hard_tanh"
    aliases = ("Hardtanh",)
    example: ClassVar[str] = "hard_tanh"


class Softplus(ActivationLayer):
    """log(1 + eˣ). Dugas et al. 2001."""

    kind: Literal["softplus"] = "softplus"
    aliases = ("Softplus",)
    example: ClassVar[str] = "softplus"


class Softsign(ActivationLayer):
    """x/(1 + |x|)."""

    kind: Literal["softsign"] = "softsign"
    aliases = ("Softsign",)
    example: ClassVar[str] = "softsign"


class TanhShrink(ActivationLayer):
    """x − tanh(x)."""

    kind: Literal["tanhshrink"] = "tanhshrink"
    aliases = ("Tanhshrink",)
    example: ClassVar[str] = "tanhshrink"


class SoftShrink(ActivationLayer):
    """x moved towards 0 by the limit, and 0 where it is nearer. Donoho 1995."""

    kind: Literal["softshrink"] = "softshrink"
    aliases = ("Softshrink",)
    example: ClassVar[str] = "softshrink"
    limit: NonNegativeFloat = positional("how far x is moved", 0.5)


class HardShrink(ActivationLayer):
    """x where it is further from 0 than the limit, 0 elsewhere."""

    kind: Literal["hardshrink"] = "hardshrink"
    aliases = ("Hardshrink",)
    example: ClassVar[str] = "hardshrink"
    limit: NonNegativeFloat = positional("how near to 0 becomes 0", 0.5)


class Softmax(ActivationLayer):
    """eˣ over its sum along the channels (or features). As the last layer, its loss is cross-entropy."""

    kind: Literal["softmax"] = "softmax"
    aliases = ("Softmax", "Softmax2d")
    example: ClassVar[str] = "softmax"
    example_input: ClassVar[str] = "10"


class Softmin(ActivationLayer):
    """The softmax of −x: the smallest value gets the largest share."""

    kind: Literal["softmin"] = "softmin"
    aliases = ("Softmin",)
    example: ClassVar[str] = "softmin"
    example_input: ClassVar[str] = "10"


class LogSoftmax(ActivationLayer):
    """The logarithm of softmax, computed without underflow."""

    kind: Literal["log_softmax"] = "log_softmax"
    aliases = ("LogSoftmax",)
    example: ClassVar[str] = "log_softmax"
    example_input: ClassVar[str] = "10"


ACTIVATIONS: Registry[ActivationLayer] = Registry(
    "activation",
    [
        Relu,
        Relu6,
        LeakyRelu,
        PRelu,
        Threshold,
        Elu,
        Celu,
        Selu,
        Gelu,
        Silu,
        Mish,
        HardSwish,
        HardSigmoid,
        HardTanh,
        Tanh,
        TanhShrink,
        SoftShrink,
        HardShrink,
        Sigmoid,
        LogSigmoid,
        Glu,
        Softplus,
        Softsign,
        Ramp,
        Exp,
        Log,
        Abs,
        Square,
        Sqrt,
        Clamp,
        Softmax,
        Softmin,
        LogSoftmax,
    ],
)
"""All activations, in the order of the reference pages; a new one is entered here."""

Activation: TypeAlias = Annotated[ActivationLayer, OneOf(ACTIVATIONS)]
"""Any activation, told apart by `kind`."""

OptionalActivation: TypeAlias = Annotated[Activation | None, Also(none=None)]
"""An activation on the line of another layer; `none` says that there is none, where a block's argument decides."""
