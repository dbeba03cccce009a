"""Operations that mix or shift features: products with a matrix, biases, activations."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from netspec.ops.base import Op, Shape

__all__ = ["Activation", "Bias", "Dropout", "MatMul"]


@dataclass(frozen=True)
class MatMul(Op):
    """`W x` at each position: features `(I, ...)` with a kernel `(O, I)` → `(O, ...)`."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        return (parameters[0][0], *x[1:])

    def flops(self, out: Shape, *parameters: Shape) -> int:
        return 2 * prod(out) * parameters[0][1]


@dataclass(frozen=True)
class Bias(Op):
    """Adds one number a channel (or feature)."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True)
class Activation(Op):
    """A function of each value; `softmax` and `log_softmax` are taken over the channels (or features)."""

    function: str
    parameters: tuple[tuple[str, float | bool], ...] = ()

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True)
class Dropout(Op):
    """In training zeroes each value with probability `rate` and scales the rest by 1/(1 − rate); else the identity."""

    rate: float

    @property
    def draws(self) -> bool:
        return self.rate > 0

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, *parameters: Shape) -> int:
        del out, parameters
        return 0
