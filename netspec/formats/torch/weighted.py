"""Operations with weights as modules of PyTorch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, TypeAlias

import numpy as np

from netspec import ops
from netspec.formats.program import Program
from netspec.formats.python.calls import Call, Last, bias_behind, numbers_behind
from netspec.formats.python.expressions import atom, defaulted, node_of, number, options, short, unless
from netspec.formats.torch.modules import Modules
from netspec.graph.graph import Operation

__all__ = ["WEIGHTED", "Emitter", "even", "follow", "last_first", "padded", "rank"]

Emitter: TypeAlias = Callable[[Any, Call, Modules], str]
"""Operation, its place, the modules of the network → expression."""

_NORMS = (ops.LayerNorm, ops.GroupNorm)
_CELLS = {"lstm": "LSTM", "gru": "GRU", "tanh": "RNN", "relu": "RNN"}


def follow(program: Program, operations: Sequence[Operation]) -> list[Operation]:
    """Return the operations behind one that its module computes too: a bias, or what is trained in a normalization."""
    first = operations[0]
    if not isinstance(first.op, _NORMS):
        return bias_behind(program, operations, ops.Conv, ops.ConvTranspose, ops.MatMul)
    rest = numbers_behind(program, operations)
    if not rest:
        return []
    # GroupNorm has numbers for each channel, LayerNorm for each value that it normalizes.
    shape = program.arrays[rest[0].parameters[0]].shape
    whole = isinstance(first.op, ops.GroupNorm) and first.op.groups == 1 and shape == first.shape
    return rest if whole or shape == first.shape[:1] else []


def rank(at: Call) -> str:
    """Return how PyTorch names what has so many axes of positions: `2d` of images."""
    return f"{len(at.shapes[0]) - 1}d"


def last_first(pads: Sequence[tuple[int, int]]) -> list[int]:
    """Return padding as `F.pad` has it: of the last axis first."""
    return [each for pair in reversed(pads) for each in pair]


def even(pads: Sequence[tuple[int, int]]) -> bool:
    """Return whether padding is the same before and after."""
    return all(before == after for before, after in pads)


def padded(x: str, pads: Sequence[tuple[int, int]], value: str = "") -> str:
    """Return an expression with padding around it."""
    return f"F.pad({x}, {tuple(last_first(pads))}{f', value={value}' if value else ''})"


def on_features(at: Call, compute: Callable[[str], str]) -> Last:
    """Compute what PyTorch does along the last axis."""
    return Last(compute(at.lasts[0]))


def _conv(op: Any, at: Call, modules: Modules) -> str:
    (path,) = at.operation.parameters
    kernel, x = at.arrays[path], at.reads[0]
    padding = [before for before, _ in op.padding]
    if not even(op.padding):
        x, padding = padded(x, op.padding), [0] * len(padding)
    how = options(
        stride=defaulted(short(op.stride), "1"),
        padding=defaulted(short(padding), "0"),
        dilation=defaulted(short(op.dilation), "1"),
        groups=defaulted(str(op.groups), "1"),
    )
    sizes = [str(kernel.shape[1] * op.groups), str(len(kernel)), short(kernel.shape[2:])]
    text = f"nn.Conv{rank(at)}({', '.join([*sizes, *how, *([] if at.bias else ['bias=False'])])})"
    paths = {"weight": path, **({"bias": at.bias} if at.bias else {})}
    made = modules.module(node_of(path), text, paths)
    if made:
        return f"{made}({x})"
    weights = [modules.parameter(each) for each in (path, *([at.bias] if at.bias else []))]
    return f"F.conv{rank(at)}({', '.join([x, *weights, *how])})"


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
        how = options(
            stride=defaulted(short(op.stride), "1"),
            padding=defaulted(short([before for before, _ in op.padding]), "0"),
            output_padding=defaulted(short(more), "0"),
            groups=defaulted(str(op.groups), "1"),
            bias="" if at.bias else "False",
            dilation=defaulted(short(op.dilation), "1"),
        )
        sizes = [str(len(kernel)), str(kernel.shape[1] * op.groups), short(kernel.shape[2:])]
        made = modules.module(node_of(path), f"nn.ConvTranspose{rank(at)}({', '.join([*sizes, *how])})", paths)
        if made:
            return f"{made}({at.reads[0]})"
    weights = [modules.parameter(path), modules.parameter(at.bias) if at.bias else "None"]
    cut = tuple(last_first(op.padding))
    given = [at.reads[0], *weights, short(op.stride), str(cut), short(op.dilation), str(op.groups)]
    return f"conv_transpose({', '.join(given)})"


def _linear(op: Any, at: Call, modules: Modules) -> str:
    del op
    (path,) = at.operation.parameters
    outputs, inputs = at.arrays[path].shape
    name = node_of(path)
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

    return on_features(at, compute)


def _batch_norm(op: Any, at: Call, modules: Modules) -> str:
    scale, offset, mean, variance = at.operation.parameters
    how = options(eps=unless(number(op.epsilon), number(1e-5)), momentum=unless(number(1 - op.momentum), number(0.1)))
    kind = {1: "1d", 2: "1d", 3: "2d", 4: "3d"}[len(at.shapes[0])]
    text = f"nn.BatchNorm{kind}({', '.join([str(at.shapes[0][0]), *how])})"
    paths = {"weight": scale, "bias": offset, "running_mean": mean, "running_var": variance}
    made = modules.module(node_of(scale), text, paths, {"num_batches_tracked": np.zeros((), np.int64)})
    if made:
        return f"{made}({at.reads[0]})"
    weights = [modules.parameter(path) for path in (mean, variance, scale, offset)]
    return f"F.batch_norm({', '.join([at.reads[0], *weights])}, eps={number(op.epsilon)})"


def _group_norm(op: Any, at: Call, modules: Modules) -> str:
    shape, x = at.shapes[0], at.reads[0]
    eps = options(eps=unless(number(op.epsilon), number(1e-5)))
    if not at.after:
        if op.groups == 1:
            return f"F.layer_norm({', '.join([x, f'{x}.shape[1:]' if x.isidentifier() else str(list(shape)), *eps])})"
        return f"F.group_norm({', '.join([x, str(op.groups), *eps])})"
    paths = {"weight": at.after[0].parameters[0], "bias": at.after[1].parameters[0]}
    whole = at.arrays[paths["weight"]].shape == shape and len(shape) > 1
    given = [str(list(shape))] if whole else [str(op.groups), str(shape[0])]
    text = f"nn.{'LayerNorm' if whole else 'GroupNorm'}({', '.join([*given, *eps])})"
    made = modules.module(node_of(paths["weight"]), text, paths)
    if made:
        return f"{made}({x})"
    weights = [modules.parameter(path) for path in paths.values()]
    return f"F.{'layer' if whole else 'group'}_norm({', '.join([x, given[0], *weights, *eps])})"


def _layer_norm(op: Any, at: Call, modules: Modules) -> str:
    eps = options(eps=unless(number(op.epsilon), number(1e-5)))
    channels = at.shapes[0][0]
    if not at.after:
        return on_features(at, lambda x: f"F.layer_norm({', '.join([x, f'[{channels}]', *eps])})")
    paths = {"weight": at.after[0].parameters[0], "bias": at.after[1].parameters[0]}
    made = modules.module(node_of(paths["weight"]), f"nn.LayerNorm({', '.join([str(channels), *eps])})", paths)
    if made:
        return on_features(at, lambda x: f"{made}({x})")
    weights = [modules.parameter(path) for path in paths.values()]
    return on_features(at, lambda x: f"F.layer_norm({', '.join([x, f'[{channels}]', *weights, *eps])})")


def _prelu(op: Any, at: Call, modules: Modules) -> str:
    del op
    (path,) = at.operation.parameters
    count = prod(at.arrays[path].shape)
    made = modules.module(node_of(path), f"nn.PReLU({'' if count == 1 else count})", {"weight": path})
    return f"{made}({at.reads[0]})" if made else f"F.prelu({at.reads[0]}, {modules.parameter(path)})"


def _embedding(op: Any, at: Call, modules: Modules) -> str:
    del op
    (path,) = at.operation.parameters
    tokens, width = at.arrays[path].shape
    made = modules.module(node_of(path), f"nn.Embedding({tokens}, {width})", {"weight": path})
    return Last(f"{made}({at.reads[0]})" if made else f"F.embedding({at.reads[0]}, {modules.parameter(path)})")


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
    name = f"{node_of(weight_ih)}{'_reverse' if op.reverse else ''}"
    made = modules.module(name, f"nn.{kind}({', '.join([str(inputs), str(units), *how])})", paths, more)
    if made is None:
        # The same weights in another direction, or another cell: a module of its own with a copy of them.
        copies = {inner: at.arrays[path] for inner, path in paths.items()}
        made = modules.module(name, f"nn.{kind}({', '.join([str(inputs), str(units), *how])})", {}, {**copies, **more})
    if masked:
        return f"along({made}, {', '.join(at.reads)}{', reverse=True' if op.reverse else ''})"
    x = at.lasts[0]
    return Last(f"{made}({atom(x)}.flip(1))[0].flip(1)" if op.reverse else f"{made}({x})[0]")


WEIGHTED: Mapping[type[ops.Op], Emitter] = {
    ops.Conv: _conv,
    ops.ConvTranspose: _deconv,
    ops.MatMul: _linear,
    ops.PRelu: _prelu,
    ops.BatchNorm: _batch_norm,
    ops.LayerNorm: _layer_norm,
    ops.GroupNorm: _group_norm,
    ops.Embedding: _embedding,
    ops.Recurrent: _recurrent,
    ops.MaskedRecurrent: _recurrent,
}
