"""The network as a drawing: boxes in ranks, blocks as frames around them, lines that cross as little as they can."""

from netspec.drawing.draw import draw
from netspec.drawing.scene import Box, Drawing, Frame, Label, Line
from netspec.drawing.svg import svg

__all__ = ["Box", "Drawing", "Frame", "Label", "Line", "draw", "svg"]
