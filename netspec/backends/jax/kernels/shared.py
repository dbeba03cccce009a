"""What concerns the whole batch, where several devices compute a part of it each.

They are the devices along an axis of `jax.shard_map`, all with as many examples, one behind the other in the order of
the batch. Without a name of that axis there is one device, which has the whole batch.
"""

from collections.abc import Callable
from typing import TypeVar

import jax
from jax import lax

__all__ = ["average", "drawn", "first", "joined", "sharers", "total"]

_T = TypeVar("_T")


def sharers(axis_name: str | None) -> int:
    """Return how many devices share a batch."""
    return 1 if axis_name is None else int(lax.axis_size(axis_name))


def first(rows: int, axis_name: str | None) -> jax.Array | int:
    """Return the place in the batch where the part of this device begins; `rows` is how long a part is."""
    return 0 if axis_name is None else lax.axis_index(axis_name) * rows


def total(values: _T, axis_name: str | None) -> _T:
    """Return arrays added up over the devices."""
    return values if axis_name is None else lax.psum(values, axis_name)  # type: ignore[no-untyped-call]


def average(values: _T, axis_name: str | None) -> _T:
    """Return the mean of arrays over the devices."""
    return values if axis_name is None else lax.pmean(values, axis_name)  # type: ignore[no-untyped-call]


def joined(values: _T, axis_name: str | None) -> _T:
    """Return arrays with the parts of all devices, one behind the other along axis 0."""
    return values if axis_name is None else lax.all_gather(values, axis_name, tiled=True)


def drawn(draw: Callable[[tuple[int, ...]], jax.Array], shape: tuple[int, ...], axis_name: str | None) -> jax.Array:
    """Return random numbers for the examples of this device: those that one device would draw for them.

    Args:
        draw: shape → random numbers; those of an example do not depend on how many examples follow it.
        shape: of this device's part, the examples along axis 0.
        axis_name: of the devices that share the batch.
    """
    if axis_name is None:
        return draw(shape)
    # All of the batch is drawn: XLA computes of it what is read.
    whole = draw((shape[0] * sharers(axis_name), *shape[1:]))
    return lax.dynamic_slice_in_dim(whole, first(shape[0], axis_name), shape[0])
