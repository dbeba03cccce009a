"""Two-dimensional convolution: one function, several ways to compute it.

Kernels are OIHW, and "convolution" is cross-correlation (the kernel is not flipped), as in every deep-learning library.
Which way is the fastest where is decided in `netspec.planning`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jax import lax

from netspec.backends.jax.kernels import im2col, taps
from netspec.backends.jax.kernels.arrange import NO_PADDING, Padding2, Size2, dot, dot_rows
from netspec.backends.jax.kernels.im2col import Geometry
from netspec.backends.jax.kernels.winograd import winograd
from netspec.planning.layouts import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, Layout

__all__ = ["STRATEGIES", "conv2d", "dimensions", "direct", "is_pointwise"]

_LAYOUTS: Mapping[Layout, str] = MappingProxyType({CHANNELS_LAST: "N{}C", CHANNELS_FIRST: "NC{}", BATCH_LAST: "C{}N"})


def dimensions(layout: Layout, rank: int) -> tuple[str, str, str]:
    """Returns what JAX calls the axes of an input, a kernel and an output of so many axes: images have 4, volumes 5."""
    positions = "DHW"[5 - rank :]
    values = _LAYOUTS[layout].format(positions)
    return values, f"OI{positions}", values


def conv2d(
    x: jax.Array,
    kernel: jax.Array,
    *,
    stride: Size2,
    padding: Padding2,
    dilation: Size2,
    groups: int,
    strategy: str,
    layout: Layout = CHANNELS_LAST,
) -> jax.Array:
    """Convolves images with a bank of kernels.

    Args:
        x: images in the layout: (N, H, W, I), (N, I, H, W) or (I, H, W, N).
        kernel: weights, (O, I / groups, kh, kw), of the same dtype as `x`.
        stride: step between windows (vertical, horizontal), in pixels.
        padding: zeros added ((top, bottom), (left, right)), in pixels.
        dilation: distance between neighboring kernel taps (vertical, horizontal), in pixels; 1 is dense.
        groups: number of equal slices the channels are cut into; slice g of the output sees slice g of the
            input.
        strategy: a name in `STRATEGIES`.
        layout: of `x` and of the result.

    Returns:
        Images (OH, OW) of O channels in the dtype of `x`, with OH = (H + top + bottom - dilation * (kh - 1) - 1)
        // stride + 1.

    Raises:
        ValueError: if the strategy is unknown or cannot express this convolution in this layout.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown convolution strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
    return STRATEGIES[strategy](x, kernel, Geometry(stride, padding, dilation), groups, layout)


def is_pointwise(kernel_shape: tuple[int, ...], padding: Padding2) -> bool:
    """Says whether a convolution is a matrix product over channels: a 1 x 1 kernel (OIHW) and no padding."""
    return kernel_shape[2:] == (1, 1) and padding == NO_PADDING


def direct(
    x: jax.Array,
    kernel: jax.Array,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
    layout: Layout,
) -> jax.Array:
    """Convolves images or volumes by the platform's own convolution."""
    # No preferred_element_type: JAX cannot transpose a convolution whose result is wider than its operands,
    # and the libraries below (Eigen, cuDNN) accumulate bfloat16 in float32 anyway.
    return lax.conv_general_dilated(
        x,
        kernel,
        window_strides=stride,
        padding=padding,
        rhs_dilation=dilation,
        dimension_numbers=dimensions(layout, x.ndim),
        feature_group_count=groups,
    )


def _direct(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int, layout: Layout) -> jax.Array:
    return direct(x, kernel, *geometry, groups, layout)


def _matmul(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int, layout: Layout) -> jax.Array:
    """A 1 x 1 convolution as a matrix product over channels; a stride drops pixels before the product."""
    # The dilation does not matter: a single tap has no neighbors to be distant from.
    stride, padding, _ = geometry
    if not is_pointwise(kernel.shape, padding):
        raise ValueError(f"matmul needs a 1 x 1 kernel and no padding, not {kernel.shape[2:]} and {padding}")
    _refuse_channels_first(layout, "matmul")
    pixels = x[:, :: stride[0], :: stride[1], :]
    if layout == BATCH_LAST:
        return _per_group(_product_batch_last, pixels, kernel, groups, layout)
    return _per_group(lambda a, k: dot_rows(a, k[:, :, 0, 0]), pixels, kernel, groups, layout)


def _product_batch_last(x: jax.Array, kernel: jax.Array) -> jax.Array:
    y = dot(kernel[:, :, 0, 0], x.reshape(x.shape[0], -1))
    return y.reshape(-1, *x.shape[1:])


def _im2col(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int, layout: Layout) -> jax.Array:
    """Every window laid out in a matrix, then one matrix product."""
    _refuse_channels_first(layout, "im2col")
    dense = im2col.im2col_batch_last if layout == BATCH_LAST else im2col.im2col_channels_last
    return _per_group(lambda a, k: dense(a, k, geometry), x, kernel, groups, layout)


def _winograd(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int, layout: Layout) -> jax.Array:
    """Fewer products, of linear combinations of inputs and kernels."""
    if layout != BATCH_LAST or geometry.stride != (1, 1) or geometry.dilation != (1, 1):
        raise ValueError(f"winograd needs the batch last, stride 1 and no dilation, not {layout.name} and {geometry}")
    return _per_group(lambda a, k: winograd(a, k, geometry.padding), x, kernel, groups, layout)


def _taps(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int, layout: Layout) -> jax.Array:
    """A depthwise convolution as a sum of elementwise products."""
    _refuse_channels_first(layout, "taps")
    if kernel.shape[1] != 1 or kernel.shape[0] != groups:
        raise ValueError(f"taps needs a depthwise convolution, not {groups} groups of {kernel.shape[1]} channels")
    return taps.depthwise(x, kernel, geometry, layout)


Strategy = Callable[[jax.Array, jax.Array, Geometry, int, Layout], jax.Array]

STRATEGIES: Mapping[str, Strategy] = MappingProxyType(
    {"direct": _direct, "im2col": _im2col, "winograd": _winograd, "matmul": _matmul, "taps": _taps}
)


def _per_group(
    dense: Callable[[jax.Array, jax.Array], jax.Array], x: jax.Array, kernel: jax.Array, groups: int, layout: Layout
) -> jax.Array:
    """Runs a groups-free convolution on each slice of the channels, as one batched computation."""
    if groups == 1:
        return dense(x, kernel)
    kernels = kernel.reshape(groups, -1, *kernel.shape[1:])
    if layout == BATCH_LAST:
        out = jax.vmap(dense)(x.reshape(groups, -1, *x.shape[1:]), kernels)
        return out.reshape(-1, *out.shape[2:])
    slices = x.reshape(*x.shape[:3], groups, -1)
    out = jax.vmap(dense, in_axes=(3, 0), out_axes=3)(slices, kernels)
    return jnp.reshape(out, (*out.shape[:3], -1))


def _refuse_channels_first(layout: Layout, strategy: str) -> None:
    if layout == CHANNELS_FIRST:
        raise ValueError(f"{strategy} cannot be computed with the channels first")
