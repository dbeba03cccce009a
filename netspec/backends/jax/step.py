"""The compiled training step and evaluation: data stays on the device as bytes, and state is donated."""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from numpy.typing import NDArray

from netspec.backends.jax.emit import Tree
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.objective import example_losses, hits, penalty
from netspec.backends.jax.optimizers import learning_rate, transformation
from netspec.backends.jax.prepare import prepare_training
from netspec.data.types import Split

__all__ = ["OnDevice", "TrainState", "Trainer"]


class TrainState(NamedTuple):
    """All that a step changes."""

    params: Tree
    state: Tree
    optimizer: Any
    step: jax.Array


class OnDevice(NamedTuple):
    """A split on the device: images as the source has them (bytes stay bytes), labels, and how many there are."""

    images: jax.Array
    labels: jax.Array
    size: int


class Trainer:
    """A model with its recipe: makes the first state, takes steps, evaluates.

    Args:
        model: what is trained.
        steps_per_epoch: steps in an epoch, which schedules count in.
        epochs: epochs in all.
        seed: of initial values and dropout.
    """

    def __init__(self, model: Model, *, steps_per_epoch: int, epochs: int, seed: int) -> None:
        self.model = model
        self.seed = seed
        recipe = model.network.recipe
        self._optimizer = transformation(recipe, steps_per_epoch, epochs)
        self._rate = learning_rate(recipe, steps_per_epoch, epochs)
        self._step = jax.jit(self._pure_step, donate_argnums=0)
        self._evaluate = jax.jit(self._pure_evaluate)

    def start(self) -> TrainState:
        """Return the state before the first step."""
        variables = self.model.init(self.seed)
        optimizer = self._optimizer.init(variables.params)
        state = TrainState(variables.params, variables.state, optimizer, jnp.zeros((), jnp.int32))
        return jax.device_put(state, self.model.device)

    def place(self, split: Split) -> OnDevice:
        """Copy a split to the device."""
        images, labels = jax.device_put((np.asarray(split.images), np.asarray(split.labels)), self.model.device)
        return OnDevice(images, labels, len(split))

    def step(self, state: TrainState, data: OnDevice, indices: NDArray[np.int32]) -> tuple[TrainState, jax.Array]:
        """Take one step on the examples at `indices`.

        Returns:
            The next state (the old one's memory is reused), and [loss, correct] of the batch, not yet fetched.
        """
        return self._step(state, data.images, data.labels, indices)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return float(self._rate(step))

    def variables(self, state: TrainState) -> Variables:
        """Return a state's variables, copied: the next step reuses the state's own memory."""
        return jax.tree.map(jnp.copy, Variables(state.params, state.state))

    def finite(self, variables: Variables) -> bool:
        """Return whether every trained value is a finite number."""
        return all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(variables))

    def evaluate(
        self, variables: Variables, data: OnDevice, batch: int
    ) -> tuple[float, float | None, NDArray[np.float32]]:
        """Return the mean loss (l2 penalty included), the accuracy (None without classes) and the outputs, (N, K)."""
        parts = []
        batch = min(batch, data.size)
        for start in range(0, data.size, batch):
            # The last batch is filled up by repeating its last example, and what is too much is cut off again.
            indices = np.minimum(np.arange(start, start + batch, dtype=np.int32), data.size - 1)
            parts.append(self._evaluate(variables, data.images, data.labels, indices))
        losses, right, outputs = (np.concatenate([np.asarray(p[i]) for p in parts])[: data.size] for i in range(3))
        extra = float(penalty(self.model.graph, variables.params, self.model.network.recipe.l2))
        classified = not np.isnan(right).any()
        return (
            float(losses.mean(dtype=np.float64)) + extra,
            float(right.mean(dtype=np.float64)) if classified else None,
            outputs,
        )

    # --- what is compiled -----------------------------------------------------------------------------------------

    def _pure_step(
        self, state: TrainState, images: jax.Array, labels: jax.Array, indices: jax.Array
    ) -> tuple[TrainState, jax.Array]:
        rng = jax.random.fold_in(jax.random.key(self.seed), state.step)
        x = prepare_training(images[indices], self.model.network, rng)
        y = self.model.targets(x, labels[indices])
        objective = partial(self.model.objective, train=True, rng=rng)
        (loss, (logits, new_state)), grads = jax.value_and_grad(objective, has_aux=True)(
            state.params, state.state, x, y
        )
        updates, optimizer = self._optimizer.update(grads, state.optimizer, state.params)
        params: Any = optax.apply_updates(state.params, updates)
        right = hits(self.model.graph.loss, logits, y)
        correct = jnp.nan if right is None else jnp.sum(right)
        return TrainState(params, new_state, optimizer, state.step + 1), jnp.stack([loss, correct])

    def _pure_evaluate(
        self, variables: Variables, images: jax.Array, labels: jax.Array, indices: jax.Array
    ) -> tuple[jax.Array, jax.Array, jax.Array]:
        x = images[indices]
        y = self.model.targets(x, labels[indices])
        logits = self.model.logits_of(variables, x)
        losses = example_losses(self.model.graph.loss, logits, y)
        right = hits(self.model.graph.loss, logits, y)
        return losses, jnp.full(len(y), jnp.nan) if right is None else right.astype(jnp.float32), logits
