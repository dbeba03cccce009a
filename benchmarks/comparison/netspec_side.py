"""The network in netspec: the training step that `netspec train` takes, and `Model.forward`."""

from __future__ import annotations

import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import netspec as ns
from comparison.job import Array, Job
from comparison.prepare import SEED
from netspec.backends.jax.train.step import Trainer
from netspec.data.types import Split

__all__ = ["BareProgram", "NetspecProgram", "product_rate"]

_SQUARE = 2048

# As `netspec train` and `netspec eval` do before they begin.
ns.keep_memory()


class NetspecProgram:
    """The public model, and the trainer's steps on data placed on the device."""

    def __init__(self, job: Job, *, dropout: bool) -> None:
        network = ns.load(job.spec, set={**job.settings, "train.batch": job.batch})
        self.job = job
        self.model = ns.compile(network if dropout else _without_dropout(network))
        self.trainer = Trainer(self.model, steps_per_epoch=job.batches, epochs=1, seed=SEED)
        self.data = self.trainer.place(Split(job.images, job.labels))
        self.order = self.trainer.place_order(np.arange(len(job.labels), dtype=np.int32))
        self.tests: dict[int, Array] = {}
        self.reset()

    def reset(self) -> None:
        self.state, self.taken = self.trainer.start(), 0

    def train(self, steps: int) -> list[jax.Array]:
        """Take steps as `netspec train` does: several in one call where that pays."""
        histories = []
        while steps:
            first = self.taken % self.job.batches
            count = min(steps, self.job.batches - first)
            history = self.trainer.blank_history()
            for call in self.trainer.calls(range(first, first + count), self.data.size):
                self.state, history = self.trainer.advance(self.state, history, self.data, self.order, call)
            histories.append(history[first : first + count])
            self.taken, steps = self.taken + count, steps - count
        jax.block_until_ready((self.state, histories))  # type: ignore[no-untyped-call]
        return histories

    def mean_loss(self, losses: list[jax.Array]) -> float:
        return float(np.concatenate([np.asarray(history)[:, 0] for history in losses]).mean())

    def predict(self, batch: int) -> Array:
        if batch not in self.tests:
            self.tests[batch] = self.job.test_inputs(batch, channels_last=False)
        return np.asarray(self.outputs(self.tests[batch]))

    def outputs(self, x: Array) -> jax.Array:
        """Return the outputs for prepared inputs."""
        return self.model.forward(self.trained(), x)

    def trained(self) -> ns.Variables:
        """Return the variables as they are now."""
        return ns.Variables(self.state.params, self.state.state)


class BareProgram(NetspecProgram):
    """The same function jitted by hand, which shows what `Model.forward` costs around it."""

    def __init__(self, job: Job, *, dropout: bool) -> None:
        super().__init__(job, dropout=dropout)
        self.function = jax.jit(self.model.apply)

    def outputs(self, x: Array) -> Any:
        """Return the outputs for prepared inputs."""
        return self.function(self.trained(), x)


def product_rate() -> float:
    """Return the floating-point operations a second of a large square matrix product, the best of three."""
    product = jax.jit(jnp.matmul)
    square = jnp.ones((_SQUARE, _SQUARE), jnp.float32)
    product(square, square).block_until_ready()
    seconds = []
    for _ in range(3):
        began = time.perf_counter()
        product(square, square).block_until_ready()
        seconds.append(time.perf_counter() - began)
    return 2 * _SQUARE**3 / min(seconds)


def _without_dropout(network: ns.Network) -> ns.Network:
    nodes = [
        node.model_copy(update={"layer": node.layer.model_copy(update={"rate": 0.0})})
        if node.layer.canonical() == "dropout"
        else node
        for node in network.nodes
    ]
    return network.model_copy(update={"nodes": tuple(nodes)})
