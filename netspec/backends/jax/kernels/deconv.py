"""Transposed convolution of images: every input value spreads one kernel over the output.

It is the gradient of a convolution with respect to its input, which is how the strategy `columns` computes it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
import jax.numpy as jnp
from jax import lax

from netspec.backends.jax.kernels.arrange import Padding2, Size2, dot
from netspec.backends.jax.kernels.conv import dimensions
from netspec.backends.jax.kernels.im2col import Geometry, add_back, columns_last
from netspec.planning.layouts import BATCH_LAST, CHANNELS_FIRST, CHANNELS_LAST, Layout

__all__ = ["STRATEGIES", "conv_transpose2d", "direct"]


def conv_transpose2d(
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
    """Spreads a bank of kernels over images.

    Args:
        x: images in the layout: (N, H, W, I), (N, I, H, W) or (I, H, W, N).
        kernel: weights, (I, O / groups, kh, kw), as PyTorch has them.
        stride: distance in the output between the kernels of two neighboring inputs (vertical, horizontal).
        padding: rows and columns cut off the output ((top, bottom), (left, right)); negative ones are added, as
            zeros.
        dilation: distance between neighboring kernel taps; 1 is dense.
        groups: slice g of the output sees slice g of the input.
        strategy: a name in `STRATEGIES`.
        layout: of `x` and of the result.

    Returns:
        Images (OH, OW) of O channels, with OH = (H - 1) * stride + dilation * (kh - 1) + 1 - top - bottom.

    Raises:
        ValueError: if the strategy is unknown, or cannot be computed in this layout.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
    return STRATEGIES[strategy](x, kernel, Geometry(stride, padding, dilation), groups, layout)


def direct(
    x: jax.Array,
    kernel: jax.Array,
    stride: tuple[int, ...],
    padding: tuple[tuple[int, int], ...],
    dilation: tuple[int, ...],
    groups: int,
    layout: Layout,
) -> jax.Array:
    """Convolves images or volumes with zeros between their values, by the platform and the kernel turned around."""
    inputs, outputs, *window = kernel.shape
    turned = jnp.flip(kernel, range(2, kernel.ndim)).reshape(groups, inputs // groups, outputs, *window).swapaxes(1, 2)
    reach = [d * (k - 1) for k, d in zip(window, dilation, strict=True)]
    return lax.conv_general_dilated(
        x,
        turned.reshape(groups * outputs, inputs // groups, *window),
        window_strides=(1,) * len(window),
        padding=[(r - low, r - high) for r, (low, high) in zip(reach, padding, strict=True)],
        lhs_dilation=stride,
        rhs_dilation=dilation,
        dimension_numbers=dimensions(layout, x.ndim),
        feature_group_count=groups,
    )


def _direct(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int, layout: Layout) -> jax.Array:
    return direct(x, kernel, *geometry, groups, layout)


def _columns(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int, layout: Layout) -> jax.Array:
    """One matrix product gives each input's kernel times its value; those are summed in place (col2im)."""
    if layout == CHANNELS_FIRST:
        raise ValueError("columns cannot be computed with the channels first")
    if layout == BATCH_LAST:
        kernels = kernel.reshape(groups, -1, *kernel.shape[1:])
        out = jax.vmap(lambda a, k: _columns_batch_last(a, k, geometry))(x.reshape(groups, -1, *x.shape[1:]), kernels)
        return out.reshape(-1, *out.shape[2:])
    if groups == 1:
        return _columns_channels_last(x, kernel, geometry)
    slices = x.reshape(*x.shape[:3], groups, -1)
    kernels = kernel.reshape(groups, -1, *kernel.shape[1:])
    out = jax.vmap(lambda a, k: _columns_channels_last(a, k, geometry), in_axes=(3, 0), out_axes=3)(slices, kernels)
    return out.reshape(*out.shape[:3], -1)


def _columns_channels_last(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    inputs, outputs, *window = kernel.shape
    columns = dot(x, kernel.transpose(0, 2, 3, 1).reshape(inputs, -1))
    return columns_last(columns, (x.shape[0], *_size(x, kernel, geometry), outputs), tuple(window), geometry)


def _columns_batch_last(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    inputs, outputs, *window = kernel.shape
    columns = dot(kernel.transpose(2, 3, 1, 0).reshape(-1, inputs), x.reshape(inputs, -1))
    parts = columns.reshape(-1, outputs, *x.shape[1:])
    return add_back(parts, (outputs, *_size(x, kernel, geometry), x.shape[3]), tuple(window), geometry)


def _size(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> tuple[int, ...]:
    """Returns height and width of the result."""
    sizes = zip(x.shape[1:3], kernel.shape[2:], *geometry, strict=True)
    return tuple((n - 1) * s + d * (k - 1) + 1 - sum(p) for n, k, s, p, d in sizes)


Strategy = Callable[[jax.Array, jax.Array, Geometry, int, Layout], jax.Array]

STRATEGIES: Mapping[str, Strategy] = MappingProxyType({"direct": _direct, "columns": _columns})
