"""Products with a matrix, biases and scales, activations, dropout and noise."""

from __future__ import annotations

from collections.abc import Mapping

import jax
import jax.numpy as jnp

from netspec import ops
from netspec.backends.jax.emitters.base import Emitter, Run, to_device_layout
from netspec.backends.jax.kernels import activation, dropout, noise
from netspec.graph import Operation

__all__ = ["EMITTERS"]


def _dropout(op: ops.Dropout, here: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return dropout.dropout(x, here.key(at), rate=op.rate) if here.train and op.rate else x


def _activation(op: ops.Activation, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return activation.FUNCTIONS[op.function](x, **dict(op.parameters))


def _prelu(_: ops.PRelu, __: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at
    return activation.prelu(x, arrays[0])


def _gated(op: ops.Gated, _: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return activation.gated(x, activation.FUNCTIONS[op.function])


def _noise(op: ops.Noise, here: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return noise.add_noise(x, here.key(at), std=op.std) if here.train and op.std else x


def _laid_out(parameter: jax.Array) -> jax.Array:
    """Return a parameter as values lie on the device: one number a channel, or one for each value."""
    return to_device_layout(parameter[None])[0]


def _matmul(_: ops.MatMul, __: Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at
    return jnp.matmul(x, arrays[0].T, preferred_element_type=x.dtype)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.MatMul: _matmul,
    ops.Bias: lambda _op, _run, _at, x, arrays: x + _laid_out(arrays[0]),
    ops.Scale: lambda _op, _run, _at, x, arrays: x * _laid_out(arrays[0]),
    ops.Dropout: _dropout,
    ops.Activation: _activation,
    ops.PRelu: _prelu,
    ops.Gated: _gated,
    ops.Noise: _noise,
}
