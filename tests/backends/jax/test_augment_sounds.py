"""Augmentation of sounds, compared with NumPy: moved in time, louder, upside down, with silence in parts."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import netspec as ns
from netspec.backends.jax.inputs.augment import augmented
from netspec.backends.jax.inputs.prepare import prepare_training
from netspec.data.files.spectrogram import log_mel
from netspec.recipe.image_settings import Augment
from netspec.recipe.sound_settings import Sound

WAVES = Sound(rate=1000, seconds=0.2)
BANDS = Sound(rate=4000, seconds=0.3, mel=8)
RNG = np.random.default_rng(0)
WAVEFORMS = RNG.uniform(-0.5, 0.5, (200, *WAVES.shape)).astype(np.float32)
SPECTROGRAMS = RNG.uniform(0.3, 0.9, (200, *BANDS.shape)).astype(np.float32)
SETTINGS: list[tuple[Sound, dict[str, Any]]] = [
    (WAVES, {"time_shift": 0.02}),
    (WAVES, {"gain": 6.0}),
    (WAVES, {"polarity": True}),
    (WAVES, {"noise": 0.05}),
    (BANDS, {"time_shift": 0.05}),
    (BANDS, {"gain": 6.0}),
    (BANDS, {"time_mask": 7}),
    (BANDS, {"frequency_mask": 3}),
]
each = pytest.mark.parametrize(
    ("sound", "fields"), SETTINGS, ids=lambda v: next(iter(v)) if isinstance(v, dict) else ""
)


@partial(jax.jit, static_argnames=("how", "sound"))
def compiled(x: jax.Array, how: Augment, sound: Sound, step: int, first: int) -> jax.Array:
    return augmented(x, how, jax.random.fold_in(jax.random.key(7), step), first + jnp.arange(len(x)), sound)


def changed(sound: Sound, x: Any = None, *, step: int = 0, first: int = 0, **fields: Any) -> np.ndarray:
    x = (WAVEFORMS if sound.mel is None else SPECTROGRAMS) if x is None else x
    return np.asarray(compiled(jnp.asarray(x), Augment(**fields), sound, step, first))


@each
def test_changes_are_a_function_of_the_step_and_the_place(sound: Sound, fields: dict[str, Any]) -> None:
    once = changed(sound, **fields)
    np.testing.assert_array_equal(once, changed(sound, **fields))
    assert (once != changed(sound, step=1, **fields)).any()
    x = (WAVEFORMS if sound.mel is None else SPECTROGRAMS)[20:30]
    np.testing.assert_allclose(changed(sound, x, first=20, **fields), once[20:30], atol=1e-6)
    # Another setting that is switched on draws nothing of this one's.
    other = {"gain": 1e-6} if "gain" not in fields else {"noise": 1e-6}
    np.testing.assert_allclose(changed(sound, **fields, **other), once, atol=1e-4)


def _shifted(x: np.ndarray, by: int) -> np.ndarray:
    made = np.zeros_like(x)
    length = x.shape[-1]
    made[..., max(0, by) : length + min(0, by)] = x[..., max(0, -by) : length - max(0, by)]
    return made


@pytest.mark.parametrize(("sound", "seconds", "most"), [(WAVES, 0.02, 20), (BANDS, 0.05, 5)])
def test_sounds_are_moved_by_whole_places(sound: Sound, seconds: float, most: int) -> None:
    x = WAVEFORMS if sound.mel is None else SPECTROGRAMS
    seen = set()
    for one, given in zip(changed(sound, time_shift=seconds), x, strict=True):
        fits = [by for by in range(-most, most + 1) if np.array_equal(_shifted(given, by), one)]
        assert len(fits) == 1
        seen.add(fits[0])
    assert {-most, 0, most} <= seen if most < 10 else max(map(abs, seen)) >= most - 1


def test_gain_is_in_decibels_in_both_forms() -> None:
    ratio = changed(WAVES, gain=6.0) / WAVEFORMS
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :, :1], ratio.shape), rtol=1e-4)
    decibels = 20 * np.log10(ratio[:, 0, 0])
    assert -6 <= decibels.min() < -5
    assert 5 < decibels.max() <= 6
    # A louder waveform has the spectrogram that is made louder; silence stays silence.
    wave = 0.3 * np.sin(np.arange(BANDS.samples))
    plain = np.repeat(log_mel(wave, BANDS)[None], 50, axis=0)
    made = changed(BANDS, plain, gain=6.0)
    for one in made:
        by = 100 * (one.max() - plain[0].max())
        np.testing.assert_allclose(one, log_mel(wave * 10 ** (by / 20), BANDS), atol=1e-4)
    assert not changed(BANDS, np.zeros_like(plain), gain=6.0).any()


def test_every_other_waveform_is_upside_down() -> None:
    made = changed(WAVES, polarity=True)
    same, turned = (made == WAVEFORMS).all(axis=(1, 2)), (made == -WAVEFORMS).all(axis=(1, 2))
    assert (same | turned).all()
    assert 70 < turned.sum() < 130


def test_noise_has_the_deviation_that_is_said() -> None:
    assert (changed(WAVES, noise=0.05) - WAVEFORMS).std() == pytest.approx(0.05, rel=0.02)


@pytest.mark.parametrize(("name", "most", "axis"), [("time_mask", 7, 2), ("frequency_mask", 3, 1)])
def test_masks_are_one_span_each_of_every_width_at_every_place(name: str, most: int, axis: int) -> None:
    made = changed(BANDS, **{name: most})
    hidden = (made == 0).all(axis=3 - axis + 1)[:, 0] if axis == 1 else (made == 0).all(axis=2)[:, 0]
    np.testing.assert_array_equal(
        made, np.where(hidden[:, None, :, None] if axis == 1 else hidden[:, None, None], 0, SPECTROGRAMS)
    )
    widths = hidden.sum(axis=1)
    assert set(widths) == set(range(most + 1))
    for row in hidden:
        assert (np.diff(np.flatnonzero(row)) == 1).all()
    assert hidden.any(axis=0).all()


def test_both_masks_draw_for_themselves() -> None:
    both = changed(BANDS, time_mask=7, frequency_mask=3) == 0
    one, other = changed(BANDS, time_mask=7) == 0, changed(BANDS, frequency_mask=3) == 0
    np.testing.assert_array_equal(both, one | other)


def test_the_step_of_a_training_changes_sounds_until_it_ends() -> None:
    augment = "augment time_shift=0.05 gain=6 until=0.5"
    net = ns.parse(f'data "x" {{ sound 1000 seconds=0.2; {augment} }}\ninput 1x200; globalpool; fc 2 softmax')
    x, key = jnp.asarray(WAVEFORMS), jax.random.key(0)
    during, after = (np.asarray(prepare_training(x, net, key, done=jnp.float32(done))) for done in (0.2, 0.7))
    assert (during != WAVEFORMS).any()
    np.testing.assert_array_equal(after, WAVEFORMS)
