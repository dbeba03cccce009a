"""The activations, by all their names: a layer of their own, or a word on another layer's line."""

from typing import Annotated, TypeAlias

from netspec.layers.base import ActivationLayer
from netspec.schema.family import Family, OneOf

__all__ = ["ACTIVATIONS", "Activation"]

ACTIVATIONS: Family[ActivationLayer] = Family(
    "activation",
    {
        "relu ReLU": "rectifier.Relu",
        "relu6 ReLU6": "rectifier.Relu6",
        "leaky_relu LeakyReLU leaky": "leaky.LeakyRelu",
        "prelu PReLU": "leaky.PRelu",
        "threshold Threshold ThresholdedReLU": "rectifier.Threshold",
        "elu ELU": "leaky.Elu",
        "celu CELU": "leaky.Celu",
        "selu SELU": "leaky.Selu",
        "gelu GELU": "gate.Gelu",
        "silu SiLU swish": "gate.Silu",
        "mish Mish": "gate.Mish",
        "hard_swish Hardswish": "gate.HardSwish",
        "hard_sigmoid Hardsigmoid": "sigmoid.HardSigmoid",
        "hard_tanh Hardtanh": "sigmoid.HardTanh",
        "tanh Tanh TanH": "sigmoid.Tanh",
        "tanhshrink Tanhshrink": "shrink.TanhShrink",
        "softshrink Softshrink": "shrink.SoftShrink",
        "hardshrink Hardshrink": "shrink.HardShrink",
        "sigmoid Sigmoid logistic": "sigmoid.Sigmoid",
        "log_sigmoid LogSigmoid logsigmoid": "sigmoid.LogSigmoid",
        "glu GLU": "gate.Glu",
        "softplus Softplus": "sigmoid.Softplus",
        "softsign Softsign": "sigmoid.Softsign",
        "softmax Softmax Softmax2d": "softmax.Softmax",
        "softmin Softmin": "softmax.Softmin",
        "log_softmax LogSoftmax": "softmax.LogSoftmax",
    },
    package="netspec.layers",
)
"""The one list of them, by all their names; a new one is entered here."""

Activation: TypeAlias = Annotated[ActivationLayer, OneOf(ACTIVATIONS)]
"""Any activation, told apart by `kind`."""
