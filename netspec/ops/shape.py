"""Operations that move values, add constant ones or leave some out."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from netspec.diagnostics.diagnostic import plural
from netspec.ops.base import Op, Shape, ShapeError, format_shape

__all__ = [
    "Channels",
    "Coordinates",
    "Crop",
    "DepthToSpace",
    "Pad",
    "Permute",
    "Reshape",
    "ShuffleChannels",
    "SpaceToDepth",
    "Upsample",
]


class _Move(Op):
    """An operation that computes nothing."""

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0


@dataclass(frozen=True, slots=True)
class Reshape(_Move):
    """The same values in another shape, read in C, H, W order."""

    to: Shape

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if prod(x) != prod(self.to):
            raise ShapeError(
                "E0303",
                f"{format_shape(x)} has {prod(x):,} values, {format_shape(self.to)} has {prod(self.to):,}",
                f"write a shape of {prod(x):,} values",
            )
        return self.to


@dataclass(frozen=True, slots=True)
class Permute(_Move):
    """The axes in another order: axis `i` of the output is axis `order[i]` of the input, counted from 0."""

    order: tuple[int, ...]

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if sorted(self.order) != list(range(len(x))):
            raise ShapeError(
                "E0309",
                f"the order {format_shape(self.order)} does not name each of the {len(x)} axes of its input once",
                f"write the numbers 0 to {len(x) - 1}, each once" if len(x) > 1 else "leave it out: there is one axis",
            )
        return tuple(x[axis] for axis in self.order)


@dataclass(frozen=True, slots=True)
class Pad(_Move):
    """More values before and after, for each axis: zeros, the mirrored inside (`reflect`), or the last value (`edge`).

    `reflect` does not repeat the outermost value: 1 2 3 becomes 3 2 1 2 3 2 1.
    """

    before: Shape
    after: Shape
    mode: Literal["zero", "reflect", "edge"]

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if self.mode == "reflect" and any(max(b, a) >= n for b, a, n in zip(self.before, self.after, x, strict=True)):
            raise ShapeError(
                "E0309",
                "a mirrored border must be smaller than what it mirrors",
                f"use less than {format_shape(x[1:])}, or mode `edge`",
            )
        return tuple(b + n + a for b, n, a in zip(self.before, x, self.after, strict=True))


@dataclass(frozen=True, slots=True)
class Crop(_Move):
    """A part of the positions: as many as `size` from `start` on, for each axis of positions; all channels."""

    start: Shape
    size: Shape

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if any(s < 0 or s + k > n for s, k, n in zip(self.start, self.size, x[1:], strict=True)):
            at = f" at {format_shape(self.start)}" if min(self.start) >= 0 else ""
            raise ShapeError(
                "E0309",
                f"a part of {format_shape(self.size)}{at} does not fit in its input of {format_shape(x[1:])}",
                "crop to a smaller size, or enlarge with `pad`",
            )
        return (x[0], *self.size)


@dataclass(frozen=True, slots=True)
class Channels(_Move):
    """Some of the channels (or features): as many as `count` from `start` on; all positions."""

    start: int
    count: int

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if self.start + self.count > x[0]:
            beyond = f" after the first {self.start:,}" if self.start else ""
            rest = x[0] - self.start
            fix = f"take at most {rest:,}" if rest > 0 else "begin further to the front"
            message = f"{plural(self.count, 'channel')}{beyond} are more than the input has: {plural(x[0], 'channel')}"
            raise ShapeError("E0309", message, fix)
        return (self.count, *x[1:])


@dataclass(frozen=True, slots=True)
class Coordinates(_Move):
    """A channel more for each axis of positions, which says where along it a position is: -1 the first, 1 the last."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return (x[0] + len(x) - 1, *x[1:])


@dataclass(frozen=True, slots=True)
class ShuffleChannels(_Move):
    """The channels of equal groups in turn: the first of each group, then the second of each. Zhang et al. 2018."""

    groups: int

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if x[0] % self.groups:
            raise ShapeError(
                "E0309",
                f"{x[0]} channels cannot be split into {self.groups} equal groups",
                f"use a number of groups that divides {x[0]}",
            )
        return x


@dataclass(frozen=True, slots=True)
class Upsample(Op):
    """Each position becomes `factor` positions: copies (`nearest`) or, between the inputs, their mixture.

    Positions are the middles of pixels, and beyond the outermost middles the image goes on unchanged; with
    `align_corners` the outermost middles stay the outermost, and the others are spread evenly between. `bilinear` mixes
    the two nearest of each axis, `bicubic` the four nearest (Keys 1981, with -0.75).
    """

    factor: tuple[int, ...]
    mode: Literal["nearest", "bilinear", "bicubic"]
    align_corners: bool = False

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return (x[0], *(n * f for n, f in zip(x[1:], self.factor, strict=True)))

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        # For each axis two products and a sum, or four and three.
        return {"nearest": 0, "bilinear": 3, "bicubic": 7}[self.mode] * len(self.factor) * prod(out)


@dataclass(frozen=True, slots=True)
class DepthToSpace(_Move):
    """`(C·f², H, W)` → `(C, f·H, f·W)`: the f² neighboring channels become a square, in row-major order."""

    factor: int

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        square = self.factor**2
        if x[0] % square:
            raise ShapeError(
                "E0309",
                f"{x[0]} channels cannot be laid out in squares of {self.factor}x{self.factor}",
                f"use a number of channels that {square} divides",
            )
        return (x[0] // square, x[1] * self.factor, x[2] * self.factor)


@dataclass(frozen=True, slots=True)
class SpaceToDepth(_Move):
    """`(C, f·H, f·W)` → `(C·f², H, W)`: the inverse of DepthToSpace."""

    factor: int

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if x[1] % self.factor or x[2] % self.factor:
            raise ShapeError(
                "E0309",
                f"{format_shape(x[1:])} cannot be cut into squares of {self.factor}x{self.factor}",
                f"use a height and width that {self.factor} divides, for example with `pad` or `crop`",
            )
        return (x[0] * self.factor**2, x[1] // self.factor, x[2] // self.factor)
