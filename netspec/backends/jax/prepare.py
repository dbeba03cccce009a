"""Bytes to numbers inside the compiled program, as the spec's `scale` or `normalize` says."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from netspec.ir import DataSource, Network

__all__ = ["prepare", "scaling"]


def scaling(data: DataSource | None) -> tuple[float, float]:
    """Return (factor, offset): a byte b becomes factor·b + offset; 0..1 unless the spec says otherwise."""
    if data and data.scale and data.scale.divisor:
        return 1 / data.scale.divisor, 0.0
    if data and data.scale and data.scale.range:
        low, high = data.scale.range
        return (high - low) / 255, low
    if data and data.normalize:
        return 1 / (255 * data.normalize.std), -data.normalize.mean / data.normalize.std
    return 1 / 255, 0.0


def prepare(x: jax.Array, network: Network) -> jax.Array:
    """Return float32 inputs: bytes are converted, floats are taken as they are. Token numbers are int32."""
    if network.tokens:
        return x.astype(jnp.int32)
    if x.dtype != jnp.uint8:
        return x.astype(jnp.float32)
    factor, offset = scaling(network.data)
    return x.astype(jnp.float32) * jnp.float32(factor) + jnp.float32(offset)
