"""The mistakes that a model was most sure of, which say the most about the model or its labels."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.report.canvas import GREEN, MUTED, heading, picture
from netspec.report.grid import draw_grid, name_of

__all__ = ["draw_mistakes"]


class Chosen(Protocol):
    """Images of which some are taken by their places."""

    def __len__(self) -> int: ...

    def __getitem__(self, at: NDArray[np.integer[Any]], /) -> NDArray[Any]: ...


def draw_mistakes(
    images: Chosen,
    true: NDArray[Any],
    predicted: NDArray[Any],
    probability: NDArray[Any],
    class_names: Sequence[str],
    path: str | os.PathLike[str],
    *,
    title: str,
    most: int = 40,
    probable: bool = True,
) -> Path:
    """Draw the most confident wrong predictions, each labeled `true → predicted` and the probability given.

    Args:
        images: (N, C, H, W) all the examples, `uint8` or floats in 0..1; an array, or what gives those at some places.
        true: (N,) their classes.
        predicted: (N,) the classes predicted.
        probability: (N,) of the predicted class, in 0..1.
        class_names: the name of each class.
        path: the PNG file to write.
        title: the heading.
        most: mistakes to draw.
        probable: whether `probability` is one; otherwise it is the output of the predicted class.

    Returns:
        The path written. When nothing is wrong, the picture says so.

    Raises:
        DataError: no examples, or arrays of different lengths.
        RunError: the file cannot be written.
    """
    lengths = [len(images), len(true), len(predicted), len(probability)]
    if len(set(lengths)) > 1 or not lengths[0]:
        raise DataError(
            f"images, true, predicted and probability have lengths {lengths}",
            "give one of each for every example",
        )
    wrong = np.flatnonzero(np.asarray(true) != np.asarray(predicted))
    if not len(wrong):
        return _draw_praise(path, title, lengths[0])
    chosen = wrong[np.argsort(-np.asarray(probability)[wrong], kind="stable")][:most]
    pairs = [f"{name_of(class_names, true[i])} → {name_of(class_names, predicted[i])}" for i in chosen]
    # Short names leave room for the probability on the same line.
    short = max(map(len, pairs)) <= 7
    told = [_percent(float(probability[i])) if probable else f"{float(probability[i]):.3g}" for i in chosen]
    labels = [f"{p} ({t})" if short else f"{p}\n{t}" for p, t in zip(pairs, told, strict=True)]
    share = len(wrong) / lengths[0]
    wrongs = f"{plural(len(wrong), 'mistake')} in {lengths[0]:,} examples"
    subtitle = f"{wrongs} ({100 * share:.2f} %), most confident first: true → predicted"
    more = len(wrong) - len(chosen)
    return draw_grid(
        np.asarray(images[chosen]),
        labels,
        path,
        title=title,
        subtitle=subtitle,
        columns=10 if short else 8,
        footer=[f"+{more:,} more"] if more else [],
    )


def _percent(probability: float) -> str:
    # A wrong answer must not be called certain, so 99.97 % is not rounded up to 100 %.
    if probability >= 0.9995:
        return ">99.9 %"
    return f"{100 * probability:.{1 if probability >= 0.995 else 0}f} %"


def _draw_praise(path: str | os.PathLike[str], title: str, count: int) -> Path:
    with picture(path, 6.0, 2.6) as figure:
        heading(figure, title)
        figure.text(0.5, 0.46, "no mistakes", size=24, color=GREEN, weight="bold", ha="center", va="center")
        told = "the one example is" if count == 1 else f"all {count:,} examples are"
        figure.text(0.5, 0.24, f"{told} predicted correctly", size=10, color=MUTED, ha="center", va="center")
    return Path(path)
