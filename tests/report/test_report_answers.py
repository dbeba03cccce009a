"""Pictures of how a model does: scatter plots, labels, and examples beside what is true and predicted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.report.examples import Column, draw_examples, mask_colors
from netspec.report.labels import draw_labels
from netspec.report.scatter import _fit_text, draw_scatter

Draw = Callable[[Callable[[Path], object]], NDArray[np.uint8]]


@pytest.mark.parametrize("width", [1, 3, 14])
def test_numbers_are_drawn_against_numbers(pixels_of: Draw, rng: np.random.Generator, width: int) -> None:
    true = rng.normal(size=(50, width))
    names = [f"n{i}" for i in range(width)]
    small = pixels_of(lambda path: draw_scatter(true, true + 0.1, names, path, title="t"))
    assert small.shape[1] < 2200


def test_one_example_and_equal_numbers_are_drawn(pixels_of: Draw) -> None:
    pixels_of(lambda path: draw_scatter(np.full((1, 1), 5.0), np.full((1, 1), 5.0), ["n"], path, title="t"))


def test_a_scatter_plot_says_how_well_the_numbers_fit() -> None:
    sk = pytest.importorskip("sklearn.metrics")
    true, found = np.array([1.0, 2.0, 4.0]), np.array([1.5, 2.0, 3.0])
    expected = f"MAE {sk.mean_absolute_error(true, found):.3g}, R² {sk.r2_score(true, found):.3f}"
    assert _fit_text(true, found) == expected
    assert _fit_text(np.ones(3), found) == "MAE 1.17"


def test_labels_are_drawn(pixels_of: Draw, rng: np.random.Generator) -> None:
    true, found = rng.random((2, 30, 5)) > 0.5
    pixels_of(lambda path: draw_labels(true, found, list("abcde"), path, title="t"))
    many = rng.random((2, 30, 100)) > 0.9
    assert pixels_of(lambda path: draw_labels(*many, [str(i) for i in range(100)], path, title="t")).shape[0] < 4000


@pytest.mark.parametrize("columns", [1, 2, 3])
def test_examples_are_drawn(pixels_of: Draw, rng: np.random.Generator, columns: int) -> None:
    images = rng.random((7, 1, 8, 12))
    strips = [Column(f"c{i}", images) for i in range(columns)]
    pixels_of(lambda path: draw_examples(strips, ["a → b"] * 7, path, title="t", subtitle="s"))


def test_masks_have_a_color_for_each_class() -> None:
    two = mask_colors(np.array([[[0, 1]]]))
    np.testing.assert_array_equal(two, [[[[0, 0, 0], [1, 1, 1]]]])
    many = mask_colors(np.arange(9)[None, None])
    assert len({tuple(color) for color in many[0, 0]}) == 9
    np.testing.assert_array_equal(mask_colors(np.full((1, 1, 1), 9)), mask_colors(np.array([[[1, 9]]]))[:, :, :1])


def test_what_does_not_fit_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with pytest.raises(DataError, match="true, predicted and names"):
        draw_scatter(np.ones((2, 1)), np.ones((2, 1)), ["a", "b"], path, title="t")
    with pytest.raises(DataError, match="true, found and names"):
        draw_labels(np.ones((2, 1)), np.ones((2, 2)), ["a"], path, title="t")
    with pytest.raises(DataError, match="pictures and captions"):
        draw_examples([Column("a", np.ones((2, 1, 3, 3)))], ["one"], path, title="t")
    assert not path.exists()
