"""Grids of examples, and the picture of a dataset."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.report.grid import draw_dataset, draw_grid
from netspec.report.pixels import channel_note, displayable


def test_gray_is_repeated_and_uint8_scaled() -> None:
    shown = displayable(np.array([0, 255, 51, 102], np.uint8).reshape(1, 1, 2, 2))
    assert shown.shape == (1, 2, 2, 3)
    assert shown.dtype == np.float32
    np.testing.assert_allclose(shown[0, :, :, 1].ravel(), [0, 1, 0.2, 0.4], rtol=1e-6)


def test_color_keeps_its_channels() -> None:
    images = np.arange(12).reshape(1, 3, 2, 2) / 11
    np.testing.assert_allclose(displayable(images)[0, 1, 0], images[0, :, 1, 0], rtol=1e-6)


def test_other_ranges_are_stretched_and_other_channels_averaged() -> None:
    np.testing.assert_allclose(
        displayable(np.array([-1.0, 0, 0, 1]).reshape(1, 1, 2, 2))[0, ..., 0], [[0, 0.5], [0.5, 1]]
    )
    assert displayable(np.array([0.2, 0.4]).reshape(1, 2, 1, 1))[0, 0, 0, 0] == pytest.approx(0.3)
    assert "5 channels" in channel_note(5)
    assert channel_note(3) == ""


def test_what_is_not_finite_is_black() -> None:
    shown = displayable(np.array([np.nan, np.inf, 0.5, 1.0]).reshape(1, 1, 2, 2))
    np.testing.assert_allclose(shown[0, ..., 0], [[0, 0], [0.5, 1]])
    assert np.isfinite(displayable(np.full((1, 1, 2, 2), np.nan))).all()
    assert (displayable(np.full((1, 1, 2, 2), 7.0)) == 0).all()


def test_the_grid_shows_the_images(pixels_of, rng) -> None:
    images = rng.integers(0, 256, (13, 1, 8, 8), dtype=np.uint8)
    labels = [str(i) for i in range(13)]
    first = pixels_of(lambda path: draw_grid(images, labels, path, title="t", footer=["one", "two"]))
    assert (pixels_of(lambda path: draw_grid(images, labels, path, title="t", footer=["one", "two"])) == first).all()
    inverted = pixels_of(lambda path: draw_grid(255 - images, labels, path, title="t", footer=["one", "two"]))
    assert inverted.shape == first.shape
    assert (inverted != first).any()
    relabeled = pixels_of(lambda path: draw_grid(images, labels[::-1], path, title="t", footer=["one", "two"]))
    assert (relabeled != first).any()


def test_a_color_shows_as_itself(pixels_of) -> None:
    images = np.zeros((1, 3, 4, 4), np.uint8)
    images[0, 0] = 255
    pixels = pixels_of(lambda path: draw_grid(images, ["red"], path, title="t"))
    assert (pixels == [255, 0, 0]).all(axis=2).sum() > 1000


def test_only_so_many_are_drawn(pixels_of) -> None:
    images = np.zeros((30, 1, 4, 4), np.uint8)
    few = pixels_of(lambda path: draw_grid(images, ["x"] * 30, path, title="t", most=10))
    every = pixels_of(lambda path: draw_grid(images, ["x"] * 30, path, title="t"))
    assert few.shape[0] < every.shape[0]


@pytest.mark.parametrize("shape", [(2, 1, 1, 40), (2, 1, 40, 1), (2, 2, 5, 5), (1, 3, 300, 200)])
def test_odd_shapes_and_labels(pixels_of, shape: tuple[int, ...]) -> None:
    labels = ["a very long label indeed " * 4, "$x_1 日\nsecond line"][: shape[0]]
    pixels_of(lambda path: draw_grid(np.zeros(shape), labels, path, title="a long title " * 30, columns=3))


def test_mistaken_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with pytest.raises(DataError, match="no images"):
        draw_grid(np.zeros((0, 1, 4, 4)), [], path, title="t")
    with pytest.raises(DataError, match="2 images but 1 label"):
        draw_grid(np.zeros((2, 1, 4, 4)), ["a"], path, title="t")
    with pytest.raises(DataError, match="shape"):
        draw_grid(np.zeros((2, 4, 4)), ["a", "b"], path, title="t")
    images = np.zeros((2, 1, 4, 4))
    with pytest.raises(DataError, match="-1"):
        draw_dataset("d", images, np.array([0, -1]), ["a"], None, path)
    with pytest.raises(DataError, match="float64"):
        draw_dataset("d", images, np.array([0.5, 1.5]), ["a"], None, path)
    assert list(tmp_path.iterdir()) == []


def test_the_dataset_shows_counts(pixels_of, rng) -> None:
    images = rng.integers(0, 256, (60, 1, 8, 8), dtype=np.uint8)
    labels = np.arange(60) % 10
    names = [str(i) for i in range(10)]
    first = pixels_of(lambda path: draw_dataset("digits", images, labels, names, labels[:20], path))
    other = pixels_of(lambda path: draw_dataset("digits", images, labels, names, labels[:5], path))
    assert (first != other).any()
    # Past the first 40 examples, only the counts can tell.
    moved = np.concatenate([labels[:40], np.zeros(20, np.int64)])
    assert (pixels_of(lambda path: draw_dataset("digits", images, moved, names, labels[:20], path)) != first).any()


@pytest.mark.parametrize("classes", [1, 2, 10, 100])
def test_any_number_of_classes(pixels_of, classes: int) -> None:
    names = [f"a class called {i}" for i in range(classes)]
    labels = np.arange(50) % classes
    pixels_of(lambda path: draw_dataset("d", np.zeros((50, 3, 8, 8), np.uint8), labels, names, None, path))


def test_classes_without_names_go_by_number(pixels_of) -> None:
    labels = np.array([0, 3, 1])
    pixels_of(lambda path: draw_dataset("d", np.zeros((3, 1, 8, 8)), labels, [], np.array([5]), path))
