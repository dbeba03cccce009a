"""Keras' layers that prepare data: scales and means, random changes of pictures, and what does nothing here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import prod

import numpy as np

from netspec.formats.keras.reader.network import Arrays, Network, in_rows
from netspec.formats.keras.reader.use import RefusedError, Use, short
from netspec.formats.keras.reader.values import Value
from netspec.formats.keras.reader.weights import Part
from netspec.formats.reading import Array
from netspec.formats.sketch import make

__all__ = ["LAYERS", "RANDOM"]

RANDOM = {
    "RandomFlip": "augment flip",
    "RandomTranslation": "augment shift=",
    "RandomRotation": "augment rotate=",
    "RandomZoom": "augment zoom=",
    "RandomContrast": "augment contrast=",
    "RandomBrightness": "augment brightness=",
}
"""Layers that change pictures in training alone, and what `data` calls it."""


def _nothing(net: Network, use: Use, x: Value) -> Value:
    """Add nothing: what such a layer does is no part of what is computed."""
    if use.entry.kind in RANDOM:
        use.read.update(use.entry.config)
        net.note(use, f"{use.entry.kind} is left out: here `data` says it, {RANDOM[use.entry.kind]}")
    elif use.entry.kind == "ActivityRegularization":
        use.read.update(("l1", "l2"))
        net.note(use, "ActivityRegularization is left out: there is none here")
    return x


def _rescaling(net: Network, use: Use, x: Value) -> Value:
    factor, plus = use.numbers("scale", 1.0), use.numbers("offset", 0.0)
    if _is_picture(net, x) and factor.min() > 1 / 300 and factor.max() < 1 / 20:
        factor = _of_bytes(net, use, x, factor)
    if factor.size > 1 or plus.size > 1:
        return _by_channel(net, use, x, factor, plus)
    return _times(net, use, x, float(f"{factor[0]:.7g}"), float(f"{plus[0]:.7g}"))


def _times(net: Network, use: Use, x: Value, factor: float, plus: float) -> Value:
    if (factor, plus) == (1, 0):
        return replace(x, scaled=x.scaled or use.key in net.prepared.get(x.piece, ()))
    return net.add(use, make("times", factor=factor, plus=plus), x)


def _is_picture(net: Network, x: Value) -> bool:
    return x.piece in net.sketch.made.inputs and len(x.shape) == 3 and not x.scaled


def _of_bytes(net: Network, use: Use, x: Value, factor: Array) -> Array:
    """Return the factors for pictures of 0..1, which netspec gives, where Keras has bytes of 0 to 255."""
    net.note(use, "pictures come as 0..1 here and as 0..255 in Keras: the factor is 255 times as large")
    net.prepared.setdefault(x.piece, []).append(use.key)
    return factor * 255


def _normalization(net: Network, use: Use, x: Value) -> Value:
    if use.flag("invert", default=False):
        raise RefusedError("invert=True", "`times`")
    said = use.get("axis", -1)
    axes = [said] if isinstance(said, int) else said if isinstance(said, list) else []
    use.read.add("input_mean")
    if use.get("mean") is None or use.get("variance") is None:
        stored = net.stored(use, Part(("",), (-1, -1, -1)))
        if stored is None:
            raise RefusedError("its mean and variance are in no file", "give the weights too")
        mean, variance = (array.reshape(-1).astype(np.float64) for array in stored[0].arrays[:2])
    else:
        mean, variance = (_flat(use, name) for name in ("mean", "variance"))
    if not mean.size or not variance.size:
        raise RefusedError("it has no mean or no variance")
    factor = 1 / np.maximum(np.sqrt(np.maximum(variance, 0)), 1e-7)
    plus = -mean * factor
    if _is_picture(net, x) and mean.max() > 2:
        factor = _of_bytes(net, use, x, factor)
    if factor.size == 1 and plus.size == 1:
        return _times(net, use, x, float(factor[0]), float(plus[0]))
    if len(axes) != 1 or not isinstance(axes[0], int) or axes[0] not in {-1, len(x.shape)}:
        raise RefusedError(f"axis={short(said)}", "the axis of the channels")
    return _by_channel(net, use, x, factor, plus)


def _flat(use: Use, name: str) -> Array:
    """Return numbers that may stand in lists within lists, as those of an axis do."""
    value = use.get(name)
    while isinstance(value, list) and len(value) == 1 and isinstance(value[0], list):
        value = value[0]
    return use.within(use.entry.kind, {name: value}).numbers(name, 0.0)


def _by_channel(net: Network, use: Use, x: Value, factor: Array, plus: Array) -> Value:
    """Multiply and add numbers that are not trained, some for each channel."""
    x = net.channels_last(use, x)
    if net.weights is None:
        raise RefusedError("numbers for each channel, which a spec without weights cannot hold", "give the weights too")
    piece = net.piece(use, make("scale", bias=True), x.piece)
    if piece.shape and not piece.share:
        size = prod(piece.weights["scale"])
        if factor.size not in {1, size} or plus.size not in {1, size}:
            raise RefusedError(f"it has {max(factor.size, plus.size)} numbers, and there are {size} channels")
        arrays = {
            "scale": in_rows(np.broadcast_to(factor.reshape(-1), size), x.blocks),
            "bias": in_rows(np.broadcast_to(plus.reshape(-1), size), x.blocks),
        }
        net.give(piece, arrays, Arrays((), f"{use.entry.name}"))
        piece.keep = True
        net.sketch.made.top.append(("freeze", piece.name, ""))
    return net.value(piece, x.axes, x.blocks)


LAYERS: Mapping[str, Callable[[Network, Use, Value], Value]] = {
    **dict.fromkeys((*RANDOM, "ActivityRegularization", "Identity"), _nothing),
    "Rescaling": _rescaling,
    "Normalization": _normalization,
}
