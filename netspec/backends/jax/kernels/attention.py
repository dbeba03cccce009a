"""Scaled dot-product attention of several heads, and the sinusoidal marks of positions.

Source: Vaswani et al., "Attention Is All You Need", 2017.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np

from netspec.backends.jax.kernels.arrange import dot_rows
from netspec.backends.jax.kernels.dropout import dropout

__all__ = ["attend", "attend_to", "sinusoids"]


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
    seen = np.tril(np.ones((length, length), bool)) if causal else None
    if valid is not None:
        valid = valid[:, None, None, :]
    return _weighted(q, k, v, (seen, valid), rate=rate, rng_key=rng_key, axis_name=axis_name)


def attend_to(
    x: jax.Array,
    memory: jax.Array,
    weights: Sequence[jax.Array],
    *,
    heads: int,
    rate: float = 0.0,
    rng_key: jax.Array | None = None,
    axis_name: str | None = None,
    valid: jax.Array | None = None,
) -> jax.Array:
    """Let each position of a sequence read those of another one.

    Args:
        x: (N, L, D), what the queries are made of.
        memory: (N, M, F), what keys and values are made of.
        weights: (3D, D) of queries, keys and values, or (D, D), (D, F) and (D, F); then, if any, their biases (3D,).
        heads: as for `attend`.
        rate: as for `attend`.
        rng_key: as for `attend`.
        axis_name: as for `attend`.
        valid: (N, M) of bool, as for `attend`.

    Returns:
        (N, L, D), the heads' results side by side.
    """
    kernels = weights[:3] if len(weights) > 2 else jnp.split(weights[0], 3)
    made = [dot_rows(a, kernel) for a, kernel in zip((x, memory, memory), kernels, strict=True)]
    if len(weights) % 2 == 0:
        made = [a + bias for a, bias in zip(made, jnp.split(weights[-1], 3), strict=True)]
    q, k, v = (jnp.swapaxes(a.reshape(*a.shape[:2], heads, -1), 1, 2) for a in made)
    seen = None if valid is None else valid[:, None, None, :]
    return _weighted(q, k, v, (seen,), rate=rate, rng_key=rng_key, axis_name=axis_name)


def _weighted(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    seen: Sequence[jax.Array | np.ndarray | None],
    *,
    rate: float,
    rng_key: jax.Array | None,
    axis_name: str | None,
) -> jax.Array:
    """Return the means of the values, weighted by how queries and keys go together, heads side by side: (N, L, D).

    Args:
        q: (N, heads, L, D/heads).
        k: (N, heads, M, D/heads).
        v: as k.
        seen: which scores count, of bool, each of what broadcasts to (N, heads, L, M).
        rate: as for `attend`.
        rng_key: as for `attend`.
        axis_name: as for `attend`.
    """
    count, heads, length, size = q.shape
    wide = jnp.promote_types(q.dtype, jnp.float32)
    # The queries are scaled, not the scores: there are fewer of them.
    scores = jnp.einsum("nhqd,nhkd->nhqk", q * jnp.asarray(size**-0.5, q.dtype), k, preferred_element_type=wide)
    # A finite lowest number, for minus infinity turns into NaN as soon as something subtracts it from itself.
    lowest = float(np.finfo(wide).min)
    for each in seen:
        if each is not None:
            scores = jnp.where(each, scores, lowest)
    weights = jax.nn.softmax(scores, axis=-1).astype(q.dtype)
    if rate:
        assert rng_key is not None
        weights = dropout(weights, rng_key, rate=rate, axis_name=axis_name)
    out = jnp.einsum("nhqk,nhkd->nqhd", weights, v, preferred_element_type=q.dtype)
    return out.reshape(count, length, heads * size)


def sinusoids(length: int, features: int) -> np.ndarray:
    """Return the marks of positions, (length, features) float64, constant.

    Features 2i and 2i + 1 are sine and cosine of position / 10000^(2i/features); of an odd number the last is a sine.
    """
    pair = np.arange(features) // 2
    angle = np.arange(length)[:, None] / 10_000 ** (2 * pair / features)
    return np.where(np.arange(features) % 2, np.cos(angle), np.sin(angle))
