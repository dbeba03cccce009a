"""Bytes to numbers inside the compiled program, as the spec's `scale` or `normalize` says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

import jax
import jax.numpy as jnp

from netspec.backends.jax.inputs.augment import augmented, moved_targets, stream
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.ir.network import Input, Network
from netspec.recipe.image_settings import Augment

__all__ = ["at_each_pixel", "move_targets", "prepare", "prepare_training", "scaled", "scaling"]


def scaling(data: DataSource | None, dtype: Any = jnp.float32) -> tuple[Any, Any]:
    """Return (factor, offset): a byte b becomes factor·b + offset; 0..1 unless the spec says otherwise.

    Where each channel has its own they are arrays (C, 1, 1).
    """
    if data is None:
        return dtype(1 / 255), dtype(0)
    if data.normalize and data.normalize.of == "channels":
        raise DataError(
            "`normalize channels` is worked out by a training, from its pictures",
            'say the numbers: normalize means="0.49 0.48 0.45" stds="0.25 0.24 0.26"',
        )
    factors, offsets = data.scalings()
    if len(factors) == 1:
        return dtype(factors[0]), dtype(offsets[0])
    return jnp.asarray(factors, dtype)[:, None, None], jnp.asarray(offsets, dtype)[:, None, None]


def prepare(x: Any, network: Network, dtype: Any = jnp.float32) -> Any:
    """Return inputs as floats: bytes are converted, floats are taken as they are. Token numbers are int32.

    Several inputs are given, and returned, by their names.
    """
    if isinstance(x, dict):
        return {given.name: _prepared(x[given.name], given, network, dtype) for given in network.inputs}
    return _prepared(x, network.inputs[0], network, dtype)


def _prepared(x: jax.Array, given: Input, network: Network, dtype: Any = jnp.float32) -> jax.Array:
    if given.tokens:
        return x.astype(jnp.int32)
    return scaled(x, network.data, dtype) if x.dtype == jnp.uint8 else x.astype(dtype)


def prepare_training(
    x: Any, network: Network, key: jax.Array, first: jax.Array | int = 0, *, done: jax.Array | float = 0.0
) -> Any:
    """Return the inputs of a training step, changed at random where the spec says `augment`.

    Args:
        x: a batch as the source has it; of several inputs each by its name, and each image is changed in its own way.
        network: says how.
        key: of the step; the changes depend on it and on the place in the batch.
        first: the place of the first of them, where they are a part of the batch.
        done: the share of the training that lies behind.
    """
    augment = network.data.augment if network.data else None
    if augment is None:
        return prepare(x, network)
    if not isinstance(x, dict):
        return _changed(x, augment, network, key, first, done)
    made = {}
    for given in network.inputs:
        each = x[given.name]
        if network.varies(given.shape):
            own = jax.random.fold_in(key, crc32(given.name.encode()))
            made[given.name] = _changed(each, augment, network, own, first, done)
        else:
            made[given.name] = _prepared(each, given, network)
    return made


def move_targets(
    y: Any,
    network: Network,
    key: jax.Array,
    first: jax.Array | int = 0,
    *,
    done: jax.Array | float = 0.0,
    outside: Mapping[str, int | None],
) -> Any:
    """Return the targets of a training step: those at each pixel are moved as `prepare_training` moves the images.

    Args:
        y: a batch of them; of several targets each by its name.
        network: says how images are changed.
        key: of the step.
        first: the place of the first of them.
        done: the share of the training that lies behind.
        outside: by the name of a target the class of what comes in from outside; that of the only one is under "".
    """
    augment = network.data.augment if network.data else None
    if augment is None or not augment.warps or len(network.inputs) > 1 or len(network.input) != 3:
        return y
    height, width = network.input[1:]

    def moved(target: jax.Array, fill: int | None) -> jax.Array:
        if not at_each_pixel(target.shape, (height, width)):
            return target

        def by(how: Augment | None) -> jax.Array:
            if how is None:
                return target
            places = first + jnp.arange(len(target))
            return moved_targets(target, how, stream(key), places, size=(height, width), outside=fill)

        if augment.until == 1:
            return by(augment)
        return jax.lax.cond(done < augment.until, lambda: by(augment), lambda: by(augment.after_until()))

    if isinstance(y, dict):
        return {name: moved(target, outside.get(name)) for name, target in y.items()}
    return moved(y, outside.get(""))


def at_each_pixel(shape: tuple[int, ...], size: tuple[int, int]) -> bool:
    """Return whether targets of a shape, (N, …), are one for each pixel of images."""
    return len(shape) in (3, 4) and tuple(shape[-2:]) == size


def _changed(
    x: jax.Array,
    augment: Augment,
    network: Network,
    key: jax.Array,
    first: jax.Array | int,
    done: jax.Array | float,
) -> Any:
    def changed(how: Augment) -> jax.Array:
        sound = network.data.sound if network.data else None
        y = augmented(x, how, stream(key), first + jnp.arange(len(x)), sound)
        return scaled(y, network.data) if x.dtype == jnp.uint8 else y

    def plain() -> jax.Array:
        return scaled(x, network.data) if x.dtype == jnp.uint8 else x.astype(jnp.float32)

    if augment.until == 1:
        return changed(augment)
    after = augment.after_until()
    return jax.lax.cond(done < augment.until, lambda: changed(augment), lambda: changed(after) if after else plain())


def scaled(x: jax.Array, data: DataSource | None, dtype: Any = jnp.float32) -> jax.Array:
    """Return values of 0..255, bytes or floats between them, as the spec scales them."""
    factor, offset = scaling(data, dtype)
    return x.astype(dtype) * factor + offset
