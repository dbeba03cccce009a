"""Products with a matrix, biases and scales, activations, dropout and noise."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import jax
import jax.numpy as jnp
from jax import lax

from netspec import ops
from netspec.backends.jax.emitters.base import EmitContext, Emitter, Kept, OpContext, Stepping
from netspec.backends.jax.kernels import activation, dropout, noise
from netspec.backends.jax.kernels.arrange import dot, dot_rows, from_declared, spread
from netspec.backends.jax.kernels.shared import drawn
from netspec.planning.layouts import BATCH_LAST, Layout

__all__ = ["EMITTERS", "STEPS"]


def _matmul(_: ops.MatMul, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    """(units, D) times the features: at each position of a sequence, where there are positions."""
    (kernel,) = arrays
    if at.layout != BATCH_LAST:
        return dot_rows(x, kernel)
    return dot(kernel, x.reshape(x.shape[0], -1)).reshape(-1, *x.shape[1:])


def _activation(op: ops.Activation, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    function = activation.FUNCTIONS[op.function]
    axis = {"axis": at.layout.channels} if op.function in activation.OVER_CHANNELS else {}
    return function(x, **dict(op.parameters), **axis)


def _affine(op: ops.Affine, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    y = x * op.factor
    return y + op.offset if op.offset else y


def _prelu(_: ops.PRelu, __: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    (slope,) = arrays
    return activation.prelu(x, slope if slope.size == 1 else spread(slope, x.ndim, at.layout))


def _gated(op: ops.Gated, _: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return activation.gated(x, activation.FUNCTIONS[op.function], axis=at.layout.channels)


def _dropout(op: ops.Dropout, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    if not (ctx.train and op.rate):
        return x
    factor = _drawn(
        lambda shape: dropout.mask(shape, ctx.key(at.operation), rate=op.rate, dtype=x.dtype), ctx, x, at.layout
    )
    return dropout.apply(x, factor)


def _channel_dropout(
    op: ops.ChannelDropout, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    """Drop by one number for each channel of each example."""
    del arrays
    return _dropped_along(op, ctx, at, x, (at.layout.batch, at.layout.channels))


def _stochastic_depth(
    op: ops.StochasticDepth, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]
) -> jax.Array:
    """Drop by one number for each example."""
    del arrays
    return _dropped_along(op, ctx, at, x, (at.layout.batch,))


def _dropped_along(op: ops.Dropout, ctx: EmitContext, at: OpContext, x: jax.Array, axes: tuple[int, ...]) -> jax.Array:
    """Drop all values that lie at one place of some axes, the examples first, or none of them."""
    if not (ctx.train and op.rate):
        return x
    axes = tuple(axis % x.ndim for axis in axes)
    factor = drawn(
        lambda shape: dropout.mask(shape, ctx.key(at.operation), rate=op.rate, dtype=x.dtype),
        tuple(x.shape[axis] for axis in axes),
        ctx.axis_name,
    )
    in_order = factor.transpose(sorted(range(len(axes)), key=lambda n: axes[n]))
    return dropout.apply(x, jnp.expand_dims(in_order, [axis for axis in range(x.ndim) if axis not in axes]))


def _noise(op: ops.Noise, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    if not (ctx.train and op.std):
        return x
    return x + _drawn(
        lambda shape: noise.normal(shape, ctx.key(at.operation), std=op.std, dtype=x.dtype), ctx, x, at.layout
    )


def _sample(_: ops.Sample, ctx: EmitContext, at: OpContext, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    mean, log_variance = jnp.split(x, 2, axis=at.layout.channels)
    if not ctx.train:
        return mean
    epsilon = _drawn(
        lambda shape: noise.normal(shape, ctx.key(at.operation), std=1.0, dtype=x.dtype), ctx, mean, at.layout
    )
    return mean + jnp.exp(log_variance / 2) * epsilon


def _drawn(draw: Callable[[tuple[int, ...]], jax.Array], ctx: EmitContext, x: jax.Array, layout: Layout) -> jax.Array:
    """Return random numbers for each value: drawn as values are declared, so that no layout changes a result."""
    shape = [x.shape[layout.axes(x.ndim).index(axis)] for axis in range(x.ndim)]
    return from_declared(drawn(draw, tuple(shape), ctx.axis_name), layout)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.MatMul: _matmul,
    ops.Bias: lambda _op, _run, at, x, arrays: x + spread(arrays[0], x.ndim, at.layout),
    ops.Scale: lambda _op, _run, at, x, arrays: x * spread(arrays[0], x.ndim, at.layout),
    ops.Affine: _affine,
    ops.Dropout: _dropout,
    ops.ChannelDropout: _channel_dropout,
    ops.StochasticDepth: _stochastic_depth,
    ops.Activation: _activation,
    ops.PRelu: _prelu,
    ops.Gated: _gated,
    ops.Noise: _noise,
    ops.Sample: _sample,
}


def _own_numbers(at: OpContext, x: jax.Array, arrays: list[jax.Array], position: jax.Array) -> jax.Array:
    """Return the numbers for each channel; of those for each value the ones of a position."""
    (numbers,) = arrays
    if numbers.ndim > 1:
        numbers = lax.dynamic_slice_in_dim(numbers, position, 1, axis=1)
    return spread(numbers, x.ndim, at.layout)


def _next_bias(
    _: ops.Bias, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    return x + _own_numbers(at, x, arrays, position), kept


def _next_scale(
    _: ops.Scale, at: OpContext, x: jax.Array, arrays: list[jax.Array], kept: Kept, position: jax.Array
) -> tuple[jax.Array, Kept]:
    return x * _own_numbers(at, x, arrays, position), kept


STEPS: Mapping[type[ops.Op], Stepping] = {ops.Bias: Stepping(_next_bias), ops.Scale: Stepping(_next_scale)}
