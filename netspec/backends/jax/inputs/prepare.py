"""Bytes to numbers inside the compiled program, as the spec's `scale` or `normalize` says."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from netspec.backends.jax.inputs.augment import augmented, stream
from netspec.ir.network import DataSource, Network
from netspec.recipe.settings import Augment

__all__ = ["prepare", "prepare_training", "scaled", "scaling"]


def scaling(data: DataSource | None) -> tuple[float, float]:
    """Return (factor, offset): a byte b becomes factor·b + offset; 0..1 unless the spec says otherwise."""
    return data.scaling() if data else (1 / 255, 0.0)


def prepare(x: jax.Array, network: Network) -> jax.Array:
    """Return float32 inputs: bytes are converted, floats are taken as they are. Token numbers are int32."""
    if network.tokens:
        return x.astype(jnp.int32)
    return scaled(x, network.data) if x.dtype == jnp.uint8 else x.astype(jnp.float32)


def prepare_training(
    x: jax.Array, network: Network, key: jax.Array, first: jax.Array | int = 0, *, done: jax.Array | float = 0.0
) -> jax.Array:
    """Return the inputs of a training step, changed at random where the spec says `augment`.

    Args:
        x: a batch as the source has it.
        network: says how.
        key: of the step; the changes depend on it and on the place in the batch.
        first: the place of the first of them, where they are a part of the batch.
        done: the share of the training that lies behind.
    """
    augment = network.data.augment if network.data else None
    if augment is None:
        return prepare(x, network)

    def changed(how: Augment) -> jax.Array:
        y = augmented(x, how, stream(key), first + jnp.arange(len(x)))
        return scaled(y, network.data) if x.dtype == jnp.uint8 else y

    if augment.until == 1:
        return changed(augment)
    after = augment.after_until()
    return jax.lax.cond(
        done < augment.until, lambda: changed(augment), lambda: changed(after) if after else prepare(x, network)
    )


def scaled(x: jax.Array, data: DataSource | None) -> jax.Array:
    """Return values of 0..255, bytes or floats between them, as the spec scales them, in float32."""
    factor, offset = scaling(data)
    return x.astype(jnp.float32) * jnp.float32(factor) + jnp.float32(offset)
