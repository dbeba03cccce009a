"""The training loop: epochs, evaluations, checkpoints and stopping, as a stream of events."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.exhausted import enough_memory
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.train.step import Call, Order, TrainState
from netspec.backends.jax.train.streamed import Streamed
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import DataError
from netspec.training.evaluation import SplitEvaluator, outputs_of_epoch
from netspec.training.events import (
    Epoch,
    Evaluated,
    Event,
    Finished,
    Notice,
    Rewound,
    Stopped,
)
from netspec.training.metrics import EpochMetrics, NotFinite
from netspec.training.progress import Snapshot, TrainingProgress
from netspec.training.recovery import all_steps_skipped, find_faulty_step, non_finite_split, step_to_skip
from netspec.training.saving import CheckpointTimer, Recorder
from netspec.training.selection import is_better, patience_exceeded, resumed_progress, update_best
from netspec.training.setup import Setup, set_up

__all__ = ["train"]

_LONG_CALL = 0.02
"""Seconds: the host waits for calls that take longer. Otherwise it could be many of them ahead of the device, and would
have to wait for them all when it is asked to stop."""

_E = TypeVar("_E", bound=Event)


def train(
    model: Model,
    dataset: Dataset,
    *,
    seed: int | None = None,
    log_every: int | None = None,
    recorder: Recorder | None = None,
    resumed: Snapshot | None = None,
    stop: Callable[[], bool] | None = None,
    until: int | None = None,
    halt_at: int | None = None,
    initial: Mapping[str, NDArray[Any]] | None = None,
) -> Iterator[Event]:
    """Train a model by its network's recipe.

    Args:
        model: the compiled network.
        dataset: what to learn from; `load_data` has checked that it fits.
        seed: instead of the recipe's.
        log_every: steps between two Step events; 20 an epoch, about 50 steps apart at most, unless given.
        recorder: a run folder to keep it in.
        resumed: the snapshot to resume from.
        stop: asked after each call of the program whether to save and stop.
        until: steps after which to end as at a time limit; the recipe's own is ignored then.
        halt_at: steps after which to save and stop; the recipe's time limit is ignored then too.
        initial: trained arrays to start from, by path; of a training that is resumed the snapshot has them.

    Yields:
        Events, from Started to Finished, or to Stopped.

    Raises:
        DataError: when the recipe selects or stops by a metric that there is not.
        NonFiniteLossError: when the loss is no longer a number.
        RunError: when the run folder cannot be written.
        DeviceError: when the memory of the device does not suffice.
    """
    setup: Setup | None = None
    try:
        with enough_memory():
            setup = set_up(model, dataset, seed=seed, log_every=log_every, initial=initial)
            yield from _Loop(setup, recorder, resumed, stop, until, halt_at).events()
    except Exception as error:
        if recorder:
            recorder.fail(str(error).partition("\n")[0] or type(error).__name__)
        raise
    finally:
        if setup is not None and isinstance(setup.train, Streamed):
            setup.train.close()
        if recorder:
            recorder.close()


class _Loop:
    """One training. Everything it does follows from (network, dataset, seed)."""

    def __init__(
        self,
        setup: Setup,
        recorder: Recorder | None,
        resumed: Snapshot | None,
        stop: Callable[[], bool] | None,
        until: int | None,
        halt_at: int | None,
    ) -> None:
        self.setup, self.recipe = setup, setup.recipe
        self.trainer, self.step_schedule = setup.trainer, setup.step_schedule
        self.recorder, self.resumed = recorder, resumed
        self.stop = stop or (lambda: False)
        self.until, self.halt_at = until, halt_at
        self.progress = resumed_progress(resumed.progress, self.recipe) if resumed else TrainingProgress()
        self.checkpoint_timer = CheckpointTimer(self.recipe.checkpoint, clock=jax.process_count() == 1)
        self.began = time.perf_counter()
        self.call_seconds: float | None = None
        """What a call takes, once that is known."""
        self.halted = False
        self.splits = SplitEvaluator(setup)
        self.state: TrainState
        self.history: jax.Array
        self.last_finite: Snapshot
        """The last snapshot in which everything was finite."""

    # --- from beginning to end ------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """Yield everything that happens."""
        started = self.setup.started(self._step(), self._folder())
        self.state, self.history = self.trainer.start(), self.trainer.blank_history()
        # Nothing is written before the snapshot is known to fit.
        restored = self.trainer.unpacked(self.resumed.arrays) if self.resumed else None
        if self.recorder:
            self.recorder.begin(started, self.setup.dataset)
        for text in self.setup.notices():
            yield Notice(text)
        yield started
        self._prepare(self.progress.epoch, splits=True)
        self.last_finite = self.resumed or self._snapshot()
        if restored:
            self.state, self.history = restored
        last = self.progress.last
        if self.recorder and last and last.step == self._step():
            self.recorder.restore_models(self.trainer.variables(self.state), last, self.progress.best)
        self.checkpoint_timer.reset(self._step(), self.progress.epoch - 1)
        while not (self.halted or self._is_done()):
            try:
                yield from self._run_epochs()
            except NotFinite as seen:
                yield from self._rewind(seen)
            except DataError as error:
                raise self._saved(error) from None
        yield self._stopped() if self.halted else self._finished()

    def _prepare(self, epoch: int, *, splits: bool) -> None:
        """Begin to compile what the steps of an epoch need, and the evaluations of the splits."""
        calls = self.step_schedule.calls(epoch, self.progress.skipped)
        evaluated = self.setup.splits.values() if splits else ()
        self.trainer.prepare(self.state, self.setup.train, calls, evaluated, self.setup.evaluated_at_once)

    def _is_done(self) -> bool:
        return bool(self.progress.stopped) or self.progress.epoch > self.recipe.epochs

    def _run_epochs(self) -> Iterator[Event]:
        while not self.trainer.ready(0.1) and not self.stop():
            pass
        self.halted = self.stop()
        self.step_schedule.read_ahead(self.progress.epoch, self.progress.skipped, self.progress.taken)
        while not (self.halted or self._is_done()):
            yield from self._run_epoch()

    def _step(self) -> int:
        """Return how many steps were taken since the training began."""
        return self.step_schedule.before(self.progress.epoch) + self.progress.taken

    def _seconds(self) -> float:
        """Return the time spent on the training, that of sessions before included."""
        earlier = self.resumed.progress.seconds if self.resumed else 0.0
        return earlier + time.perf_counter() - self.began

    # --- an epoch -------------------------------------------------------------------------------------------------

    def _run_epoch(self) -> Iterator[Event]:
        """Train one epoch, or what is left of it, then evaluate the other splits.

        What was measured is fetched when the next steps are already under way: the device never waits for the host.
        """
        epoch = self.progress.epoch
        metrics = self._epoch_metrics()
        order = self.step_schedule.order(epoch)
        if epoch < self.recipe.epochs and self.trainer.phase(epoch + 1) != self.trainer.phase(epoch):
            # What is frozen changes then: the other program is compiled meanwhile.
            self._prepare(epoch + 1, splits=False)
        for call in self.step_schedule.remaining(epoch, self.progress.skipped, self.progress.taken):
            self._advance(call, order)
            self.progress = replace(self.progress, taken=call.stop)
            if self.step_schedule.logs(call.stop):
                yield from self._flush_steps(metrics)
                metrics.enqueue(self.trainer.snapshot(self.history), call.stop)
            if self.step_schedule.evaluates(epoch, call.stop):
                yield from self._flush_steps(metrics)
                yield from self._evaluations()
                metrics.restart()
            if call.stop < self.step_schedule.steps:
                self._check_stop()
                if self.halted or self.checkpoint_timer.is_due(self._step(), epoch - 1):
                    yield from self._flush_steps(metrics)
                    self._checkpoint()
                if self.halted:
                    return
                if self.progress.stopped:
                    yield from self._flush_steps(metrics)
                    metrics.enqueue(self.trainer.snapshot(self.history), call.stop)
                    break
        variables = self.trainer.variables(self.state)
        if epoch < self.recipe.epochs:
            # Drawn while the device is still busy.
            self.step_schedule.order(epoch + 1)
        yield from self._flush_steps(metrics)
        yield from self._end_epoch(variables, metrics)

    def _epoch_metrics(self) -> EpochMetrics:
        """Return the collector of the measurements of the epoch."""
        rows = np.asarray(self.history, np.float64)[: self.progress.reported]
        epoch = self.progress.epoch
        skipped = self.step_schedule.skipped_in(epoch, self.progress.skipped)
        outputs = [output.name for output in self.setup.model.graph.outputs]
        before, sizes = self.step_schedule.before(epoch), self.step_schedule.sizes()
        names = outputs if len(outputs) > 1 else ()
        return EpochMetrics(epoch, before, sizes, skipped, rows, names, self.setup.waited)

    def _advance(self, call: Call, order: Order) -> None:
        """Take the steps of a call."""
        if not call.length:
            self.state = self.trainer.skip_step(self.state, call.phase)
            return
        began = time.perf_counter()
        self.state, self.history = self.trainer.advance(self.state, self.history, self.setup.train, order, call)
        if self.call_seconds is None or self.call_seconds > _LONG_CALL:
            self.state.step.block_until_ready()
            self.call_seconds = time.perf_counter() - began

    def _flush_steps(self, metrics: EpochMetrics) -> Iterator[Event]:
        """Yield the Step events whose numbers have arrived from the device."""
        for event in metrics.events():
            yield self._recorded(event)
        self.progress = replace(self.progress, reported=len(metrics.rows))

    def _check_stop(self) -> None:
        """Check whether a signal, a step limit or a time limit ends the training here."""
        limit = self.recipe.time_limit
        self.halted = self.stop() or (self.halt_at is not None and self._step() >= self.halt_at)
        if self.until is not None:
            ends = self._step() >= self.until
        elif limit is None or self.halt_at is not None or jax.process_count() > 1:
            ends = False
        else:
            ends = self._seconds() >= limit.total
        # An interrupted training lacks its last evaluation: it ends when it is resumed. And an epoch ends
        # only when something was learned in it.
        if ends and not self.halted and not self._all_skipped():
            self.progress = replace(self.progress, stopped="time_limit")

    def _all_skipped(self) -> bool:
        """Return whether all steps of the epoch so far were skipped."""
        taken = set(range(self.progress.taken))
        return bool(taken) and taken <= self.step_schedule.skipped_in(self.progress.epoch, self.progress.skipped)

    def _evaluations(self) -> Iterator[Evaluated]:
        variables = self.trainer.variables(self.state)
        for name, split in self.setup.splits.items():
            found = self.splits.evaluate(variables, name, split)
            measured = (found.loss, found.accuracy, found.metrics, found.outputs)
            yield self._recorded(Evaluated(self.progress.epoch, self._step(), name, *measured))

    def _end_epoch(self, variables: Variables, metrics: EpochMetrics) -> Iterator[Event]:
        """Evaluate the splits after an epoch, and save the model."""
        epoch, step = self.progress.epoch, self._step()
        if self._all_skipped():
            raise all_steps_skipped(epoch)
        test = self.splits.evaluate(variables, "test", self.setup.splits["test"])
        if not self.trainer.finite(self.state):
            # The last step's own loss may still have been a number: it is taken before the weights move.
            raise NotFinite(epoch, self.progress.taken)
        held_out = self.setup.splits.get("validation")
        validation = self.splits.evaluate(variables, "validation", held_out) if held_out else None
        looks = {"validation": validation, "test": test} if validation else {"test": test}
        if self.splits.looks_at_train():
            looks["train"] = self.splits.evaluate(variables, "train", self.setup.train)
        for name, look in looks.items():
            if not isfinite(look.loss):
                raise non_finite_split(name, step, epoch)
        train_loss, train_accuracy = metrics.means()
        event = Epoch(
            epoch=epoch,
            step=step,
            train_loss=train_loss,
            train_accuracy=train_accuracy,
            validation_loss=validation and validation.loss,
            validation_accuracy=validation and validation.accuracy,
            test_loss=test.loss,
            test_accuracy=test.accuracy,
            seconds=metrics.seconds(),
            best=False,
            data_wait=metrics.data_wait(),
            metrics={f"{name}_{metric}": v for name, look in looks.items() for metric, v in look.metrics.items()},
            outputs=outputs_of_epoch(metrics.output_means(), looks),
        )
        event = replace(event, best=is_better(event, self.progress.best, self.recipe.best))
        saved = self.recorder.save(variables, event) if self.recorder else []
        yield from map(Notice, self.splits.new_notes())
        yield self._recorded(event)
        yield from saved
        self._begin_next_epoch(event)

    def _begin_next_epoch(self, event: Epoch) -> None:
        """Begin the next epoch, if there is one."""
        whole, ended = self.progress.taken == self.step_schedule.steps, self.progress.epoch
        self.progress = update_best(self.progress, event, self.recipe, whole=whole)
        if whole:
            self.progress = replace(self.progress, epoch=ended + 1, taken=0, reported=0)
            self.history = self.trainer.blank_history()
            if patience_exceeded(self.progress, self.recipe):
                self.progress = replace(self.progress, stopped="early_stop")
            elif self.progress.epoch <= self.recipe.epochs:
                self._check_stop()
        if self.halted or self._is_done() or self.checkpoint_timer.is_due(self._step(), ended):
            self._checkpoint()

    # --- recording ------------------------------------------------------------------------------------------------

    def _recorded(self, event: _E) -> _E:
        """Return an event after the recorder has it."""
        if self.recorder:
            self.recorder.add(event)
        return event

    def _checkpoint(self) -> None:
        """Write a checkpoint; raises NotFinite instead where not everything is finite."""
        self.last_finite = self._finite_snapshot()
        self.checkpoint_timer.reset(self._step(), self.progress.epoch - 1)
        if self.recorder and (self.halted or self.recipe.checkpoint.mode == "on"):
            self.recorder.checkpoint(self.last_finite, wait=self.halted or self._is_done())

    def _snapshot(self) -> Snapshot:
        """Return a snapshot of the training."""
        progress = replace(self.progress, seconds=self._seconds())
        arrays = self.trainer.packed(self.state, self.history)
        return Snapshot(progress, self._step(), arrays, self.recorder.mark() if self.recorder else 0)

    def _finite_snapshot(self) -> Snapshot:
        """Return a snapshot; raises NotFinite where not everything in it is finite."""
        snapshot, progress = self._snapshot(), self.progress
        losses = snapshot.arrays["history"][: progress.taken, 0]
        bad = set(np.flatnonzero(~np.isfinite(losses)).tolist())
        bad -= self.step_schedule.skipped_in(progress.epoch, progress.skipped)
        if bad or not self.trainer.finite(self.state):
            raise NotFinite(progress.epoch, min(bad, default=progress.taken - 1) + 1)
        return snapshot

    # --- the end --------------------------------------------------------------------------------------------------

    def _rewind(self, seen: NotFinite) -> Iterator[Event]:
        """Find out what went wrong; go back to where all was finite, if the recipe says so.

        Raises:
            NonFiniteLossError: when it does not, or the limit is reached.
        """
        at = f"at step {self.step_schedule.before(seen.epoch) + seen.step:,} (epoch {seen.epoch})"
        last_finite = self.last_finite
        yield Notice(
            f"a number is no longer finite {at}: the steps since {last_finite.step:,} are taken again to find out why"
        )
        found = find_faulty_step(self.trainer, self.step_schedule, self.setup.train, last_finite, seen)
        skipped = last_finite.progress.skipped
        faulty = step_to_skip(found, skipped, self.recipe.on_nonfinite, at=at, since=last_finite.step)
        self.progress = replace(last_finite.progress, skipped=tuple(sorted({*skipped, faulty.step})), stopped="")
        self.state, self.history = self.trainer.unpacked(last_finite.arrays)
        self.last_finite = replace(last_finite, progress=self.progress)
        if self.recorder:
            self.recorder.rewind(last_finite.mark)
        event = self._recorded(Rewound(faulty.epoch, faulty.step + 1, last_finite.step, faulty.fault.what))
        if self.recorder:
            self.last_finite = replace(self.last_finite, mark=self.recorder.mark())
        yield event

    def _saved(self, error: DataError) -> DataError:
        """Return the error for an example that can no longer be read, after the training was saved before it."""
        folder, self.halted = self._folder(), True
        with suppress(NotFinite):
            self._checkpoint()
        if folder is None:
            return error
        return DataError(f"{error.message}; saved after step {self._step():,}", f"{error.fix}: netspec resume {folder}")

    def _stopped(self) -> Stopped:
        path = self.recorder.checkpoint(self.last_finite, wait=True) if self.recorder else None
        return Stopped(self.progress.epoch, self._step(), path, self._folder())

    def _finished(self) -> Finished:
        result = self.setup.result(self.progress, self._step(), self._seconds())
        if self.recorder:
            self.recorder.end(result)
        variables = self.trainer.model_variables(self.state)
        return Finished(result, self.setup.model, variables, self._folder())

    def _folder(self) -> Path | None:
        """Return the run folder, where there is one."""
        return getattr(self.recorder, "folder", None)
