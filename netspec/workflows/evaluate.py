"""Evaluation of a model on a split: its loss, its scores, and the classes they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.train.measurement import Measurement
from netspec.backends.jax.train.step import Trainer
from netspec.data.texts.tagged import entity_labels
from netspec.data.types import Dataset, Split
from netspec.data.units import columns_of, units_of
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.graph.graph import Graph
from netspec.graph.memory import answered_at_once
from netspec.ir.network import Network
from netspec.recipe.losses import CrossEntropy, Loss
from netspec.training.scores import Scorer, scorers_of, tasks_of
from netspec.workflows.predictions import Evaluation, class_names, class_scores, gives_probabilities

__all__ = ["evaluate_split"]

Labels: TypeAlias = "tuple[str, ...] | Mapping[str, tuple[str, ...]]"


def evaluate_split(
    model: Model, variables: Variables, dataset: Dataset, split: Split, *, name: str, labels: Labels
) -> Evaluation:
    """Return the evaluation of a model on a split.

    Args:
        model: the compiled network.
        variables: the trained arrays.
        dataset: what the split is of.
        split: its examples.
        name: of the split.
        labels: the names of the classes that the model has learned; of several outputs by their names.

    Raises:
        DataError: when the dataset has other classes than the model.
    """
    trainer = Trainer(model, steps_per_epoch=1, epochs=1, seed=0)
    graph = model.graph
    tasks = tasks_of(model.network, graph, split)
    units = units_of(graph, dataset.preparation)
    columns = columns_of(graph, dataset.preparation)
    scorers = scorers_of(
        model.network,
        graph,
        model.inference,
        tasks,
        "test",
        whole=True,
        units=units,
        columns=columns,
        tags=entity_labels(model.network, dataset.preparation),
    )
    add = {output: scorer.add for output, scorer in scorers.items()}
    at_once = answered_at_once(model.network, graph)
    measured = trainer.evaluate(variables, trainer.examples(split), at_once, add)
    one = () if isinstance(labels, Mapping) else labels
    learned = _Learned(model.network, dataset, name, one)
    if len(graph.outputs) == 1:
        found = _of_output(learned, graph, split.labels, measured, next(iter(scorers.values()), None))
        return replace(found, naive=dataset.naive.get(name, {}))
    each = {}
    for output in graph.outputs:
        loss, accuracy = measured.outputs[output.name]
        alone = Measurement(loss, accuracy, {}, measured.logits[output.name])
        own = (graph.only(output), split.labels[output.target], alone, scorers.get(output.name))
        # What there is of a target alone is named by that target.
        named = replace(dataset, labels=dataset.names_of(output.target))
        names = labels.get(output.name, ()) if isinstance(labels, Mapping) else labels
        each[output.name] = _of_output(learned._replace(dataset=named, labels=names), *own)
    return replace(_without_classes(learned, len(split), measured), outputs=each)


class _Learned(NamedTuple):
    """What was learned, and what it is looked at on: a part of a dataset by its name."""

    network: Network
    dataset: Dataset
    split: str
    labels: tuple[str, ...]


def _without_classes(learned: _Learned, examples: int, measured: Measurement) -> Evaluation:
    """Return an evaluation of outputs that are not a class for each example."""
    none = np.zeros(0)
    return Evaluation(
        dataset=learned.dataset.name,
        examples=examples,
        loss=measured.loss,
        accuracy=measured.accuracy,
        confusion=np.zeros((0, 0), np.int64),
        labels=(),
        predicted=none.astype(np.int64),
        probability=none.astype(np.float32),
        split=learned.split,
        probable=False,
    )


def _of_output(
    learned: _Learned, graph: Graph, true: NDArray[Any], measured: Measurement, scorer: Scorer | None
) -> Evaluation:
    """Return the evaluation of one output; `graph` is of it alone."""
    metrics = scorer.values() if scorer else {}
    accuracy = metrics.get("accuracy") if measured.accuracy is None else measured.accuracy
    measured = measured._replace(accuracy=accuracy)
    metrics.pop("accuracy", None)
    confusion = scorer.confusion if scorer else None
    if confusion is None or graph.shape(graph.output)[1:] or true.dtype.kind == "f" or _ignores(graph.loss):
        counts = np.zeros((0, 0), np.int64) if confusion is None else confusion
        names = () if confusion is None else _class_names(learned, len(confusion))
        plain = _without_classes(learned, len(true), measured)
        return replace(
            plain, confusion=counts, labels=names, metrics=metrics, entities=scorer.entities if scorer else None
        )
    scores = class_scores(graph, measured.logits)
    classes = scores.shape[1]
    found = scores.argmax(axis=1)
    confusion = np.zeros((classes, classes), np.int64)
    np.add.at(confusion, (true, found), 1)
    return Evaluation(
        dataset=learned.dataset.name,
        examples=len(found),
        loss=measured.loss,
        accuracy=accuracy,
        confusion=confusion,
        labels=_class_names(learned, classes),
        predicted=found,
        probability=scores[np.arange(len(found)), found],
        split=learned.split,
        true=true,
        scores=scores,
        probable=not learned.network.reconstructs and gives_probabilities(graph),
        metrics=metrics,
    )


def _class_names(learned: _Learned, classes: int) -> tuple[str, ...]:
    return class_names(_common_labels(learned.labels, learned.dataset, classes), classes)


def _ignores(loss: Loss) -> bool:
    """Return whether some labels may not count."""
    return isinstance(loss, CrossEntropy) and loss.ignore is not None


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
