"""Convolution, pooling, and what moves or combines values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec import ops
from netspec.backends.jax.kernels.resize import coordinates
from netspec.formats.onnx.writer import At, Emitter, Writer

__all__ = ["EMITTERS"]


def _edges(pads: Sequence[tuple[int, int]]) -> list[int]:
    """Return padding as ONNX has it: what is before, of all axes, then what is after."""
    return [before for before, _ in pads] + [after for _, after in pads]


def _conv(w: Writer, at: At, xs: Sequence[str]) -> str:
    op = at.op
    bias = w.constant(at.bias[1], at.bias[0]) if at.bias else ""
    kernel = w.constant(at.arrays[0], at.paths[0])
    how = {"strides": op.stride, "dilations": op.dilation, "group": op.groups, "kernel_shape": at.arrays[0].shape[2:]}
    return w.add("Conv", xs[0], kernel, bias, pads=_edges(op.padding), **how)


def _deconv(w: Writer, at: At, xs: Sequence[str]) -> str:
    op = at.op
    kernel = w.constant(at.arrays[0], at.paths[0])
    cut = [(max(before, 0), max(after, 0)) for before, after in op.padding]
    more = [(max(-before, 0), max(-after, 0)) for before, after in op.padding]
    how = {"strides": op.stride, "dilations": op.dilation, "group": op.groups, "kernel_shape": at.arrays[0].shape[2:]}
    bias = w.constant(at.bias[1], at.bias[0]) if at.bias and not any(map(any, more)) else ""
    y = w.add("ConvTranspose", xs[0], kernel, bias, pads=_edges(cut), **how)
    if any(map(any, more)):
        y = w.add("Pad", y, w.integers(*_edges([(0, 0), (0, 0), *more])), w.constant(0.0))
        if at.bias:
            column = at.bias[1].reshape(-1, *[1] * (len(at.shape) - 1))
            y = w.add("Add", y, w.constant(column, f"{at.bias[0]}/spread"))
    return y


def _max_pool(w: Writer, at: At, xs: Sequence[str]) -> str:
    op = at.op
    return w.add("MaxPool", xs[0], kernel_shape=op.window, strides=op.stride, pads=_edges(op.padding))


def _avg_pool(w: Writer, at: At, xs: Sequence[str]) -> str:
    op = at.op
    how = {"kernel_shape": op.window, "strides": op.stride, "pads": _edges(op.padding)}
    counted = op.counted or ((0, 0),) * len(op.window)
    if not any(map(any, counted)):
        return w.add("AveragePool", xs[0], count_include_pad=0, **how)
    mean = w.add("AveragePool", xs[0], count_include_pad=1, **how)
    if counted == op.padding:
        return mean
    # What `ceil` adds does not count, where other padding does.
    sizes = zip(at.shapes[0][1:], op.window, op.stride, op.padding, counted, strict=True)
    under = reduce(np.multiply.outer, [_pixels(*each) for each in sizes])
    return w.add("Mul", mean, w.constant(prod(op.window) / under, "share"))


def _pixels(n: int, window: int, stride: int, pads: tuple[int, int], counted: tuple[int, int]) -> NDArray[np.float64]:
    """Return how many positions count under each window of an axis."""
    starts = np.arange((n + sum(pads) - window) // stride + 1) * stride - pads[0]
    return np.minimum(starts + window, n + counted[1]) - np.maximum(starts, -counted[0]) + 0.0


def _global_pool(w: Writer, at: At, xs: Sequence[str]) -> str:
    kind = {"avg": "ReduceMean", "max": "ReduceMax", "sum": "ReduceSum"}[at.op.mode]
    return w.reduced(kind, xs[0], *range(2, 1 + len(at.shapes[0])), keep=False)


def _reshape(w: Writer, at: At, xs: Sequence[str]) -> str:
    return w.add("Flatten", xs[0], axis=1) if len(at.shape) == 1 else w.reshape(xs[0], *at.shape)


def _pad(w: Writer, at: At, xs: Sequence[str]) -> str:
    op = at.op
    edges = w.integers(0, *op.before, 0, *op.after)
    return w.add("Pad", xs[0], edges, mode={"zero": "constant", "reflect": "reflect", "edge": "edge"}[op.mode])


def _crop(w: Writer, at: At, xs: Sequence[str]) -> str:
    ends = [start + size for start, size in zip(at.op.start, at.op.size, strict=True)]
    axes = range(2, 2 + len(ends))
    return w.add("Slice", xs[0], w.integers(*at.op.start), w.integers(*ends), w.integers(*axes))


def _coordinates(w: Writer, at: At, xs: Sequence[str]) -> str:
    return w.add("Concat", xs[0], w.batch_of(xs[0], coordinates(at.shape[1:]), "coordinates"), axis=1)


def _shuffle(w: Writer, at: At, xs: Sequence[str]) -> str:
    channels, *size = at.shape
    split = w.reshape(xs[0], at.op.groups, channels // at.op.groups, *size)
    return w.reshape(w.transpose(split, 0, 2, 1, *range(3, 3 + len(size))), *at.shape)


def _upsample(w: Writer, at: At, xs: Sequence[str]) -> str:
    op, (x,) = at.op, xs
    places = "align_corners" if op.align_corners else "half_pixel"
    modes: dict[str, dict[str, Any]] = {
        "nearest": {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"},
        "bilinear": {"mode": "linear", "coordinate_transformation_mode": places},
        "bicubic": {"mode": "cubic", "coordinate_transformation_mode": places, "cubic_coeff_a": -0.75},
    }
    if len(op.factor) == 3 and op.mode == "bicubic":
        # Runtimes mix four neighbors of images alone: first of the slices, then along the depth.
        channels, deep, *flat = at.shapes[0]
        x = w.reshape(x, channels * deep, *flat)
        x = w.add("Resize", x, "", w.constant([1, 1, *op.factor[1:]], "scales"), **modes["bicubic"])
        x = w.reshape(x, channels, deep, prod(at.shape[2:]))
        x = w.add("Resize", x, "", w.constant([1, 1, op.factor[0], 1], "scales"), **modes["bicubic"])
        return w.reshape(x, *at.shape)
    # Runtimes resize images: a sequence is one of one row.
    rows = len(op.factor) == 1
    if rows:
        x = w.reshape(x, at.shapes[0][0], 1, at.shapes[0][1])
    scales = w.constant([1, 1, *([1] if rows else []), *op.factor], "scales")
    y = w.add("Resize", x, "", scales, **modes[op.mode])
    return w.reshape(y, *at.shape) if rows else y


def _depth_to_space(w: Writer, at: At, xs: Sequence[str]) -> str:
    return w.add("DepthToSpace", xs[0], blocksize=at.op.factor, mode="CRD")


def _space_to_depth(w: Writer, at: At, xs: Sequence[str]) -> str:
    f, (channels, height, width) = at.op.factor, at.shapes[0]
    split = w.reshape(xs[0], channels, height // f, f, width // f, f)
    return w.reshape(w.transpose(split, 0, 1, 3, 5, 2, 4), *at.shape)


def _spreading(kind: str) -> Emitter:
    """Combine one value with the next; one number a channel meets every position, and one channel every channel."""

    def emit(w: Writer, at: At, xs: Sequence[str]) -> str:
        rank = len(at.shape)
        spread = [
            x if len(shape) == rank else w.reshape(x, *shape, *[1] * (rank - len(shape)))
            for x, shape in zip(xs, at.shapes, strict=True)
        ]
        return reduce(lambda a, b: w.add(kind, a, b), spread)

    return emit


def _average(w: Writer, at: At, xs: Sequence[str]) -> str:
    del at
    return w.add("Div", reduce(lambda a, b: w.add("Add", a, b), xs), w.constant(len(xs), "count"))


def _dot(w: Writer, at: At, xs: Sequence[str]) -> str:
    del at
    return w.reduced("ReduceSum", w.add("Mul", *xs), 1)


def _cosine(w: Writer, at: At, xs: Sequence[str]) -> str:
    lengths = [w.add("Sqrt", w.reduced("ReduceSum", w.add("Mul", x, x), 1)) for x in xs]
    long = [w.add("Max", length, w.constant(at.op.epsilon, "epsilon")) for length in lengths]
    return w.add("Div", _dot(w, at, xs), w.add("Mul", *long))


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Conv: _conv,
    ops.ConvTranspose: _deconv,
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.GlobalPool: _global_pool,
    ops.Reshape: _reshape,
    ops.Permute: lambda w, at, xs: w.transpose(xs[0], 0, *(axis + 1 for axis in at.op.order)),
    ops.Pad: _pad,
    ops.Crop: _crop,
    ops.Channels: lambda w, at, xs: w.part(xs[0], 1, at.op.start, at.op.start + at.op.count),
    ops.Coordinates: _coordinates,
    ops.ShuffleChannels: _shuffle,
    ops.Upsample: _upsample,
    ops.DepthToSpace: _depth_to_space,
    ops.SpaceToDepth: _space_to_depth,
    ops.Add: _spreading("Add"),
    ops.Average: _average,
    ops.Subtract: _spreading("Sub"),
    ops.Multiply: _spreading("Mul"),
    ops.Divide: _spreading("Div"),
    ops.Maximum: _spreading("Max"),
    ops.Minimum: _spreading("Min"),
    ops.Concat: lambda w, at, xs: w.add("Concat", *xs, axis=1),
    ops.Dot: _dot,
    ops.CosineSimilarity: _cosine,
}
