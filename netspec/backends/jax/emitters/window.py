"""Convolution and pooling. The kernels know images and volumes; a sequence is an image of one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike

from netspec import ops
from netspec.backends.jax.emitters.base import EmitContext, Emitter, Kept, OpContext, Stepping, on_positions
from netspec.backends.jax.kernels import conv, deconv, pool, volume
from netspec.graph.graph import Operation

__all__ = ["EMITTERS", "STEPS"]

_ONE_ROW = {"window": (1,), "stride": (1,), "dilation": (1,), "padding": ((0, 0),), "counted": ((0, 0),)}


def _geometry(op: ops.Op, *names: str) -> dict[str, Any]:
    """Return the sizes of an operation for an image or a volume: those of a sequence get a row that changes nothing."""
    sizes = {name: getattr(op, name) for name in names}
    return {name: size if len(size) > 1 else (*_ONE_ROW[name], *size) for name, size in sizes.items()}


def _on_images(compute: Callable[..., jax.Array], at: OpContext, x: jax.Array, *kernels: jax.Array) -> jax.Array:
    """Compute on images and volumes, or on sequences as images of one row."""
    if x.ndim > 3:
        return compute(x, *kernels)
    y = compute(jnp.expand_dims(x, at.layout.space), *(kernel[:, :, None] for kernel in kernels))
    return jnp.squeeze(y, at.layout.space) if y.ndim == 4 else y


def _conv(op: ops.Conv, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    how = {**_geometry(op, "stride", "padding", "dilation"), "groups": op.groups, "strategy": at.strategy}
    compute = volume.conv3d if x.ndim == 5 else conv.conv2d
    return _on_images(lambda x, kernel: compute(x, kernel, **how, layout=at.layout), at, x, *arrays)


def _conv_transpose(
    op: ops.ConvTranspose, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    how = {**_geometry(op, "stride", "padding", "dilation"), "groups": op.groups, "strategy": at.strategy}
    compute = volume.conv_transpose3d if x.ndim == 5 else deconv.conv_transpose2d
    return _on_images(lambda x, kernel: compute(x, kernel, **how, layout=at.layout), at, x, *arrays)


def _pool(compute: Callable[[jax.Array], jax.Array], at: OpContext, x: jax.Array) -> jax.Array:
    return _on_images(lambda x: on_positions(compute, x, at.layout), at, x)


def _max_pool(op: ops.MaxPool, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    where = _geometry(op, "window", "stride", "padding")
    compute = volume.max_pool3d if x.ndim == 5 else pool.max_pool2d
    return _pool(lambda x: compute(x, **where, strategy=at.strategy), at, x)


def _avg_pool(op: ops.AvgPool, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    where = _geometry(op, "window", "stride", "padding")
    if op.counted:
        where |= _geometry(op, "counted")
    compute = volume.avg_pool3d if x.ndim == 5 else pool.avg_pool2d
    return _pool(lambda x: compute(x, **where), at, x)


def _global_pool(op: ops.GlobalPool, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    compute = {"max": pool.global_max, "avg": pool.global_mean, "sum": pool.global_sum}[op.mode]
    if x.ndim == 5:
        return _without_positions(lambda x: compute(volume.rows(x)), x, at)
    return _on_images(lambda x: _without_positions(compute, x, at), at, x)


def _without_positions(compute: Callable[[jax.Array], jax.Array], x: jax.Array, at: OpContext) -> jax.Array:
    """Compute what loses its positions: (N, C), or (C, N) with the batch last."""
    if at.layout.space == 1:
        return compute(x)
    return compute(x.reshape(-1, *x.shape[2:], 1)).reshape(x.shape[:2])


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Conv: _conv,
    ops.ConvTranspose: _conv_transpose,
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.GlobalPool: _global_pool,
}


def _no_inputs(at: Operation, arrays: list[jax.Array], count: int, dtype: DTypeLike) -> Kept:
    """Return the inputs before the first position of a convolution that looks back only: the zeros of its padding."""
    assert isinstance(at.op, ops.Conv)
    channels = arrays[0].shape[1] * at.op.groups
    return (jnp.zeros((count, at.op.padding[0][0], channels), dtype),)


def _next_conv(
    op: ops.Conv, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    del position
    seen = jnp.concatenate([*kept, x], axis=1)
    how = {**_geometry(op, "stride", "dilation"), "groups": op.groups, "strategy": "direct"}
    none = ((0, 0), (0, 0))
    y = _on_images(lambda x, kernel: conv.conv2d(x, kernel, **how, padding=none, layout=at.layout), at, seen, *arrays)
    return y, (seen[:, 1:],)


STEPS: Mapping[type[ops.Op], Stepping] = {ops.Conv: Stepping(_next_conv, _no_inputs)}
