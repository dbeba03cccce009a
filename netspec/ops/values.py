"""Operations that mix, scale or shift features: products with a matrix, biases, activations, noise."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from netspec.ops.base import Op, Shape, ShapeError

__all__ = [
    "Activation",
    "Affine",
    "Bias",
    "ChannelDropout",
    "Dropout",
    "Gated",
    "MatMul",
    "Noise",
    "PRelu",
    "Sample",
    "Scale",
    "StochasticDepth",
]

_SHARES = {"softmax", "softmin", "log_softmax"}
"""Functions of what the channels (or features) of a position are beside each other."""


@dataclass(frozen=True, slots=True)
class MatMul(Op):
    """`W x` at each position: features `(I, ...)` with a kernel `(O, I)` → `(O, ...)`."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        return (parameters[0][0], *x[1:])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x
        return 2 * prod(out) * parameters[0][1]


@dataclass(frozen=True, slots=True)
class Bias(Op):
    """Adds one number a channel (or feature), or one to each value."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True, slots=True)
class Scale(Op):
    """Multiplies by one number a channel (or feature), or by one for each value."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True, slots=True)
class Affine(Op):
    """Multiplies each value by a constant and adds another."""

    factor: float
    offset: float = 0.0

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        return prod(out) * (2 if self.offset else 1)


@dataclass(frozen=True, slots=True)
class Activation(Op):
    """A function of each value; `softmax` and `log_softmax` are taken over the channels (or features)."""

    function: str
    parameters: tuple[tuple[str, float | bool], ...] = ()

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if x[0] == 1 and self.function in _SHARES:
            value = "0" if self.function == "log_softmax" else "1"
            raise ShapeError(
                "E0309",
                f"`{self.function}` of one value is {value} whatever that is: nothing can be learned through it",
                "one value takes `sigmoid`",
                x,
            )
        return x


@dataclass(frozen=True, slots=True)
class PRelu(Op):
    """x where positive, slope·x elsewhere; the parameter is one slope a channel (or feature), or one for all."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        return 2 * prod(out)


@dataclass(frozen=True, slots=True)
class Gated(Op):
    """The first half of the channels (or features) times a function of the second half."""

    function: str

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if x[0] % 2:
            raise ShapeError(
                "E0309",
                f"{x[0]} channels cannot be cut into two halves, one that gates the other",
                "use an even number of channels (or features)",
            )
        return (x[0] // 2, *x[1:])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        return 2 * prod(out)


@dataclass(frozen=True, slots=True)
class Dropout(Op):
    """In training zeroes each value with probability `rate` and scales the rest by 1/(1 − rate); else the identity."""

    rate: float

    @property
    def draws(self) -> bool:
        return self.rate > 0

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0


@dataclass(frozen=True, slots=True)
class ChannelDropout(Dropout):
    """In training zeroes all positions of a channel with probability `rate`, else scales them by 1/(1 − rate)."""


@dataclass(frozen=True, slots=True)
class StochasticDepth(Dropout):
    """In training zeroes all of an example with probability `rate`, else scales it by 1/(1 − rate)."""


@dataclass(frozen=True, slots=True)
class Noise(Op):
    """In training adds normal noise of a standard deviation to each value; else the identity."""

    std: float

    @property
    def draws(self) -> bool:
        return self.std > 0

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0


@dataclass(frozen=True, slots=True)
class Sample(Op):
    """Numbers of normal distributions: `(2C, ...)`, means m and logarithms v of variances → `(C, ...)`.

    In training m + exp(v/2)·ε, ε standard normal; else m. Kingma & Welling 2014.
    """

    @property
    def draws(self) -> bool:
        return True

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if x[0] % 2:
            raise ShapeError(
                "E0309",
                f"{x[0]} features cannot be cut into as many means as logarithms of variances",
                "use an even number of features (or channels): `fc 32; sample` gives 16",
            )
        return (x[0] // 2, *x[1:])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x, parameters
        return 0
