"""Depthwise convolution tap by tap: each tap multiplies a shifted image by one number a channel.

The platforms' own grouped convolutions are slow on CPUs, and a matrix product has nothing to gain where each output
sees one channel: what is left is a sum of as many elementwise products as the kernel has taps, which XLA runs as one
loop.
"""

from functools import partial

import jax
import jax.numpy as jnp

from netspec.backends.jax.kernels.arrange import add_taps, spread
from netspec.backends.jax.kernels.im2col import Geometry
from netspec.planning.layouts import Layout

__all__ = ["depthwise"]


@partial(jax.custom_vjp, nondiff_argnums=(2, 3))
def depthwise(x: jax.Array, kernel: jax.Array, geometry: Geometry, layout: Layout) -> jax.Array:
    """Convolves each channel of images with its own window.

    Args:
        x: images with positions on the axes 1 and 2: (N, H, W, C) or (C, H, W, N).
        kernel: (C, 1, kh, kw).
        geometry: stride, padding, dilation.
        layout: where the channels are.

    Returns:
        As `x`, (OH, OW) instead of (H, W).
    """
    taps = geometry.taps(geometry.pad(x), kernel.shape[2:])
    weights = kernel.reshape(kernel.shape[0], -1)
    total = taps[0] * spread(weights[:, 0], 4, layout)
    for i, values in enumerate(taps[1:], 1):
        total = total + values * spread(weights[:, i], 4, layout)
    return total


def _forward(
    x: jax.Array, kernel: jax.Array, geometry: Geometry, layout: Layout
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return depthwise(x, kernel, geometry, layout), (x, kernel)


def _backward(
    geometry: Geometry, layout: Layout, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = residuals
    window = kernel.shape[2:]
    weights = kernel.reshape(kernel.shape[0], -1)
    axes = tuple(axis for axis in range(4) if axis != layout.channels % 4)
    wide = jnp.promote_types(x.dtype, jnp.float32)
    sums = [
        jnp.sum(values * gradient, axes, dtype=wide).astype(kernel.dtype)
        for values in geometry.taps(geometry.pad(x), window)
    ]
    parts = (
        (position, gradient * spread(weights[:, i], 4, layout)) for i, position in enumerate(geometry.positions(window))
    )
    size = (x.shape[1] + sum(geometry.padding[0]), x.shape[2] + sum(geometry.padding[1]))
    x_gradient = geometry.crop(add_taps(parts, size, geometry.stride))
    return x_gradient, jnp.stack(sums, 1).reshape(kernel.shape)


depthwise.defvjp(_forward, _backward)
