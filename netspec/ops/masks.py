"""Operations on sequences in which some positions are padding: each reads, beside its input, which ones are not."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

from netspec.ops.base import Op, Shape
from netspec.ops.sequence import Attention, CrossAttention, Recurrent

__all__ = [
    "MaskedAttention",
    "MaskedCrossAttention",
    "MaskedGlobalPool",
    "MaskedRecurrent",
    "OnePadding",
    "TakeLastValid",
    "ValidPositions",
    "ZeroPadding",
]


@dataclass(frozen=True, slots=True)
class ValidPositions(Op):
    """Which token numbers `(L,)` are not `token`, 1 or 0: `(1, before + L)`; what stands before them always counts."""

    token: int
    before: int = 0

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return (1, self.before + x[0])


@dataclass(frozen=True, slots=True)
class ZeroPadding(Op):
    """Sets the features of padding to 0: `(D, L)` and what is valid `(1, L)` → `(D, L)`."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True, slots=True)
class OnePadding(Op):
    """Sets the features of padding to 1, where functions have a value and a slope: `(D, L)`, `(1, L)` → `(D, L)`."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x


@dataclass(frozen=True, slots=True)
class MaskedGlobalPool(Op):
    """The mean, the maximum or the sum over all valid positions: `(D, L)`, `(1, L)` → `(D,)`; 0 where none is valid."""

    mode: Literal["avg", "max", "sum"]

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x[:1]

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, parameters
        return 2 * prod(x)


@dataclass(frozen=True, slots=True)
class TakeLastValid(Op):
    """The features at the last valid position: `(D, L)` and `(1, L)` → `(D,)`; at the first where none is valid."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x[:1]

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del out, x
        return parameters[0][1]


@dataclass(frozen=True, slots=True)
class MaskedRecurrent(Recurrent):
    """A recurrence that goes over valid positions only: at padding the state stays as it is."""

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        return Recurrent.shape(self, x, *parameters[1:])

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        return Recurrent.flops(self, out, x, *parameters[1:])


@dataclass(frozen=True, slots=True)
class MaskedAttention(Attention):
    """Attention in which no position reads padding."""


@dataclass(frozen=True, slots=True)
class MaskedCrossAttention(CrossAttention):
    """Attention to a sequence, of which no position of padding is read: `(D, L)`, `(F, M)` and `(1, M)` → `(D, L)`."""

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        memory, _, *weights = parameters
        return CrossAttention.flops(self, out, x, memory, *weights)
