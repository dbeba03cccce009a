"""The training loop: the order of batches, what is measured when, and which model is the best so far."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import jax
import numpy as np

from netspec.backends.jax.devices import sharing
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.pace import by_batch, log_interval
from netspec.backends.jax.step import OnDevice, Trainer, TrainState
from netspec.data.order import epoch_order
from netspec.data.types import Dataset, Split
from netspec.diagnostics import NetspecError
from netspec.ir import DataSource
from netspec.training.checks import check_hold_out, check_labels
from netspec.training.events import Epoch, Evaluated, Event, Finished, Notice, Result, Saved, Started, Step

__all__ = ["NonFiniteLossError", "Recorder", "train"]


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


_E = TypeVar("_E", bound=Event)


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
        log_every: steps between two Step events; 20 an epoch, about 50 steps apart at most, unless given.
        recorder: a run folder to keep it in.

    Yields:
        Events, from Started to Finished.

    Raises:
        DataError: when the dataset does not fit the network or the recipe.
        NonFiniteLossError: when the loss is no longer a number.
    """
    return _Loop(model, dataset, seed, log_every, recorder).events()


class _Measured:
    """What the steps of one epoch measured: on its way from the device, then as events."""

    def __init__(self, loop: _Loop, epoch: int) -> None:
        self.loop, self.epoch = loop, epoch
        self.began = self.since = time.perf_counter()
        self.rows = np.zeros((0, 3))
        self.coming: tuple[jax.Array, int] | None = None

    def expect(self, snapshot: jax.Array, stop: int) -> None:
        """Take note of a history on its way, filled up to a step of the epoch."""
        self.coming = (snapshot, stop)

    def events(self) -> Iterator[Step]:
        """Yield the event of the steps that were waited for, if there are any."""
        if self.coming is None:
            return
        snapshot, stop = self.coming
        self.coming = None
        start, self.rows = len(self.rows), np.asarray(snapshot, np.float64)[:stop]
        # Waiting for the numbers is part of the time the steps took.
        seconds, self.since = time.perf_counter() - self.since, time.perf_counter()
        step = (self.epoch - 1) * self.loop.steps_per_epoch + stop
        bad = np.flatnonzero(~np.isfinite(self.rows[start:, 0]))
        if bad.size:
            raise _not_finite(f"at step {step - stop + start + 1 + int(bad[0]):,} (epoch {self.epoch})")
        loss, accuracy = self.means(start)
        examples = self._sizes()[start:stop].sum()
        rate = examples / max(seconds, 1e-9)
        yield self.loop.kept(Step(self.epoch, step, loss, accuracy, float(self.rows[-1, 2]), float(rate)))

    def means(self, start: int = 0) -> tuple[float, float | None]:
        """Return mean loss and accuracy (None without classes) over the examples of the steps from `start` on."""
        rows, sizes = self.rows[start:], self._sizes()[start : len(self.rows)]
        loss, correct = rows[:, 0] @ sizes / sizes.sum(), rows[:, 1].sum() / sizes.sum()
        return float(loss), None if math.isnan(correct) else float(correct)

    def _sizes(self) -> np.ndarray:
        """Return the examples in each step."""
        batch = self.loop.recipe.batch
        return np.minimum(batch, self.loop.train.size - np.arange(self.loop.steps_per_epoch) * batch)


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
        self.devices = sharing(model.device, self.recipe.devices, self.recipe.batch)
        self.trainer = Trainer(
            model,
            steps_per_epoch=self.steps_per_epoch,
            epochs=self.recipe.epochs,
            seed=self.seed,
            at_most=log_every or log_interval(self.steps_per_epoch),
            devices=self.devices,
        )
        self.log_every = log_every or log_interval(self.steps_per_epoch, self.trainer.steps_per_call)
        self.train = self.trainer.place(train_split)
        self.splits = {"validation": validation, "test": dataset.test} if validation else {"test": dataset.test}
        self.placed = {name: self.trainer.place(split) for name, split in self.splits.items()}
        self.progress = _Progress()
        self.order: jax.Array | None = None
        """That of the next epoch, where it is known already."""

    def events(self) -> Iterator[Event]:
        """Yield everything that happens."""
        started = self._started()
        if self.recorder:
            self.recorder.begin(started, self.dataset)
        for text in (*self.dataset.notices, *self._uneven()):
            yield Notice(text)
        yield started
        state = self.trainer.start()
        self.trainer.prepare(state, self.train, self.placed.values(), self.recipe.evaluate.batch)
        for epoch in range(1, self.recipe.epochs + 1):
            state = yield from self._epoch(state, epoch)
        result = self._result()
        if self.recorder:
            self.recorder.end(result)
        folder = started.folder
        yield Finished(result, self.model, self.trainer.taken(state), folder)

    def _uneven(self) -> Iterator[str]:
        """Yield what to say where devices cannot share the batches."""
        if self.recipe.batch % len(self.devices) and by_batch(self.model.graph):
            yield (
                f"a batch of {self.recipe.batch} cannot be cut into {len(self.devices)} equal parts, as batch "
                "normalization needs: each device computes all of it"
            )

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
            steps_per_call=self.trainer.steps_per_call,
            device=device.device_kind if device.platform != "cpu" else "cpu",
            devices=tuple(f"{d.platform}:{d.id}" for d in self.devices),
            folder=getattr(self.recorder, "folder", None),
        )

    def _epoch(self, state: TrainState, epoch: int) -> Generator[Event, None, TrainState]:
        """Train through the set once, then look at the other splits.

        What was measured is fetched when the next steps are already under way: the device never waits for the host.
        """
        measured = _Measured(self, epoch)
        order = self._order(epoch) if self.order is None else self.order
        history = self.trainer.blank_history()
        at = 0
        for stop in self._stops(epoch):
            state, history = self.trainer.advance(state, history, self.train, order, range(at, stop))
            at = stop
            if stop % self.log_every == 0 or stop == self.steps_per_epoch:
                yield from measured.events()
                measured.expect(self.trainer.snapshot(history), stop)
            every = self.recipe.evaluate.every
            step = (epoch - 1) * self.steps_per_epoch + stop
            if every and step % every == 0 and stop < self.steps_per_epoch:
                yield from measured.events()
                yield from self._evaluations(self.trainer.variables(state), epoch, step)
                measured.since = time.perf_counter()
        variables = self.trainer.variables(state)
        # Drawn while the device is still busy.
        self.order = self._order(epoch + 1) if epoch < self.recipe.epochs else None
        yield from measured.events()
        yield from self._finish_epoch(variables, epoch, measured)
        return state

    def _stops(self, epoch: int) -> list[int]:
        """Return the steps of an epoch after which the host has something to do."""
        every, first = self.recipe.evaluate.every, (epoch - 1) * self.steps_per_epoch
        looks = range(-first % every, self.steps_per_epoch, every) if every else ()
        return sorted(
            {*range(self.log_every, self.steps_per_epoch, self.log_every), *looks, self.steps_per_epoch} - {0}
        )

    def _order(self, epoch: int) -> jax.Array:
        """Return the order of an epoch, on the device."""
        shuffle = self.data.shuffle
        how: bool | int = False if shuffle.mode == "off" else shuffle.buffer or True
        return self.trainer.place_order(epoch_order(self.train.size, seed=self.seed, epoch=epoch, shuffle=how))

    def _evaluations(self, variables: Variables, epoch: int, step: int) -> Iterator[Evaluated]:
        for name, split in self.placed.items():
            loss, accuracy = self._evaluate(variables, split)
            event = Evaluated(epoch, step, name, loss, accuracy)
            self.kept(event)
            yield event

    def _evaluate(self, variables: Variables, split: OnDevice) -> tuple[float, float | None]:
        return self.trainer.measure(variables, split, self.recipe.evaluate.batch)

    def _finish_epoch(self, variables: Variables, epoch: int, measured: _Measured) -> Iterator[Event]:
        test = self._evaluate(variables, self.placed["test"])
        step = epoch * self.steps_per_epoch
        if not math.isfinite(test[0]) or not self.trainer.finite(variables):
            # The last step's own loss may still have been a number: it is taken before the weights move.
            raise _not_finite(f"after step {step:,} (epoch {epoch})")
        validation = (
            self._evaluate(variables, self.placed["validation"]) if "validation" in self.placed else (None, None)
        )
        train_loss, train_accuracy = measured.means()
        event = Epoch(
            epoch=epoch,
            step=step,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            validation_loss=validation[0],
            validation_accuracy=validation[1],
            test_loss=test[0],
            test_accuracy=test[1],
            seconds=time.perf_counter() - measured.began,
            best=False,
        )
        if self.progress.best is None or _merit(event) > _merit(self.progress.best):
            event = replace(event, best=True)
            self.progress.best = event
        self.progress.last = event
        saved = self.recorder.save(variables, event) if self.recorder else []
        yield self.kept(event)
        yield from saved

    def kept(self, event: _E) -> _E:
        """Return an event after the recorder has it."""
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
