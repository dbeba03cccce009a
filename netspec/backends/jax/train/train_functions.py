"""The pure functions of a training: several steps, one step, an update of the weights, an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from netspec.backends.jax.emit import Batch, Tree
from netspec.backends.jax.inputs.prepare import move_targets, prepare_training
from netspec.backends.jax.kernels.decay import ema
from netspec.backends.jax.kernels.shared import average, joined, total
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.train.device_group import DeviceGroup
from netspec.backends.jax.train.mixing import as_mixed, graded_outputs, mixed_batch
from netspec.backends.jax.train.objective import (
    Counted,
    OutputBatch,
    each_output,
    hits,
    measured_losses,
    penalty,
    weighs,
)
from netspec.backends.jax.train.partition import GroupedOptimizer, merged, split
from netspec.backends.jax.train.schedules import learning_rate
from netspec.backends.jax.train.step_chunks import depends_on_batch
from netspec.backends.jax.train.train_state import TrainState
from netspec.backends.jax.variables import with_arrays
from netspec.graph.parts import parts
from netspec.recipe.losses import CrossEntropy

__all__ = ["Looked", "TrainFunctions", "taken"]


class Looked(NamedTuple):
    """What is seen of some examples: losses and hits as sums and by how much they count, logits and targets."""

    losses: jax.Array
    loss_counts: jax.Array
    right: jax.Array
    right_counts: jax.Array
    logits: jax.Array
    targets: jax.Array
    mask: jax.Array
    """Which positions count, 1 or 0, (N, L); (N,) where all do."""

    def without_outputs(self) -> Looked:
        """Return what adds up to means alone: logits can be many times as large."""
        none = self.losses[:0]
        return self._replace(logits=none, targets=none, mask=none)


class TrainFunctions:
    """A model with its recipe, as functions of arrays that a device, or a group of them, can run.

    Args:
        model: what is trained.
        group: the devices that share each batch.
        steps_per_epoch: steps in an epoch.
        epochs: epochs in all, which schedules span.
        seed: of initial values, dropout and augmentation.
        batch: examples in a step; the recipe's unless given.
        initial: arrays that the parameters and running averages of these paths begin with.

    Attributes:
        parts: what of the network is trained, and from which epoch on. A step is told the part of the training it is
            in, its `phase`; for each it is another program.
    """

    def __init__(
        self,
        model: Model,
        group: DeviceGroup,
        *,
        steps_per_epoch: int,
        epochs: int,
        seed: int,
        batch: int | None = None,
        initial: Mapping[str, Any] | None = None,
    ) -> None:
        recipe = model.network.recipe
        self.model, self.group, self.seed = model, group, seed
        self.steps_per_epoch, self.epochs, self.batch = steps_per_epoch, epochs, batch or recipe.batch
        self._accumulate, self._ema = recipe.accumulate, recipe.ema
        self._updates = -(-steps_per_epoch // recipe.accumulate)
        """Of the weights, in an epoch: schedules go by them."""
        self.weighs = any(weighs(output) for output in model.graph.outputs)
        self.parts, self._initial = parts(model.network, model.graph), initial or {}
        self._optimizer = GroupedOptimizer(recipe, self._updates, epochs, model.graph, self.parts)
        self._rate = learning_rate(recipe, self._updates, epochs)

    def start(self) -> TrainState:
        """Return the state before the first step."""
        return self.state_of(with_arrays(self.model.init(self.seed), self._initial))

    def state_of(self, variables: Variables) -> TrainState:
        """Return the state before the first step of a training that begins with some variables. Pure."""
        params, state = variables
        trained, _ = split(params, self.parts.forever)
        return TrainState(
            params,
            state,
            self._optimizer.init(params),
            jnp.zeros((), jnp.int32),
            average=jax.tree.map(jnp.copy, (params, state)) if self._ema else (),
            gathered=(jax.tree.map(jnp.zeros_like, trained), jnp.zeros((), jnp.float32))
            if self._accumulate > 1
            else (),
        )

    def rate(self, step: Any) -> Any:
        """Return the learning rate of a step, counted from 0."""
        return self._rate(self.update(step))

    def update(self, step: Any) -> Any:
        """Return which update of the weights a step belongs to, counted from 0."""
        if self._accumulate == 1:
            return step
        return step // self.steps_per_epoch * self._updates + step % self.steps_per_epoch // self._accumulate

    def key(self, step: jax.Array) -> jax.Array:
        """Return the randomness of a step."""
        return jax.random.fold_in(jax.random.key(self.seed), step)

    def inputs(self, images: Batch, step: jax.Array, first: jax.Array | int = 0) -> Any:
        """Return what the network reads in a step of images as the source has them, the first of them at `first`."""
        done = step / (self.steps_per_epoch * self.epochs)
        return prepare_training(images, self.model.network, self.key(step), first, done=done)

    def moved(self, labels: Batch, step: jax.Array, first: jax.Array | int) -> Any:
        """Return the labels of a step; those at each pixel go where the pixels of their images go."""
        done = step / (self.steps_per_epoch * self.epochs)
        outputs = self.model.graph.outputs
        only = len(outputs) == 1
        outside = {"" if only else o.target: o.loss.ignore for o in outputs if isinstance(o.loss, CrossEntropy)}
        return move_targets(labels, self.model.network, self.key(step), first, done=done, outside=outside)

    def mixed(
        self,
        x: Batch,
        labels: Batch,
        step: jax.Array,
        first: jax.Array | int,
        *,
        batch: jax.Array | int,
        axis_name: str | None = None,
    ) -> tuple[Any, Any]:
        """Return inputs and labels mixed with those of others of their batch, where the spec says so.

        Args:
            x: what the network reads.
            labels: as `moved` returns them.
            step: in which step.
            first: the place of the first of them in the batch.
            batch: how many examples the batch has.
            axis_name: of the devices that share it.
        """
        network = self.model.network
        if not (network.data and network.data.augment and network.data.augment.mixes):
            return x, labels
        done = step / (self.steps_per_epoch * self.epochs)
        # There is one input, an image: with several nothing is mixed.
        assert not isinstance(x, dict)
        targets = as_mixed(network, self.model.graph, labels)
        return mixed_batch(
            network, x, targets, self.key(step), first=first, batch=batch, done=done, axis_name=axis_name
        )

    def advance(
        self,
        state: TrainState,
        history: jax.Array,
        images: Batch,
        labels: Batch,
        order: jax.Array,
        *,
        count: int,
        length: int,
        size: int,
        phase: int = 0,
    ) -> tuple[TrainState, jax.Array]:
        """Take `count` steps on `length` examples each, of `size` in an epoch."""
        # A smaller last batch is filled up with examples that do not count. Where a layer looks at the whole batch they
        # would, so that the batch is then left as small as it is, in a program of its own.
        filled = size % self.batch and not depends_on_batch(self.model.graph)

        def one(_: Any, carry: tuple[TrainState, jax.Array]) -> tuple[TrainState, jax.Array]:
            state, history = carry
            index = state.step % self.steps_per_epoch
            first = index * self.batch
            indices = jax.lax.dynamic_slice_in_dim(order, first, length)
            counted = (first + jnp.arange(length) < size).astype(jnp.float32) if filled else None
            rate = jnp.asarray(self.rate(state.step), jnp.float32)
            state, measured = self.step(state, images, labels, indices, counted, phase=phase)
            row = jnp.concatenate([measured[:2], rate[None], measured[2:]])
            return state, jax.lax.dynamic_update_slice_in_dim(history, row[None], index, 0)

        return one(0, (state, history)) if count == 1 else jax.lax.fori_loop(0, count, one, (state, history))

    def step(
        self,
        state: TrainState,
        images: Batch,
        labels: Batch,
        indices: jax.Array,
        counted: jax.Array | None = None,
        *,
        phase: int = 0,
    ) -> tuple[TrainState, jax.Array]:
        """Take one step on the examples at `indices`, those that are `counted`; returns [loss, correct] too.

        Of several outputs no one number says how many are right; behind it stand the loss and the number of each.
        """
        rng, everyone = self.key(state.step), counted
        shard = self.group.shard(indices, counted, never_pad=depends_on_batch(self.model.graph))
        axis_name, counted = shard.axis_name, shard.counted
        images, labels = taken((images, labels), shard.indices)
        x = self.inputs(images, state.step, shard.first)
        moved = self.moved(labels, state.step, shard.first)
        whole = len(indices) if everyone is None else everyone.sum()
        x, mixed = self.mixed(x, moved, state.step, shard.first, batch=whole, axis_name=axis_name)
        y = self.model.targets(x, mixed)
        graded = graded_outputs(self.model.network, self.model.graph, moved, mixed)
        frozen = self.parts.frozen_in(phase)
        # What is not differentiated by costs no gradient: the backward pass ends where nothing below is trained.
        trained, still = split(state.params, frozen)

        def objective(trained: Tree) -> Any:
            params = merged(trained, still)
            return self.model.objective(
                params, state.state, x, y, train=True, rng=rng, counted=counted, axis_name=axis_name, frozen=frozen
            )

        (loss, (logits, new_state)), grads = jax.value_and_grad(objective, has_aux=True)(trained)
        loss, grads = average((loss, grads), axis_name)
        measured = jnp.stack([loss, *(total(self._added(x, logits, y, counted, graded), axis_name))])
        state = state._replace(state=new_state)
        if self._accumulate == 1:
            return self._updated(state, grads, phase)._replace(step=state.step + 1), measured
        examples = len(indices) if counted is None else total(counted.sum(), axis_name)
        # Where examples do not all count the same, a batch counts as much as they do together.
        examples = measured[2] if self.weighs else examples
        return self._gathered(state, grads, jnp.asarray(examples, jnp.float32), phase), measured

    def _added(
        self, x: Batch, logits: Batch, y: Batch, counted: jax.Array | None, graded: frozenset[str]
    ) -> list[jax.Array]:
        """Return how much of a batch is right; where examples do not all count the same, also by how much it counts.

        That is for the loss, and for what is right. Of several outputs no one number says how many are right: behind it
        stand, of each, what its losses add up to, by how much they count, and the same of what is right. Of `graded`
        outputs, whose targets are mixed, what is right is the share of the class that is given.
        """
        graph = self.model.training
        parts = list(each_output(graph, x, logits, y))
        if isinstance(logits, dict):
            found = [jnp.asarray(jnp.nan)]
            for part in parts:
                found += [_sum(values, counted) for values in _seen(part, graded)]
            return [value.astype(jnp.float32) for value in found]
        assert not isinstance(y, dict)
        right = hits(graph.loss, logits, y, mask=parts[0].mask, graded=parts[0].output.name in graded)
        found = [jnp.asarray(jnp.nan) if right is None else _sum(right.sums, counted)]
        if self.weighs:
            losses = measured_losses(graph.loss, logits, y, absorbed=graph.absorbed, mask=parts[0].mask)
            # What counts as it is counts once; of what is not measured nothing is asked.
            once = jnp.ones(len(y))
            found += [_sum(once if m is None or m.counts is None else m.counts, counted) for m in (losses, right)]
        return [value.astype(jnp.float32) for value in found]

    def skip_step(self, state: TrainState, *, phase: int = 0) -> TrainState:
        """Return the state after a step that learns nothing itself; sums that are complete with it are learned from."""
        if self._accumulate == 1:
            return state._replace(step=state.step + 1)
        trained, _ = split(state.params, self.parts.frozen_in(phase))
        return self._gathered(state, jax.tree.map(jnp.zeros_like, trained), jnp.zeros((), jnp.float32), phase)

    def _gathered(self, state: TrainState, grads: Any, examples: jax.Array, phase: int) -> TrainState:
        """Return the state after a batch whose gradient is one of several: the last of them moves the weights."""
        assert state.gathered
        whole, count = state.gathered
        sums, _ = split(whole, self.parts.frozen_in(phase))
        sums = jax.tree.map(lambda s, g: s + examples * g, sums, grads)
        count = count + examples
        index = state.step % self.steps_per_epoch + 1
        # Where all batches of the sum were left out there is nothing to learn from.
        updates_now = ((index % self._accumulate == 0) | (index == self.steps_per_epoch)) & (count > 0)

        def update(state: TrainState) -> TrainState:
            mean = jax.tree.map(lambda s: s / count, sums)
            blank = jax.tree.map(jnp.zeros_like, whole), jnp.zeros_like(count)
            return self._updated(state, mean, phase)._replace(gathered=blank)

        def wait(state: TrainState) -> TrainState:
            return state._replace(gathered=(merged(whole, sums), count))

        return jax.lax.cond(updates_now, update, wait, state)._replace(step=state.step + 1)

    def _updated(self, state: TrainState, grads: Any, phase: int) -> TrainState:
        """Return the state after one update of the weights."""
        at = self.update(state.step)
        updates, optimizer = self._optimizer.update(grads, state.optimizer, state.params, at, phase)
        trained, still = split(state.params, self.parts.frozen_in(phase))
        params = merged(jax.tree.map(jnp.add, trained, updates), still)
        average = state.average
        if average:
            assert self._ema
            average = ema(average, (params, state.state), self._ema.decay, at.astype(jnp.float32))
        return state._replace(params=params, optimizer=optimizer, average=average)

    def evaluate(
        self, variables: Variables, images: Batch, labels: Batch, start: jax.Array, *, batch: int
    ) -> Looked | dict[str, Looked]:
        """Return what is seen of each of the next `batch` examples; of several outputs by their names."""
        # A slice beyond the end begins earlier: the last batch repeats examples of the one before.
        x, labels = jax.tree.map(lambda a: jax.lax.dynamic_slice_in_dim(a, start, batch), (images, labels))
        shard = self.group.shard(jnp.arange(batch))
        if shard.axis_name:
            x, labels = taken((x, labels), shard.indices)
        y = self.model.targets(x, labels)
        logits = self.model.logits_of(variables, x)
        graph = self.model.inference
        looks = {}
        for part in each_output(graph, x, logits, y):
            mask = jnp.ones(len(part.logits)) if part.mask is None else part.mask
            found = (*_seen(part), part.logits, part.targets, mask)
            looks[part.output.name] = Looked(*(a[:batch] for a in joined(found, shard.axis_name)))
        return looks if len(looks) > 1 else looks[graph.outputs[0].name]

    def penalty(self, params: Any) -> jax.Array:
        """Return the l2 penalty."""
        return jnp.asarray(penalty(self.model.graph, params, self.model.network.recipe.l2), jnp.float32)


def taken(batch: Any, indices: Any) -> Any:
    """Return some examples of a batch, by their places."""
    return jax.tree.map(lambda array: array[indices], batch)


def _seen(part: OutputBatch, graded: frozenset[str] = frozenset()) -> tuple[jax.Array, ...]:
    """Return of each example of one output: losses, by how much they count, what is right, by how much that counts."""
    loss, y = part.graph.loss, part.targets
    losses = measured_losses(loss, part.logits, y, absorbed=part.graph.absorbed, mask=part.mask)
    right = hits(loss, part.logits, y, mask=part.mask, graded=part.output.name in graded) or Counted(
        jnp.full(len(y), jnp.nan), None
    )
    return (*_filled(losses), *_filled(right))


def _sum(values: jax.Array, counted: jax.Array | None) -> jax.Array:
    return jnp.sum(values if counted is None else values * counted)


def _filled(measured: Counted) -> tuple[jax.Array, jax.Array]:
    """Return sums and counts, both as arrays."""
    sums = measured.sums.astype(jnp.float32)
    return sums, jnp.ones_like(sums) if measured.counts is None else measured.counts.astype(jnp.float32)
