"""Keras' layers that move windows over positions, or make images and sequences larger and smaller."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netspec.formats.keras.reader.network import Network
from netspec.formats.keras.reader.use import RefusedError, Use
from netspec.formats.keras.reader.values import CHANNELS_LAST, Value
from netspec.formats.sketch import make

__all__ = ["LAYERS"]


def _axes(use: Use) -> int:
    return next((n for n in (1, 3) if f"{n}D" in use.entry.kind), 2)


def _both(size: tuple[int, ...]) -> tuple[int, ...]:
    return (size[0], size[0]) if len(set(size)) == 1 else size


def _pool(net: Network, use: Use, x: Value) -> Value:
    axes = _axes(use)
    x = net.positions(use, x, axes)
    size = use.sizes("pool_size" if use.get("pool_size") is not None else "pool_length", axes, 2)
    strides = use.get("strides", use.get("stride"))
    padding = use.word("padding", "valid")
    if padding not in {"same", "valid"}:
        raise RefusedError(f"padding={padding[:60]!r}", "same or valid")
    fields: dict[str, Any] = {"kernel": _both(size), "pad": padding}
    if strides is not None:
        fields["stride"] = _both(use.sizes("strides" if use.get("strides") is not None else "stride", axes))
    return net.add(use, make("pool" if "Max" in use.entry.kind else "avgpool", **fields), x)


def _global(net: Network, use: Use, x: Value) -> Value:
    axes = _axes(use)
    keep = use.flag("keepdims", default=False)
    x = net.positions(use, x, axes)
    pooled = net.add(use, make("globalpool", mode="max" if "Max" in use.entry.kind else "avg"), x)
    if not keep or not pooled.known:
        return pooled
    if x.axes == CHANNELS_LAST[3]:
        return net.pixel(use, pooled)
    piece = net.bare(use, make("reshape", shape=(*pooled.shape, *(1,) * axes)), pooled.piece, suffix="kept")
    return net.value(piece, x.axes)


def _edges(use: Use, name: str, axes: int) -> list[tuple[int, int]]:
    """Return how much before and after, along each axis."""
    said = use.get(name, 1)
    each = [said] * axes if isinstance(said, int) else said
    if axes == 1 and isinstance(each, list) and len(each) == 2 and all(isinstance(v, int) for v in each):
        each = [each]
    if not isinstance(each, list) or len(each) != axes:
        raise RefusedError(f"{name}={str(said)[:60]}")
    pairs = [(v, v) if isinstance(v, int) else tuple(v) if isinstance(v, list) else () for v in each]
    if not all(len(pair) == 2 and all(isinstance(v, int) and v >= 0 for v in pair) for pair in pairs):
        raise RefusedError(f"{name}={str(said)[:60]}")
    return [(pair[0], pair[1]) for pair in pairs]


def _padding(net: Network, use: Use, x: Value) -> Value:
    axes = _axes(use)
    x = net.positions(use, x, axes)
    sides = _edges(use, "padding", axes)
    made = _bordered(net, use, x, sides)
    net.paddings[made.piece] = (x, tuple(sides))
    return made


def _bordered(net: Network, use: Use, x: Value, sides: Sequence[tuple[int, int]]) -> Value:
    """Add a border of zeros."""
    most = tuple(max(pair) for pair in sides)
    if any(before != after for before, after in sides):
        # A border that is equal on both sides, of which one side is cut off again.
        size = tuple(n + sum(pair) for n, pair in zip(x.own[1:], sides, strict=True))
        offset = tuple(m - before for m, (before, _) in zip(most, sides, strict=True))
        whole = net.bare(use, make("pad", amount=_both(most)), x.piece, suffix="whole")
        crop = make("crop", size=_both(size), offset=_both(offset))
        return net.value(net.piece(use, crop, whole.name), x.axes)
    return net.add(use, make("pad", amount=_both(most)), x)


def _cropping(net: Network, use: Use, x: Value) -> Value:
    axes = _axes(use)
    x = net.positions(use, x, axes)
    sides = _edges(use, "cropping", axes)
    size = tuple(n - sum(pair) for n, pair in zip(x.own[1:], sides, strict=True))
    offset = tuple(before for before, _ in sides)
    middle = all((n - k) // 2 == before for n, k, before in zip(x.own[1:], size, offset, strict=True))
    return net.add(use, make("crop", size=_both(size), offset=None if middle else _both(offset)), x)


def _upsampling(net: Network, use: Use, x: Value) -> Value:
    axes = _axes(use)
    x = net.positions(use, x, axes)
    name = "size" if use.get("size") is not None else "length"
    mode = use.word("interpolation", "nearest")
    if mode not in {"nearest", "bilinear"}:
        raise RefusedError(f"interpolation={mode[:60]!r}", "nearest or bilinear")
    if mode == "bilinear" and use.old:
        raise RefusedError("a bilinear interpolation between the corners of pixels", "`upsample 2 bilinear`")
    return net.add(use, make("upsample", factor=_both(use.sizes(name, axes, 2)), mode=mode), x)


LAYERS: Mapping[str, Callable[[Network, Use, Value], Value]] = {
    f"{kind}{axes}D": read
    for kind, read in (
        ("MaxPooling", _pool),
        ("AveragePooling", _pool),
        ("GlobalAveragePooling", _global),
        ("GlobalMaxPooling", _global),
        ("ZeroPadding", _padding),
        ("Cropping", _cropping),
        ("UpSampling", _upsampling),
    )
    for axes in (1, 2, 3)
}
