"""Scaled dot-product attention of several heads, and the sinusoidal marks of positions.

Source: Vaswani et al., "Attention Is All You Need", 2017.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from netspec.backends.jax.kernels.dropout import dropout

__all__ = ["attend", "attend_next", "sinusoids"]


def attend(
    qkv: jax.Array,
    *,
    heads: int,
    causal: bool = False,
    rate: float = 0.0,
    rng_key: jax.Array | None = None,
    axis_name: str | None = None,
    valid: jax.Array | None = None,
) -> jax.Array:
    """Let each position of a sequence read the others.

    Args:
        qkv: (N, L, 3D), queries, keys and values after one another; each head has D/heads consecutive features.
        heads: how many; they divide D.
        causal: a position reads only itself and those before it.
        rate: probability of dropping a weight, after the softmax.
        rng_key: a JAX random key, needed with a rate.
        axis_name: of the devices that share the batch, if several do.
        valid: (N, L) of bool: the others are padding, which no position reads. All of them unless given.

    Returns:
        (N, L, D), the heads' results side by side. The softmax is taken in float32 at least.
    """
    count, length, features = qkv.shape
    size = features // 3 // heads
    # Heads before positions: then each product is a batch of plain matrix products.
    q, k, v = jnp.transpose(qkv.reshape(count, length, 3, heads, size), (2, 0, 3, 1, 4))
    wide = jnp.promote_types(qkv.dtype, jnp.float32)
    # The queries are scaled, not the scores: there are fewer of them.
    scores = jnp.einsum("nhqd,nhkd->nhqk", q * jnp.asarray(size**-0.5, q.dtype), k, preferred_element_type=wide)
    # A finite lowest number, for minus infinity turns into NaN as soon as something subtracts it from itself.
    lowest = float(np.finfo(wide).min)
    if causal:
        seen = np.tril(np.ones((length, length), bool))
        scores = jnp.where(seen, scores, lowest)
    if valid is not None:
        scores = jnp.where(valid[:, None, None, :], scores, lowest)
    weights = jax.nn.softmax(scores, axis=-1).astype(qkv.dtype)
    if rate:
        assert rng_key is not None
        weights = dropout(weights, rng_key, rate=rate, axis_name=axis_name)
    out = jnp.einsum("nhqk,nhkd->nqhd", weights, v, preferred_element_type=qkv.dtype)
    return out.reshape(count, length, heads * size)


def attend_next(
    qkv: jax.Array, keys: jax.Array, values: jax.Array, position: jax.Array, valid: jax.Array | None = None
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Let one more position of a sequence read itself and those before it.

    Args:
        qkv: (N, 1, 3D), its query, key and value.
        keys: (N, heads, L, D/heads), those of the positions before it; the others are not read.
        values: likewise.
        position: its number, from 0 to L - 1.
        valid: (N, L) of bool: the others are padding, which it does not read. All of them unless given.

    Returns:
        (N, 1, D), the heads' results side by side; then the keys and the values with its own among them.
    """
    count, heads, length, size = keys.shape
    q, k, v = jnp.transpose(qkv.reshape(count, 1, 3, heads, size), (2, 0, 3, 1, 4))
    keys = lax.dynamic_update_slice_in_dim(keys, k, position, axis=2)
    values = lax.dynamic_update_slice_in_dim(values, v, position, axis=2)
    wide = jnp.promote_types(qkv.dtype, jnp.float32)
    scores = jnp.einsum("nhqd,nhkd->nhqk", q * jnp.asarray(size**-0.5, q.dtype), keys, preferred_element_type=wide)
    seen = jnp.arange(length) <= position
    if valid is not None:
        seen = seen & valid[:, None, None, :]
    scores = jnp.where(seen, scores, float(np.finfo(wide).min))
    weights = jax.nn.softmax(scores, axis=-1).astype(qkv.dtype)
    out = jnp.einsum("nhqk,nhkd->nqhd", weights, values, preferred_element_type=qkv.dtype)
    return out.reshape(count, 1, heads * size), keys, values


def sinusoids(length: int, features: int) -> np.ndarray:
    """Return the marks of positions, (length, features) float64, constant.

    Features 2i and 2i + 1 are sine and cosine of position / 10000^(2i/features); of an odd number the last is a sine.
    """
    pair = np.arange(features) // 2
    angle = np.arange(length)[:, None] / 10_000 ** (2 * pair / features)
    return np.where(np.arange(features) % 2, np.cos(angle), np.sin(angle))
