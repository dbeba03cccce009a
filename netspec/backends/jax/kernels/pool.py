"""Pooling of images: the maximum or the mean of each window, and of the whole image.

The positions are the axes 1 and 2: of (N, H, W, C), of (C, H, W, N), and of (N, C, H, W) seen as (N C, H, W, 1).

The gradient of a maximum goes to the first winner of its window in row-major order, as in PyTorch and cuDNN.
"""

from collections.abc import Callable, Mapping
from functools import partial, reduce
from itertools import product
from types import MappingProxyType
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt
from jax import lax

from netspec.backends.jax.kernels.arrange import NO_PADDING, Padding2, Size2, add_taps, pad_image, tap, windows

_Counts = npt.NDArray[np.int64]


def max_pool2d(x: jax.Array, *, window: Size2, stride: Size2, padding: Padding2, strategy: str) -> jax.Array:
    """Takes the maximum of each window; padding never wins.

    Args:
        x: images, (A, H, W, B).
        window: height and width of a window, in pixels.
        stride: step between windows (vertical, horizontal), in pixels.
        padding: pixels added ((top, bottom), (left, right)), each smaller than the window.
        strategy: a name in `STRATEGIES`.

    Returns:
        (A, OH, OW, B), with OH = (H + top + bottom - window) // stride + 1; a remainder is dropped.

    Raises:
        ValueError: if the strategy is unknown or cannot express this pooling.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown pooling strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
    return STRATEGIES[strategy](x, window, stride, padding)


def tiles(window: Size2, stride: Size2, padding: Padding2) -> bool:
    """Says whether the windows cut the image into tiles: no overlap, no gap, no padding."""
    return window == stride and padding == NO_PADDING


def avg_pool2d(
    x: jax.Array, *, window: Size2, stride: Size2, padding: Padding2, counted: Padding2 = NO_PADDING
) -> jax.Array:
    """Takes the mean of each window over the pixels of the image: padding does not count, unless told.

    Args:
        x: images, (A, H, W, B).
        window: height and width of a window, in pixels.
        stride: step between windows (vertical, horizontal), in pixels.
        padding: pixels added ((top, bottom), (left, right)), each smaller than the window.
        counted: so many of these count as zeros.

    Returns:
        (A, OH, OW, B), as in `max_pool2d`.
    """
    wide = x.astype(jnp.promote_types(x.dtype, jnp.float32))
    if tiles(window, stride, padding):
        return _tile(wide, window).mean((2, 4)).astype(x.dtype)
    taps = _taps(_pad_image(wide, padding, 0), window, stride)
    # The number of real pixels under each window depends on shapes alone, so it is a constant of the program.
    rows = _pixels_per_window(x.shape[1], window[0], stride[0], padding[0], counted[0])
    columns = _pixels_per_window(x.shape[2], window[1], stride[1], padding[1], counted[1])
    share = jnp.asarray(1 / (rows[:, None, None] * columns[None, :, None]), wide.dtype)
    total: jax.Array = reduce(jnp.add, taps)
    return (total * share).astype(x.dtype)


def global_max(x: jax.Array) -> jax.Array:
    """(A, H, W, B) -> (A, B): the maximum over the image; its gradient goes to the first winner."""
    pooled = max_pool2d(x, window=(x.shape[1], x.shape[2]), stride=(1, 1), padding=NO_PADDING, strategy="reduce_window")
    return pooled.reshape(x.shape[0], x.shape[3])


def global_mean(x: jax.Array) -> jax.Array:
    """(A, H, W, B) -> (A, B): the mean over the image, summed in at least float32."""
    return x.mean((1, 2), dtype=jnp.promote_types(x.dtype, jnp.float32)).astype(x.dtype)


def global_sum(x: jax.Array) -> jax.Array:
    """(A, H, W, B) -> (A, B): the sum over the image, in at least float32."""
    return x.sum((1, 2), dtype=jnp.promote_types(x.dtype, jnp.float32)).astype(x.dtype)


def _reduce_window(x: jax.Array, window: Size2, stride: Size2, padding: Padding2) -> jax.Array:
    """The platform's own windowed maximum, with select-and-scatter for a gradient."""
    edges = ((0, 0), *padding, (0, 0))
    lowest = np.array(-np.inf, x.dtype)
    y: jax.Array = lax.reduce_window(x, lowest, lax.max, (1, *window, 1), (1, *stride, 1), edges)
    return y


def _reshape(x: jax.Array, window: Size2, stride: Size2, padding: Padding2) -> jax.Array:
    """The maximum over tiles: crop the remainder, give each window axes of its own, reduce them."""
    if not tiles(window, stride, padding):
        raise ValueError(f"reshape needs stride = window and no padding, not {window}, {stride}, {padding}")
    return _tile_max(x, window)


def _slices(x: jax.Array, window: Size2, stride: Size2, padding: Padding2) -> jax.Array:
    """The maximum over kh * kw strided views of the padded image; any overlap, gap and padding."""
    return _slice_max(x, window, stride, padding)


STRATEGIES: Mapping[str, Callable[[jax.Array, Size2, Size2, Padding2], jax.Array]] = MappingProxyType(
    {"reshape": _reshape, "slices": _slices, "reduce_window": _reduce_window}
)


@partial(jax.custom_vjp, nondiff_argnums=(1,))
def _tile_max(x: jax.Array, window: Size2) -> jax.Array:
    return reduce(jnp.maximum, _taps(x, window, window))


def _tile_max_forward(x: jax.Array, window: Size2) -> tuple[jax.Array, jax.Array]:
    return _tile_max(x, window), x


def _tile_max_backward(window: Size2, x: jax.Array, gradient: jax.Array) -> tuple[jax.Array]:
    """Routes each window's gradient to its winner by comparing positions: one fused elementwise pass."""
    best, *rest = _taps(x, window, window)
    winner = jnp.zeros(best.shape, jnp.int32)
    for position, values in enumerate(rest, 1):
        # Strictly greater: on a tie the earlier position keeps the window.
        winner = jnp.where(values > best, position, winner)
        best = jnp.maximum(values, best)
    positions = np.arange(window[0] * window[1], dtype=np.int32).reshape(window[0], 1, window[1], 1)
    won = winner[:, :, None, :, None] == positions
    spread = jnp.where(won, gradient[:, :, None, :, None], 0)
    n, out_h, out_w, channels = gradient.shape
    spread = spread.reshape(n, out_h * window[0], out_w * window[1], channels)
    dropped = ((0, x.shape[1] - spread.shape[1]), (0, x.shape[2] - spread.shape[2]))
    return (_pad_image(spread, dropped, 0),)


_tile_max.defvjp(_tile_max_forward, _tile_max_backward)


@partial(jax.custom_vjp, nondiff_argnums=(1, 2, 3))
def _slice_max(x: jax.Array, window: Size2, stride: Size2, padding: Padding2) -> jax.Array:
    return reduce(jnp.maximum, _taps(_pad_image(x, padding, -jnp.inf), window, stride))


def _slice_max_forward(
    x: jax.Array, window: Size2, stride: Size2, padding: Padding2
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    best, *rest = _taps(_pad_image(x, padding, -jnp.inf), window, stride)
    winner = jnp.zeros(best.shape, _position_type(window))
    for position, values in enumerate(rest, 1):
        # Strictly greater: on a tie the earlier position keeps the window.
        winner = jnp.where(values > best, np.asarray(position, winner.dtype), winner)
        best = jnp.maximum(values, best)
    return best, (x, winner)


def _slice_max_backward(
    window: Size2,
    stride: Size2,
    padding: Padding2,
    residuals: tuple[jax.Array, jax.Array],
    gradient: jax.Array,
) -> tuple[jax.Array]:
    """Sums, over window positions, the gradients of the windows that each position has won.

    The winners are kept, not found again by comparing with the maximum: what is compared may then be computed anew,
    with another rounding in the last bit, and the gradients of windows that nothing equals would be lost.
    """
    x, winner = residuals
    parts = [
        (position, jnp.where(winner == np.asarray(number, winner.dtype), gradient, 0))
        for number, position in enumerate(product(range(window[0]), range(window[1])))
    ]
    (top, bottom), (left, right) = padding
    total = add_taps(parts, (x.shape[1] + top + bottom, x.shape[2] + left + right), stride)
    return (_pad_image(total, ((-top, -bottom), (-left, -right)), 0),)


def _position_type(window: Size2) -> np.dtype[Any]:
    """Return the smallest type that numbers the positions of a window."""
    return np.min_scalar_type(window[0] * window[1] - 1)


_slice_max.defvjp(_slice_max_forward, _slice_max_backward)


def _tile(x: jax.Array, window: Size2) -> jax.Array:
    """(A, H, W, B) -> (A, OH, kh, OW, kw, B), the remainder at the bottom and the right cropped."""
    n, height, width, channels = x.shape
    out_h, out_w = height // window[0], width // window[1]
    cropped = x[:, : out_h * window[0], : out_w * window[1], :]
    return cropped.reshape(n, out_h, window[0], out_w, window[1], channels)


def _taps(x: jax.Array, window: Size2, stride: Size2) -> list[jax.Array]:
    """The kh * kw views (A, OH, OW, B) of what lies under each position of the window, in row-major order."""
    count = (windows(x.shape[1], window[0], stride[0], 1), windows(x.shape[2], window[1], stride[1], 1))
    return [tap(x, position, count, stride) for position in product(range(window[0]), range(window[1]))]


def _pad_image(x: jax.Array, padding: Padding2, value: float) -> jax.Array:
    """Pads (or crops, where negative) the two image axes."""
    (top, bottom), (left, right) = padding
    return pad_image(x, (top, bottom, 0), (left, right, 0), value=value)


def _pixels_per_window(
    size: int, window: int, stride: int, padding: tuple[int, int], counted: tuple[int, int]
) -> _Counts:
    """How many pixels of the image, and of the padding that counts, each window covers along one axis; at least 1."""
    starts = np.arange(0, size + sum(padding) - window + 1, stride) - padding[0]
    first, last = -counted[0], size + counted[1]
    covered: _Counts = np.maximum(np.minimum(starts + window, last) - np.maximum(starts, first), 1)
    return covered
