"""What takes parts of a value, by place or by number: slices, splits, rows of tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netspec.formats.onnx.read.fold import slices_of
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.moves import view_of, whole_numbers
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Atom, Group, View, size_of
from netspec.formats.onnx.read.windows import cropped, written

__all__ = ["OPERATORS", "cut"]


def cut(t: Trace, node: Node, view: View, axis: int, start: int, count: int) -> View:
    """Return so many values of an axis, from a place on."""
    own = view.axes[axis]
    if count == size_of(own):
        return view
    if any(atom.batch for atom in own):
        raise RefusedError("it takes some of the examples of a batch")
    if view.tokens:
        raise RefusedError("it takes some of the token numbers", "`crop` behind the `embedding`")
    made: Group = (Atom(count),) if count > 1 else ()
    where = next((i for i, group in enumerate(view.base) if group == own), None)
    inner = 1
    if where is None and view.base and view.base[0][: len(own)] == own:
        # The first part of the channels: heads, or what was stacked before.
        where, inner = 0, size_of(view.base[0][len(own) :])
    if where is None or (where > 0 and len(view.base) > 4):
        view = t.featured(node, view, own)
        if view.base[0] != own:
            view = t.laid(node, view, [own, *view.base[1:]])
        where = 0
    if where == 0:
        piece = t.add(node, "channels", [view.piece], count=count * inner, offset=start * inner)
        base = (made + view.base[0][len(own) :], *view.base[1:])
    else:
        starts = [start if i == where else 0 for i in range(1, len(view.base))]
        sizes = [count if i == where else size_of(group) for i, group in enumerate(view.base) if i]
        piece = cropped(t, node, view.piece, starts, sizes)
        base = tuple(made if i == where else group for i, group in enumerate(view.base))
    return View(piece.name, base, (*view.axes[:axis], made, *view.axes[axis + 1 :]))


def _slice(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = view_of(inputs)
    for each in inputs[1:]:
        if each is not None:
            whole_numbers(each, "start, end, axis or step")
    for axis, each in enumerate(slices_of(node, inputs, view.shape)):
        step = each.step
        if step < 0:
            if view.shape[axis] == 1:
                continue
            raise RefusedError("it turns an axis around", "no layer does")
        count = max(0, -(-(each.stop - each.start) // step))
        if not count:
            raise RefusedError("it leaves nothing")
        view = cut(t, node, view, axis, each.start, (count - 1) * step + 1)
        if step > 1 and count > 1:
            view = _every(t, node, view, axis, step, count)
    return view


def _every(t: Trace, node: Node, view: View, axis: int, step: int, count: int) -> View:
    """Return every so many-th value of an axis of positions, or of channels which become positions for it."""
    own = view.axes[axis]
    if any(atom.batch for atom in own):
        raise RefusedError("it takes some of the examples of a batch")
    where = next((i for i, group in enumerate(view.base) if group == own), None)
    if where is None or where == 0 or len(view.base) > 4:
        rest = tuple(atom for atom in view.atoms if atom not in own)
        view, where = t.laid(node, view, [rest, own]), 1
    stride = [step if i == where else 1 for i in range(1, len(view.base))]
    # A window of one takes what lies there.
    piece = t.add(node, "pool", [view.piece], kernel=(1, 1), stride=written(stride))
    made: Group = (Atom(count),)
    base = tuple(made if i == where else group for i, group in enumerate(view.base))
    return View(piece.name, base, (*view.axes[:axis], made, *view.axes[axis + 1 :]))


def _split(t: Trace, node: Node, inputs: Sequence[Any]) -> list[View]:
    view, given = view_of(inputs), inputs[1] if len(inputs) > 1 else None
    axis = node.whole("axis", 0)
    if not -len(view.axes) <= axis < len(view.axes):
        raise RefusedError(f"its axis {axis} is none of {len(view.axes)}")
    axis %= len(view.axes)
    total, count = view.shape[axis], len(node.outputs)
    sizes = node.attributes.get("split") if given is None else whole_numbers(given, "sizes")
    if sizes is None:
        each = -(-total // count)
        sizes = [each] * (count - 1) + [total - each * (count - 1)]
    if len(sizes) != count or sum(sizes) != total or any(n < 1 for n in sizes):
        raise RefusedError(f"its parts are not {total} values together")
    starts = np.cumsum([0, *sizes])
    return [
        cut(t, node, view, axis, int(start), size) if name else view
        for start, size, name in zip(starts, sizes, node.outputs, strict=False)
    ]


def _gather(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    data, indices = inputs[:2]
    axis = node.whole("axis", 0)
    if isinstance(indices, View):
        return _embedding(t, node, data, indices, axis)
    view = view_of(inputs)
    if not -len(view.axes) <= axis < len(view.axes):
        raise RefusedError(f"its axis {axis} is none of {len(view.axes)}")
    axis %= len(view.axes)
    size = view.shape[axis]
    places = [n + size if n < 0 else n for n in whole_numbers(indices, "places")]
    if not places or not all(0 <= n < size for n in places) or np.ndim(indices) > 1:
        raise RefusedError("its places are none of the axis, or of several axes")
    if np.ndim(indices) == 0:
        own = view.axes[axis]
        if view.base[1:] == (own,) and len(own) > 0 and places[0] in {0, size - 1}:
            end = "first" if places[0] == 0 else "last"
            name = t.add(node, "take", [view.piece], position=end).name
            return View(name, view.base[:1], (*view.axes[:axis], *view.axes[axis + 1 :]))
        made = cut(t, node, view, axis, places[0], 1)
        return replace(made, axes=(*made.axes[:axis], *made.axes[axis + 1 :])).with_batch()
    steps = set(np.diff(places).tolist())
    if len(steps) > 1 or (steps and min(steps) < 1):
        raise RefusedError("it takes places in an order of their own", "`channels` or `crop` for each, then `concat`")
    made = cut(t, node, view, axis, places[0], places[-1] - places[0] + 1)
    step = steps.pop() if steps else 1
    return _every(t, node, made, axis, step, len(places)) if step > 1 else made


def _embedding(t: Trace, node: Node, table: Any, numbers: View, axis: int) -> View:
    """Return the rows of a table that token numbers name."""
    if not isinstance(table, np.ndarray) or table.ndim != 2 or axis != 0:
        raise RefusedError("rows of a table that is computed", "the table of `embedding` is its weight")
    numbers = _tokens(t, numbers, len(table))
    piece = t.add(node, "embedding", [numbers.piece], {"weight": table}, width=table.shape[1])
    made: Group = (Atom(table.shape[1]),) if table.shape[1] > 1 else ()
    return View(piece.name, (made, *numbers.base), (*numbers.axes, made))


def _tokens(t: Trace, view: View, count: int) -> View:
    """Return an input of token numbers, of which it is known now how many there are."""
    name = view.piece
    if name not in t.sketch.made.inputs or len(view.base) != 1 or not view.tokens:
        raise RefusedError("places that are computed, or that are no input", "`embedding` reads an input of tokens")
    known = t.sketch.made.tokens.setdefault(name, count)
    if known != count:
        raise RefusedError(f"token numbers below {count:,}, which elsewhere are below {known:,}", "two inputs")
    return view


def _one_hot(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    numbers, depth, values = (*inputs, None, None)[:3]
    if not isinstance(numbers, View) or not isinstance(depth, np.ndarray) or not isinstance(values, np.ndarray):
        raise RefusedError("its depth or values are computed")
    if values.reshape(-1).tolist() != [0, 1]:
        raise RefusedError("other values than 0 and 1")
    numbers = _tokens(t, numbers, int(depth.reshape(-1)[0]))
    piece = t.add(node, "onehot", [numbers.piece])
    made: Group = (Atom(piece.shape[0]),) if piece.shape[0] > 1 else ()
    axis = node.whole("axis", -1) % (len(numbers.axes) + 1)
    return View(piece.name, (made, *numbers.base), (*numbers.axes[:axis], made, *numbers.axes[axis:]))


OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "OneHot": _one_hot,
}
