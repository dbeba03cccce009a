"""Activations: functions of each value, as a layer of their own or as a word on another layer's line."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from netspec import ops
from netspec.layers.base import ActivationLayer, Builder, Tensor
from netspec.layers.rectifier import (
    Celu,
    Elu,
    HardShrink,
    LeakyRelu,
    PRelu,
    Relu,
    Relu6,
    Selu,
    SoftShrink,
    Threshold,
)
from netspec.signature import OneOf, option

__all__ = ["ACTIVATIONS", "Activation", "ActivationLayer"]


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


class LogSigmoid(ActivationLayer):
    """The logarithm of sigmoid, computed without underflow."""

    kind: Literal["log_sigmoid"] = "log_sigmoid"
    aliases: ClassVar[tuple[str, ...]] = ("LogSigmoid", "logsigmoid")
    example: ClassVar[str] = "log_sigmoid"


class TanhShrink(ActivationLayer):
    """x − tanh(x)."""

    kind: Literal["tanhshrink"] = "tanhshrink"
    aliases: ClassVar[tuple[str, ...]] = ("Tanhshrink",)
    example: ClassVar[str] = "tanhshrink"


class Glu(ActivationLayer):
    """The first half of the channels (or features) times the sigmoid of the second half. Dauphin et al. 2017."""

    kind: Literal["glu"] = "glu"
    aliases: ClassVar[tuple[str, ...]] = ("GLU",)
    example: ClassVar[str] = "glu"

    def build(self, g: Builder, x: Tensor) -> Tensor:
        """Gate one half with the other."""
        return g.apply(ops.Gated("sigmoid"), x)


class Softsign(ActivationLayer):
    """x/(1 + |x|)."""

    kind: Literal["softsign"] = "softsign"
    aliases: ClassVar[tuple[str, ...]] = ("Softsign",)
    example: ClassVar[str] = "softsign"


class Softmax(ActivationLayer):
    """eˣ over its sum along the channels (or features). As the last layer, its loss is cross-entropy."""

    kind: Literal["softmax"] = "softmax"
    aliases: ClassVar[tuple[str, ...]] = ("Softmax", "Softmax2d")
    example: ClassVar[str] = "softmax"
    example_input: ClassVar[str] = "10"


class Softmin(ActivationLayer):
    """The softmax of −x: the smallest value gets the largest share."""

    kind: Literal["softmin"] = "softmin"
    aliases: ClassVar[tuple[str, ...]] = ("Softmin",)
    example: ClassVar[str] = "softmin"
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
    Softmax,
    Softmin,
    LogSoftmax,
)
"""The one list of them; a new one is entered here."""

Activation: TypeAlias = Annotated[ActivationLayer, OneOf(*ACTIVATIONS)]
"""Any activation, told apart by `kind`."""
