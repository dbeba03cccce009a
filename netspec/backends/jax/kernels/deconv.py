"""Transposed convolution of NHWC images: every input value spreads one kernel over the output.

It is the gradient of a convolution with respect to its input, which is how the strategy `columns` computes it.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

import jax
from jax import lax

from netspec.backends.jax.kernels.conv import Geometry, Padding2, Size2, dot, scatter_columns


def conv_transpose2d(
    x: jax.Array,
    kernel: jax.Array,
    *,
    stride: Size2,
    padding: Padding2,
    dilation: Size2,
    groups: int,
    strategy: str,
) -> jax.Array:
    """Spreads a bank of kernels over images.

    Args:
        x: images, (N, H, W, I).
        kernel: weights, (I, O / groups, kh, kw), as PyTorch has them.
        stride: distance in the output between the kernels of two neighboring inputs (vertical, horizontal).
        padding: rows and columns cut off the output ((top, bottom), (left, right)); negative ones are added, as
            zeros.
        dilation: distance between neighboring kernel taps; 1 is dense.
        groups: slice g of the output sees slice g of the input.
        strategy: a name in `STRATEGIES`; see `choose`.

    Returns:
        (N, OH, OW, O), with OH = (H - 1) * stride + dilation * (kh - 1) + 1 - top - bottom.

    Raises:
        ValueError: if the strategy is unknown.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"unknown strategy {strategy!r}; known: {', '.join(STRATEGIES)}")
    return STRATEGIES[strategy](x, kernel, Geometry(stride, padding, dilation), groups)


def choose(platform: str, stride: Size2, groups: int) -> str:
    """Names the faster strategy.

    Measured on one core of an x86 CPU that others loaded too (JAX 0.10.2, float32, forward + both gradients, batch
    32), as times faster than `direct`: with a stride of 2, `columns` 2.3 to 7.6; 3 x 3 at stride 1, 0.17. Groups are
    slow in the platform's convolution on CPUs (see `conv.choose`). GPUs and TPUs have not been measured.
    """
    return "columns" if platform == "cpu" and (stride != (1, 1) or groups > 1) else "direct"


def _direct(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """The platform's convolution over the input with zeros between its values, by the kernel turned around."""
    stride, padding, dilation = geometry
    inputs, outputs, *window = kernel.shape
    turned = kernel.reshape(groups, inputs // groups, outputs, *window)[..., ::-1, ::-1].swapaxes(1, 2)
    reach = [d * (k - 1) for k, d in zip(window, dilation, strict=True)]
    return lax.conv_general_dilated(
        x,
        turned.reshape(groups * outputs, inputs // groups, *window),
        window_strides=(1, 1),
        padding=[(r - low, r - high) for r, (low, high) in zip(reach, padding, strict=True)],
        lhs_dilation=stride,
        rhs_dilation=dilation,
        dimension_numbers=("NHWC", "OIHW", "NHWC"),
        feature_group_count=groups,
    )


def _columns(x: jax.Array, kernel: jax.Array, geometry: Geometry, groups: int) -> jax.Array:
    """One matrix product gives each input's kernel times its value; those are summed in place (col2im)."""
    if groups == 1:
        return _columns_dense(x, kernel, geometry)
    slices = x.reshape(*x.shape[:3], groups, -1)
    kernels = kernel.reshape(groups, -1, *kernel.shape[1:])
    out = jax.vmap(lambda a, k: _columns_dense(a, k, geometry), in_axes=(3, 0), out_axes=3)(slices, kernels)
    return out.reshape(*out.shape[:3], -1)


def _columns_dense(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    inputs, outputs, *window = kernel.shape
    columns = dot(x, kernel.transpose(0, 2, 3, 1).reshape(inputs, -1))
    size = (
        (n - 1) * s + d * (k - 1) + 1 - sum(p) for n, k, s, p, d in zip(x.shape[1:3], window, *geometry, strict=True)
    )
    return scatter_columns(columns, (x.shape[0], *size, outputs), (window[0], window[1]), geometry)


STRATEGIES: Mapping[str, Callable[[jax.Array, jax.Array, Geometry, int], jax.Array]] = MappingProxyType(
    {"direct": _direct, "columns": _columns}
)
