"""Feature maps of one image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.report.features import _layer, draw_features

IMAGE = np.arange(64, dtype=np.uint8).reshape(1, 8, 8)


def test_the_picture_shows_image_maps_and_vectors(pixels_of, rng) -> None:
    conv, dense = rng.normal(size=(6, 5, 5)), rng.normal(size=10)
    first = pixels_of(lambda path: draw_features(IMAGE, {"conv": conv, "dense": dense}, path, title="t"))
    for image, maps in (
        (IMAGE[:, ::-1], {"conv": conv, "dense": dense}),
        (IMAGE, {"conv": -conv, "dense": dense}),
        (IMAGE, {"conv": conv, "dense": -dense}),
    ):
        other = pixels_of(lambda path, i=image, m=maps: draw_features(i, m, path, title="t"))
        assert other.shape == first.shape
        assert (other != first).any()


def test_many_maps_and_layers_stay_within_bounds(pixels_of, rng) -> None:
    maps = {f"a rather long layer name {n}": rng.normal(size=(64, 4, 4)) for n in range(20)}
    pixels = pixels_of(lambda path: draw_features(IMAGE, maps, path, title="t"))
    assert pixels.shape[0] < 5000
    assert "+40 more" in _layer("conv", maps.popitem()[1]).caption


@pytest.mark.parametrize(
    "values",
    [
        np.zeros((1, 1, 1)),
        np.full((3, 4, 4), -2.0),
        np.full((3, 4, 4), np.nan),
        np.array([np.inf, 1.0, -np.inf]),
        np.ones(1),
        np.arange(4000.0),
        np.ones((2, 3, 50)),
        np.ones((2, 50, 3)),
        np.ones((7, 9)),
    ],
)
def test_odd_maps_can_be_drawn(pixels_of, values) -> None:
    pixels_of(lambda path: draw_features(IMAGE, {"$layer_": values}, path, title="t"))


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_any_number_of_input_channels(pixels_of, channels: int) -> None:
    image = np.linspace(-1, 1, channels * 24).reshape(channels, 4, 6)
    pixels_of(lambda path: draw_features(image, {"dense": np.ones(3)}, path, title="t"))


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with pytest.raises(DataError, match="one image"):
        draw_features(IMAGE[None, None], {"a": np.ones(3)}, path, title="t")
    with pytest.raises(DataError, match="no layers"):
        draw_features(IMAGE, {}, path, title="t")
    with pytest.raises(DataError, match="conv"):
        draw_features(IMAGE, {"conv": np.ones((1, 2, 3, 4, 5))}, path, title="t")
    assert list(tmp_path.iterdir()) == []
