"""The confusion matrix."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.report.confusion import _mistake_shares, draw_confusion


def names(count: int) -> list[str]:
    return [f"class {i}" for i in range(count)]


def test_shares_are_of_the_true_class_and_leave_the_diagonal_out() -> None:
    shares = _mistake_shares(np.array([[6, 2, 0], [0, 0, 0], [5, 5, 10]]))
    np.testing.assert_allclose(shares.filled(-1), [[-1, 0.25, 0], [0, -1, 0], [0.25, 0.25, -1]])


def test_the_picture_shows_the_mistakes(pixels_of) -> None:
    matrix = np.diag([1000] * 10)
    first = pixels_of(lambda path: draw_confusion(matrix, names(10), path, title="t"))
    matrix[2, 7] = 3
    once = pixels_of(lambda path: draw_confusion(matrix, names(10), path, title="t"))
    dark = (once == [127, 0, 0]).all(axis=2)
    assert dark.sum() > (first == [127, 0, 0]).all(axis=2).sum() + 1000
    turned = pixels_of(lambda path: draw_confusion(matrix.T, names(10), path, title="t"))
    assert (turned != once).any()


@pytest.mark.parametrize("count", [1, 2, 20, 21, 100, 130])
def test_any_number_of_classes(pixels_of, rng, count: int) -> None:
    matrix = rng.integers(0, 4, (count, count)) + np.diag(np.full(count, 50))
    pixels_of(lambda path: draw_confusion(matrix, names(count), path, title="t"))


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 3), int), np.eye(3, dtype=int), 1 - np.eye(3, dtype=int), np.full((3, 3), 10**7)]
)
def test_extreme_counts(pixels_of, matrix) -> None:
    pixels_of(lambda path: draw_confusion(matrix, ["$a", "a very long name " * 5, "日"], path, title="t"))


def test_other_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    for matrix in (np.ones((2, 3)), np.ones(3), np.ones((0, 0))):
        with pytest.raises(DataError, match="square"):
            draw_confusion(matrix, names(2), path, title="t")
    with pytest.raises(DataError, match="negative"):
        draw_confusion(-np.eye(2), names(2), path, title="t")
    with pytest.raises(DataError, match="2 classes but 3 names"):
        draw_confusion(np.eye(2), names(3), path, title="t")
    assert list(tmp_path.iterdir()) == []
