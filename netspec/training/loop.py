"""The training loop: the order of batches, what is measured when, and which model is the best so far."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol

import jax
import numpy as np

from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.step import OnDevice, Trainer, TrainState
from netspec.data.order import batch_indices, epoch_order
from netspec.data.types import Dataset, Split
from netspec.diagnostics import DataError, NetspecError, plural
from netspec.graph import Graph
from netspec.ir import DataSource
from netspec.training.events import Epoch, Evaluated, Event, Finished, Notice, Result, Saved, Started, Step

__all__ = ["NonFiniteLossError", "Recorder", "check_hold_out", "check_labels", "train"]


class NonFiniteLossError(NetspecError):
    """The loss is no longer a number; models saved before are untouched."""


class Recorder(Protocol):
    """What keeps a training: a run folder."""

    def begin(self, event: Started, dataset: Dataset) -> None:
        """Write what is known before the first step."""

    def add(self, event: Event) -> None:
        """Keep a measurement."""

    def save(self, variables: Variables, epoch: Epoch) -> list[Saved]:
        """Write the model files."""
        ...

    def end(self, result: Result) -> None:
        """Write the result."""


@dataclass
class _Progress:
    """What the loop remembers between epochs."""

    began: float = field(default_factory=time.perf_counter)
    best: Epoch | None = None
    last: Epoch | None = None


def train(
    model: Model,
    dataset: Dataset,
    *,
    seed: int | None = None,
    log_every: int | None = None,
    recorder: Recorder | None = None,
) -> Iterator[Event]:
    """Train a model by its network's recipe.

    Args:
        model: the compiled network.
        dataset: what to learn from.
        seed: instead of the recipe's.
        log_every: steps between two Step events; 20 an epoch, at most 50 steps apart, unless given.
        recorder: a run folder to keep it in.

    Yields:
        Events, from Started to Finished.

    Raises:
        DataError: when the dataset does not fit the network or the recipe.
        NonFiniteLossError: when the loss is no longer a number.
    """
    return _Loop(model, dataset, seed, log_every, recorder).events()


class _Loop:
    """One training. Everything it does follows from (network, dataset, seed)."""

    def __init__(
        self,
        model: Model,
        dataset: Dataset,
        seed: int | None,
        log_every: int | None,
        recorder: Recorder | None,
    ) -> None:
        network = model.network
        if not network.reconstructs:
            check_labels(model.graph, dataset)
        self.model, self.dataset, self.recorder = model, dataset, recorder
        self.recipe = network.recipe
        self.data = network.data or DataSource(name=dataset.name)
        self.seed = self.recipe.seed if seed is None else seed
        check_hold_out(self.data.validation, dataset)
        train_split, validation = _hold_out(dataset.train, self.data.validation)
        self.steps_per_epoch = -(-len(train_split) // self.recipe.batch)
        self.log_every = log_every or max(1, min(50, self.steps_per_epoch // 20))
        self.trainer = Trainer(model, steps_per_epoch=self.steps_per_epoch, epochs=self.recipe.epochs, seed=self.seed)
        self.train = self.trainer.place(train_split)
        self.splits = {"validation": validation, "test": dataset.test} if validation else {"test": dataset.test}
        self.placed = {name: self.trainer.place(split) for name, split in self.splits.items()}
        self.progress = _Progress()

    def events(self) -> Iterator[Event]:
        """Yield everything that happens."""
        started = self._started()
        if self.recorder:
            self.recorder.begin(started, self.dataset)
        for text in self.dataset.notices:
            yield Notice(text)
        yield started
        state = self.trainer.start()
        for epoch in range(1, self.recipe.epochs + 1):
            state = yield from self._epoch(state, epoch)
        result = self._result()
        if self.recorder:
            self.recorder.end(result)
        folder = started.folder
        yield Finished(result, self.model, self.trainer.variables(state), folder)

    def _started(self) -> Started:
        device = self.model.device
        return Started(
            name=self.model.network.name,
            parameters=self.model.graph.parameter_count,
            dataset=self.dataset.name,
            train=self.train.size,
            validation=len(self.splits["validation"]) if "validation" in self.splits else 0,
            test=len(self.splits["test"]),
            epochs=self.recipe.epochs,
            steps_per_epoch=self.steps_per_epoch,
            batch=self.recipe.batch,
            seed=self.seed,
            device=device.device_kind if device.platform != "cpu" else "cpu",
            folder=getattr(self.recorder, "folder", None),
        )

    def _epoch(self, state: TrainState, epoch: int) -> Generator[Event, None, TrainState]:
        """Train through the set once, then look at the other splits."""
        began = time.perf_counter()
        sums = np.zeros(2)
        order = self._order(epoch)
        pending: list[tuple[jax.Array, int]] = []
        logged = time.perf_counter()
        first = (epoch - 1) * self.steps_per_epoch
        for index in range(self.steps_per_epoch):
            indices = batch_indices(order, index, self.recipe.batch)
            state, metrics = self.trainer.step(state, self.train, indices)
            pending.append((metrics, len(indices)))
            step = first + index + 1
            if (index + 1) % self.log_every == 0 or index + 1 == self.steps_per_epoch:
                event, totals = self._logged(pending, epoch, step, logged)
                sums += totals
                pending, logged = [], time.perf_counter()
                yield self._kept(event)
            every = self.recipe.evaluate.every
            if every and step % every == 0 and index + 1 < self.steps_per_epoch:
                yield from self._evaluations(self.trainer.variables(state), epoch, step)
                logged = time.perf_counter()
        variables = self.trainer.variables(state)
        yield from self._finish_epoch(variables, epoch, sums / self.train.size, began)
        return state

    def _order(self, epoch: int) -> np.ndarray:
        shuffle = self.data.shuffle
        how: bool | int = False if shuffle.mode == "off" else shuffle.buffer or True
        return epoch_order(self.train.size, seed=self.seed, epoch=epoch, shuffle=how)

    def _logged(
        self, pending: list[tuple[jax.Array, int]], epoch: int, step: int, since: float
    ) -> tuple[Step, np.ndarray]:
        """Fetch the metrics of some steps; returns their event and [loss·examples, correct]."""
        fetched = np.array([np.asarray(m, np.float64) for m, _ in pending])
        sizes = np.array([size for _, size in pending])
        totals = np.array([fetched[:, 0] @ sizes, fetched[:, 1].sum()])
        # Waiting for the numbers is part of the time the steps took.
        rate = sizes.sum() / max(time.perf_counter() - since, 1e-9)
        loss, correct = totals / sizes.sum()
        if not np.isfinite(fetched[:, 0]).all():
            bad = step - len(pending) + 1 + int(np.flatnonzero(~np.isfinite(fetched[:, 0]))[0])
            raise _not_finite(f"at step {bad:,} (epoch {epoch})")
        accuracy = None if math.isnan(correct) else float(correct)
        return Step(epoch, step, float(loss), accuracy, self.trainer.rate(step - 1), float(rate)), totals

    def _evaluations(self, variables: Variables, epoch: int, step: int) -> Iterator[Evaluated]:
        for name, split in self.placed.items():
            loss, accuracy = self._evaluate(variables, split)
            event = Evaluated(epoch, step, name, loss, accuracy)
            self._kept(event)
            yield event

    def _evaluate(self, variables: Variables, split: OnDevice) -> tuple[float, float | None]:
        loss, accuracy, _ = self.trainer.evaluate(variables, split, self.recipe.evaluate.batch)
        return loss, accuracy

    def _finish_epoch(self, variables: Variables, epoch: int, means: np.ndarray, began: float) -> Iterator[Event]:
        test = self._evaluate(variables, self.placed["test"])
        step = epoch * self.steps_per_epoch
        if not math.isfinite(test[0]) or not self.trainer.finite(variables):
            # The last step's own loss may still have been a number: it is taken before the weights move.
            raise _not_finite(f"after step {step:,} (epoch {epoch})")
        validation = (
            self._evaluate(variables, self.placed["validation"]) if "validation" in self.placed else (None, None)
        )
        event = Epoch(
            epoch=epoch,
            step=step,
            train_loss=float(means[0]),
            train_accuracy=None if math.isnan(means[1]) else float(means[1]),
            validation_loss=validation[0],
            validation_accuracy=validation[1],
            test_loss=test[0],
            test_accuracy=test[1],
            seconds=time.perf_counter() - began,
            best=False,
        )
        if self.progress.best is None or _merit(event) > _merit(self.progress.best):
            event = replace(event, best=True)
            self.progress.best = event
        self.progress.last = event
        saved = self.recorder.save(variables, event) if self.recorder else []
        yield self._kept(event)
        yield from saved

    def _kept(self, event: Event) -> Event:
        if self.recorder:
            self.recorder.add(event)
        return event

    def _result(self) -> Result:
        last, best = self.progress.last, self.progress.best
        assert last is not None
        assert best is not None
        return Result(
            test_accuracy=last.test_accuracy,
            test_loss=last.test_loss,
            train_accuracy=last.train_accuracy,
            train_loss=last.train_loss,
            validation_accuracy=last.validation_accuracy,
            validation_loss=last.validation_loss,
            epochs=last.epoch,
            seconds=time.perf_counter() - self.progress.began,
            parameters=self.model.graph.parameter_count,
            best_epoch=best.epoch,
            best_test_accuracy=best.test_accuracy,
            best_test_loss=best.test_loss,
            dataset=self.dataset.name,
            seed=self.seed,
            device=self.model.device.platform,
        )


def check_labels(graph: Graph, dataset: Dataset) -> None:
    """Raise DataError when a dataset has a label that the network has no output for."""
    shape = graph.shape(graph.output)
    most = max(int(dataset.train.labels.max(initial=0)), int(dataset.test.labels.max(initial=0)))
    if len(shape) == 1 and most >= max(shape[0], 2):
        raise DataError(
            f"{dataset.name} has a label {most}, but the network has only {plural(shape[0], 'output')}",
            f"labels count from 0; let the network end in {most + 1} outputs",
        )


def check_hold_out(count: int, dataset: Dataset) -> None:
    """Raise DataError when holding out `count` examples for validation would leave nothing to train on."""
    if count >= len(dataset.train):
        raise DataError(
            f"validation {count:,} leaves nothing to train on: {dataset.name} has {len(dataset.train):,} examples",
            "hold out fewer",
        )


def _not_finite(when: str) -> NonFiniteLossError:
    return NonFiniteLossError(
        f"the loss is no longer a number {when}",
        "lower the learning rate, add `clip 1.0` to the recipe, or check the data's scale",
    )


def _hold_out(split: Split, count: int) -> tuple[Split, Split | None]:
    """Take the last `count` examples out of a training set."""
    if not count:
        return split, None
    keep = len(split) - count
    return Split(split.images[:keep], split.labels[:keep]), Split(split.images[keep:], split.labels[keep:])


def _merit(event: Epoch) -> tuple[float, float]:
    """Return what the best epoch has most of: accuracy, then a low loss; on the validation set where there is one."""
    held_out = event.validation_loss is not None
    accuracy = event.validation_accuracy if held_out else event.test_accuracy
    loss = event.validation_loss if event.validation_loss is not None else event.test_loss
    return (accuracy if accuracy is not None else 0.0, -loss)
