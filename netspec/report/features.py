"""Feature maps of every layer for one image."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.report.canvas import BLUE, INK, MARGIN, heading, note, panel, picture
from netspec.report.cells import Cells, shape_text
from netspec.report.pixels import channel_note, displayable, middle_slice

__all__ = ["draw_features"]

_TOP = 1.12
_LEFT = MARGIN + 2.0
"""Where the layers begin, right of the input image."""

_COLUMNS, _MOST_MAPS, _MOST_LAYERS = 12, 24, 16
_CELL = 0.68
_WIDTH = _COLUMNS * (_CELL + 0.06) - 0.06
_CAPTION = 0.24
_BETWEEN = 0.22


@dataclass(frozen=True, slots=True)
class _Layer:
    """One layer to draw: `maps` is (C, H, W), or (F,) for a vector."""

    name: str
    maps: NDArray[Any]

    @property
    def cells(self) -> Cells:
        """The grid of the maps that are shown; each keeps its proportions within reason."""
        height, width = self.maps.shape[1:]
        size = (_CELL, _CELL * float(np.clip(height / width, 0.3, 3)))
        return Cells(min(len(self.maps), _MOST_MAPS), _COLUMNS, size, gap=0.06)

    @property
    def height(self) -> float:
        """Inches under the caption."""
        return 0.95 if self.maps.ndim == 1 else self.cells.height

    @property
    def caption(self) -> str:
        """Name and shape, and how many maps are not shown."""
        hidden = len(self.maps) - _MOST_MAPS if self.maps.ndim == 3 else 0
        more = f" · +{hidden:,} more" if hidden > 0 else ""
        return f"{self.name} · {shape_text(self.maps.shape)}{more}"


def draw_features(
    image: NDArray[Any], maps: Mapping[str, NDArray[Any]], path: str | os.PathLike[str], *, title: str
) -> Path:
    """Draw an image and what each layer makes of it: maps as a grid on one scale, vectors as bars.

    Of each layer 24 maps are shown, and 16 layers; what is left out is counted.

    Args:
        image: (C, H, W), `uint8` or floats; a sequence (F, L), or a row (F,), is drawn as an image of that size.
        maps: by layer name, in order: (C, H, W), (H, W) for a single map, or (F,) for a vector.
        path: the PNG file to write.
        title: the heading.

    Returns:
        The path written.

    Raises:
        DataError: the image is not (C, H, W), no layers, or a layer has no maps of these ranks.
        RunError: the file cannot be written.
    """
    image = np.asarray(image)
    image = middle_slice(image[None])[0]
    if not 1 <= image.ndim <= 3:
        raise DataError(f"the image has shape {image.shape}", "give one image (C, H, W)")
    given, image = image.shape, image.reshape((1,) * (3 - image.ndim) + image.shape)
    pixels = displayable(image[None])
    every = [_layer(name, np.asarray(values)) for name, values in maps.items()]
    if not every:
        raise DataError("there are no layers to draw", "name at least one layer")
    layers = every[:_MOST_LAYERS]
    tail = f"+{len(every) - len(layers):,} more layers" if len(every) > len(layers) else ""
    body = sum(layer.height + _CAPTION + _BETWEEN for layer in layers) + (_CAPTION if tail else 0)
    input_height = 1.6 * float(np.clip(image.shape[1] / image.shape[2], 0.3, 3))
    with picture(path, _LEFT + _WIDTH + MARGIN, _TOP + max(body, input_height + _CAPTION + MARGIN)) as figure:
        heading(
            figure,
            title,
            "each layer has a color scale of its own, from its smallest value (dark) to its largest",
        )
        note(figure, f"input · {shape_text(given)}", MARGIN, _TOP - _CAPTION, color=INK)
        Cells(1, 1, (1.6, input_height)).draw(figure, MARGIN, _TOP, pixels)
        note(figure, channel_note(len(image)), MARGIN, _TOP + input_height + 0.05, size=8)
        top = _TOP
        for layer in layers:
            note(figure, layer.caption, _LEFT, top - _CAPTION, color=INK)
            _draw_layer(figure, layer, top)
            top += layer.height + _CAPTION + _BETWEEN
        note(figure, tail, _LEFT, top - _CAPTION)
    return Path(path)


def _layer(name: str, values: NDArray[Any]) -> _Layer:
    if values.ndim == 4:
        name, values = f"{name}, the middle of {values.shape[1]} slices", middle_slice(values[None])[0]
    if values.ndim not in (1, 2, 3) or not values.size:
        raise DataError(f"the maps of {name} have shape {values.shape}", "give (C, H, W), (H, W) or (F,)")
    return _Layer(name, values[None] if values.ndim == 2 else values)


def _draw_layer(figure: Figure, layer: _Layer, top: float) -> None:
    if layer.maps.ndim == 1:
        _draw_bars(figure, layer.maps, top)
        return
    finite = layer.maps[np.isfinite(layer.maps)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    # One scale a layer, so that a map which hardly responds looks that way.
    high = high if high > low else low + 1
    layer.cells.draw(figure, _LEFT, top, layer.maps[:_MOST_MAPS], cmap="viridis", vmin=low, vmax=high)


def _draw_bars(figure: Figure, values: NDArray[Any], top: float) -> None:
    axes = panel(figure, _LEFT + 0.4, top, _WIDTH - 0.4, 0.75)
    finite = np.nan_to_num(values.astype(np.float64), posinf=0, neginf=0)
    edges = np.arange(len(values) + 1) - 0.5
    if len(values) <= 64:
        axes.bar(np.arange(len(values)), finite, color=BLUE, width=0.7)
    else:
        axes.stairs(finite, edges, fill=True, color=BLUE)
    axes.set_xlim(edges[0], edges[-1])
    axes.xaxis.set_major_locator(MaxNLocator(20 if len(values) <= 20 else 10, integer=True))
    axes.yaxis.set_major_locator(MaxNLocator(3))
    axes.tick_params(labelsize=7, length=2)
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.grid(axis="y")
