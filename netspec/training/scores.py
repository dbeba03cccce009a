"""Metrics of the outputs of a split, added up batch by batch: sums where these are enough, else all scores.

What is only a sum needs no memory. AUROC and average precision need the scores of all examples, which are kept as
float32; of more than `MOST_SCORES` numbers they are not measured. Where a metric has no value, as AUROC of one class
alone, it is None, and a note says why; no value is ever NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import exp, isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.types import Split
from netspec.data.units import Unit
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.ir.recipe import Recipe
from netspec.recipe.entities import EntityCounts
from netspec.recipe.losses import CrossEntropy
from netspec.recipe.metrics import (
    METRICS,
    Task,
    asked_metrics,
    metric_of,
    metrics_of,
    output_of,
    possible_tasks,
    split_of,
    usual_metrics,
)
from netspec.training.score_values import Moments, auroc, average_precision, log_probabilities

__all__ = ["MOST_SCORES", "Scorer", "asked_of", "scorer_of", "scorers_of", "task_of", "tasks_of", "usual_of"]

MOST_SCORES = 2**28
"""So many scores are kept at most, in a gibibyte."""

_BINS = 15

_Floats = NDArray[np.float64]


class Scorer:
    """The metrics of one output of a network over a split.

    Args:
        names: which.
        task: what the outputs say.
        function: what makes probabilities of them, `softmax` or `sigmoid`; None where they are none, or are so already.
        classes: how many, or how many numbers, there are at a position.
        ignore: a label that does not count.
        unit: what brings numbers, which are learned in another one, into their own unit.
        columns: the columns of a table that the numbers are, where they are several: each is measured in its own unit,
            and all together as they are learned.
        tags: the labels of words that the classes are, where they mark entities; else none.
    """

    def __init__(
        self,
        names: Sequence[str],
        task: Task,
        function: str | None,
        classes: int,
        ignore: int | None = None,
        unit: Unit | None = None,
        columns: Sequence[str] = (),
        tags: Sequence[str] = (),
    ) -> None:
        self.names, self.task, self.function, self.ignore = tuple(names), task, function, ignore
        self.unit = unit
        self.columns = tuple(columns) if task == "numbers" else ()
        self.classes = 2 if task == "two classes" else classes
        self.notes: list[str] = []
        self._count = 0
        self._confusion = (
            np.zeros((self.classes, self.classes), np.int64) if task in {"classes", "two classes"} else None
        )
        # True and false positives and negatives of each label: TP, FP, FN.
        self._labels = np.zeros((3, self.classes), np.int64)
        self._all_right = 0
        self._top = {METRICS[name].k: 0 for name in names if METRICS[name].k}
        self._log_loss = 0.0
        self._bins = np.zeros((3, _BINS))
        self._numbers, self._own = Moments(self.classes), Moments(self.classes)
        self._kept: list[tuple[NDArray[np.float32], NDArray[np.int32]]] = []
        self._keeps = bool({"auroc", "average_precision"} & {*names})
        # What stands for no label marks nothing.
        self._tags = (*tags, *("O",) * (self.classes - len(tags)))
        asked = any(METRICS[name].entities for name in names)
        self._entities = EntityCounts() if tags and asked and self._confusion is not None else None

    def add(
        self, outputs: NDArray[np.floating], targets: NDArray[np.generic], counted: NDArray[np.generic] | None = None
    ) -> None:
        """Add a batch.

        Args:
            outputs: (N, K), or (N, K, ...) with positions: the logits.
            targets: class numbers, (N, ...), or shares, labels or numbers of the shape of the outputs.
            counted: (N, ...), what counts is not 0; all where it is None.
        """
        if self._entities:
            self._add_sentences(self._entities, outputs, np.asarray(targets), counted)
        z = np.moveaxis(np.asarray(outputs, np.float64), 1, -1).reshape(-1, outputs.shape[1])
        t: NDArray[np.generic] = np.asarray(targets)
        if t.size == z.size and z.shape[1] > 1:
            t = np.moveaxis(t.reshape(outputs.shape), 1, -1).reshape(z.shape)
        else:
            t = t.reshape(-1)
        if counted is not None:
            keep = np.broadcast_to(
                np.asarray(counted).reshape(*counted.shape, *(1,) * (outputs.ndim - 1 - counted.ndim)),
                (outputs.shape[0], *outputs.shape[2:]),
            ).reshape(-1)
            z, t = z[keep != 0], t[keep != 0]
        if self.ignore is not None and t.ndim == 1:
            z, t = z[t != self.ignore], t[t != self.ignore]
        self._count += len(z)
        if self.task == "numbers":
            if self.function == "sigmoid":
                z = np.exp(-np.logaddexp(0, -z))
            t = t.reshape(z.shape).astype(np.float64)
            own = (self.unit(z), self.unit(t)) if self.unit else (z, t)
            # Sums of numbers of several units say nothing.
            self._numbers.add(*((z, t) if self.columns else own))
            if self.columns:
                self._own.add(*own)
        elif self.task == "labels":
            self._add_labels(z, t.reshape(z.shape).astype(np.float64) >= 0.5)
        else:
            self._add_classes(z, (t.argmax(axis=1) if t.ndim == 2 else t).astype(np.int64))

    def _add_classes(self, z: _Floats, y: NDArray[np.int64]) -> None:
        logs = log_probabilities(z, self.function)
        found = logs.argmax(axis=1)
        assert self._confusion is not None
        np.add.at(self._confusion, (y, found), 1)
        own = np.take_along_axis(logs, y[:, None], axis=1)
        if self._top:
            before = np.arange(logs.shape[1]) < y[:, None]
            rank = (logs > own).sum(axis=1) + ((logs == own) & before).sum(axis=1)
            for k in self._top:
                self._top[k] += int((rank < k).sum())
        if {"log_loss", "perplexity"} & {*self.names}:
            # Sigmoids of several classes need not add up to 1.
            whole = np.logaddexp.reduce(logs, axis=1) if self.function == "sigmoid" and z.shape[1] > 1 else 0.0
            self._log_loss += float((whole - own[:, 0]).sum())
        if "calibration_error" in self.names:
            confidence = np.exp(np.take_along_axis(logs, found[:, None], axis=1)[:, 0])
            at = np.clip(np.ceil(confidence * _BINS).astype(int) - 1, 0, _BINS - 1)
            for i, values in enumerate((np.ones(len(at)), confidence, found == y)):
                self._bins[i] += np.bincount(at, values, _BINS)
        if self._keeps:
            self._keep(logs[:, 1:] if self.classes == 2 else logs, y)

    def _add_sentences(
        self,
        entities: EntityCounts,
        outputs: NDArray[np.floating],
        targets: NDArray[np.generic],
        counted: NDArray[np.generic] | None,
    ) -> None:
        """Add the entities of a batch of sentences, (N, K, L), with a label for each word, (N, L)."""
        found = log_probabilities(np.moveaxis(np.asarray(outputs, np.float64), 1, -1), self.function).argmax(axis=-1)
        true = targets.reshape(found.shape).astype(np.int64)
        keep = np.ones(found.shape, bool) if counted is None else np.asarray(counted).reshape(len(found), -1) != 0
        if self.ignore is not None:
            keep = keep & (true != self.ignore)
        for own, given, counts in zip(true, found, np.broadcast_to(keep, found.shape), strict=True):
            entities.add([self._tags[i] for i in own[counts]], [self._tags[i] for i in given[counts]])

    def _add_labels(self, z: _Floats, y: NDArray[np.bool_]) -> None:
        found = z > (0 if self.function else 0.5)
        self._labels += np.stack([(found & y).sum(axis=0), (found & ~y).sum(axis=0), (~found & y).sum(axis=0)])
        self._all_right += int((found == y).all(axis=1).sum())
        self._log_loss += float((np.logaddexp(0, z) - z * y).mean(axis=1).sum()) if z.size else 0.0
        if self._keeps:
            self._keep(z, y)

    def _keep(self, scores: _Floats, y: NDArray[np.generic]) -> None:
        kept = sum(scores.size for scores, _ in self._kept) + scores.size
        if kept > MOST_SCORES:
            self._keeps = False
            self._kept = []
            why = f"they need the scores of all examples, and there are more than {MOST_SCORES:,}"
            self.notes.append(f"auroc and average_precision are not measured: {why}")
        else:
            self._kept.append((scores.astype(np.float32), y.astype(np.int32)))

    @property
    def confusion(self) -> NDArray[np.int64] | None:
        """(K, K) counts, a row for each true class, a column for each predicted one; None without classes."""
        return self._confusion

    @property
    def entities(self) -> EntityCounts | None:
        """The entities of each kind; None where none of their metrics is asked for, or labels mark none."""
        return self._entities

    def values(self) -> dict[str, float | None]:
        """Return the value of each metric, in the order they were asked for; None where it has none."""
        found: dict[str, float | None] = {}
        for name in self.names:
            value = self._value(name) if self._count else None
            found[name] = float(value) if value is not None and isfinite(value) else None
        for name in self.names if self._count else ():
            own = self._own.each(name) if self.columns else None
            for column, value in zip(self.columns, own if own is not None else (), strict=own is not None):
                found[f"{column}_{name}"] = float(value) if isfinite(value) else None
        missing = [name for name, value in found.items() if value is None]
        if missing and not self.notes:
            why = "no example counts" if not self._count else "the targets have one class or value alone, or too few"
            self.notes.append(f"{', '.join(missing)}: no value, for {why}")
        return found

    def _value(self, name: str) -> float | None:
        metric = METRICS[name]
        if metric.entities:
            # A share of nothing is 0, as seqeval says it.
            return (getattr(self._entities.all(), name.removeprefix("entity_")) or 0.0) if self._entities else None
        if metric.k:
            return self._top[metric.k] / self._count
        if name in {"log_loss", "perplexity"}:
            mean = self._log_loss / self._count
            return mean if name == "log_loss" else exp(mean) if mean < 700 else None
        if name == "calibration_error":
            return float(np.abs(self._bins[1] - self._bins[2]).sum() / self._count)
        if name in {"auroc", "average_precision"}:
            return self._ranked(auroc if name == "auroc" else average_precision) if self._keeps else None
        if self.task == "numbers":
            return self._numbers.value(name)
        return self._of_counts(name)

    def _of_counts(self, name: str) -> float | None:
        """Return what follows from true and false positives and negatives."""
        if self._confusion is None:
            right, false, missed = self._labels
            there = np.ones(len(right), bool)
            all_right = self._all_right
        else:
            right = np.diag(self._confusion)
            false, missed = self._confusion.sum(axis=0) - right, self._confusion.sum(axis=1) - right
            there = right + false + missed > 0
            all_right = int(right.sum())
        if self.task == "two classes" and name in {"iou", "dice"}:
            there = np.array([False, True])
        match name:
            case "accuracy":
                return all_right / self._count
            case "balanced_accuracy":
                known = right + missed > 0
                return float((right[known] / (right + missed)[known]).mean())
            case "precision":
                return float(_share(right, right + false)[there].mean())
            case "recall":
                return float(_share(right, right + missed)[there].mean())
            case "f1" | "dice":
                return float(_share(2 * right, 2 * right + false + missed)[there].mean())
            case "iou":
                return float(_share(right, right + false + missed)[there].mean())
            case _:
                sums = 2 * right.sum() + false.sum() + missed.sum()
                return float(2 * right.sum() / sums) if sums else 0.0

    def _ranked(self, measure: Callable[[NDArray[np.float32], NDArray[np.bool_]], float | None]) -> float | None:
        """Return the mean over the classes, each against the rest, of those of which there is a value."""
        if not self._kept:
            return None
        scores = np.concatenate([scores for scores, _ in self._kept])
        y = np.concatenate([y for _, y in self._kept])
        if self.task == "labels":
            columns = [(scores[:, i], y[:, i] > 0) for i in range(self.classes)]
        elif self.classes == 2:
            columns = [(scores[:, 0], y == 1)]
        else:
            columns = [(scores[:, i], y == i) for i in range(self.classes)]
        known = [value for column in columns if (value := measure(*column)) is not None]
        return float(np.mean(known)) if known else None


def task_of(network: Network, graph: Graph, targets: NDArray[Any]) -> Task | None:
    """Return what the outputs of a network say, by its loss and its targets; None where there is no metric of them."""
    outputs = graph.shape(graph.output)
    tasks = possible_tasks(graph.loss, outputs[0], graph.ends_in)
    if network.reconstructs:
        return "numbers" if tasks else None
    # Class numbers have one axis less than the outputs.
    whole = targets.dtype.kind in "iu" and targets.ndim == len(outputs)
    wanted = ("classes", "two classes") if whole else ("numbers", "labels", "two classes", "classes")
    return next((task for task in wanted if task in tasks), None)


def usual_of(network: Network, graph: Graph, task: Task | None, *, entities: bool = False) -> tuple[str, ...]:
    """Return the metrics that follow from what the outputs say; none where the input is learned again.

    Args:
        network: the network.
        graph: as declared.
        task: what the outputs say.
        entities: whether their classes are labels of words that mark entities.
    """
    probable = graph.link is not None or graph.ends_in in {"softmax", "sigmoid"}
    usual = () if network.reconstructs else usual_metrics(task, graph.shape(graph.output))
    if network.data is not None and network.data.is_tagged and task in {"classes", "two classes"}:
        # A label is no word that is foretold: how surprised the model is says little.
        usual = ("f1", "entity_f1")
    fits = (name for name in usual if task and METRICS[name].fits(task, probable=probable, entities=entities))
    return tuple(fits)


def asked_of(
    split: str, recipe: Recipe, usual: Sequence[str] = (), possible: Sequence[str] | None = None, output: str = ""
) -> tuple[str, ...]:
    """Return the metrics that a recipe asks for of a split, or else the usual; of the training set what it goes by.

    Args:
        split: which one.
        recipe: the recipe.
        usual: what is measured where it says nothing.
        possible: of several outputs what can be measured of this one: what is asked for is so of those that have it.
        output: its name.
    """
    named = [recipe.best, recipe.early_stop.on if recipe.early_stop else None]
    # What is named of the only output is one of its columns.
    of_it = [m for m in named if m and (not output or output_of(m, (output,)) == output)]
    own = [m for m in of_it if (split_of(m) == "train") == (split == "train")]
    by = {metric_of(m, (output,) if output else ()) for m in own} - {"loss"}
    if split == "train":
        # The accuracy is measured of the batches.
        return tuple(name for name in METRICS if name in by - {"accuracy"})
    asked = [name for name in asked_metrics(recipe.metrics) if possible is None or name in possible]
    return tuple(name for name in METRICS if name in {*(asked or usual), *by})


def tasks_of(network: Network, graph: Graph, split: Split) -> dict[str, Task | None]:
    """Return what each output says, by its name; the only one is by no name."""
    if len(graph.outputs) == 1:
        return {"": task_of(network, graph, split.labels)}
    return {o.name: task_of(network, graph.only(o), split.labels[o.target]) for o in graph.outputs}


def scorers_of(
    network: Network,
    graph: Graph,
    inference: Graph,
    tasks: Mapping[str, Task | None],
    split: str,
    *,
    whole: bool = False,
    units: Mapping[str, Unit] | None = None,
    columns: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> dict[str, Scorer]:
    """Return what adds up the metrics that are asked for of a split, or the usual ones, for each output by its name.

    Args:
        network: the network.
        graph: as declared.
        inference: as it is run.
        tasks: what each output says, by its name, which the only one does not have.
        split: which one.
        whole: whether the accuracy is among them where it is measured of classes anyway, and all that is measured of
            entities.
        units: what brings outputs into their own units, by their names.
        columns: of a table those that the only output learns, where they are several.
        tags: the labels of words that the only output learns, where they mark entities.
    """
    found = {}
    several = len(graph.outputs) > 1
    for output, run in zip(graph.outputs, inference.outputs, strict=True):
        name = output.name if several else ""
        task, alone = tasks[name], graph.only(output)
        if task is None:
            continue
        usual = usual_of(network, alone, task, entities=bool(tags))
        probable = alone.link is not None or alone.ends_in in {"softmax", "sigmoid"}
        possible = [m.name for m in metrics_of(task, probable=probable)] if several else None
        names = asked_of(split, network.recipe, usual, possible, name)
        kept = [n for n in names if whole or n != "accuracy" or task == "labels"]
        if whole and tags and task != "numbers":
            kept += [n for n, metric in METRICS.items() if metric.entities and n not in kept]
        unit = (units or {}).get(output.name)
        found[output.name] = scorer_of(inference.only(run), task, kept, unit, columns, tags)
    return found


def scorer_of(
    graph: Graph,
    task: Task | None,
    names: Sequence[str],
    unit: Unit | None = None,
    columns: Sequence[str] = (),
    tags: Sequence[str] = (),
) -> Scorer:
    """Return what adds up metrics of the logits of a network."""
    assert task is not None
    ignore = graph.loss.ignore if isinstance(graph.loss, CrossEntropy) else None
    return Scorer(names, task, graph.link, graph.shape(graph.logits)[0], ignore, unit, columns, tags)


def _share(part: NDArray[np.int64], whole: NDArray[np.int64]) -> _Floats:
    """Return shares; of nothing 0, as scikit-learn says it."""
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)
