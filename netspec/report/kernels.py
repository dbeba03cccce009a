"""Kernels of the first layer as small pictures, signs as colors."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.report.canvas import MARGIN, heading, panel, picture
from netspec.report.cells import Cells, shape_text

__all__ = ["draw_kernels"]

_COLORS = "RdBu_r"
_TOP = 0.85


@dataclass(frozen=True, slots=True)
class _Sheet:
    """Kernels ready to draw: (n, H, W) signed or (n, H, W, 3) RGB, what to say of them, captions if any."""

    pictures: NDArray[Any]
    caption: str
    captions: tuple[str, ...] = ()


def draw_kernels(
    kernel: NDArray[Any],
    path: str | os.PathLike[str],
    *,
    title: str,
    input_shape: Sequence[int] | None = None,
    most: int = 128,
) -> Path:
    """Draw the kernels of a convolution, or the weights of a dense layer, on one scale symmetric about 0.

    With one input channel red is positive and blue negative; three channels are shown as RGB, gray being 0;
    of any other number each kernel shows its strongest channel, and says which. A dense layer on images shows
    its units' weights as images, any other dense layer its weight matrix.

    Args:
        kernel: (O, I, kh, kw) of a convolution, or (O, I) of a dense layer.
        path: the PNG file to write.
        title: the heading.
        input_shape: (C, H, W) of a dense layer's input, with C * H * W = I; None when it is not an image.
        most: kernels to draw; the heading says so when there are more.

    Returns:
        The path written.

    Raises:
        DataError: the kernel has another rank or is empty, or does not fit `input_shape`.
        RunError: the file cannot be written.
    """
    kernel = np.asarray(kernel, dtype=np.float64)
    if kernel.ndim not in (2, 4) or not kernel.size:
        raise DataError(f"the kernel has shape {kernel.shape}", "give (O, I, kh, kw), or (O, I) of a dense layer")
    limit = float(np.abs(kernel[np.isfinite(kernel)]).max(initial=0)) or 1.0
    if kernel.ndim == 2 and input_shape is None:
        return _draw_matrix(kernel, path, title, limit)
    images = kernel if input_shape is None else _as_images(kernel, input_shape)
    sheet = _sheet(images[:most], limit)
    part = f", the first {most:,} shown" if len(images) > most else ""
    cells = _cells(sheet)
    room = 0.0 if sheet.pictures.ndim == 4 else 0.85
    bar_height = min(cells.height, 3.0)
    with picture(path, max(cells.width + room, 5.5) + 2 * MARGIN, _TOP + cells.height + MARGIN) as figure:
        heading(figure, title, f"shape {shape_text(kernel.shape)}{part}; {sheet.caption}")
        image = cells.draw(figure, MARGIN, _TOP, sheet.pictures, sheet.captions, cmap=_COLORS, norm=_norm(limit))
        if room:
            _draw_scale(figure, image, MARGIN + cells.width + 0.25, bar_height)
    return Path(path)


def _as_images(kernel: NDArray[Any], input_shape: Sequence[int]) -> NDArray[Any]:
    if kernel.ndim == 4:
        return kernel
    if len(input_shape) != 3 or math.prod(input_shape) != kernel.shape[1]:
        raise DataError(
            f"kernel of {plural(kernel.shape[1], 'input')} does not fit images of {shape_text(input_shape)}",
            "give the (C, H, W) of the layer's own input",
        )
    return kernel.reshape(len(kernel), *input_shape)


def _sheet(images: NDArray[Any], limit: float) -> _Sheet:
    channels = images.shape[1]
    if channels == 1:
        return _Sheet(images[:, 0], "red is positive, blue negative")
    if channels == 3:
        caption = f"RGB, gray is 0, full color ±{limit:.3g}"
        return _Sheet(np.clip(0.5 + np.nan_to_num(images).transpose(0, 2, 3, 1) / (2 * limit), 0, 1), caption)
    strongest = np.square(np.nan_to_num(images)).sum(axis=(2, 3)).argmax(axis=1)
    caption = f"the strongest of {channels} input channels of each kernel, counted from 0"
    captions = tuple(f"ch {channel}" for channel in strongest)
    return _Sheet(images[np.arange(len(images)), strongest], caption, captions)


def _cells(sheet: _Sheet) -> Cells:
    count, height, width = sheet.pictures.shape[:3]
    wide = max(4, math.ceil(math.sqrt(1.8 * count)))
    # Of the numbers of columns that look well, the one that fills its last row best.
    columns = min(count, min(range(wide - 1, wide + 3), key=lambda n: -count % n))
    side = 0.95 if columns <= 10 else 0.72
    size = (side, side * float(np.clip(height / width, 0.3, 3)))
    return Cells(count, columns, size, gap=0.08, caption_lines=1 if sheet.captions else 0, caption_size=7.5)


def _norm(limit: float) -> Normalize:
    return Normalize(-limit, limit)


def _draw_scale(figure: Figure, image: Any, left: float, height: float) -> None:
    bar = figure.colorbar(image, cax=panel(figure, left, _TOP, 0.14, height))
    bar.ax.tick_params(labelsize=8, length=2)
    bar.outline.set_visible(False)


def _draw_matrix(kernel: NDArray[Any], path: str | os.PathLike[str], title: str, limit: float) -> Path:
    outputs, inputs = kernel.shape
    width, height = float(np.clip(inputs * 0.25, 3.5, 10)), float(np.clip(outputs * 0.25, 1.5, 8))
    with picture(path, width + 0.7 + 0.95 + 2 * MARGIN, _TOP + height + 0.5 + MARGIN) as figure:
        heading(figure, title, f"shape {shape_text(kernel.shape)}; red is positive, blue negative")
        axes = panel(figure, MARGIN + 0.6, _TOP, width, height)
        image = axes.imshow(kernel, aspect="auto", cmap=_COLORS, norm=_norm(limit), interpolation="nearest")
        axes.set(xlabel="input", ylabel="unit")
        axes.xaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
        axes.yaxis.get_major_locator().set_params(integer=True)  # type: ignore[call-arg]
        _draw_scale(figure, image, MARGIN + 0.6 + width + 0.25, height)
    return Path(path)
