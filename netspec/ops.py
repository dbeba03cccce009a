"""Floor 1: the closed vocabulary of operations: what each one means, its shape rule and its cost.

Shapes are per example, channels first: `(channels, height, width)` or `(features,)`. The batch is never written.
A FLOP is one addition, multiplication or comparison; transcendental functions count as one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal, TypeAlias

__all__ = [
    "Activation",
    "AvgPool",
    "BatchNorm",
    "Bias",
    "Conv",
    "Dropout",
    "GlobalPool",
    "MatMul",
    "MaxPool",
    "Op",
    "Pad2",
    "Reshape",
    "Shape",
    "ShapeError",
    "format_shape",
    "same_padding",
]

Shape: TypeAlias = tuple[int, ...]
Pad2: TypeAlias = tuple[tuple[int, int], tuple[int, int]]
"""Zeros before and after, for height and for width."""


class ShapeError(Exception):
    """An operation cannot take an input of this shape; tracing turns it into a diagnostic with its place."""

    def __init__(self, code: str, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.code, self.message, self.fix = code, message, fix


def format_shape(shape: Shape) -> str:
    """Return `20x4x4`."""
    return "x".join(map(str, shape))


class Op:
    """One operation. `shape` and `flops` get the shapes of the inputs, then of the parameters."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        """Return the output's shape; raises ShapeError where the input does not fit."""
        raise NotImplementedError

    def flops(self, out: Shape, *parameters: Shape) -> int:
        """Return the floating-point operations of one example's forward pass."""
        del parameters
        return prod(out)


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


@dataclass(frozen=True)
class MatMul(Op):
    """`x Wᵀ`: features `(I,)` with a kernel `(O, I)` → `(O,)`."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del x
        return parameters[0][:1]

    def flops(self, out: Shape, *parameters: Shape) -> int:
        del out
        return 2 * prod(parameters[0])


@dataclass(frozen=True)
class Bias(Op):
    """Adds one number a channel (or feature)."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True)
class BatchNorm(Op):
    """Normalizes each channel over the batch and its positions; parameters scale, offset, mean, variance.

    In training the batch's own mean and (biased) variance are used, and the running averages move:
    `running = momentum · running + (1 − momentum) · batch`, with the unbiased variance. Ioffe & Szegedy 2015.
    """

    epsilon: float
    momentum: float

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, *parameters: Shape) -> int:
        del parameters
        return 4 * prod(out)


@dataclass(frozen=True)
class Dropout(Op):
    """In training zeroes each value with probability `rate` and scales the rest by 1/(1 − rate); else the identity."""

    rate: float

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, *parameters: Shape) -> int:
        del out, parameters
        return 0


@dataclass(frozen=True)
class Activation(Op):
    """A function of each value; `softmax` and `log_softmax` are taken over the channels (or features)."""

    function: str
    parameters: tuple[tuple[str, float | bool], ...] = ()

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True)
class Reshape(Op):
    """The same values in another shape, read in C, H, W order."""

    to: Shape

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if prod(x) != prod(self.to):
            raise ShapeError(
                "E0303",
                f"{format_shape(x)} has {prod(x):,} values, {format_shape(self.to)} has {prod(self.to):,}",
            )
        return self.to

    def flops(self, out: Shape, *parameters: Shape) -> int:
        del out, parameters
        return 0


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
