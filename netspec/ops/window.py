"""Operations on windows of images and sequences: convolution, its transpose, and pooling.

Sizes have one number for each axis of positions: two for an image (channels x height x width), one for a sequence
(features x length).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from netspec.ops.base import Op, Shape, ShapeError, format_shape

__all__ = ["AvgPool", "Conv", "ConvTranspose", "GlobalPool", "MaxPool", "Pads", "same_padding"]

Pads: TypeAlias = tuple[tuple[int, int], ...]
"""Zeros before and after, for each axis of positions."""


@dataclass(frozen=True, slots=True)
class Conv(Op):
    """Cross-correlation of `(I, H, W)` with a kernel `(O, I/groups, kh, kw)`: `(O, H', W')`; `(I, L)` likewise."""

    stride: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    groups: int

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        out, _, *kernel = parameters[0]
        size = _windows(x[1:], tuple(kernel), self.stride, self.padding, self.dilation)
        if min(size) < 1:
            raise _too_large(tuple(kernel), x, self.padding, self.dilation, "kernel")
        return (out, *size)

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x
        return 2 * prod(out) * prod(parameters[0][1:])


@dataclass(frozen=True, slots=True)
class ConvTranspose(Op):
    """The transpose of a convolution: `(I, H, W)` with a kernel `(I, O/groups, kh, kw)`; `(I, L)` likewise.

    Each input value spreads one kernel: H' = (H − 1)·stride + dilation·(kh − 1) + 1 − padding. The padding is what is
    cut off the output; where it is negative, the output goes on with zeros.
    """

    stride: tuple[int, ...]
    padding: Pads
    dilation: tuple[int, ...]
    groups: int

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        _, out, *kernel = parameters[0]
        size = tuple(
            (n - 1) * s + d * (k - 1) + 1 - sum(p)
            for n, k, s, p, d in zip(x[1:], kernel, self.stride, self.padding, self.dilation, strict=True)
        )
        if min(size) < 1:
            raise ShapeError("E0309", "its padding cuts off all of the output", "use a smaller `pad`")
        return (out * self.groups, *size)

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out
        # The channels of each position of the input meet one whole kernel.
        return 2 * prod(x[1:]) * prod(parameters[0])


@dataclass(frozen=True, slots=True)
class _WindowPool(Op):
    window: tuple[int, ...]
    stride: tuple[int, ...]
    padding: Pads

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        dense = (1,) * len(self.window)
        size = _windows(x[1:], self.window, self.stride, self.padding, dense)
        if min(size) < 1:
            raise _too_large(self.window, x, self.padding, dense, "window")
        return (x[0], *size)

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        return prod(out) * prod(self.window)


class MaxPool(_WindowPool):
    """The largest value of each window; the gradient goes to the first one in row-major order."""


@dataclass(frozen=True, slots=True)
class AvgPool(_WindowPool):
    """The mean of each window; padding does not count, but for that which `counted` says, as zeros.

    What `ceil` adds to the padding counts in neither case.
    """

    counted: Pads = ()


@dataclass(frozen=True, slots=True)
class GlobalPool(Op):
    """The mean, the maximum or the sum over all positions: `(C, H, W)` or `(C, L)` → `(C,)`."""

    mode: Literal["avg", "max", "sum"]

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x[:1]

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, parameters
        return prod(x)


def same_padding(size: Shape, window: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]) -> Pads:
    """Return the padding that makes the output `ceil(size / stride)`, the odd zero after the end."""

    def one(n: int, k: int, s: int, d: int) -> tuple[int, int]:
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        return (total // 2, total - total // 2)

    return tuple(map(one, size, window, stride, dilation))


def _windows(
    size: Shape, kernel: tuple[int, ...], stride: tuple[int, ...], padding: Pads, dilation: tuple[int, ...]
) -> tuple[int, ...]:
    return tuple(
        (n + sum(p) - (k - 1) * d - 1) // s + 1
        for n, k, s, p, d in zip(size, kernel, stride, padding, dilation, strict=True)
    )


def _too_large(kernel: tuple[int, ...], x: Shape, padding: Pads, dilation: tuple[int, ...], what: str) -> ShapeError:
    """Say that a kernel does not fit, and compute what would."""
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    room = tuple(n + sum(p) for n, p in zip(x[1:], padding, strict=True))
    missing = max(r - n for r, n in zip(reach, room, strict=True))
    spread = "" if set(dilation) == {1} else f" with its dilation (spanning {format_shape(reach)})"
    padded = "" if not any(map(sum, padding)) else f" with its padding ({format_shape(room)})"
    fits = tuple(min(k, (n - 1) // d + 1) for k, n, d in zip(kernel, room, dilation, strict=True))
    return ShapeError(
        "E0301",
        f"the {_of_length(kernel)} {what}{spread} is larger than its input{padded}",
        f"use a {what} of {format_shape(fits)} or smaller"
        + (f", or add pad={max(p[0] for p in padding) + (missing + 1) // 2}" if what == "kernel" else ""),
    )


def _of_length(kernel: tuple[int, ...]) -> str:
    """Return `5x5`, or `5-wide` of a window on a sequence."""
    return format_shape(kernel) if len(kernel) > 1 else f"{kernel[0]}-wide"
