"""Operations on sequences with padding, all of them (N, L, D); what is valid is (N, L, 1), 1 or 0."""

from __future__ import annotations

from collections.abc import Mapping

import jax

from netspec import ops
from netspec.backends.jax.emitters.base import EmitContext, Emitter, OpContext
from netspec.backends.jax.kernels import attention, masks, recurrent

__all__ = ["EMITTERS"]


def _valid(op: ops.ValidPositions, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return masks.valid_positions(x, op.token, op.before)


def _zero(_: ops.ZeroPadding, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return masks.zero_padding(x, at.more[0])


def _pool(op: ops.MaskedGlobalPool, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    compute = {"max": masks.global_max, "avg": masks.global_mean, "sum": masks.global_sum}[op.mode]
    return compute(x, at.more[0])


def _take(_: ops.TakeLastValid, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return masks.take_last(x, at.more[0])


def _recurrent(
    op: ops.MaskedRecurrent, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    weight_ih, weight_hh, *biases = arrays
    return recurrent.recurrence(
        x, weight_ih, weight_hh, biases, cell=op.cell, reverse=op.reverse, valid=at.more[0] != 0
    )


def _attention(
    op: ops.MaskedAttention, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    del arrays
    dropped = ctx.train and op.draws
    return attention.attend(
        x,
        heads=op.heads,
        causal=op.causal,
        rotary=op.rotary,
        rate=op.rate if dropped else 0.0,
        rng_key=ctx.key(at.operation) if dropped else None,
        axis_name=ctx.axis_name,
        valid=at.more[0][..., 0] != 0,
    )


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.ValidPositions: _valid,
    ops.ZeroPadding: _zero,
    ops.MaskedGlobalPool: _pool,
    ops.TakeLastValid: _take,
    ops.MaskedRecurrent: _recurrent,
    ops.MaskedAttention: _attention,
}
