"""The arithmetic on constants that exporters leave in a graph, done by NumPy: sizes of reshapes, tables, weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.trace import FREE
from netspec.formats.reading import Array

__all__ = ["FOLDS", "axes_of", "constant_of", "folded", "slices_of"]

_MOST = 2**24
"""Numbers that a folded constant may have where those it is made of have fewer: more is no table that a network has."""

_MOST_SIZES = 100_000
"""Numbers of a list of sizes or axes."""

_MOST_PRODUCTS = 2**34
"""Products of numbers that a matrix product of constants may take."""

_Inputs: TypeAlias = Sequence[Array | None]


def folded(node: Node, inputs: _Inputs, opset: int) -> list[Array] | None:
    """Return what a node makes of constants; None where it is not among what is folded.

    Raises:
        RefusedError: where it cannot be computed, as of sizes that do not fit.
    """
    function = FOLDS.get(node.kind)
    if function is None:
        return None
    try:
        with np.errstate(all="ignore"):
            made = function(node, inputs, opset)
    except (ValueError, TypeError, IndexError, AttributeError, OverflowError, ZeroDivisionError):
        raise RefusedError("its constants do not fit each other") from None
    return list(made) if isinstance(made, tuple) else [np.asarray(made)]


def constant_of(node: Node) -> Array:
    """Return the array of a Constant node."""
    for name, value in node.attributes.items():
        if name in {"value", "value_int", "value_ints", "value_float", "value_floats"} and not isinstance(value, str):
            kind = None if name == "value" else np.int64 if "int" in name else np.float32
            return np.asarray(value, kind)
    raise RefusedError("a constant that is no array of numbers")


def axes_of(node: Node, given: Array | None, rank: int, *, default: Sequence[int] | None = None) -> tuple[int, ...]:
    """Return the axes that a node names, from its attribute or, in later opsets, from an input, counted from 0."""
    values = node.attributes.get("axes") if given is None else _whole(given)
    if values is None:
        if default is None:
            raise RefusedError("it does not say its axes")
        values = list(default)
    axes = [v + rank if v < 0 else v for v in values]
    if not all(0 <= a < rank for a in axes) or len(set(axes)) < len(axes):
        raise RefusedError(f"its axes {values} are none of {rank}")
    return tuple(axes)


def slices_of(node: Node, inputs: Sequence[Any], shape: Sequence[int]) -> tuple[slice, ...]:
    """Return what a Slice keeps of each axis, with its start and stop within the axis."""
    if "starts" in node.attributes or len(inputs) < 3:
        starts, ends = node.attributes.get("starts", []), node.attributes.get("ends", [])
        axes, steps = node.attributes.get("axes"), None
    else:
        given = [None if each is None else _whole(each) for each in inputs[1:5]]
        starts, ends, axes, steps = [*given, None, None][:4]
    if starts is None or ends is None:
        raise RefusedError("where it begins and ends is computed")
    axes = list(range(len(starts))) if axes is None else axes
    steps = [1] * len(starts) if steps is None else steps
    if len({len(starts), len(ends), len(axes), len(steps)}) > 1:
        raise RefusedError("its starts, ends, axes and steps are not as many")
    made = [slice(0, size, 1) for size in shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        if not -len(shape) <= axis < len(shape) or step == 0:
            raise RefusedError(f"its axis {axis} is none of {len(shape)}")
        made[axis] = slice(*slice(int(start), int(end), int(step)).indices(shape[axis]))
        if step < 0 and int(end) < -shape[axis]:
            made[axis] = slice(made[axis].start, None, int(step))
    return tuple(made)


def _few(shape: Sequence[int], inputs: Sequence[Array | None]) -> None:
    """Raise RefusedError where a constant would be large, and is not made of weights that are as large."""
    own = max((_own(array) for array in inputs if array is not None), default=0)
    if prod(shape) > max(_MOST, 2 * own):
        raise RefusedError("a constant that is too large")


def _own(array: Array) -> int:
    """Return how many numbers an array has in memory: what is repeated counts once."""
    return prod(n for n, stride in zip(array.shape, array.strides, strict=True) if stride)


def _whole(array: Array | None) -> list[int]:
    """Return the numbers of a shape, of axes or the like, of which there are few."""
    found = np.asarray(array)
    if found.size > _MOST_SIZES:
        raise RefusedError("a constant that is too large")
    return [int(v) for v in found.reshape(-1)]


def _elementwise(function: Callable[..., Any]) -> Callable[[Node, _Inputs, int], Any]:
    def fold(node: Node, inputs: _Inputs, opset: int) -> Any:
        del opset
        arrays = [np.asarray(x) for x in inputs if x is not None]
        if node.attributes.get("broadcast") and len(arrays) == 2:
            arrays[1] = _legacy(arrays[1], arrays[0].ndim, node.attributes.get("axis"))
        _few(np.broadcast_shapes(*(a.shape for a in arrays)), arrays)
        made = np.asarray(function(*arrays))
        same = arrays[0].dtype
        return made if made.dtype == np.bool_ or made.dtype.kind == same.kind == "i" else made.astype(same)

    return fold


def _legacy(array: Array, rank: int, axis: Any) -> Array:
    """Return an array in the place that opset 6 says for it: its first axis is `axis`."""
    if not isinstance(axis, int):
        return array
    return array.reshape(*array.shape, *[1] * (rank - axis % rank - array.ndim))


def _divide(a: Array, b: Array) -> Array:
    if a.dtype.kind in "iu":
        # ONNX cuts towards 0.
        return np.trunc(a / b).astype(a.dtype) if np.any(a % b) else a // b
    return np.asarray(a / b)


def _cast(node: Node, inputs: _Inputs, opset: int) -> Any:
    import onnx  # noqa: PLC0415

    del opset
    to = node.attributes["to"]
    array = np.asarray(inputs[0])
    try:
        made = array.astype(to.lower() if isinstance(to, str) else onnx.helper.tensor_dtype_to_np_dtype(to))
    except KeyError:
        raise RefusedError("it makes elements of no known kind") from None
    whole = array.size == 1 and (array.dtype.kind, made.dtype.kind) == ("i", "f")
    if whole and array.any() and not (array % FREE).any():
        # A size may be of so many examples; a number that values are computed with may not.
        raise RefusedError("it computes with the number of examples", "`globalpool` has the mean of each")
    return made


def _shape(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    shape = np.asarray(inputs[0]).shape
    return np.array(shape[node.attributes.get("start", 0) : node.attributes.get("end")], np.int64)


def _constant_of_shape(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    value = np.asarray(node.attributes.get("value", np.zeros(1, np.float32))).reshape(-1)[:1]
    # The same number everywhere takes no memory.
    _few(_whole(inputs[0]), ())
    return np.broadcast_to(value.reshape(()), _whole(inputs[0]))


def _expand(node: Node, inputs: _Inputs, opset: int) -> Any:
    del node, opset
    array = np.asarray(inputs[0])
    shape = np.broadcast_shapes(array.shape, tuple(_whole(inputs[1])))
    _few(shape, inputs)
    return np.broadcast_to(array, shape)


def _gather(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    data, indices = np.asarray(inputs[0]), np.asarray(inputs[1])
    axis = node.attributes.get("axis", 0)
    _few((*data.shape[:axis], *indices.shape, *data.shape[axis % max(data.ndim, 1) + 1 :]), inputs)
    return np.take(data, indices, axis=axis)


def _concat(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    arrays = [np.asarray(x) for x in inputs]
    _few((sum(a.size for a in arrays),), arrays)
    return np.concatenate(arrays, axis=node.attributes.get("axis", 1))


def _unsqueeze(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    given = inputs[1] if len(inputs) > 1 else None
    count = len(node.attributes.get("axes", []) if given is None else _whole(given))
    array = np.asarray(inputs[0])
    return np.expand_dims(array, axes_of(node, given, array.ndim + count))


def _squeeze(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    array = np.asarray(inputs[0])
    ones = [i for i, n in enumerate(array.shape) if n == 1]
    return array.squeeze(axes_of(node, inputs[1] if len(inputs) > 1 else None, array.ndim, default=ones))


def _slice(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    array = np.asarray(inputs[0])
    return array[slices_of(node, inputs, array.shape)]


def _reshape(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    array = np.asarray(inputs[0])
    wanted = _whole(inputs[1]) if len(inputs) > 1 else node.attributes["shape"]
    if not node.attributes.get("allowzero"):
        wanted = [array.shape[i] if n == 0 else n for i, n in enumerate(wanted)]
    return array.reshape(wanted)


def _transpose(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    return np.transpose(np.asarray(inputs[0]), node.attributes.get("perm"))


def _tile(node: Node, inputs: _Inputs, opset: int) -> Any:
    del node, opset
    array, times = np.asarray(inputs[0]), _whole(inputs[1])
    _few((array.size, *times), inputs)
    return np.tile(array, times)


def _range(node: Node, inputs: _Inputs, opset: int) -> Any:
    del node, opset
    start, limit, delta = (np.asarray(x).reshape(()).item() for x in inputs)
    _few((max(0, int((float(limit) - float(start)) / float(delta)) + 1),), inputs)
    return np.arange(start, limit, delta, dtype=np.asarray(inputs[0]).dtype)


def _reduce(function: Callable[..., Any]) -> Callable[[Node, _Inputs, int], Any]:
    def fold(node: Node, inputs: _Inputs, opset: int) -> Any:
        del opset
        array = np.asarray(inputs[0])
        axes = axes_of(node, inputs[1] if len(inputs) > 1 else None, array.ndim, default=range(array.ndim))
        made = function(array, axis=axes, keepdims=bool(node.attributes.get("keepdims", 1)))
        return np.asarray(made).astype(array.dtype)

    return fold


def _matmul(node: Node, inputs: _Inputs, opset: int) -> Any:
    del node, opset
    a, b = np.asarray(inputs[0]), np.asarray(inputs[1])
    _few((*a.shape[:-1], *b.shape[:-2], *b.shape[-1:]), inputs)
    if a.size * b.size > _MOST_PRODUCTS * max(b.shape[-2] if b.ndim > 1 else b.shape[0], 1):
        raise RefusedError("a constant that is too large")
    return a @ b


def _split(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    array, axis = np.asarray(inputs[0]), node.attributes.get("axis", 0)
    given = node.attributes.get("split") if len(inputs) < 2 or inputs[1] is None else _whole(inputs[1])
    count = len(node.outputs)
    sizes = given or [-(-array.shape[axis] // count)] * (count - 1)
    return tuple(np.split(array, np.cumsum(sizes)[: count - 1], axis=axis))


def _where(node: Node, inputs: _Inputs, opset: int) -> Any:
    del node, opset
    arrays = [np.asarray(x) for x in inputs]
    _few(np.broadcast_shapes(*(a.shape for a in arrays)), arrays)
    return np.where(*arrays)


def _clip(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    array, low, high = (*inputs, None, None)[:3]
    low = node.attributes.get("min", -np.inf) if low is None else low.reshape(())
    high = node.attributes.get("max", np.inf) if high is None else high.reshape(())
    return np.minimum(np.maximum(np.asarray(array), low), high).astype(np.asarray(array).dtype)


def _trilu(node: Node, inputs: _Inputs, opset: int) -> Any:
    del opset
    at = int(np.asarray(inputs[1]).reshape(())) if len(inputs) > 1 and inputs[1] is not None else 0
    return (np.triu if node.attributes.get("upper", 1) else np.tril)(np.asarray(inputs[0]), at)


def _same(node: Node, inputs: _Inputs, opset: int) -> Any:
    del node, opset
    return np.asarray(inputs[0])


def _size(node: Node, inputs: _Inputs, opset: int) -> Any:
    del node, opset
    return np.array(np.asarray(inputs[0]).size, np.int64)


FOLDS: Mapping[str, Callable[[Node, _Inputs, int], Any]] = {
    "Identity": _same,
    "Dropout": _same,
    "Shape": _shape,
    "Size": _size,
    "Cast": _cast,
    "ConstantOfShape": _constant_of_shape,
    "Expand": _expand,
    "Gather": _gather,
    "Concat": _concat,
    "Unsqueeze": _unsqueeze,
    "Squeeze": _squeeze,
    "Slice": _slice,
    "Reshape": _reshape,
    "Transpose": _transpose,
    "Tile": _tile,
    "Range": _range,
    "Split": _split,
    "Where": _where,
    "Trilu": _trilu,
    "MatMul": _matmul,
    "ReduceProd": _reduce(np.prod),
    "ReduceSum": _reduce(np.sum),
    "ReduceMean": _reduce(np.mean),
    "ReduceMax": _reduce(np.max),
    "ReduceMin": _reduce(np.min),
    "ReduceL1": _reduce(lambda x, **over: np.abs(x).sum(**over)),
    "ReduceL2": _reduce(lambda x, **over: np.sqrt(np.square(x).sum(**over))),
    "ReduceSumSquare": _reduce(lambda x, **over: np.square(x).sum(**over)),
    "Add": _elementwise(np.add),
    "Sum": _elementwise(lambda *xs: sum(np.broadcast_arrays(*xs))),
    "Sub": _elementwise(np.subtract),
    "Mul": _elementwise(np.multiply),
    "Div": _elementwise(_divide),
    "Mod": _elementwise(np.mod),
    "Pow": _elementwise(np.power),
    "Min": _elementwise(lambda *xs: np.minimum.reduce(np.broadcast_arrays(*xs))),
    "Max": _elementwise(lambda *xs: np.maximum.reduce(np.broadcast_arrays(*xs))),
    "Equal": _elementwise(np.equal),
    "Less": _elementwise(np.less),
    "LessOrEqual": _elementwise(np.less_equal),
    "Greater": _elementwise(np.greater),
    "GreaterOrEqual": _elementwise(np.greater_equal),
    "And": _elementwise(np.logical_and),
    "Or": _elementwise(np.logical_or),
    "Not": _elementwise(np.logical_not),
    "Neg": _elementwise(np.negative),
    "Abs": _elementwise(np.abs),
    "Floor": _elementwise(np.floor),
    "Ceil": _elementwise(np.ceil),
    "Sqrt": _elementwise(np.sqrt),
    "Exp": _elementwise(np.exp),
    "Log": _elementwise(np.log),
    "Sin": _elementwise(np.sin),
    "Cos": _elementwise(np.cos),
    "Reciprocal": _elementwise(np.reciprocal),
    "Softplus": _elementwise(lambda x: np.logaddexp(x, 0)),
    "Relu": _elementwise(lambda x: np.maximum(x, 0)),
    "Sigmoid": _elementwise(lambda x: np.exp(-np.logaddexp(-x, 0))),
    "Tanh": _elementwise(np.tanh),
    "Clip": _clip,
    # What a pattern of several nodes is called here.
    "netspec.square": _elementwise(np.square),
}
