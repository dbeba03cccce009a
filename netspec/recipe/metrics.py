"""Metrics: what is measured beside the loss, by name; each says what it is of, and which way is better."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import PlainValidator, WithJsonSchema, create_model, model_validator

from netspec.recipe import losses as of
from netspec.recipe.losses import Loss
from netspec.schema.definition import Definition, option
from netspec.schema.registry import OneOf, Registry
from netspec.schema.types import Expects, Words

__all__ = [
    "METRICS",
    "AnyMetrics",
    "Measurement",
    "Metric",
    "Metrics",
    "Task",
    "asked_metrics",
    "larger_is_better",
    "metric_of",
    "metrics_of",
    "output_of",
    "possible_tasks",
    "split_of",
    "usual_metrics",
]

Task: TypeAlias = Literal["classes", "two classes", "labels", "numbers"]
"""What outputs say at each position: one class of several, one of two by a single output, several labels, numbers."""

_ANY: tuple[Task, ...] = ("classes", "two classes", "labels")
_ONE: tuple[Task, ...] = ("classes", "two classes")


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric.

    Attributes:
        name: the word for it.
        what: its formula, and where it is from.
        tasks: what it is measured of.
        larger: whether larger is better.
        probable: whether it needs probabilities, which outputs of a loss of numbers are not.
        k: of top-k accuracy, else 0.
        entities: whether it is of the entities that labels of words mark, such as B-PER and I-PER.
    """

    name: str
    what: str
    tasks: tuple[Task, ...]
    larger: bool = True
    probable: bool = False
    k: int = 0
    entities: bool = False

    def fits(self, task: Task, *, probable: bool, entities: bool = False) -> bool:
        """Return whether it can be measured of outputs."""
        return task in self.tasks and (probable or not self.probable) and (entities or not self.entities)


_TOP = (2, 3, 4, 5, 6, 7, 8, 9, 10, 20, 50, 100)

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric(
            "accuracy", "share classified right; of several labels at once, of examples with all of them right", _ANY
        ),
        *(
            Metric(
                f"top{k}",
                f"share whose class is among the {k} likeliest; of equals the first class counts",
                ("classes",),
                k=k,
            )
            for k in _TOP
        ),
        Metric("balanced_accuracy", "mean of the recall of each class that is there", _ONE),
        Metric(
            "precision",
            "of what is taken for a class, the share that is right; the mean over the classes (macro)",
            _ANY,
        ),
        Metric("recall", "of what is of a class, the share that is found; the mean over the classes (macro)", _ANY),
        Metric(
            "f1",
            "harmonic mean of precision and recall, 2·TP / (2·TP + FP + FN); the mean over the classes (macro)",
            _ANY,
        ),
        Metric("f1_micro", "the same of the sums over all classes", _ANY),
        Metric(
            "entity_precision",
            "of the entities that predicted labels of words mark, the share that is right: kind, first and last word",
            _ONE,
            entities=True,
        ),
        Metric("entity_recall", "of the entities that there are, the share that is found", _ONE, entities=True),
        Metric(
            "entity_f1",
            "harmonic mean of both over all entities (micro), as in the evaluation of CoNLL-2003",
            _ONE,
            entities=True,
        ),
        Metric(
            "auroc",
            "chance that one of a class gets a higher score than another; the mean over the classes",
            _ANY,
        ),
        Metric(
            "average_precision", "Σ (Rₙ - Rₙ₋₁)·Pₙ over all thresholds; the mean over the classes that are there", _ANY
        ),
        Metric("log_loss", "mean of -log(probability of what is right)", _ANY, larger=False, probable=True),
        Metric(
            "calibration_error",
            "mean difference of confidence and accuracy in 15 equal bins of confidence (Guo et al. 2017)",
            _ONE,
            larger=False,
            probable=True,
        ),
        Metric(
            "perplexity",
            "exp of the mean of -log(probability of what is right)",
            ("classes",),
            larger=False,
            probable=True,
        ),
        Metric(
            "iou",
            "intersection over union, TP / (TP + FP + FN); the mean over the classes, of two the second alone",
            _ANY,
        ),
        Metric(
            "dice",
            "2·TP / (2·TP + FP + FN), of all positions together; the mean over the classes, of two the second alone",
            _ANY,
        ),
        Metric("mae", "mean absolute difference", ("numbers",), larger=False),
        Metric(
            "rmse",
            "root of the mean squared difference; of several outputs the mean of theirs",
            ("numbers",),
            larger=False,
        ),
        Metric(
            "r2", "1 - Σ(target - output)² / Σ(target - mean)²; of several outputs the mean of theirs", ("numbers",)
        ),
    )
}
"""All metrics by name; a new one is entered here, and in `training/scores.py`."""

# A measurement of one of several outputs has its name between the two.
_ENDS = rf"([A-Za-z_][A-Za-z0-9_]*_)?(loss|{'|'.join(METRICS)})"
_MEASUREMENT = re.compile(rf"(train|val|test)_{_ENDS}")


_KNOWN = [f"{split}_{name}" for split in ("val", "test", "train") for name in ("loss", *METRICS)]


def _measurement(value: Any) -> str:
    name = re.sub(r"^validation_", "val_", value) if isinstance(value, str) else ""
    if not _MEASUREMENT.fullmatch(name):
        raise ValueError("no measurement has this name")
    return name


Measurement = Annotated[
    Any,
    PlainValidator(_measurement),
    WithJsonSchema({"type": "string", "pattern": f"^{_MEASUREMENT.pattern}$"}),
    Words(_KNOWN, rf"(train|val|validation|test)_{_ENDS}"),
    Expects("`train_`, `val_` or `test_`, then `loss` or a metric, such as val_loss or test_f1"),
]
"""What is known after each epoch: a loss or a metric of the batches trained on, or by a look at a whole split."""


def split_of(measurement: str) -> str:
    """Return which split a measurement is of: `train`, `val` or `test`."""
    return measurement.partition("_")[0]


def metric_of(measurement: str, outputs: Collection[str] = ()) -> str:
    """Return the metric of a measurement, or `loss`: `val_f1` → `f1`.

    Args:
        measurement: its name.
        outputs: the names of the outputs: `val_entity_f1` is the F1 of one that is called entity.
    """
    found = _MEASUREMENT.fullmatch(measurement)
    assert found
    # The longest name at the end is meant: `val_f1_micro`, not the `micro` of an output `f1`.
    rest = measurement.partition("_")[2]
    longest = sorted(METRICS, key=len, reverse=True)
    own = (name for name in (*longest, "loss") if name != rest and rest.removesuffix(f"_{name}") in outputs)
    return next(own, next((name for name in longest if rest.endswith(name)), "loss"))


def output_of(measurement: str, outputs: Collection[str] = ()) -> str:
    """Return which of several outputs a measurement is of: `val_age_mae` → `age`; empty where none is named."""
    _, _, rest = measurement.partition("_")
    return rest.removesuffix(metric_of(measurement, outputs)).removesuffix("_")


def larger_is_better(measurement: str) -> bool:
    """Return whether more of a measurement is better."""
    metric = METRICS.get(metric_of(measurement))
    return metric is not None and metric.larger


class Metrics(Definition):
    """What is measured after each epoch of the validation and the test set, beside what the task implies."""

    kind: Literal["metrics"] = "metrics"
    later = tuple(METRICS)

    @model_validator(mode="after")
    def _something(self) -> Metrics:
        if not asked_metrics(self):
            raise ValueError("say which: `metrics f1 auroc`")
        return self


_FLAGS: dict[str, Any] = {metric.name: (bool, option(False, metric.what)) for metric in METRICS.values()}

AnyMetrics: TypeAlias = Annotated[
    Metrics, OneOf(Registry("metric", [create_model("Metrics", __base__=Metrics, __doc__=Metrics.__doc__, **_FLAGS)]))
]
"""The setting `metrics`: the name of each metric is a flag."""


def asked_metrics(asked: Metrics | None) -> tuple[str, ...]:
    """Return the names in a setting `metrics`, in the order of the table."""
    return tuple(name for name in METRICS if asked is not None and getattr(asked, name))


def possible_tasks(loss: Loss, outputs: int, ends_in: str | None) -> tuple[Task, ...]:
    """Return what outputs may say, as far as that is known without their targets.

    Args:
        loss: what they are trained by.
        outputs: how many there are at a position.
        ends_in: the last activation, where there is one.
    """
    if "class" not in loss.targets and "number" not in loss.targets:
        return ()
    if isinstance(loss, of.CrossEntropy):
        return ("classes",)
    if loss.absorbs:
        if ends_in == "softmax":
            return ("classes",)
        return ("two classes",) if outputs == 1 else ("classes", "labels")
    if "class" not in loss.targets:
        return ("numbers",)
    return ("numbers", "two classes") if outputs == 1 else ("numbers", "classes")


def metrics_of(task: Task, *, probable: bool, entities: bool = False) -> tuple[Metric, ...]:
    """Return the metrics that can be measured of a task."""
    return tuple(metric for metric in METRICS.values() if metric.fits(task, probable=probable, entities=entities))


def usual_metrics(task: Task | None, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return what is measured where nothing is asked for, beside the loss and the accuracy.

    Args:
        task: what the outputs say.
        shape: of the outputs.
    """
    if task == "numbers":
        return ("mae", "rmse", "r2")
    if task is not None and len(shape) == 3:
        return ("iou", "dice")
    if task == "classes" and len(shape) == 2:
        return ("perplexity",)
    return ("f1", "auroc") if task == "labels" else ()
