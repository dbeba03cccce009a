"""Running averages and powers of factors close to 1, as float32 has too few digits for the factor itself.

0.9999999 is 1 − 1.2e-7 in float32, and 0.99999999 is 1. What matters is the distance to 1, which float32 holds to seven
digits: from a thousandth down it is what is computed with. The plain formulas hold above it, to five digits.
"""

from __future__ import annotations

from math import log
from typing import Any

import jax
import jax.numpy as jnp

__all__ = ["ema", "lacking", "moved", "powered", "root"]

_PLAIN = 2**-10
"""The smallest distance to 1 at which a factor is computed with as it is."""

_SMALLEST_ROOT = 2.0**-63
"""The root of the smallest normal number of float32: the square of anything smaller is lost."""


def moved(average: jax.Array, value: jax.Array, keep: float) -> jax.Array:
    """Return keep · average + (1 - keep) · value."""
    if 1 - keep >= _PLAIN:
        return keep * average + (1 - keep) * value
    return average + (1 - keep) * (value - average)


def lacking(keep: float, steps: Any) -> jax.Array:
    """Return 1 - keep ** steps: the weight that so many values have in an average which began at 0.

    Args:
        keep: from 0 up to, but not including, 1.
        steps: floats, 1 or more.
    """
    if 1 - keep >= _PLAIN:
        return jnp.asarray(1 - keep**steps)
    return -jnp.expm1(steps * log(keep))


def ema(average: Any, values: Any, decay: float, updates: jax.Array) -> Any:
    """Return trees of averages with the next values: update t keeps min(decay, (1 + t) / (10 + t)) of them.

    Args:
        average: of the values before.
        values: the next ones.
        decay: the largest share of the average that stays.
        updates: t, counted from 0, a float.
    """
    if 1 - decay >= _PLAIN:
        share = jnp.minimum(decay, (1 + updates) / (10 + updates))
        return jax.tree.map(lambda a, w: w + share * (a - w), average, values)
    new = jnp.maximum(1 - decay, 9 / (10 + updates))
    return jax.tree.map(lambda a, w: a + new * (w - a), average, values)


def powered(factor: float, exponent: Any) -> jax.Array:
    """Return factor ** exponent, for a factor above 0."""
    if abs(1 - factor) >= _PLAIN:
        return jnp.power(factor, exponent)
    return jnp.exp(exponent * log(factor))


def root(squares: jax.Array) -> jax.Array:
    """Return the root of a mean or sum of squares, at least that of the smallest square which float32 can hold.

    What is divided by it would otherwise become huge where the squares are lost and the value itself is not.
    """
    return jnp.maximum(jnp.sqrt(squares), _SMALLEST_ROOT)
