"""Operations on several values."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import ClassVar

from netspec.diagnostics.diagnostic import plural
from netspec.ops.base import Op, Shape, ShapeError, format_shape

__all__ = [
    "Add",
    "Average",
    "Concat",
    "CosineSimilarity",
    "Divide",
    "Dot",
    "Maximum",
    "Minimum",
    "Multiply",
    "Subtract",
    "way_around",
]


@dataclass(frozen=True, slots=True)
class Average(Op):
    """The mean of several values of one shape."""

    def shape(self, x: Shape, *others: Shape) -> Shape:
        return _same_shape("average", (x, *others))

    def flops(self, out: Shape, x: Shape, *others: Shape) -> int:
        del x
        return prod(out) * (len(others) + 1)


@dataclass(frozen=True, slots=True)
class _Spreading(Op):
    """What meets value by value; what has fewer values than the largest is spread over it.

    One number a channel, `(C,)`, meets all positions. Where `_ONE_CHANNEL`, one channel, `(1, …)` of the same positions
    or `(1,)`, meets all channels.

    `_NAME` is what the layer is called, and `_DOES` what it does to channels, for messages.
    """

    _NAME: ClassVar[str]
    _DOES: ClassVar[str] = "meet"
    _ONE_CHANNEL: ClassVar[bool] = True

    def shape(self, x: Shape, *others: Shape) -> Shape:
        shapes = (x, *others)
        largest = max(shapes, key=lambda s: (len(s), prod(s)))
        spread = {largest[:1]}
        if self._ONE_CHANNEL:
            spread |= {(1,), (1, *largest[1:])}
        row = next((s for s in shapes if len(s) == 1 and len(largest) > 1 and s not in spread), None)
        if row:
            message = (
                f"{plural(row[0], 'channel')} cannot {self._DOES} {largest[0]:,}: the inputs are {_shapes(shapes)}"
            )
            raise ShapeError("E0310", message, f"make it {largest[0]}: `fc {largest[0]}`")
        return _same_shape(self._NAME, tuple(largest if s in spread else s for s in shapes), self._DOES)

    def flops(self, out: Shape, x: Shape, *others: Shape) -> int:
        del x
        return prod(out) * len(others)


class Add(_Spreading):
    """The sum of several values of one shape; one number a channel, `(C,)`, is added at every position.

    One channel is not spread over many: a body of `residual` that ends in one is a mistake.
    """

    _NAME = "add"
    _DOES = "be added to"
    _ONE_CHANNEL = False


class Multiply(_Spreading):
    """The product of several values of one shape; one number a channel, or one channel, is spread over it."""

    _NAME = _DOES = "multiply"


class Subtract(_Spreading):
    """The first value minus the others, spread as in Multiply."""

    _NAME = "subtract"


class Divide(_Spreading):
    """The first value over the product of the others, spread as in Multiply."""

    _NAME = "divide"


class Maximum(_Spreading):
    """The largest of several values, place by place, spread as in Multiply; equal ones share the gradient."""

    _NAME = "maximum"


class Minimum(_Spreading):
    """The smallest of several values, place by place, spread as in Multiply; equal ones share the gradient."""

    _NAME = "minimum"


@dataclass(frozen=True, slots=True)
class Dot(Op):
    """The sum over the channels (or features) of the product of two values, at each position: `(C, …)` → `(1, …)`."""

    def shape(self, x: Shape, *others: Shape) -> Shape:
        return _one_number("dot", (x, *others))

    def flops(self, out: Shape, x: Shape, *others: Shape) -> int:
        del out, others
        return 2 * prod(x)


@dataclass(frozen=True, slots=True)
class CosineSimilarity(Op):
    """The dot product of two values over their lengths, each at least epsilon: `(C, …)` → `(1, …)`."""

    epsilon: float = 1e-8

    def shape(self, x: Shape, *others: Shape) -> Shape:
        return _one_number("cosine_similarity", (x, *others))

    def flops(self, out: Shape, x: Shape, *others: Shape) -> int:
        del others
        # Three dot products; two roots, two bounds, a product and a division.
        return 6 * prod(x) + 6 * prod(out)


@dataclass(frozen=True, slots=True)
class Concat(Op):
    """Several values of one size, their channels (or features) one after the other."""

    def shape(self, x: Shape, *others: Shape) -> Shape:
        shapes = (x, *others)
        if len({s[1:] for s in shapes}) > 1:
            raise ShapeError(
                "E0310",
                f"`concat` needs inputs that differ in their channels only, these are {_shapes(shapes)}",
                _how_to_fit(shapes, "make their height and width equal, with the same strides and `pad=same`"),
            )
        return (sum(s[0] for s in shapes), *x[1:])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0


def _one_number(name: str, shapes: tuple[Shape, ...]) -> Shape:
    if len(shapes) != 2:
        found = f"these are {len(shapes)}" if len(shapes) > 1 else "this is one"
        fix = f"name one label, `{name} a`: what flows in is the other"
        raise ShapeError("E0310", f"`{name}` is of two values, {found}", fix)
    return (1, *_same_shape(name, shapes)[1:])


def _same_shape(name: str, shapes: tuple[Shape, ...], does: str = "") -> Shape:
    """Return the one shape; `does` is what one number a channel does to all positions, where it may."""
    if len(set(shapes)) > 1:
        message = f"`{name}` needs inputs of one shape, these are {_shapes(shapes)}"
        fix = _how_to_spread(shapes, does) if does else ""
        raise ShapeError("E0310", message, fix or _how_to_equal(shapes))
    return shapes[0]


def _how_to_spread(shapes: tuple[Shape, ...], does: str) -> str:
    """Say how what has one position meets all positions of another; empty where there is none."""
    whole = max(shapes, key=prod)
    one = (whole[0], *(1 for _ in whole[1:]))
    if len(whole) == 1 or one not in shapes:
        return ""
    return f"put `flatten` on the way of {format_shape(one)}: one number a channel can {does} every position"


def _how_to_equal(shapes: tuple[Shape, ...]) -> str:
    """Say what would make the shapes equal, for the first two that differ."""
    first, other = shapes[0], next(s for s in shapes if s != shapes[0])
    if len(first) != len(other):
        return "bring both to the same number of axes, for example with `globalpool` or `flatten`"
    if first[1:] == other[1:]:
        return _how_to_widen(first, other)
    return _how_to_fit(shapes, "give both ways the same strides, and `pad=same` to their convolutions")


def _how_to_widen(first: Shape, other: Shape) -> str:
    # The narrower way becomes wider: the other direction would throw away what was computed.
    narrow, wide = sorted((first[0], other[0]))
    if len(first) == 1:
        return f"put an `fc {wide}` on the way that has {plural(narrow, 'feature')}"
    return f"put a `conv {wide} 1` on the way that has {plural(narrow, 'channel')}"


def _how_to_fit(shapes: tuple[Shape, ...], otherwise: str) -> str:
    """Say what would give two ways one height and width."""
    first = shapes[0]
    other = next((s for s in shapes if s[1:] != first[1:]), first)
    small, large = sorted((first, other), key=lambda s: s[1:])
    if len(small) != len(large) or len(small) == 1:
        return otherwise
    factors = {b / a for a, b in zip(small[1:], large[1:], strict=True)}
    if len(factors) == 1 and (factor := factors.pop()).is_integer():
        part, whole = format_shape(small), format_shape(large)
        return f"put `upsample {int(factor)}` on the way of {part}, or `pool {int(factor)}` on that of {whole}"
    size = format_shape(small[1:])
    if all(abs(b - a) <= 1 for a, b in zip(small[1:], large[1:], strict=True)):
        return f"cut the larger, `crop {size}`, widen the smaller with `pad`, or round up before it: `pool 2 ceil`"
    if all(a <= b < 2 * a for a, b in zip(small[1:], large[1:], strict=True)):
        return f"{otherwise}; or cut the larger, `crop {size}`"
    return otherwise


def way_around(inside: Shape, around: Shape) -> str:
    """Say what makes what goes around the body of a `residual` equal to what comes out of it; empty where nothing does.

    Args:
        inside: what comes out of the body.
        around: what goes into it.
    """
    if len(inside) != len(around):
        return ""
    layer = f"conv {inside[0]} 1" if len(inside) > 1 else f"fc {inside[0]}"
    if inside[1:] == around[1:]:
        return f"give the way around as many: `residual {{ … }} {{ {layer} }}`"
    steps = tuple(-(-b // a) for a, b in zip(inside[1:], around[1:], strict=True))
    reached = tuple((b - 1) // s + 1 for b, s in zip(around[1:], steps, strict=True))
    if max(steps) > 1 and reached == inside[1:]:
        stride = steps[0] if len(set(steps)) == 1 else format_shape(steps)
        return f"bring the way around to the same shape: `residual {{ … }} {{ {layer} stride={stride} }}`"
    if all(a < b for a, b in zip(inside[1:], around[1:], strict=True)):
        more = f", and the way around as many channels: `residual {{ … }} {{ {layer} }}`"
        return "give its convolutions `pad=same`" + (more if inside[0] != around[0] else "")
    return ""


def _shapes(shapes: tuple[Shape, ...]) -> str:
    # Of thousands of ways each shape is said once, and a few of them tell what is wrong.
    return " and ".join(map(format_shape, shapes if len(shapes) <= 6 else [*dict.fromkeys(shapes)][:6]))
