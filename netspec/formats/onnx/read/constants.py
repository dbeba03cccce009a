"""Arithmetic of a value with constants: `times` with numbers, `scale` and biases with one number a channel or value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

import numpy as np

from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Group, View, size_of
from netspec.formats.reading import Array

__all__ = ["added", "multiplied", "number_of", "of_channels", "per_value", "spread", "times"]


_MOST = 2**25
"""Numbers that a constant may be spread to."""


def number_of(array: Array) -> float | None:
    """Return the one number of a constant, short as it was written; None where it has several."""
    flat = np.asarray(array)
    if flat.size == 0 or flat.dtype.kind not in "fiub":
        return None
    first = flat.reshape(-1)[0]
    if flat.size > 1 and not (flat == first).all():
        return None
    # The shortest number that is this one in its own precision: 0.1, not 0.100000001.
    return float(str(first)) if flat.dtype.kind == "f" else float(first)


def times(t: Trace, node: Node, view: View, factor: float, plus: float = 0.0) -> View:
    """Return factor·x + plus; nothing is added for what changes nothing."""
    if (factor, plus) == (1.0, 0.0):
        return view
    return t.on(node, view, "times", factor=factor, plus=plus)


def spread(view: View, array: Array) -> tuple[View, Array]:
    """Return a constant with as many axes as a value, and the value, which may get axes of one value for it."""
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        raise RefusedError("its constant holds no numbers")
    if array.ndim > len(view.axes):
        view = replace(view, axes=((),) * (array.ndim - len(view.axes)) + view.axes).with_batch()
    array = array.reshape((1,) * (len(view.axes) - array.ndim) + array.shape)
    for axis, (size, own, group) in enumerate(zip(array.shape, view.shape, view.axes, strict=True)):
        if size == 1:
            continue
        if any(atom.batch for atom in group):
            if size != own or len(group) > 1:
                raise RefusedError("its constant differs from example to example")
            first = array.take([0], axis=axis)
            if not (array == first).all():
                raise RefusedError("its constant differs from example to example")
            array = first
        elif size != own:
            raise RefusedError(f"its constant has {size} values along an axis of {own}")
    return view, array


def of_channels(view: View, array: Array) -> Array | None:
    """Return a spread constant as one number a channel of the layer; None where it varies along something else."""
    if not view.base:
        return None
    channels = set(view.base[0])
    groups = [g if n > 1 else () for g, n in zip(view.axes, array.shape, strict=True)]
    if any(atom not in channels for group in groups for atom in group):
        return None
    return _along(array, groups, view.base[:1])


def per_value(view: View, array: Array) -> Array:
    """Return a spread constant as one number for each value of the layer, in its axes."""
    groups = [g if n > 1 else () for g, n in zip(view.axes, array.shape, strict=True)]
    return _along(array, groups, view.base)


def _along(array: Array, found: Sequence[Group], wanted: Sequence[Group]) -> Array:
    """Return an array that goes along some atoms as one that goes along all of others."""
    atoms = [atom for group in found for atom in group if not atom.batch]
    all_wanted = [atom for group in wanted for atom in group]
    if prod(atom.size for atom in all_wanted) > _MOST:
        raise RefusedError("a constant for more values than a network has weights")
    apart = np.asarray(array, np.float32).reshape([atom.size for atom in atoms])
    ordered = apart.transpose([atoms.index(atom) for atom in all_wanted if atom in atoms])
    open_ = ordered.reshape([atom.size if atom in atoms else 1 for atom in all_wanted])
    whole = np.broadcast_to(open_, [atom.size for atom in all_wanted])
    return np.ascontiguousarray(whole.reshape([size_of(group) for group in wanted]))


def _everywhere(array: Array) -> float | None:
    """Return the one number that a constant is written as; a weight may have equal numbers and stays one."""
    return number_of(array) if array.size == 1 or not any(array.strides) else None


def multiplied(t: Trace, node: Node, view: View, array: Array) -> View:
    """Return x·c."""
    number = _everywhere(array)
    if number is not None and np.ndim(array) <= len(view.axes):
        return times(t, node, view, number)
    view, array = spread(view, array)
    channels = of_channels(view, array)
    if channels is not None:
        return t.on(node, view, "scale", {"scale": channels})
    row = t.laid(node, view, [tuple(view.atoms)])
    return t.on(node, row, "scale", {"scale": per_value(row, array).reshape(-1)})


def added(t: Trace, node: Node, view: View, array: Array) -> View:
    """Return x + c."""
    number = _everywhere(array)
    if number is not None and np.ndim(array) <= len(view.axes):
        return times(t, node, view, 1.0, number)
    view, array = spread(view, array)
    channels = of_channels(view, array)
    if channels is not None:
        return t.on(node, view, "scale", {"scale": np.ones_like(channels), "bias": channels}, bias=True)
    if len(view.base) == 2:
        return t.on(node, view, "position", {"table": per_value(view, array)})
    row = t.laid(node, view, [tuple(view.atoms)])
    values = per_value(row, array).reshape(-1)
    return t.on(node, row, "scale", {"scale": np.ones_like(values), "bias": values}, bias=True)
