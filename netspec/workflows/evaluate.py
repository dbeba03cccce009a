"""Evaluation of a model on a split: its loss, its scores, and the classes they stand for."""

from __future__ import annotations

import numpy as np

from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.workflows.predictions import Evaluation, class_names, class_scores, gives_probabilities

__all__ = ["BATCH", "evaluate_split"]

BATCH = 1000
"""Examples that are computed at once."""


def evaluate_split(
    model: Model, variables: Variables, dataset: Dataset, split: Split, *, name: str, labels: tuple[str, ...]
) -> Evaluation:
    """Return the evaluation of a model on a split.

    Args:
        model: the compiled network.
        variables: the trained arrays.
        dataset: what the split is of.
        split: its examples.
        name: of the split.
        labels: the names of the classes that the model has learned.

    Raises:
        DataError: when the dataset has other classes than the model.
    """
    trainer = Trainer(model, steps_per_epoch=1, epochs=1, seed=0)
    loss, accuracy, logits = trainer.evaluate(variables, trainer.place(split), BATCH)
    if accuracy is None:
        none = np.zeros(0)
        nothing = (np.zeros((0, 0), np.int64), (), none.astype(np.int64), none.astype(np.float32))
        return Evaluation(dataset.name, len(logits), loss, None, *nothing, split=name)
    scores = class_scores(model.graph, logits)
    classes = scores.shape[1]
    found = scores.argmax(axis=1)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (split.labels, found), 1)
    return Evaluation(
        dataset=dataset.name,
        examples=len(found),
        loss=loss,
        accuracy=accuracy,
        confusion=confusion,
        labels=class_names(_common_labels(labels, dataset, classes), classes),
        predicted=found,
        probability=scores[np.arange(len(found)), found],
        split=name,
        true=split.labels,
        scores=scores,
        probable=gives_probabilities(model.graph),
    )


def _common_labels(own: tuple[str, ...], dataset: Dataset, classes: int) -> tuple[str, ...]:
    """Return the names of the classes of a dataset: the model's own where the dataset has only numbers for them.

    Raises:
        DataError: it has classes that the model does not have, or the model's in another order.
    """
    given = dataset.labels
    numbers = tuple(map(str, range(len(given))))
    if given == numbers:
        return own or given
    if own[: len(given)] == given:
        return own
    named = bool(own) and own != tuple(map(str, range(len(own))))
    if len(given) > classes or (named and (len(given) != len(own) or set(given) & set(own))):
        known = f"{listing(own, 'and')}, in this order" if named else f"{classes} classes"
        raise DataError(
            f"{dataset.name} has the classes {listing(given, 'and')}; the model learned {known}",
            "number the labels in the order of the model, and leave out what it did not learn",
        )
    return given
