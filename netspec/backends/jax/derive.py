"""Derived arrays, such as a kernel with a scale in it, as functions of the parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp

from netspec.graph.graph import Graph
from netspec.ops import derived as formulas

__all__ = ["FORMULAS", "Arrays", "derive", "look_up"]

Arrays: TypeAlias = Mapping[str, Mapping[str, jax.Array]]
"""Arrays by node and name."""


def derive(graph: Graph, params: Arrays, state: Arrays) -> dict[str, jax.Array]:
    """Return the derived arrays that the operations of a graph read, by path."""
    made: dict[str, jax.Array] = {}
    for path, derived in graph.derived.items():
        sources = [made[source] if source in made else look_up(source, params, state) for source in derived.sources]
        made[path] = FORMULAS[type(derived.formula)](derived.formula, *sources)
    read = {path for operation in graph.operations for path in operation.parameters}
    return {path: array for path, array in made.items() if path in read}


def look_up(path: str, params: Arrays, state: Arrays) -> jax.Array:
    """Return the array of a parameter."""
    node, _, name = path.rpartition("/")
    own = params.get(node, {})
    return own[name] if name in own else state[node][name]


def _norm_scale(formula: formulas.NormScale, scale: jax.Array, variance: jax.Array) -> jax.Array:
    return jax.lax.rsqrt(variance + formula.epsilon) * scale


def _norm_offset(_: formulas.NormOffset, offset: jax.Array, mean: jax.Array, factor: jax.Array) -> jax.Array:
    return offset - mean * factor


def _aligned(a: jax.Array, b: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return two arrays with as many axes: one number a channel is for all positions."""
    axes = max(a.ndim, b.ndim)
    return _widened(a, axes), _widened(b, axes)


def _widened(a: jax.Array, axes: int) -> jax.Array:
    return a.reshape(*a.shape, *[1] * (axes - a.ndim))


def _spread(formula: formulas.Spread, a: jax.Array) -> jax.Array:
    return jnp.broadcast_to(_widened(a, len(formula.to)), formula.to).reshape(-1)


def _scale_rows(_: formulas.ScaleRows, kernel: jax.Array, factors: jax.Array) -> jax.Array:
    return kernel * _widened(factors, kernel.ndim)


def _scale_columns(formula: formulas.ScaleColumns, kernel: jax.Array, factors: jax.Array) -> jax.Array:
    grouped = kernel.reshape(formula.groups, -1, *kernel.shape[1:])
    return (grouped * _widened(factors.reshape(formula.groups, 1, -1), grouped.ndim)).reshape(kernel.shape)


def _row_sums(formula: formulas.RowSums, kernel: jax.Array, constants: jax.Array) -> jax.Array:
    grouped = kernel.reshape(formula.groups, -1, *kernel.shape[1:])
    taps = grouped.sum(axis=tuple(range(3, grouped.ndim)))
    each = jnp.einsum("grc,gc->gr", taps, constants.reshape(formula.groups, -1), precision="highest")
    return each.reshape(-1)


FORMULAS: Mapping[type[formulas.Formula], Callable[..., Any]] = {
    formulas.NormScale: _norm_scale,
    formulas.NormOffset: _norm_offset,
    formulas.Sum: lambda _, a, b: jnp.add(*_aligned(a, b)),
    formulas.Product: lambda _, a, b: jnp.multiply(*_aligned(a, b)),
    formulas.Spread: _spread,
    formulas.ScaleRows: _scale_rows,
    formulas.ScaleColumns: _scale_columns,
    formulas.RowSums: _row_sums,
}
