"""What is measured of the splits between epochs: the loss, the accuracy and the metrics that are asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from netspec.backends.jax.model import Variables
from netspec.backends.jax.train.step import OnDevice
from netspec.backends.jax.train.streamed import Streamed
from netspec.training.events import Outputs
from netspec.training.scores import asked_of
from netspec.training.setup import Setup

__all__ = ["SplitEvaluator", "SplitScores", "outputs_of_epoch"]


class SplitScores(NamedTuple):
    """What was measured of a split: of the one output, and of several of each by its name."""

    loss: float
    accuracy: float | None
    metrics: dict[str, float | None]
    outputs: Outputs


class SplitEvaluator:
    """The evaluations of one training."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._notes: list[str] = []
        self._told = 0

    def evaluate(self, variables: Variables, name: str, split: OnDevice | Streamed) -> SplitScores:
        """Return the loss, the accuracy and the metrics that are asked for of a split."""
        setup = self._setup
        scorers = setup.scorers(name)
        add = {output: scorer.add for output, scorer in scorers.items()}
        measured = setup.trainer.measure(variables, split, setup.evaluated_at_once, add)
        metrics = {output: scorer.values() for output, scorer in scorers.items()}
        for output, scorer in scorers.items():
            where = f"{name} {output}" if measured.outputs else name
            self._notes += [f"{where}: {note}" for note in scorer.notes if f"{where}: {note}" not in self._notes]
        outputs = {
            output: {"loss": loss, "accuracy": accuracy, **metrics.get(output, {})}
            for output, (loss, accuracy) in measured.outputs.items()
        }
        own = {} if outputs else next(iter(metrics.values()), {})
        accuracy = measured.accuracy
        if accuracy is None:
            accuracy = own.pop("accuracy", None)
        return SplitScores(measured.loss, accuracy, own, outputs)

    def looks_at_train(self) -> bool:
        """Return whether a metric of the training set is gone by, beside those of its batches."""
        outputs = [output.name for output in self._setup.model.graph.outputs]
        names = outputs if len(outputs) > 1 else [""]
        return any(asked_of("train", self._setup.recipe, output=name) for name in names)

    def new_notes(self) -> Iterator[str]:
        """Yield what is to be said of metrics, each thing once."""
        yield from self._notes[self._told :]
        self._told = len(self._notes)


def outputs_of_epoch(train: Mapping[str, tuple[float, float | None]], splits: Mapping[str, SplitScores]) -> Outputs:
    """Return what is known of each of several outputs: of the batches trained on, and of each split evaluated."""
    found: dict[str, dict[str, float | None]] = {
        name: {"train_loss": loss, "train_accuracy": accuracy} for name, (loss, accuracy) in train.items()
    }
    for split, scores in splits.items():
        for name, measured in scores.outputs.items():
            # Of the training set the loss and the accuracy are those of the batches.
            batches = {"loss", "accuracy"} if split == "train" else set()
            found[name] |= {f"{split}_{key}": value for key, value in measured.items() if key not in batches}
    return found
