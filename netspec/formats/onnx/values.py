"""Products with a matrix, biases and scales, activations, normalization."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod, sqrt
from typing import Any

import numpy as np

from netspec import ops
from netspec.formats.onnx.writer import At, Emitter, Writer

__all__ = ["EMITTERS", "function"]


def _matmul(w: Writer, at: At, xs: Sequence[str]) -> str:
    kernel, path, (x,) = at.arrays[0], at.paths[0], xs
    bias = w.constant(at.bias[1], at.bias[0]) if at.bias else ""
    if len(at.shape) == 1:
        return w.add("Gemm", x, w.constant(kernel, path), bias, transB=1)
    if len(at.shape) == 2:
        y = w.add("MatMul", w.constant(kernel, path), x)
        return w.add("Add", y, w.constant(at.bias[1][:, None], f"{at.bias[0]}/column")) if at.bias else y
    return w.add("Conv", x, w.constant(kernel.reshape(*kernel.shape, *[1] * len(at.shape[1:])), f"{path}/taps"), bias)


def _with(kind: str) -> Emitter:
    def emit(w: Writer, at: At, xs: Sequence[str]) -> str:
        return w.add(kind, xs[0], w.constant(at.channelwise(at.arrays[0]), f"{at.paths[0]}/spread"))

    return emit


def _affine(w: Writer, at: At, xs: Sequence[str]) -> str:
    y = w.add("Mul", xs[0], w.constant(at.op.factor))
    return w.add("Add", y, w.constant(at.op.offset)) if at.op.offset else y


def _prelu(w: Writer, at: At, xs: Sequence[str]) -> str:
    slope = at.arrays[0]
    spread = slope.reshape(1) if slope.size == 1 else at.channelwise(slope)
    return w.add("PRelu", xs[0], w.constant(spread, f"{at.paths[0]}/spread"))


def _gated(w: Writer, at: At, xs: Sequence[str]) -> str:
    values, controls = w.halves(xs[0], at.shapes[0][0])
    return w.add("Mul", values, function(w, at.op.function, controls))


def _activation(w: Writer, at: At, xs: Sequence[str]) -> str:
    return function(w, at.op.function, xs[0], **dict(at.op.parameters))


def function(w: Writer, name: str, x: str, **parameters: Any) -> str:
    """Add an activation function by its name."""
    return _FUNCTIONS[name](w, x, **parameters)


def _node(kind: str, **attributes: Any) -> Callable[..., str]:
    return lambda w, x: w.add(kind, x, **attributes)


def _gelu(w: Writer, x: str, *, approximate: bool = False) -> str:
    if approximate:
        cube = w.add("Mul", w.add("Mul", x, x), x)
        inner = w.add("Add", x, w.add("Mul", cube, w.constant(0.044715)))
        share = w.add("Tanh", w.add("Mul", inner, w.constant(sqrt(2 / np.pi))))
    else:
        share = w.add("Erf", w.add("Mul", x, w.constant(sqrt(0.5))))
    half = w.add("Mul", x, w.constant(0.5))
    return w.add("Mul", half, w.add("Add", share, w.constant(1.0)))


def _threshold(w: Writer, x: str, *, threshold: float, value: float = 0.0) -> str:
    return w.add("Where", w.add("LessOrEqual", x, w.constant(threshold)), w.constant(value), x)


def _clamp(w: Writer, x: str, *, min: float | None = None, max: float | None = None) -> str:
    return w.add("Clip", x, "" if min is None else w.constant(min), "" if max is None else w.constant(max))


def _ramp(w: Writer, x: str) -> str:
    positive = w.add("Greater", x, w.constant(0.0))
    return w.add("Mul", x, w.add("Where", positive, w.constant(1.1), w.constant(0.1)))


def _times(inner: Callable[..., str]) -> Callable[..., str]:
    return lambda w, x: w.add("Mul", x, inner(w, x))


_FUNCTIONS: Mapping[str, Callable[..., str]] = {
    "identity": _node("Identity"),
    "relu": _node("Relu"),
    "relu6": lambda w, x: _clamp(w, x, min=0, max=6),
    "leaky_relu": lambda w, x, slope=0.01: w.add("LeakyRelu", x, alpha=float(slope)),
    "threshold": _threshold,
    "elu": lambda w, x, alpha=1.0: w.add("Elu", x, alpha=float(alpha)),
    "celu": lambda w, x, alpha=1.0: w.add("Celu", x, alpha=float(alpha)),
    "selu": _node("Selu"),
    "gelu": _gelu,
    "silu": _times(_node("Sigmoid")),
    "mish": _times(lambda w, x: w.add("Tanh", w.add("Softplus", x))),
    "softplus": _node("Softplus"),
    "softsign": _node("Softsign"),
    "sigmoid": _node("Sigmoid"),
    "log_sigmoid": lambda w, x: w.add("Neg", w.add("Softplus", w.add("Neg", x))),
    "hard_sigmoid": _node("HardSigmoid", alpha=1 / 6, beta=0.5),
    "hard_swish": _node("HardSwish"),
    "tanh": _node("Tanh"),
    "tanhshrink": lambda w, x: w.add("Sub", x, w.add("Tanh", x)),
    "softshrink": lambda w, x, limit=0.5: w.add("Shrink", x, lambd=float(limit), bias=float(limit)),
    "hardshrink": lambda w, x, limit=0.5: w.add("Shrink", x, lambd=float(limit), bias=0.0),
    "hard_tanh": lambda w, x: _clamp(w, x, min=-1, max=1),
    "ramp": _ramp,
    "exp": _node("Exp"),
    "log": _node("Log"),
    "abs": _node("Abs"),
    "square": lambda w, x: w.add("Mul", x, x),
    "sqrt": _node("Sqrt"),
    "clamp": _clamp,
    "softmax": _node("Softmax", axis=1),
    "softmin": lambda w, x: w.add("Softmax", w.add("Neg", x), axis=1),
    "log_softmax": _node("LogSoftmax", axis=1),
}


def _batch_norm(w: Writer, at: At, xs: Sequence[str]) -> str:
    arrays = [w.constant(a, path) for a, path in zip(at.arrays, at.paths, strict=True)]
    return w.add("BatchNormalization", xs[0], *arrays, epsilon=at.op.epsilon)


def _group_norm(w: Writer, at: At, xs: Sequence[str]) -> str:
    grouped = w.reshape(xs[0], at.op.groups, prod(at.shape) // at.op.groups)
    return w.reshape(w.standardized(grouped, (2,), at.op.epsilon), *at.shape)


def _local(w: Writer, at: At, xs: Sequence[str]) -> str:
    op, (x,) = at.op, xs
    if op.size % 2 and len(at.shape) == 3:
        return w.add("LRN", x, alpha=float(op.alpha), beta=float(op.beta), bias=float(op.k), size=op.size)
    # The node has the odd channel of an even window on the other side.
    square = w.reshape(w.add("Mul", x, x), 1, at.shape[0], prod(at.shape[1:]))
    pads = [op.size // 2, 0, (op.size - 1) // 2, 0]
    mean = w.add("AveragePool", square, kernel_shape=[op.size, 1], pads=pads, count_include_pad=1)
    near = w.add("Add", w.add("Mul", mean, w.constant(op.alpha)), w.constant(op.k))
    return w.add("Div", x, w.reshape(w.add("Pow", near, w.constant(op.beta)), *at.shape))


def _same(w: Writer, at: At, xs: Sequence[str]) -> str:
    del w, at
    return xs[0]


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.MatMul: _matmul,
    ops.Bias: _with("Add"),
    ops.Scale: _with("Mul"),
    ops.Affine: _affine,
    ops.Activation: _activation,
    ops.PRelu: _prelu,
    ops.Gated: _gated,
    ops.Dropout: _same,
    ops.ChannelDropout: _same,
    ops.StochasticDepth: _same,
    ops.Noise: _same,
    ops.Sample: lambda w, at, xs: w.halves(xs[0], at.shapes[0][0])[0],
    ops.BatchNorm: _batch_norm,
    ops.LayerNorm: lambda w, at, xs: w.standardized(xs[0], (1,), at.op.epsilon),
    ops.GroupNorm: _group_norm,
    ops.LocalResponseNorm: _local,
}
