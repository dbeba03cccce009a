"""Convolution as one matrix product over all windows laid out as a matrix (Chellapilla et al., 2006).

Its gradients are written by hand: two more products with the same matrix, and the windows added back in place (col2im).
Both layouts with the positions on the axes 1 and 2 are here; with the batch last every copy moves long runs.
"""

from functools import partial
from itertools import product
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import lax

from netspec.backends.jax.kernels.arrange import Padding2, Size2, add_taps, dot, pad_image, tap, windows

__all__ = ["Geometry", "add_back", "columns_last", "im2col_batch_last", "im2col_channels_last"]


class Geometry(NamedTuple):
    """How the window walks over the image; see `conv.conv2d` for the units."""

    stride: Size2
    padding: Padding2
    dilation: Size2

    def positions(self, window: tuple[int, ...]) -> list[Size2]:
        """Returns the place of each tap of a window, in row-major order."""
        return [(i * self.dilation[0], j * self.dilation[1]) for i, j in product(range(window[0]), range(window[1]))]

    def pad(self, x: jax.Array) -> jax.Array:
        """Returns an image with its padding."""
        (top, bottom), (left, right) = self.padding
        return pad_image(x, (top, bottom, 0), (left, right, 0)) if any((top, bottom, left, right)) else x

    def crop(self, x: jax.Array) -> jax.Array:
        """Returns an image without its padding."""
        (top, bottom), (left, right) = self.padding
        return pad_image(x, (-top, -bottom, 0), (-left, -right, 0)) if any((top, bottom, left, right)) else x

    def taps(self, x: jax.Array, window: tuple[int, ...]) -> list[jax.Array]:
        """Returns what lies under each tap of all windows of a padded image."""
        height, width = x.shape[1:3]
        count = (
            windows(height, window[0], self.stride[0], self.dilation[0]),
            windows(width, window[1], self.stride[1], self.dilation[1]),
        )
        return [tap(x, position, count, self.stride) for position in self.positions(window)]


# --- channels last -----------------------------------------------------------------------------------------------


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def im2col_channels_last(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """Convolves (N, H, W, I) with (O, I, kh, kw) to (N, OH, OW, O)."""
    return dot(_columns(x, kernel, geometry), _by_taps(kernel))


def _channels_last_forward(
    x: jax.Array, kernel: jax.Array, geometry: Geometry
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    # The columns are not kept: under jit XLA shares them with the forward pass, and without jit they would
    # hold kh * kw copies of the input.
    return im2col_channels_last(x, kernel, geometry), (x, kernel)


def _channels_last_backward(
    geometry: Geometry, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = residuals
    outputs, inputs, kh, kw = kernel.shape
    columns = _columns(x, kernel, geometry)
    flat = gradient.reshape(-1, outputs)
    kernel_gradient = dot(columns.reshape(-1, columns.shape[-1]).T, flat).reshape(kh, kw, inputs, outputs)
    column_gradient = dot(gradient, _by_taps(kernel).T)
    x_gradient = columns_last(column_gradient, x.shape, (kh, kw), geometry)
    return x_gradient, kernel_gradient.transpose(3, 2, 0, 1)


im2col_channels_last.defvjp(_channels_last_forward, _channels_last_backward)


def _by_taps(kernel: jax.Array) -> jax.Array:
    """(O, I, kh, kw) -> (kh * kw * I, O), rows in the order of the columns of `_columns`."""
    return kernel.transpose(2, 3, 1, 0).reshape(-1, kernel.shape[0])


def _columns(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """(N, H, W, I) -> (N, OH, OW, kh * kw * I): the input under each tap, side by side."""
    return lax.concatenate(geometry.taps(geometry.pad(x), kernel.shape[2:]), 3)


def columns_last(
    columns: jax.Array, x_shape: tuple[int, ...], window: tuple[int, ...], geometry: Geometry
) -> jax.Array:
    """The transpose of `_columns` (col2im): columns (N, OH, OW, kh * kw * I) added up in place, (N, H, W, I)."""
    n, out_h, out_w, _ = columns.shape
    parts = jnp.moveaxis(columns.reshape(n, out_h, out_w, -1, x_shape[3]), 3, 0)
    return add_back(parts, x_shape, window, geometry)


def add_back(parts: jax.Array, x_shape: tuple[int, ...], window: tuple[int, ...], geometry: Geometry) -> jax.Array:
    """Adds the parts under each tap, (taps, A, OH, OW, B), back to an image of a shape (A, H, W, B)."""
    size = (x_shape[1] + sum(geometry.padding[0]), x_shape[2] + sum(geometry.padding[1]))
    places = zip(geometry.positions(window), parts, strict=True)
    return geometry.crop(add_taps(places, size, geometry.stride))


# --- batch last --------------------------------------------------------------------------------------------------


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def im2col_batch_last(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """Convolves (I, H, W, N) with (O, I, kh, kw) to (O, OH, OW, N)."""
    taps = _stacked(x, kernel, geometry)
    y = dot(_by_outputs(kernel), _matrix(taps))
    return y.reshape(kernel.shape[0], *taps.shape[2:])


def _batch_last_forward(
    x: jax.Array, kernel: jax.Array, geometry: Geometry
) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    return im2col_batch_last(x, kernel, geometry), (x, kernel)


def _batch_last_backward(
    geometry: Geometry, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = residuals
    outputs, inputs, kh, kw = kernel.shape
    taps = _stacked(x, kernel, geometry)
    flat = gradient.reshape(outputs, -1)
    # The larger operand first: measured up to 1.7 times faster than the other order.
    kernel_gradient = dot(_matrix(taps), flat.T).T.reshape(outputs, kh, kw, inputs)
    parts = dot(_by_outputs(kernel).T, flat).reshape(taps.shape)
    return add_back(parts, x.shape, (kh, kw), geometry), kernel_gradient.transpose(0, 3, 1, 2)


im2col_batch_last.defvjp(_batch_last_forward, _batch_last_backward)


def _by_outputs(kernel: jax.Array) -> jax.Array:
    """(O, I, kh, kw) -> (O, kh * kw * I)."""
    return kernel.transpose(0, 2, 3, 1).reshape(kernel.shape[0], -1)


def _stacked(x: jax.Array, kernel: jax.Array, geometry: Geometry) -> jax.Array:
    """(I, H, W, N) -> (taps, I, OH, OW, N)."""
    return jnp.stack(geometry.taps(geometry.pad(x), kernel.shape[2:]))


def _matrix(taps: jax.Array) -> jax.Array:
    """(taps, I, OH, OW, N) -> (taps * I, OH * OW * N)."""
    return taps.reshape(taps.shape[0] * taps.shape[1], -1)
