"""Activations: functions of each value, as a layer of their own or as a word on another layer's line."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from netspec.layers.base import Builder, Layer, Tensor
from netspec.ops import Activation as ActivationOp
from netspec.signature import NonNegativeFloat, OneOf, option, parameters, positional

__all__ = ["ACTIVATIONS", "Activation", "ActivationLayer"]


class ActivationLayer(Layer):
    """A layer that is one function; its fields are the function's parameters."""

    family: ClassVar[str] = "activation"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Apply the function of the same name."""
        values = tuple((p.name, getattr(self, p.name)) for p in parameters(type(self)))
        return g.apply(ActivationOp(self.canonical(), values), x)


class Relu(ActivationLayer):
    """Rectified linear unit, max(x, 0). Nair & Hinton 2010."""

    kind: Literal["relu"] = "relu"
    aliases: ClassVar[tuple[str, ...]] = ("ReLU",)
    example: ClassVar[str] = "relu"


class Relu6(ActivationLayer):
    """min(max(x, 0), 6): a relu that fixed-point hardware can hold. Howard et al. 2017."""

    kind: Literal["relu6"] = "relu6"
    aliases: ClassVar[tuple[str, ...]] = ("ReLU6",)
    example: ClassVar[str] = "relu6"


class LeakyRelu(ActivationLayer):
    """x where positive, slope·x elsewhere. Maas et al. 2013."""

    kind: Literal["leaky_relu"] = "leaky_relu"
    aliases: ClassVar[tuple[str, ...]] = ("LeakyReLU", "leaky")
    example: ClassVar[str] = "leaky_relu 0.1"
    slope: NonNegativeFloat = positional("slope where x is negative", 0.01)


class Elu(ActivationLayer):
    """x where positive, alpha·(eˣ − 1) elsewhere. Clevert et al. 2016."""

    kind: Literal["elu"] = "elu"
    aliases: ClassVar[tuple[str, ...]] = ("ELU",)
    example: ClassVar[str] = "elu"
    alpha: NonNegativeFloat = positional("−alpha is the limit for very negative x", 1.0)


class Selu(ActivationLayer):
    """The self-normalizing elu with fixed constants. Klambauer et al. 2017."""

    kind: Literal["selu"] = "selu"
    aliases: ClassVar[tuple[str, ...]] = ("SELU",)
    example: ClassVar[str] = "selu"


class Gelu(ActivationLayer):
    """x·Φ(x), with the exact normal distribution Φ or its tanh approximation. Hendrycks & Gimpel 2016."""

    kind: Literal["gelu"] = "gelu"
    aliases: ClassVar[tuple[str, ...]] = ("GELU",)
    example: ClassVar[str] = "gelu"
    approximate: bool = option(False, "use the tanh approximation")


class Silu(ActivationLayer):
    """x·sigmoid(x), also called swish. Elfwing et al. 2018; Ramachandran et al. 2017."""

    kind: Literal["silu"] = "silu"
    aliases: ClassVar[tuple[str, ...]] = ("SiLU", "swish")
    example: ClassVar[str] = "silu"


class Mish(ActivationLayer):
    """x·tanh(softplus(x)). Misra 2019."""

    kind: Literal["mish"] = "mish"
    aliases: ClassVar[tuple[str, ...]] = ("Mish",)
    example: ClassVar[str] = "mish"


class HardSwish(ActivationLayer):
    """x·min(max(x + 3, 0), 6)/6. Howard et al. 2019."""

    kind: Literal["hard_swish"] = "hard_swish"
    aliases: ClassVar[tuple[str, ...]] = ("Hardswish",)
    example: ClassVar[str] = "hard_swish"


class HardSigmoid(ActivationLayer):
    """min(max(x + 3, 0), 6)/6."""

    kind: Literal["hard_sigmoid"] = "hard_sigmoid"
    aliases: ClassVar[tuple[str, ...]] = ("Hardsigmoid",)
    example: ClassVar[str] = "hard_sigmoid"


class HardTanh(ActivationLayer):
    """min(max(x, −1), 1)."""

    kind: Literal["hard_tanh"] = "hard_tanh"
    aliases: ClassVar[tuple[str, ...]] = ("Hardtanh",)
    example: ClassVar[str] = "hard_tanh"


class Tanh(ActivationLayer):
    """Hyperbolic tangent."""

    kind: Literal["tanh"] = "tanh"
    aliases: ClassVar[tuple[str, ...]] = ("Tanh", "TanH")
    example: ClassVar[str] = "tanh"


class Sigmoid(ActivationLayer):
    """1/(1 + e⁻ˣ). As the last layer, its loss is binary cross-entropy computed from the logits."""

    kind: Literal["sigmoid"] = "sigmoid"
    aliases: ClassVar[tuple[str, ...]] = ("Sigmoid", "logistic")
    example: ClassVar[str] = "sigmoid"


class Softplus(ActivationLayer):
    """log(1 + eˣ). Dugas et al. 2001."""

    kind: Literal["softplus"] = "softplus"
    aliases: ClassVar[tuple[str, ...]] = ("Softplus",)
    example: ClassVar[str] = "softplus"


class Softsign(ActivationLayer):
    """x/(1 + |x|)."""

    kind: Literal["softsign"] = "softsign"
    aliases: ClassVar[tuple[str, ...]] = ("Softsign",)
    example: ClassVar[str] = "softsign"


class Softmax(ActivationLayer):
    """eˣ over its sum along the channels (or features). As the last layer, its loss is cross-entropy."""

    kind: Literal["softmax"] = "softmax"
    aliases: ClassVar[tuple[str, ...]] = ("Softmax",)
    example: ClassVar[str] = "softmax"
    example_input: ClassVar[str] = "10"


class LogSoftmax(ActivationLayer):
    """The logarithm of softmax, computed without underflow."""

    kind: Literal["log_softmax"] = "log_softmax"
    aliases: ClassVar[tuple[str, ...]] = ("LogSoftmax",)
    example: ClassVar[str] = "log_softmax"
    example_input: ClassVar[str] = "10"


ACTIVATIONS: tuple[type[ActivationLayer], ...] = (
    Relu,
    Relu6,
    LeakyRelu,
    Elu,
    Selu,
    Gelu,
    Silu,
    Mish,
    HardSwish,
    HardSigmoid,
    HardTanh,
    Tanh,
    Sigmoid,
    Softplus,
    Softsign,
    Softmax,
    LogSoftmax,
)
"""The one list of them; a new one is entered here."""

Activation: TypeAlias = Annotated[ActivationLayer, OneOf(*ACTIVATIONS)]
"""Any activation, told apart by `kind`."""
