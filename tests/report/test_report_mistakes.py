"""The most confident mistakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import DataError
from netspec.report import mistakes
from netspec.report.mistakes import _percent, draw_mistakes

NAMES = [str(i) for i in range(10)]


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Keep what is handed to the grid instead of drawing it."""
    seen: dict[str, object] = {}

    def keep(images, labels, path, **options):
        seen.update(images=images, labels=labels, **options)
        return path

    monkeypatch.setattr(mistakes, "draw_grid", keep)
    return seen


def test_the_most_confident_come_first(drawn: dict[str, object]) -> None:
    images = np.arange(5).reshape(5, 1, 1, 1)
    true, predicted = np.array([1, 2, 3, 4, 5]), np.array([1, 7, 8, 9, 0])
    draw_mistakes(images, true, predicted, np.array([1, 0.5, 0.9, 0.7, 0.8]), NAMES, "x.png", title="t", most=3)
    assert drawn["labels"] == ["3 → 8 (90 %)", "5 → 0 (80 %)", "4 → 9 (70 %)"]
    np.testing.assert_array_equal(np.ravel(drawn["images"]), [2, 4, 3])
    assert drawn["footer"] == ["+1 more"]
    assert "4 mistakes in 5 examples (80.00 %)" in str(drawn["subtitle"])


def test_long_names_get_a_line_of_their_own(drawn: dict[str, object]) -> None:
    draw_mistakes(
        np.zeros((1, 1, 2, 2)),
        np.array([0]),
        np.array([1]),
        np.array([0.98]),
        ["sneaker", "bag"],
        "x",
        title="t",
    )
    assert drawn["labels"] == ["sneaker → bag\n98 %"]


def test_a_mistake_is_never_called_certain() -> None:
    assert [_percent(p) for p in (1.0, 0.9996, 0.997, 0.98, 0.004)] == [
        ">99.9 %",
        ">99.9 %",
        "99.7 %",
        "98 %",
        "0 %",
    ]


def test_the_picture_depends_on_the_predictions(pixels_of, rng) -> None:
    images = rng.random((50, 1, 8, 8))
    true = np.arange(50) % 10
    predicted = (true + (np.arange(50) % 3 == 0)) % 10
    probability = rng.uniform(0.2, 0.8, 50)
    first = pixels_of(lambda path: draw_mistakes(images, true, predicted, probability, NAMES, path, title="t"))
    other = pixels_of(lambda path: draw_mistakes(images, true, predicted, 1 - probability, NAMES, path, title="t"))
    assert (first != other).any()


def test_no_mistakes_is_said(pixels_of) -> None:
    true = np.arange(3)
    pixels = pixels_of(
        lambda path: draw_mistakes(np.zeros((3, 1, 2, 2)), true, true, np.ones(3), NAMES, path, title="t")
    )
    assert (pixels == [0, 0x9E, 0x73]).all(axis=2).sum() > 500


def test_long_names_can_be_drawn(pixels_of) -> None:
    names = ["an extremely long class name of many words", "日本 $x"]
    true = np.array([0, 1, 0])
    pixels_of(lambda path: draw_mistakes(np.zeros((3, 3, 9, 9)), true, 1 - true, np.ones(3), names, path, title="t"))


def test_unequal_or_empty_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.png"
    with pytest.raises(DataError, match="lengths"):
        draw_mistakes(np.zeros((2, 1, 2, 2)), np.zeros(2), np.ones(3), np.ones(2), NAMES, path, title="t")
    with pytest.raises(DataError, match="lengths"):
        draw_mistakes(np.zeros((0, 1, 2, 2)), np.zeros(0), np.zeros(0), np.zeros(0), NAMES, path, title="t")
    assert list(tmp_path.iterdir()) == []
