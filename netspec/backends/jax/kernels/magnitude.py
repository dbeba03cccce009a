"""The length of vectors whose squares float32 cannot hold: above 1.8e19 they are infinite, below 1e-19 they are 0."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

__all__ = ["Magnitude", "magnitude"]

_FAR = 2.0**100
"""Scaled by at most this, and by at least its inverse: neither number nor square is lost then."""


class Magnitude(NamedTuple):
    """The length of a vector, scaled to where float32 can hold it.

    Attributes:
        length: of the vector times `scale`.
        scale: a power of 2, so that to multiply or divide by it changes no digit.
    """

    length: jax.Array
    scale: jax.Array

    @property
    def whole(self) -> jax.Array:
        """The length itself, infinite where float32 cannot hold it."""
        return self.length / self.scale


def magnitude(parts: Sequence[jax.Array]) -> Magnitude:
    """Return the Euclidean length of some arrays together; it is no number where one of theirs is none."""
    most = jnp.stack([jnp.max(jnp.abs(part), initial=0) for part in parts]).max()
    # Of a number alone the exponent is left: a power of 2.
    scale = lax.reduce_precision(1 / jnp.clip(most, 1 / _FAR, _FAR), exponent_bits=8, mantissa_bits=0)
    return Magnitude(jnp.sqrt(sum(jnp.sum(jnp.square(part * scale)) for part in parts)), scale)
