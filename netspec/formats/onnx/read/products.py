"""Products with matrices, normalization, and reductions of axes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from netspec.formats.onnx.read.constants import added, multiplied, times
from netspec.formats.onnx.read.fold import axes_of
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.scores import Scores, attended, product
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Atom, Group, View, aligned, atoms_of, size_of
from netspec.formats.reading import Array, Piece

__all__ = ["OPERATORS", "contracted"]


def contracted(t: Trace, node: Node, view: View, axis: int, kernel: Array, bias: Array | None = None) -> View:
    """Return the product of a kernel, (outputs, inputs), with what lies along an axis, at each of the other places."""
    if view.tokens:
        raise RefusedError("it computes with token numbers", "`embedding` is the only thing that reads them")
    features = view.axes[axis]
    if any(atom.batch for atom in features):
        raise RefusedError("a product along the axis of the examples")
    if kernel.ndim != 2 or kernel.shape[1] != size_of(features):
        raise RefusedError(f"a matrix for {kernel.shape[-1]} values, and it reads {size_of(features)}")
    rest = [atom for atom in view.atoms if atom not in features]
    if not rest:
        own = tuple(atoms_of(view.base))
        wanted, read = own, view
    else:
        read = t.featured(node, view, features)
        wanted = read.base[0]
    arrays = {"kernel": aligned(kernel, 1, features, wanted)} | ({} if bias is None else {"bias": bias})
    fields: dict[str, Any] = {"units": len(kernel), "bias": bias is not None}
    if rest:
        fields["pointwise"] = True
    piece = t.add(node, "fc", [read.piece], arrays, **fields)
    made: Group = (Atom(len(kernel)),) if len(kernel) > 1 else ()
    base = (made, *read.base[1:]) if rest else (made,)
    return View(piece.name, base, (*view.axes[:axis], made, *view.axes[axis + 1 :]))


def _matmul(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
    a, b = inputs[:2]
    if isinstance(a, Scores) and isinstance(b, View):
        return attended(t, node, a, b, values_first=False)
    if isinstance(b, Scores) and isinstance(a, View):
        return attended(t, node, b, a, values_first=True)
    if isinstance(a, View) and isinstance(b, View):
        return product(t, node, a, b)
    if isinstance(a, View) and isinstance(b, np.ndarray):
        b = _one_matrix(b)
        if b.ndim == 1:
            return replace(made := contracted(t, node, a, len(a.axes) - 1, b[None]), axes=made.axes[:-1])
        return contracted(t, node, a, len(a.axes) - 1, b.T)
    if isinstance(b, View) and isinstance(a, np.ndarray) and len(b.axes) > 1:
        a, axis = _one_matrix(a), len(b.axes) - 2
        if a.ndim == 1:
            made = contracted(t, node, b, axis, a[None])
            return replace(made, axes=(*made.axes[:axis], *made.axes[axis + 1 :]))
        return contracted(t, node, b, axis, a)
    raise RefusedError("a product with scores of an attention", "`attention` weights one sequence by them")


def _one_matrix(array: Array) -> Array:
    """Return a matrix without axes of one value before it."""
    while array.ndim > 2 and array.shape[0] == 1:
        array = array[0]
    if array.ndim > 2:
        raise RefusedError("a product with several matrices", "`fc` has one")
    return array


def _gemm(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    a, b, c = (*inputs, None, None)[:3]
    if not isinstance(a, View) or not isinstance(b, np.ndarray) or not isinstance(c, np.ndarray | None):
        raise RefusedError("a matrix that is computed", "the matrix of `fc` is its weight")
    if node.whole("transA", 0) or len(a.axes) != 2 or b.ndim != 2:
        raise RefusedError("a product along the axis of the examples")
    kernel = (b if node.whole("transB", 0) else b.T) * np.float32(node.number("alpha", 1.0))
    bias = None
    if c is not None and c.size:
        if c.ndim == 2 and len(c) > 1:
            raise RefusedError("its constant differs from example to example")
        bias = np.broadcast_to(c.reshape(-1), (len(kernel),)) * np.float32(node.number("beta", 1.0))
    return contracted(t, node, a, 1, kernel, bias)


def _batchnorm(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view, *arrays = inputs[:5]
    if not isinstance(view, View) or len(arrays) < 4 or not all(isinstance(a, np.ndarray) for a in arrays):
        raise RefusedError("its scale, offset, mean or variance is computed")
    if node.attributes.get("training_mode") or any(node.outputs[1:]) or not node.attributes.get("spatial", 1):
        raise RefusedError("batch normalization in training mode", "export it in evaluation mode")
    if len(view.axes) < 2:
        raise RefusedError("it reads a value without channels")
    made = t.featured(node, view, view.axes[1])
    if any(np.shape(a) != (size_of(view.axes[1]),) for a in arrays):
        raise RefusedError(f"its weights are not for {size_of(view.axes[1])} channels")
    ordered = [aligned(a, 0, view.axes[1], made.base[0]) for a in arrays]
    given = dict(zip(("scale", "offset", "mean", "variance"), ordered, strict=True))
    epsilon = node.number("epsilon", 1e-5)
    momentum = min(max(node.number("momentum", 0.9), 0.0), 0.9999)
    if epsilon <= 0:
        epsilon, given["variance"] = 1e-5, given["variance"] + (epsilon - 1e-5)
    return t.on(node, made, "batchnorm", given, epsilon=epsilon, momentum=momentum)


def standardized(t: Trace, node: Node, view: View, over: Group, epsilon: float, *, features: bool = False) -> View:
    """Return a value with mean 0 and variance 1 over some of its atoms.

    Args:
        t: the graph.
        node: that says it.
        view: the value.
        over: the atoms.
        epsilon: added to the variance.
        features: whether the atoms are features, each with a scale of its own, and not positions.
    """
    inside = set(over)
    if any(atom.batch for atom in over):
        raise RefusedError("it normalizes across the examples of a batch", "`batchnorm` does")
    if not inside:
        raise RefusedError("it normalizes one value")
    first = view.base[0] if view.base else ()
    outside = [atom for atom in view.atoms if atom not in inside]
    if not outside:
        mode = "all" if len(view.base) > 1 else "positionwise"
        return t.on(node, view, "layernorm", over=mode, epsilon=epsilon, affine=False)
    if set(first) == inside:
        return t.on(node, view, "layernorm", epsilon=epsilon, affine=False)
    kept = first[: len(outside)]
    if set(kept) == set(outside) and not features:
        groups = size_of(kept)
        if kept == first and len(view.base) > 1:
            return t.on(node, view, "instancenorm", epsilon=epsilon)
        return t.on(node, view, "groupnorm", groups=groups, epsilon=epsilon, affine=False)
    return t.on(node, t.featured(node, view, over), "layernorm", epsilon=epsilon, affine=False)


def _scaled(t: Trace, node: Node, view: View, scale: Any, bias: Any, axes: Sequence[int]) -> View:
    """Return a normalized value times a scale and with an offset, which go along some axes."""
    plain = node.kind == "InstanceNormalization"
    for array, apply in ((scale, multiplied), (bias, added)):
        if array is None:
            continue
        if not isinstance(array, np.ndarray) or array.size != np.prod([view.shape[a] for a in axes]):
            raise RefusedError("its scale or offset does not fit what it normalizes")
        neutral = 1 if apply is multiplied else 0
        if plain and (array == neutral).all():
            # Exporters write group normalization with one that changes nothing within.
            continue
        sizes = [view.shape[a] if a in axes else 1 for a in range(len(view.axes))]
        view = apply(t, node, view, array.reshape(sizes))
    return view


def _layernorm(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view, scale, bias = (*inputs, None, None)[:3]
    if not isinstance(view, View) or any(node.outputs[1:]):
        raise RefusedError("its mean and deviation are read", "`layernorm` gives the normalized values")
    rank = len(view.axes)
    axes = range(node.whole("axis", -1) % max(rank, 1), rank)
    over = tuple(atom for axis in axes for atom in view.axes[axis])
    made = standardized(t, node, view, over, node.number("epsilon", 1e-5), features=True)
    return _scaled(t, node, made, scale, bias, axes)


def _pattern(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = inputs[0]
    if not isinstance(view, View):
        raise RefusedError("it normalizes no computed value")
    axes = axes_of(node, None, len(view.axes))
    over = tuple(atom for axis in axes for atom in view.axes[axis])
    features = bool(node.attributes.get("features"))
    return standardized(t, node, view, over, node.number("epsilon", 1e-5), features=features)


def _instancenorm(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view, scale, bias = (*inputs, None, None)[:3]
    if not isinstance(view, View) or len(view.axes) < 3:
        raise RefusedError("it reads a value without positions")
    over = tuple(atom for group in view.axes[2:] for atom in group)
    made = standardized(t, node, view, over, node.number("epsilon", 1e-5))
    return _scaled(t, node, made, scale, bias, [1])


def _groupnorm(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view, scale, bias = (*inputs, None, None)[:3]
    groups = node.whole("num_groups", 1)
    if not isinstance(view, View) or len(view.axes) < 3 or groups < 1 or view.shape[1] % groups:
        raise RefusedError(f"its channels are not {groups} equal groups")
    apart = t.reshaped(node, view, [view.shape[0], groups, view.shape[1] // groups, *view.shape[2:]])
    over = tuple(atom for group in apart.axes[2:] for atom in group)
    made = standardized(t, node, apart, over, node.number("epsilon", 1e-5))
    per_group = isinstance(scale, np.ndarray) and scale.size == groups < view.shape[1]
    made = _scaled(t, node, made, scale, bias, [1] if per_group else [1, 2])
    return t.reshaped(node, made, view.shape)


def _lrn(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = inputs[0]
    if not isinstance(view, View) or len(view.axes) < 2:
        raise RefusedError("it reads a value without channels")
    numbers: dict[str, Any] = {
        "alpha": node.number("alpha", 1e-4),
        "beta": node.number("beta", 0.75),
        "k": node.number("bias", 1.0),
    }
    if node.whole("size", 1) % 2 == 0:
        raise RefusedError("an even number of neighbors", "`lrn` has the odd one on the other side")
    made = t.featured(node, view, view.axes[1])
    if made.base[0] != view.axes[1]:
        made = t.laid(node, made, [view.axes[1], *made.base[1:]])
    return t.on(node, made, "lrn", size=node.whole("size", 1), **numbers)


def _reduced(t: Trace, node: Node, view: Any, mode: str, axes: Sequence[int], *, keep: bool) -> View:
    """Return the mean, maximum or sum over axes."""
    if not isinstance(view, View) or view.tokens:
        raise RefusedError("it reduces no computed value")
    over = {atom for axis in axes for atom in view.axes[axis]}
    if any(atom.batch and atom.size > 1 for atom in over):
        raise RefusedError("it goes across the examples of a batch")
    over = {atom for atom in over if not atom.batch}
    # In the order in which they lie: what is reduced has no order, and what is kept is a view again.
    kept, gone = (tuple(a for a in atoms_of(view.base) if (a in over) is inside) for inside in (False, True))
    name, base = view.piece, view.base
    product = t.sketch.by_name.get(name)
    if mode == "sum" and base and set(base[0]) == over and product is not None and _two_equal(t, product):
        name, base = t.add(node, "dot", product.inputs).name, ((), *base[1:])
    elif over:
        read = view
        if not (len(base) in {2, 3, 4} and set(base[0]) == set(kept)):
            read = t.laid(node, view, [kept, gone])
        name, base = t.add(node, "globalpool", [read.piece], mode=mode).name, read.base[:1]
    left = tuple(() if i in axes else group for i, group in enumerate(view.axes))
    if not keep:
        left = tuple(group for i, group in enumerate(left) if i not in axes)
    return View(name, base, left).with_batch()


def _two_equal(t: Trace, piece: Piece) -> bool:
    """Return whether a piece is the product of two values of one shape."""
    shapes = [t.sketch.shapes[name] for name in piece.inputs]
    return piece.layer.canonical() == "multiply" and len(shapes) == 2 and shapes[0] == shapes[1]


def _reduce(kind: str) -> Callable[[Trace, Node, Sequence[Any]], Any]:
    def operator(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
        view = inputs[0]
        if not isinstance(view, View):
            raise RefusedError("it reduces no computed value")
        given = inputs[1] if len(inputs) > 1 else None
        if isinstance(given, View | Scores):
            raise RefusedError("its axes are computed")
        rank = len(view.axes)
        everything = () if node.attributes.get("noop_with_empty_axes") else range(rank)
        if given is not None and not np.size(given):
            given = None
        axes = axes_of(node, given, rank, default=everything)
        keep = bool(node.whole("keepdims", 1))
        match kind:
            case "min":
                made = _reduced(t, node, times(t, node, view, -1.0), "max", axes, keep=keep)
                return times(t, node, made, -1.0)
            case "l2":
                made = _reduced(t, node, t.on(node, view, "square"), "sum", axes, keep=keep)
                return t.on(node, made, "sqrt")
            case "l1":
                return _reduced(t, node, t.on(node, view, "abs"), "sum", axes, keep=keep)
            case "squares":
                return _reduced(t, node, t.on(node, view, "square"), "sum", axes, keep=keep)
            case _:
                return _reduced(t, node, view, kind, axes, keep=keep)

    return operator


def _global(mode: str) -> Callable[[Trace, Node, Sequence[Any]], Any]:
    def operator(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
        view = inputs[0]
        if not isinstance(view, View) or len(view.axes) < 3:
            raise RefusedError("it reads a value without positions")
        return _reduced(t, node, view, mode, range(2, len(view.axes)), keep=True)

    return operator


OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    "MatMul": _matmul,
    "Gemm": _gemm,
    "BatchNormalization": _batchnorm,
    "LayerNormalization": _layernorm,
    "InstanceNormalization": _instancenorm,
    "GroupNormalization": _groupnorm,
    "LRN": _lrn,
    "ReduceMean": _reduce("avg"),
    "ReduceSum": _reduce("sum"),
    "ReduceMax": _reduce("max"),
    "ReduceMin": _reduce("min"),
    "ReduceL1": _reduce("l1"),
    "ReduceL2": _reduce("l2"),
    "ReduceSumSquare": _reduce("squares"),
    "GlobalAveragePool": _global("avg"),
    "GlobalMaxPool": _global("max"),
    "netspec.standardize": _pattern,
}
