"""A drawn network as a picture: the same places as in the SVG file."""

from __future__ import annotations

import os
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curve

from netspec.drawing import Box, Drawing, Frame, Line
from netspec.drawing.svg import colors
from netspec.report.canvas import INK, MUTED, picture, write_text

__all__ = ["draw_network"]

_PER_INCH = 96.0
"""Pixels of a drawing in an inch, as browsers have it."""
_TALLEST = 180.0
"""Inches: the picture of a taller network is smaller, since 2^15 rows of pixels are not shown everywhere."""
_LINE = "#8C959F"


def draw_network(drawing: Drawing, path: str | os.PathLike[str], *, svg: str) -> Path:
    """Draw a network that has its places.

    Args:
        drawing: boxes, frames and lines.
        path: the file to write.
        svg: the same as the text of an SVG file, which is written where the name asks for one.

    Returns:
        The path written.

    Raises:
        RunError: the file cannot be written.
    """
    target = Path(path)
    if target.suffix.lower() == ".svg":
        return write_text(target, svg)
    scale = min(1.0, _TALLEST * _PER_INCH / max(drawing.height, drawing.width))
    width, height = (scale * size / _PER_INCH for size in (drawing.width, drawing.height))
    with picture(path, width, height) as figure:
        axes = figure.add_axes((0, 0, 1, 1), xlim=(0, drawing.width), ylim=(drawing.height, 0))
        axes.set_axis_off()
        for frame in drawing.frames:
            _frame(axes, frame, scale)
        for line in drawing.lines:
            _line(axes, line, scale)
        for label in drawing.labels:
            _text(axes, label.text, label.x, label.y - 3, scale, size=10, align="left", color=MUTED)
        for box in drawing.boxes:
            _box(axes, box, scale)
    return target


def _frame(axes: Axes, frame: Frame, scale: float) -> None:
    place = (frame.x + 8, frame.y + 8)
    style = "round,pad=8,rounding_size=8"
    rectangle = FancyBboxPatch(place, frame.width - 16, frame.height - 16, boxstyle=style, mutation_aspect=1)
    rectangle.set(facecolor="#818B9812", edgecolor="#B3BAC2", linewidth=0.8 * scale)
    axes.add_patch(rectangle)
    _text(axes, frame.title, frame.x + 9, frame.y + 11, scale, size=11, align="left", color=MUTED)


def _box(axes: Axes, box: Box, scale: float) -> None:
    fill, border = colors(box.kind)
    radius = box.height / 2 - 0.01 if box.kind in ("input", "output") else 5
    place = (box.x + radius, box.y + radius)
    inner = (box.width - 2 * radius, max(box.height - 2 * radius, 0.01))
    rectangle = FancyBboxPatch(place, *inner, boxstyle=f"round,pad={radius},rounding_size={radius}", mutation_aspect=1)
    rectangle.set(facecolor=fill, edgecolor=border, linewidth=0.9 * scale, zorder=3)
    axes.add_patch(rectangle)
    for number, text in enumerate(box.lines):
        y = box.y + box.height / 2 + (number - (len(box.lines) - 1) / 2) * 14
        size, color = (10, MUTED) if number else (11, INK)
        _text(axes, text, box.x + box.width / 2, y, scale, size=size, align="center", color=color)


def _line(axes: Axes, line: Line, scale: float) -> None:
    (x, y), *rest = line.points
    points, codes = [(x, y)], [Curve.MOVETO]
    for to_x, to_y in rest:
        if abs(to_x - x) < 0.5 or line.dashed:
            points, codes = [*points, (to_x, to_y)], [*codes, Curve.LINETO]
        else:
            middle = (y + to_y) / 2
            points += [(x, middle), (to_x, middle), (to_x, to_y)]
            codes += [Curve.CURVE4] * 3
        x, y = to_x, to_y
    path = PathPatch(Curve(points, codes), facecolor="none", edgecolor=_LINE, linewidth=0.9 * scale)
    path.set_linestyle("--" if line.dashed else "-")
    axes.add_patch(path)
    if line.arrow:
        axes.fill([x - 3.2, x + 3.2, x], [y - 7, y - 7, y], color=_LINE, linewidth=0, zorder=2)


def _text(axes: Axes, text: str, x: float, y: float, scale: float, *, size: float, align: str, color: str) -> None:
    points = size * scale * 72 / _PER_INCH
    axes.text(x, y, text, size=points, color=color, ha=align, va="center_baseline", zorder=4, family="DejaVu Sans Mono")
