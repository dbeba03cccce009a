"""Optimizers: how gradients move the parameters. Each docstring says what its weight decay means."""

from typing import Annotated, Literal, TypeAlias

from pydantic import model_validator

from netspec.schema.definition import Definition, option
from netspec.schema.registry import OneOf, Registry
from netspec.schema.types import Fraction, NonNegativeFloat, PositiveFloat

__all__ = [
    "COUPLED",
    "OPTIMIZERS",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "AnyOptimizer",
    "Lamb",
    "Lion",
    "Nadam",
    "Optimizer",
    "Radam",
    "RmsProp",
    "Sgd",
]


_Decays: TypeAlias = Literal["all", "kernels"]
_DECAYS = "what decays: all parameters, or the kernels alone, not the biases and the scales of norms"

COUPLED = "λ: λ·w is added to the gradient of every parameter (PyTorch's meaning)"


class Optimizer(Definition):
    """What all optimizers share: a learning rate, which a schedule may move."""

    later = ("decays",)
    lr: PositiveFloat = option(0.001, "learning rate")

    def averages(self) -> int:
        """Return how many running averages it keeps, each as large as the parameters."""
        return 2

    @model_validator(mode="after")
    def _decays_by_something(self) -> "Optimizer":
        if getattr(self, "decays", "all") == "kernels" and not getattr(self, "weight_decay", 0.0):
            raise ValueError("nothing decays: say by how much, `weight_decay=0.01 kernels`")
        return self


class Adam(Optimizer):
    """Adaptive moments. Kingma & Ba 2015; the weight decay is PyTorch's coupled form, `adamw` has the decoupled one."""

    kind: Literal["adam"] = "adam"
    aliases = ("Adam",)
    beta1: Fraction = option(0.9, "decay of the mean of the gradients")
    beta2: Fraction = option(0.999, "decay of the mean of their squares")
    epsilon: PositiveFloat = option(1e-8, "added to the root of the mean square")
    weight_decay: NonNegativeFloat = option(0.0, COUPLED)
    decays: _Decays = option("all", _DECAYS)


_DECOUPLED = "λ: every parameter also shrinks by lr·λ·w a step"


class Sgd(Optimizer):
    """Stochastic gradient descent, with momentum: v ← m·v + g, w ← w − lr·v (nesterov: w − lr·(m·v + g))."""

    kind: Literal["sgd"] = "sgd"
    aliases = ("SGD",)
    lr: PositiveFloat = option(0.01, "learning rate")
    momentum: Fraction = option(0.0, "m: share of the velocity kept")
    nesterov: bool = option(False, "look ahead along the velocity; needs a momentum")
    weight_decay: NonNegativeFloat = option(0.0, COUPLED)
    decays: _Decays = option("all", _DECAYS)

    def averages(self) -> int:
        """Return how many running averages it keeps."""
        return 1 if self.momentum else 0


class AdamW(Optimizer):
    """Adam with decoupled weight decay. Loshchilov & Hutter 2019."""

    kind: Literal["adamw"] = "adamw"
    aliases = ("AdamW",)
    beta1: Fraction = option(0.9, "decay of the mean of the gradients")
    beta2: Fraction = option(0.999, "decay of the mean of their squares")
    epsilon: PositiveFloat = option(1e-8, "added to the root of the mean square")
    weight_decay: NonNegativeFloat = option(0.01, _DECOUPLED)
    decays: _Decays = option("all", _DECAYS)


class Nadam(Optimizer):
    """Adam with Nesterov's look-ahead. Dozat 2016."""

    kind: Literal["nadam"] = "nadam"
    beta1: Fraction = option(0.9, "decay of the mean of the gradients")
    beta2: Fraction = option(0.999, "decay of the mean of their squares")
    epsilon: PositiveFloat = option(1e-8, "added to the root of the mean square")


class Radam(Optimizer):
    """Adam with a rectified, self-warming step. Liu et al. 2020."""

    kind: Literal["radam"] = "radam"
    aliases = ("RAdam",)
    beta1: Fraction = option(0.9, "decay of the mean of the gradients")
    beta2: Fraction = option(0.999, "decay of the mean of their squares")
    epsilon: PositiveFloat = option(1e-8, "added to the root of the mean square")


class Adamax(Optimizer):
    """Adam with the infinity norm. Kingma & Ba 2015, section 7."""

    kind: Literal["adamax"] = "adamax"
    beta1: Fraction = option(0.9, "decay of the mean of the gradients")
    beta2: Fraction = option(0.999, "decay of the norm")
    epsilon: PositiveFloat = option(1e-8, "added to the norm")


class RmsProp(Optimizer):
    """Gradients divided by the root of their running mean square. Tieleman & Hinton 2012; PyTorch's defaults."""

    kind: Literal["rmsprop"] = "rmsprop"
    aliases = ("RMSprop", "RMSProp")
    lr: PositiveFloat = option(0.01, "learning rate")
    decay: Fraction = option(0.99, "decay of the mean square")
    epsilon: PositiveFloat = option(1e-8, "added to the root of the mean square")
    momentum: Fraction = option(0.0, "share of the velocity kept")

    def averages(self) -> int:
        """Return how many running averages it keeps."""
        return 2 if self.momentum else 1


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of their squares. Duchi et al. 2011; PyTorch's defaults."""

    kind: Literal["adagrad"] = "adagrad"
    aliases = ("Adagrad", "AdaGrad")
    lr: PositiveFloat = option(0.01, "learning rate")
    epsilon: PositiveFloat = option(1e-10, "added to the root of the sum")

    def averages(self) -> int:
        """Return how many running averages it keeps."""
        return 1


class Adadelta(Optimizer):
    """Step sizes from the running means of gradients and of updates. Zeiler 2012."""

    kind: Literal["adadelta"] = "adadelta"
    aliases = ("Adadelta", "AdaDelta")
    lr: PositiveFloat = option(1.0, "learning rate")
    rho: Fraction = option(0.9, "decay of both means")
    epsilon: PositiveFloat = option(1e-6, "added under both roots")


class Lamb(Optimizer):
    """Adam with a trust ratio for each parameter, for large batches. You et al. 2020."""

    kind: Literal["lamb"] = "lamb"
    beta1: Fraction = option(0.9, "decay of the mean of the gradients")
    beta2: Fraction = option(0.999, "decay of the mean of their squares")
    epsilon: PositiveFloat = option(1e-6, "added to the root of the mean square")
    weight_decay: NonNegativeFloat = option(0.0, "λ: λ·w is added to the update before the trust ratio")
    decays: _Decays = option("all", _DECAYS)


class Lion(Optimizer):
    """The sign of an interpolated momentum. Chen et al. 2023."""

    kind: Literal["lion"] = "lion"
    lr: PositiveFloat = option(0.0001, "learning rate; 3 to 10 times smaller than Adam's")
    beta1: Fraction = option(0.9, "interpolation used for the sign")
    beta2: Fraction = option(0.99, "decay of the momentum")
    weight_decay: NonNegativeFloat = option(0.0, _DECOUPLED)
    decays: _Decays = option("all", _DECAYS)

    def averages(self) -> int:
        """Return how many running averages it keeps."""
        return 1


OPTIMIZERS: Registry[Optimizer] = Registry(
    "optimizer",
    [
        Sgd,
        Adam,
        AdamW,
        Nadam,
        Radam,
        Adamax,
        RmsProp,
        Adagrad,
        Adadelta,
        Lamb,
        Lion,
    ],
)
"""All optimizers; a new one is entered here."""

AnyOptimizer: TypeAlias = Annotated[Optimizer, OneOf(OPTIMIZERS)]
"""Any optimizer, told apart by `kind`."""
