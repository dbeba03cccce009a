"""Layers that are one here and several in ONNX: what moves, what goes both ways, what attends."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from netspec.formats.onnx.read.tidying import Tidying, kind_of
from netspec.formats.reading import Array, Piece
from netspec.ops import ShapeError

__all__ = ["RULES"]


def _projected(at: Tidying, piece: Piece) -> bool:
    """Make the product behind an attention its last one."""
    first = at.before(piece)
    layer: Any = piece.layer
    if kind_of(piece) != "fc" or not layer.pointwise or first is None or kind_of(first) != "attention":
        return False
    out = first.arrays["out_proj_weight"].array
    kernel = piece.arrays["kernel"].array
    if len(kernel) != len(out) or not np.array_equal(out, np.eye(len(out))):
        return False
    arrays: dict[str, Array] = {"out_proj_weight": kernel}
    own = getattr(first.layer, "bias", False)
    if own or layer.bias:
        arrays["out_proj_bias"] = piece.arrays["bias"].array if layer.bias else np.zeros(len(out))
        if not own:
            arrays["in_proj_bias"] = np.zeros(3 * len(out))
    at.change(first, arrays, bias=bool(own or layer.bias))
    at.drop(piece, first.name)
    return True


def _taken(at: Tidying, piece: Piece) -> bool:
    """Make a recurrence of which only the last step is read hand on that alone."""
    first = at.before(piece)
    if kind_of(piece) != "take" or first is None or kind_of(first) not in {"lstm", "gru", "rnn"}:
        return False
    layer: Any = first.layer
    if getattr(piece.layer, "position", "") != "last" or layer.bidirectional or layer.last:
        return False
    at.change(first, {}, last=True)
    at.drop(piece, first.name)
    return True


def _both_ways(at: Tidying, piece: Piece) -> bool:
    """Make one of two recurrences that go along one sequence, one of them backward."""
    if kind_of(piece) != "concat" or len(piece.inputs) != 2:
        return False
    there, back = at.before(piece), at.before(piece, 1)
    middle = [back]
    if kind_of(back) == "take" and back is not None and getattr(back.layer, "position", "") == "first":
        back = at.before(back)
        middle.append(back)
    if kind_of(back) != "channels" or back is None:
        return False
    both = at.before(back)
    if there is None or both is None or kind_of(there) != kind_of(both) or kind_of(there) not in {"lstm", "gru", "rnn"}:
        return False
    a: Any = there.layer
    b: Any = both.layer
    last = len(middle) > 1 or b.last
    fits = a.units == b.units and a.bias == b.bias and bool(a.last) == last and there.inputs == both.inputs
    forward = [name for name in both.arrays if not name.endswith("_reverse")]
    if not fits or a.bidirectional or not b.bidirectional or any(both.arrays[n].array.any() for n in forward):
        return False
    if getattr(back.layer, "offset", 0) != b.units:
        return False
    arrays = {name: s.array for name, s in both.arrays.items() if name.endswith("_reverse")}
    at.change(there, arrays, bidirectional=True)
    for each in (piece, *middle, both):
        if each is not None:
            at.drop(each, there.name)
    return True


def _moved(at: Tidying, piece: Piece) -> bool:
    """Make one of two that put axes into another order, or none."""
    first = at.before(piece)
    if first is not None and {kind_of(first), kind_of(piece)} <= {"flatten", "reshape"}:
        shape = at.sketch.shapes[first.inputs[0]]
        if piece.shape == shape and first.inputs[0] in at.sketch.by_name:
            at.drop(piece, first.name)
            at.drop(first, first.inputs[0])
        else:
            fields: dict[str, Any] = (
                {"kind": "flatten"} if len(piece.shape) == 1 else {"kind": "reshape", "shape": piece.shape}
            )
            at.change(first, {}, **fields)
            at.drop(piece, first.name)
        return True
    if first is None or kind_of(first) != kind_of(piece):
        return False
    if kind_of(piece) == "permute":
        inner: Any = first.layer
        outer: Any = piece.layer
        order = tuple(inner.order[axis] for axis in outer.order)
        if order == tuple(range(len(order))) and first.inputs[0] in at.sketch.by_name:
            at.drop(piece, first.name)
            at.drop(first, first.inputs[0])
        else:
            at.change(first, {}, order=order)
            at.drop(piece, first.name)
        return True
    if kind_of(piece) == "crop":
        starts = [_start(at, each) for each in (first, piece)]
        offset = tuple(a + b for a, b in zip(*starts, strict=True))
        at.change(first, {}, size=getattr(piece.layer, "size", None), offset=offset)
        at.drop(piece, first.name)
        return True
    return False


def _start(at: Tidying, piece: Piece) -> tuple[int, ...]:
    """Return where a crop begins."""
    layer: Any = piece.layer
    if layer.offset is not None:
        # Of a volume two equal numbers mean all three axes.
        return (
            tuple(layer.offset) if len(piece.shape) < 4 or len(layer.offset) > 2 else (*layer.offset, layer.offset[0])
        )
    found = at.sketch.shapes[piece.inputs[0]][1:]
    middle = tuple((n - k) // 2 for n, k in zip(found, piece.shape[1:], strict=True))
    return middle if len(middle) > 1 else (*middle, *middle)


def _gated(at: Tidying, piece: Piece) -> bool:
    """Make a `glu` of a half that the sigmoid of the other half multiplies."""
    if kind_of(piece) != "multiply" or len(piece.inputs) != 2:
        return False
    value, gate = at.before(piece), at.before(piece, 1)
    if value is None or gate is None or kind_of(gate) != "sigmoid":
        return False
    other = at.before(gate)
    if other is None or kind_of(value) != "channels" or kind_of(other) != "channels" or value.inputs != other.inputs:
        return False
    first: Any = value.layer
    second: Any = other.layer
    whole = at.sketch.shapes[value.inputs[0]][0]
    if (first.offset, second.offset, first.count, 2 * second.count) != (0, first.count, second.count, whole):
        return False
    at.change(piece, {}, value.inputs, kind="glu")
    for each in (gate, other, value):
        at.remove(each)
    return True


def _border(at: Tidying, piece: Piece) -> bool:
    """Make a border of zeros before a convolution, or before a mean of windows, its padding."""
    first = at.before(piece)
    layer: Any = piece.layer
    if kind_of(piece) not in {"conv", "depthwise", "avgpool"} or layer.pad != "valid":
        return False
    if kind_of(first) != "pad" or first is None or getattr(layer, "ceil", False):
        return False
    border: Any = first.layer
    if border.mode != "zero" or border.channels or border.channels_before:
        return False
    pad = border.amount if len(piece.shape) > 2 else (border.amount[1], border.amount[1])
    shape, inputs = piece.shape, piece.inputs
    try:
        counted = {"count_padding": True} if kind_of(piece) == "avgpool" else {}
        at.change(piece, {}, first.inputs, pad=pad, **counted)
    except ShapeError:
        return False
    assert (piece.shape, inputs) == (shape, (first.name,))
    at.remove(first)
    return True


RULES: Sequence[Callable[[Tidying, Piece], bool]] = (_projected, _taken, _both_ways, _moved, _gated, _border)
