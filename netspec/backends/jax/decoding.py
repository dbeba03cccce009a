"""A network of a sequence, computed one position at a time: what looks back is kept, not computed again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from numpy.typing import ArrayLike, NDArray

from netspec.backends.jax import precision as precision_of
from netspec.backends.jax.derive import derive, look_up
from netspec.backends.jax.emit import EMITTERS, MERGERS
from netspec.backends.jax.emitters import STEPS, EmitContext, Kept, OpContext
from netspec.backends.jax.model import Model
from netspec.backends.jax.variables import Variables
from netspec.graph.causality import causality
from netspec.graph.graph import Operation
from netspec.planning.layouts import CHANNELS_LAST

__all__ = ["Continuation", "Decoder", "Memory"]

Memory: TypeAlias = tuple[jax.Array, dict[int, Kept]]
"""The number of the next position, and what each operation keeps, by the value it makes."""


class Decoder:
    """Computes the logits of the next position from those before it, compiled once.

    Only for a network of one sequence of tokens of which `causality.steps` holds.

    Attributes:
        model: whose network it is.
        causality: what each position knows.
    """

    def __init__(self, model: Model) -> None:
        self.model = model
        # With the loss fused, but no normalization folded: each operation then is what it was declared as.
        self._graph = model.training
        self.causality = causality(self._graph)
        self._start = jax.jit(self._pure_start, static_argnums=1)
        self._step = jax.jit(self._pure_step, donate_argnums=1)

    def start(self, variables: Variables, count: int = 1) -> Memory:
        """Return what is kept before the first position of so many sequences."""
        # Placed where the steps compute, or the first one would be compiled for itself.
        return jax.device_put(self._start(variables, count), self.model.device)

    def step(self, variables: Variables, memory: Memory, tokens: ArrayLike) -> tuple[jax.Array, Memory]:
        """Return the logits, (N, K), after one more position of each sequence, and what is kept then.

        Args:
            variables: of the model.
            memory: what is kept before it; it cannot be used again.
            tokens: (N,), what stands there.
        """
        return self._step(variables, memory, np.asarray(tokens, np.int32))

    def _pure_start(self, variables: Variables, count: int) -> Memory:
        derived = derive(self._graph, *variables)
        dtype: DTypeLike = precision_of.TYPES[self.model.precision]
        kept = {
            o.output: STEPS[type(o.op)].start(o, self._arrays(o, variables, derived), count, dtype)
            for o in self._graph.operations
            if type(o.op) in STEPS
        }
        return jnp.zeros((), jnp.int32), kept

    def _pure_step(self, variables: Variables, memory: Memory, tokens: jax.Array) -> tuple[jax.Array, Memory]:
        position, kept = memory
        derived = derive(self._graph, *variables)
        narrow = self.model.precision
        params, derived = precision_of.narrowed((variables.params, derived), narrow)
        variables = Variables(params, variables.state)
        ctx = EmitContext(train=False, rng=None, state=variables.state, dtype=precision_of.TYPES[narrow])
        values = {0: tokens[:, None]}
        after = dict(kept)
        for o in self._graph.operations:
            x, *more = (values[i] for i in o.inputs)
            at = OpContext(o, CHANNELS_LAST, "direct", tuple(more))
            if type(o.op) in MERGERS:
                values[o.output] = MERGERS[type(o.op)](o.op, [x, *more], CHANNELS_LAST)
            elif type(o.op) in STEPS:
                arrays = self._arrays(o, variables, derived)
                values[o.output], after[o.output] = STEPS[type(o.op)].step(
                    o.op, at, x, arrays, kept[o.output], position
                )
            else:
                values[o.output] = EMITTERS[type(o.op)](o.op, ctx, at, x, self._arrays(o, variables, derived))
            if o.output == self._graph.logits:
                break
        logits = precision_of.widened(values[self._graph.logits])
        return logits.reshape(logits.shape[0], -1), (position + 1, after)

    def _arrays(self, operation: Operation, variables: Variables, derived: dict[str, jax.Array]) -> list[jax.Array]:
        return [derived[path] if path in derived else look_up(path, *variables) for path in operation.parameters]


class Continuation:
    """A sequence of tokens that grows, and what a network says of the next one.

    As long as it can be, what was computed is kept; where the network sees no more positions than an example has, a
    longer sequence is read from so many before its end, all of them anew.

    Args:
        decoder: of the network.
        variables: of its model.
    """

    def __init__(self, decoder: Decoder, variables: Variables) -> None:
        self._decoder, self._variables = decoder, variables
        (self._length,) = decoder.model.graph.input
        self._tokens: list[int] = []
        self._count = 0
        self._memory = decoder.start(variables) if decoder.causality.steps else None

    def read(self, tokens: Sequence[int]) -> NDArray[np.float32]:
        """Return the logits, (K,), of what follows after some more tokens, one at least."""
        self._count += len(tokens)
        self._tokens = [*self._tokens, *tokens][-self._length :]
        if self._memory is None or (self._decoder.causality.limited and self._count > self._length):
            self._memory = None
            return self._anew()
        for token in tokens:
            logits, self._memory = self._decoder.step(self._variables, self._memory, [token])
        return np.asarray(logits)[0]

    def _anew(self) -> NDArray[np.float32]:
        """Return the logits after the last tokens, as many as an example has, from all of them."""
        made = self._decoder.model.logits(self._variables, np.asarray([self._tokens], np.int32))
        return np.asarray(made)[0].reshape(made.shape[1], -1)[:, -1]
