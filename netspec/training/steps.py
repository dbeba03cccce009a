"""Step schedule of a training: the steps of each call of the compiled program, and the order of the examples.

All of it follows from the network, the data and the logging interval, so that a resumed training, at whatever step,
makes the same calls on the same batches as one that was never interrupted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.train.step import Call, OnDevice, Order, Trainer
from netspec.backends.jax.train.streamed import Ahead, Streamed
from netspec.data.order import epoch_order
from netspec.ir.data_source import DataSource
from netspec.ir.recipe import Recipe

__all__ = ["StepSchedule"]


class StepSchedule:
    """The schedule of the steps of a training.

    Args:
        trainer: what takes the steps.
        recipe: the recipe.
        data: says how the examples are shuffled.
        examples: the training set.
        seed: of the order.
        log_every: steps between two fetches of the losses.
    """

    def __init__(
        self,
        trainer: Trainer,
        recipe: Recipe,
        data: DataSource,
        examples: OnDevice | Streamed,
        *,
        seed: int,
        log_every: int,
    ) -> None:
        self.trainer, self.recipe, self.data = trainer, recipe, data
        self.examples, self.seed, self.size, self.log_every = examples, seed, examples.size, log_every
        self.steps = trainer.steps_per_epoch
        self._order: tuple[int, Order] | None = None

    def before(self, epoch: int) -> int:
        """Return the steps before an epoch."""
        return (epoch - 1) * self.steps

    def sizes(self) -> NDArray[np.int64]:
        """Return the examples in each step of an epoch."""
        batch = self.trainer.batch
        return np.minimum(batch, self.size - np.arange(self.steps) * batch)

    def logs(self, stop: int) -> bool:
        """Return whether the losses are fetched after so many steps of an epoch."""
        return stop % self.log_every == 0 or stop == self.steps

    def evaluates(self, epoch: int, stop: int) -> bool:
        """Return whether the splits are evaluated after so many steps of an epoch, beside the evaluation at its end."""
        every = self.recipe.evaluate.every
        return every is not None and (self.before(epoch) + stop) % every == 0 and stop < self.steps

    def skipped_in(self, epoch: int, steps: Collection[int]) -> set[int]:
        """Return which steps of an epoch are skipped, from 0 within it, of those of the whole training."""
        first = self.before(epoch)
        return {step - first for step in steps if first <= step < first + self.steps}

    def calls(self, epoch: int, skipped: Collection[int] = ()) -> list[Call]:
        """Return the calls of an epoch in their order; one of no length is for a skipped step."""
        own = self.skipped_in(epoch, skipped)
        edges = sorted({*self._stops(epoch), *own, *(step + 1 for step in own)} - {0})
        found: list[Call] = []
        phase = self.trainer.phase(epoch)
        for first, stop in zip([0, *edges], edges, strict=False):
            found += [Call(first, 1, 0)] if first in own else self.trainer.calls(range(first, stop), self.size)
        return [call._replace(phase=phase) for call in found]

    def remaining(self, epoch: int, skipped: Collection[int], taken: int) -> Iterator[Call]:
        """Yield the calls of an epoch of which so many steps are taken.

        Where the calls were others then, as after a change of settings, one may have begun already: it is
        continued step by step.
        """
        for call in self.calls(epoch, skipped):
            if call.first >= taken:
                yield call
            else:
                yield from (call._replace(first=step, steps=1) for step in range(taken, call.stop))

    def _stops(self, epoch: int) -> Iterator[int]:
        """Yield the steps of an epoch after which the host has something to do."""
        every = self.recipe.evaluate.every
        yield from range(self.log_every, self.steps, self.log_every)
        yield from range(-self.before(epoch) % every, self.steps, every) if every else ()
        yield self.steps

    def order(self, epoch: int) -> Order:
        """Return the order of an epoch, where the examples are; that of the last epoch is cached."""
        if self._order is None or self._order[0] != epoch:
            drawn, streams = self._drawn(epoch), isinstance(self.examples, Streamed)
            self._order = (epoch, self.trainer.filled(drawn) if streams else self.trainer.place_order(drawn))
        return self._order[1]

    def _drawn(self, epoch: int) -> NDArray[np.int32]:
        shuffle = self.data.shuffle
        how: bool | int = False if shuffle.mode == "off" else shuffle.buffer or True
        return epoch_order(self.size, seed=self.seed, epoch=epoch, shuffle=how)

    def read_ahead(self, epoch: int, skipped: Collection[int], taken: int) -> None:
        """Begin to read for the calls that come after so many steps of an epoch, where examples are read in batches."""
        if isinstance(self.examples, Streamed):
            self.examples.follow(self._coming(epoch, skipped, taken))

    def _coming(self, epoch: int, skipped: Collection[int], taken: int) -> Iterator[Ahead]:
        """Yield the examples of the calls to come, to the end of the training."""
        for number in range(epoch, self.recipe.epochs + 1):
            order = self.trainer.filled(self._drawn(number))
            for call in self.remaining(number, skipped, taken if number == epoch else 0):
                if call.length:
                    yield self.trainer.ahead(order, call)
