"""Additive noise, in training."""

import jax


def add_noise(x: jax.Array, rng_key: jax.Array, *, std: float) -> jax.Array:
    """Adds to each value an independent normal number of mean 0 and the given standard deviation."""
    return x + std * jax.random.normal(rng_key, x.shape, x.dtype)
