"""Convolution at stride 1 by Winograd's minimal filtering along the rows of an image, the batch last.

Along a row, `TILE` = 4 neighboring outputs of a kernel r wide need 4 r multiplications one by one, and 4 + r - 1 after
the inputs and the kernel have been combined linearly (Winograd, "Arithmetic Complexity of Computations", 1980; in
networks: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016). Down the columns the kernel's rows
are laid side by side as in im2col. So a 3 x 3 kernel takes half of the multiplications and half of the memory of
im2col, a 5 x 5 one two fifths of both, and all products are matrix products, one for each of the 4 + r - 1 terms.

In one dimension only, because then the numbers stay small: measured in float32 the largest error is 1e-6 to 3e-6 of the
largest value, as that of im2col; in both dimensions it is two to four times that, and no faster here.

With the batch last, each linear combination is a sum of long runs. The three passes use the same products: gradients
are those of the formula, written by hand.
"""

from collections.abc import Sequence
from fractions import Fraction
from functools import cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import numpy.typing as npt

from netspec.backends.jax.kernels.arrange import Padding2, add_taps, dot, pad_image, tap

__all__ = ["TILE", "WIDTHS", "transforms", "winograd"]

TILE = 4
"""Outputs that one tile gives along a row."""

WIDTHS = (3, 4, 5)
"""Widths of kernels that can be done; wider ones would lose precision."""

_Matrix = npt.NDArray[np.float64]

_POINTS = (Fraction(0), Fraction(1), Fraction(-1), Fraction(1, 2), Fraction(-2), Fraction(-1, 2), Fraction(2))
"""Where the polynomials are evaluated, besides infinity: small numbers and their inverses keep the rounding small."""


class Transforms(NamedTuple):
    """The matrices of F(TILE, r): y = outputsᵀ [(kernel g) * (inputs d)], with t = TILE + r - 1 rows each."""

    outputs: _Matrix
    kernel: _Matrix
    inputs: _Matrix


@cache
def transforms(width: int) -> Transforms:
    """Returns the matrices for a kernel of a width: (t, TILE), (t, width) and (t, t).

    They transpose Toom and Cook's way to multiply polynomials: evaluate both at t points, multiply there, interpolate.
    Solved in fractions, so the float64 numbers are exact to rounding.
    """
    terms = TILE + width - 1
    points = _POINTS[: terms - 1]

    def evaluate(count: int) -> list[list[Fraction]]:
        return [*([p**k for k in range(count)] for p in points), [Fraction(int(k == count - 1)) for k in range(count)]]

    interpolate = _inverse(evaluate(terms))
    inputs = [list(column) for column in zip(*interpolate, strict=True)]
    return Transforms(*(np.array(m, np.float64) for m in (evaluate(TILE), evaluate(width), inputs)))


def _inverse(matrix: list[list[Fraction]]) -> list[list[Fraction]]:
    """Returns the inverse of a matrix by elimination (Gauss and Jordan), exactly."""
    size = len(matrix)
    rows = [[*row, *(Fraction(int(i == j)) for j in range(size))] for i, row in enumerate(matrix)]
    for column in range(size):
        pivot = next(i for i in range(column, size) if rows[i][column])
        rows[column], rows[pivot] = rows[pivot], rows[column]
        rows[column] = [value / rows[column][column] for value in rows[column]]
        for i in set(range(size)) - {column}:
            factor = rows[i][column]
            rows[i] = [a - factor * b for a, b in zip(rows[i], rows[column], strict=True)]
    return [row[size:] for row in rows]


@partial(jax.custom_vjp, nondiff_argnums=(2,))
def winograd(x: jax.Array, kernel: jax.Array, padding: Padding2) -> jax.Array:
    """Convolves (I, H, W, N) with (O, I, kh, kw) at stride 1 to (O, OH, OW, N); kw is one of `WIDTHS`."""
    at = _Tiles.of(x.shape, kernel.shape, padding)
    return at.outputs(dot(at.of_kernel(kernel), at.of_inputs(x)))


def _forward(x: jax.Array, kernel: jax.Array, padding: Padding2) -> tuple[jax.Array, tuple[jax.Array, jax.Array]]:
    # What is made of the inputs is not kept: under jit XLA shares it with the forward pass.
    return winograd(x, kernel, padding), (x, kernel)


def _backward(
    padding: Padding2, residuals: tuple[jax.Array, jax.Array], gradient: jax.Array
) -> tuple[jax.Array, jax.Array]:
    x, kernel = residuals
    at = _Tiles.of(x.shape, kernel.shape, padding)
    products = at.outputs_transposed(gradient)
    # The larger operand first: measured up to 1.4 times faster than the other order.
    of_kernel = dot(at.of_inputs(x), products.swapaxes(1, 2)).swapaxes(1, 2)
    of_inputs = dot(at.of_kernel(kernel).swapaxes(1, 2), products)
    return at.inputs_transposed(of_inputs), at.kernel_transposed(of_kernel)


winograd.defvjp(_forward, _backward)


class _Tiles(NamedTuple):
    """The sizes of one convolution, its linear maps and their transposes; K = kh · I, P = OH · tiles · N."""

    image: tuple[int, ...]
    kernel: tuple[int, ...]
    padding: Padding2
    matrices: Transforms
    out: tuple[int, int]
    tiles: int

    @classmethod
    def of(cls, image: tuple[int, ...], kernel: tuple[int, ...], padding: Padding2) -> "_Tiles":
        """Works out the sizes from (I, H, W, N) and (O, I, kh, kw)."""
        if kernel[3] not in WIDTHS:
            raise ValueError(f"winograd needs a kernel {WIDTHS[0]} to {WIDTHS[-1]} wide, not {kernel[3]}")
        out = (image[1] + sum(padding[0]) - kernel[2] + 1, image[2] + sum(padding[1]) - kernel[3] + 1)
        return cls(image, kernel, padding, transforms(kernel[3]), out, -(-out[1] // TILE))

    def _edges(self) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
        """What is added around an image, so that tiles fill it: (low, high, 0) for rows and columns."""
        (top, bottom), (left, right) = self.padding
        extra = self.tiles * TILE - self.out[1]
        return (top, bottom, 0), (left, right + extra, 0)

    def of_inputs(self, x: jax.Array) -> jax.Array:
        """(I, H, W, N) -> (t, K, P)."""
        x = pad_image(x, *self._edges())
        outer, height = x.shape[:2]
        taps = [tap(x, (0, s), (height, self.tiles), (1, TILE)) for s in range(len(self.matrices.inputs))]
        terms = jnp.stack([_combine(row, taps) for row in self.matrices.inputs])
        rows = [terms[:, :, i : i + self.out[0]] for i in range(self.kernel[2])]
        return jnp.stack(rows, 1).reshape(len(taps), self.kernel[2] * outer, -1)

    def inputs_transposed(self, terms: jax.Array) -> jax.Array:
        """(t, K, P) -> (I, H, W, N)."""
        channels, _, _, inner = self.image
        edges = self._edges()
        height, width = (n + low + high for n, (low, high, _) in zip(self.image[1:3], edges, strict=True))
        count, rows = len(terms), self.kernel[2]
        split = terms.reshape(count, rows, channels, self.out[0], self.tiles * inner)
        flat = add_taps(
            (((i, 0), split[:, i].reshape(count * channels, self.out[0], 1, -1)) for i in range(rows)),
            (height, 1),
            (1, 1),
        ).reshape(count, channels, height, self.tiles, inner)
        parts = (((0, s), _combine(self.matrices.inputs[:, s], flat)) for s in range(count))
        whole = add_taps(parts, (height, width), (1, TILE))
        return pad_image(whole, *((-low, -high, 0) for low, high, _ in edges))

    def of_kernel(self, kernel: jax.Array) -> jax.Array:
        """(O, I, kh, kw) -> (t, O, K)."""
        matrix = jnp.asarray(self.matrices.kernel, kernel.dtype)
        terms = jnp.einsum("tw,oihw->tohi", matrix, kernel)
        return terms.reshape(*terms.shape[:2], -1)

    def kernel_transposed(self, terms: jax.Array) -> jax.Array:
        """(t, O, K) -> (O, I, kh, kw)."""
        outputs, inputs, rows, _ = self.kernel
        matrix = jnp.asarray(self.matrices.kernel, terms.dtype)
        return jnp.einsum("tw,tohi->oihw", matrix, terms.reshape(-1, outputs, rows, inputs))

    def outputs(self, products: jax.Array) -> jax.Array:
        """(t, O, P) -> (O, OH, OW, N)."""
        split = products.reshape(*products.shape[:2], self.out[0], self.tiles, -1)
        outs = jnp.stack([_combine(self.matrices.outputs[:, j], split) for j in range(TILE)], 3)
        whole = outs.reshape(*outs.shape[:2], self.tiles * TILE, outs.shape[-1])
        return whole[:, :, : self.out[1]]

    def outputs_transposed(self, gradient: jax.Array) -> jax.Array:
        """(O, OH, OW, N) -> (t, O, P)."""
        extra = self.tiles * TILE - self.out[1]
        whole = pad_image(gradient, (0, 0, 0), (0, extra, 0)) if extra else gradient
        split = whole.reshape(*whole.shape[:2], self.tiles, TILE, -1)
        terms = [_combine(row, [split[:, :, :, j] for j in range(TILE)]) for row in self.matrices.outputs]
        return jnp.stack(terms).reshape(len(terms), whole.shape[0], -1)


def _combine(factors: npt.NDArray[np.float64], values: Sequence[jax.Array] | jax.Array) -> jax.Array:
    """Returns the sum of factor times value, without those that are 0; a factor of 1 costs nothing."""
    total: jax.Array | None = None
    for factor, value in zip(factors.tolist(), values, strict=True):
        if factor:
            term = value if factor == 1 else -value if factor == -1 else value * jnp.asarray(factor, value.dtype)
            total = term if total is None else total + term
    assert total is not None  # No row or column of the matrices is zero.
    return total
