"""Why a network answers so: which pixels, columns or words its answer hangs on."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.report.canvas import BLUE, INK, MARGIN, MUTED, ORANGE, fit, heading, note, panel, picture
from netspec.report.pixels import displayable

__all__ = ["HeatMap", "draw_saliency", "draw_shares", "heat_colors"]

_TOP, _GAP = 1.1, 0.25
_MOST_BARS = 40


@dataclass(frozen=True, eq=False, slots=True)
class HeatMap:
    """How much each place of a picture counts.

    Attributes:
        name: of the method.
        values: (h, w), of the picture's size or coarser; where `signed`, positive ones speak for the answer.
        note: what it shows, in a few words.
        signed: whether negative values mean something: they speak against the answer.
        smooth: whether to draw it smoothly: a coarse map over a fine picture.
    """

    name: str
    values: NDArray[Any]
    note: str = ""
    signed: bool = False
    smooth: bool = False


def draw_saliency(
    image: NDArray[Any], maps: Sequence[HeatMap], path: str | os.PathLike[str], *, title: str, subtitle: str = ""
) -> Path:
    """Draw a picture, and over it in gray what each method says of its places.

    Args:
        image: (C, H, W).
        maps: from left to right.
        path: the picture file to write.
        title: the heading.
        subtitle: a line under it.

    Returns:
        The path written. Each map has a scale of its own: bright is where the answer hangs on most; signed ones are
        blue for the answer and orange against it.

    Raises:
        DataError: the picture is not (C, H, W), or there are no maps.
        RunError: the file cannot be written.
    """
    image = np.asarray(image)
    if image.ndim != 3 or not maps:
        raise DataError(f"the picture has the shape {image.shape}, with {len(maps)} maps", "give (C, H, W) and a map")
    pixels = displayable(image[None])[0]
    height, width = image.shape[1:]
    side = 2.3
    size = (side, side * float(np.clip(height / width, 0.2, 3)))
    with picture(path, 2 * MARGIN + (len(maps) + 1) * (side + _GAP) - _GAP, _TOP + size[1] + 0.75) as figure:
        heading(figure, title, subtitle)
        note(figure, "input", MARGIN, _TOP - 0.22, color=INK)
        _show(figure, MARGIN, size).imshow(pixels, aspect="auto", interpolation="nearest")
        for i, heat in enumerate(maps, 1):
            left = MARGIN + i * (side + _GAP)
            note(figure, fit(heat.name, side, 9), left, _TOP - 0.22, color=INK)
            axes = _show(figure, left, size)
            extent = (0, width, height, 0)
            axes.imshow(pixels.mean(axis=2), cmap="gray", vmin=0, vmax=1.6, aspect="auto", extent=extent)
            axes.imshow(
                heat_colors(heat), aspect="auto", extent=extent, interpolation="bilinear" if heat.smooth else "nearest"
            )
            for row, line in enumerate(heat.note.split("\n")):
                note(figure, fit(line, side, 8), left, _TOP + size[1] + 0.06 + 0.15 * row, size=8)
    return Path(path)


def _show(figure: Figure, left: float, size: tuple[float, float]) -> Any:
    axes = panel(figure, left, _TOP, *size)
    axes.set_xticks([])
    axes.set_yticks([])
    return axes


def heat_colors(heat: HeatMap) -> NDArray[np.float64]:
    """Return the colors of a map, (h, w, 4): the less a place counts, the less of it is seen."""
    values = np.nan_to_num(np.asarray(heat.values, np.float64))
    # A few extreme places would leave all others dark.
    most = float(np.quantile(np.abs(values), 0.995)) or float(np.abs(values).max()) or 1.0
    strength = np.clip(np.abs(values) / most, 0, 1)
    made = np.zeros((*values.shape, 4))
    if heat.signed:
        made[values >= 0, :3] = _rgb(BLUE)
        made[values < 0, :3] = _rgb(ORANGE)
        made[..., 3] = strength * 0.9
    else:
        from matplotlib import colormaps  # noqa: PLC0415

        made[...] = colormaps["inferno"](strength)
        made[..., 3] = 0.15 + 0.75 * strength
    return made


def _rgb(color: str) -> tuple[float, ...]:
    return tuple(int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))


def draw_shares(
    names: Sequence[str],
    shares: Sequence[float],
    path: str | os.PathLike[str],
    *,
    title: str,
    subtitle: str = "",
    unit: str = "",
    probable: bool = True,
) -> Path:
    """Draw how much lower an answer would be without each column, or each word, as bars in their order.

    Args:
        names: of the columns, with their values, or the words.
        shares: how much lower the answer is without each: positive ones speak for it.
        path: the picture file to write.
        title: the heading.
        subtitle: a line under it.
        unit: of the shares.
        probable: whether the answer is a probability, which something speaks for or against; otherwise a number.

    Returns:
        The path written. Of more than 40 those that change most are drawn, in their order, and a line says so.

    Raises:
        DataError: nothing to draw.
        RunError: the file cannot be written.
    """
    values = np.asarray(shares, np.float64)
    if not len(values) or len(values) != len(names):
        raise DataError(f"there are {len(names)} names and {len(values)} shares", "give one for each")
    order = np.sort(np.argsort(-np.abs(values), kind="stable")[:_MOST_BARS])
    room = float(np.clip(max(len(names[i]) for i in order) * 0.075 + 0.15, 0.6, 3.0))
    height = 0.24 * len(order)
    more = f"; those of {len(names):,} that change it most" if len(order) < len(names) else ""
    with picture(path, 2 * MARGIN + room + 5.6, 1.15 + height + 0.7) as figure:
        heading(figure, title, subtitle + more)
        axes = panel(figure, MARGIN + room, 1.05, 4.9, height)
        rows = np.arange(len(order))
        axes.barh(rows, values[order], 0.72, color=[BLUE if v >= 0 else ORANGE for v in values[order]])
        axes.axvline(0, color=MUTED, linewidth=0.8)
        axes.set_yticks(rows, [fit(names[i], room, 9) for i in order])
        axes.invert_yaxis()
        axes.tick_params(axis="y", length=0, colors=INK)
        blue = "it speaks for the answer" if probable else "it makes the number larger"
        axes.set_xlabel(f"lower without it by{f', {unit}' if unit else ''} (blue: {blue})", color=INK)
        axes.margins(x=0.15)
        for row, i in enumerate(order):
            text = f"{values[i]:+.3g}"
            axes.annotate(
                text,
                (values[i], row),
                (4 if values[i] >= 0 else -4, 0),
                textcoords="offset points",
                ha="left" if values[i] >= 0 else "right",
                va="center",
                size=8,
                color=MUTED,
            )
        axes.grid(axis="x")
    return Path(path)
