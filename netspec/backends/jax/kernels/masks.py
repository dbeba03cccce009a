"""Sequences with padding: which positions are valid, and what is computed over those alone.

Values are (N, L, D); what is valid is (N, L, 1), 1 or 0. Values at padding are whatever they are: none of it reaches a
result or a gradient, for it is replaced before it is added or multiplied. What flows back to it is 0, which needs a
finite slope to stay so: functions that have none everywhere read 1 there.
"""

import jax
import jax.numpy as jnp

__all__ = ["fill_padding", "global_max", "global_mean", "global_sum", "take_last", "valid_positions"]


def valid_positions(tokens: jax.Array, token: int, before: int) -> jax.Array:
    """Return which token numbers are no padding.

    Args:
        tokens: (N, L), whole numbers.
        token: the number that stands for padding.
        before: so many positions stand before these, and are valid.

    Returns:
        (N, before + L, 1), float32, 1 or 0.
    """
    valid = (tokens != token).astype(jnp.float32)
    return jnp.pad(valid, ((0, 0), (before, 0)), constant_values=1)[..., None]


def fill_padding(x: jax.Array, valid: jax.Array, value: float) -> jax.Array:
    """Return (N, L, D) with a number of its own at padding."""
    return jnp.where(valid != 0, x, jnp.asarray(value, x.dtype))


def global_mean(x: jax.Array, valid: jax.Array) -> jax.Array:
    """Return the mean over the valid positions, (N, D); 0 where there is none."""
    count = jnp.maximum(jnp.sum(valid, axis=1), 1)
    return global_sum(x, valid) / count.astype(x.dtype)


def global_sum(x: jax.Array, valid: jax.Array) -> jax.Array:
    """Return the sum over the valid positions, (N, D); 0 where there is none."""
    return jnp.sum(fill_padding(x, valid, 0), axis=1)


def global_max(x: jax.Array, valid: jax.Array) -> jax.Array:
    """Return the maximum over the valid positions, (N, D); 0 where there is none."""
    lowest = jnp.full((), -jnp.inf, x.dtype)
    most = jnp.max(jnp.where(valid != 0, x, lowest), axis=1)
    return jnp.where(jnp.any(valid != 0, axis=1), most, jnp.zeros((), x.dtype))


def take_last(x: jax.Array, valid: jax.Array) -> jax.Array:
    """Return the values at the last valid position, (N, D); at the first where there is none."""
    places = jnp.arange(x.shape[1])
    last = jnp.max(jnp.where(valid[..., 0] != 0, places, 0), axis=1)
    return jnp.take_along_axis(x, last[:, None, None], axis=1)[:, 0]
