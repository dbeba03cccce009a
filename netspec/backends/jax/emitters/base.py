"""Contexts of an emitter: the run through the graph it is part of, and the operation with its plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from zlib import crc32

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from netspec.graph.graph import Operation
from netspec.planning.layouts import CHANNELS_FIRST, Layout

__all__ = ["EmitContext", "Emitter", "Kept", "OpContext", "Stepping", "on_positions"]


@dataclass
class EmitContext:
    """One run through the graph: its mode, its randomness, and the state it leaves behind.

    Attributes:
        axis_name: of the devices that share the batch, if several do.
        dtype: what is computed in, for values that are not made of others.
        frozen: the arrays that training leaves as they are, by path.
    """

    train: bool
    rng: jax.Array | None
    state: dict[str, dict[str, jax.Array]] = field(default_factory=dict)
    axis_name: str | None = None
    dtype: Any = jnp.float32
    frozen: frozenset[str] = frozenset()

    def key(self, operation: Operation) -> jax.Array:
        """Return the random stream of one operation: other layers added or removed do not change it."""
        assert self.rng is not None
        return jax.random.fold_in(self.rng, crc32(operation.node.encode()))


@dataclass(frozen=True)
class OpContext:
    """One operation with what was decided for it: the layout of what it reads and makes, and its strategy.

    Attributes:
        more: what it reads beside its input, such as which positions are valid.
    """

    operation: Operation
    layout: Layout
    strategy: str
    more: tuple[jax.Array, ...] = ()


Emitter: TypeAlias = Callable[[Any, EmitContext, OpContext, jax.Array, list[jax.Array]], jax.Array]
"""Operation, contexts of the run and of the operation, input, parameters → output; arrays in the operation's layout."""


Kept: TypeAlias = tuple[jax.Array, ...]
"""What an operation keeps of the positions before: the state of a recurrence, the keys and values of attention."""


@dataclass(frozen=True)
class Stepping:
    """How an operation goes along a sequence one position at a time.

    Attributes:
        step: operation, its context, input of one position, parameters, what is kept, number of the position → output,
            and what is kept after it. All lies as in the layout with the channels last.
        start: operation in its place, parameters, number of sequences, type → what is kept before the first position.
    """

    step: Callable[[Any, OpContext, jax.Array, list[jax.Array], Kept, jax.Array], tuple[jax.Array, Kept]]
    start: Callable[[Operation, list[jax.Array], int, DTypeLike], Kept] = lambda _at, _arrays, _count, _dtype: ()


def on_positions(compute: Callable[[jax.Array], jax.Array], x: jax.Array, layout: Layout) -> jax.Array:
    """Compute on an array whose positions begin at axis 1: as they do in all layouts but that with the channels first.

    There (N, C, …) is taken for (N·C, …, 1), which it is in memory; what loses its positions becomes (N, C) again.
    """
    if layout != CHANNELS_FIRST:
        return compute(x)
    y = compute(x.reshape(-1, *x.shape[2:], 1))
    return y.reshape(*x.shape[:2], *y.shape[1:-1])
