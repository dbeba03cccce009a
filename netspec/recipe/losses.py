"""Losses: what training makes small. All are means over the examples of a batch, or over their positions that count.

An output with positions, features x length or channels x height x width, has its classes or numbers along the first
axis and a target for each position; a row of outputs is one position.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import AfterValidator, Field

from netspec.recipe.class_weights import BALANCED, as_weights
from netspec.schema.definition import Definition, option, positional
from netspec.schema.registry import OneOf, Registry
from netspec.schema.types import LARGEST, Expects, Fraction, NonNegativeFloat, NonNegativeInt, PositiveFloat

__all__ = [
    "LOSSES",
    "AnyLoss",
    "BinaryCrossEntropy",
    "Contrastive",
    "CosineDistance",
    "CrossEntropy",
    "Ctc",
    "Dice",
    "Focal",
    "Hinge",
    "Huber",
    "KullbackLeibler",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "Poisson",
    "Quantile",
    "Targets",
    "Triplet",
    "class_loss",
    "default_loss",
    "link",
]

Targets: TypeAlias = Literal["class", "share", "number", "pair", "sequence", "nothing"]
"""What outputs are compared with: a class number at each position; rows of shares or probabilities, each 0..1; numbers;
whether two belong together, 1 or 0; a sequence of classes; nothing at all, for what is in the outputs says it."""


class Loss(Definition):
    """How far the outputs are from the targets, and how outputs become predictions."""

    absorbs: ClassVar[tuple[str, ...]] = ()
    """Last activations that the loss absorbs: it is then computed from what goes into them."""
    refuses: ClassVar[tuple[str, ...]] = ()
    """Last activations that make no sense with this loss."""
    implied_by: ClassVar[tuple[str, ...]] = ()
    """Last activations that this loss goes with unless another is stated."""
    targets: ClassVar[tuple[Targets, ...]] = ("number", "class")
    """What it compares with, the usual first; class numbers where it reads them as one-hot rows too."""
    parts: ClassVar[int] = 1
    """Into how many equal parts it takes the outputs apart."""

    @property
    def compares(self) -> bool:
        """Whether it compares the outputs with targets: of some losses, what is in the outputs says it all."""
        return self.targets != ("nothing",)


_Ignore = Annotated[
    int, Field(ge=-LARGEST, le=LARGEST), Expects("a class number, or a whole number that is none, such as -1")
]
_Weights = Annotated[
    str,
    AfterValidator(as_weights),
    Expects('`balanced`, or weights in quotes: "1 2.5 1" in the order of the classes, or "cat=2 dog=1"'),
]
_Between = Annotated[float, Field(gt=0, lt=1), Expects("a number between 0 and 1")]


class CrossEntropy(Loss):
    """Softmax cross-entropy with class labels, computed from the logits: the outputs before a last softmax.

    Targets may be shares of classes, rows that add up to 1, too. Weights of classes, in quotes, are `"1 2.5 1"` in
    their order or `"cat=2 dog=1"` by name, where others have 1; the mean is then a weighted one, as PyTorch's is.
    """

    kind: Literal["cross_entropy"] = "cross_entropy"
    aliases = (
        "softmax_cross_entropy",
        "categorical_crossentropy",
        "sparse_categorical_crossentropy",
        "CategoricalCrossentropy",
        "SparseCategoricalCrossentropy",
        "CrossEntropyLoss",
        "NLLLoss",
        "SoftmaxWithLoss",
        "nll",
    )
    later = ("smoothing", "ignore", "class_weights")
    absorbs: ClassVar[tuple[str, ...]] = ("softmax",)
    implied_by: ClassVar[tuple[str, ...]] = ("softmax", "log_softmax")
    refuses: ClassVar[tuple[str, ...]] = ("sigmoid",)
    targets: ClassVar[tuple[Targets, ...]] = ("class", "share")
    smoothing: Fraction = option(
        0.0, "ε: of each target, this share is spread evenly over all classes (Szegedy et al. 2016)"
    )
    ignore: _Ignore | None = option(None, "a label that does not count, neither for the loss nor for a metric")
    class_weights: Literal["balanced"] | _Weights | None = option(
        None,
        "how much each class counts: `balanced` is n / (classes · n of the class), of the training labels",
    )

    @property
    def balances(self) -> bool:
        """Whether the weights are still to be worked out from the training labels."""
        return self.class_weights == BALANCED


class BinaryCrossEntropy(Loss):
    """Binary cross-entropy, mean over the outputs, from the logits: the outputs before a last sigmoid.

    Class labels for several outputs are read as one-hot rows; one output takes labels 0 and 1. Rows of 0 and 1 are
    several labels at once.
    """

    kind: Literal["binary_cross_entropy"] = "binary_cross_entropy"
    aliases = ("binary_crossentropy", "BinaryCrossentropy", "bce", "BCELoss", "BCEWithLogitsLoss")
    later = ("pos_weight",)
    absorbs: ClassVar[tuple[str, ...]] = ("sigmoid",)
    implied_by: ClassVar[tuple[str, ...]] = ("sigmoid",)
    refuses: ClassVar[tuple[str, ...]] = ("softmax", "log_softmax")
    targets: ClassVar[tuple[Targets, ...]] = ("share", "class")
    pos_weight: PositiveFloat = option(1.0, "how much more a target of 1 counts than one of 0, as in PyTorch")


class Focal(Loss):
    """Cross-entropy times (1 - p)^gamma, p the probability of what is right: easy examples count less.

    It goes with a last softmax or sigmoid, whose input it reads; plain outputs are taken as those before a softmax, one
    alone as that before a sigmoid. Lin et al., "Focal Loss for Dense Object Detection", 2017.
    """

    kind: Literal["focal"] = "focal"
    aliases = ("focal_loss", "FocalLoss", "BinaryFocalCrossentropy", "CategoricalFocalCrossentropy")
    absorbs: ClassVar[tuple[str, ...]] = ("softmax", "sigmoid")
    refuses: ClassVar[tuple[str, ...]] = ("log_softmax",)
    targets: ClassVar[tuple[Targets, ...]] = ("class", "share")
    gamma: NonNegativeFloat = option(2.0, "how much less easy examples count; 0 is cross-entropy")
    alpha: Annotated[float, Field(gt=0, le=1), Expects("a number above 0, at most 1")] | None = option(
        None, "with sigmoid: weight of targets of 1, those of 0 have 1 - alpha; with softmax: of all"
    )


class Hinge(Loss):
    """Multiclass hinge loss: the sum over the wrong classes of max(score - score of the right one + margin, 0).

    The outputs are scores, without softmax or sigmoid. It is the loss of a support vector machine, of Weston & Watkins
    1999 and of CS231n; PyTorch's MultiMarginLoss divides it by the number of classes.
    """

    kind: Literal["hinge"] = "hinge"
    aliases = ("svm", "multiclass_hinge", "MultiMarginLoss")
    refuses: ClassVar[tuple[str, ...]] = ("softmax", "sigmoid", "log_softmax")
    targets: ClassVar[tuple[Targets, ...]] = ("class", "share")
    margin: PositiveFloat = positional("by how much the right score is to be the larger one", 1.0)


class Dice(Loss):
    """1 - the overlap of outputs and targets, (2·Σpt + smooth) / (Σp + Σt + smooth), summed over the positions.

    It is taken for each example and each class, or output, then the mean; without positions the sums are over the
    outputs. It goes with a last softmax or sigmoid. Milletari, Navab & Ahmadi, "V-Net", 2016.
    """

    kind: Literal["dice"] = "dice"
    aliases = ("dice_loss", "DiceLoss")
    absorbs: ClassVar[tuple[str, ...]] = ("softmax", "sigmoid")
    refuses: ClassVar[tuple[str, ...]] = ("log_softmax",)
    targets: ClassVar[tuple[Targets, ...]] = ("share", "class")
    smooth: PositiveFloat = option(1.0, "added above and below, so that nothing is divided by 0")


class MeanSquaredError(Loss):
    """Mean over the outputs of the squared difference. Class labels are read as one-hot rows."""

    kind: Literal["mse"] = "mse"
    aliases = ("mean_squared_error", "MeanSquaredError", "MSELoss", "EuclideanLoss", "squared_error")


class MeanAbsoluteError(Loss):
    """Mean over the outputs of the absolute difference."""

    kind: Literal["mae"] = "mae"
    aliases = ("mean_absolute_error", "MeanAbsoluteError", "L1Loss", "absolute_error")


class Huber(Loss):
    """Half the squared difference where it is at most delta, else delta·(|difference| - delta/2). Huber 1964."""

    kind: Literal["huber"] = "huber"
    aliases = ("HuberLoss", "SmoothL1Loss", "smooth_l1")
    delta: PositiveFloat = positional("where the square becomes a line", 1.0)


class Quantile(Loss):
    """Makes an output the q-quantile of its targets: q·d where the target is larger by d, else (q - 1)·d.

    Koenker & Bassett 1978.
    """

    kind: Literal["quantile"] = "quantile"
    aliases = ("pinball", "quantile_loss", "PinballLoss")
    q: _Between = positional("which quantile; 0.5 is the median", 0.5)


class Poisson(Loss):
    """exp(output) - target·output: the output is the logarithm of the mean of a count. PyTorch's PoissonNLLLoss."""

    kind: Literal["poisson"] = "poisson"
    aliases = ("poisson_nll", "PoissonNLLLoss")
    refuses: ClassVar[tuple[str, ...]] = ("softmax", "sigmoid", "log_softmax")
    targets: ClassVar[tuple[Targets, ...]] = ("number",)


class CosineDistance(Loss):
    """1 - the cosine of the angle between outputs and targets, over the features of each position."""

    kind: Literal["cosine"] = "cosine"
    aliases = ("cosine_similarity", "CosineSimilarity", "cosine_distance", "CosineEmbeddingLoss")


class Contrastive(Loss):
    """d² for two that belong together (target 1), max(margin - d, 0)² for two that do not (target 0), halved.

    d is the distance: one output is it itself; of an even number, the two halves are the two that are compared, as
    `concat` puts them. Hadsell, Chopra & LeCun 2006.
    """

    kind: Literal["contrastive"] = "contrastive"
    aliases = ("ContrastiveLoss", "contrastive_loss")
    targets: ClassVar[tuple[Targets, ...]] = ("pair",)
    parts: ClassVar[int] = 2
    margin: PositiveFloat = positional("so far apart is far enough", 1.0)


class Triplet(Loss):
    """max(d(anchor, same) - d(anchor, other) + margin, 0): the outputs are the three, one behind the other.

    It needs no targets. Distances are Euclidean. Schroff, Kalenichenko & Philbin 2015; PyTorch's TripletMarginLoss.
    """

    kind: Literal["triplet"] = "triplet"
    aliases = ("TripletMarginLoss", "triplet_loss")
    targets: ClassVar[tuple[Targets, ...]] = ("nothing",)
    parts: ClassVar[int] = 3
    margin: PositiveFloat = positional("so much nearer than the other is near enough", 1.0)


class KullbackLeibler(Loss):
    """Divergence of a normal distribution from the standard one: ½·Σ(exp(v) + m² - 1 - v), summed over the features.

    The first half of the outputs are the means m, the second the logarithms v of the variances; it needs no targets.
    Kingma & Welling, "Auto-Encoding Variational Bayes", 2014.
    """

    kind: Literal["kl"] = "kl"
    aliases = ("kl_normal", "gaussian_kl")
    refuses: ClassVar[tuple[str, ...]] = ("softmax", "sigmoid", "log_softmax")
    targets: ClassVar[tuple[Targets, ...]] = ("nothing",)
    parts: ClassVar[int] = 2


class Ctc(Loss):
    """Connectionist temporal classification: of all alignments of a shorter sequence of classes with the positions.

    The outputs are classes x length, one class the blank; a target is a row of classes, filled up with -1. The loss of
    an example is divided by the length of its target, as PyTorch's mean does. Graves et al. 2006.
    """

    kind: Literal["ctc"] = "ctc"
    aliases = ("CTCLoss", "CTC")
    absorbs: ClassVar[tuple[str, ...]] = ("softmax",)
    refuses: ClassVar[tuple[str, ...]] = ("sigmoid",)
    targets: ClassVar[tuple[Targets, ...]] = ("sequence",)
    blank: NonNegativeInt = option(0, "the class that stands for nothing")


LOSSES: Registry[Loss] = Registry(
    "loss",
    [
        CrossEntropy,
        BinaryCrossEntropy,
        Focal,
        Hinge,
        Dice,
        MeanSquaredError,
        MeanAbsoluteError,
        Huber,
        Quantile,
        Poisson,
        CosineDistance,
        Contrastive,
        Triplet,
        KullbackLeibler,
        Ctc,
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


def link(loss: Loss, outputs: int, ends_in: str | None) -> str | None:
    """Return what makes probabilities of what a loss reads: softmax, sigmoid, or None where it reads none, or numbers.

    Args:
        loss: which one.
        outputs: how many there are at a position.
        ends_in: the last activation. Without one, outputs are meant to go through what the loss is computed with.
    """
    if not loss.absorbs or ends_in in loss.absorbs:
        return ends_in if loss.absorbs else None
    if len(loss.absorbs) == 1:
        return loss.absorbs[0]
    return "softmax" if outputs > 1 else "sigmoid"


def class_loss(outputs: int) -> Loss:
    """Return the loss of plain outputs that are learned from class labels, as logits: one stands for two classes."""
    return BinaryCrossEntropy() if outputs == 1 else CrossEntropy()
