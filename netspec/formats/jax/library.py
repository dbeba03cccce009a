"""Functions that exported JAX programs are written with: only those that a program uses are copied into it.

Images are (N, C, H, W), sequences (N, D, L), token numbers (N, L).
"""
# Programs of users have shorter lines than ours.
# fmt: off

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax


def each(size: int | tuple, count: int) -> tuple[int, ...]:
    """Return one size for each axis of positions."""
    return (size,) * count if isinstance(size, int) else tuple(size)


def edges(padding: int | tuple, count: int) -> tuple:
    """Return what is put before and after along each axis of positions."""
    return ((padding, padding),) * count if isinstance(padding, int) else tuple(padding)


def spread(v: Array, x: Array) -> Array:
    """Return one number a channel in the form in which it meets a batch."""
    return v.reshape(-1, *[1] * (x.ndim - 2))


def conv(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    stride: int | tuple = 1,
    padding: int | tuple = 0,
    dilation: int | tuple = 1,
    groups: int = 1,
) -> Array:
    """Convolve (N, I, …) with a kernel (O, I / groups, …)."""
    n = x.ndim - 2
    y = lax.conv_general_dilated(
        x,
        kernel,
        each(stride, n),
        edges(padding, n),
        rhs_dilation=each(dilation, n),
        feature_group_count=groups,
    )
    return y if bias is None else y + spread(bias, y)


def conv_transpose(
    x: Array,
    kernel: Array,
    bias: Array | None = None,
    *,
    stride: int | tuple = 1,
    cut: int | tuple = 0,
    dilation: int | tuple = 1,
    groups: int = 1,
) -> Array:
    """Spread a kernel (I, O / groups, …) from each input, and cut off the border."""
    n = x.ndim - 2
    grouped = kernel.reshape(groups, -1, *kernel.shape[1:]).swapaxes(1, 2)
    turned = jnp.flip(grouped.reshape(-1, *grouped.shape[2:]), tuple(range(2, 2 + n)))
    reach = [d * (k - 1) for d, k in zip(each(dilation, n), kernel.shape[2:])]
    y = lax.conv_general_dilated(
        x,
        turned,
        (1,) * n,
        [(r - before, r - after) for r, (before, after) in zip(reach, edges(cut, n))],
        lhs_dilation=each(stride, n),
        rhs_dilation=each(dilation, n),
        feature_group_count=groups,
    )
    return y if bias is None else y + spread(bias, y)


def windows(
    x: Array,
    start: float,
    combine: Callable,
    window: int | tuple,
    stride: int | tuple,
    padding: int | tuple,
) -> Array:
    """Combine the values of each window."""
    n = x.ndim - 2
    ones = (1, 1)
    return lax.reduce_window(
        x,
        start,
        combine,
        ones + each(window, n),
        ones + each(stride, n),
        ((0, 0), (0, 0), *edges(padding, n)),
    )


def max_pool(
    x: Array, window: int | tuple, stride: int | tuple, padding: int | tuple = 0
) -> Array:
    """Return the largest value of each window."""
    return windows(x, -jnp.inf, lax.max, window, stride, padding)


def avg_pool(
    x: Array,
    window: int | tuple,
    stride: int | tuple,
    padding: int | tuple = 0,
    counted: int | tuple = 0,
) -> Array:
    """Return the mean of each window; of the padding so much counts, as zeros."""
    n = x.ndim - 2
    inside = jnp.pad(
        jnp.ones_like(x), ((0, 0), (0, 0), *edges(counted, n)), constant_values=1
    )
    rest = tuple(
        (a - b, c - d) for (a, c), (b, d) in zip(edges(padding, n), edges(counted, n))
    )
    return windows(x, 0.0, lax.add, window, stride, padding) / windows(
        inside, 0.0, lax.add, window, stride, rest
    )


def linear(x: Array, kernel: Array, bias: Array | None = None) -> Array:
    """Multiply the features (N, I, …) of each position by a kernel (O, I)."""
    y = jnp.einsum("oi,ni...->no...", kernel, x)
    return y if bias is None else y + spread(bias, y)


def batch_norm(
    x: Array,
    scale: Array,
    offset: Array,
    mean: Array,
    variance: Array,
    epsilon: float = 1e-5,
) -> Array:
    """Normalize each channel by the averages of the training."""
    factor = scale * lax.rsqrt(variance + epsilon)
    return (x - spread(mean, x)) * spread(factor, x) + spread(offset, x)


def standardize(x: Array, axes: int, epsilon: float) -> Array:
    """Give some axes the mean 0 and the variance 1."""
    centered = x - x.mean(axes, keepdims=True)
    return centered * lax.rsqrt(
        jnp.square(centered).mean(axes, keepdims=True) + epsilon
    )


def scaled(x: Array, scale: Array | None, offset: Array | None) -> Array:
    """Multiply and add one number a channel, or one for each value."""
    if scale is None:
        return x
    return (
        x * spread(scale, x) + spread(offset, x)
        if scale.ndim == 1
        else x * scale + offset
    )


def layer_norm(
    x: Array,
    scale: Array | None = None,
    offset: Array | None = None,
    *,
    epsilon: float = 1e-5,
) -> Array:
    """Normalize the channels at each position."""
    return scaled(standardize(x, 1, epsilon), scale, offset)


def group_norm(
    x: Array,
    scale: Array | None = None,
    offset: Array | None = None,
    *,
    groups: int,
    epsilon: float = 1e-5,
) -> Array:
    """Normalize each group of channels over all positions."""
    y = standardize(x.reshape(x.shape[0], groups, -1), 2, epsilon)
    return scaled(y.reshape(x.shape), scale, offset)


def local_response_norm(
    x: Array, size: int, alpha: float, beta: float, k: float
) -> Array:
    """Divide by the strength of `size` neighboring channels."""
    pad = [(0, 0)] * x.ndim
    pad[1] = (size // 2, (size - 1) // 2)
    square = jnp.pad(jnp.square(x), pad)
    near = sum(lax.slice_in_dim(square, i, i + x.shape[1], axis=1) for i in range(size))
    return x * (k + alpha / size * near) ** -beta


def prelu(x: Array, slope: Array) -> Array:
    """Return x where positive, slope · x elsewhere."""
    return jnp.where(x > 0, x, slope * x)


def threshold(x: Array, limit: float, value: float = 0.0) -> Array:
    """Return x where above a limit, a value elsewhere."""
    return jnp.where(x <= limit, value, x)


def soft_shrink(x: Array, limit: float = 0.5) -> Array:
    """Move x towards 0 by a limit."""
    return jnp.where(x > limit, x - limit, jnp.where(x < -limit, x + limit, 0))


def hard_shrink(x: Array, limit: float = 0.5) -> Array:
    """Return x, and 0 where |x| is at most a limit."""
    return jnp.where(jnp.abs(x) <= limit, 0, x)


def ramp(x: Array) -> Array:
    """Return 1.1 · x where positive, 0.1 · x elsewhere."""
    return jnp.where(x > 0, 1.1 * x, 0.1 * x)


def shuffle_channels(x: Array, groups: int) -> Array:
    """Take the channels of equal groups in turn."""
    n, c, *size = x.shape
    return x.reshape(n, groups, c // groups, *size).swapaxes(1, 2).reshape(x.shape)


def with_coordinates(x: Array) -> Array:
    """Add a channel for each axis: where along it a position is, from -1 to 1."""
    along = [jnp.linspace(-1, 1, n) if n > 1 else jnp.zeros(1) for n in x.shape[2:]]
    marks = jnp.stack(jnp.meshgrid(*along, indexing="ij"))
    return jnp.concatenate(
        [x, jnp.broadcast_to(marks, (x.shape[0], *marks.shape))], axis=1
    )


def depth_to_space(x: Array, f: int) -> Array:
    """Lay out f² neighboring channels as a square."""
    n, c, h, w = x.shape
    return (
        x.reshape(n, c // f**2, f, f, h, w)
        .transpose(0, 1, 4, 2, 5, 3)
        .reshape(n, c // f**2, f * h, f * w)
    )


def space_to_depth(x: Array, f: int) -> Array:
    """Make channels of each square of f x f."""
    n, c, h, w = x.shape
    return (
        x.reshape(n, c, h // f, f, w // f, f)
        .transpose(0, 1, 3, 5, 2, 4)
        .reshape(n, c * f**2, h // f, w // f)
    )


def repeat(x: Array, factors: tuple[int, ...]) -> Array:
    """Repeat each position along each axis."""
    for axis, factor in enumerate(factors):
        x = jnp.repeat(x, factor, axis + 2)
    return x


def upsample(
    x: Array, factors: tuple[int, ...], cubic: bool = False, align_corners: bool = False
) -> Array:
    """Interpolate between two neighbors along each axis, or four (Keys 1981)."""

    def weight(distance):
        d = np.abs(distance)
        if not cubic:
            return np.maximum(1 - d, 0)
        near = (1.25 * d - 2.25) * d * d + 1
        far = -0.75 * (((d - 5) * d + 8) * d - 4)
        return np.where(d <= 1, near, np.where(d < 2, far, 0))

    for axis, factor in enumerate(factors):
        size, count = x.shape[axis + 2], x.shape[axis + 2] * factor
        if factor > 1:
            places = (
                np.arange(count) * ((size - 1) / (count - 1)) if align_corners else None
            )
            places = (
                (np.arange(count) + 0.5) / factor - 0.5 if places is None else places
            )
            matrix = np.zeros((count, size))
            for offset in (-1, 0, 1, 2):
                at = np.floor(places).astype(int) + offset
                np.add.at(
                    matrix,
                    (np.arange(count), np.clip(at, 0, size - 1)),
                    weight(places - at),
                )
            x = jnp.moveaxis(
                jnp.moveaxis(x, axis + 2, -1) @ matrix.T.astype(np.float32),
                -1,
                axis + 2,
            )
    return x


def cosine(a: Array, b: Array, epsilon: float) -> Array:
    """Return the cosine of the angle between the features of each position."""
    length = [
        jnp.maximum(jnp.sqrt((v * v).sum(1, keepdims=True)), epsilon) for v in (a, b)
    ]
    return (a * b).sum(1, keepdims=True) / (length[0] * length[1])


def embed(tokens: Array, weight: Array) -> Array:
    """Look up the rows of token numbers: (N, L) → (N, D, L)."""
    return weight[tokens].swapaxes(1, 2)


def one_hot(tokens: Array, count: int) -> Array:
    """Return columns with a single 1: (N, L) → (N, count, L)."""
    return jax.nn.one_hot(tokens, count, axis=1)


def sinusoids(features: int, length: int) -> Array:
    """Return the marks of positions, (features, length). Vaswani et al. 2017."""
    i = np.arange(features)[:, None]
    angle = np.arange(length) / 10_000 ** (2 * (i // 2) / features)
    return np.where(i % 2, np.cos(angle), np.sin(angle)).astype(np.float32)


def prepend(x: Array, vector: Array) -> Array:
    """Put a vector before the first position."""
    return jnp.concatenate(
        [jnp.broadcast_to(vector[:, None], (*x.shape[:2], 1)), x], axis=2
    )


def recurrence(
    step: Callable,
    carry: int,
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | float,
    bias_hh: Array | float,
    reverse: bool,
    valid: Array | None,
) -> Array:
    """Run a step along (N, D, L) from 0: (N, H, L); padding keeps the state."""

    def advance(carry, given):
        x, going = given
        after = step(carry, x @ weight_ih.T + bias_ih, carry[0] @ weight_hh.T + bias_hh)
        carry = tuple(jnp.where(going, new, old) for new, old in zip(after, carry))
        return carry, carry[0]

    start = (jnp.zeros((x.shape[0], weight_hh.shape[1])),) * carry
    valid = jnp.ones((x.shape[0], 1, x.shape[2])) if valid is None else valid
    _, states = lax.scan(
        advance,
        start,
        (x.transpose(2, 0, 1), valid.transpose(2, 0, 1) != 0),
        reverse=reverse,
    )
    return states.transpose(1, 2, 0)


def lstm(
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | float = 0,
    bias_hh: Array | float = 0,
    *,
    reverse: bool = False,
    valid: Array | None = None,
) -> Array:
    """Long short-term memory; gates as in PyTorch: input, forget, cell, output."""

    def step(carry, a, b):
        i, f, g, o = jnp.split(a + b, 4, axis=1)
        memory = jax.nn.sigmoid(f) * carry[1] + jax.nn.sigmoid(i) * jnp.tanh(g)
        return jax.nn.sigmoid(o) * jnp.tanh(memory), memory

    return recurrence(
        step, 2, x, weight_ih, weight_hh, bias_ih, bias_hh, reverse, valid
    )


def gru(
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | float = 0,
    bias_hh: Array | float = 0,
    *,
    reverse: bool = False,
    valid: Array | None = None,
) -> Array:
    """Gated recurrent unit; the gates lie as in PyTorch: reset, update, new."""

    def step(carry, a, b):
        (r_a, z_a, n_a), (r_b, z_b, n_b) = (
            jnp.split(a, 3, axis=1),
            jnp.split(b, 3, axis=1),
        )
        new = jnp.tanh(n_a + jax.nn.sigmoid(r_a + r_b) * n_b)
        keep = jax.nn.sigmoid(z_a + z_b)
        return ((1 - keep) * new + keep * carry[0],)

    return recurrence(
        step, 1, x, weight_ih, weight_hh, bias_ih, bias_hh, reverse, valid
    )


def rnn(
    x: Array,
    weight_ih: Array,
    weight_hh: Array,
    bias_ih: Array | float = 0,
    bias_hh: Array | float = 0,
    *,
    function: Callable = jnp.tanh,
    reverse: bool = False,
    valid: Array | None = None,
) -> Array:
    """Plain recurrence."""

    def step(_, a, b):
        return (function(a + b),)

    return recurrence(
        step, 1, x, weight_ih, weight_hh, bias_ih, bias_hh, reverse, valid
    )


def heads_of(x: Array, heads: int) -> Array:
    """Return (N, heads, L, D / heads) of (N, D, L)."""
    return x.reshape(x.shape[0], heads, -1, x.shape[2]).swapaxes(2, 3)


def weighted(
    q: Array, k: Array, v: Array, seen: Array | bool = True, bias: Array | float = 0
) -> Array:
    """Return the means of the values, weighted by how queries and keys go together."""
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]).astype(np.float32) + bias
    weights = jax.nn.softmax(jnp.where(seen, scores, jnp.finfo(scores.dtype).min))
    return weights @ v


def turned(x: Array) -> Array:
    """Turn features 2i and 2i + 1 by position / 10000^(2i / size). Su et al. 2021."""
    length, size = x.shape[2:]
    angle = np.arange(length)[:, None] / 10_000 ** (np.arange(0, size, 2) / size)
    cos, sin = np.cos(angle).astype(np.float32), np.sin(angle).astype(np.float32)
    a, b = x[..., ::2], x[..., 1::2]
    return jnp.stack([a * cos - b * sin, a * sin + b * cos], axis=-1).reshape(x.shape)


def attention(
    qkv: Array,
    heads: int,
    *,
    causal: bool = False,
    rotary: bool = False,
    valid: Array | None = None,
) -> Array:
    """Let each position read the others: (N, 3D, L) → (N, D, L)."""
    n, _, length = qkv.shape
    q, k, v = (heads_of(a, heads) for a in jnp.split(qkv, 3, axis=1))
    if rotary:
        q, k = turned(q), turned(k)
    seen = (
        np.tril(np.ones((length, length), bool))
        if causal
        else np.ones((length, length), bool)
    )
    if valid is not None:
        seen = seen & (valid[:, None] != 0)
    return weighted(q, k, v, seen).swapaxes(2, 3).reshape(n, -1, length)


def cross_attention(
    x: Array,
    memory: Array,
    heads: int,
    kernels: tuple[Array, ...],
    bias: Array | None = None,
    *,
    valid: Array | None = None,
) -> Array:
    """Let each position of (N, D, L) read those of another sequence (N, F, M)."""
    parts = kernels if len(kernels) == 3 else jnp.split(kernels[0], 3)
    biases = (None,) * 3 if bias is None else jnp.split(bias, 3)
    q, k, v = (
        heads_of(linear(a, b, c), heads)
        for a, b, c in zip((x, memory, memory), parts, biases)
    )
    seen = True if valid is None else valid[:, None] != 0
    return weighted(q, k, v, seen).swapaxes(2, 3).reshape(x.shape)


def window_attention(
    qkv: Array,
    table: Array,
    heads: int,
    window: tuple[int, int],
    shift: tuple[int, int],
) -> Array:
    """Let positions read their window: (N, 3C, H, W) → (N, C, H, W) (Liu 2021)."""
    (n, c, height, width), (h, w) = qkv.shape, window
    rows, columns = height // h, width // w
    x = jnp.roll(qkv, (-shift[0], -shift[1]), (2, 3))
    x = x.reshape(n, 3, heads, -1, rows, h, columns, w).transpose(
        1, 0, 4, 6, 2, 5, 7, 3
    )
    q, k, v = x.reshape(3, n, rows * columns, heads, h * w, -1)
    i, j = np.divmod(np.arange(h * w), w)
    ways = (i[:, None] - i + h - 1) * (2 * w - 1) + j[:, None] - j + w - 1
    # Parts that are apart in the image do not read each other.
    along = [
        (np.arange(a) >= a - b).astype(int) + (np.arange(a) >= a - s)
        if s
        else np.zeros(a, int)
        for a, b, s in zip((height, width), window, shift)
    ]
    part = (
        (along[0][:, None] * 3 + along[1])
        .reshape(rows, h, columns, w)
        .transpose(0, 2, 1, 3)
        .reshape(-1, 1, h * w)
    )
    y = weighted(
        q, k, v, part[..., None] == part[..., None, :], table[ways].transpose(2, 0, 1)
    )
    y = (
        y.reshape(n, rows, columns, heads, h, w, -1)
        .transpose(0, 3, 6, 1, 4, 2, 5)
        .reshape(n, c // 3, height, width)
    )
    return jnp.roll(y, shift, (2, 3))


def valid_positions(tokens: Array, padding: int, before: int = 0) -> Array:
    """Return which token numbers are no padding: (N, 1, before + L), 1 or 0."""
    return jnp.pad(
        (tokens != padding).astype(jnp.float32),
        ((0, 0), (before, 0)),
        constant_values=1,
    )[:, None]


def fill_padding(x: Array, valid: Array, value: float) -> Array:
    """Put a number of its own at padding."""
    return jnp.where(valid != 0, x, value)


def masked_mean(x: Array, valid: Array) -> Array:
    """Return the mean over the valid positions."""
    return jnp.where(valid != 0, x, 0).sum(2) / jnp.maximum(valid.sum(2), 1)


def masked_max(x: Array, valid: Array) -> Array:
    """Return the maximum over the valid positions; 0 where there is none."""
    return jnp.where(valid.any(2), jnp.where(valid != 0, x, -jnp.inf).max(2), 0)


def take_last_valid(x: Array, valid: Array) -> Array:
    """Return the features at the last valid position."""
    last = jnp.where(valid != 0, np.arange(x.shape[2]), 0).max(2, keepdims=True)
    return jnp.take_along_axis(x, last, axis=2)[..., 0]
