"""Normalization."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from netspec.ops.base import Op, Shape

__all__ = ["BatchNorm"]


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
