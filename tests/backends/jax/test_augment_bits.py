"""The random numbers of `augment` stay those of the first release that had each setting: old runs are replayed."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from netspec.backends.jax.inputs import augment
from netspec.backends.jax.inputs.augment import augmented, moved_targets
from netspec.recipe.image_settings import Augment

IMAGES = np.random.default_rng(0).integers(1, 256, (32, 2, 9, 11), dtype=np.uint8)
KEY = jax.random.key(7)
PLACES = jnp.arange(5, 5 + len(IMAGES))

DRAWN = {
    "plain": "925af2d5fdefb966",
    "elastic": "50d047054abdb36a",
    "noise": "4b76e2b0a0813c47",
}
"""SHA-256 of what is drawn, as far as it is the same bits everywhere: uniform numbers, and where they are chosen."""

WHOLE: dict[str, tuple[dict[str, Any], str]] = {
    "pad": ({"pad": 2}, "f7e06d4ef5693d24"),
    "flip": ({"flip": True}, "ebe6e9d4e04c3888"),
    "pad and flip, edge": ({"pad": 1, "flip": True, "fill": "edge"}, "459b684c5d93ed1d"),
    "cutout": ({"cutout": 4}, "bc6bfdbcb5ea6bd1"),
}
"""Settings that move or cover whole pixels, and the SHA-256 of the images: nothing is rounded there."""

SUMS: dict[str, tuple[dict[str, Any], float]] = {
    "rotate": ({"rotate": 15.0}, 11649.74),
    "shift": ({"shift": 2.0}, 3470.42),
    "zoom": ({"zoom": 0.2}, 8044.51),
    "shear": ({"shear": 10.0}, 9267.77),
    "elastic": ({"elastic": 1.5, "sigma": 3.0}, 2218.61),
    "bicubic": ({"rotate": 15.0, "interpolation": "bicubic", "fill": "edge"}, 10050.24),
    "contrast": ({"contrast": 0.3}, 9749.16),
    "brightness": ({"brightness": 0.2}, 13807.85),
    "noise": ({"noise": 0.1}, 11704.17),
    "all": (
        {
            "rotate": 15.0,
            "shift": 2.0,
            "zoom": 0.2,
            "shear": 10.0,
            "elastic": 1.5,
            "pad": 1,
            "flip": True,
            "contrast": 0.3,
            "brightness": 0.2,
            "noise": 0.1,
            "cutout": 3,
        },
        -3548.16,
    ),
}
"""Settings whose images are rounded otherwise by other processors, and a weighted sum of their values."""

TARGETS = "cf3ef04e7d60f220"
"""SHA-256 of labels at each pixel, moved."""


def digest(values: Any) -> str:
    return sha256(np.ascontiguousarray(values).tobytes()).hexdigest()[:16]


@partial(jax.jit, static_argnames="how")
def compiled(x: jax.Array, how: Augment) -> jax.Array:
    return augmented(x, how, augment.stream(KEY), PLACES)


def weighted_sum(values: Any) -> float:
    values = np.asarray(values, np.float64)
    return float((values * np.random.default_rng(1).standard_normal(values.shape)).sum())


@pytest.mark.parametrize("name", DRAWN)
def test_the_numbers_drawn(name: str) -> None:
    settings = {"plain": Augment(flip=True), "elastic": Augment(elastic=1.0, sigma=3.0), "noise": Augment(noise=0.1)}
    how = settings[name]
    draws = augment._drawn((9, 11), how, augment.stream(KEY), PLACES)
    found = jax.random.key_data(draws._keys) if name == "noise" else draws._uniform
    assert digest(found) == DRAWN[name]


@pytest.mark.parametrize("name", WHOLE)
def test_images_of_whole_pixels(name: str) -> None:
    fields, wanted = WHOLE[name]
    assert digest(compiled(jnp.asarray(IMAGES), Augment(**fields))) == wanted


@pytest.mark.parametrize("name", SUMS)
def test_images_that_are_rounded(name: str) -> None:
    fields, wanted = SUMS[name]
    assert weighted_sum(compiled(jnp.asarray(IMAGES), Augment(**fields))) == pytest.approx(wanted, abs=0.5)


def test_labels_at_each_pixel() -> None:
    how = Augment(pad=2, flip=True)
    labels = jnp.asarray(IMAGES[:, 0].astype(np.int32))
    moved = moved_targets(labels, how, augment.stream(KEY), PLACES, size=(9, 11), outside=7)
    assert digest(moved) == TARGETS
