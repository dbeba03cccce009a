"""The compiled training steps and evaluation: data stays on the device as bytes, and state is donated.

The order of an epoch is copied to the device once; a step finds its batch there by its own number, and writes what it
measured into a history on the device. So no step waits for the host.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import accumulate
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.emit import Batch
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.train.device_group import DeviceGroup
from netspec.backends.jax.train.measurement import Add, Measurement, hand_on, joined, mean_of
from netspec.backends.jax.train.precompile import Program, without_debug_modes
from netspec.backends.jax.train.step_chunks import depends_on_batch, steps_per_call
from netspec.backends.jax.train.streamed import Ahead, Placed, Streamed
from netspec.backends.jax.train.train_functions import Looked, TrainFunctions, taken
from netspec.backends.jax.train.train_state import TrainState, pack, unpack
from netspec.data.rows import Rows
from netspec.data.types import Split, by_array

__all__ = ["Call", "OnDevice", "Order", "Placed", "Streamed", "TrainState", "Trainer"]

Order: TypeAlias = "jax.Array | NDArray[np.int32]"
"""Of an epoch: on the device where the examples are there, else here."""


class Call(NamedTuple):
    """One call of the compiled program.

    Attributes:
        first: its first step within the epoch, from 0.
        steps: how many it takes.
        length: examples in each.
        phase: in which part of the training it is, from 0: what is frozen differs.
    """

    first: int
    steps: int
    length: int
    phase: int = 0

    @property
    def stop(self) -> int:
        """The first step after it."""
        return self.first + self.steps


class OnDevice(NamedTuple):
    """A split on the device: images as the source has them (bytes stay bytes), labels, and how many there are.

    Of several inputs the images are by their names, of several outputs the labels by those of the targets.
    """

    images: Batch
    labels: Batch
    size: int


class Trainer:
    """A model with its recipe: makes the first state, takes steps, evaluates.

    Args:
        model: what is trained.
        steps_per_epoch: steps in an epoch, which schedules count in.
        epochs: epochs in all.
        seed: of initial values, dropout and augmentation.
        batch: examples in a step; the recipe's unless given, as a set that has fewer needs no room for more.
        max_steps_per_call: steps in a call, if the recipe does not say how many.
        devices: what computes, each a part of every batch; the model's own device unless given.
        initial: arrays that the parameters and running averages of these paths begin with.

    Attributes:
        steps_per_call: how many steps `advance` takes in one call; the recipe's, or chosen.
    """

    def __init__(
        self,
        model: Model,
        *,
        steps_per_epoch: int,
        epochs: int,
        seed: int,
        batch: int | None = None,
        max_steps_per_call: int | None = None,
        devices: Sequence[jax.Device] = (),
        initial: Mapping[str, NDArray[Any]] | None = None,
    ) -> None:
        self.model = model
        self.group = DeviceGroup(devices or (model.device,))
        self.seed, self.steps_per_epoch = seed, steps_per_epoch
        recipe = model.network.recipe
        self.batch = batch or recipe.batch
        chosen = min(steps_per_call(model.graph, model.device.platform), max_steps_per_call or steps_per_epoch)
        self.steps_per_call = min(recipe.steps_per_call or chosen, steps_per_epoch)
        functions = TrainFunctions(
            model,
            self.group,
            steps_per_epoch=steps_per_epoch,
            epochs=epochs,
            seed=seed,
            batch=self.batch,
            initial=initial,
        )
        self._functions = functions
        self._like: Any = None
        """Arrays of the shapes and types of a state, once one was made; no memory is taken for values never written."""
        parallel = self.group.parallel
        self._step = jax.jit(parallel(functions.step), donate_argnums=0, static_argnames="phase")
        self._advance = Program(parallel(functions.advance), donate=(0, 1))
        self._evaluate = Program(parallel(functions.evaluate))
        self._skip_step = jax.jit(parallel(functions.skip_step), donate_argnums=0, static_argnames="phase")
        self._copy = jax.jit(parallel(partial(jax.tree.map, jnp.copy)))
        self._finite = jax.jit(parallel(_all_finite))
        self._penalty = jax.jit(parallel(functions.penalty))

    def start(self) -> TrainState:
        """Return the state before the first step."""
        on_devices: TrainState = self.group.replicate(self._functions.start())
        self._like = jax.tree.map(lambda leaf: np.empty(leaf.shape, leaf.dtype), on_devices)
        return on_devices

    def packed(self, state: TrainState, history: jax.Array) -> dict[str, NDArray[Any]]:
        """Return copies of a state and the history of its epoch as named arrays on the host."""
        # On a CPU an array on the host is a view of the device's, whose memory the next step reuses.
        return {name: array.copy() for name, array in pack({"train": state, "history": history}).items()}

    def unpacked(self, arrays: Mapping[str, NDArray[Any]]) -> tuple[TrainState, jax.Array]:
        """Return the state and the history that `packed` made the arrays of, on the device.

        Raises:
            ModelFileError: when they are not those of this training.
        """
        like = {"train": self.start() if self._like is None else self._like, "history": self.blank_history()}
        found = self.group.replicate(unpack(arrays, like))
        return found["train"], found["history"]

    def examples(self, split: Split) -> OnDevice | Streamed:
        """Return a split as a training takes it: on the device, or one whose images are read when they are needed."""
        return Streamed(split, self.group) if isinstance(split.images, Rows) else self.place(split)

    def place(self, split: Split) -> OnDevice:
        """Copy a split to the device."""
        images, labels = self.group.replicate((by_array(np.asarray, split.images), by_array(np.asarray, split.labels)))
        return OnDevice(images, labels, len(split))

    def place_order(self, order: NDArray[np.int32]) -> jax.Array:
        """Copy the order of an epoch to the device, filled up to whole batches by its last example."""
        return self._put(self.filled(order))

    def filled(self, order: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return the order of an epoch, filled up to whole batches by its last example."""
        return np.pad(order, (0, self.steps_per_epoch * self.batch - len(order)), mode="edge")

    def blank_history(self) -> jax.Array:
        """Return room for what the steps of an epoch measure: (steps, 3), each loss, correct, learning rate.

        Where examples count more or less by their labels, (steps, 5): also by how much they count, for the loss, and
        for what is correct. Of several outputs four numbers of each stand behind: what its losses add up to, by how
        much they count, and the same of what is correct.
        """
        outputs = len(self.model.graph.outputs)
        columns = 3 + 4 * outputs if outputs > 1 else 5 if self._functions.weighs else 3
        return self._put(np.full((self.steps_per_epoch, columns), np.nan, np.float32))

    def prepare(
        self,
        state: TrainState,
        data: OnDevice | Streamed,
        calls: Iterable[Call],
        splits: Iterable[OnDevice | Streamed],
        batch: int,
    ) -> None:
        """Begin to compile what an epoch needs, in a thread: its steps, then its evaluations.

        Args:
            state: before the first step.
            data: the training set.
            calls: those of the epoch.
            splits: what is evaluated.
            batch: examples of an evaluation taken at a time.
        """
        pool = ThreadPoolExecutor(2)
        order = None if isinstance(data, Streamed) else self.place_order(np.zeros(1, np.int32))
        for _, count, length, phase in {call[1:]: call for call in calls if call.length}.values():
            if isinstance(data, Streamed):
                rows = count * length
                examples, order = data.like(rows), data.order(rows, self.steps_per_epoch * self.batch)
            else:
                examples = Placed(data.images, data.labels)
            arrays = (state, self.blank_history(), *examples, order)
            self._advance.prepare(pool, *arrays, count=count, length=length, size=data.size, phase=phase)
        for split in splits:
            own = min(batch, split.size)
            like = split.like(own) if isinstance(split, Streamed) else Placed(split.images, split.labels)
            self._evaluate.prepare(pool, self._evaluated_variables(state), *like, self._start(0), batch=own)
        pool.shutdown(wait=False)

    def ready(self, timeout: float) -> bool:
        """Return whether the programs for steps are compiled, after waiting for them so many seconds at most."""
        return self._advance.ready(timeout)

    def calls(self, steps: range, size: int) -> list[Call]:
        """Return the calls that some steps of an epoch of `size` examples are made in."""
        tail = size % self.batch if depends_on_batch(self.model.graph) and steps.stop == self.steps_per_epoch else 0
        several, rest = divmod(len(steps) - bool(tail), self.steps_per_call)
        sizes = [(self.steps_per_call, self.batch)] * several + [(1, self.batch)] * rest + [(1, tail)] * bool(tail)
        firsts = accumulate((count for count, _ in sizes), initial=steps.start)
        return [Call(first, *size) for first, size in zip(firsts, sizes, strict=False)]

    def advance(
        self,
        state: TrainState,
        history: jax.Array,
        data: OnDevice | Streamed,
        order: Order,
        call: Call,
    ) -> tuple[TrainState, jax.Array]:
        """Take the next steps of an epoch, without waiting for them.

        Args:
            state: before them; its memory is reused.
            history: of the epoch; its memory is reused.
            data: the training set.
            order: of the epoch, from `place_order`.
            call: which steps; they follow those that the state has taken.

        Returns:
            The next state, and the history with what was measured.
        """
        if isinstance(data, Streamed):
            images, labels = data.take(self.ahead(np.asarray(order), call), state.step.block_until_ready)
            order = data.order(call.steps * call.length, self.steps_per_epoch * self.batch)
        else:
            images, labels = data.images, data.labels
        arrays = (state, history, images, labels, order)
        choices = {"count": call.steps, "length": call.length, "size": data.size, "phase": call.phase}
        state, history = self._advance(*arrays, **choices)
        return state, history

    def ahead(self, order: NDArray[np.int32], call: Call) -> Ahead:
        """Return the examples of a call, as they are read ahead."""
        first, rows = call.first * self.batch, call.steps * call.length
        return Ahead(rows, first, self._own(order[first : first + rows], call.length))

    def skip_step(self, state: TrainState, phase: int = 0) -> TrainState:
        """Return the state after a step that learns nothing; the memory of the one before is reused."""
        return self._skip_step(state, phase=phase)

    def phase(self, epoch: int) -> int:
        """Return in which part of the training an epoch lies, from 0."""
        return self._functions.parts.phase(epoch)

    def frozen(self, phase: int) -> frozenset[str]:
        """Return the arrays that stay as they are in a part of the training, by path."""
        return self._functions.parts.frozen_in(phase)

    def batch_of(
        self, state: TrainState, data: OnDevice | Streamed, order: Order, call: Call
    ) -> tuple[Variables, Batch, Batch, jax.Array]:
        """Return what one step learns from: the variables before it, what the network reads, labels, JAX key."""
        first = call.first * self.batch
        indices = np.asarray(order)[first : min(first + self.batch, data.size)]
        state = self.group.local(state)
        variables = Variables(state.params, state.state)
        if isinstance(data, Streamed):
            images, labels = data.take_here(indices)
        else:
            images, labels = taken(self.group.local((data.images, data.labels)), indices)
        x, labels = self._functions.inputs(images, state.step), self._functions.moved(labels, state.step, 0)
        x, labels = self._functions.mixed(x, labels, state.step, 0, batch=len(indices))
        return variables, x, labels, self._functions.key(state.step)

    def step(
        self, state: TrainState, data: OnDevice, indices: NDArray[np.int32], phase: int = 0
    ) -> tuple[TrainState, jax.Array]:
        """Take one step on the examples at `indices`.

        Returns:
            The next state (the old one's memory is reused), and [loss, correct] of the batch, not yet fetched.
        """
        return self._step(state, data.images, data.labels, indices, phase=phase)

    def rate(self, step: int) -> float:
        """Return the learning rate of a step, counted from 0."""
        return float(self._functions.rate(step))

    def variables(self, state: TrainState) -> Variables:
        """Return what a state has learned, copied: the next step reuses the state's own memory."""
        return Variables(*self._copy(self._evaluated_variables(state)))

    @staticmethod
    def _evaluated_variables(state: TrainState) -> Variables:
        """Return what is evaluated and saved: the moving average, where there is one."""
        return Variables(*(state.average or (state.params, state.state)))

    def copy(self, state: TrainState, history: jax.Array) -> tuple[TrainState, jax.Array]:
        """Return copies, whose memory no step reuses."""
        copies: tuple[TrainState, jax.Array] = self._copy((state, history))
        return copies

    def model_variables(self, state: TrainState) -> Variables:
        """Return a state's variables for the model to use, on its own device."""
        return self.group.local(self.variables(state))

    def snapshot(self, history: jax.Array) -> jax.Array:
        """Return a copy of a history on its way to the host; `numpy.asarray` waits for it."""
        with without_debug_modes():
            copy: jax.Array = self._copy(history)
        copy.copy_to_host_async()
        return copy

    def finite(self, state: TrainState) -> bool:
        """Return whether every number of a state is finite."""
        return bool(self._finite(state))

    def measure(
        self, variables: Variables, data: OnDevice | Streamed, batch: int, add: Mapping[str, Add] | None = None
    ) -> Measurement:
        """Return the mean loss (l2 penalty included) and the accuracy (None without classes).

        Args:
            variables: what is looked at.
            data: the examples.
            batch: how many at a time.
            add: by the names of outputs, given the logits and targets of each batch, as arrays on the host; each
                example once, in their order.
        """
        parts = self._evaluate_batches(variables, data, batch, add or {}, keep=False)
        return self._measured(variables, parts, data.size)

    def evaluate(
        self, variables: Variables, data: OnDevice | Streamed, batch: int, add: Mapping[str, Add] | None = None
    ) -> Measurement:
        """Return what `measure` does, and the logits, (N, K, ...)."""
        parts = self._evaluate_batches(variables, data, batch, add or {}, keep=True)
        logits: Any = {name: joined([p.logits for p in own], data.size) for name, own in parts.items()}
        if len(logits) == 1:
            (logits,) = logits.values()
        return self._measured(variables, parts, data.size)._replace(logits=logits)

    def _measured(self, variables: Variables, parts: Mapping[str, list[Looked]], size: int) -> Measurement:
        extra = float(self._penalty(variables.params) if self.model.network.recipe.l2 else 0.0)
        return mean_of(self.model.graph.outputs, parts, size, extra)

    def _evaluate_batches(
        self, variables: Variables, data: OnDevice | Streamed, batch: int, add: Mapping[str, Add], *, keep: bool
    ) -> dict[str, list[Looked]]:
        """Return what is seen of each batch by the names of the outputs; logits that are not kept are left out.

        The logits and targets of each batch are handed on while the device computes the next one.
        """
        batch = min(batch, data.size)
        names = [output.name for output in self.model.graph.outputs]
        found: dict[str, list[Looked]] = {name: [] for name in names}
        left = data.size

        def settle(looked: Mapping[str, Looked]) -> None:
            for name, part in looked.items():
                if name in add:
                    hand_on([part], left, add[name])
                found[name].append(part if keep else part.without_outputs())

        before: Mapping[str, Looked] = {}
        for looked in self._each_batch(variables, data, batch):
            settle(before)
            if before:
                left -= batch
                if isinstance(data, Streamed):
                    # Batches under way hold their examples in memory.
                    jax.block_until_ready([part.losses for part in before.values()])  # type: ignore[no-untyped-call]
            before = looked if isinstance(looked, dict) else {names[0]: looked}
        settle(before)
        return found

    def _each_batch(
        self, variables: Variables, data: OnDevice | Streamed, batch: int
    ) -> Iterator[Looked | dict[str, Looked]]:
        """Yield what is seen of each batch; nothing waits for it yet."""
        if isinstance(data, Streamed):
            start = self._start(0)
            for placed in data.in_turn(batch):
                yield self._evaluate(variables, *placed, start, batch=batch)
            return
        for at in range(0, data.size, batch):
            yield self._evaluate(variables, data.images, data.labels, self._start(at), batch=batch)

    def _own(self, examples: NDArray[np.int32], length: int) -> NDArray[np.int32]:
        """Return the examples of steps of `length` each; -1 in place of those that only other processes compute."""
        own = self.group.own_rows(length, never_pad=depends_on_batch(self.model.graph))
        return examples if own.all() else np.where(np.tile(own, len(examples) // length), examples, np.int32(-1))

    def _start(self, at: int) -> jax.Array:
        return self._put(np.int32(at))

    def _put(self, array: Any) -> jax.Array:
        on_devices: jax.Array = self.group.replicate(array)
        return on_devices


def _all_finite(tree: Any) -> jax.Array:
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.asarray([jnp.isfinite(leaf).all() for leaf in floats], bool).all()
