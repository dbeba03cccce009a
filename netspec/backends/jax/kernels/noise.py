"""Additive noise, in training."""

import jax
import jax.numpy as jnp


def normal(shape: tuple[int, ...], rng_key: jax.Array, *, std: float, dtype: jnp.dtype) -> jax.Array:
    """Returns independent normal numbers of mean 0 and the given standard deviation."""
    return std * jax.random.normal(rng_key, shape, dtype)
