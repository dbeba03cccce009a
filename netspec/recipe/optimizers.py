"""Optimizers: how gradients move the parameters. Each docstring says what its weight decay means."""

from typing import Annotated, Literal, TypeAlias

from netspec.schema.definition import Definition, Fraction, NonNegativeFloat, PositiveFloat, option
from netspec.schema.family import Family, OneOf

__all__ = ["COUPLED", "OPTIMIZERS", "Adam", "AnyOptimizer", "Optimizer"]

COUPLED = "λ: λ·w is added to the gradient of every parameter (PyTorch's meaning)"


class Optimizer(Definition):
    """What all optimizers share: a learning rate, which a schedule may move."""

    lr: PositiveFloat = option(0.001, "learning rate")

    def averages(self) -> int:
        """Return how many running averages it keeps, each as large as the parameters."""
        return 2


class Adam(Optimizer):
    """Adaptive moments. Kingma & Ba 2015; the weight decay is PyTorch's coupled form, `adamw` has the decoupled one."""

    kind: Literal["adam"] = "adam"
    beta1: Fraction = option(0.9, "decay of the mean of the gradients")
    beta2: Fraction = option(0.999, "decay of the mean of their squares")
    epsilon: PositiveFloat = option(1e-8, "added to the root of the mean square")
    weight_decay: NonNegativeFloat = option(0.0, COUPLED)


OPTIMIZERS: Family[Optimizer] = Family(
    "optimizer",
    {
        "sgd SGD": "descent.Sgd",
        "adam Adam": "optimizers.Adam",
        "adamw AdamW": "descent.AdamW",
        "nadam": "descent.Nadam",
        "radam RAdam": "descent.Radam",
        "adamax": "descent.Adamax",
        "rmsprop RMSprop RMSProp": "descent.RmsProp",
        "adagrad Adagrad AdaGrad": "descent.Adagrad",
        "adadelta Adadelta AdaDelta": "descent.Adadelta",
        "lamb": "descent.Lamb",
        "lion": "descent.Lion",
    },
    package="netspec.recipe",
)
"""The one list of them, by all their names; a new one is entered here."""

AnyOptimizer: TypeAlias = Annotated[Optimizer, OneOf(OPTIMIZERS)]
"""Any optimizer, told apart by `kind`."""
