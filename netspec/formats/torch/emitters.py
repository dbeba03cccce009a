"""Each operation as an expression of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from netspec import ops
from netspec.formats.program import Program
from netspec.formats.python.statements import Call, atom, bias_behind, number, short
from netspec.formats.torch.modules import Modules
from netspec.graph.graph import Operation

__all__ = ["EMITTERS", "follow"]

Emitter: TypeAlias = Callable[[Any, Call, Modules], str]
"""Operation, its place, the modules of the network → expression."""

_NORMS = (ops.LayerNorm, ops.GroupNorm)


def follow(program: Program, operations: Sequence[Operation]) -> list[Operation]:
    """Return the operations behind one that its module computes too: a bias, or what is trained in a normalization."""
    first = operations[0]
    if not isinstance(first.op, _NORMS):
        return bias_behind(program, operations, ops.Conv, ops.ConvTranspose, ops.MatMul)
    rest = list(operations[1:3])
    kinds = [type(each.op) for each in rest]
    if kinds != [ops.Scale, ops.Bias] or any(each.node != first.node for each in rest):
        return []
    # GroupNorm has numbers for each channel, LayerNorm for each value that it normalizes.
    shape = program.arrays[rest[0].parameters[0]].shape
    whole = isinstance(first.op, ops.GroupNorm) and first.op.groups == 1 and shape == first.shape
    alone = program.only_reader(first.output) is rest[0] and program.only_reader(rest[0].output) is rest[1]
    return rest if alone and (whole or shape == first.shape[:1]) else []


def _node(path: str) -> str:
    return path.rpartition("/")[0]


def _options(**options: str) -> list[str]:
    return [f"{name}={value}" for name, value in options.items() if value]


def _unless(text: str, default: str) -> str:
    return "" if text == default else text


def _rank(at: Call) -> str:
    return f"{len(at.shapes[0]) - 1}d"


def _last_first(pads: Sequence[tuple[int, int]]) -> list[int]:
    """Return padding as `F.pad` has it: of the last axis first."""
    return [each for pair in reversed(pads) for each in pair]


def _even(pads: Sequence[tuple[int, int]]) -> bool:
    return all(before == after for before, after in pads)


def _padded(x: str, pads: Sequence[tuple[int, int]], value: str = "") -> str:
    return f"F.pad({x}, {tuple(_last_first(pads))}{f', value={value}' if value else ''})"


def _conv(op: Any, at: Call, modules: Modules) -> str:
    (path,) = at.operation.parameters
    kernel, x = at.arrays[path], at.reads[0]
    padding = [before for before, _ in op.padding]
    if not _even(op.padding):
        x, padding = _padded(x, op.padding), [0] * len(padding)
    how = _options(
        stride=_unless(short(op.stride), "1"),
        padding=_unless(short(padding), "0"),
        dilation=_unless(short(op.dilation), "1"),
        groups=_unless(str(op.groups), "1"),
    )
    sizes = [str(kernel.shape[1] * op.groups), str(len(kernel)), short(kernel.shape[2:])]
    text = f"nn.Conv{_rank(at)}({', '.join([*sizes, *how, *([] if at.bias else ['bias=False'])])})"
    paths = {"weight": path, **({"bias": at.bias} if at.bias else {})}
    made = modules.module(_node(path), text, paths)
    if made:
        return f"{made}({x})"
    weights = [modules.parameter(each) for each in (path, *([at.bias] if at.bias else []))]
    return f"F.conv{_rank(at)}({', '.join([x, *weights, *how])})"


def _deconv(op: Any, at: Call, modules: Modules) -> str:
    (path,) = at.operation.parameters
    kernel = at.arrays[path]
    more = [before - after for before, after in op.padding]
    paths = {"weight": path, **({"bias": at.bias} if at.bias else {})}
    fits = all(
        before >= 0 and 0 <= extra < max(s, d)
        for (before, _), extra, s, d in zip(op.padding, more, op.stride, op.dilation, strict=True)
    )
    if fits:
        how = _options(
            stride=_unless(short(op.stride), "1"),
            padding=_unless(short([before for before, _ in op.padding]), "0"),
            output_padding=_unless(short(more), "0"),
            groups=_unless(str(op.groups), "1"),
            bias="" if at.bias else "False",
            dilation=_unless(short(op.dilation), "1"),
        )
        sizes = [str(len(kernel)), str(kernel.shape[1] * op.groups), short(kernel.shape[2:])]
        made = modules.module(_node(path), f"nn.ConvTranspose{_rank(at)}({', '.join([*sizes, *how])})", paths)
        if made:
            return f"{made}({at.reads[0]})"
    weights = [modules.parameter(path), modules.parameter(at.bias) if at.bias else "None"]
    cut = tuple(_last_first(op.padding))
    given = [at.reads[0], *weights, short(op.stride), str(cut), short(op.dilation), str(op.groups)]
    return f"conv_transpose({', '.join(given)})"


def _linear(op: Any, at: Call, modules: Modules) -> str:
    del op
    (path,) = at.operation.parameters
    outputs, inputs = at.arrays[path].shape
    name = _node(path)
    inner = path.rpartition("/")[2].removesuffix("_weight")
    if inner in {"in_proj", "out_proj"}:
        name = f"{name}_{inner}"
    text = f"nn.Linear({inputs}, {outputs}{'' if at.bias else ', bias=False'})"
    made = modules.module(name, text, {"weight": path, **({"bias": at.bias} if at.bias else {})})

    def compute(x: str) -> str:
        if made:
            return f"{made}({x})"
        weights = [modules.parameter(each) for each in (path, *([at.bias] if at.bias else []))]
        return f"F.linear({', '.join([x, *weights])})"

    return _on_features(at, compute)


def _on_features(at: Call, compute: Callable[[str], str]) -> str:
    """Compute what PyTorch does along the last axis."""
    x = at.reads[0]
    match len(at.shapes[0]):
        case 1:
            return compute(x)
        case 2:
            return f"{compute(f'{atom(x)}.mT')}.mT"
    return f"{compute(f'{atom(x)}.movedim(1, -1)')}.movedim(-1, 1)"


def _batch_norm(op: Any, at: Call, modules: Modules) -> str:
    scale, offset, mean, variance = at.operation.parameters
    how = _options(
        eps=_unless(number(op.epsilon), number(1e-5)), momentum=_unless(number(1 - op.momentum), number(0.1))
    )
    kind = {1: "1d", 2: "1d", 3: "2d"}[len(at.shapes[0])]
    text = f"nn.BatchNorm{kind}({', '.join([str(at.shapes[0][0]), *how])})"
    paths = {"weight": scale, "bias": offset, "running_mean": mean, "running_var": variance}
    made = modules.module(_node(scale), text, paths, {"num_batches_tracked": np.zeros((), np.int64)})
    if made:
        return f"{made}({at.reads[0]})"
    weights = [modules.parameter(path) for path in (mean, variance, scale, offset)]
    return f"F.batch_norm({', '.join([at.reads[0], *weights])}, eps={number(op.epsilon)})"


def _group_norm(op: Any, at: Call, modules: Modules) -> str:
    shape, x = at.shapes[0], at.reads[0]
    eps = _options(eps=_unless(number(op.epsilon), number(1e-5)))
    if not at.after:
        if op.groups == 1:
            return f"F.layer_norm({', '.join([x, f'{x}.shape[1:]' if x.isidentifier() else str(list(shape)), *eps])})"
        return f"F.group_norm({', '.join([x, str(op.groups), *eps])})"
    paths = {"weight": at.after[0].parameters[0], "bias": at.after[1].parameters[0]}
    whole = at.arrays[paths["weight"]].shape == shape and len(shape) > 1
    given = [str(list(shape))] if whole else [str(op.groups), str(shape[0])]
    text = f"nn.{'LayerNorm' if whole else 'GroupNorm'}({', '.join([*given, *eps])})"
    made = modules.module(_node(paths["weight"]), text, paths)
    if made:
        return f"{made}({x})"
    weights = [modules.parameter(path) for path in paths.values()]
    return f"F.{'layer' if whole else 'group'}_norm({', '.join([x, given[0], *weights, *eps])})"


def _layer_norm(op: Any, at: Call, modules: Modules) -> str:
    eps = _options(eps=_unless(number(op.epsilon), number(1e-5)))
    channels = at.shapes[0][0]
    if not at.after:
        return _on_features(at, lambda x: f"F.layer_norm({', '.join([x, f'[{channels}]', *eps])})")
    paths = {"weight": at.after[0].parameters[0], "bias": at.after[1].parameters[0]}
    made = modules.module(_node(paths["weight"]), f"nn.LayerNorm({', '.join([str(channels), *eps])})", paths)
    if made:
        return _on_features(at, lambda x: f"{made}({x})")
    weights = [modules.parameter(path) for path in paths.values()]
    return _on_features(at, lambda x: f"F.layer_norm({', '.join([x, f'[{channels}]', *weights, *eps])})")


def _local(op: Any, at: Call, modules: Modules) -> str:
    del modules
    numbers = f"{op.size}, {number(op.alpha)}, {number(op.beta)}, {number(op.k)}"
    if len(at.shapes[0]) == 1:
        return f"F.local_response_norm({atom(at.reads[0])}[..., None], {numbers})[..., 0]"
    return f"F.local_response_norm({at.reads[0]}, {numbers})"


def _max_pool(op: Any, at: Call, modules: Modules) -> str:
    del modules
    x, padding = at.reads[0], [before for before, _ in op.padding]
    if not _even(op.padding) or any(2 * p > k for p, k in zip(padding, op.window, strict=True)):
        x, padding = _padded(x, op.padding, "-torch.inf"), [0] * len(padding)
    stride = [] if op.stride == op.window else [short(op.stride)]
    how = _options(padding=_unless(short(padding), "0"))
    return f"F.max_pool{_rank(at)}({', '.join([x, short(op.window), *stride, *how])})"


def _avg_pool(op: Any, at: Call, modules: Modules) -> str:
    del modules
    x, padding = at.reads[0], [before for before, _ in op.padding]
    none = ((0, 0),) * len(padding)
    counted = op.counted or none
    small = all(2 * p <= k for p, k in zip(padding, op.window, strict=True))
    if _even(op.padding) and small and counted in (none, op.padding):
        stride = [] if op.stride == op.window else [short(op.stride)]
        padded = any(padding)
        how = _options(
            padding=short(padding) if padded else "", count_include_pad="False" if padded and counted == none else ""
        )
        return f"F.avg_pool{_rank(at)}({', '.join([x, short(op.window), *stride, *how])})"
    pads = [str(_last_first(each)) for each in (op.padding, counted)]
    return f"avg_pool({', '.join([x, short(op.window), short(op.stride), *pads])})"


def _global_pool(op: Any, at: Call, modules: Modules) -> str:
    del modules
    axes = tuple(range(2, 1 + len(at.shapes[0])))
    name = {"avg": "mean", "max": "amax", "sum": "sum"}[op.mode]
    return f"{atom(at.reads[0])}.{name}({axes[0] if len(axes) == 1 else axes})"


# --- functions of each value ----------------------------------------------------------------------------------------

_F = {
    "relu": "relu",
    "relu6": "relu6",
    "selu": "selu",
    "silu": "silu",
    "mish": "mish",
    "softplus": "softplus",
    "softsign": "softsign",
    "log_sigmoid": "logsigmoid",
    "hard_sigmoid": "hardsigmoid",
    "hard_swish": "hardswish",
    "tanhshrink": "tanhshrink",
    "hard_tanh": "hardtanh",
}


def function(name: str, x: str, **parameters: Any) -> str:
    """Return an activation function of an expression."""
    if name in _F:
        return f"F.{_F[name]}({x})"
    given = {key: number(value) for key, value in parameters.items() if not isinstance(value, bool)}
    match name:
        case "identity":
            return x
        case "leaky_relu":
            return f"F.leaky_relu({x}, {given.get('slope', '0.01')})"
        case "elu" | "celu":
            return f"F.{name}({x}, {given.get('alpha', '1')})"
        case "gelu":
            return f'F.gelu({x}, approximate="tanh")' if parameters.get("approximate") else f"F.gelu({x})"
        case "threshold":
            return f"F.threshold({x}, {given['threshold']}, {given.get('value', '0')})"
        case "softshrink" | "hardshrink":
            return f"F.{name}({x}, {given.get('limit', '0.5')})"
        case "clamp":
            return f"{atom(x)}.clamp({given.get('min', 'None')}, {given.get('max', 'None')})"
        case "softmax" | "log_softmax":
            return f"{atom(x)}.{name}(1)"
        case "softmin":
            return f"F.softmin({x}, 1)"
        case "ramp":
            return f"ramp({x})"
    return f"{atom(x)}.{name}()"


def _spread(at: Call, modules: Modules) -> str:
    """Return numbers for each channel as they meet a batch; those for each value stay."""
    (path,) = at.operation.parameters
    positions = len(at.shapes[0]) - 1
    made = modules.parameter(path)
    return f"{made}[:, {', '.join(['None'] * positions)}]" if at.arrays[path].ndim == 1 and positions else made


def _prelu(op: Any, at: Call, modules: Modules) -> str:
    del op
    (path,) = at.operation.parameters
    count = prod(at.arrays[path].shape)
    made = modules.module(_node(path), f"nn.PReLU({'' if count == 1 else count})", {"weight": path})
    return f"{made}({at.reads[0]})" if made else f"F.prelu({at.reads[0]}, {modules.parameter(path)})"


def _meeting(at: Call) -> list[str]:
    """Return what is combined; one number a channel meets every position."""
    most = max(map(len, at.shapes))
    return [
        atom(x) if len(shape) == most else f"{atom(x)}[..., {', '.join(['None'] * (most - len(shape)))}]"
        for x, shape in zip(at.reads, at.shapes, strict=True)
    ]


def _infix(sign: str) -> Emitter:
    return lambda op, at, modules: f" {sign} ".join(_meeting(at))


def _merged(name: str) -> Emitter:
    def emit(op: Any, at: Call, modules: Modules) -> str:
        del op, modules
        first, *others = _meeting(at)
        for other in others:
            first = f"torch.{name}({first}, {other})"
        return first

    return emit


def _affine(op: Any, at: Call, modules: Modules) -> str:
    del modules
    text = f"{number(op.factor)} * {atom(at.reads[0])}"
    return f"{text} + {number(op.offset)}" if op.offset else text


def _part(x: str, start: int, stop: int) -> str:
    return f"{atom(x)}[:, {start or ''}:{stop}]"


def _gated(op: Any, at: Call, modules: Modules) -> str:
    del modules
    if op.function == "sigmoid":
        return f"F.glu({at.reads[0]}, 1)"
    half, x = at.shapes[0][0] // 2, at.reads[0]
    return f"{_part(x, 0, half)} * {atom(function(op.function, f'{atom(x)}[:, {half}:]'))}"


# --- what moves values ----------------------------------------------------------------------------------------------


def _reshape(op: Any, at: Call, modules: Modules) -> str:
    del modules
    if len(op.to) == 1:
        return f"{atom(at.reads[0])}.flatten(1)"
    return f"{atom(at.reads[0])}.reshape(-1, {', '.join(map(str, op.to))})"


def _pad(op: Any, at: Call, modules: Modules) -> str:
    del modules
    pads = list(zip(op.before, op.after, strict=True))
    if pads[0] == (0, 0):
        pads.pop(0)
    mode = {"zero": "", "reflect": ', mode="reflect"', "edge": ', mode="replicate"'}[op.mode]
    return f"F.pad({at.reads[0]}, {tuple(_last_first(pads))}{mode})" if pads else at.reads[0]


def _crop(op: Any, at: Call, modules: Modules) -> str:
    del modules
    parts = [f"{start or ''}:{start + size}" for start, size in zip(op.start, op.size, strict=True)]
    return f"{atom(at.reads[0])}[:, :, {', '.join(parts)}]"


def _upsample(op: Any, at: Call, modules: Modules) -> str:
    del modules
    mode = "linear" if op.mode == "bilinear" and len(op.factor) == 1 else op.mode
    how = [f"scale_factor={short(op.factor)}", f'mode="{mode}"', *(["align_corners=True"] if op.align_corners else [])]
    if op.mode == "bicubic" and len(op.factor) == 1:
        how[0] = f"scale_factor=(1, {op.factor[0]})"
        return f"F.interpolate({', '.join([f'{atom(at.reads[0])}[:, :, None]', *how])})[:, :, 0]"
    return f"F.interpolate({', '.join([at.reads[0], *how])})"


# --- sequences ------------------------------------------------------------------------------------------------------


def _embedding(op: Any, at: Call, modules: Modules) -> str:
    del op
    (path,) = at.operation.parameters
    tokens, width = at.arrays[path].shape
    made = modules.module(_node(path), f"nn.Embedding({tokens}, {width})", {"weight": path})
    return f"{made}({at.reads[0]}).mT" if made else f"F.embedding({at.reads[0]}, {modules.parameter(path)}).mT"


_CELLS = {"lstm": "LSTM", "gru": "GRU", "tanh": "RNN", "relu": "RNN"}


def _recurrent(op: Any, at: Call, modules: Modules) -> str:
    masked = isinstance(op, ops.MaskedRecurrent)
    weight_ih, weight_hh, *biases = at.operation.parameters
    inputs, units = at.arrays[weight_ih].shape[1], at.arrays[weight_hh].shape[1]
    suffix = "" if masked else "_l0"
    paths = {f"weight_ih{suffix}": weight_ih, f"weight_hh{suffix}": weight_hh}
    paths |= {f"{name}{suffix}": path for name, path in zip(("bias_ih", "bias_hh"), biases, strict=False)}
    more = {f"bias_hh{suffix}": np.zeros_like(at.arrays[biases[0]])} if len(biases) == 1 else {}
    how = [
        *(['nonlinearity="relu"'] if op.cell == "relu" else []),
        *([] if biases else ["bias=False"]),
        *([] if masked else ["batch_first=True"]),
    ]
    kind = f"{_CELLS[op.cell]}{'Cell' if masked else ''}"
    name = f"{_node(weight_ih)}{'_reverse' if op.reverse else ''}"
    made = modules.module(name, f"nn.{kind}({', '.join([str(inputs), str(units), *how])})", paths, more)
    if made is None:
        # The same weights in another direction, or another cell: a module of its own with a copy of them.
        copies = {inner: at.arrays[path] for inner, path in paths.items()}
        made = modules.module(name, f"nn.{kind}({', '.join([str(inputs), str(units), *how])})", {}, {**copies, **more})
    x = at.reads[0]
    if masked:
        return f"along({made}, {', '.join(at.reads)}{', reverse=True' if op.reverse else ''})"
    if op.reverse:
        return f"{made}({atom(x)}.flip(2).mT)[0].mT.flip(2)"
    return f"{made}({atom(x)}.mT)[0].mT"


def _attention(op: Any, at: Call, modules: Modules) -> str:
    del modules
    options = _options(
        causal="True" if op.causal else "",
        rotary="True" if op.rotary else "",
        valid=at.reads[1] if isinstance(op, ops.MaskedAttention) else "",
    )
    return f"attention({', '.join([at.reads[0], str(op.heads), *options])})"


def _cross_attention(op: Any, at: Call, modules: Modules) -> str:
    weights = [modules.parameter(path) for path in at.operation.parameters]
    bias = [weights.pop()] if len(weights) % 2 == 0 else []
    kernels = f"({', '.join(weights)}{',' if len(weights) == 1 else ''})"
    valid = [f"valid={at.reads[2]}"] if isinstance(op, ops.MaskedCrossAttention) else []
    return f"cross_attention({', '.join([*at.reads[:2], str(op.heads), kernels, *bias, *valid])})"


def _window_attention(op: Any, at: Call, modules: Modules) -> str:
    table = modules.parameter(at.operation.parameters[0])
    return f"window_attention({at.reads[0]}, {table}, {op.heads}, {op.window}, {op.shift})"


def _masked_pool(op: Any, at: Call, modules: Modules) -> str:
    del modules
    if op.mode == "sum":
        return f"fill_padding({', '.join(at.reads)}, 0).sum(2)"
    return f"masked_{'max' if op.mode == 'max' else 'mean'}({', '.join(at.reads)})"


def _valid(op: Any, at: Call, modules: Modules) -> str:
    del modules
    return f"valid_positions({at.reads[0]}, {op.token}{f', {op.before}' if op.before else ''})"


def _same(op: Any, at: Call, modules: Modules) -> str:
    del op, modules
    return at.reads[0]


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Conv: _conv,
    ops.ConvTranspose: _deconv,
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.GlobalPool: _global_pool,
    ops.MatMul: _linear,
    ops.Bias: lambda op, at, modules: f"{atom(at.reads[0])} + {_spread(at, modules)}",
    ops.Scale: lambda op, at, modules: f"{atom(at.reads[0])} * {_spread(at, modules)}",
    ops.Affine: _affine,
    ops.Activation: lambda op, at, modules: function(op.function, at.reads[0], **dict(op.parameters)),
    ops.PRelu: _prelu,
    ops.Gated: _gated,
    ops.Dropout: _same,
    ops.StochasticDepth: _same,
    ops.Noise: _same,
    ops.Sample: lambda op, at, modules: _part(at.reads[0], 0, at.shapes[0][0] // 2),
    ops.BatchNorm: _batch_norm,
    ops.LayerNorm: _layer_norm,
    ops.GroupNorm: _group_norm,
    ops.LocalResponseNorm: _local,
    ops.Reshape: _reshape,
    ops.Permute: lambda op, at, _: f"{atom(at.reads[0])}.permute(0, {', '.join(str(a + 1) for a in op.order)})",
    ops.Pad: _pad,
    ops.Crop: _crop,
    ops.Channels: lambda op, at, modules: _part(at.reads[0], op.start, op.start + op.count),
    ops.Coordinates: lambda op, at, modules: f"with_coordinates({at.reads[0]})",
    ops.ShuffleChannels: lambda op, at, modules: f"shuffle_channels({at.reads[0]}, {op.groups})",
    ops.Upsample: _upsample,
    ops.DepthToSpace: lambda op, at, modules: f"F.pixel_shuffle({at.reads[0]}, {op.factor})",
    ops.SpaceToDepth: lambda op, at, modules: f"F.pixel_unshuffle({at.reads[0]}, {op.factor})",
    ops.Add: _infix("+"),
    ops.Average: lambda op, at, modules: f"({' + '.join(_meeting(at))}) / {len(at.reads)}",
    ops.Subtract: _infix("-"),
    ops.Multiply: _infix("*"),
    ops.Divide: _infix("/"),
    ops.Maximum: _merged("maximum"),
    ops.Minimum: _merged("minimum"),
    ops.Concat: lambda op, at, modules: f"torch.cat([{', '.join(at.reads)}], 1)",
    ops.Dot: lambda op, at, modules: f"({' * '.join(_meeting(at))}).sum(1, keepdim=True)",
    ops.CosineSimilarity: lambda op, at, _: (
        f"F.cosine_similarity({', '.join(at.reads)}, 1, {number(op.epsilon)}).unsqueeze(1)"
    ),
    ops.Embedding: _embedding,
    ops.OneHot: lambda op, at, modules: f"one_hot({at.reads[0]}, {op.tokens})",
    ops.Sinusoid: lambda op, at, modules: (
        f"{atom(at.reads[0])} + sinusoids{tuple(at.shapes[0])}.to({atom(at.reads[0])}.device)"
    ),
    ops.Prepend: lambda op, at, modules: f"prepend({at.reads[0]}, {modules.parameter(at.operation.parameters[0])})",
    ops.Take: lambda op, at, modules: f"{atom(at.reads[0])}[:, :, {0 if op.position == 'first' else -1}]",
    ops.Recurrent: _recurrent,
    ops.Attention: _attention,
    ops.CrossAttention: _cross_attention,
    ops.WindowAttention: _window_attention,
    ops.ValidPositions: _valid,
    ops.ZeroPadding: lambda op, at, modules: f"fill_padding({', '.join(at.reads)}, 0)",
    ops.OnePadding: lambda op, at, modules: f"fill_padding({', '.join(at.reads)}, 1)",
    ops.MaskedGlobalPool: _masked_pool,
    ops.TakeLastValid: lambda op, at, modules: f"take_last_valid({', '.join(at.reads)})",
    ops.MaskedRecurrent: _recurrent,
    ops.MaskedAttention: _attention,
    ops.MaskedCrossAttention: _cross_attention,
}
