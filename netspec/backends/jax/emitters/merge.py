"""Operations that read several values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce

import jax
import jax.numpy as jnp

from netspec import ops

__all__ = ["MERGERS"]


def _multiply(values: list[jax.Array]) -> jax.Array:
    """Multiply; `(N, C)` among images is one number a channel."""
    axes = max(v.ndim for v in values)
    spread = [v.reshape(v.shape[0], *[1] * (axes - v.ndim), *v.shape[1:]) if v.ndim < axes else v for v in values]
    return reduce(jnp.multiply, spread)


MERGERS: Mapping[type[ops.Op], Callable[[list[jax.Array]], jax.Array]] = {
    ops.Add: lambda values: reduce(jnp.add, values),
    ops.Multiply: _multiply,
    ops.Concat: lambda values: jnp.concatenate(values, axis=-1),
}
