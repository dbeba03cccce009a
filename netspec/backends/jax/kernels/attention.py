"""Scaled dot-product attention of several heads, and the sinusoidal marks of positions.

Sources: Vaswani et al., "Attention Is All You Need", 2017; Liu et al., "Swin Transformer", 2021.
"""

from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from netspec.backends.jax.kernels.arrange import dot_rows
from netspec.backends.jax.kernels.dropout import dropout

__all__ = [
    "attend",
    "attend_in_windows",
    "attend_next",
    "attend_to",
    "near_in_windows",
    "sinusoids",
    "ways_in_window",
]


def attend(
    qkv: jax.Array,
    *,
    heads: int,
    causal: bool = False,
    rate: float = 0.0,
    rng_key: jax.Array | None = None,
    axis_name: str | None = None,
    valid: jax.Array | None = None,
    rotary: bool = False,
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
        rotary: turn queries and keys by their positions.

    Returns:
        (N, L, D), the heads' results side by side. The softmax is taken in float32 at least.
    """
    count, length, features = qkv.shape
    size = features // 3 // heads
    # Heads before positions: then each product is a batch of plain matrix products.
    q, k, v = jnp.transpose(qkv.reshape(count, length, 3, heads, size), (2, 0, 3, 1, 4))
    if rotary:
        q, k = _turned(q, length), _turned(k, length)
    seen = np.tril(np.ones((length, length), bool)) if causal else None
    if valid is not None:
        valid = valid[:, None, None, :]
    return _weighted(q, k, v, (seen, valid), rate=rate, rng_key=rng_key, axis_name=axis_name)


def attend_next(
    qkv: jax.Array,
    keys: jax.Array,
    values: jax.Array,
    position: jax.Array,
    *,
    valid: jax.Array | None = None,
    rotary: bool = False,
) -> tuple[jax.Array, jax.Array, jax.Array]:
    """Let one more position of a sequence read itself and those before it.

    Args:
        qkv: (N, 1, 3D), its query, key and value.
        keys: (N, heads, L, D/heads), those of the positions before it; the others are not read.
        values: likewise.
        position: its number, from 0 to L - 1.
        valid: (N, L) of bool, as for `attend`.
        rotary: as for `attend`.

    Returns:
        (N, 1, D), the heads' results side by side; then the keys and the values with its own among them.
    """
    count, heads, length, size = keys.shape
    q, k, v = jnp.transpose(qkv.reshape(count, 1, 3, heads, size), (2, 0, 3, 1, 4))
    if rotary:
        q, k = (_turned(a, length, position) for a in (q, k))
    keys = lax.dynamic_update_slice_in_dim(keys, k, position, axis=2)
    values = lax.dynamic_update_slice_in_dim(values, v, position, axis=2)
    seen = jnp.arange(length) <= position
    if valid is not None:
        valid = valid[:, None, None, :]
    out = _weighted(q, keys, values, (seen, valid), rate=0.0, rng_key=None, axis_name=None)
    return out, keys, values


def _turned(x: jax.Array, length: int, position: jax.Array | None = None) -> jax.Array:
    """Return (N, heads, L, S) with features 2i and 2i + 1 turned by the angle position / 10000^(2i/S).

    The product of two then depends on how far apart they are. Su et al., "RoFormer", 2021.

    Args:
        x: queries or keys.
        length: L.
        position: the number of the one that there is, (N, heads, 1, S); all of them unless given.
    """
    size = x.shape[-1]
    angle = np.arange(length)[:, None] / 10_000 ** (np.arange(0, size, 2) / size)
    cos, sin = (jnp.asarray(of(angle), x.dtype) for of in (np.cos, np.sin))
    if position is not None:
        cos, sin = (lax.dynamic_slice_in_dim(of, position, 1) for of in (cos, sin))
    a, b = x[..., ::2], x[..., 1::2]
    return jnp.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)


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


def attend_in_windows(
    qkv: jax.Array,
    table: jax.Array,
    *,
    heads: int,
    window: tuple[int, int],
    shift: tuple[int, int] = (0, 0),
    rate: float = 0.0,
    rng_key: jax.Array | None = None,
    axis_name: str | None = None,
) -> jax.Array:
    """Let each position of an image read those of its window.

    Args:
        qkv: (N, H, W, 3C), as for `attend`.
        table: ((2h - 1)·(2w - 1), heads), what is added to the scores, by the way from one position to another.
        heads: how many; they divide C.
        window: h and w, which divide H and W.
        shift: so many rows and columns later than the image the windows begin; less than their size.
        rate: as for `attend`.
        rng_key: as for `attend`.
        axis_name: as for `attend`.

    Returns:
        (N, H, W, C), the heads' results side by side.
    """
    count, height, width, features = qkv.shape
    (h, w), size = window, features // 3 // heads
    grid = (height // h, width // w)
    x = jnp.roll(qkv, (-shift[0], -shift[1]), axis=(1, 2)) if any(shift) else qkv
    x = x.reshape(count, grid[0], h, grid[1], w, 3, heads, size)
    q, k, v = jnp.transpose(x, (5, 0, 1, 3, 6, 2, 4, 7)).reshape(3, count, grid[0] * grid[1], heads, h * w, size)
    seen = near_in_windows((height, width), window, shift) if any(shift) else None
    bias = jnp.transpose(table[ways_in_window(window)], (2, 0, 1))
    y = _weighted(q, k, v, (seen,), bias=bias, rate=rate, rng_key=rng_key, axis_name=axis_name)
    y = y.reshape(count, *grid, h, w, heads * size)
    y = jnp.transpose(y, (0, 1, 3, 2, 4, 5)).reshape(count, height, width, heads * size)
    return jnp.roll(y, shift, axis=(1, 2)) if any(shift) else y


def ways_in_window(window: tuple[int, int]) -> np.ndarray:
    """Return the row of the table for each two positions of a window, (h·w, h·w), constant."""
    h, w = window
    rows, columns = np.divmod(np.arange(h * w), w)
    down, right = rows[:, None] - rows + h - 1, columns[:, None] - columns + w - 1
    return down * (2 * w - 1) + right


def near_in_windows(image: tuple[int, int], window: tuple[int, int], shift: tuple[int, int]) -> np.ndarray:
    """Return which two positions of each window are near each other in the image, (windows, 1, h·w, h·w), constant.

    In an image that was shifted, the last windows hold its end, and behind that its beginning.
    """
    parts = []
    for n, size, by in zip(image, window, shift, strict=True):
        at = np.arange(n)
        parts.append((at >= n - size).astype(int) + (at >= n - by) if by else np.zeros(n, int))
    region = parts[0][:, None] * 3 + parts[1]
    (height, width), (h, w) = image, window
    cut = region.reshape(height // h, h, width // w, w).transpose(0, 2, 1, 3).reshape(-1, 1, h * w)
    return cut[..., None] == cut[..., None, :]


def _weighted(
    q: jax.Array,
    k: jax.Array,
    v: jax.Array,
    seen: Sequence[jax.Array | np.ndarray | None],
    *,
    bias: jax.Array | None = None,
    rate: float,
    rng_key: jax.Array | None,
    axis_name: str | None,
) -> jax.Array:
    """Return the means of the values, weighted by how queries and keys go together, heads side by side: (N, …, L, D).

    Args:
        q: (N, …, heads, L, D/heads).
        k: (N, …, heads, M, D/heads).
        v: as k.
        seen: which scores count, of bool, each of what broadcasts to (N, …, heads, L, M).
        bias: what is added to the scores, (heads, L, M).
        rate: as for `attend`.
        rng_key: as for `attend`.
        axis_name: as for `attend`.
    """
    *batch, heads, length, size = q.shape
    wide = jnp.promote_types(q.dtype, jnp.float32)
    # The queries are scaled, not the scores: there are fewer of them.
    scores = jnp.einsum("...hqd,...hkd->...hqk", q * jnp.asarray(size**-0.5, q.dtype), k, preferred_element_type=wide)
    # A finite lowest number, for minus infinity turns into NaN as soon as something subtracts it from itself.
    lowest = float(np.finfo(wide).min)
    if bias is not None:
        scores += bias
    for each in seen:
        if each is not None:
            scores = jnp.where(each, scores, lowest)
    weights = jax.nn.softmax(scores, axis=-1).astype(q.dtype)
    if rate:
        assert rng_key is not None
        weights = dropout(weights, rng_key, rate=rate, axis_name=axis_name)
    out = jnp.einsum("...hqk,...hkd->...qhd", weights, v, preferred_element_type=q.dtype)
    return out.reshape(*batch, length, heads * size)


def sinusoids(length: int, features: int) -> np.ndarray:
    """Return the marks of positions, (length, features) float64, constant.

    Features 2i and 2i + 1 are sine and cosine of position / 10000^(2i/features); of an odd number the last is a sine.
    """
    pair = np.arange(features) // 2
    angle = np.arange(length)[:, None] / 10_000 ** (2 * pair / features)
    return np.where(np.arange(features) % 2, np.cos(angle), np.sin(angle))
