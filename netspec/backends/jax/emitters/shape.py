"""Operations that move values."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from netspec import ops
from netspec.backends.jax.emitters.base import Emitter, Run, from_device_layout, to_device_layout
from netspec.backends.jax.kernels import resize
from netspec.graph import Operation

__all__ = ["EMITTERS"]


def _reshape(op: ops.Reshape, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return to_device_layout(from_device_layout(x).reshape(x.shape[0], *op.to))


def _permute(op: ops.Permute, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return to_device_layout(jnp.transpose(from_device_layout(x), (0, *(axis + 1 for axis in op.order))))


def _pad(op: ops.Pad, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    # The channels come last on the device.
    before, after = (*op.before[1:], op.before[0]), (*op.after[1:], op.after[0])
    return resize.pad(x, before, after, mode=op.mode)


def _crop(op: ops.Crop, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return resize.crop(x, op.start, op.size)


def _upsample(op: ops.Upsample, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    enlarge = resize.upsample_nearest if op.mode == "nearest" else resize.upsample_linear
    return enlarge(x, op.factor)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Reshape: _reshape,
    ops.Permute: _permute,
    ops.Pad: _pad,
    ops.Crop: _crop,
    ops.Upsample: _upsample,
    ops.DepthToSpace: lambda op, _run, _at, x, _arrays: resize.depth_to_space(x, op.factor),
    ops.SpaceToDepth: lambda op, _run, _at, x, _arrays: resize.space_to_depth(x, op.factor),
}
