"""Two-dimensional convolution: one function, several lowerings, and the rule that picks one.

Images are NHWC, kernels are OIHW, and "convolution" is cross-correlation (the kernel is not flipped), as in
every deep-learning library.
"""

from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

Size2 = tuple[int, int]
Padding2 = tuple[tuple[int, int], tuple[int, int]]
Shape4 = tuple[int, ...]

NO_PADDING: Padding2 = ((0, 0), (0, 0))


class Geometry(NamedTuple):
    """How the window walks over the image; see `conv2d` for the units."""

    stride: Size2
    padding: Padding2
    dilation: Size2


def conv2d(
    x: jax.Array,
    kernel: jax.Array,
    *,
    stride: Size2,
    padding: Padding2,
    dilation: Size2,
    groups: int,
    strategy: str,
) -> jax.Array:
    """Convolves images with a bank of kernels.

    Args:
        x: images, (N, H, W, I).
        kernel: weights, (O, I / groups, kh, kw), of the same dtype as `x`.
        stride: step between windows (vertical, horizontal), in pixels.
        padding: zeros added ((top, bottom), (left, right)), in pixels.
        dilation: distance between neighboring kernel taps (vertical, horizontal), in pixels; 1 is dense.
        groups: number of equal slices the channels are cut into; slice g of the output sees slice g of the
            input.
        strategy: a name in `STRATEGIES`; see `choose`.

    Returns:
        (N, OH, OW, O) in the dtype of `x`, with OH = (H + top + bottom - dilation * (kh - 1) - 1) // stride
        + 1.

    Raises:
        ValueError: if the strategy is unknown or cannot express this convolution.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown convolution strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
    return STRATEGIES[strategy](x, kernel, Geometry(stride, padding, dilation), groups)


def choose(
    platform: str,
    x_shape: Shape4,
    kernel_shape: Shape4,
    *,
    stride: Size2,
    padding: Padding2,
    dilation: Size2,
    groups: int,
) -> str:
    """Names the fastest strategy known for a convolution.

    Measured on a 2-core x86 CPU (JAX 0.10.2, float32, medians in turn, other work on the machine), as times
    faster than `direct`.  Forward + both gradients, batch 32 to 100, `im2col` (what `hybrid` runs when
    differentiated):

    - 1 x 1: matmul 2.4 to 3.7; alone, forward, 1.8 to 2.7, and even at batch 1.
    - groups: depthwise 3 x 3 on 32 channels 1.5 to 3.5; 32 channels in 4 groups 13 to 22.
    - 1 to 3 input channels (any kernel): 1.4 to 3.9.
    - no padding or a stride, and more outputs than inputs (20 -> 50 5 x 5, 16 -> 120 5 x 5, 32 -> 64 3 x 3):
      1.1 to 3.0.
    - no padding and no more outputs than inputs (16 -> 16 3 x 3, 32 -> 32 3 x 3 and 5 x 5): 0.7 to 1.1.
    - padded 3 x 3 at stride 1: mostly 0.3 to 0.9, from 8 to 128 channels.  5 -> 10, 10 -> 20 and 20 -> 40
      gave 0.7 to 1.0 at batch 64 and 0.8 to 1.8 at batch 100; 64 -> 64 on 8 x 8 gave 1.4 and 32 -> 64
      on 28 x 28 1.3: no simple rule covers these, so they stay direct.

    Forward alone, `im2col` is 0.2 to 1.4 except with 1 or 3 inputs under a 3 x 3 kernel (1.2 to 2.2) and 5
    (0.7 to 2.4): hence `hybrid`, which does not use it there.

    Open: inside a whole LeNet step on that machine while others loaded both cores, the second convolution
    (20 -> 50) was faster `direct`; to be repeated on a quiet machine.  GPUs and TPUs have not been
    measured: always direct.
    """
    # Neither the size of the image and the batch nor the dilation told the cases apart.
    del x_shape, dilation
    if platform != "cpu":
        return "direct"
    if is_pointwise(kernel_shape, padding):
        return "matmul"
    outputs, inputs = kernel_shape[:2]
    shrinks = padding == NO_PADDING or stride != (1, 1)
    if groups > 1 or inputs <= 4 or (shrinks and outputs > inputs):
        return "hybrid"
    return "direct"


def is_pointwise(kernel_shape: tuple[int, ...], padding: Padding2) -> bool:
    """Says whether a convolution is a matrix product over channels: a 1 x 1 kernel (OIHW) and no padding."""
    return kernel_shape[2:] == (1, 1) and padding == NO_PADDING


def _direct(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """The platform's own convolution."""
    # No preferred_element_type: JAX cannot transpose a convolution whose result is wider than its operands,
    # and the libraries below (Eigen, cuDNN) accumulate bfloat16 in float32 anyway.
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=geometry.stride,
        padding=geometry.padding,
        rhs_dilation=geometry.dilation,
        dimension_numbers=("NHWC", "OIHW", "NHWC"),
        feature_group_count=groups,
    )


def _matmul(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """A 1 x 1 convolution as a matrix product over channels; a stride drops pixels before the product."""
    # The dilation does not matter: a single tap has no neighbors to be distant from.
    stride, padding, _ = geometry
    if not is_pointwise(kernel.shape, padding):
        raise ValueError(f"matmul needs a 1 x 1 kernel and no padding, not {kernel.shape[2:]} and {padding}")
    pixels = x[:, :: stride[0], :: stride[1], :]
    return _per_group(lambda a, k: dot(a, k[:, :, 0, 0].T), pixels, kernel, groups)


def _im2col(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """Every window laid out as a row of a matrix, then one matrix product (Chellapilla et al., 2006)."""
    return _per_group(lambda a, k: _im2col_dense(a, k, geometry), x, kernel, groups)


def _hybrid(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """`direct` for values alone and `im2col` when differentiated, where the columns serve both passes.

    The values of the two agree to rounding, not bit by bit.
    """
    return _per_group(lambda a, k: _hybrid_dense(a, k, geometry), x, kernel, groups)


STRATEGIES: Mapping[str, Callable[[jax.Array, jax.Array, Geometry, int], jax.Array]] = MappingProxyType(
    {"direct": _direct, "im2col": _im2col, "hybrid": _hybrid, "matmul": _matmul}
)


def _per_group(
    dense: Callable[[jax.Array, jax.Array], jax.Array], x: jax.Array, kernel: jax.Array, groups: int
) -> jax.Array:
    """Runs a groups-free convolution on each slice of the channels, as one batched computation."""
    if groups == 1:
        return dense(x, kernel)
    slices = x.reshape(*x.shape[:3], groups, -1)
    kernels = kernel.reshape(groups, -1, *kernel.shape[1:])
    out = jax.vmap(dense, in_axes=(3, 0), out_axes=3)(slices, kernels)
    return out.reshape(*out.shape[:3], -1)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _im2col_dense(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    columns = _columns(x, kernel.shape[2:], geometry)
    return dot(columns, _kernel_matrix(kernel))


def _im2col_forward(
    x: jax.Array, kernel: jax.Array, geometry: Geometry
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    # The columns are not kept: under jit XLA shares them with the forward pass, and without jit they would
    # hold kh * kw copies of the input.
    return _im2col_dense(x, kernel, geometry), (x, kernel)


def _im2col_backward(
    geometry: Geometry,
    residuals: tuple[jax.Array, jax.Array],
    gradient: jax.Array,
) -> tuple[jax.Array, jax.Array]:
    """Gradients with respect to x (N, H, W, I) and kernel (O, I, kh, kw), from one of (N, OH, OW, O)."""
    x, kernel = residuals
    outputs, inputs, kh, kw = kernel.shape
    columns = _columns(x, kernel.shape[2:], geometry)
    kernel_gradient = dot(columns.reshape(-1, columns.shape[-1]).T, gradient.reshape(-1, outputs))
    column_gradient = dot(gradient, _kernel_matrix(kernel).T)
    return (
        scatter_columns(column_gradient, x.shape, (kh, kw), geometry),
        kernel_gradient.reshape(kh, kw, inputs, outputs).transpose(3, 2, 0, 1),
    )


_im2col_dense.defvjp(_im2col_forward, _im2col_backward)


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def _hybrid_dense(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    return _direct(x, kernel, geometry, 1)


_hybrid_dense.defvjp(_im2col_forward, _im2col_backward)


def _kernel_matrix(kernel: jax.Array) -> jax.Array:
    """(O, I, kh, kw) -> (kh * kw * I, O), rows in the order of the columns of `_columns`."""
    return kernel.transpose(2, 3, 1, 0).reshape(-1, kernel.shape[0])


def _columns(x: jax.Array, window: tuple[int, ...], geometry: Geometry) -> jax.Array:
    """(N, H, W, I) -> (N, OH, OW, kh * kw * I): the input under each tap, side by side."""
    stride, padding, dilation = geometry
    x = _pad_image(x, *((low, high, 0) for low, high in padding))
    n, height, width, channels = x.shape
    out_h = (height - (window[0] - 1) * dilation[0] - 1) // stride[0] + 1
    out_w = (width - (window[1] - 1) * dilation[1] - 1) // stride[1] + 1
    taps = []
    for row, column in product(range(window[0]), range(window[1])):
        top, left = row * dilation[0], column * dilation[1]
        bottom, right = top + (out_h - 1) * stride[0] + 1, left + (out_w - 1) * stride[1] + 1
        taps.append(lax.slice(x, (0, top, left, 0), (n, bottom, right, channels), (1, *stride, 1)))
    return lax.concatenate(taps, 3)


def scatter_columns(
    columns: jax.Array,
    x_shape: tuple[int, ...],
    window: Size2,
    geometry: Geometry,
) -> jax.Array:
    """The transpose of `_columns` (col2im): the sum over taps of the columns put back in place."""
    stride, padding, dilation = geometry
    _, height, width, channels = x_shape
    padded = (height + sum(padding[0]), width + sum(padding[1]))
    total: jax.Array | None = None
    for tap, position in enumerate(product(range(window[0]), range(window[1]))):
        edges = []
        for axis in (0, 1):
            low = position[axis] * dilation[axis]
            reach = (columns.shape[axis + 1] - 1) * stride[axis] + 1
            edges.append((low, padded[axis] - low - reach, stride[axis] - 1))
        part = lax.slice_in_dim(columns, tap * channels, (tap + 1) * channels, axis=3)
        part = _pad_image(part, *edges)
        total = part if total is None else total + part
    assert total is not None  # A window has at least one tap.
    return _pad_image(total, *((-low, -high, 0) for low, high in padding))


def _pad_image(x: jax.Array, *edges: tuple[int, int, int]) -> jax.Array:
    """Pads, dilates or crops (negative numbers) the two image axes with zeros: (low, high, between)."""
    return lax.pad(x, jnp.zeros((), x.dtype), ((0, 0, 0), *edges, (0, 0, 0)))


def dot(a: jax.Array, b: jax.Array) -> jax.Array:
    """Multiplies a (..., K) by b (K, M), accumulated in at least float32 and returned in the dtype of `a`."""
    wide = jnp.promote_types(a.dtype, jnp.float32)
    return jnp.dot(a, b, preferred_element_type=wide).astype(a.dtype)
