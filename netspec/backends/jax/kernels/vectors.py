"""Two vectors to one number, along the axis of their features, which stays with length 1."""

import jax
import jax.numpy as jnp

__all__ = ["cosine_similarity", "dot"]


def dot(a: jax.Array, b: jax.Array, *, axis: int) -> jax.Array:
    """The sum of the products along an axis, taken in at least float32."""
    return _dot(_wide(a), _wide(b), axis).astype(a.dtype)


def cosine_similarity(a: jax.Array, b: jax.Array, *, epsilon: float, axis: int) -> jax.Array:
    """The cosine of the angle between two vectors; a length counts as at least epsilon, as in PyTorch.

    Where a vector is 0, so is the cosine, and the gradient is finite.
    """
    a32, b32 = _wide(a), _wide(b)
    product = _length(a32, epsilon, axis) * _length(b32, epsilon, axis)
    return (_dot(a32, b32, axis) / product).astype(a.dtype)


def _dot(a: jax.Array, b: jax.Array, axis: int) -> jax.Array:
    return jnp.sum(a * b, axis=axis, keepdims=True)


def _length(x: jax.Array, epsilon: float, axis: int) -> jax.Array:
    """The length of vectors, at least epsilon; the root's infinite slope at 0 meets no gradient."""
    squares = _dot(x, x, axis)
    long = squares > epsilon**2
    return jnp.where(long, jnp.sqrt(jnp.where(long, squares, 1)), jnp.asarray(epsilon, x.dtype))


def _wide(x: jax.Array) -> jax.Array:
    return x.astype(jnp.promote_types(x.dtype, jnp.float32))
