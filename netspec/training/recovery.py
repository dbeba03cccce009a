"""Recovery from non-finite numbers: the step that made them is found, and skipped or the training ends."""

from __future__ import annotations

from dataclasses import dataclass

import jax
import numpy as np

from netspec.backends.jax.model import Variables
from netspec.backends.jax.train.diagnose import Fault, diagnose
from netspec.backends.jax.train.step import Call, OnDevice, Order, Trainer
from netspec.backends.jax.train.streamed import Streamed
from netspec.backends.jax.train.train_state import TrainState, pack
from netspec.diagnostics.diagnostic import NetspecError
from netspec.recipe.settings import OnNonfinite
from netspec.training.metrics import NotFinite
from netspec.training.progress import Snapshot
from netspec.training.steps import StepSchedule

__all__ = [
    "FaultyStep",
    "NonFiniteLossError",
    "all_steps_skipped",
    "find_faulty_step",
    "non_finite_split",
    "step_to_skip",
]


@dataclass(frozen=True, slots=True)
class FaultyStep:
    """The step that went wrong.

    Attributes:
        epoch: from 1.
        step: from 0 since the training began.
        fault: what went wrong in it first.
    """

    epoch: int
    step: int
    fault: Fault


def find_faulty_step(
    trainer: Trainer, schedule: StepSchedule, data: OnDevice | Streamed, last_finite: Snapshot, seen: NotFinite
) -> FaultyStep | None:
    """Return the first step after a snapshot in which something is not finite.

    Args:
        trainer: takes the steps.
        schedule: says which.
        data: the training set.
        last_finite: a snapshot in which all was finite.
        seen: when something was not.

    Returns:
        The step; None where everything is finite when they are taken again.
    """
    state, history = trainer.unpacked(last_finite.arrays)
    skipped, taken = last_finite.progress.skipped, last_finite.progress.taken
    for epoch in range(last_finite.progress.epoch, seen.epoch + 1):
        order = schedule.order(epoch)
        for call in schedule.remaining(epoch, skipped, taken):
            if epoch == seen.epoch and call.first >= seen.step:
                continue
            if not call.length:
                state = trainer.skip_step(state, call.phase)
                continue
            before = trainer.copy(state, history)
            state, history = trainer.advance(state, history, data, order, call)
            if not _is_finite(trainer, state, history, call):
                step, *states = _bisect_call(trainer, data, order, call, *before)
                fault = _fault(trainer, data, order, step, *states)
                return FaultyStep(epoch, schedule.before(epoch) + step.first, fault)
        taken, history = 0, trainer.blank_history()
    return None


def _is_finite(trainer: Trainer, state: TrainState, history: jax.Array, call: Call) -> bool:
    losses = np.asarray(history)[call.first : call.stop, 0]
    return bool(np.isfinite(losses).all()) and trainer.finite(state)


def _bisect_call(
    trainer: Trainer, data: OnDevice | Streamed, order: Order, call: Call, state: TrainState, history: jax.Array
) -> tuple[Call, TrainState, TrainState]:
    """Return the step of a call in which something is not finite, and the states before and after it."""
    for first in range(call.first, call.stop):
        single = call._replace(first=first, steps=1)
        before, _ = trainer.copy(state, history)
        state, history = trainer.advance(state, history, data, order, single)
        if not _is_finite(trainer, state, history, single):
            break
    # Where several steps in one call went wrong and each alone does not, rounding decides: the last is as good as any.
    return single, before, state


def _fault(
    trainer: Trainer, data: OnDevice | Streamed, order: Order, call: Call, before: TrainState, after: TrainState
) -> Fault:
    variables, x, labels, key = trainer.batch_of(before, data, order, call)
    found = diagnose(trainer.model, variables, x, labels, key, trainer.frozen(call.phase))
    return found or _of_update(trainer, Variables(after.params, after.state))


def _of_update(trainer: Trainer, variables: Variables) -> Fault:
    """Return what the update itself did wrong: all gradients are finite."""
    arrays = {path.partition("/")[2]: array for path, array in pack(variables._asdict()).items()}
    for path in trainer.model.graph.parameters:
        if not np.isfinite(arrays[path]).all():
            return Fault(path.rpartition("/")[0], f"all gradients are finite, the update of `{path}` is not")
    return Fault("", "all gradients are finite, what the optimizer keeps of them is not")


_LOWER = "lower the learning rate, add `clip 1.0` to the recipe, or check the data's scale"


class NonFiniteLossError(NetspecError):
    """The loss is no longer a number; models saved before are untouched."""


def step_to_skip(
    faulty: FaultyStep | None, skipped: tuple[int, ...], rule: OnNonfinite, *, at: str, since: int
) -> FaultyStep:
    """Return the step to skip, if the recipe says so.

    Args:
        faulty: the step that was found when the steps were taken again, if one was.
        skipped: the steps whose batches are left out already.
        rule: the recipe's.
        at: where it was seen that a number is not finite.
        since: the step up to which all was finite.

    Raises:
        NonFiniteLossError: when the training is to end instead.
    """
    if faulty is None:
        raise NonFiniteLossError(
            f"the loss was no longer a number {at}, and is one when the steps since {since:,} are taken again",
            "the same steps gave other numbers: have the memory and the processor of this machine checked",
        )
    message = f"the loss is no longer a number at step {faulty.step + 1:,} (epoch {faulty.epoch}): {faulty.fault.what}"
    if rule.mode == "stop":
        raise NonFiniteLossError(message, faulty.fault.fix or _LOWER)
    if len(skipped) >= rule.limit:
        raise NonFiniteLossError(f"{message}; {len(skipped)} batches are left out already", faulty.fault.fix or _LOWER)
    return faulty


def all_steps_skipped(epoch: int) -> NonFiniteLossError:
    """Return the error for an epoch of which no batch was learned from."""
    return NonFiniteLossError(f"all batches of epoch {epoch} are left out: nothing was learned in it", _LOWER)


def non_finite_split(name: str, step: int, epoch: int) -> NonFiniteLossError:
    """Return the error for a loss on another split that is not finite, where all weights are."""
    return NonFiniteLossError(f"the {name} loss is no longer a number after step {step:,} (epoch {epoch})", _LOWER)
