"""First-layer kernels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.report.kernels import _sheet, draw_kernels


def test_a_sign_flip_swaps_red_and_blue(pixels_of) -> None:
    kernel = np.ones((4, 1, 3, 3))
    kernel[0] = -0.2
    plus = pixels_of(lambda path: draw_kernels(kernel, path, title="t"))
    minus = pixels_of(lambda path: draw_kernels(-kernel, path, title="t"))
    place = (slice(140, 180), slice(plus.shape[1] // 3, plus.shape[1] // 2))
    assert plus[place][..., 0].mean() > plus[place][..., 2].mean() + 40
    assert minus[place][..., 2].mean() > minus[place][..., 0].mean() + 40


def test_zero_is_the_middle_of_the_scale(pixels_of) -> None:
    kernel = np.zeros((4, 1, 3, 3))
    kernel[0] = 5.0
    pixels = pixels_of(lambda path: draw_kernels(kernel, path, title="t"))
    assert (abs(pixels.astype(int) - 247) <= 2).all(axis=2).sum() > 1000


def test_three_channels_are_colors() -> None:
    kernel = np.zeros((2, 3, 1, 1))
    kernel[0, 0] = 1.0
    kernel[1, 2] = -1.0
    sheet = _sheet(kernel, limit=1.0)
    np.testing.assert_allclose(sheet.pictures[:, 0, 0], [[1, 0.5, 0.5], [0.5, 0.5, 0]])
    assert "RGB" in sheet.caption


def test_of_many_channels_the_strongest_is_shown_and_named() -> None:
    kernel = np.zeros((2, 5, 2, 2))
    kernel[0, 3] = -2.0
    kernel[1, 1] = 1.0
    sheet = _sheet(kernel, limit=2.0)
    assert sheet.captions == ("ch 3", "ch 1")
    assert (sheet.pictures[0] == -2).all()
    assert "strongest of 5" in sheet.caption


@pytest.mark.parametrize(
    ("shape", "input_shape"),
    [
        ((1, 1, 1, 1), None),
        ((20, 1, 5, 5), None),
        ((64, 3, 7, 7), None),
        ((300, 16, 3, 3), None),
        ((8, 1, 1, 9), None),
        ((16, 4), None),
        ((1, 1), None),
        ((10, 784), (1, 28, 28)),
        ((5, 48), (3, 4, 4)),
        ((20, 1, 5, 5), (1, 28, 28)),
    ],
)
def test_every_shape_can_be_drawn(pixels_of, rng, shape, input_shape) -> None:
    kernel = rng.normal(size=shape)
    first = pixels_of(lambda path: draw_kernels(kernel, path, title="t", input_shape=input_shape))
    if kernel.size > 1:
        other = pixels_of(
            lambda path: draw_kernels(kernel[:, ::-1] * -0.5 + 1, path, title="t", input_shape=input_shape)
        )
        assert first.shape == other.shape
        assert (first != other).any()


@pytest.mark.parametrize("value", [0.0, np.nan, np.inf])
def test_kernels_without_a_scale(pixels_of, value: float) -> None:
    pixels_of(lambda path: draw_kernels(np.full((4, 1, 3, 3), value), path, title="t"))
    pixels_of(lambda path: draw_kernels(np.full((4, 3, 3, 3), value), path, title="t"))


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with pytest.raises(DataError, match=r"\(4,\)"):
        draw_kernels(np.ones(4), path, title="t")
    with pytest.raises(DataError, match="shape"):
        draw_kernels(np.ones((0, 1, 3, 3)), path, title="t")
    with pytest.raises(DataError, match="784 inputs"):
        draw_kernels(np.ones((10, 784)), path, title="t", input_shape=(3, 28, 28))
    assert list(tmp_path.iterdir()) == []
