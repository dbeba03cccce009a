"""Each operation as an expression of JAX, in terms of `library.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import Any

from netspec import ops
from netspec.formats.program import Program
from netspec.formats.python.calls import Call, bias_behind, numbers_behind
from netspec.formats.python.expressions import atom, defaulted, number, short
from netspec.formats.python.library import arguments_of
from netspec.formats.python.operations import ANYWHERE, Expression, infix, meeting, part, per_channel, strided
from netspec.graph.graph import Operation

__all__ = ["EMITTERS", "LIBRARY", "follow", "function"]

LIBRARY = Path(__file__).with_name("library.py")


def follow(program: Program, operations: Sequence[Operation]) -> list[Operation]:
    """Return the operations behind one that its function computes too: a bias, or the numbers of a normalization."""
    if isinstance(operations[0].op, ops.LayerNorm | ops.GroupNorm):
        return numbers_behind(program, operations)
    return bias_behind(program, operations, ops.Conv, ops.ConvTranspose, ops.MatMul)


def _weight(path: str) -> str:
    node, _, name = path.rpartition("/")
    return f'params["{node}"]["{name}"]'


def _weights(at: Call) -> list[str]:
    return [_weight(path) for path in _paths(at)]


def _paths(at: Call) -> list[str]:
    return [*at.operation.parameters, *(path for each in at.after for path in each.parameters)]


def _arguments(name: str, at: Call) -> list[str]:
    """Return the weights of an operation as arguments: all of a layer at once, where they have the names of these."""
    paths = _paths(at)
    nodes = {path.rpartition("/")[0] for path in paths}
    own = {path for path in at.arrays if path.rpartition("/")[0] in nodes}
    names = {path.rpartition("/")[2] for path in paths}
    if len(nodes) == 1 and own == set(paths) and names <= arguments_of(LIBRARY, name):
        return [f'**params["{nodes.pop()}"]']
    return _weights(at)


def _call(name: str, at: Call, *more: str, **options: str) -> str:
    """Return a call of a function with what an operation reads, its weights, and more."""
    weights = _arguments(name, at)
    given = [*more, *weights] if weights and weights[0].startswith("**") else [*weights, *more]
    arguments = [*at.reads, *given, *(f"{key}={value}" for key, value in options.items() if value)]
    return f"{name}({', '.join(arguments)})"


def _geometry(op: Any, padding: str) -> dict[str, str]:
    return {
        "stride": defaulted(short(op.stride), "1"),
        padding: defaulted(short(op.padding), "0"),
        "dilation": defaulted(short(op.dilation), "1"),
        "groups": defaulted(str(op.groups), "1"),
    }


def _pool(name: str) -> Expression:
    def emit(op: Any, at: Call) -> str:
        if name == "max_pool" and (found := strided(op, at)):
            return found
        counted = getattr(op, "counted", ())
        more = {
            "padding": defaulted(short(op.padding), "0"),
            "counted": defaulted(short(counted), "0") if counted else "",
        }
        return _call(name, at, short(op.window), short(op.stride), **more)

    return emit


def _axes(at: Call) -> str:
    axes = tuple(range(2, 1 + len(at.shapes[0])))
    return str(axes[0]) if len(axes) == 1 else str(axes)


def _global_pool(op: Any, at: Call) -> str:
    name = {"avg": "mean", "max": "max", "sum": "sum"}[op.mode]
    return f"{atom(at.reads[0])}.{name}({_axes(at)})"


_JAX_NN = {
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "soft_sign",
    "sigmoid": "sigmoid",
    "log_sigmoid": "log_sigmoid",
    "hard_sigmoid": "hard_sigmoid",
    "hard_swish": "hard_swish",
    "hard_tanh": "hard_tanh",
}


def function(name: str, x: str, **parameters: Any) -> str:
    """Return an activation function of an expression."""
    if name in _JAX_NN:
        return f"jax.nn.{_JAX_NN[name]}({x})"
    given = {key: number(value) for key, value in parameters.items() if not isinstance(value, bool)}
    match name:
        case "identity":
            return x
        case "leaky_relu":
            return f"jax.nn.leaky_relu({x}, {given.get('slope', '0.01')})"
        case "elu" | "celu":
            return f"jax.nn.{name}({x}, {given.get('alpha', '1')})"
        case "gelu":
            return f"jax.nn.gelu({x}, approximate={bool(parameters.get('approximate', False))})"
        case "threshold":
            return f"threshold({x}, {given['threshold']}, {given.get('value', '0')})"
        case "softshrink" | "hardshrink":
            return f"{name[:4]}_shrink({x}, {given.get('limit', '0.5')})"
        case "tanhshrink":
            return f"{atom(x)} - jnp.tanh({x})"
        case "clamp":
            return f"jnp.clip({x}, {given.get('min', 'None')}, {given.get('max', 'None')})"
        case "softmax" | "log_softmax":
            return f"jax.nn.{name}({x}, axis=1)"
        case "softmin":
            return f"jax.nn.softmax(-{atom(x)}, axis=1)"
        case "ramp":
            return f"ramp({x})"
    return f"jnp.{name}({x})"


def _activation(op: Any, at: Call) -> str:
    return function(op.function, at.reads[0], **dict(op.parameters))


def _spread(at: Call) -> str:
    """Return numbers for each channel as they meet a batch; those for each value stay."""
    (path,) = at.operation.parameters
    return f"{_weight(path)}{per_channel(at)}"


def _merged(name: str) -> Expression:
    return lambda _, at: reduce(lambda a, b: f"{name}({a}, {b})", meeting(at))


def _gated(op: Any, at: Call) -> str:
    half = at.shapes[0][0] // 2
    x = at.reads[0]
    return f"{part(x, 0, half)} * {atom(function(op.function, f'{atom(x)}[:, {half}:]'))}"


def _reshape(op: Any, at: Call) -> str:
    x = atom(at.reads[0])
    return f"{x}.reshape(len({at.reads[0]}), {', '.join(map(str, op.to)) if len(op.to) > 1 else -1})"


def _pad(op: Any, at: Call) -> str:
    edges = ((0, 0), *zip(op.before, op.after, strict=True))
    mode = {"zero": "", "reflect": ', mode="reflect"', "edge": ', mode="edge"'}[op.mode]
    return f"jnp.pad({at.reads[0]}, {edges}{mode})"


def _upsample(op: Any, at: Call) -> str:
    if op.mode == "nearest":
        return f"repeat({at.reads[0]}, {op.factor})"
    more = ", cubic=True" if op.mode == "bicubic" else ""
    return f"upsample({at.reads[0]}, {op.factor}{more}{', align_corners=True' if op.align_corners else ''})"


def _recurrent(op: Any, at: Call) -> str:
    masked = isinstance(op, ops.MaskedRecurrent)
    name = op.cell if op.cell in {"lstm", "gru"} else "rnn"
    options = [
        *(["function=jax.nn.relu"] if op.cell == "relu" else []),
        *(["reverse=True"] if op.reverse else []),
        *([f"valid={at.reads[1]}"] if masked else []),
    ]
    return f"{name}({', '.join([at.reads[0], *_arguments(name, at), *options])})"


def _attention(op: Any, at: Call) -> str:
    options = [
        *(["causal=True"] if op.causal else []),
        *(["rotary=True"] if op.rotary else []),
        *([f"valid={at.reads[1]}"] if isinstance(op, ops.MaskedAttention) else []),
    ]
    return f"attention({', '.join([at.reads[0], str(op.heads), *options])})"


def _cross_attention(op: Any, at: Call) -> str:
    weights = _weights(at)
    bias = [weights.pop()] if len(weights) % 2 == 0 else []
    kernels = f"({', '.join(weights)}{',' if len(weights) == 1 else ''})"
    valid = [f"valid={at.reads[2]}"] if isinstance(op, ops.MaskedCrossAttention) else []
    return f"cross_attention({', '.join([*at.reads[:2], str(op.heads), kernels, *bias, *valid])})"


def _window_attention(op: Any, at: Call) -> str:
    return f"window_attention({at.reads[0]}, {_weights(at)[0]}, {op.heads}, {op.window}, {op.shift})"


def _masked_pool(op: Any, at: Call) -> str:
    if op.mode == "sum":
        return f"fill_padding({', '.join(at.reads)}, 0).sum(2)"
    return f"masked_{'max' if op.mode == 'max' else 'mean'}({', '.join(at.reads)})"


def _local(op: Any, at: Call) -> str:
    return f"local_response_norm({at.reads[0]}, {op.size}, {number(op.alpha)}, {number(op.beta)}, {number(op.k)})"


def _epsilon(op: Any) -> str:
    return number(op.epsilon) if op.epsilon != 1e-5 else ""


EMITTERS: Mapping[type[ops.Op], Expression] = {
    **ANYWHERE,
    ops.Conv: lambda op, at: _call("conv", at, **_geometry(op, "padding")),
    ops.ConvTranspose: lambda op, at: _call("conv_transpose", at, **_geometry(op, "cut")),
    ops.MaxPool: _pool("max_pool"),
    ops.AvgPool: _pool("avg_pool"),
    ops.GlobalPool: _global_pool,
    ops.MatMul: lambda op, at: _call("linear", at),
    ops.Bias: lambda op, at: f"{atom(at.reads[0])} + {_spread(at)}",
    ops.Scale: lambda op, at: f"{atom(at.reads[0])} * {_spread(at)}",
    ops.PRelu: lambda op, at: f"prelu({at.reads[0]}, {_spread(at)})",
    ops.Activation: _activation,
    ops.Gated: _gated,
    ops.BatchNorm: lambda op, at: _call("batch_norm", at, epsilon=_epsilon(op)),
    ops.LayerNorm: lambda op, at: _call("layer_norm", at, epsilon=_epsilon(op)),
    ops.GroupNorm: lambda op, at: _call("group_norm", at, groups=str(op.groups), epsilon=_epsilon(op)),
    ops.LocalResponseNorm: _local,
    ops.Reshape: _reshape,
    ops.Permute: lambda op, at: f"{atom(at.reads[0])}.transpose(0, {', '.join(str(a + 1) for a in op.order)})",
    ops.Pad: _pad,
    ops.Upsample: _upsample,
    ops.DepthToSpace: lambda op, at: f"depth_to_space({at.reads[0]}, {op.factor})",
    ops.SpaceToDepth: lambda op, at: f"space_to_depth({at.reads[0]}, {op.factor})",
    ops.Maximum: _merged("jnp.maximum"),
    ops.Minimum: _merged("jnp.minimum"),
    ops.Concat: lambda op, at: f"jnp.concatenate([{', '.join(at.reads)}], axis=1)",
    ops.Dot: lambda op, at: f"({infix('*')(op, at)}).sum(1, keepdims=True)",
    ops.CosineSimilarity: lambda op, at: f"cosine({', '.join(at.reads)}, {number(op.epsilon)})",
    ops.Embedding: lambda op, at: _call("embed", at),
    ops.Sinusoid: lambda op, at: f"{atom(at.reads[0])} + sinusoids{tuple(at.shapes[0])}",
    ops.Prepend: lambda op, at: _call("prepend", at),
    ops.Recurrent: _recurrent,
    ops.Attention: _attention,
    ops.CrossAttention: _cross_attention,
    ops.WindowAttention: _window_attention,
    ops.MaskedGlobalPool: _masked_pool,
    ops.MaskedRecurrent: _recurrent,
    ops.MaskedAttention: _attention,
    ops.MaskedCrossAttention: _cross_attention,
}
