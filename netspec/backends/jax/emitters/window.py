"""Convolution and pooling."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from netspec import ops
from netspec.backends.jax.emitters.base import Emitter, Run
from netspec.backends.jax.kernels import conv, pool
from netspec.graph import Operation

__all__ = ["EMITTERS"]


def _conv(op: ops.Conv, here: Run, _: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    kernel = arrays[0]
    where = {"stride": op.stride, "padding": op.padding, "dilation": op.dilation, "groups": op.groups}
    strategy = conv.choose(here.platform, x.shape, kernel.shape, **where)  # type: ignore[arg-type]
    return conv.conv2d(x, kernel, **where, strategy=strategy)  # type: ignore[arg-type]


def _max_pool(op: ops.MaxPool, here: Run, _: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    where = {"window": op.window, "stride": op.stride, "padding": op.padding}
    strategy = pool.choose(here.platform, **where)  # type: ignore[arg-type]
    return pool.max_pool2d(x, **where, strategy=strategy)  # type: ignore[arg-type]


def _avg_pool(op: ops.AvgPool, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return pool.avg_pool2d(x, window=op.window, stride=op.stride, padding=op.padding)


def _global_pool(op: ops.GlobalPool, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return pool.global_max(x) if op.mode == "max" else pool.global_mean(x)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Conv: _conv,
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.GlobalPool: _global_pool,
}
