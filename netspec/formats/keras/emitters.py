"""Each operation as an expression of Keras 3."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec import ops
from netspec.formats.jax.emitters import EMITTERS as OF_JAX
from netspec.formats.keras.layers import Layers
from netspec.formats.program import Program
from netspec.formats.python.calls import Call, bias_behind, numbers_behind
from netspec.formats.python.expressions import atom, node_of, number, options, short, unless
from netspec.formats.python.operations import ANYWHERE, meeting, per_channel
from netspec.graph.graph import Operation

__all__ = ["EMITTERS", "follow"]

Emitter: TypeAlias = Callable[[Any, Call, Layers], str]
"""Operation, its place, the layers of the model → expression."""

_FIRST = 'data_format="channels_first"'


def follow(program: Program, operations: Sequence[Operation]) -> list[Operation]:
    """Return the operations behind one that its layer computes too: a bias, or what is trained in a normalization."""
    first = operations[0]
    if not isinstance(first.op, ops.LayerNorm | ops.GroupNorm):
        return bias_behind(program, operations, ops.Conv, ops.MatMul)
    rest = numbers_behind(program, operations)
    return rest if rest and program.arrays[rest[0].parameters[0]].shape == first.shape[:1] else []


def _padded(x: str, pads: Sequence[tuple[int, int]], value: str = "") -> str:
    edges = [(0, 0), (0, 0), *pads]
    return f"ops.pad({x}, {edges}{f', constant_values={value}' if value else ''})"


def _conv(op: Any, at: Call, layers: Layers) -> str:
    (path,) = at.operation.parameters
    kernel, x, size = at.arrays[path], at.reads[0], at.shapes[0][1:]
    padding = "" if not any(map(any, op.padding)) else "same"
    if padding and op.padding != ops.same_padding(size, kernel.shape[2:], op.stride, op.dilation):
        x, padding = _padded(x, op.padding), ""
    how = options(
        strides=unless(short(op.stride), "1"),
        padding=f'"{padding}"' if padding else "",
        dilation_rate=unless(short(op.dilation), "1"),
        groups=unless(str(op.groups), "1"),
        use_bias="" if at.bias else "False",
    )
    variables = {"kernel": np.moveaxis(kernel, (0, 1), (-1, -2))}
    if at.bias:
        variables["bias"] = at.arrays[at.bias]
    kind = f"layers.Conv{len(size)}D"
    arguments = [str(len(kernel)), short(kernel.shape[2:]), *how, _FIRST]
    made = layers.layer(node_of(path), kind, arguments, variables, (path, *([at.bias] if at.bias else [])))
    return f"{made}({x})"


def _deconv(op: Any, at: Call, layers: Layers) -> str:
    (path,) = at.operation.parameters
    given = f"{op.stride}, {op.padding}, {op.dilation}, {op.groups}"
    made = layers.weighted(node_of(path), f"lambda x, kernel: conv_transpose(x, kernel, {given})", {"kernel": path})
    return f"{made}({at.reads[0]})"


def _linear(op: Any, at: Call, layers: Layers) -> str:
    del op
    (path,) = at.operation.parameters
    name, inner = node_of(path), path.rpartition("/")[2].removesuffix("_weight")
    name = f"{name}_{inner}" if inner in {"in_proj", "out_proj"} else name
    variables = {"kernel": at.arrays[path].T, **({"bias": at.arrays[at.bias]} if at.bias else {})}
    arguments = [str(len(at.arrays[path])), *([] if at.bias else ["use_bias=False"])]
    paths = (path, *([at.bias] if at.bias else []))
    made = layers.layer(name, "layers.Dense", arguments, variables, paths)
    return _on_features(at, made)


def _on_features(at: Call, layer: str) -> str:
    """Return a layer of what Keras has along the last axis."""
    if len(at.shapes[0]) == 1:
        return f"{layer}({at.reads[0]})"
    return f"ops.moveaxis({layer}(ops.moveaxis({at.reads[0]}, 1, -1)), -1, 1)"


def _batch_norm(op: Any, at: Call, layers: Layers) -> str:
    scale, offset, mean, variance = at.operation.parameters
    variables = {
        "gamma": at.arrays[scale],
        "beta": at.arrays[offset],
        "moving_mean": at.arrays[mean],
        "moving_variance": at.arrays[variance],
    }
    arguments = ["axis=1", f"momentum={number(op.momentum)}", f"epsilon={number(op.epsilon)}"]
    paths = (scale, offset, mean, variance)
    return f"{layers.layer(node_of(scale), 'layers.BatchNormalization', arguments, variables, paths)}({at.reads[0]})"


def _norm(op: Any, at: Call, layers: Layers) -> str:
    if not at.after:
        return OF_JAX[type(op)](op, at)
    scale, offset = (each.parameters[0] for each in at.after)
    variables = {"gamma": at.arrays[scale], "beta": at.arrays[offset]}
    grouped = isinstance(op, ops.GroupNorm)
    kind = "layers.GroupNormalization" if grouped else "layers.LayerNormalization"
    arguments = [*([str(op.groups)] if grouped else []), "axis=1", f"epsilon={number(op.epsilon)}"]
    return f"{layers.layer(node_of(scale), kind, arguments, variables, (scale, offset))}({at.reads[0]})"


def _max_pool(op: Any, at: Call, layers: Layers) -> str:
    del layers
    x = _padded(at.reads[0], op.padding, "-np.inf") if any(map(any, op.padding)) else at.reads[0]
    strides = unless(short(op.stride), short(op.window))
    how = options(strides=strides)
    return f"layers.MaxPooling{len(op.window)}D({', '.join([short(op.window), *how, _FIRST])})({x})"


def _avg_pool(op: Any, at: Call, layers: Layers) -> str:
    del layers
    if any(map(any, op.padding)):
        counted = op.counted or ((0, 0),) * len(op.window)
        return f"avg_pool({at.reads[0]}, {op.window}, {op.stride}, {op.padding}, {counted})"
    how = options(strides=unless(short(op.stride), short(op.window)))
    return f"layers.AveragePooling{len(op.window)}D({', '.join([short(op.window), *how, _FIRST])})({at.reads[0]})"


def _global_pool(op: Any, at: Call, layers: Layers) -> str:
    del layers
    axes = tuple(range(2, 1 + len(at.shapes[0])))
    name = {"avg": "mean", "max": "max", "sum": "sum"}[op.mode]
    return f"ops.{name}({at.reads[0]}, {axes[0] if len(axes) == 1 else axes})"


_OPS = {
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "silu": "silu",
    "softplus": "softplus",
    "softsign": "softsign",
    "sigmoid": "sigmoid",
    "log_sigmoid": "log_sigmoid",
    "hard_sigmoid": "hard_sigmoid",
    "hard_tanh": "hard_tanh",
    "tanhshrink": "tanh_shrink",
}


def function(name: str, x: str, **parameters: Any) -> str:
    """Return an activation function of an expression."""
    if name in _OPS:
        return f"ops.{_OPS[name]}({x})"
    given = {key: number(value) for key, value in parameters.items() if not isinstance(value, bool)}
    match name:
        case "identity":
            return x
        case "leaky_relu":
            return f"ops.leaky_relu({x}, {given.get('slope', '0.01')})"
        case "elu" | "celu":
            return f"ops.{name}({x}, {given.get('alpha', '1.0')})"
        case "gelu":
            return f"ops.gelu({x}, approximate={bool(parameters.get('approximate', False))})"
        case "mish":
            return f"{atom(x)} * ops.tanh(ops.softplus({x}))"
        case "threshold":
            return f"threshold({x}, {given['threshold']}, {given.get('value', '0')})"
        case "softshrink" | "hardshrink":
            return f"ops.{name[:4]}_shrink({x}, {given.get('limit', '0.5')})"
        case "clamp":
            return f"ops.clip({x}, {given.get('min', '-np.inf')}, {given.get('max', 'np.inf')})"
        case "softmax" | "log_softmax":
            return f"ops.{name}({x}, axis=1)"
        case "softmin":
            return f"ops.softmax(-{atom(x)}, axis=1)"
        case "ramp" | "hard_swish":
            return f"{name}({x})"
    return f"ops.{name}({x})"


def _each(at: Call, text: str, layers: Layers, name: str) -> str:
    """Return a layer of numbers for each channel, or for each value, which meet a batch as `text` says."""
    (path,) = at.operation.parameters
    made = layers.weighted(node_of(path), f"lambda x, {name}: {text.format(name + per_channel(at))}", {name: path})
    return f"{made}({at.reads[0]})"


def _reshape(op: Any, at: Call, layers: Layers) -> str:
    del layers
    if len(op.to) == 1:
        return f"layers.Flatten()({at.reads[0]})"
    return f"layers.Reshape({op.to})({at.reads[0]})"


def _permute(op: Any, at: Call, layers: Layers) -> str:
    del layers
    return f"layers.Permute({tuple(axis + 1 for axis in op.order)})({at.reads[0]})"


def _pad(op: Any, at: Call, layers: Layers) -> str:
    del layers
    edges = [(0, 0), *zip(op.before, op.after, strict=True)]
    mode = {"zero": "", "reflect": ', mode="reflect"', "edge": ', mode="edge"'}[op.mode]
    # `ops.pad` of the JAX back end takes all three.
    return f"ops.pad({at.reads[0]}, {edges}{mode})"


def _merged(name: str) -> Emitter:
    return lambda op, at, layers: reduce(lambda a, b: f"ops.{name}({a}, {b})", meeting(at))


def _gated(op: Any, at: Call, layers: Layers) -> str:
    del layers
    half, x = at.shapes[0][0] // 2, atom(at.reads[0])
    return f"{x}[:, :{half}] * {atom(function(op.function, f'{x}[:, {half}:]'))}"


def _embedding(op: Any, at: Call, layers: Layers) -> str:
    del op
    (path,) = at.operation.parameters
    tokens, width = at.arrays[path].shape
    variables = {"embeddings": at.arrays[path]}
    made = layers.layer(node_of(path), "layers.Embedding", [str(tokens), str(width)], variables, (path,))
    return f"ops.swapaxes({made}({at.reads[0]}), 1, 2)"


_ORDER = {"lstm": (0, 1, 2, 3), "gru": (1, 0, 2), "tanh": (0,), "relu": (0,)}
_KINDS = {"lstm": ("LSTM", "lstm_cell"), "gru": ("GRU", "gru_cell")}


def _recurrent(op: Any, at: Call, layers: Layers) -> str:
    weight_ih, weight_hh, *biases = at.operation.parameters
    units = at.arrays[weight_hh].shape[1]

    def ordered(array: NDArray[Any]) -> NDArray[Any]:
        gates = array.reshape(op.gates, units, *array.shape[1:])
        return gates[list(_ORDER[op.cell])].reshape(array.shape)

    kind, cell = _KINDS.get(op.cell, ("SimpleRNN", "simple_rnn_cell"))
    variables = {
        f"{cell}/kernel": ordered(at.arrays[weight_ih]).T,
        f"{cell}/recurrent_kernel": ordered(at.arrays[weight_hh]).T,
    }
    if biases:
        each = [ordered(at.arrays[path]) for path in biases]
        variables[f"{cell}/bias"] = np.stack(each) if op.cell == "gru" else np.sum(each, axis=0)
    arguments = [str(units), "return_sequences=True"]
    arguments += [*(['activation="relu"'] if op.cell == "relu" else []), *([] if biases else ["use_bias=False"])]
    arguments += ["go_backwards=True"] if op.reverse else []
    name = f"{node_of(weight_ih)}_reverse" if op.reverse else node_of(weight_ih)
    made = layers.layer(name, f"layers.{kind}", arguments, variables, tuple(at.operation.parameters))
    mask = f", mask={atom(at.reads[1])}[:, 0] != 0" if isinstance(op, ops.MaskedRecurrent) else ""
    y = f"{made}(ops.swapaxes({at.reads[0]}, 1, 2){mask})"
    return f"ops.swapaxes({f'ops.flip({y}, 1)' if op.reverse else y}, 1, 2)"


def _cross_attention(op: Any, at: Call, layers: Layers) -> str:
    paths = list(at.operation.parameters)
    named = {"bias": paths.pop()} if len(paths) % 2 == 0 else {}
    names = ("q", "k", "v") if len(paths) == 3 else ("qkv",)
    weights = {**dict(zip(names, paths, strict=True)), **named}
    function = f"lambda *x, **w: cross_attention(*x, heads={op.heads}, **w)"
    return f"{layers.weighted(node_of(paths[0]), function, weights)}({', '.join(at.reads)})"


def _window_attention(op: Any, at: Call, layers: Layers) -> str:
    (path,) = at.operation.parameters
    function = f"lambda x, table: window_attention(x, table, {op.heads}, {op.window}, {op.shift})"
    made = layers.weighted(f"{node_of(path)}_bias", function, {"table": path})
    return f"{made}({at.reads[0]})"


def _masked_pool(op: Any, at: Call, layers: Layers) -> str:
    del layers
    if op.mode == "sum":
        return f"ops.sum(fill_padding({', '.join(at.reads)}, 0.0), 2)"
    return f"masked_{'max' if op.mode == 'max' else 'mean'}({', '.join(at.reads)})"


def _dot(op: Any, at: Call, layers: Layers) -> str:
    del op, layers
    return f"ops.sum({' * '.join(map(atom, at.reads))}, 1, keepdims=True)"


_AS_IN_JAX = (
    *ANYWHERE,
    *(ops.LocalResponseNorm, ops.Upsample, ops.DepthToSpace, ops.SpaceToDepth, ops.CosineSimilarity, ops.Sinusoid),
    *(ops.Attention, ops.MaskedAttention),
)
"""Operations whose expression names nothing of JAX."""


def _as_in_jax(op: type[ops.Op]) -> Emitter:
    return lambda given, at, _: OF_JAX[op](given, at)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    **{op: _as_in_jax(op) for op in _AS_IN_JAX},
    ops.Conv: _conv,
    ops.ConvTranspose: _deconv,
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.GlobalPool: _global_pool,
    ops.MatMul: _linear,
    ops.Bias: lambda op, at, layers: _each(at, "x + {}", layers, "bias"),
    ops.Scale: lambda op, at, layers: _each(at, "x * {}", layers, "scale"),
    ops.PRelu: lambda op, at, layers: _each(at, "prelu(x, {})", layers, "slope"),
    ops.Activation: lambda op, at, _: function(op.function, at.reads[0], **dict(op.parameters)),
    ops.Gated: _gated,
    ops.BatchNorm: _batch_norm,
    ops.LayerNorm: _norm,
    ops.GroupNorm: _norm,
    ops.Reshape: _reshape,
    ops.Permute: _permute,
    ops.Pad: _pad,
    ops.Maximum: _merged("maximum"),
    ops.Minimum: _merged("minimum"),
    ops.Concat: lambda op, at, _: f"ops.concatenate([{', '.join(at.reads)}], axis=1)",
    ops.Dot: _dot,
    ops.Embedding: _embedding,
    ops.Prepend: lambda op, at, layers: (
        f"{layers.weighted(node_of(at.operation.parameters[0]), 'prepend', {'vector': at.operation.parameters[0]})}"
        f"({at.reads[0]})"
    ),
    ops.Recurrent: _recurrent,
    ops.MaskedRecurrent: _recurrent,
    ops.CrossAttention: _cross_attention,
    ops.MaskedCrossAttention: _cross_attention,
    ops.WindowAttention: _window_attention,
    ops.MaskedGlobalPool: _masked_pool,
}
