"""Pictures of the columns of a table: alone, by the classes of what is learned, or against a number."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from netspec.report.columns import ColumnValues, _bins, _groups, draw_columns

Draw = Callable[[Callable[[Path], object]], NDArray[np.uint8]]

N = 40
SIZE = ColumnValues("size", "number", numbers=np.linspace(0, 1, N))
LOST = ColumnValues("lost", "no value at all", numbers=np.full(N, np.nan))
ROOMS = ColumnValues("rooms", "number", numbers=np.where(np.arange(N) % 9, np.arange(N) % 5, np.nan))
COLOR = ColumnValues("color", "category", texts=["red", "blue", "", "green"] * 10)
MANY = ColumnValues("street $5", "category", texts=[f"street {i % 30}" for i in range(N)])
EVERY = (SIZE, LOST, ROOMS, COLOR, MANY)


@pytest.mark.parametrize("target", [None, COLOR, MANY, SIZE, ROOMS], ids=lambda t: t.name if t else "none")
def test_columns_of_every_kind_are_drawn(pixels_of: Draw, target: ColumnValues | None) -> None:
    pixels = pixels_of(lambda path: draw_columns(EVERY, path, title="t", subtitle="s", target=target))
    assert pixels.std() > 0


def test_many_columns_are_cut(pixels_of: Draw) -> None:
    few, many = (pixels_of(lambda path, n=n: draw_columns([SIZE] * n, path, title="t", subtitle="s")) for n in (24, 30))
    assert few.shape == many.shape


def test_each_row_is_in_one_group() -> None:
    groups, legend = _groups(MANY)
    assert [name for name, _ in legend][-1] == "24 others"
    assert np.sum(groups, axis=0).tolist() == [1] * N
    groups, legend = _groups(COLOR)
    assert [name for name, _ in legend] == ["blue", "green", "red"]
    assert np.sum(groups, axis=0).tolist() == [1, 1, 0, 1] * 10  # a row without a class has no color
    assert _groups(SIZE) == ([], [])


def test_few_whole_numbers_have_a_bar_each() -> None:
    assert _bins(np.array([1.0, 3.0])).tolist() == [0.5, 1.5, 2.5, 3.5]
    assert len(_bins(np.array([0.0, 0.5]))) == 25
    assert _bins(np.array([0.1, 0.1])).tolist() == pytest.approx([-0.4, 0.6])
