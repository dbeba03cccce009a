"""Scaled dot-product attention of several heads, and the sinusoidal marks of positions.

Source: Vaswani et al., "Attention Is All You Need", 2017.
"""

import jax
import jax.numpy as jnp
import numpy as np

from netspec.backends.jax.kernels.dropout import dropout

__all__ = ["attend", "sinusoids"]


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


def sinusoids(length: int, features: int) -> np.ndarray:
    """Return the marks of positions, (length, features) float64, constant.

    Features 2i and 2i + 1 are sine and cosine of position / 10000^(2i/features); of an odd number the last is a sine.
    """
    pair = np.arange(features) // 2
    angle = np.arange(length)[:, None] / 10_000 ** (2 * pair / features)
    return np.where(np.arange(features) % 2, np.cos(angle), np.sin(angle))
