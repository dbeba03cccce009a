"""Normalization."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from netspec import ops
from netspec.backends.jax.emitters.base import EmitContext, Emitter, OpContext
from netspec.backends.jax.kernels import norm
from netspec.backends.jax.kernels.decay import moved
from netspec.backends.jax.kernels.shared import sharers

__all__ = ["EMITTERS"]


def _batch_norm(op: ops.BatchNorm, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    scale, offset, mean, variance = arrays
    count = x.size // x.shape[at.layout.channels] * sharers(ctx.axis_name)
    # One value alone has no variance: it is taken as in inference, and the averages learn nothing of it.
    if not ctx.train or count == 1 or at.operation.parameters[2] in ctx.frozen:
        return norm.batch_norm_inference(x, scale, offset, mean, variance, epsilon=op.epsilon, layout=at.layout)
    y, batch_mean, batch_variance = norm.batch_norm_train(
        x, scale, offset, epsilon=op.epsilon, layout=at.layout, axis_name=ctx.axis_name
    )
    unbiased = batch_variance * (count / (count - 1))
    # Shared averages are those of the node that owns them, and each use moves them on.
    running = ctx.state[at.operation.parameters[2].rpartition("/")[0]]
    running["mean"] = moved(mean, jax.lax.stop_gradient(batch_mean), op.momentum)
    running["variance"] = moved(variance, jax.lax.stop_gradient(unbiased), op.momentum)
    return y


def _layer_norm(op: ops.LayerNorm, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return norm.layer_norm(x, epsilon=op.epsilon, layout=at.layout)


def _group_norm(op: ops.GroupNorm, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return norm.group_norm(x, groups=op.groups, epsilon=op.epsilon, layout=at.layout)


def _local(
    op: ops.LocalResponseNorm, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    del arrays
    return norm.local_response_norm(x, size=op.size, alpha=op.alpha, beta=op.beta, k=op.k, layout=at.layout)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.BatchNorm: _batch_norm,
    ops.LayerNorm: _layer_norm,
    ops.GroupNorm: _group_norm,
    ops.LocalResponseNorm: _local,
}
