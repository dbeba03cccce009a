"""Arithmetic of several values, place by place, and functions that are said by it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np

from netspec.formats.onnx.read.constants import added, multiplied, number_of, times
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.scores import Scores
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Atom, Group, View, size_of

__all__ = ["OPERATORS", "binary", "repeated", "same_axes"]

_LAYERS = {
    "Add": "add",
    "Sum": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "Max": "maximum",
    "Min": "minimum",
}

_SMALLEST = 1e-37
"""As near to 0 as float32 has all its digits."""


def _arithmetic(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
    """Combine two or more values, or a value and constants."""
    if not inputs or any(x is None for x in inputs):
        raise RefusedError("it reads nothing where a value is needed")
    if node.attributes.get("broadcast") and isinstance(node.attributes.get("axis"), int):
        inputs = _in_place(node, inputs)
    made = inputs[0]
    for other in inputs[1:]:
        made = _two(t, node, made, other)
    return made


def _in_place(node: Node, inputs: Sequence[Any]) -> list[Any]:
    """Return what opset 6 combines, with the second value in the place that `axis` says for it."""
    first, second = inputs
    if isinstance(first, View) and isinstance(second, np.ndarray):
        rest = len(first.axes) - node.whole("axis", 0) % max(len(first.axes), 1) - second.ndim
        if rest >= 0:
            return [first, second.reshape(*second.shape, *[1] * rest)]
    raise RefusedError("two computed values that do not meet at their last axes")


def _two(t: Trace, node: Node, a: Any, b: Any) -> Any:
    kind = node.kind
    if isinstance(a, Scores) or isinstance(b, Scores):
        scores, other = (a, b) if isinstance(a, Scores) else (b, a)
        return scores.combined(kind, other, first=isinstance(a, Scores))
    if isinstance(a, View) and isinstance(b, View):
        return _wide(binary(t, node, _LAYERS[kind], replace(a, wide=()), replace(b, wide=())), a, b)
    if (isinstance(a, View) and a.wide) or (isinstance(b, View) and b.wide):
        narrow = [replace(x, wide=()) if isinstance(x, View) else x for x in (a, b)]
        return _wide(_two(t, node, *narrow), a, b)
    if isinstance(a, View):
        return _with_constant(t, node, a, b)
    match kind:
        case "Sub":
            return added(t, node, times(t, node, b, -1.0), a)
        case "Div":
            number = number_of(a)
            if number is None:
                raise RefusedError("constants over a computed value")
            over = replace(b, piece=t.add(node, "times", [b.piece], factor=0.0, plus=number).name)
            return replace(b, piece=t.add(node, "divide", [over.piece, b.piece]).name)
        case _:
            return _with_constant(t, node, b, a)


def _wide(made: View, a: Any, b: Any) -> View:
    """Return a result that is still to be repeated where that of both would have been."""
    try:
        shape = np.broadcast_shapes(a.shape, b.shape)
    except ValueError:
        raise RefusedError("it combines axes of different sizes") from None
    return made if made.shape == shape else replace(made, wide=shape)


def repeated(t: Trace, node: Node, view: View) -> View:
    """Return a value with the repetition that was put off."""
    if not view.wide:
        return view
    axes = tuple(
        (Atom(size),) if size_of(group) < size else group for group, size in zip(view.axes, view.wide, strict=True)
    )
    base = tuple(group for group in axes if not any(atom.batch for atom in group))
    whole = View(view.piece, base, axes)
    return replace(_fitted(t, node, "", replace(view, wide=()), whole), axes=axes)


def _with_constant(t: Trace, node: Node, view: View, array: Any) -> View:
    array = np.asarray(array)
    if view.tokens:
        raise RefusedError("it computes with token numbers", "`embedding` is the only thing that reads them")
    match node.kind:
        case "Add" | "Sum":
            return added(t, node, view, array)
        case "Sub":
            return added(t, node, view, -array)
        case "Mul":
            return multiplied(t, node, view, array)
        case "Div":
            if (array == 0).any():
                raise RefusedError("a division by 0")
            if array.size == 1:
                return times(t, node, view, float(f"{1 / float(array.reshape(-1)[0]):.8g}"))
            return multiplied(t, node, view, 1 / array.astype(np.float64))
        case kind:
            number = number_of(array)
            if number is None:
                raise RefusedError("bounds that differ from value to value", "`clamp` has one of each")
            bound: dict[str, Any] = {"min" if kind == "Max" else "max": number}
            return t.on(node, view, "clamp", **bound)


def binary(t: Trace, node: Node, layer: str, a: View, b: View) -> View:
    """Return two computed values combined."""
    if a.tokens or b.tokens:
        raise RefusedError("it computes with token numbers", "`embedding` is the only thing that reads them")
    a, b = same_axes(a, b.apart(a))
    lacks_a, lacks_b = set(b.atoms) - set(a.atoms), set(a.atoms) - set(b.atoms)
    if lacks_a and lacks_b:
        raise RefusedError("each of two values is spread over the other", "bring both to one shape")
    if a.piece == b.piece and a.base == b.base and not lacks_a and not lacks_b:
        if layer == "add":
            return times(t, node, a, 2.0)
        if layer == "multiply":
            return t.on(node, a, "square")
    whole = b if lacks_a else a
    if lacks_a:
        a = _fitted(t, node, layer, a, whole)
    elif lacks_b:
        b = _fitted(t, node, layer, b, whole)
    elif a.base != b.base:
        # The one that is moved more easily is moved.
        flat = [atom for group in b.base for atom in group] == [atom for group in a.base for atom in group]
        if flat or len(a.base) >= len(b.base):
            b = t.laid(node, b, a.base)
        else:
            a, whole = t.laid(node, a, b.base), b
    rows = len(a.base) != len(b.base)
    if layer == "add" and rows:
        # `add` wants equal shapes, `subtract` takes one number a channel.
        a, b = (a, b) if len(a.base) > len(b.base) else (b, a)
        b = times(t, node, b, -1.0)
        layer = "subtract"
    return replace(whole, piece=t.add(node, layer, [a.piece, b.piece]).name)


def same_axes(a: View, b: View) -> tuple[View, View]:
    """Return both values with as many axes, whose atoms are the same where both have some."""
    rank = max(len(a.axes), len(b.axes))
    a = replace(a, axes=((),) * (rank - len(a.axes)) + a.axes).with_batch()
    b = replace(b, axes=((),) * (rank - len(b.axes)) + b.axes).with_batch()
    for axis in range(rank):
        first, second = a.axes[axis], b.axes[axis]
        if size_of(first) == 1 or size_of(second) == 1:
            if any(x.batch and x.size > 1 for x in (*first, *second)) and first != second:
                raise RefusedError("one of two values has no examples, or has them elsewhere")
            continue
        left, right = _cuts(first), _cuts(second)
        if left[-1] != right[-1]:
            raise RefusedError(f"it combines axes of {left[-1]} and {right[-1]} values")
        cuts = sorted({*left, *right})
        if any(high % low for low, high in pairwise(cuts)):
            raise RefusedError("it combines axes that are put together in different ways")
        a, b = _cut(a, axis, cuts), _cut(b, axis, cuts)
        changes = {y: (x,) for x, y in zip(a.axes[axis], b.axes[axis], strict=True) if x is not y}
        if any(x.batch != y.batch for x, y in zip(a.axes[axis], b.axes[axis], strict=True)):
            raise RefusedError("one of two values has no examples, or has them elsewhere")
        b = b.replaced(changes)
    return a, b


def _cuts(group: Group) -> list[int]:
    """Return how many values there are within the last atoms of an axis, for each number of atoms."""
    made = [1]
    for atom in reversed(group):
        if atom.size > 1:
            made.append(made[-1] * atom.size)
    return made[1:] or [1]


def _cut(view: View, axis: int, cuts: Sequence[int]) -> View:
    """Return a value with an axis cut at so many values from its end."""
    own = 1
    changes: dict[Atom, Group] = {}
    for atom in reversed(view.axes[axis]):
        inside = [c // own for c in cuts if own < c <= own * atom.size]
        parts, low = [], 1
        for high in inside:
            parts.append(Atom(high // low))
            low = high
        if len(parts) > 1:
            if atom.batch:
                raise RefusedError("it combines axes that are put together in different ways")
            changes[atom] = tuple(reversed(parts))
        own *= atom.size
    return view.replaced(changes)


def _fitted(t: Trace, node: Node, layer: str, small: View, whole: View) -> View:
    """Return a value that is spread over another: as one number a channel where that is enough, else enlarged."""
    own = set(small.atoms)
    channels = bool(whole.base) and own == set(whole.base[0]) and len(whole.base) > 1
    if channels and layer:
        return t.laid(node, small, whole.base[:1])
    groups = [group if set(group) <= own else () for group in whole.base]
    if any(set(group) & own and not set(group) <= own for group in whole.base):
        raise RefusedError("a value is spread over a part of an axis", "bring both to one shape")
    made = t.laid(node, small, groups)
    name = made.piece
    sizes = [size_of(group) for group in whole.base]
    missing = [bool(group) and not (set(group) <= own) for group in whole.base]
    if not any(missing):
        return made
    if len(sizes) > 3:
        raise RefusedError("a value is spread over four axes", "bring both to one shape")
    if len(sizes) == 1:
        name = t.add(node, "reshape", [name], shape=(1, 1)).name
        name = t.add(node, "upsample", [name], factor=(1, sizes[0])).name
        name = t.add(node, "flatten", [name]).name
        return replace(small, piece=name, base=whole.base)
    if any(missing[1:]):
        more = [size if lacks else 1 for size, lacks in zip(sizes[1:], missing[1:], strict=True)]
        name = t.add(node, "upsample", [name], factor=tuple(more) if len(more) == 2 else (1, *more)).name
    if missing[0]:
        order = (1, 0, *range(2, len(sizes)))
        name = t.add(node, "permute", [name], order=order).name
        factor = (sizes[0], 1) if len(sizes) == 3 else (1, sizes[0])
        name = t.add(node, "upsample", [name], factor=factor).name
        name = t.add(node, "permute", [name], order=order).name
    return replace(small, piece=name, base=whole.base)


def _share(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    """Return x over its maximum, which is 0 only where all of x is 0: then it is divided by the smallest number."""
    x, most = inputs
    if not isinstance(x, View) or not isinstance(most, View):
        raise RefusedError("a share of constants")
    t.sketch.note(
        f"{node.name[:60]} divides by a maximum, and gives 0 where that is 0: where all values are equal but for "
        "rounding, it divides rounding by rounding here"
    )
    return binary(t, node, "divide", x, t.on(node, most, "clamp", min=_SMALLEST))


def _mean(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    if not all(isinstance(x, View) for x in inputs):
        raise RefusedError("a mean of constants")
    views = [inputs[0]]
    for each in inputs[1:]:
        a, b = same_axes(views[0], each.apart(views[0]))
        if set(a.atoms) != set(b.atoms):
            raise RefusedError("a mean of values of different shapes")
        views.append(b if a.base == b.base else t.laid(node, b, a.base))
    if len(views) == 1:
        return views[0]
    return replace(views[0], piece=t.add(node, "average", [view.piece for view in views]).name)


def _pow(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    base, power = inputs[:2]
    number = number_of(power) if isinstance(power, np.ndarray) else None
    if not isinstance(base, View) or number is None:
        raise RefusedError("a power that is computed", "`square`, `sqrt`, or `log`, `times` and `exp`")
    if number == 1:
        return base
    if number == 2:
        return t.on(node, base, "square")
    if number == 0.5:
        return t.on(node, base, "sqrt")
    if number == 3:
        squares = t.on(node, base, "square")
        return replace(base, piece=t.add(node, "multiply", [squares.piece, base.piece]).name)
    if number.is_integer():
        raise RefusedError(f"a power of {number:g}", "`square`, and `multiply` with itself")
    logs = t.on(node, base, "log")
    return t.on(node, times(t, node, logs, number), "exp")


OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    **dict.fromkeys(_LAYERS, _arithmetic),
    "Mean": _mean,
    "Pow": _pow,
    "netspec.share": _share,
}
