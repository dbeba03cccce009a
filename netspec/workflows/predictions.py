"""Predictions of a model and its evaluation on a split, as values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.graph.graph import Graph
from netspec.recipe.entities import EntityCounts

__all__ = [
    "Evaluation",
    "Prediction",
    "at_positions",
    "at_threshold",
    "class_names",
    "class_scores",
    "gives_probabilities",
    "number_names",
    "prediction_of",
    "several",
]


@dataclass(frozen=True, slots=True)
class Prediction:
    """The prediction of a model for one example.

    Attributes:
        label: the likeliest class; None where there are no classes.
        probability: its probability; None where the outputs are no probabilities, as those for the loss mse.
        probabilities: of all classes by name, the most probable first; empty where the outputs are none.
        outputs: the numbers that the network gives where they are no probabilities, in their own order; else empty.
        labels: where it may be of several classes at once, those whose probability is above 0.5, the likeliest first;
            else None.
        positions: where each position has a class, the share of the positions of each class, the most first; else None.
    """

    label: str | None
    probability: float | None
    probabilities: Mapping[str, float]
    outputs: tuple[float, ...] = ()
    labels: tuple[str, ...] | None = None
    positions: Mapping[str, float] | None = None


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """The evaluation of a model on a split of a dataset.

    Attributes:
        dataset: its name.
        examples: how many there are.
        loss: mean loss, l2 penalty included.
        accuracy: share classified right; None without classes, and then all below is empty.
        confusion: (K, K) counts, a row for each true class, a column for each predicted one.
        labels: the class names.
        predicted: (N,) the predicted class of each example.
        probability: (N,) the probability of the predicted class; its output where the outputs are no probabilities.
        split: which part: `train`, `validation` or `test`.
        true: (N,) the class of each example.
        scores: (N, K) the probability, or else the output, of each class.
        probable: whether those are probabilities.
        metrics: those that were asked for in training, or follow from what is learned; None where one has no value.
        outputs: of several outputs how each does, by its name; else empty.
        entities: those that labels of words mark, by kind: how many there are, and are found; None where none do.
        naive: of windows of a table how good the last known value is as the forecast; else empty.
    """

    dataset: str
    examples: int
    loss: float
    accuracy: float | None
    confusion: NDArray[np.int64]
    labels: tuple[str, ...]
    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]
    split: str = "test"
    true: NDArray[Any] = field(default_factory=lambda: np.zeros(0, np.int64))
    scores: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    probable: bool = True
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    outputs: Mapping[str, Evaluation] = field(default_factory=dict)
    entities: EntityCounts | None = None
    naive: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        right = "" if self.accuracy is None else f", accuracy {100 * self.accuracy:.2f} %"
        classes = f", {len(self.labels)} classes" if self.labels else ""
        return f"Evaluation on {self.dataset}: {self.examples:,} examples{classes}, loss {self.loss:.4f}{right}"

    @property
    def recall(self) -> NDArray[np.float64]:
        """(K,) of the examples of each class, the share that is found; NaN where there are none."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=1))

    @property
    def precision(self) -> NDArray[np.float64]:
        """(K,) of what is taken for each class, the share that is right; NaN where nothing is."""
        return _share(np.diag(self.confusion), self.confusion.sum(axis=0))

    @property
    def f1(self) -> NDArray[np.float64]:
        """(K,) the harmonic mean of precision and recall; NaN for a class that is neither there nor predicted."""
        return _share(2 * np.diag(self.confusion), self.confusion.sum(axis=0) + self.confusion.sum(axis=1))

    @property
    def macro_f1(self) -> float | None:
        """The mean of F1 over the classes that are there or predicted; None without classes."""
        known = self.f1[~np.isnan(self.f1)]
        return float(known.mean()) if len(known) else None

    def top_accuracy(self, most: int) -> float:
        """Return the share of the examples whose class is among the `most` likeliest; of equals the first class counts.

        Raises:
            DataError: there are no classes, or not so many.
        """
        classes = self.scores.shape[1]
        if self.accuracy is None or not self.scores.size:
            no = "no classes" if self.accuracy is None else "a class for each position, of examples none"
            raise DataError(f"the model names {no}, so there are no likeliest ones", "leave --top-k out")
        if not 1 <= most <= classes:
            raise DataError(
                f"the {most} likeliest classes are asked for, but there are {classes} classes",
                f"ask for 1 to {classes}",
            )
        own = np.take_along_axis(self.scores, self.true[:, None].astype(np.int64), axis=1)
        before = np.arange(classes) < self.true[:, None]
        rank = (self.scores > own).sum(axis=1) + ((self.scores == own) & before).sum(axis=1)
        return float((rank < most).mean())


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full(len(part), np.nan), where=whole > 0)


def gives_probabilities(graph: Graph) -> bool:
    """Return whether a network's outputs are probabilities, by its loss or its last layer."""
    return graph.link is not None or graph.ends_in in {"softmax", "sigmoid"}


def class_scores(graph: Graph, logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the probability of each class, (N, K, ...); the outputs as they are where they are no probabilities.

    Args:
        graph: of the network.
        logits: (N, outputs, ...); one output stands for two classes.
    """
    if graph.link == "softmax":
        shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
        return shifted / shifted.sum(axis=1, keepdims=True)
    if graph.link == "sigmoid":
        logits = (0.5 * (1 + np.tanh(logits / 2))).astype(np.float32)
    # One output is the probability of the second of two classes.
    return np.concatenate([1 - logits, logits], axis=1) if logits.shape[1] == 1 else logits


def prediction_of(row: NDArray[np.float32], names: Sequence[str], *, probable: bool) -> Prediction:
    """Return the prediction from one row of outputs.

    Args:
        row: a probability for each name, or the network's outputs.
        names: of the classes; none where there are no classes.
        probable: whether the outputs are probabilities.
    """
    if not probable:
        outputs = tuple(row.tolist())
        if len(row) == 1 and len(names) == 2:
            return Prediction(names[int(row[0] > 0.5)], None, {}, outputs)
        return Prediction(names[int(row.argmax())] if len(row) == len(names) > 1 else None, None, {}, outputs)
    order = np.argsort(-row, kind="stable")
    ranked = {names[i]: float(row[i]) for i in order}
    return Prediction(names[order[0]], float(row[order[0]]), ranked)


def several(row: NDArray[np.float32], names: Sequence[str]) -> Prediction:
    """Return the prediction of several labels at once from the probability of each."""
    order = np.argsort(-row, kind="stable")
    ranked = {names[i]: float(row[i]) for i in order}
    return Prediction(None, None, ranked, labels=tuple(name for name, p in ranked.items() if p > 0.5))


def at_positions(scores: NDArray[np.float32], names: Sequence[str]) -> Prediction:
    """Return the prediction of a class at each position, from scores (K, ...)."""
    counts = np.bincount(scores.argmax(axis=0).reshape(-1), minlength=len(names))
    order = np.argsort(-counts, kind="stable")
    shares = {names[i]: float(counts[i] / counts.sum()) for i in order if counts[i]}
    return Prediction(None, None, {}, positions=shares)


def at_threshold(found: Prediction, labels: Sequence[str], threshold: float | None) -> Prediction:
    """Return a prediction as a threshold has it: of several labels, or of two classes by the probability of the second.

    Raises:
        DataError: it is of another kind.
    """
    if threshold is None:
        return found
    if found.labels is not None:
        return replace(found, labels=tuple(name for name, p in found.probabilities.items() if p >= threshold))
    if len(found.probabilities) != 2:
        what = f"{len(found.probabilities)} classes" if found.probabilities else "no classes"
        fix = "leave --threshold out"
        raise DataError(f"a threshold is for two classes or several labels at once, and the model gives {what}", fix)
    no, yes = class_names(labels, 2)
    label = yes if found.probabilities[yes] >= threshold else no
    return replace(found, label=label, probability=found.probabilities[label])


def class_names(labels: Sequence[str], classes: int) -> tuple[str, ...]:
    """Return a name for each class: that of the data, else its number, as `#3` where another class is called 3."""
    taken = set(labels)

    def free(name: str) -> str:
        return free(f"#{name}") if name in taken else name

    return (*labels, *(free(str(i)) for i in range(len(labels), classes)))


def number_names(columns: Sequence[str], name: str, count: int) -> list[str]:
    """Return a name for each number of an output: those of the columns that it learned, else its own with a place.

    Args:
        columns: that are learned, where the output learns all of them.
        name: of the output.
        count: of its numbers.
    """
    if len(columns) == count:
        return list(columns)
    return [name] if count == 1 else [f"{name} {i}" for i in range(count)]
