"""Operations that are written alike for all libraries: with operators, indices, and helper functions of one name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from netspec import ops
from netspec.formats.python.calls import Call
from netspec.formats.python.expressions import atom, number

__all__ = ["ANYWHERE", "Expression", "infix", "meeting", "part", "per_channel", "strided"]

Expression: TypeAlias = Callable[[Any, Call], str]
"""Operation and its place → expression."""


def meeting(at: Call) -> list[str]:
    """Return what is combined; one number a channel meets every position, and one channel every channel."""
    most = max(map(len, at.shapes))
    return [
        x if len(shape) == most else f"{atom(x)}[..., {', '.join(['None'] * (most - len(shape)))}]"
        for x, shape in zip(at.reads, at.shapes, strict=True)
    ]


def infix(sign: str) -> Expression:
    """Return values with an operator between them."""
    return lambda _, at: f" {sign} ".join(map(atom, meeting(at)))


def per_channel(at: Call) -> str:
    """Return the index with which numbers for each channel meet a batch; nothing for those for each value."""
    (path,) = at.operation.parameters
    positions = len(at.shapes[0]) - 1
    return f"[:, {', '.join(['None'] * positions)}]" if at.arrays[path].ndim == 1 and positions else ""


def part(x: str, start: int, stop: int) -> str:
    """Return channels from one place to another."""
    return f"{atom(x)}[:, {start or ''}:{stop}]"


def strided(op: Any, at: Call) -> str:
    """Return a pool that looks at one place at a time; nothing for others."""
    if any(size != 1 for size in op.window) or any(before or after for before, after in op.padding):
        return ""
    steps = ", ".join("::" + str(step) if step > 1 else ":" for step in op.stride)
    return f"{atom(at.reads[0])}[:, :, {steps}]"


def _affine(op: Any, at: Call) -> str:
    text = f"{number(op.factor)} * {atom(at.reads[0])}"
    return f"{text} + {number(op.offset)}" if op.offset else text


def _crop(op: Any, at: Call) -> str:
    parts = [f"{start or ''}:{start + size}" for start, size in zip(op.start, op.size, strict=True)]
    return f"{atom(at.reads[0])}[:, :, {', '.join(parts)}]"


def _valid(op: Any, at: Call) -> str:
    return f"valid_positions({at.reads[0]}, {op.token}{f', {op.before}' if op.before else ''})"


def _same(_: Any, at: Call) -> str:
    return at.reads[0]


ANYWHERE: Mapping[type[ops.Op], Expression] = {
    ops.Affine: _affine,
    ops.Dropout: _same,
    ops.ChannelDropout: _same,
    ops.StochasticDepth: _same,
    ops.Noise: _same,
    ops.Sample: lambda op, at: part(at.reads[0], 0, at.shapes[0][0] // 2),
    ops.Crop: _crop,
    ops.Channels: lambda op, at: part(at.reads[0], op.start, op.start + op.count),
    ops.Coordinates: lambda op, at: f"with_coordinates({at.reads[0]})",
    ops.ShuffleChannels: lambda op, at: f"shuffle_channels({at.reads[0]}, {op.groups})",
    ops.Add: infix("+"),
    ops.Average: lambda op, at: f"({infix('+')(op, at)}) / {len(at.reads)}",
    ops.Subtract: infix("-"),
    ops.Multiply: infix("*"),
    ops.Divide: infix("/"),
    ops.OneHot: lambda op, at: f"one_hot({at.reads[0]}, {op.tokens})",
    ops.Take: lambda op, at: f"{atom(at.reads[0])}[:, :, {0 if op.position == 'first' else -1}]",
    ops.ValidPositions: _valid,
    ops.ZeroPadding: lambda op, at: f"fill_padding({', '.join(at.reads)}, 0)",
    ops.OnePadding: lambda op, at: f"fill_padding({', '.join(at.reads)}, 1)",
    ops.TakeLastValid: lambda op, at: f"take_last_valid({', '.join(at.reads)})",
}
