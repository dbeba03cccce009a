"""The random numbers of a batch that is augmented: a pure function of a key and of the place of each example."""

from __future__ import annotations

from math import prod, sqrt
from zlib import crc32

import jax
import jax.numpy as jnp

__all__ = ["Draws"]

_DRAWN = (
    "rotate",
    "shear",
    "zoom",
    "flip",
    "down",
    "right",
    "pad_down",
    "pad_right",
    "contrast",
    "brightness",
    "cutout_row",
    "cutout_column",
)
"""The one number of each name that every image draws, used or not: a setting switched on changes no other one's.

What came later draws from a key of its own, by its name (`Draws.several`): what these draw stays the same.
"""


class Draws:
    """The random numbers of a batch, by name."""

    def __init__(self, key: jax.Array, positions: jax.Array, points: tuple[int, ...]) -> None:
        self.count = len(positions)
        self._keys = jax.vmap(lambda position: jax.random.fold_in(key, position))(positions)
        # One call for all of them: each call is a hash of its own, which takes longer to compile than to run.
        count = len(_DRAWN) + prod(points)
        drawn = jax.vmap(lambda k: jax.random.uniform(k, (count,)))(self._keys)
        self._uniform = jax.lax.optimization_barrier(drawn)  # type: ignore[no-untyped-call]
        self.field = (2 * self._uniform[:, len(_DRAWN) :] - 1).reshape(len(positions), *points) * sqrt(3)
        """Noise of mean 0 and deviation 1, (N, *points)."""

    def share(self, name: str) -> jax.Array:
        """Return numbers in 0..1, (N,)."""
        return self._uniform[:, _DRAWN.index(name)]

    def up_to(self, name: str, most: float) -> jax.Array:
        """Return numbers from -most to most, (N,)."""
        return most * (2 * self.share(name) - 1)

    def whole(self, name: str, count: int) -> jax.Array:
        """Return whole numbers from 0 to count - 1, each as likely as the others, (N,) float32."""
        # A share just below 1 times the count may be rounded up to it.
        return jnp.minimum(jnp.floor(self.share(name) * count), count - 1)

    def several(self, name: str, count: int) -> jax.Array:
        """Return numbers in 0..1 that nothing else draws, (N, count)."""
        number = crc32(name.encode())
        return jax.vmap(lambda k: jax.random.uniform(jax.random.fold_in(k, number), (count,)))(self._keys)

    def more_up_to(self, name: str, most: float) -> jax.Array:
        """Return numbers from -most to most that nothing else draws, (N,)."""
        return most * (2 * self.several(name, 1)[:, 0] - 1)

    def normal(self, name: str, shape: tuple[int, ...]) -> jax.Array:
        """Return normal numbers, (N, *shape)."""
        number = crc32(name.encode())
        return jax.vmap(lambda k: jax.random.normal(jax.random.fold_in(k, number), shape))(self._keys)
