"""Events of a training, as values that a program can handle, print or store."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from netspec.backends.jax.model import Model, Variables

__all__ = [
    "Epoch",
    "Evaluated",
    "Event",
    "Finished",
    "Notice",
    "Outputs",
    "Result",
    "Rewound",
    "Saved",
    "Started",
    "Step",
    "Stopped",
    "Weights",
    "measurements",
    "metrics_line",
    "plain",
]


Outputs: TypeAlias = Mapping[str, Mapping[str, float | None]]
"""What is known of several outputs, of each by its name; empty where there is one."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the user should know, such as a dataset taken instead of another."""

    text: str


@dataclass(frozen=True, slots=True)
class Weights:
    """The training starts from trained weights: which arrays were taken, and which were not.

    Attributes:
        source: the file, as it was named; `variables` where it was none.
        taken: of the same name and shape as in the network, by path.
        fresh: of another shape: `{"fc_1/kernel": {"shape": (26, 128), "found": (10, 128)}}`; they begin as ever.
        missing: in the network alone; they begin as ever.
        unused: in the file alone.
    """

    source: str
    taken: tuple[str, ...]
    fresh: Mapping[str, Mapping[str, tuple[int, ...]]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """The training begins.

    Attributes:
        name: of the network.
        parameters: how many numbers are trained.
        dataset: which one is used.
        train, validation, test: examples in each split.
        epochs, steps_per_epoch, batch, seed: the recipe as it is run.
        steps_per_call: steps that one call of the compiled program takes.
        device: what computes.
        devices: what shares each batch, such as `("cpu:0", "cpu:1")`.
        folder: the run folder, if one is written.
        step: steps taken before, by a training that is taken up again.
        reads: what examples are called: `images`, `sounds`, or `examples` where they are neither.
        frozen: how many of the parameters are frozen when it begins.
    """

    name: str
    parameters: int
    dataset: str
    train: int
    validation: int
    test: int
    epochs: int
    steps_per_epoch: int
    batch: int
    seed: int
    steps_per_call: int
    device: str
    devices: tuple[str, ...]
    folder: Path | None
    step: int = 0
    reads: str = "images"
    frozen: int = 0


@dataclass(frozen=True, slots=True)
class Step:
    """Some steps were taken: means since the last such event.

    Attributes:
        epoch: from 1.
        step: steps taken since the training began.
        loss: mean loss of the batches, l2 penalty included.
        accuracy: share classified right; None without classes.
        learning_rate: of the last step.
        examples_per_second: since the last such event.
        data_wait: the share of that time in which the device had nothing to do because the examples were not read yet;
            0 where all are in memory.
    """

    epoch: int
    step: int
    loss: float
    accuracy: float | None
    learning_rate: float
    examples_per_second: float
    data_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A split was evaluated within an epoch, dropout off."""

    epoch: int
    step: int
    split: str
    loss: float
    accuracy: float | None
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    """Those that are asked for, by name; None where one has no value."""
    outputs: Outputs = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Epoch:
    """An epoch is over: means over its batches as they were trained on, and the splits as the model now sees them.

    Metrics that are asked for are in `metrics`, by their names behind that of the split: `test_f1`, `validation_f1`.
    Those of the training set, where `best` or `early_stop` go by one, are of the model as it is after the epoch.

    Attributes:
        outputs: of several outputs what is known of each by its name: `{"age": {"test_loss": 0.5, …}}`.
        data_wait: the share of the seconds in which the device had nothing to do because examples were not read yet.
    """

    epoch: int
    step: int
    train_loss: float
    train_accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    test_loss: float
    test_accuracy: float | None
    seconds: float
    best: bool
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=dict)
    data_wait: float = 0.0


@dataclass(frozen=True, slots=True)
class Saved:
    """A model file was written."""

    path: Path


@dataclass(frozen=True, slots=True)
class Rewound:
    """A number was no longer finite: the training went back and leaves the faulty batch out.

    Attributes:
        epoch: in which the batch is.
        step: of the batch, from 1 since the training began.
        to: steps taken before the snapshot it goes back to.
        reason: what went wrong first, such as the activations of a layer.
    """

    epoch: int
    step: int
    to: int
    reason: str


@dataclass(frozen=True, slots=True)
class Stopped:
    """The training was asked to stop, and did so between two steps.

    Attributes:
        epoch: the one that was being trained.
        step: steps taken since the training began.
        checkpoint: what it can be resumed from; None where no run folder is written.
        folder: the run folder, if one is written.
    """

    epoch: int
    step: int
    checkpoint: Path | None
    folder: Path | None


@dataclass(frozen=True, slots=True)
class Result:
    """What `result.json` says; accuracies and losses are those after the last epoch unless named otherwise.

    Attributes:
        best_epoch: by what the recipe says under `best`; else by accuracy, then loss, on the validation set where there
            is one, else on the test set.
        seconds: of all sessions, where the training was resumed.
        steps: taken, those left out among them.
        stopped: why it ended: `epochs`, `early_stop` or `time_limit`.
        left_out: batches that were not learned from, as `on_nonfinite rewind` does.
        metrics: those that were asked for: `test_f1`, `validation_f1`, `best_test_f1`; None where one has no value.
        outputs: of several outputs the losses and accuracies of each by its name.
    """

    test_accuracy: float | None
    test_loss: float
    train_accuracy: float | None
    train_loss: float
    validation_accuracy: float | None
    validation_loss: float | None
    epochs: int
    seconds: float
    parameters: int
    best_epoch: int
    best_test_accuracy: float | None
    best_test_loss: float
    dataset: str
    seed: int
    device: str
    steps: int
    stopped: str
    left_out: int
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    outputs: Outputs = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finished:
    """The training is over."""

    result: Result
    model: Model = field(repr=False)
    variables: Variables = field(repr=False)
    folder: Path | None


Event: TypeAlias = Notice | Weights | Started | Step | Evaluated | Epoch | Saved | Rewound | Stopped | Finished
"""Anything that `netspec.train` yields."""

_KINDS = {Step: "step", Evaluated: "evaluation", Epoch: "epoch", Rewound: "rewound"}


def metrics_line(event: Event) -> dict[str, Any] | None:
    """Return an event's line of `metrics.jsonl`; None for events that are not measurements."""
    kind = _KINDS.get(type(event))
    return {"kind": kind, **plain(asdict(event))} if kind else None


def measurements(event: Event) -> dict[str, float]:
    """Return what an event measured, by names such as `train/loss` and `test/accuracy`; empty of other events.

    It is what trackers log at a step: `wandb.log(measurements(event), step=event.step)`. Of several outputs each has
    its own: `age/test/loss`. What is not known, or no finite number, is left out.
    """
    match event:
        case Step():
            found: dict[str, float | None] = {
                "train/step_loss": event.loss,
                "train/step_accuracy": event.accuracy,
                "train/learning_rate": event.learning_rate,
                "train/examples_per_second": event.examples_per_second,
            }
        case Evaluated():
            own = {"loss": event.loss, "accuracy": event.accuracy, **event.metrics}
            found = {f"{event.split}/{name}": value for name, value in own.items()}
            found |= {
                f"{output}/{event.split}/{k}": v for output, values in event.outputs.items() for k, v in values.items()
            }
        case Epoch():
            splits = ("train", "validation", "test")
            own = {
                f"{split}_{name}": getattr(event, f"{split}_{name}")
                for split in splits
                for name in ("loss", "accuracy")
            }
            found = {_by_split(name): value for name, value in {**own, **event.metrics}.items()}
            found |= {
                f"{output}/{_by_split(k)}": v for output, values in event.outputs.items() for k, v in values.items()
            }
        case _:
            return {}
    return {name: float(value) for name, value in found.items() if value is not None and isfinite(value)}


def _by_split(name: str) -> str:
    """Return `test/f1` of `test_f1`."""
    split, _, rest = name.partition("_")
    return f"{split}/{rest}" if split in {"train", "validation", "test"} else name


def plain(values: dict[str, Any]) -> dict[str, Any]:
    """Return values as JSON can hold them: numbers that are not finite become null, paths become text.

    What is under `metrics` stands behind the others, each by its own name.
    `outputs` is left out where there is one output, of which all is known already.
    """
    values = {**values, **values.get("metrics", {})}
    values.pop("metrics", None)

    def one(value: Any) -> Any:
        if isinstance(value, float) and not isfinite(value):
            return None
        if isinstance(value, dict):
            return {key: one(inner) for key, inner in value.items()}
        return str(value) if isinstance(value, Path) else value

    return {key: one(value) for key, value in values.items() if not (key == "outputs" and not value)}
