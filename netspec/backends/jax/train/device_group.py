"""Data-parallel training: every device has the state and the data, and computes its shard of every batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec, Sharding, SingleDeviceSharding
from numpy.typing import NDArray

from netspec.backends.jax.kernels.shared import first

__all__ = ["DeviceGroup", "Shard", "rows_per_device"]

_AXIS = "devices"
_ALL = PartitionSpec()  # type: ignore[no-untyped-call]
"""All of an array on each device."""

_T = TypeVar("_T")


def rows_per_device(batch: int, devices: int, *, never_pad: bool = False) -> int:
    """Return how many examples of a batch each device computes.

    Args:
        batch: examples in all.
        devices: how many share it.
        never_pad: an example must not be there twice, so that a batch which cannot be cut evenly is not cut at all.
    """
    return batch if never_pad and batch % devices else -(-batch // devices)


class Shard(NamedTuple):
    """The examples of a batch that one device computes.

    Attributes:
        indices: of the examples, (rows,).
        counted: 1 for those that count, 0 for padding, (rows,); None where all count.
        first: the place of the first of them in the batch.
        axis_name: what the devices that share the batch lie along; None where each takes all of it.
    """

    indices: jax.Array
    counted: jax.Array | None
    first: jax.Array | int
    axis_name: str | None


class DeviceGroup:
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
        self._replicated: Sharding = alone if self.count == 1 else several

    @property
    def sharding(self) -> Sharding:
        """How an array lies on the devices: all of it on each."""
        return self._replicated

    def replicate(self, tree: Any) -> Any:
        """Copy arrays to every device; where there are several processes, each must have the same values."""
        if self._replicated.is_fully_addressable:
            return jax.device_put(tree, self._replicated)
        return jax.tree.map(self._replicate_here, tree)

    def _replicate_here(self, array: Any) -> jax.Array:
        values = np.asarray(array)
        return jax.make_array_from_callback(values.shape, self._replicated, lambda index: values[index])

    def own_rows(self, count: int, *, never_pad: bool = False) -> NDArray[np.bool_]:
        """Return which examples of a batch the devices of this process compute: those that `shard` gives them.

        Args:
            count: examples in the batch.
            never_pad: as for `rows_per_device`.
        """
        each = rows_per_device(count, self.count, never_pad=never_pad)
        if self._replicated.is_fully_addressable or each == count:
            return np.ones(count, bool)
        own = np.zeros(count, bool)
        for number, device in enumerate(self._mesh.devices):
            if device.process_index == jax.process_index():
                own[np.minimum(np.arange(number * each, (number + 1) * each), count - 1)] = True
        return own

    def local(self, tree: _T) -> _T:
        """Return arrays that are on every device as arrays of the first one of this process only."""
        return tree if self.count == 1 else jax.tree.map(lambda array: array.addressable_data(0), tree)

    def parallel(self, function: Callable[..., _T]) -> Callable[..., _T]:
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

    def shard(self, indices: jax.Array, counted: jax.Array | None = None, *, never_pad: bool = False) -> Shard:
        """Return the shard of a batch that this device computes; called within a parallel program.

        Args:
            indices: of all examples of the batch, (N,).
            counted: 1 for those that count, 0 for the others, (N,); all count where it is None.
            never_pad: as for `rows_per_device`.
        """
        count = rows_per_device(len(indices), self.count, never_pad=never_pad)
        if count == len(indices):
            return Shard(indices, counted, 0, None)
        missing = count * self.count - len(indices)
        if missing:
            counted = jnp.pad(jnp.ones(len(indices)) if counted is None else counted, (0, missing))
            indices = jnp.pad(indices, (0, missing), mode="edge")
        at = first(count, _AXIS)

        def own(values: jax.Array) -> jax.Array:
            return jax.lax.dynamic_slice_in_dim(values, at, count)

        return Shard(own(indices), None if counted is None else own(counted), at, _AXIS)
