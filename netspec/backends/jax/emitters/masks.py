"""Operations on sequences with padding, all of them (N, L, D); what is valid is (N, L, 1), 1 or 0."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from netspec import ops
from netspec.backends.jax.emitters.base import EmitContext, Emitter, Kept, OpContext, Stepping
from netspec.backends.jax.emitters.sequence import first_carry, no_keys
from netspec.backends.jax.kernels import attention, masks, recurrent
from netspec.graph.graph import Operation

__all__ = ["EMITTERS", "STEPS"]


def _valid(op: ops.ValidPositions, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return masks.valid_positions(x, op.token, op.before)


def _zero(_: ops.ZeroPadding, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return masks.fill_padding(x, at.more[0], 0)


def _one(_: ops.OnePadding, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return masks.fill_padding(x, at.more[0], 1)


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
    ops.OnePadding: _one,
    ops.MaskedGlobalPool: _pool,
    ops.TakeLastValid: _take,
    ops.MaskedRecurrent: _recurrent,
    ops.MaskedAttention: _attention,
}


def _nothing_taken(at: Operation, arrays: list[jax.Array], count: int, dtype: DTypeLike) -> Kept:
    del arrays
    return (jnp.zeros((count, *at.shape), dtype),)


def _next_take(
    _: ops.TakeLastValid, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    del arrays
    # Of positions that all are padding the first is taken.
    y = jnp.where((at.more[0][:, 0] != 0) | (position == 0), x[:, 0], kept[0])
    return y, (y,)


def _next_carry(
    op: ops.MaskedRecurrent, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    del position
    weight_ih, weight_hh, *biases = arrays
    valid = at.more[0][:, 0] != 0
    kept = recurrent.next_carry(kept, x[:, 0], weight_ih, weight_hh, biases, cell=op.cell, valid=valid)
    return kept[0][:, None], kept


def _no_keys(at: Operation, arrays: list[jax.Array], count: int, dtype: DTypeLike) -> Kept:
    return (*no_keys(at, arrays, count, dtype), jnp.zeros((count, at.shape[1]), bool))


def _next_attention(
    op: ops.MaskedAttention, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    del arrays
    keys, values, valid = kept
    valid = lax.dynamic_update_slice_in_dim(valid, at.more[0][..., 0] != 0, position, axis=1)
    y, keys, values = attention.attend_next(x, keys, values, position, valid=valid, rotary=op.rotary)
    return y, (keys, values, valid)


STEPS: Mapping[type[ops.Op], Stepping] = {
    ops.TakeLastValid: Stepping(_next_take, _nothing_taken),
    ops.MaskedRecurrent: Stepping(_next_carry, first_carry),
    ops.MaskedAttention: Stepping(_next_attention, _no_keys),
}
