"""What moves values: most of it is written down in a view, without a layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netspec.formats.onnx.read.constants import added, multiplied
from netspec.formats.onnx.read.fold import axes_of
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.scores import Scores
from netspec.formats.onnx.read.trace import FREE, Trace
from netspec.formats.onnx.read.views import Group, View
from netspec.formats.reading import Array

__all__ = ["OPERATORS", "view_of", "whole_numbers"]


def whole_numbers(value: Any, what: str) -> list[int]:
    """Return the whole numbers of a constant; raises RefusedError where they are computed."""
    if not isinstance(value, np.ndarray) or value.dtype.kind not in "iu":
        raise RefusedError(f"its {what} is computed", "export it with fixed sizes")
    return [int(v) for v in value.reshape(-1)]


def view_of(inputs: Sequence[Any]) -> View:
    """Return the computed value that a node reads first."""
    if not inputs or not isinstance(inputs[0], View):
        raise RefusedError("it moves the scores of an attention about, or a constant")
    return inputs[0]


def _reshape(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = view_of(inputs)
    wanted = list(node.attributes["shape"]) if "shape" in node.attributes else whole_numbers(inputs[1], "shape")
    shape = view.shape
    if not node.attributes.get("allowzero"):
        if any(n == 0 and i >= len(shape) for i, n in enumerate(wanted)):
            raise RefusedError("it keeps an axis that is not there")
        wanted = [shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    total = int(np.prod(shape, dtype=object))
    if wanted.count(-1) > 1 or any(n < -1 or n == 0 for n in wanted):
        raise RefusedError("its shape is none")
    if -1 in wanted:
        known = int(np.prod([n for n in wanted if n != -1], dtype=object))
        if total % known == 0:
            wanted[wanted.index(-1)] = total // known
        elif wanted[0] != -1 and wanted[0] != FREE and t.batch.size == FREE and shape[0] == FREE:
            # The number of examples that the exporter saw was left in the file.
            return _reshape(t, node, [view, np.array([FREE, *wanted[1:]])])
    moved = _ones_moved(view, wanted)
    return moved or t.reshaped(node, view, wanted)


def _ones_moved(view: View, wanted: Sequence[int]) -> View | None:
    """Return a value whose axes of one value stand elsewhere: no matter how, that is no reshape of the rest."""
    if [n for n in view.shape if n > 1] != [n for n in wanted if n > 1]:
        return None
    groups = [group for group, size in zip(view.axes, view.shape, strict=True) if size > 1]
    ones = [group for group, size in zip(view.axes, view.shape, strict=True) if size == 1 and group]
    made: list[Group] = []
    for size in wanted:
        if size > 1:
            made.append(groups.pop(0))
        else:
            # A batch of one stays the first of them.
            made.append(ones.pop(0) if ones else ())
    return replace(view, axes=tuple(made)).with_batch()


def _flatten(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = view_of(inputs)
    shape, axis = view.shape, node.whole("axis", 1)
    axis = axis + len(shape) if axis < 0 else axis
    if not 0 <= axis <= len(shape):
        raise RefusedError(f"its axis {axis} is none of {len(shape)}")
    rows = tuple(atom for group in view.axes[:axis] for atom in group)
    row = tuple(atom for group in view.axes[axis:] for atom in group)
    del t
    return replace(view, axes=(rows, row))


def _unsqueeze(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    del t
    view, given = view_of(inputs), inputs[1] if len(inputs) > 1 else None
    count = len(node.attributes.get("axes", [])) if given is None else np.size(given)
    axes = axes_of(node, given, len(view.axes) + int(count))
    made = list(view.axes)
    for axis in sorted(axes):
        made.insert(axis, ())
    return replace(view, axes=tuple(made)).with_batch()


def _squeeze(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    del t
    view, given = view_of(inputs), inputs[1] if len(inputs) > 1 else None
    ones = [i for i, n in enumerate(view.shape) if n == 1]
    axes = axes_of(node, given, len(view.axes), default=ones)
    if not set(axes) <= set(ones):
        raise RefusedError("it takes away an axis of more than one value")
    return replace(view, axes=tuple(group for i, group in enumerate(view.axes) if i not in axes))


def _transpose(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
    del t
    value = inputs[0]
    rank = len(value.shape)
    order = node.wholes("perm", rank, 0) if "perm" in node.attributes else tuple(range(rank))[::-1]
    if sorted(order) != list(range(rank)):
        raise RefusedError(f"its order is none of {rank} axes")
    if isinstance(value, Scores):
        if order == (*range(rank - 2), rank - 1, rank - 2):
            return replace(value, turned=not value.turned)
        raise RefusedError("it moves the scores of an attention about, or a constant")
    return replace(value, axes=tuple(value.axes[i] for i in order))


def _expand(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = view_of(inputs)
    wanted = whole_numbers(inputs[1], "shape")
    rank = max(len(wanted), len(view.axes))
    view = replace(view, axes=((),) * (rank - len(view.axes)) + view.axes).with_batch()
    more = [1] * (rank - len(wanted)) + wanted
    sizes = [max(have, want) for have, want in zip(view.shape, more, strict=True)]
    for have, want, group in zip(view.shape, more, view.axes, strict=True):
        if (have != want and 1 not in {have, want}) or (have != want != 1 and any(atom.batch for atom in group)):
            raise RefusedError("it repeats more than axes of one value")
    del t, node
    return view if view.shape == tuple(sizes) else replace(view, wide=tuple(sizes))


def _shape(t: Trace, node: Node, inputs: Sequence[Any]) -> Array:
    del t
    shape = inputs[0].shape
    return np.array(shape[node.attributes.get("start", 0) : node.attributes.get("end")], np.int64)


def _size(t: Trace, node: Node, inputs: Sequence[Any]) -> Array:
    del t, node
    return np.array(np.prod(inputs[0].shape, dtype=np.int64), np.int64)


def _depth_to_space(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view, f = view_of(inputs), node.whole("blocksize", 0)
    if len(view.axes) != 4 or f < 1 or view.shape[1] % (f * f):
        raise RefusedError("its blocksize does not fit its channels")
    n, c, h, w = view.shape
    if node.word("mode", "DCR") == "CRD":
        apart = t.reshaped(node, view, [n, c // f**2, f, f, h, w])
        a = apart.axes
        made = (a[0], a[1], a[4] + a[2], a[5] + a[3])
    else:
        apart = t.reshaped(node, view, [n, f, f, c // f**2, h, w])
        a = apart.axes
        made = (a[0], a[3], a[4] + a[1], a[5] + a[2])
    return replace(apart, axes=made)


def _space_to_depth(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view, f = view_of(inputs), node.whole("blocksize", 0)
    if len(view.axes) != 4 or f < 1 or view.shape[2] % f or view.shape[3] % f:
        raise RefusedError("its blocksize does not fit its positions")
    n, c, h, w = view.shape
    apart = t.reshaped(node, view, [n, c, h // f, f, w // f, f])
    a = apart.axes
    return replace(apart, axes=(a[0], a[3] + a[5] + a[1], a[2], a[4]))


def _where(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
    where, a, b = inputs[:3]
    if isinstance(where, np.ndarray):
        for scores, low, seen in ((a, b, where), (b, a, ~where.astype(np.bool_))):
            if isinstance(scores, Scores) and isinstance(low, np.ndarray):
                return scores.seen(seen.astype(np.bool_), lowest=bool((low <= -9e3).all()))
        chosen = a if where.all() else b if not where.any() else None
        if isinstance(chosen, View):
            return chosen
        # x where the mask is 1: x·mask + c·(1 − mask).
        for view, other, mask in ((a, b, where.astype(np.bool_)), (b, a, ~where.astype(np.bool_))):
            if isinstance(view, View) and isinstance(other, np.ndarray) and np.isfinite(other).all():
                kept = multiplied(t, node, view, mask.astype(np.float32))
                return added(t, node, kept, np.where(mask, 0, other).astype(np.float32))
    raise RefusedError("a choice between values", "`maximum`, `minimum`, `clamp`, or `multiply` by a `sigmoid`")


OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Transpose": _transpose,
    "Expand": _expand,
    "Shape": _shape,
    "Size": _size,
    "DepthToSpace": _depth_to_space,
    "SpaceToDepth": _space_to_depth,
    "Where": _where,
}
