"""Borders, and other numbers of positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netspec.formats.onnx.read.constants import number_of, times
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.moves import view_of, whole_numbers
from netspec.formats.onnx.read.parts import cut
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Atom, Group, View
from netspec.formats.onnx.read.windows import padded, written

__all__ = ["OPERATORS"]


def _pad(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = view_of(inputs)
    rank = len(view.axes)
    given = inputs[1] if len(inputs) > 1 else None
    edges = (
        node.attributes.get("pads", node.attributes.get("paddings")) if given is None else whole_numbers(given, "pads")
    )
    if len(inputs) > 3 and inputs[3] is not None:
        axes = [a % rank for a in whole_numbers(inputs[3], "axes")]
        spread = [0] * (2 * rank)
        for i, a in enumerate(axes):
            spread[a], spread[a + rank] = edges[i], edges[i + len(axes)]
        edges = spread
    if not isinstance(edges, list) or len(edges) != 2 * rank:
        raise RefusedError("its pads are not two for each axis")
    mode = node.word("mode", "constant")
    modes = {"constant": "zero", "reflect": "reflect", "edge": "edge"}
    if mode not in modes:
        raise RefusedError(f"a border of the mode {mode[:40]}", "`pad … reflect` or `edge`")
    value = node.number("value", 0.0)
    if len(inputs) > 2 and inputs[2] is not None and np.size(inputs[2]):
        number = number_of(np.asarray(inputs[2]))
        if number is None:
            raise RefusedError("a border that is computed")
        value = number
    # The values of a picture are 0..1 here where they are bytes in the file.
    value = value / 255 if view.bytes else value
    if mode == "constant" and value and abs(value) > 1e30:
        raise RefusedError(f"a border of {value:g}", "the border of `pool` never wins")
    pads = [(edges[i], edges[i + rank]) for i in range(rank)]
    for axis, (before, after) in enumerate(pads):
        if min(before, after) < 0:
            size = view.shape[axis] + min(before, 0) + min(after, 0)
            if size < 1:
                raise RefusedError("it leaves nothing")
            view = cut(t, node, view, axis, max(-before, 0), size)
    pads = [(max(before, 0), max(after, 0)) for before, after in pads]
    shifted = mode == "constant" and value != 0 and any(map(any, pads))
    if shifted:
        view = times(t, node, view, 1.0, -value)
    view = _padded(t, node, view, pads, modes[mode])
    return times(t, node, view, 1.0, value) if shifted else view


def _padded(t: Trace, node: Node, view: View, pads: Sequence[tuple[int, int]], mode: str) -> View:
    used = [i for i, each in enumerate(pads) if any(each)]
    if not used:
        return view
    if any(atom.batch for i in used for atom in view.axes[i]):
        raise RefusedError("it adds examples to the batch")
    if mode != "zero" and 1 in used and len(used) == 1 and len(view.axes) in {2, 3}:
        # A border of features is one of the length of a sequence that has them as its positions.
        own = view.axes[1]
        rest = tuple(atom for atom in view.atoms if atom not in own)
        turned = t.laid(node, view, [rest, own])
        made = padded(t, node, turned, [pads[1]], mode)
        return View(made.piece, (rest, made.base[1]), (view.axes[0], made.base[1], *view.axes[2:]))
    if len(view.axes) == 2 or (used == [1] and mode == "zero"):
        if mode != "zero":
            raise RefusedError("a border of features", "`pad 0 channels=` adds zeros")
        (axis,) = used
        own = view.axes[axis]
        read = t.featured(node, view, own)
        read = read if read.base[0] == own else t.laid(node, read, [own, *read.base[1:]])
        before, after = pads[axis]
        piece = t.add(node, "pad", [read.piece], channels=after, channels_before=before)
        front: Group = (Atom(piece.shape[0]),)
        return View(piece.name, (front, *read.base[1:]), (*view.axes[:axis], front, *view.axes[axis + 1 :]))
    if pads[1] != (0, 0):
        if mode != "zero":
            raise RefusedError("a border of channels", "`pad 0 channels=` adds zeros")
        inner = [(0, 0) if i == 1 else each for i, each in enumerate(pads)]
        only = [each if i == 1 else (0, 0) for i, each in enumerate(pads)]
        return _padded(t, node, _padded(t, node, view, inner, mode), only, mode)
    plain = t.plain(node, view, len(view.axes))
    if len(plain.base) > 4:
        raise RefusedError("a border along more than three axes of positions")
    return padded(t, node, plain, tuple(pads[2:]), mode)


def _factors(t: Trace, node: Node, inputs: Sequence[Any], view: View) -> list[float]:
    """Return by what each axis becomes longer."""
    shape = view.shape
    given = [None if x is None or not np.size(x) else x for x in inputs[1:]]
    sizes = None
    if node.kind == "Upsample" or t.graph.opset < 11:
        scales = node.attributes.get("scales") if not given or given[0] is None else given[0]
    else:
        scales = given[1] if len(given) > 1 else None
        sizes = given[2] if len(given) > 2 else None
    axes = node.attributes.get("axes", list(range(len(shape))))
    if sizes is not None:
        factors = [w / shape[a] for w, a in zip(whole_numbers(sizes, "sizes"), axes, strict=False)]
    elif scales is not None and not isinstance(scales, View):
        factors = [float(v) for v in np.asarray(scales).reshape(-1)]
    else:
        raise RefusedError("its size is computed", "export it with fixed sizes")
    if len(factors) != len(axes):
        raise RefusedError("its sizes are not one for each axis")
    whole = [1.0] * len(shape)
    for axis, factor in zip(axes, factors, strict=True):
        whole[axis] = factor
    if view.batch_axis() == 0:
        whole[0] = 1.0
    return whole


def _resize(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = view_of(inputs)
    shape = view.shape
    if node.word("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise RefusedError("a size that keeps the ratio of the sides", "export it with fixed sizes")
    whole = _factors(t, node, inputs, view)
    if any(abs(f - round(f)) > 1e-6 or f < 1 for f in whole) or whole[:2] != [1, 1]:
        raise RefusedError(f"a size of {', '.join(f'{f:g}' for f in whole[2:])} times", "`upsample` by whole factors")
    if all(f == 1 for f in whole):
        return view
    factor = [round(f) for f in whole[2:]]
    fields = _interpolation(t, node, factor)
    used = [i for i in range(len(factor)) if view.axes[2 + i] or factor[i] > 1]
    if len(used) == 1 and [*view.base] == [view.axes[1], view.axes[2 + used[0]]]:
        piece = t.add(node, "upsample", [view.piece], factor=written([factor[used[0]]]), **fields)
        made = t.fresh(piece, piece.shape)
        ends = tuple(made.base[1] if i in used else () for i in range(len(factor)))
        return replace(made, axes=(made.axes[0], made.base[0], *ends))
    plain = t.plain(node, view, len(shape))
    if len(factor) > 3:
        raise RefusedError("a size along more than three axes of positions")
    piece = t.add(node, "upsample", [plain.piece], factor=written(factor), **fields)
    return t.fresh(piece, piece.shape)


def _interpolation(t: Trace, node: Node, factor: Sequence[int]) -> dict[str, Any]:
    """Return how `upsample` fills what is between; raises RefusedError where ONNX does it at other places."""
    mode = node.word("mode", "nearest")
    old = node.kind == "Upsample" or t.graph.opset < 11
    places = "asymmetric" if old else node.word("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if old else node.word("nearest_mode", "round_prefer_floor")
    instead = "`upsample` takes the middles of pixels, or with `align_corners` their corners"
    if mode == "nearest":
        small = max(factor) <= 2 and rounding == "round_prefer_floor"
        if places == "asymmetric" and (rounding == "floor" or small):
            return {}
        if places in {"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"} and rounding.startswith("round"):
            return {}
        raise RefusedError(f"nearest values by {places} and {rounding}", instead)
    modes = {"linear": "bilinear", "bilinear": "bilinear", "cubic": "bicubic"}
    if mode not in modes or node.attributes.get("antialias") or node.attributes.get("exclude_outside"):
        raise RefusedError(f"a size by {mode[:40]}", instead)
    if mode == "cubic" and abs(node.number("cubic_coeff_a", -0.75) + 0.75) > 1e-6:
        raise RefusedError("cubic interpolation by other numbers", instead)
    if places in {"half_pixel", "pytorch_half_pixel", "half_pixel_symmetric"}:
        return {"mode": modes[mode]}
    if places == "align_corners":
        return {"mode": modes[mode], "align_corners": True}
    raise RefusedError(f"values between by {places[:40]}", instead)


OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
}
