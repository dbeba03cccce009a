"""Operations on several values."""

from __future__ import annotations

from dataclasses import dataclass

from netspec.ops.base import Op, Shape, ShapeError, format_shape

__all__ = ["Add", "Concat", "Multiply"]


@dataclass(frozen=True)
class Add(Op):
    """The sum of several values of one shape."""

    def shape(self, x: Shape, *others: Shape) -> Shape:
        return _same_shape("add", (x, *others))


@dataclass(frozen=True)
class Multiply(Op):
    """The product of several values of one shape; one number a channel, `(C,)`, multiplies every position of it."""

    def shape(self, x: Shape, *others: Shape) -> Shape:
        shapes = (x, *others)
        largest = max(shapes, key=len)
        return _same_shape("multiply", tuple(largest if s == largest[:1] else s for s in shapes))


@dataclass(frozen=True)
class Concat(Op):
    """Several values of one size, their channels (or features) one after the other."""

    def shape(self, x: Shape, *others: Shape) -> Shape:
        shapes = (x, *others)
        if len({s[1:] for s in shapes}) > 1:
            raise ShapeError(
                "E0310",
                f"`concat` needs inputs that differ in their channels only, these are {_shapes(shapes)}",
                "make their height and width equal, with the same strides and `pad=same` on every way",
            )
        return (sum(s[0] for s in shapes), *x[1:])

    def flops(self, out: Shape, *parameters: Shape) -> int:
        del out, parameters
        return 0


def _same_shape(name: str, shapes: tuple[Shape, ...]) -> Shape:
    if len(set(shapes)) > 1:
        raise ShapeError(
            "E0310",
            f"`{name}` needs inputs of one shape, these are {_shapes(shapes)}",
            _how_to_equal(shapes),
        )
    return shapes[0]


def _how_to_equal(shapes: tuple[Shape, ...]) -> str:
    """Say what would make the shapes equal, for the first two that differ."""
    first, other = shapes[0], next(s for s in shapes if s != shapes[0])
    if len(first) != len(other):
        return "bring both to the same number of axes, for example with `globalpool` or `flatten`"
    if first[1:] == other[1:]:
        return f"put a `conv {first[0]} 1` on the way that has {other[0]} channels"
    return "give both ways the same strides, and `pad=same` to their convolutions"


def _shapes(shapes: tuple[Shape, ...]) -> str:
    # Of thousands of ways each shape is said once, and a few of them tell what is wrong.
    return " and ".join(map(format_shape, shapes if len(shapes) <= 6 else [*dict.fromkeys(shapes)][:6]))
