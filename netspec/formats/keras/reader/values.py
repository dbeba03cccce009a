"""Values as Keras has them, H x W x C, and as netspec does, C x H x W: which axis is which, and the order of a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import NDArray

from netspec.ops import Shape

__all__ = ["CHANNELS_FIRST", "CHANNELS_LAST", "Block", "Value", "order_of", "permuted"]

CHANNELS_LAST = {0: (), 1: (0,), 2: (1, 0), 3: (2, 0, 1), 4: (3, 0, 1, 2)}
"""By how many axes there are: which of Keras' axes each of netspec's is, where its channels come last."""

CHANNELS_FIRST = {0: (), 1: (0,), 2: (0, 1), 3: (0, 1, 2), 4: (0, 1, 2, 3)}


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a row that was flattened: its shape here, and which of Keras' axes each axis was."""

    shape: Shape
    axes: tuple[int, ...]

    @property
    def plain(self) -> bool:
        """Whether its values have the same order in both programs, as axes of one value change nothing."""
        moved = [axis for axis, size in zip(self.axes, self.shape, strict=True) if size > 1]
        return moved == sorted(moved)


@dataclass(frozen=True, slots=True)
class Value:
    """A value of the network.

    Attributes:
        piece: what makes it, or the input.
        shape: as Keras has it, without the batch.
        axes: which of Keras' axes each of netspec's is.
        blocks: of a row whose values have another order than in Keras, what it was flattened from.
        known: whether it is understood.
        scaled: whether it is an input that is scaled from 0..255 to 0..1 in Keras, as it comes here.
    """

    piece: str
    shape: Shape = ()
    axes: tuple[int, ...] = ()
    blocks: tuple[Block, ...] = field(default=())
    known: bool = True
    scaled: bool = False

    @property
    def own(self) -> Shape:
        """Its shape in netspec."""
        return tuple(self.shape[axis] for axis in self.axes)


def order_of(blocks: Sequence[Block]) -> NDArray[np.intp]:
    """Return for each value of a row here at which place Keras has it."""
    parts: list[NDArray[np.intp]] = []
    start = 0
    for block in blocks:
        size = prod(block.shape)
        shape = [0] * len(block.shape)
        for own, axis in zip(block.shape, block.axes, strict=True):
            shape[axis] = own
        parts.append(start + np.arange(size).reshape(shape).transpose(block.axes).ravel())
        start += size
    return np.concatenate(parts) if parts else np.zeros(0, np.intp)


def permuted(before: Sequence[int], after: Sequence[int]) -> tuple[int, ...]:
    """Return the order of `permute` that turns one choice of axes into another."""
    return tuple(list(before).index(axis) for axis in after)
