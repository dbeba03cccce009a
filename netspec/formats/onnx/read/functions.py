"""Functions of each value by itself, and of the values along an axis: activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from netspec.formats.onnx.read.constants import number_of, of_channels, per_value, spread, times
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.scores import Scores
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import View, atoms_of

__all__ = ["OPERATORS"]

_Operator: TypeAlias = Callable[[Trace, Node, Sequence[Any]], Any]


def _view(inputs: Sequence[Any]) -> View:
    """Return the value that a node reads; raises RefusedError where it is a constant or scores."""
    if not inputs or not isinstance(inputs[0], View):
        raise RefusedError("it reads scores of an attention, or nothing", "`attention` has one softmax")
    if inputs[0].tokens:
        raise RefusedError("it computes with token numbers", "`embedding` is the only thing that reads them")
    return inputs[0]


def _plain(kind: str) -> _Operator:
    return lambda t, node, inputs: t.on(node, _view(inputs), kind)


def _with(kind: str, **numbers: tuple[str, float]) -> _Operator:
    """Return the operator for a function with numbers: by the layer's names, those of ONNX and their defaults."""

    def operator(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
        given: dict[str, Any] = {name: node.number(*of_onnx) for name, of_onnx in numbers.items()}
        return t.on(node, _view(inputs), kind, **given)

    return operator


def _selu(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    if abs(node.number("alpha", 1.673263) - 1.673263) > 1e-4 or abs(node.number("gamma", 1.050701) - 1.050701) > 1e-4:
        raise RefusedError("a selu of other numbers", "`elu` and `times`")
    return t.on(node, _view(inputs), "selu")


def _hard_sigmoid(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    alpha, beta = node.number("alpha", 0.2), node.number("beta", 0.5)
    if abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
        return t.on(node, _view(inputs), "hard_sigmoid")
    return t.on(node, times(t, node, _view(inputs), alpha, beta), "clamp", min=0.0, max=1.0)


def _clip(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    bounds: list[float | None] = []
    for index, name in enumerate(("min", "max"), start=1):
        given = inputs[index] if len(inputs) > index else None
        if isinstance(given, View | Scores):
            raise RefusedError("a bound that is computed", "`clamp` has numbers")
        value = node.number(name, np.nan) if given is None else number_of(given)
        bounds.append(None if value is None or np.isnan(value) or abs(value) > 3e38 else value)
    view = _view(inputs)
    match bounds:
        case [None, None]:
            return view
        case [0.0, None]:
            return t.on(node, view, "relu")
        case [0.0, 6.0]:
            return t.on(node, view, "relu6")
        case [-1.0, 1.0]:
            return t.on(node, view, "hard_tanh")
        case [low, high]:
            return t.on(node, view, "clamp", min=low, max=high)
    raise AssertionError


def _prelu(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view, slope = _view(inputs), inputs[1] if len(inputs) > 1 else None
    if not isinstance(slope, np.ndarray):
        raise RefusedError("slopes that are computed", "`prelu` has weights")
    if slope.size == 1:
        return t.on(node, view, "prelu", {"slope": slope.reshape(1)}, shared=True)
    if node.attributes.get("broadcast") or (t.graph.opset < 7 and slope.ndim == 1 and len(view.axes) > 2):
        # Of before opset 7: one for each channel.
        slope = slope.reshape(-1, *[1] * (len(view.axes) - 2))
    view, slope = spread(view, slope)
    channels = of_channels(view, slope)
    if channels is not None:
        return t.on(node, view, "prelu", {"slope": channels})
    row = t.laid(node, view, [tuple(view.atoms)])
    return t.on(node, row, "prelu", {"slope": per_value(row, slope).reshape(-1)})


def _shrink(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    limit, bias = node.number("lambd", 0.5), node.number("bias", 0.0)
    if bias not in {0.0, limit}:
        raise RefusedError("a shrink with a bias of its own", "`softshrink` or `hardshrink`")
    return t.on(node, _view(inputs), "softshrink" if bias else "hardshrink", limit=limit)


def _gelu(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    return t.on(node, _view(inputs), "gelu", approximate=node.word("approximate", "none") == "tanh")


def _swish(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    if node.number("alpha", 1.0) != 1:
        raise RefusedError("a swish with a factor", "`silu`")
    return t.on(node, _view(inputs), "silu")


def _along(kind: str) -> _Operator:
    """Return the operator for a function of the values along an axis, which become channels for it."""

    def operator(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
        old = t.graph.opset < 13
        axis = node.whole("axis", 1 if old else -1)
        if inputs and isinstance(inputs[0], Scores):
            scores = inputs[0]
            if (
                kind != "softmax"
                or axis % len(scores.shape) != len(scores.shape) - 1
                or scores.turned
                or scores.weights
            ):
                raise RefusedError(
                    "a function of the scores of an attention", "`attention` has a softmax over the keys"
                )
            return replace(scores, weights=True)
        view = _view(inputs)
        rank = len(view.axes)
        if not -rank <= axis < rank:
            raise RefusedError(f"its axis {axis} is none of {rank}")
        # Before opset 13 all axes from this one on were one.
        groups = view.axes[axis % rank :] if old else view.axes[axis % rank :][:1]
        if any(atom.batch for group in groups for atom in group):
            raise RefusedError("it goes across the examples of a batch")
        return t.on(node, t.featured(node, view, tuple(atoms_of(groups))), kind)

    return operator


def _same(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
    del t, node
    return inputs[0]


def _dropout(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
    if len(inputs) > 2 and (not isinstance(inputs[2], np.ndarray | None) or np.any(inputs[2])):
        raise RefusedError("a dropout that also drops in prediction", "export it in evaluation mode")
    given = inputs[1] if len(inputs) > 1 else None
    rate = node.number("ratio", 0.5) if given is None else number_of(np.asarray(given))
    if isinstance(inputs[0], Scores) or not rate:
        return inputs[0]
    return t.on(node, _view(inputs), "dropout", rate=rate)


def _cast(t: Trace, node: Node, inputs: Sequence[Any]) -> Any:
    import onnx  # noqa: PLC0415

    value = inputs[0]
    if not isinstance(value, View):
        return value
    to = node.attributes["to"]
    kind = str(to).lower() if isinstance(to, str) else str(onnx.helper.tensor_dtype_to_np_dtype(to).name)
    if value.tokens:
        if "int" in kind:
            return value
        raise RefusedError("it computes with token numbers", "`embedding` is the only thing that reads them")
    if kind not in {"float", "double", "float16", "float32", "float64", "bfloat16"}:
        raise RefusedError(f"it makes elements of {kind}", "values are floats here")
    # netspec hands a model the bytes of a picture as 0..1.
    return times(t, node, replace(value, bytes=False), 255.0) if value.bytes else value


def _neg(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    return times(t, node, _view(inputs), -1.0)


def _reciprocal(t: Trace, node: Node, inputs: Sequence[Any]) -> View:
    view = _view(inputs)
    one = t.on(node, view, "times", factor=0.0, plus=1.0)
    return replace(view, piece=t.add(node, "divide", [one.piece, view.piece]).name)


OPERATORS: Mapping[str, _Operator] = {
    "Relu": _plain("relu"),
    "LeakyRelu": _with("leaky_relu", slope=("alpha", 0.01)),
    "PRelu": _prelu,
    "Elu": _with("elu", alpha=("alpha", 1.0)),
    "Celu": _with("celu", alpha=("alpha", 1.0)),
    "Selu": _selu,
    "Gelu": _gelu,
    "Mish": _plain("mish"),
    "Swish": _swish,
    "HardSwish": _plain("hard_swish"),
    "HardSigmoid": _hard_sigmoid,
    "Sigmoid": _plain("sigmoid"),
    "Tanh": _plain("tanh"),
    "Softplus": _plain("softplus"),
    "Softsign": _plain("softsign"),
    "ThresholdedRelu": _with("threshold", threshold=("alpha", 1.0)),
    "Shrink": _shrink,
    "Clip": _clip,
    "Exp": _plain("exp"),
    "Log": _plain("log"),
    "Abs": _plain("abs"),
    "Sqrt": _plain("sqrt"),
    "Neg": _neg,
    "Reciprocal": _reciprocal,
    "Softmax": _along("softmax"),
    "LogSoftmax": _along("log_softmax"),
    "Identity": _same,
    "Dropout": _dropout,
    "Cast": _cast,
    # What patterns of several nodes are called here.
    "netspec.square": _plain("square"),
    "netspec.softmin": _along("softmin"),
    "netspec.log_sigmoid": _plain("log_sigmoid"),
    "netspec.tanhshrink": _plain("tanhshrink"),
    "netspec.ramp": _plain("ramp"),
    "netspec.threshold": _with("threshold", threshold=("threshold", 0.0), value=("value", 0.0)),
}
