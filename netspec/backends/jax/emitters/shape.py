"""Operations that move values."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from netspec import ops
from netspec.backends.jax.emitters.base import EmitContext, Emitter, OpContext, on_positions
from netspec.backends.jax.kernels import resize
from netspec.backends.jax.kernels.arrange import from_declared, to_declared
from netspec.planning.layouts import BATCH_LAST

__all__ = ["EMITTERS"]


def _reshape(op: ops.Reshape, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    if at.layout == BATCH_LAST and (len(at.operation.shape) == 1 or x.ndim == 2):
        # Channels, then positions: in this layout a flat vector is the same memory.
        return x.reshape(*op.to, x.shape[-1]) if len(op.to) == 1 else _reshape_declared(op, at, x)
    return _reshape_declared(op, at, x)


def _reshape_declared(op: ops.Reshape, at: OpContext, x: jax.Array) -> jax.Array:
    """Reshape in the order C, H, W, which is what a spec means."""
    declared = to_declared(x, at.layout)
    return from_declared(declared.reshape(declared.shape[0], *op.to), at.layout)


def _permute(op: ops.Permute, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    declared = jnp.transpose(to_declared(x, at.layout), (0, *(axis + 1 for axis in op.order)))
    return from_declared(declared, at.layout)


def _pad(op: ops.Pad, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    order = at.layout.axes(x.ndim)
    before, after = ([(0, *edge)[axis] for axis in order] for edge in (op.before, op.after))
    return resize.pad(x, before, after, mode=op.mode)


def _crop(op: ops.Crop, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return on_positions(lambda x: resize.crop(x, op.start, op.size), x, at.layout)


def _channels(op: ops.Channels, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return jax.lax.slice_in_dim(x, op.start, op.start + op.count, axis=at.layout.channels)


def _coordinates(
    _: ops.Coordinates, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    del arrays
    found = from_declared(jnp.asarray(resize.coordinates(at.operation.shape[1:]), x.dtype)[None], at.layout)
    shape = list(x.shape)
    shape[at.layout.channels] = found.shape[at.layout.channels]
    return jnp.concatenate([x, jnp.broadcast_to(found, shape)], axis=at.layout.channels)


def _shuffle(
    op: ops.ShuffleChannels, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    del arrays
    return resize.shuffle_channels(x, op.groups, axis=at.layout.channels % x.ndim)


def _upsample(op: ops.Upsample, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    if op.mode == "nearest":
        return on_positions(lambda x: resize.upsample_nearest(x, op.factor), x, at.layout)
    if op.mode == "bilinear" and not op.align_corners:
        return on_positions(lambda x: resize.upsample_linear(x, op.factor), x, at.layout)
    how = {"cubic": op.mode == "bicubic", "align_corners": op.align_corners}
    return on_positions(lambda x: resize.upsample_gathered(x, op.factor, **how), x, at.layout)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Reshape: _reshape,
    ops.Permute: _permute,
    ops.Pad: _pad,
    ops.Crop: _crop,
    ops.Channels: _channels,
    ops.Coordinates: _coordinates,
    ops.ShuffleChannels: _shuffle,
    ops.Upsample: _upsample,
    ops.DepthToSpace: lambda op, _run, _at, x, _arrays: resize.depth_to_space(x, op.factor),
    ops.SpaceToDepth: lambda op, _run, _at, x, _arrays: resize.space_to_depth(x, op.factor),
}
