"""Convolution and pooling. The kernels know images; a sequence is an image of one row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jax

from netspec import ops
from netspec.backends.jax.emitters.base import Emitter, Run
from netspec.backends.jax.kernels import conv, deconv, pool
from netspec.graph import Operation

__all__ = ["EMITTERS"]

_ONE_ROW = {"window": (1,), "stride": (1,), "dilation": (1,), "padding": ((0, 0),)}


def _geometry(op: ops.Op, *names: str) -> dict[str, Any]:
    """Return the sizes of an operation for an image: those of a sequence get a row that changes nothing."""
    sizes = {name: getattr(op, name) for name in names}
    return {name: size if len(size) == 2 else (*_ONE_ROW[name], *size) for name, size in sizes.items()}


def _on_images(compute: Callable[..., jax.Array], x: jax.Array, *kernels: jax.Array) -> jax.Array:
    """Compute on images (N, H, W, C), or on sequences (N, L, C) as images of one row."""
    if x.ndim == 4:
        return compute(x, *kernels)
    y = compute(x[:, None], *(kernel[:, :, None] for kernel in kernels))
    return y[:, 0] if y.ndim == 4 else y


def _conv(op: ops.Conv, here: Run, _: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    where = {**_geometry(op, "stride", "padding", "dilation"), "groups": op.groups}

    def compute(x: jax.Array, kernel: jax.Array) -> jax.Array:
        strategy = conv.choose(here.platform, x.shape, kernel.shape, **where)
        return conv.conv2d(x, kernel, **where, strategy=strategy)

    return _on_images(compute, x, *arrays)


def _conv_transpose(op: ops.ConvTranspose, here: Run, _: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    where = {**_geometry(op, "stride", "padding", "dilation"), "groups": op.groups}
    strategy = deconv.choose(here.platform, where["stride"], op.groups)
    return _on_images(lambda x, kernel: deconv.conv_transpose2d(x, kernel, **where, strategy=strategy), x, *arrays)


def _max_pool(op: ops.MaxPool, here: Run, _: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    where = _geometry(op, "window", "stride", "padding")
    strategy = pool.choose(here.platform, **where)
    return _on_images(lambda x: pool.max_pool2d(x, **where, strategy=strategy), x)


def _avg_pool(op: ops.AvgPool, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    where = _geometry(op, "window", "stride", "padding")
    return _on_images(lambda x: pool.avg_pool2d(x, **where), x)


def _global_pool(op: ops.GlobalPool, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return _on_images(pool.global_max if op.mode == "max" else pool.global_mean, x)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Conv: _conv,
    ops.ConvTranspose: _conv_transpose,
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.GlobalPool: _global_pool,
}
