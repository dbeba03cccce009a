"""Losses: what training makes small. All are means over the examples of a batch."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from netspec.schema.definition import Definition
from netspec.schema.registry import OneOf, Registry

__all__ = [
    "LOSSES",
    "AnyLoss",
    "BinaryCrossEntropy",
    "CrossEntropy",
    "Loss",
    "MeanSquaredError",
    "class_loss",
    "default_loss",
]


class Loss(Definition):
    """How far the outputs are from the targets, and how outputs become predictions."""

    from_logits: ClassVar[str | None] = None
    """The last activation that the loss absorbs: it is then computed from what goes into it."""
    refuses: ClassVar[tuple[str, ...]] = ()
    """Last activations that make no sense with this loss."""
    implied_by: ClassVar[tuple[str, ...]] = ()
    """Last activations that this loss goes with unless another is stated."""


class CrossEntropy(Loss):
    """Softmax cross-entropy with class labels, computed from the logits: the outputs before a last softmax."""

    kind: Literal["cross_entropy"] = "cross_entropy"
    aliases = (
        "softmax_cross_entropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "CrossEntropyLoss",
        "SoftmaxWithLoss",
        "nll",
    )
    from_logits: ClassVar[str | None] = "softmax"
    implied_by: ClassVar[tuple[str, ...]] = ("softmax", "log_softmax")
    refuses: ClassVar[tuple[str, ...]] = ("sigmoid",)


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy, mean over the outputs, from the logits: the outputs before a last sigmoid.

    Class labels for several outputs are read as one-hot rows; one output takes labels 0 and 1.
    """

    kind: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    aliases = ("binary_crossentropy", "bce", "BCELoss", "BCEWithLogitsLoss")
    from_logits: ClassVar[str | None] = "sigmoid"
    implied_by: ClassVar[tuple[str, ...]] = ("sigmoid",)
    refuses: ClassVar[tuple[str, ...]] = ("softmax", "log_softmax")


class MeanSquaredError(Loss):
    """Mean over the outputs of the squared difference. Class labels are read as one-hot rows."""

    kind: Literal["mse"] = "mse"
    aliases = ("mean_squared_error", "MSELoss", "EuclideanLoss", "squared_error")


LOSSES: Registry[Loss] = Registry(
    "loss",
    [
        CrossEntropy,
        BinaryCrossEntropy,
        MeanSquaredError,
    ],
)
"""All losses; a new one is entered here."""

AnyLoss: TypeAlias = Annotated[Loss, OneOf(LOSSES)]
"""Any loss, told apart by `kind`."""


def default_loss(last_activation: str | None) -> Loss:
    """Return the loss of a last layer: softmax → cross_entropy, sigmoid → binary_cross_entropy, else mse."""
    for loss in LOSSES.entries:
        if last_activation in loss.implied_by:
            return loss()  # type: ignore[call-arg]  # `kind` has its default in every member
    return MeanSquaredError()


def class_loss(outputs: int) -> Loss:
    """Return the loss of plain outputs that are learned from class labels, as logits: one stands for two classes."""
    return BinaryCrossEntropy() if outputs == 1 else CrossEntropy()
