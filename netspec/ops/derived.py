"""The closed vocabulary of formulas by which a graph makes an array from others: a kernel with a scale in it.

A pass that folds one operation into another says so with these, and each back end computes them, in float32. Kernels
are seen as rows: `(rows, columns, …)` with one row for each output of a convolution (`(O, I/groups, kh, kw)`) or of a
matrix product (`(O, I)`), and one for each input of a transposed convolution (`(I, O/groups, kh, kw)`). In groups, row
r meets the columns of its own group: those of group g are g·columns, g·columns + 1, … of the channels.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from netspec.ops import Shape

__all__ = ["Formula", "NormOffset", "NormScale", "Product", "RowSums", "ScaleColumns", "ScaleRows", "Spread", "Sum"]


class Formula:
    """One way to make an array of others."""

    def shape(self, first: Shape, *others: Shape) -> Shape:
        """Return the shape of the result; that of the first source unless said otherwise."""
        del others
        return first


@dataclass(frozen=True, slots=True)
class NormScale(Formula):
    """What batch normalization multiplies a channel by at inference: (scale, variance) → scale / √(variance + ε)."""

    epsilon: float


@dataclass(frozen=True, slots=True)
class NormOffset(Formula):
    """What it then adds: (offset, mean, factor) → offset − mean·factor, the factor being that of NormScale."""


@dataclass(frozen=True, slots=True)
class Sum(Formula):
    """a + b, where one of them may have one number a channel, `(C,)`, for all positions of the other."""

    def shape(self, first: Shape, *others: Shape) -> Shape:
        return max((first, *others), key=len)


@dataclass(frozen=True, slots=True)
class Product(Formula):
    """a · b, with channels as in Sum."""

    def shape(self, first: Shape, *others: Shape) -> Shape:
        return max((first, *others), key=len)


@dataclass(frozen=True, slots=True)
class Spread(Formula):
    """One number a channel (or value) → one for each value of a shape, in a row, read in C, H, W order."""

    to: Shape

    def shape(self, first: Shape, *others: Shape) -> Shape:
        del first, others
        return (prod(self.to),)


@dataclass(frozen=True, slots=True)
class ScaleRows(Formula):
    """(kernel, factors `(rows,)`) → the kernel, each row times its factor."""


@dataclass(frozen=True, slots=True)
class ScaleColumns(Formula):
    """(kernel, factors of all channels that the columns stand for) → the kernel, each column times its factor."""

    groups: int = 1


@dataclass(frozen=True, slots=True)
class RowSums(Formula):
    """(kernel, a number for each input channel) → `(rows,)`: the answer to an input that has this number everywhere."""

    groups: int = 1

    def shape(self, first: Shape, *others: Shape) -> Shape:
        del others
        return first[:1]
