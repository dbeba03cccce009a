"""What takes parts of a value, puts values together, or gives them another number of positions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netspec.backends.jax.kernels.resize import coordinates
from netspec.formats.onnx.read.arithmetic import same_axes
from netspec.formats.onnx.read.constants import added, number_of, times
from netspec.formats.onnx.read.fold import slices_of
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.moves import whole_numbers
from netspec.formats.onnx.read.scores import Scores
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Atom, Group, View, size_of
from netspec.formats.onnx.read.windows import cropped, padded, two
from netspec.formats.reading import Array

__all__ = ["OPERATORS"]


_MOST_TIMES = 100
"""How often a value is put behind itself at most: it is one branch each."""


def _view(inputs: Sequence[Any]) -> View:
    if not inputs or not isinstance(inputs[0], View):
        raise RefusedError("it takes parts of the scores of an attention")
    return inputs[0]


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
    if where is None or (where > 0 and len(view.base) > 3):
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
    view = _view(inputs)
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
    if where is None or where == 0 or len(view.base) > 3:
        rest = tuple(atom for atom in view.atoms if atom not in own)
        view, where = t.laid(node, view, [rest, own]), 1
    stride = [step if i == where else 1 for i in range(1, len(view.base))]
    # A window of one takes what lies there.
    piece = t.add(node, "pool", [view.piece], kernel=(1, 1), stride=two(stride))
    made: Group = (Atom(count),)
    base = tuple(made if i == where else group for i, group in enumerate(view.base))
    return View(piece.name, base, (*view.axes[:axis], made, *view.axes[axis + 1 :]))


def _split(t: Trace, node: Node, inputs: Sequence[Any]) -> list[View]:
    view, given = _view(inputs), inputs[1] if len(inputs) > 1 else None
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
    view = _view(inputs)
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


# --- putting together -------------------------------------------------------------------------------------------------


def _concat(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    rank = len(inputs[0].shape)
    axis = node.whole("axis", 1)
    if not -rank <= axis < rank or any(x is None or len(x.shape) != rank for x in inputs):
        raise RefusedError("it puts values of other axes together")
    axis %= rank
    if len(inputs) == 1:
        return _view(inputs)
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
    for view, group in zip(inputs[1:], own[1:], strict=True):
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
    view, times_ = _view(inputs), whole_numbers(inputs[1], "number of times")
    if len(times_) != len(view.axes) or any(n < 1 or n > _MOST_TIMES for n in times_):
        raise RefusedError("its numbers of times are not one for each axis, or too many")
    for axis, count in enumerate(times_):
        if count > 1 and any(atom.batch for atom in view.axes[axis]):
            raise RefusedError("it repeats the examples of a batch")
        if count > 1:
            view = _joined(t, node, [view] * count, axis)
    return view


# --- positions --------------------------------------------------------------------------------------------------------


def _pad(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = _view(inputs)
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
    if len(plain.base) > 3:
        raise RefusedError("a border along three axes of positions")
    return padded(t, node, plain, tuple(pads[2:]), mode)


def _resize(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = _view(inputs)
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
        wanted = whole_numbers(sizes, "sizes")
        factors = [w / shape[a] for w, a in zip(wanted, axes, strict=False)]
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
    if any(abs(f - round(f)) > 1e-6 or f < 1 for f in whole) or whole[:2] != [1, 1]:
        raise RefusedError(f"a size of {', '.join(f'{f:g}' for f in whole[2:])} times", "`upsample` by whole factors")
    if all(f == 1 for f in whole):
        return view
    factor = [round(f) for f in whole[2:]]
    fields = _interpolation(t, node, factor)
    used = [i for i in range(len(factor)) if view.axes[2 + i] or factor[i] > 1]
    if len(used) == 1 and [*view.base] == [view.axes[1], view.axes[2 + used[0]]]:
        piece = t.add(node, "upsample", [view.piece], factor=two([factor[used[0]]]), **fields)
        made = t.fresh(piece, piece.shape)
        ends = tuple(made.base[1] if i in used else () for i in range(len(factor)))
        return replace(made, axes=(made.axes[0], made.base[0], *ends))
    plain = t.plain(node, view, len(shape))
    if len(factor) > 2:
        raise RefusedError("a size along three axes of positions")
    piece = t.add(node, "upsample", [plain.piece], factor=two(factor), **fields)
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
    "Slice": _slice,
    "Split": _split,
    "Gather": _gather,
    "OneHot": _one_hot,
    "Concat": _concat,
    "Tile": _tile,
    "Pad": _pad,
    "Resize": _resize,
    "Upsample": _resize,
}
