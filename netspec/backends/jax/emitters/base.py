"""What an emitter is handed: the run it is part of; and how values lie on the device."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from zlib import crc32

import jax
import jax.numpy as jnp

from netspec.graph import Operation

__all__ = ["Emitter", "Run", "from_device_layout", "to_device_layout"]


@dataclass
class Run:
    """One run through the graph: its mode, its randomness, and the state it leaves behind."""

    platform: str
    train: bool
    rng: jax.Array | None
    state: dict[str, dict[str, jax.Array]] = field(default_factory=dict)

    def key(self, operation: Operation) -> jax.Array:
        """Return the random stream of one operation: other layers added or removed do not change it."""
        assert self.rng is not None
        return jax.random.fold_in(self.rng, crc32(operation.node.encode()))


Emitter: TypeAlias = Callable[[Any, Run, Operation, jax.Array, list[jax.Array]], jax.Array]
"""Operation's arguments, run, operation, input (channels last), parameters → output (channels last)."""


def to_device_layout(x: jax.Array) -> jax.Array:
    """(N, C, H, W) → (N, H, W, C), (N, C, L) → (N, L, C); vectors stay as they are. One channel needs no copy."""
    if x.ndim < 3:
        return x
    n, c, *positions = x.shape
    return x.reshape(n, *positions, 1) if c == 1 else jnp.moveaxis(x, 1, -1)


def from_device_layout(x: jax.Array) -> jax.Array:
    """(N, H, W, C) → (N, C, H, W), (N, L, C) → (N, C, L); vectors stay as they are."""
    return jnp.moveaxis(x, -1, 1) if x.ndim > 2 else x
