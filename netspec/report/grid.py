"""Labeled examples in a grid, and with class counts the picture of a whole dataset."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, StrMethodFormatter
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.report.canvas import BLUE, MARGIN, ORANGE, fit, heading, note, panel, picture
from netspec.report.cells import Cells, shape_text
from netspec.report.pixels import channel_note, displayable

__all__ = ["draw_dataset", "draw_grid", "name_of"]

_TOP = 0.85
"""Inches that the heading takes."""

_LINE = 0.19
"""Inches from one footer line to the next."""


def draw_grid(
    images: NDArray[Any],
    labels: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str = "",
    columns: int = 10,
    footer: Sequence[str] = (),
    most: int = 200,
) -> Path:
    """Draw a grid of examples, each with its label under it.

    Args:
        images: (N, C, H, W), `uint8`, or floats in 0..1 (others are stretched to that range).
        labels: N texts, of one or more lines each.
        path: the PNG file to write.
        title: the heading.
        subtitle: a line under it.
        columns: examples in a row.
        footer: lines under the grid.
        most: examples to draw; a footer line says how many more there are.

    Returns:
        The path written.

    Raises:
        DataError: no images, not images, or another number of labels.
        RunError: the file cannot be written.
    """
    _check_examples(images, labels)
    count = min(len(images), most)
    cells = _example_cells(images, labels[:count], columns)
    lines = [*footer, *([f"+{len(images) - count:,} more"] if len(images) > count else [])]
    width = max(cells.width, 6.0) + 2 * MARGIN
    top = _TOP if subtitle else _TOP - 0.22
    height = top + cells.height + len(lines) * _LINE + MARGIN + (0.15 if lines else 0)
    pixels = displayable(images[:count])
    with picture(path, width, height) as figure:
        heading(figure, title, subtitle)
        cells.draw(figure, MARGIN, top, pixels, labels[:count])
        for row, line in enumerate(lines):
            note(figure, line, MARGIN, top + cells.height + 0.22 + row * _LINE)
    return Path(path)


def draw_dataset(
    dataset_name: str,
    images: NDArray[Any],
    labels: NDArray[Any],
    class_names: Sequence[str],
    test_labels: NDArray[Any] | None,
    path: str | os.PathLike[str],
    *,
    counted: NDArray[Any] | None = None,
    fact: str = "",
) -> Path:
    """Draw what `netspec data show` shows: the first 40 examples, the class counts, shapes and value range.

    Args:
        dataset_name: for the heading.
        images: (N, C, H, W) training images.
        labels: (N,) their classes, integers from 0.
        class_names: the name of each class; a class past the end goes by its number.
        test_labels: (M,) the classes of the test images, or None when there are none.
        path: the PNG file to write.
        counted: the classes of all training images, where `images` are some of them.
        fact: the line at the bottom, in place of the shapes and range of `images`.

    Returns:
        The path written.

    Raises:
        DataError: no images, not images, or labels that are not one class for each.
        RunError: the file cannot be written.
    """
    _check_examples(images, labels)
    shown = [name_of(class_names, label) for label in _classes(labels)[:40]]
    train = _classes(labels if counted is None else counted)
    test = _classes(test_labels if test_labels is not None and len(test_labels) else np.zeros(0, np.int64))
    names = _all_names(class_names, train, test)
    cells = _example_cells(images, shown, columns=10)
    width = max(cells.width, 8.0) + 2 * MARGIN
    bars_top = _TOP + cells.height + 0.5
    bars_height, ticks_height = 1.7, _tick_room(names, width)
    with picture(path, width, bars_top + bars_height + ticks_height + 0.65) as figure:
        which = "the first" if counted is None else "some"
        classes = plural(len(names), "class").replace("classs", "classes")
        heading(figure, dataset_name, f"{which} {len(shown)} of {len(train):,} training examples, {classes}")
        cells.draw(figure, MARGIN, _TOP, displayable(images[:40]), shown)
        axes = panel(figure, MARGIN + 0.55, bars_top, width - 2 * MARGIN - 0.55, bars_height)
        _draw_counts(axes, names, train, test, _names_fit(names, width))
        note(figure, fact or _facts(images, len(test)), MARGIN, bars_top + bars_height + ticks_height + 0.3)
    return Path(path)


def name_of(class_names: Sequence[str], label: int) -> str:
    """Return the name of a class, or its number when it has none."""
    return class_names[label] if 0 <= label < len(class_names) else str(int(label))


def _check_examples(images: NDArray[Any], labels: Sequence[Any] | NDArray[Any]) -> None:
    if len(images) == 0:
        raise DataError("there are no images to draw", "give at least one example")
    if len(images) != len(labels):
        raise DataError(f"{plural(len(images), 'image')} but {plural(len(labels), 'label')}", "give one label each")


def _example_cells(images: NDArray[Any], labels: Sequence[str], columns: int) -> Cells:
    longest = max(len(line) for label in labels for line in label.split("\n"))
    lines = max(label.count("\n") + 1 for label in labels)
    # Wide names get wider pictures rather than being cut, within reason.
    width = float(np.clip(longest * 0.068, 0.9, 1.5))
    height = width * float(np.clip(images.shape[-2] / images.shape[-1], 0.3, 3))
    return Cells(len(labels), min(columns, len(labels)), (width, height), caption_lines=lines)


def _classes(labels: NDArray[Any]) -> NDArray[Any]:
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise DataError(
            f"labels of shape {labels.shape} and type {labels.dtype} are not classes",
            "give (N,) integers from 0",
        )
    return labels


def _all_names(class_names: Sequence[str], *labels: NDArray[Any]) -> list[str]:
    lowest = min((int(part.min()) for part in labels if len(part)), default=0)
    if lowest < 0:
        raise DataError(f"a label is {lowest}", "classes are numbered from 0")
    highest = max(int(part.max()) for part in labels if len(part))
    return [name_of(class_names, label) for label in range(max(len(class_names), highest + 1))]


def _tick_room(names: Sequence[str], width: float) -> float:
    return 0.0 if _names_fit(names, width) else min(0.95, max(map(len, names)) * 0.06)


def _names_fit(names: Sequence[str], width: float) -> bool:
    return max(map(len, names)) * 0.08 < (width - 1.2) / len(names)


def _draw_counts(axes: Axes, names: Sequence[str], train: NDArray[Any], test: NDArray[Any], upright: bool) -> None:
    places = np.arange(len(names))
    parts = [("train", train, BLUE)] + ([("test", test, ORANGE)] if len(test) else [])
    bar = 0.8 / len(parts)
    for index, (split, labels, color) in enumerate(parts):
        counts = np.bincount(labels, minlength=len(names))
        offset = (index - (len(parts) - 1) / 2) * bar
        axes.bar(places + offset, counts, bar, color=color, label=f"{split} ({len(labels):,})")
    step = math.ceil(len(names) / 60)
    axes.set_xticks(
        places[::step], [fit(name, 1.05, 8) for name in names[::step]], size=8, rotation=0 if upright else 90
    )
    axes.set(xlim=(-0.6, len(names) - 0.4), ylabel="examples")
    axes.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.tick_params(length=0)
    axes.grid(axis="y")
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.3)


def _facts(images: NDArray[Any], test_count: int) -> str:
    low, high = images.min(), images.max()
    shape = f"train {shape_text(images.shape)} {images.dtype}, values {low:.4g} to {high:.4g}"
    return shape + (f" · test {test_count:,} examples" if test_count else "") + channel_note(images.shape[1])
