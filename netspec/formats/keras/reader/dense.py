"""Keras' layers with kernels: fully connected ones and convolutions, whose arrays lie otherwise than here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np

from netspec.formats.keras.reader.activations import activated, function_of
from netspec.formats.keras.reader.beginnings import beginnings
from netspec.formats.keras.reader.network import Network, in_rows
from netspec.formats.keras.reader.use import RefusedError, Use
from netspec.formats.keras.reader.values import CHANNELS_LAST, Block, Value
from netspec.formats.keras.reader.weights import Part
from netspec.formats.reading import Array
from netspec.formats.sketch import make
from netspec.ops import same_padding

__all__ = ["LAYERS", "conv_of_row", "dense"]


def dense(net: Network, use: Use, x: Value, part: tuple[str, ...] = ("",)) -> Value:
    """Add a fully connected layer: of a sequence or an image one at each position, as Keras has it."""
    function, bias = function_of(use), use.flag("use_bias", default=True)
    pointwise = len(x.shape) > 1
    x = net.channels_last(use, x) if pointwise else net.in_one_order(use, x)
    units = use.whole("units")
    last = CHANNELS_LAST.get(len(use.ahead), ())
    block = Block(tuple(use.ahead[axis] for axis in last), last)
    blocks = (block,) if use.ahead and not pointwise and prod(use.ahead) == units and not block.plain else ()
    fields = {"units": units, "bias": bias, "pointwise": pointwise, **beginnings(net, use, bias=bias)}
    piece = net.piece(use, make("fc", **fields), x.piece)
    stored = net.stored(use, Part(part, (2, *_ones(bias)))) if piece.shape else None
    if stored:
        kernel, *rest = stored[0].arrays
        rows = in_rows(in_rows(kernel, x.blocks).T, blocks)
        net.give(piece, {"kernel": rows, **_bias([in_rows(bias, blocks) for bias in rest])}, stored[0])
    return activated(net, use, net.value(piece, x.axes, blocks), function)


def conv_of_row(net: Network, use: Use, row: Value) -> Value:
    """Add a convolution of one position, which is a fully connected layer."""
    function, bias = function_of(use), use.flag("use_bias", default=True)
    use.read.update(("kernel_size", "strides", "padding", "dilation_rate", "groups"))
    layer = make("fc", units=use.whole("filters"), bias=bias, **beginnings(net, use, bias=bias))
    piece = net.piece(use, layer, row.piece)
    stored = net.stored(use, Part(("",), (4, *_ones(bias)))) if piece.shape else None
    if stored:
        kernel, *rest = stored[0].arrays
        net.give(piece, {"kernel": kernel.reshape(-1, kernel.shape[-1]).T, **_bias(rest)}, stored[0])
    return activated(net, use, net.value(piece, (0,)), function)


def _conv(net: Network, use: Use, x: Value) -> Value:
    axes = _axes(use)
    function, bias = function_of(use), use.flag("use_bias", default=True)
    x, window = _window(net, use, x, axes)
    layer = make(
        "conv",
        filters=use.whole("filters"),
        groups=use.whole("groups", 1),
        bias=bias,
        **window,
        **beginnings(net, use, bias=bias),
    )
    piece = net.piece(use, layer, x.piece)
    first = -1 if use.version == 1 else axes + 2
    stored = net.stored(use, Part(("",), (first, *_ones(bias)))) if piece.shape else None
    if stored:
        kernel, *rest = stored[0].arrays
        net.give(piece, {"kernel": _kernel(_turned(net, use, kernel), axes, (1, 0)), **_bias(rest)}, stored[0])
    return activated(net, use, net.value(piece, x.axes), function)


def _depthwise(net: Network, use: Use, x: Value) -> Value:
    axes = _axes(use)
    function, bias = function_of(use), use.flag("use_bias", default=True)
    x, window = _window(net, use, x, axes)
    layer = make(
        "depthwise",
        multiplier=use.whole("depth_multiplier", 1),
        bias=bias,
        **window,
        **beginnings(net, use, "depthwise", bias=bias),
    )
    use.read.update(("filters", "groups"))
    piece = net.piece(use, layer, x.piece)
    stored = net.stored(use, Part(("",), (axes + 2, *_ones(bias)))) if piece.shape else None
    if stored:
        kernel, *rest = stored[0].arrays
        net.give(piece, {"kernel": _depthwise_kernel(kernel, axes), **_bias(rest)}, stored[0])
    return activated(net, use, net.value(piece, x.axes), function)


def _separable(net: Network, use: Use, x: Value) -> Value:
    """Add a depthwise convolution, and one of 1x1 behind it."""
    axes = _axes(use)
    function, bias = function_of(use), use.flag("use_bias", default=True)
    x, window = _window(net, use, x, axes)
    use.read.add("groups")
    first = make(
        "depthwise",
        multiplier=use.whole("depth_multiplier", 1),
        bias=False,
        **window,
        **beginnings(net, use, "depthwise", bias=False),
    )
    second = make(
        "conv", filters=use.whole("filters"), kernel=(1, 1), bias=bias, **beginnings(net, use, "pointwise", bias=bias)
    )
    each = net.piece(use, first, x.piece, suffix="depthwise")
    across = net.piece(use, second, each.name)
    stored = net.stored(use, Part(("",), (axes + 2, axes + 2, *_ones(bias)))) if across.shape else None
    if stored:
        depthwise, pointwise, *rest = stored[0].arrays
        net.give(each, {"kernel": _depthwise_kernel(depthwise, axes)}, stored[0])
        net.give(across, {"kernel": _kernel(pointwise, axes, (1, 0)), **_bias(rest)}, stored[0])
    return activated(net, use, net.value(across, x.axes), function)


def _transposed(net: Network, use: Use, x: Value) -> Value:
    axes = _axes(use)
    function, bias = function_of(use), use.flag("use_bias", default=True)
    x = net.positions(use, x, axes)
    use.read.add("groups")
    kernel, stride, dilation = (use.sizes(name, axes, 1) for name in ("kernel_size", "strides", "dilation_rate"))
    cut, ends = _cut(use, kernel, stride, dilation)
    layer = make(
        "deconv",
        filters=use.whole("filters"),
        kernel=_both(kernel),
        stride=_both(stride),
        dilation=_both(dilation),
        bias=bias,
        **cut,
        **beginnings(net, use, bias=bias),
    )
    piece = net.piece(use, layer, x.piece)
    stored = net.stored(use, Part(("",), (axes + 2, *_ones(bias)))) if piece.shape else None
    if stored:
        array, *rest = stored[0].arrays
        net.give(piece, {"kernel": _kernel(_turned(net, use, array), axes, (1, 0)), **_bias(rest)}, stored[0])
    if any(ends) and piece.shape:
        size = tuple(n - end for n, end in zip(piece.shape[1:], ends, strict=True))
        piece = net.piece(use, make("crop", size=_both(size), offset=(0, 0)), piece.name, suffix="cut")
    return activated(net, use, net.value(piece, x.axes), function)


def _cut(
    use: Use, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Return `pad` and `output_pad` of a transposed convolution, and how many rows are cut off its end.

    Keras makes its output of a size of its own.
    """
    none = (0,) * len(kernel)
    padding = use.word("padding", "valid")
    given = use.get("output_padding")
    extra = use.sizes("output_padding", len(kernel)) if given is not None else None
    reach = [(k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True)]
    if padding == "same" and extra is None:
        return {"pad": "same"}, none
    if padding not in {"valid", "same"}:
        raise RefusedError(f"padding={padding[:60]!r}", "same or valid")
    if padding == "valid":
        rest = extra or [max(s - r, 0) for r, s in zip(reach, stride, strict=True)]
        return {"output_pad": _both(tuple(rest))}, none
    cuts, rests = [], []
    for r, e in zip(reach, extra or (), strict=True):
        total = r + r % 2 - 2 + e
        cut = r - 1 - min(total // 2 + total % 2, r - 1)
        cuts.append(cut)
        rests.append(r % 2 + e + 2 * cut - r)
    more = tuple(max(rest, 0) for rest in rests)
    return {"pad": _both(tuple(cuts)), "output_pad": _both(more)}, tuple(max(-rest, 0) for rest in rests)


def _axes(use: Use) -> int:
    return next((n for n in (1, 3) if f"{n}D" in use.entry.kind), 2)


def _both(size: tuple[int, ...]) -> tuple[int, ...]:
    """Return the size of a window as the language has it: two numbers where all are equal, as of a sequence its one."""
    return (size[0], size[0]) if len(set(size)) == 1 else size


def _window(net: Network, use: Use, x: Value, axes: int) -> tuple[Value, dict[str, Any]]:
    """Return what a window moves over, and its arguments; a border of zeros before it becomes its own."""
    x = net.positions(use, x, axes)
    pad: str | tuple[int, ...] = use.word("padding", "valid")
    if pad not in {"valid", "same", "causal"}:
        raise RefusedError(f"padding={pad[:60]!r}", "same, valid or causal")
    kernel, stride, dilation = (
        use.sizes("kernel_size", axes),
        *(use.sizes(n, axes, 1) for n in ("strides", "dilation_rate")),
    )
    if pad == "valid" and x.piece in net.paddings:
        source, sides = net.paddings[x.piece]
        if min((*kernel, *stride, *dilation)) > 0 and same_padding(source.own[1:], kernel, stride, dilation) == sides:
            x, pad = source, "same"
        elif all(before == after for before, after in sides):
            x, pad = source, _both(tuple(before for before, _ in sides))
    fields = {"kernel": _both(kernel), "stride": _both(stride), "dilation": _both(dilation), "pad": pad}
    return x, fields


def _turned(net: Network, use: Use, array: Array) -> Array:
    """Return a kernel as all but Theano have it; of Keras 1 in the order of its axes since then."""
    if use.version == 1:
        if use.entry.config.get("data_format") == "channels_first":
            raise RefusedError("its kernel may be turned around, as Theano has it", "save the model with Keras 2")
        array = array[:, 0] if "1D" in use.entry.kind and array.ndim == 4 else array
        if array.ndim != _axes(use) + 2:
            raise RefusedError(
                f"its kernel in the file has {array.ndim} axes", "these are the weights of another network"
            )
    return np.flip(array, tuple(range(array.ndim - 2))) if net.weights and net.weights.turned else array


def _kernel(array: Array, axes: int, order: tuple[int, int]) -> Array:
    """Return a kernel of Keras, rows x columns x inputs x outputs, with its last two axes in front."""
    return array.transpose(*(axes + i for i in order), *range(axes))


def _depthwise_kernel(array: Array, axes: int) -> Array:
    """Return a kernel for each channel: the multiplied ones of a channel lie behind each other."""
    moved = _kernel(array, axes, (0, 1))
    return moved.reshape(-1, 1, *moved.shape[2:])


def _ones(bias: bool) -> tuple[int, ...]:
    """Return how many axes the bias has, where there is one."""
    return (1,) if bias else ()


def _bias(rest: list[Array]) -> dict[str, Array]:
    return {"bias": rest[0]} if rest else {}


LAYERS: Mapping[str, Callable[[Network, Use, Value], Value]] = {
    "Dense": dense,
    "Conv1D": _conv,
    "Conv2D": _conv,
    "Conv3D": _conv,
    "DepthwiseConv1D": _depthwise,
    "DepthwiseConv2D": _depthwise,
    "SeparableConv1D": _separable,
    "SeparableConv2D": _separable,
    "Conv1DTranspose": _transposed,
    "Conv2DTranspose": _transposed,
    "Conv3DTranspose": _transposed,
}
