"""Operations that read several values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import jax
import jax.numpy as jnp

from netspec import ops
from netspec.planning.layouts import Layout

__all__ = ["MERGERS"]


def _multiply(values: list[jax.Array], layout: Layout) -> jax.Array:
    """Multiply; one number a channel among images meets every position of it."""
    most = max(v.ndim for v in values)
    return reduce(jnp.multiply, [_with_positions(v, most, layout) for v in values])


def _with_positions(x: jax.Array, rank: int, layout: Layout) -> jax.Array:
    missing = rank - x.ndim
    return jnp.expand_dims(x, tuple(range(layout.space, layout.space + missing))) if missing else x


MERGERS: Mapping[type[ops.Op], Callable[[list[jax.Array], Layout], jax.Array]] = {
    ops.Add: lambda values, _: reduce(jnp.add, values),
    ops.Multiply: _multiply,
    ops.Concat: lambda values, layout: jnp.concatenate(values, axis=layout.channels),
}
