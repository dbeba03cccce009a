"""The sigmoid, the hyperbolic tangent, and their relatives."""

from typing import ClassVar, Literal

from netspec.layers.base import ActivationLayer

__all__ = ["HardSigmoid", "HardTanh", "LogSigmoid", "Sigmoid", "Softplus", "Softsign", "Tanh"]


class Sigmoid(ActivationLayer):
    """1/(1 + e⁻ˣ). As the last layer, its loss is binary cross-entropy computed from the logits."""

    kind: Literal["sigmoid"] = "sigmoid"
    example: ClassVar[str] = "sigmoid"


class LogSigmoid(ActivationLayer):
    """The logarithm of sigmoid, computed without underflow."""

    kind: Literal["log_sigmoid"] = "log_sigmoid"
    example: ClassVar[str] = "log_sigmoid"


class HardSigmoid(ActivationLayer):
    """min(max(x + 3, 0), 6)/6."""

    kind: Literal["hard_sigmoid"] = "hard_sigmoid"
    example: ClassVar[str] = "hard_sigmoid"


class Tanh(ActivationLayer):
    """Hyperbolic tangent."""

    kind: Literal["tanh"] = "tanh"
    example: ClassVar[str] = "tanh"


class HardTanh(ActivationLayer):
    """min(max(x, −1), 1)."""

    kind: Literal["hard_tanh"] = "hard_tanh"
    example: ClassVar[str] = "hard_tanh"


class Softplus(ActivationLayer):
    """log(1 + eˣ). Dugas et al. 2001."""

    kind: Literal["softplus"] = "softplus"
    example: ClassVar[str] = "softplus"


class Softsign(ActivationLayer):
    """x/(1 + |x|)."""

    kind: Literal["softsign"] = "softsign"
    example: ClassVar[str] = "softsign"
