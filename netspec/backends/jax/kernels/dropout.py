"""Inverted dropout: zero a random part of the values, scale up the rest, change nothing at inference."""

from collections.abc import Mapping
from math import prod
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from netspec.backends.jax.kernels.shared import drawn

# Widths of the random integers that are compared with the keep probability, and their types.
_WIDTHS: Mapping[int, type[np.unsignedinteger[Any]]] = {8: np.uint8, 16: np.uint16, 32: np.uint32}


def dropout(x: jax.Array, rng_key: jax.Array, *, rate: float, axis_name: str | None = None) -> jax.Array:
    """Zeroes each value with probability `rate` and divides the others by 1 - rate (Srivastava et al., 2014).

    Args:
        x: values of any shape.
        rng_key: a JAX random key; the same key drops the same values.
        rate: the probability of dropping a value, in [0, 1]; see `mask`.
        axis_name: of the devices that share the batch, axis 0 of `x`, if several do.

    Returns:
        Of the shape and dtype of `x`, with the expectation `x`; what is dropped is 0 whatever it was.

    Raises:
        ValueError: if the rate is outside [0, 1].
    """
    return apply(x, drawn(lambda shape: mask(shape, rng_key, rate=rate, dtype=x.dtype), x.shape, axis_name))


def apply(x: jax.Array, factor: jax.Array) -> jax.Array:
    """Returns values times the factors of `mask`; what is dropped is 0 whatever it was, infinite or no number."""
    return jnp.where(factor == 0, 0, x * factor)


def mask(shape: tuple[int, ...], rng_key: jax.Array, *, rate: float, dtype: Any) -> jax.Array:
    """Returns for each value 0 with probability `rate`, and 1 / (1 - rate) otherwise.

    The random numbers are integers of the smallest width that expresses 1 - rate exactly (8 bits for 0.5 or
    0.25), several to a 32-bit word: generating them is what dropout costs.  Measured on a 2-core CPU for 262
    144 values against `jax.random.bernoulli`: 2.4 times faster with 8 bits, 1.6 with 16, the same with 32.  A rate
    that no width expresses (0.1) is rounded to a multiple of 2^-32, and the scale is that of the rounded rate, so the
    expectation stays exact.

    Raises:
        ValueError: if the rate is outside [0, 1].
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"a dropout rate is a probability, not {rate}")
    width, threshold = _threshold(rate)
    if threshold in {0, 1 << width}:
        return jnp.full(shape, float(threshold > 0), dtype)
    keep = _random_integers(rng_key, shape, width) < jnp.asarray(threshold, _WIDTHS[width])
    return jnp.where(keep, jnp.asarray((1 << width) / threshold, dtype), 0)


def _threshold(rate: float) -> tuple[int, int]:
    """The width in bits, and how many of its 2^width integers mean "keep"."""
    for width in _WIDTHS:
        threshold = (1 - rate) * 2**width
        if threshold == round(threshold):
            return width, int(threshold)
    return width, round(threshold)


def _random_integers(rng_key: jax.Array, shape: tuple[int, ...], width: int) -> jax.Array:
    """Uniform unsigned integers of a width of 8, 16 or 32 bits, cut from 32-bit words."""
    size = prod(shape)
    words = jax.random.bits(rng_key, (-(-size * width // 32),), jnp.uint32)
    if isinstance(size, int):
        flat = lax.bitcast_convert_type(words, _WIDTHS[width]).reshape(-1)
    else:
        # XLA refuses the other way to cut words where it is open how many there are.
        shifts = np.arange(0, 32, width, np.uint32)
        flat = (words[:, None] >> shifts).astype(_WIDTHS[width]).reshape(-1)
    return flat[:size].reshape(shape)
