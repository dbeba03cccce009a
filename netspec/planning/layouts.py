"""The ways in which a batch of values can lie in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

__all__ = ["BATCH_LAST", "CHANNELS_FIRST", "CHANNELS_LAST", "LAYOUTS", "Layout"]


@dataclass(frozen=True, slots=True)
class Layout:
    """One order of the axes of a batch: of vectors, of sequences and of images.

    Attributes:
        name: what it is called.
        batch: the axis of the examples.
        channels: the axis of the channels, or of a vector's features.
        space: the first of the axes of positions, which follow one another.
    """

    name: str
    batch: int
    channels: int
    space: int

    def axes(self, rank: int) -> tuple[int, ...]:
        """Return, for each axis of an array of this layout, its number in (N, C, positions…)."""
        order = list(range(2, rank))
        for axis, declared in sorted(((self.batch % rank, 0), (self.channels % rank, 1))):
            order.insert(axis, declared)
        return tuple(order)


CHANNELS_LAST = Layout("channels_last", batch=0, channels=-1, space=1)
"""(N, H, W, C), (N, L, D), (N, D): what matrix products over channels want, and convolutions on GPUs."""

CHANNELS_FIRST = Layout("channels_first", batch=0, channels=1, space=2)
"""(N, C, H, W), (N, D, L), (N, D): as values are declared, so nothing moves where they come in and go out."""

BATCH_LAST = Layout("batch_last", batch=-1, channels=0, space=1)
"""(C, H, W, N), (D, L, N), (D, N): every loop over positions copies or combines long runs, one number an example."""

LAYOUTS: Mapping[str, Layout] = MappingProxyType({x.name: x for x in (CHANNELS_LAST, CHANNELS_FIRST, BATCH_LAST)})
