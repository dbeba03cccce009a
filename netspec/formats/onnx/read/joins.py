"""What puts values behind each other along an axis."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netspec.backends.jax.kernels.resize import coordinates
from netspec.formats.onnx.read.arithmetic import same_axes
from netspec.formats.onnx.read.constants import added, times
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.moves import view_of, whole_numbers
from netspec.formats.onnx.read.parts import cut
from netspec.formats.onnx.read.scores import Scores
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Atom, Group, View, size_of
from netspec.formats.reading import Array

__all__ = ["OPERATORS"]

_MOST_TIMES = 100
"""How often a value is put behind itself at most: it is one branch each."""


def _concat(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    rank = len(inputs[0].shape)
    axis = node.whole("axis", 1)
    if not -rank <= axis < rank or any(x is None or len(x.shape) != rank for x in inputs):
        raise RefusedError("it puts values of other axes together")
    axis %= rank
    if len(inputs) == 1:
        return view_of(inputs)
    if not all(isinstance(x, View) for x in inputs):
        return _with_constant(t, node, inputs, axis)
    return _joined(t, node, inputs, axis)


def _joined(t: Trace, node: Node, inputs: Sequence[View], axis: int) -> View:
    """Return values one behind the other along an axis."""
    if any(view.tokens for view in inputs):
        raise RefusedError("it puts token numbers together", "`concat` behind the `embedding`")
    if any(atom.batch for view in inputs for atom in view.axes[axis]):
        raise RefusedError("it puts examples together")
    own = [view.axes[axis] for view in inputs]
    # The axis itself is taken away, for the rest must be the same.
    first = t.featured(node, inputs[0], own[0])
    if first.base[0] != own[0]:
        first = t.laid(node, first, [own[0], *first.base[1:]])
    names, rest = [first.piece], first
    for view in (each.apart(inputs[0]) for each in inputs[1:]):
        group = view.axes[axis]
        a = replace(rest, axes=(*rest.axes[:axis], (), *rest.axes[axis + 1 :]))
        b = replace(view, axes=(*view.axes[:axis], (), *view.axes[axis + 1 :]))
        a, b = same_axes(a, b)
        if set(a.atoms) != set(b.atoms):
            raise RefusedError("it puts values of other sizes together")
        rest = a
        b = replace(b, axes=(*b.axes[:axis], group, *b.axes[axis + 1 :]))
        names.append(t.laid(node, b, [group, *a.base[1:]]).piece)
    total = sum(map(size_of, own))
    piece = t.add(node, "concat", names)
    made: Group = (Atom(total),)
    return View(piece.name, (made, *rest.base[1:]), (*rest.axes[:axis], made, *rest.axes[axis + 1 :]))


def _with_constant(t: Trace, node: Node, inputs: Sequence[Any], axis: int) -> View:
    """Return a value with a constant before or behind it: a class token, or coordinates."""
    if len(inputs) == 2:
        first, second = inputs
        if isinstance(first, np.ndarray) and isinstance(second, View) and len(second.axes) == 3:
            vector, batch = _of_one(first), second.batch_axis()
            if vector is not None and batch == 0 and axis > 0 and first.shape[axis] == 1:
                features, positions = second.axes[3 - axis], second.axes[axis]
                read = t.laid(node, second, [features, positions])
                piece = t.add(node, "classtoken", [read.piece], {"vector": vector.reshape(-1)})
                longer: Group = (Atom(piece.shape[1]),)
                axes = tuple(longer if i == axis else group for i, group in enumerate(second.axes))
                return View(piece.name, (features, longer), axes)
        if isinstance(first, View) and isinstance(second, np.ndarray) and axis == 1:
            places = _of_one(second)
            plain = t.plain(node, first, len(first.axes))
            if places is not None and places.shape == (len(plain.base) - 1, *map(size_of, plain.base[1:])):
                wanted = coordinates(places.shape[1:])
                if np.allclose(places, wanted, atol=1e-6):
                    return t.fresh(there := t.add(node, "coordinates", [plain.piece]), there.shape)
    views = [x for x in inputs if isinstance(x, View)]
    if not views or any(isinstance(x, Scores) for x in inputs):
        raise RefusedError("a constant beside computed values", "`pad`, `classtoken` and `coordinates` are known")
    return _concat(t, node, [_made_of(t, node, each, views[0], axis) for each in inputs])


def _made_of(t: Trace, node: Node, value: Any, other: View, axis: int) -> View:
    """Return a constant as a computed value: zeros in place of so many of another, and the constant added to them."""
    if isinstance(value, View):
        return value
    one = _of_one(value)
    if one is None or other.batch_axis() != 0 or value.shape[axis] > other.shape[axis]:
        raise RefusedError("a constant beside computed values", "`pad`, `classtoken` and `coordinates` are known")
    zeros = times(t, node, cut(t, node, other, axis, 0, value.shape[axis]), 0.0)
    return added(t, node, zeros, one[None])


def _of_one(array: Array) -> Array | None:
    """Return what a constant has for each example, which must be the same."""
    first = array[:1]
    return np.array(first[0], np.float32) if array.ndim and (array == first).all() else None


def _tile(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view, times_ = view_of(inputs), whole_numbers(inputs[1], "number of times")
    if len(times_) != len(view.axes) or any(n < 1 or n > _MOST_TIMES for n in times_):
        raise RefusedError("its numbers of times are not one for each axis, or too many")
    for axis, count in enumerate(times_):
        if count > 1 and any(atom.batch for atom in view.axes[axis]):
            raise RefusedError("it repeats the examples of a batch")
        if count > 1:
            view = _joined(t, node, [view] * count, axis)
    return view


OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    "Concat": _concat,
    "Tile": _tile,
}
