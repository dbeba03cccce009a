"""Normalization."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

from netspec.ops.base import Op, Shape, ShapeError, format_shape

__all__ = ["BatchNorm", "GroupNorm", "LayerNorm", "LocalResponseNorm"]


@dataclass(frozen=True, slots=True)
class BatchNorm(Op):
    """Normalizes each channel over the batch and its positions; parameters scale, offset, mean, variance.

    In training the batch's own mean and (biased) variance are used, and the running averages move:
    `running = momentum · running + (1 − momentum) · batch`, with the unbiased variance. Ioffe & Szegedy 2015. A batch
    with one value a channel has no variance: it is normalized by the averages, as in inference, and they stay.
    """

    epsilon: float
    momentum: float

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        return 4 * prod(out)


@dataclass(frozen=True, slots=True)
class LayerNorm(Op):
    """Normalizes the channels (or features) at each position of each example: mean 0, biased variance 1."""

    epsilon: float

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if x[0] == 1:
            raise ShapeError(
                "E0309",
                "there is one channel: normalized alone at each position, every value would become 0",
                "`layernorm all` normalizes over the positions too",
            )
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        # The mean, the difference, its square and their mean, the division.
        return 5 * prod(out)


@dataclass(frozen=True, slots=True)
class GroupNorm(Op):
    """Normalizes each group of channels over all its positions, in each example: mean 0, biased variance 1."""

    groups: int
    epsilon: float

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        if x[0] % self.groups:
            raise ShapeError(
                "E0309",
                f"{x[0]} channels cannot be split into {self.groups} equal groups",
                f"use a number of groups that divides {x[0]}",
            )
        if prod(x) == self.groups:
            raise ShapeError(
                "E0309",
                f"each group of {format_shape(x)} has one value: normalized alone, every value would become 0",
                "use fewer groups, or normalize where there are more positions",
            )
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        return 5 * prod(out)


@dataclass(frozen=True, slots=True)
class LocalResponseNorm(Op):
    """x / (k + alpha/size · Σ x²)^beta, summed over `size` neighboring channels; channels past the ends are 0."""

    size: int
    alpha: float
    beta: float
    k: float

    def shape(self, x: Shape, *parameters: Shape) -> Shape:
        del parameters
        return x

    def flops(self, out: Shape, x: Shape, *parameters: Shape) -> int:
        del x, parameters
        return (self.size + 4) * prod(out)
