"""Operations on sequences, (N, L, D), and token numbers, (N, L); attention also within images, (N, H, W, C)."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import DTypeLike

from netspec import ops
from netspec.backends.jax.emitters.base import EmitContext, Emitter, Kept, OpContext, Stepping
from netspec.backends.jax.kernels import attention, recurrent
from netspec.graph.graph import Operation

__all__ = ["EMITTERS", "STEPS", "first_carry", "no_keys"]


def _embedding(_: ops.Embedding, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at
    # Numbers are checked where they come in. Inside a program of somebody else's nothing can be raised: there what has
    # no row is no number. Without a sign those below 0 are beyond the last row too.
    return arrays[0].at[x.astype(jnp.uint32)].get(mode="fill", fill_value=jnp.nan)


def _one_hot(op: ops.OneHot, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    rows = jax.nn.one_hot(x, op.tokens, dtype=ctx.dtype)
    # As for an embedding: what is no token is no number.
    return jnp.where((x.astype(jnp.uint32) < op.tokens)[..., None], rows, jnp.nan)


def _sinusoid(_: ops.Sinusoid, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return x + jnp.asarray(attention.sinusoids(*x.shape[1:]), x.dtype)


def _prepend(_: ops.Prepend, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at
    first = jnp.broadcast_to(arrays[0], (x.shape[0], 1, x.shape[2]))
    return jnp.concatenate([first, x], axis=1)


def _take(op: ops.Take, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return x[:, 0] if op.position == "first" else x[:, -1]


def _recurrent(op: ops.Recurrent, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at
    weight_ih, weight_hh, *biases = arrays
    return recurrent.recurrence(x, weight_ih, weight_hh, biases, cell=op.cell, reverse=op.reverse)


def _attention(op: ops.Attention, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    dropped = ctx.train and op.draws
    key = ctx.key(at.operation) if dropped else None
    rate = op.rate if dropped else 0.0
    return attention.attend(
        x,
        heads=op.heads,
        causal=op.causal,
        rate=rate,
        rng_key=key,
        axis_name=ctx.axis_name,
        rotary=op.rotary,
    )


def _cross_attention(
    op: ops.CrossAttention, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    dropped = ctx.train and op.draws
    return attention.attend_to(
        x,
        at.more[0],
        arrays,
        heads=op.heads,
        rate=op.rate if dropped else 0.0,
        rng_key=ctx.key(at.operation) if dropped else None,
        axis_name=ctx.axis_name,
        valid=at.more[1][..., 0] != 0 if isinstance(op, ops.MaskedCrossAttention) else None,
    )


def _window_attention(
    op: ops.WindowAttention, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    dropped = ctx.train and op.draws
    return attention.attend_in_windows(
        x,
        arrays[0],
        heads=op.heads,
        window=op.window,
        shift=op.shift,
        rate=op.rate if dropped else 0.0,
        rng_key=ctx.key(at.operation) if dropped else None,
        axis_name=ctx.axis_name,
    )


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Embedding: _embedding,
    ops.OneHot: _one_hot,
    ops.Sinusoid: _sinusoid,
    ops.Prepend: _prepend,
    ops.Take: _take,
    ops.Recurrent: _recurrent,
    ops.Attention: _attention,
    ops.CrossAttention: _cross_attention,
    ops.WindowAttention: _window_attention,
    ops.MaskedCrossAttention: _cross_attention,
}


def _next_sinusoid(
    _: ops.Sinusoid, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    del arrays
    features, length = at.operation.shape
    marks = jnp.asarray(attention.sinusoids(length, features), x.dtype)
    return x + lax.dynamic_slice_in_dim(marks, position, 1), kept


def first_carry(at: Operation, arrays: list[jax.Array], count: int, dtype: DTypeLike) -> Kept:
    """Return the carry before the first step."""
    del arrays
    assert isinstance(at.op, ops.Recurrent)
    return recurrent.first_carry(at.op.cell, count, at.shape[0], dtype)


def _next_carry(
    op: ops.Recurrent, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    del at, position
    weight_ih, weight_hh, *biases = arrays
    kept = recurrent.next_carry(kept, x[:, 0], weight_ih, weight_hh, biases, cell=op.cell)
    return kept[0][:, None], kept


def no_keys(at: Operation, arrays: list[jax.Array], count: int, dtype: DTypeLike) -> Kept:
    """Return room for the keys and the values of all positions."""
    del arrays
    assert isinstance(at.op, ops.Attention)
    features, length = at.shape
    room = (count, at.op.heads, length, features // at.op.heads)
    return jnp.zeros(room, dtype), jnp.zeros(room, dtype)


def _next_attention(
    op: ops.Attention, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    del at, arrays
    keys, values = kept
    y, keys, values = attention.attend_next(x, keys, values, position, rotary=op.rotary)
    return y, (keys, values)


STEPS: Mapping[type[ops.Op], Stepping] = {
    ops.Sinusoid: Stepping(_next_sinusoid),
    ops.Recurrent: Stepping(_next_carry, first_carry),
    ops.Attention: Stepping(_next_attention, no_keys),
}
