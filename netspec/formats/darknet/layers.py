"""Darknet's sections as layers: one function for each, with Darknet's own defaults and rounding."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from netspec.formats.darknet.network import Network, RefusedError
from netspec.formats.darknet.sections import Section
from netspec.formats.reading import Array, Piece
from netspec.formats.sketch import make
from netspec.layers.base import Layer
from netspec.ops import Shape, format_shape

__all__ = ["ACTIVATIONS", "INSTEAD", "REFUSED", "SECTIONS"]

_KEPT = 0.99
"""The share of running averages that Darknet keeps at each step."""

_NORMS = ("scale", "mean", "variance")
"""What is stored of a normalization, in this order."""

ACTIVATIONS: Mapping[str, list[tuple[str, dict[str, float]]]] = {
    "linear": [],
    "logistic": [("sigmoid", {})],
    "loggy": [("times", {"factor": 0.5}), ("tanh", {})],  # 2/(1 + exp(-x)) - 1
    "relu": [("relu", {})],
    "relu6": [("relu6", {})],
    "relie": [("leaky_relu", {"slope": 0.01})],
    "leaky": [("leaky_relu", {"slope": 0.1})],
    "ramp": [("ramp", {})],
    "elu": [("elu", {})],
    "selu": [("selu", {})],
    "tanh": [("tanh", {})],
    "hardtan": [("hard_tanh", {})],
    "mish": [("mish", {})],
    "swish": [("silu", {})],
}

REFUSED = {
    "yolo": "a detection head",
    "region": "a detection head",
    "detection": "a detection head",
    "gaussian_yolo": "a detection head",
    "iseg": "a segmentation head",
    "local": "a layer whose kernels differ from place to place",
    "gru": "Darknet resets the state before its matrix, `gru` here behind it, as PyTorch does",
    "rnn": "Darknet's has three connected layers with functions of their own, `rnn` here is one sum",
    "lstm": "its eight connected layers",
    "crnn": "a recurrence of convolutions",
    "reorg": "Darknet's own order of what it puts into channels",
    "normalization": "normalization across channels in Darknet's form",
    "lrn": "normalization across channels in Darknet's form",
    "l2norm": "normalization to length 1",
    "logistic": "logistic regression on several labels",
}
INSTEAD = {
    "yolo": "the layers before it give the boxes",
    "region": "the layers before it give the boxes",
    "detection": "the layers before it give the boxes",
    "local": "`conv`",
    "gru": "`gru`, trained anew",
    "rnn": "`rnn`, trained anew",
    "lstm": "`lstm`, trained anew",
    "reorg": "`pixelunshuffle`",
    "normalization": "`lrn`",
    "lrn": "`lrn`",
    "logistic": "`sigmoid`",
}


def _convolutional(net: Network, index: int, section: Section) -> str:
    if any([section.whole("binary", 0), section.whole("xnor", 0)]):
        raise RefusedError("a convolution with binary weights", "a plain one")
    filters, size, stride = section.whole("filters", 1), section.whole("size", 1), section.whole("stride", 1)
    padding = section.whole("padding", 0)
    pad = size // 2 if section.whole("pad", 0) else padding
    groups, normed = section.whole("groups", 1), bool(section.whole("batch_normalize", 0))
    x = net.sketch.shapes[net.current]
    common: dict[str, Any] = {"bias": not normed}
    transposed = section.name == "deconvolutional"
    if len(x) == 1 and (size, stride, pad, groups, transposed) == (1, 1, 0, 1, False):
        # Behind an average over all positions, a convolution of 1x1 is a fully connected layer.
        layer = make("fc", units=filters, **common)
    else:
        common |= {"kernel": (size, size), "stride": (stride, stride), "pad": (pad, pad) if pad else "valid"}
        if not transposed and groups > 1 and len(x) == 3 and groups == x[0] and filters % groups == 0:
            layer = make("depthwise", multiplier=filters // groups, **common)
        else:
            layer = make("deconv" if transposed else "conv", filters=filters, groups=groups, **common)
    return _weighted(net, layer, index, section, normed=normed)


def _connected(net: Network, index: int, section: Section) -> str:
    normed = bool(section.whole("batch_normalize", 0))
    return _weighted(net, make("fc", units=section.whole("output", 1), bias=not normed), index, section, normed=normed)


def _weighted(net: Network, layer: Layer, index: int, section: Section, *, normed: bool) -> str:
    """Add a layer with weights, its normalization and its function."""
    piece = net.add(layer, index, section, suffix="_kernel" if normed else "")
    if not piece.shape:
        return piece.name
    norm = None
    if normed:
        norm = net.add(make("batchnorm", momentum=_KEPT), index, section, piece.name)
    _load(net, piece, norm, index, section)
    return _activated(net, norm.name if norm else piece.name, index, section, "logistic")


def _load(net: Network, piece: Piece, norm: Piece | None, index: int, section: Section) -> None:
    """Give a layer its arrays, in the order in which Darknet wrote them."""
    if net.weights is None or net.lost:
        return
    kernel, outputs = piece.weights["kernel"], (piece.shape[0],)
    connected = section.name == "connected"
    flipped = connected and net.weights.transposed
    order: list[tuple[str, tuple[int, ...]]] = [("bias", outputs)]
    matrix: list[tuple[str, tuple[int, ...]]] = [("kernel", kernel[::-1] if flipped else kernel)]
    norms: list[tuple[str, tuple[int, ...]]] = [(name, outputs) for name in _NORMS] if norm else []
    order += [*matrix, *norms] if connected else [*norms, *matrix]
    found: dict[str, Array] = {}
    for name, shape in order:
        array = net.weights.take(shape)
        if array is None:
            missing = f"{name} of {format_shape(shape)}"
            net.sketch.unknown(
                section.place,
                f"{net.weights.file} ends before the {missing} of [{section.name}]",
                "these are the weights of another network",
            )
            net.lost = True
            return
        found[name] = array
    if flipped:
        found["kernel"] = found["kernel"].T
    source = f"layer {index} of {net.weights.file}"
    net.sketch.give(piece, {"kernel": found["kernel"], **({} if norm else {"bias": found["bias"]})}, source)
    if norm:
        net.sketch.give(norm, {"offset": found["bias"], **{n: found[n] for n in _NORMS}}, source)


def _activated(net: Network, value: str, index: int, section: Section, default: str) -> str:
    """Add the function of a section behind a value."""
    name = section.text("activation", default).lower()
    if name not in ACTIVATIONS:
        raise RefusedError(
            f"activation={name[:60]}",
            "leaky_relu, tanh or another activation of netspec's",
            section.at("activation"),
        )
    for kind, arguments in ACTIVATIONS[name]:
        value = net.add(make(kind, **arguments), index, section, value, suffix=f"_{kind}").name
    return value


def _batchnorm(net: Network, index: int, section: Section) -> str:
    piece = net.add(make("batchnorm", momentum=_KEPT), index, section)
    if net.weights is not None and not net.lost and piece.shape:
        arrays = {name: net.weights.take(piece.weights[name]) for name in _NORMS}
        if any(array is None for array in arrays.values()):
            net.sketch.unknown(
                section.place,
                f"{net.weights.file} ends before [batchnorm]",
                "these are the weights of another network",
            )
            net.lost = True
            return piece.name
        whole = {name: array for name, array in arrays.items() if array is not None}
        net.sketch.give(piece, whole, f"layer {index} of {net.weights.file}")
        # Darknet does not write the offsets of this section.
        net.sketch.give(piece, {"offset": np.zeros(piece.weights["offset"], np.float32)}, "0: Darknet does not save it")
    return piece.name


def _maxpool(net: Network, index: int, section: Section) -> str:
    stride = section.whole("stride", 1)
    size = section.whole("size", stride)
    total = section.whole("padding", size - 1)
    x = net.sketch.shapes[net.current]
    if len(x) != 3:
        raise RefusedError(f"it reads {format_shape(x)}, which is no image")
    if size < 1 or stride < 1 or total < 0:
        raise RefusedError("its size, stride and padding are no window")
    pad, extra = total // 2, total % 2
    fields: dict[str, Any] = {
        "kernel": (size, size),
        "stride": (stride, stride),
        "pad": (pad, pad) if pad else "valid",
    }
    if not extra or all((n + total - size) // stride == (n + total - 1 - size) // stride for n in x[1:]):
        return net.add(make("pool", **fields), index, section).name
    if stride == 1 and total == size - 1:
        return net.add(make("pool", **{**fields, "pad": "same"}), index, section).name
    # One more row and column behind the image than before it: `ceil` adds what the last windows need.
    wanted = tuple((n + total - size) // stride + 1 for n in x[1:])
    layer = make("pool", **fields, ceil=True)
    piece = net.add(layer, index, section)
    if piece.shape[1:] != wanted:
        raise RefusedError(
            f"a window of {size} with {total} rows of padding at a stride of {stride}", "`pool` with `pad=`"
        )
    return piece.name


def _avgpool(net: Network, index: int, section: Section) -> str:
    if len(net.sketch.shapes[net.current]) == 1:
        return net.current
    return net.add(make("globalpool"), index, section).name


def _dropout(net: Network, index: int, section: Section) -> str:
    return net.add(make("dropout", rate=section.number("probability", 0.5)), index, section).name


def _softmax(net: Network, index: int, section: Section) -> str:
    if section.whole("groups", 1) != 1 or "tree" in section.options:
        raise RefusedError("a softmax of several groups", "`part` and `softmax` for each, then `concat`")
    x = net.sketch.shapes[net.current]
    read = net.current
    if len(x) > 1 and any(n > 1 for n in x[1:]):
        # Darknet's goes over all values.
        read = net.add(make("flatten"), index, section, suffix="_flat").name
    return net.add(make("softmax"), index, section, read).name


def _cost(net: Network, index: int, section: Section) -> str:
    del index
    kind = section.text("type", "sse").lower()
    last = net.sketch.by_name.get(net.current)
    losses = {"sse": "mse", "l1": "mae", "smooth": "huber"}
    if kind not in losses:
        raise RefusedError(f"type={kind[:60]}", "`loss mse`, `mae` or `huber`")
    # Behind a softmax the difference itself is handed back: that is cross-entropy.
    if last is not None and last.layer.canonical() != "softmax":
        net.sketch.made.settings["loss"] = losses[kind]
        net.sketch.note_sum(f"[cost] of type={kind}", last.shape, halved=kind == "sse")
    return net.current


def _crop(net: Network, index: int, section: Section) -> str:
    height, width = section.whole("crop_height", 1), section.whole("crop_width", 1)
    x = net.sketch.shapes[net.current]
    if len(x) != 3:
        raise RefusedError(f"it reads {format_shape(x)}, which is no image")
    value = net.current
    if (height, width) != x[1:]:
        value = net.add(make("crop", size=(height, width)), index, section, suffix="_crop").name
    if not section.whole("noadjust", 0):
        value = net.add(make("times", factor=2, plus=-1), index, section, value).name
    said = section.said("flip", "angle", "saturation", "exposure", "shift")
    net.sketch.made.remarks.append(f"Darknet crops at random places in training, here in the middle: {said}")
    return value


def _upsample(net: Network, index: int, section: Section) -> str:
    factor = section.whole("stride", 2)
    if section.number("scale", 1) != 1 or factor < 1:
        raise RefusedError("it scales its values, or shrinks", "`upsample` and `times`")
    return net.add(make("upsample", factor=factor), index, section).name


def _activation(net: Network, index: int, section: Section) -> str:
    return _activated(net, net.current, index, section, "linear")


def _route(net: Network, index: int, section: Section) -> str:
    values = [net.named(index, number, section, "layers") for number in section.numbers("layers")]
    if not values:
        raise RefusedError("it names no layers")
    if not all(net.sketch.shapes[value] for value in values):
        return next(value for value in values if not net.sketch.shapes[value])
    groups, which = section.whole("groups", 1), section.whole("group_id", 0)
    if groups > 1:
        if len(values) > 1:
            raise RefusedError("groups of several layers", "`part`")
        return net.add(make("part", number=which + 1, of=groups), index, section, values[0]).name
    if len(values) == 1:
        return values[0]
    return net.add(make("concat"), index, section, *values).name


def _shortcut(net: Network, index: int, section: Section) -> str:
    if not net.sketch.shapes[net.current]:
        return net.current
    others = section.numbers("from")
    if len(others) != 1:
        raise RefusedError("it adds several layers, or none", "`add`")
    other = net.named(index, others[0], section, "from")
    if not net.sketch.shapes[other]:
        return other
    if section.number("alpha", 1) != 1 or section.number("beta", 1) != 1:
        raise RefusedError("a sum with factors", "`times` before `add`")
    mine, theirs = net.sketch.shapes[net.current], net.sketch.shapes[other]
    if mine != theirs:
        other = _fitted(net, other, mine, theirs, index, section)
    added = net.add(make("add"), index, section, net.current, other)
    return _activated(net, added.name, index, section, "linear")


def _fitted(net: Network, other: str, mine: Shape, theirs: Shape, index: int, section: Section) -> str:
    """Bring the other value of a shortcut to a shape as Darknet does: every n-th row, and channels of zeros."""
    fits = len(mine) == len(theirs) == 3 and all(
        a >= b and a % b == 0 for a, b in zip(theirs[1:], mine[1:], strict=True)
    )
    if not fits or theirs[1] // mine[1] != theirs[2] // mine[2]:
        raise RefusedError(f"it adds {format_shape(theirs)} to {format_shape(mine)}", "bring both to one shape")
    stride = theirs[1] // mine[1]
    if stride > 1:
        layer = make("avgpool", kernel=(1, 1), stride=(stride, stride))
        other = net.add(layer, index, section, other, suffix="_rows").name
    if mine[0] > theirs[0]:
        other = net.add(make("pad", channels=mine[0] - theirs[0]), index, section, other, suffix="_wide").name
    elif mine[0] < theirs[0]:
        # The channels that are too many are not added.
        other = net.add(make("channels", count=mine[0]), index, section, other, suffix="_narrow").name
    return other


SECTIONS: Mapping[str, Callable[[Network, int, Section], str]] = {
    "convolutional": _convolutional,
    "deconvolutional": _convolutional,
    "connected": _connected,
    "batchnorm": _batchnorm,
    "maxpool": _maxpool,
    "avgpool": _avgpool,
    "dropout": _dropout,
    "softmax": _softmax,
    "cost": _cost,
    "crop": _crop,
    "upsample": _upsample,
    "activation": _activation,
    "route": _route,
    "shortcut": _shortcut,
}
