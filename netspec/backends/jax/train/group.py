"""Devices that train together: all of them have the state and the data, and each computes its part of every batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding

from netspec.backends.jax.kernels.shared import first

__all__ = ["Group", "Part", "rows"]

_AXIS = "devices"
_ALL = PartitionSpec()  # type: ignore[no-untyped-call]
"""All of an array on each device."""

_T = TypeVar("_T")


def rows(batch: int, devices: int, *, whole: bool = False) -> int:
    """Return how many examples of a batch each device takes.

    Args:
        batch: examples in all.
        devices: how many share it.
        whole: an example must not be there twice, so that a batch which cannot be cut evenly is not cut at all.
    """
    return batch if whole and batch % devices else -(-batch // devices)


class Part(NamedTuple):
    """The examples of a batch that one device takes.

    Attributes:
        indices: of the examples, (rows,).
        counted: 1 for those that count, 0 for those that only fill the part up, (rows,); None where all count.
        first: the place of the first of them in the batch.
        axis_name: what the devices that share the batch lie along; None where each takes all of it.
    """

    indices: jax.Array
    counted: jax.Array | None
    first: jax.Array | int
    axis_name: str | None


class Group:
    """One device, or several, perhaps of several processes.

    Args:
        devices: each of them once, in the same order in every process.

    Attributes:
        count: how many they are.
    """

    def __init__(self, devices: Sequence[jax.Device]) -> None:
        self.count = len(devices)
        self._mesh = Mesh(np.array(devices), (_AXIS,))
        alone, several = SingleDeviceSharding(devices[0]), NamedSharding(self._mesh, _ALL)
        self._everywhere: Sharding = alone if self.count == 1 else several

    def put(self, tree: Any) -> Any:
        """Copy arrays to every device; where there are several processes, each must have the same values."""
        if self._everywhere.is_fully_addressable:
            return jax.device_put(tree, self._everywhere)
        return jax.tree.map(self._put_here, tree)

    def _put_here(self, array: Any) -> jax.Array:
        values = np.asarray(array)
        return jax.make_array_from_callback(values.shape, self._everywhere, lambda index: values[index])

    def take(self, tree: _T) -> _T:
        """Return arrays that are on every device as arrays of the first one of this process only."""
        return tree if self.count == 1 else jax.tree.map(lambda array: array.addressable_data(0), tree)

    def program(self, function: Callable[..., _T]) -> Callable[..., _T]:
        """Return a function that all devices run, each with all of the arguments; all must return the same.

        Keyword arguments are choices, not arrays.
        """
        if self.count == 1:
            return function

        @wraps(function)
        def together(*arrays: Any, **choices: Any) -> _T:
            own = partial(function, **choices)
            # What JAX would check, that all devices return the same, it cannot see of sums within gradients.
            run = jax.shard_map(own, mesh=self._mesh, in_specs=_ALL, out_specs=_ALL, check_vma=False)
            found: _T = run(*arrays)
            return found

        return together

    def part(self, indices: jax.Array, counted: jax.Array | None = None, *, whole: bool = False) -> Part:
        """Return the part of a batch that this device takes; called within a program.

        Args:
            indices: of all examples of the batch, (N,).
            counted: 1 for those that count, 0 for the others, (N,); all count where it is None.
            whole: as for `rows`.
        """
        count = rows(len(indices), self.count, whole=whole)
        if count == len(indices):
            return Part(indices, counted, 0, None)
        missing = count * self.count - len(indices)
        if missing:
            counted = jnp.pad(jnp.ones(len(indices)) if counted is None else counted, (0, missing))
            indices = jnp.pad(indices, (0, missing), mode="edge")
        at = first(count, _AXIS)

        def own(values: jax.Array) -> jax.Array:
            return jax.lax.dynamic_slice_in_dim(values, at, count)

        return Part(own(indices), None if counted is None else own(counted), at, _AXIS)
