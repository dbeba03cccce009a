"""Random changes of sounds: in time, of how loud they are, and silence in parts of a spectrogram.

Source: Park, Chan, Zhang et al., "SpecAugment: A Simple Data Augmentation Method for Automatic Speech Recognition",
2019.
"""

from __future__ import annotations

from collections.abc import Sequence

import jax
import jax.numpy as jnp

from netspec.backends.jax.inputs.draws import Draws
from netspec.recipe.image_settings import Augment
from netspec.recipe.sound_settings import FLOOR, Sound

__all__ = ["masked", "of_spectrograms", "of_waveforms"]


def of_waveforms(x: jax.Array, how: Augment, sound: Sound, draws: Draws) -> jax.Array:
    """Return waveforms, (N, 1, samples), moved in time, louder or softer, upside down, and with noise."""
    y = x.astype(jnp.float32)
    if how.time_shift:
        y = _moved(y, round(how.time_shift * sound.rate), draws)
    if how.gain:
        y *= 10 ** (_each(draws.more_up_to("gain", how.gain), y) / 20)
    if how.polarity:
        y = jnp.where(_each(draws.several("polarity", 1)[:, 0] < 0.5, y), -y, y)
    if how.noise:
        y += how.noise * draws.normal("noise", x.shape[1:])
    return y


def of_spectrograms(x: jax.Array, how: Augment, sound: Sound, draws: Draws) -> jax.Array:
    """Return spectrograms, (N, 1, bands, frames), moved in time by whole frames, and louder or softer."""
    if how.time_shift:
        x = _moved(x, round(how.time_shift * sound.rate / sound.hop_samples), draws)
    if how.gain:
        # What was silence stays silence, and becomes so where it gets softer than that.
        louder = jnp.maximum(x - _each(draws.more_up_to("gain", how.gain), x) / FLOOR, 0)
        x = jnp.where(x == 0, 0, louder)
    return x


def masked(size: Sequence[int], how: Augment, draws: Draws) -> jax.Array:
    """Return what becomes silence, (N, 1, bands, frames) of bool: some bands, and some frames."""
    bands = _span("frequency_mask", how.frequency_mask, size[0], draws)
    frames = _span("time_mask", how.time_mask, size[1], draws)
    return (bands[:, :, None] | frames[:, None, :])[:, None]


def _span(name: str, most: int, length: int, draws: Draws) -> jax.Array:
    """Return a span of 0 to `most` places at a random place within, each as likely as the others, (N, length)."""
    shares = draws.several(name, 2)
    width = _whole(shares[:, 0], most + 1)[:, None]
    first = _whole(shares[:, 1], length - width[:, 0] + 1)[:, None]
    places = jnp.arange(length)
    return (places >= first) & (places < first + width)


def _whole(shares: jax.Array, count: jax.Array | int) -> jax.Array:
    """Return whole numbers from 0 to count - 1, (N,)."""
    return jnp.minimum((shares * count).astype(jnp.int32), count - 1)


def _moved(x: jax.Array, most: int, draws: Draws) -> jax.Array:
    """Return examples moved along their last axis by up to ± so many places, each as likely; 0 comes in."""
    later = _whole(draws.several("time_shift", 1)[:, 0], 2 * most + 1)
    length = x.shape[-1]
    padded = jnp.pad(x, [(0, 0)] * (x.ndim - 1) + [(most, most)])
    start = 2 * most - later
    return jax.vmap(lambda one, at: jax.lax.dynamic_slice_in_dim(one, at, length, axis=-1))(padded, start)


def _each(values: jax.Array, like: jax.Array) -> jax.Array:
    """Return one value for each example, (N,), as (N, 1, …)."""
    return values.reshape(-1, *(1,) * (like.ndim - 1))
