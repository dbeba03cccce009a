"""Operations that read several values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from netspec import ops
from netspec.backends.jax.kernels import vectors
from netspec.planning.layouts import Layout

__all__ = ["MERGERS", "Merger"]

Merger: TypeAlias = Callable[[Any, list[jax.Array], Layout], jax.Array]
"""Operation, what it reads, their layout → output."""


def _spreading(combine: Callable[[jax.Array, jax.Array], jax.Array]) -> Merger:
    """Combine one value with the next; one number a channel meets every position, and one channel every channel."""

    def merge(_: ops.Op, values: list[jax.Array], layout: Layout) -> jax.Array:
        most = max(v.ndim for v in values)
        return reduce(combine, [_with_positions(v, most, layout) for v in values])

    return merge


def _with_positions(x: jax.Array, rank: int, layout: Layout) -> jax.Array:
    missing = rank - x.ndim
    return jnp.expand_dims(x, tuple(range(layout.space, layout.space + missing))) if missing else x


def _dot(_: ops.Dot, values: list[jax.Array], layout: Layout) -> jax.Array:
    a, b = values
    return vectors.dot(a, b, axis=layout.channels)


def _cosine(op: ops.CosineSimilarity, values: list[jax.Array], layout: Layout) -> jax.Array:
    a, b = values
    return vectors.cosine_similarity(a, b, epsilon=op.epsilon, axis=layout.channels)


MERGERS: Mapping[type[ops.Op], Merger] = {
    ops.Add: _spreading(jnp.add),
    ops.Average: lambda _, values, __: reduce(jnp.add, values) / len(values),
    ops.Subtract: _spreading(jnp.subtract),
    ops.Multiply: _spreading(jnp.multiply),
    ops.Divide: _spreading(jnp.divide),
    ops.Maximum: _spreading(jnp.maximum),
    ops.Minimum: _spreading(jnp.minimum),
    ops.Concat: lambda _, values, layout: jnp.concatenate(values, axis=layout.channels),
    ops.Dot: _dot,
    ops.CosineSimilarity: _cosine,
}
