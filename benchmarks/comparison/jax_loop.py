"""The fastest loop around a pure training step in JAX: data on the device, state donated."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import numpy as np

from comparison.job import Array, Job

__all__ = ["JaxLoop"]


class JaxLoop:
    """Runs `step(state, x, y) -> (state, loss)` on a job's batches.

    A pass through all batches is one call, by `lax.scan`. On a CPU a convolution inside it is many times slower: there,
    networks with convolutions take one step a call.
    """

    def __init__(self, job: Job, step: Callable[[Any, Any, Any], tuple[Any, Any]]) -> None:
        inputs = job.prepared(job.images, channels_last=True)
        batches = (job.batches, job.batch)
        x, y = inputs.reshape(*batches, *inputs.shape[1:]), job.labels.reshape(batches)
        self.job = job
        self.scanned = job.scanned or jax.default_backend() != "cpu"
        if self.scanned:
            self.data = jax.device_put((x, y))
            passed = partial(jax.lax.scan, lambda state, batch: step(state, *batch))
            self.run = jax.jit(passed, donate_argnums=0)
        else:
            self.batches = [jax.device_put(batch) for batch in zip(x, y, strict=True)]
            self.step = jax.jit(step, donate_argnums=0)

    def train(self, state: Any, steps: int) -> tuple[Any, list[jax.Array]]:
        """Return the state after some steps and their losses, waited for; a multiple of `batches` where scanned."""
        losses = []
        if self.scanned:
            passes, left = divmod(steps, self.job.batches)
            assert not left, f"{steps} steps are not a number of passes of {self.job.batches}"
            for _ in range(passes):
                state, some = self.run(state, self.data)
                losses.append(some)
        else:
            for step in range(steps):
                state, loss = self.step(state, *self.batches[step % self.job.batches])
                losses.append(loss)
        jax.block_until_ready((state, losses))  # type: ignore[no-untyped-call]
        return state, losses

    @staticmethod
    def mean(losses: list[jax.Array]) -> float:
        """Return the mean of the losses that `train` returned."""
        return float(np.mean([np.asarray(loss, np.float64).mean() for loss in losses]))

    @staticmethod
    def test_inputs(job: Job, batch: int) -> Array:
        """Return prepared test examples, on the host as users have them."""
        return job.test_inputs(batch, channels_last=True)
