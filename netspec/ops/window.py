"""Operations on windows of images: convolution and pooling."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

from netspec.ops.base import Op, Shape, ShapeError, format_shape

__all__ = ["AvgPool", "Conv", "GlobalPool", "MaxPool", "Pad2", "same_padding"]

Pad2: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""Zeros before and after, for height and for width."""


@dataclass(frozen=True)
class Conv(Op):
    """2-D cross-correlation of `(I, H, W)` with a kernel `(O, I/groups, kh, kw)`: `(O, H', W')`."""

    stride: tuple[int, int]
    padding: Pad2
    dilation: tuple[int, int]
    groups: int

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        out, _, kh, kw = parameters[0]
        height = _window(x[1], kh, self.stride[0], self.padding[0], self.dilation[0])
        width = _window(x[2], kw, self.stride[1], self.padding[1], self.dilation[1])
        if height < 1 or width < 1:
            raise _too_large((kh, kw), x, self.padding, self.dilation, "kernel")
        return (out, height, width)

    def flops(self, out: Shape, *parameters: Shape) -> int:
        return 2 * prod(out) * prod(parameters[0][1:])


@dataclass(frozen=True)
class _WindowPool(Op):
    window: tuple[int, int]
    stride: tuple[int, int]
    padding: Pad2

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        height = _window(x[1], self.window[0], self.stride[0], self.padding[0])
        width = _window(x[2], self.window[1], self.stride[1], self.padding[1])
        if height < 1 or width < 1:
            raise _too_large(self.window, x, self.padding, (1, 1), "window")
        return (x[0], height, width)

    def flops(self, out: Shape, *parameters: Shape) -> int:
        del parameters
        return prod(out) * prod(self.window)


class MaxPool(_WindowPool):
    """The largest value of each window; the gradient goes to the first one in row-major order."""


class AvgPool(_WindowPool):
    """The mean of each window; padding does not count."""


@dataclass(frozen=True)
class GlobalPool(Op):
    """The mean or the maximum over all positions: `(C, H, W)` → `(C,)`."""

    mode: Literal["avg", "max"]

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x[:1]


def same_padding(size: Shape, window: tuple[int, int], stride: tuple[int, int], dilation: tuple[int, int]) -> Pad2:
    """Return the padding that makes the output `ceil(size / stride)`, the odd zero after the end."""

    def one(n: int, k: int, s: int, d: int) -> tuple[int, int]:
        total = max((-(-n // s) - 1) * s + (k - 1) * d + 1 - n, 0)
        return (total // 2, total - total // 2)

    return (one(size[0], window[0], stride[0], dilation[0]), one(size[1], window[1], stride[1], dilation[1]))


def _window(size: int, kernel: int, stride: int, padding: tuple[int, int], dilation: int = 1) -> int:
    return (size + sum(padding) - (kernel - 1) * dilation - 1) // stride + 1


def _too_large(kernel: tuple[int, int], x: Shape, padding: Pad2, dilation: tuple[int, int], what: str) -> ShapeError:
    """Say that a kernel does not fit, and compute what would."""
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    room = tuple(n + sum(p) for n, p in zip(x[1:], padding, strict=True))
    missing = max(r - n for r, n in zip(reach, room, strict=True))
    spread = "" if dilation == (1, 1) else f" with its dilation (spanning {format_shape(reach)})"
    padded = "" if not any(map(sum, padding)) else f" with its padding ({format_shape(room)})"
    fits = tuple(min(k, (n - 1) // d + 1) for k, n, d in zip(kernel, room, dilation, strict=True))
    return ShapeError(
        "E0301",
        f"the {format_shape(kernel)} {what}{spread} is larger than its input{padded}",
        f"use a {what} of {format_shape(fits)} or smaller"
        + (f", or add pad={max(p[0] for p in padding) + (missing + 1) // 2}" if what == "kernel" else ""),
    )
