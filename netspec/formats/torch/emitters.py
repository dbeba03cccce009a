"""Each operation as an expression of PyTorch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import reduce
from typing import Any

from netspec import ops
from netspec.formats.python.calls import Call, Last
from netspec.formats.python.expressions import atom, defaulted, node_of, number, options, short
from netspec.formats.python.operations import ANYWHERE, Expression, infix, meeting, part, per_channel, strided
from netspec.formats.torch.modules import Modules
from netspec.formats.torch.weighted import (
    WEIGHTED,
    Emitter,
    even,
    last_first,
    padded,
    rank,
)

__all__ = ["EITHER", "EMITTERS", "NATIVE"]


def _local(op: Any, at: Call, modules: Modules) -> str:
    del modules
    numbers = f"{op.size}, {number(op.alpha)}, {number(op.beta)}, {number(op.k)}"
    if len(at.shapes[0]) == 1:
        return f"F.local_response_norm({atom(at.reads[0])}[..., None], {numbers})[..., 0]"
    return f"F.local_response_norm({at.reads[0]}, {numbers})"


def _max_pool(op: Any, at: Call, modules: Modules) -> str:
    del modules
    if found := strided(op, at):
        return found
    x, padding = at.reads[0], [before for before, _ in op.padding]
    if not even(op.padding) or any(2 * p > k for p, k in zip(padding, op.window, strict=True)):
        x, padding = padded(x, op.padding, "-torch.inf"), [0] * len(padding)
    stride = [] if op.stride == op.window else [short(op.stride)]
    how = options(padding=defaulted(short(padding), "0"))
    return f"F.max_pool{rank(at)}({', '.join([x, short(op.window), *stride, *how])})"


def _avg_pool(op: Any, at: Call, modules: Modules) -> str:
    del modules
    x, padding = at.reads[0], [before for before, _ in op.padding]
    none = ((0, 0),) * len(padding)
    counted = op.counted or none
    small = all(2 * p <= k for p, k in zip(padding, op.window, strict=True))
    if even(op.padding) and small and counted in (none, op.padding):
        stride = [] if op.stride == op.window else [short(op.stride)]
        padded = any(padding)
        how = options(
            padding=short(padding) if padded else "", count_include_pad="False" if padded and counted == none else ""
        )
        return f"F.avg_pool{rank(at)}({', '.join([x, short(op.window), *stride, *how])})"
    pads = [str(last_first(each)) for each in (op.padding, counted)]
    return f"avg_pool({', '.join([x, short(op.window), short(op.stride), *pads])})"


def _global_pool(op: Any, at: Call, modules: Modules) -> str:
    del modules
    first = 1 if _is_last(at) else 2
    axes = tuple(range(first, first + len(at.shapes[0]) - 1))
    name = {"avg": "mean", "max": "amax", "sum": "sum"}[op.mode]
    return f"{atom(at.given[0])}.{name}({axes[0] if len(axes) == 1 else axes})"


def _is_last(at: Call) -> bool:
    """Return whether the channels (or features) of what an operation reads lie last, and all has as many axes."""
    return any(isinstance(x, Last) for x in at.given) and len({len(shape) for shape in at.shapes}) == 1


def _either(emit: Emitter) -> Emitter:
    """Return what writes an operation that is the same wherever channels (or features) lie."""

    def write(op: Any, at: Call, modules: Modules) -> str:
        if not _is_last(at):
            return emit(op, replace(at, given=at.reads), modules)
        # Shapes are taken for those of rows, whose features are last and first at once.
        rows = [(shape[0],) for shape in at.shapes]
        return Last(emit(op, replace(at, given=[str(x) for x in at.lasts], shapes=rows), modules))

    return write


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


def function(name: str, x: str, *, axis: int = 1, **parameters: Any) -> str:
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
            return f"{atom(x)}.{name}({axis})"
        case "softmin":
            return f"F.softmin({x}, {axis})"
        case "ramp":
            return f"ramp({x})"
    return f"{atom(x)}.{name}()"


def _activation(op: Any, at: Call, modules: Modules) -> str:
    del modules
    if _is_last(at):
        return Last(function(op.function, at.lasts[0], axis=-1, **dict(op.parameters)))
    return function(op.function, at.reads[0], **dict(op.parameters))


def _with_numbers(sign: str) -> Emitter:
    """Return what writes numbers of each channel, or of each value, behind an operator."""

    def write(op: Any, at: Call, modules: Modules) -> str:
        del op
        (path,) = at.operation.parameters
        if _is_last(at) and len(at.shapes[0]) > 1:
            return Last(f"{atom(at.lasts[0])} {sign} {modules.parameter(path, last=True)}")
        return f"{atom(at.reads[0])} {sign} {_spread(at, modules)}"

    return write


def _concat(op: Any, at: Call, modules: Modules) -> str:
    del op, modules
    if all(isinstance(x, Last) for x in at.given) and _is_last(at):
        return Last(f"torch.cat([{', '.join(at.lasts)}], -1)")
    return f"torch.cat([{', '.join(at.reads)}], 1)"


def _take(op: Any, at: Call, modules: Modules) -> str:
    del modules
    place = 0 if op.position == "first" else -1
    return f"{atom(at.given[0])}[:, {place}]" if _is_last(at) else f"{atom(at.given[0])}[:, :, {place}]"


def _spread(at: Call, modules: Modules) -> str:
    """Return numbers for each channel as they meet a batch; those for each value stay."""
    (path,) = at.operation.parameters
    return f"{modules.parameter(path)}{per_channel(at)}"


def _merged(name: str) -> Emitter:
    return lambda op, at, modules: reduce(lambda a, b: f"torch.{name}({a}, {b})", meeting(at))


def _gated(op: Any, at: Call, modules: Modules) -> str:
    del modules
    if op.function == "sigmoid":
        return Last(f"F.glu({at.lasts[0]}, -1)") if _is_last(at) else f"F.glu({at.reads[0]}, 1)"
    half, x = at.shapes[0][0] // 2, at.reads[0]
    return f"{part(x, 0, half)} * {atom(function(op.function, f'{atom(x)}[:, {half}:]'))}"


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
    return f"F.pad({at.reads[0]}, {tuple(last_first(pads))}{mode})" if pads else at.reads[0]


def _upsample(op: Any, at: Call, modules: Modules) -> str:
    del modules
    linear = {1: "linear", 3: "trilinear"}.get(len(op.factor), "bilinear")
    mode = linear if op.mode == "bilinear" else op.mode
    how = [f"scale_factor={short(op.factor)}", f'mode="{mode}"', *(["align_corners=True"] if op.align_corners else [])]
    if op.mode == "bicubic" and len(op.factor) == 3:
        more = [", align_corners=True"] if op.align_corners else []
        return f"tricubic({at.reads[0]}, {op.factor}{''.join(more)})"
    if op.mode == "bicubic" and len(op.factor) == 1:
        how[0] = f"scale_factor=(1, {op.factor[0]})"
        return f"F.interpolate({', '.join([f'{atom(at.reads[0])}[:, :, None]', *how])})[:, :, 0]"
    return f"F.interpolate({', '.join([at.reads[0], *how])})"


# --- sequences ------------------------------------------------------------------------------------------------------


def _attention(op: Any, at: Call, modules: Modules) -> str:
    del modules
    more = options(
        causal="True" if op.causal else "",
        rotary="True" if op.rotary else "",
        valid=at.reads[1] if isinstance(op, ops.MaskedAttention) else "",
    )
    return Last(f"attention({', '.join([at.lasts[0], str(op.heads), *more])})")


def _cross_attention(op: Any, at: Call, modules: Modules) -> str:
    paths = at.operation.parameters
    kernel, *rest = paths
    made = None
    if len(paths) <= 2:
        # One layer makes queries, keys and values.
        outputs, inputs = at.arrays[kernel].shape
        text = f"nn.Linear({inputs}, {outputs}{'' if rest else ', bias=False'})"
        made = modules.module(node_of(kernel), text, dict(zip(("weight", "bias"), paths, strict=False)))
    weights = [f"{made}.weight", *([f"{made}.bias"] if rest else [])] if made else list(map(modules.parameter, paths))
    bias = [weights.pop()] if len(weights) % 2 == 0 else []
    kernels = weights[0] if len(weights) == 1 else f"({', '.join(weights)})"
    valid = [f"valid={at.reads[2]}"] if isinstance(op, ops.MaskedCrossAttention) else []
    return Last(f"cross_attention({', '.join([*at.lasts[:2], str(op.heads), kernels, *bias, *valid])})")


def _window_attention(op: Any, at: Call, modules: Modules) -> str:
    table = modules.parameter(at.operation.parameters[0])
    return Last(f"window_attention({at.lasts[0]}, {table}, {op.heads}, {op.window}, {op.shift})")


def _sinusoid(op: Any, at: Call, modules: Modules) -> str:
    del op, modules
    x = atom(at.lasts[0])
    return Last(f"{x} + sinusoids{at.shapes[0][::-1]}.to({x}.device)")


def _prepend(op: Any, at: Call, modules: Modules) -> str:
    del op
    return Last(f"prepend({at.lasts[0]}, {modules.parameter(at.operation.parameters[0])})")


def _masked_pool(op: Any, at: Call, modules: Modules) -> str:
    del modules
    if op.mode == "sum":
        return f"fill_padding({', '.join(at.reads)}, 0).sum(2)"
    return f"masked_{'max' if op.mode == 'max' else 'mean'}({', '.join(at.reads)})"


def _anywhere(write: Expression) -> Emitter:
    return lambda op, at, _: write(op, at)


EITHER = (
    ops.Affine,
    ops.Dropout,
    ops.ChannelDropout,
    ops.StochasticDepth,
    ops.Noise,
    ops.Add,
    ops.Average,
    ops.Subtract,
    ops.Multiply,
    ops.Divide,
)
"""What is the same wherever channels (or features) lie."""

NATIVE = (
    ops.MatMul,
    ops.LayerNorm,
    ops.Recurrent,
    ops.Attention,
    ops.MaskedAttention,
    ops.CrossAttention,
    ops.MaskedCrossAttention,
    ops.WindowAttention,
    ops.Prepend,
)
"""What PyTorch computes where channels (or features) lie last."""

EMITTERS: Mapping[type[ops.Op], Emitter] = {
    **WEIGHTED,
    **{op: _anywhere(write) for op, write in ANYWHERE.items()},
    **{op: _either(_anywhere(ANYWHERE[op])) for op in EITHER},
    ops.Take: _take,
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.GlobalPool: _global_pool,
    ops.Bias: _with_numbers("+"),
    ops.Scale: _with_numbers("*"),
    ops.Activation: _activation,
    ops.Gated: _gated,
    ops.LocalResponseNorm: _local,
    ops.Reshape: _reshape,
    ops.Permute: lambda op, at, _: f"{atom(at.reads[0])}.permute(0, {', '.join(str(a + 1) for a in op.order)})",
    ops.Pad: _pad,
    ops.Upsample: _upsample,
    ops.DepthToSpace: lambda op, at, modules: f"F.pixel_shuffle({at.reads[0]}, {op.factor})",
    ops.SpaceToDepth: lambda op, at, modules: f"F.pixel_unshuffle({at.reads[0]}, {op.factor})",
    ops.Maximum: _merged("maximum"),
    ops.Minimum: _merged("minimum"),
    ops.Concat: _concat,
    ops.Dot: lambda op, at, modules: f"({infix('*')(op, at)}).sum(1, keepdim=True)",
    ops.CosineSimilarity: lambda op, at, _: (
        f"F.cosine_similarity({', '.join(at.reads)}, 1, {number(op.epsilon)}).unsqueeze(1)"
    ),
    ops.Sinusoid: _sinusoid,
    ops.Prepend: _prepend,
    ops.Attention: _attention,
    ops.CrossAttention: _cross_attention,
    ops.WindowAttention: _window_attention,
    ops.MaskedGlobalPool: _masked_pool,
    ops.MaskedAttention: _attention,
    ops.MaskedCrossAttention: _cross_attention,
}
