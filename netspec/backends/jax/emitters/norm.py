"""Normalization."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from netspec import ops
from netspec.backends.jax.emitters.base import Emitter, Run
from netspec.backends.jax.kernels import norm
from netspec.graph import Operation

__all__ = ["EMITTERS"]


def _batch_norm(op: ops.BatchNorm, here: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    scale, offset, mean, variance = arrays
    if not here.train:
        return norm.batch_norm_inference(x, scale, offset, mean, variance, epsilon=op.epsilon)
    y, batch_mean, batch_variance = norm.batch_norm_train(x, scale, offset, epsilon=op.epsilon)
    count = x.size // x.shape[-1]
    keep, unbiased = op.momentum, batch_variance * (count / max(count - 1, 1))
    kept = here.state[at.node]
    kept["mean"] = keep * mean + (1 - keep) * jax.lax.stop_gradient(batch_mean)
    kept["variance"] = keep * variance + (1 - keep) * jax.lax.stop_gradient(unbiased)
    return y


def _layer_norm(op: ops.LayerNorm, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return norm.layer_norm(x, epsilon=op.epsilon)


def _group_norm(op: ops.GroupNorm, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return norm.group_norm(x, groups=op.groups, epsilon=op.epsilon)


def _local(op: ops.LocalResponseNorm, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return norm.local_response_norm(x, size=op.size, alpha=op.alpha, beta=op.beta, k=op.k)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.BatchNorm: _batch_norm,
    ops.LayerNorm: _layer_norm,
    ops.GroupNorm: _group_norm,
    ops.LocalResponseNorm: _local,
}
