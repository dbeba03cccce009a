"""Keras' normalizations, and its random layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from netspec.formats.keras.reader.network import Network, in_rows
from netspec.formats.keras.reader.use import RefusedError, Use, short
from netspec.formats.keras.reader.values import Value
from netspec.formats.keras.reader.weights import Part
from netspec.formats.reading import Array, Piece
from netspec.formats.sketch import make

__all__ = ["LAYERS"]

_Function = Callable[[Network, Use, Value], Value]


def _batch(net: Network, use: Use, x: Value) -> Value:
    if use.flag("renorm", default=False) or use.get("virtual_batch_size") is not None or use.whole("mode", 0):
        raise RefusedError("a batch normalization of another kind", "`batchnorm`, trained anew")
    scale, center = use.flag("scale", default=True), use.flag("center", default=True)
    x = _on_axis(net, use, x)
    layer = make("batchnorm", epsilon=use.number("epsilon", 0.001), momentum=use.number("momentum", 0.99))
    piece = net.piece(use, layer, x.piece)
    names = [*(["scale"] if scale else []), *(["offset"] if center else []), "mean", "variance"]
    _give(net, use, x, piece, names)
    return net.value(piece, x.axes, x.blocks)


def _layer(net: Network, use: Use, x: Value) -> Value:
    if use.flag("rms_scaling", default=False):
        raise RefusedError("a normalization by the root of the mean square", "`layernorm`, trained anew")
    scale, center = use.flag("scale", default=True), use.flag("center", default=True)
    said = use.get("axis", -1)
    axes = [said] if isinstance(said, int) else said
    count = len(x.shape)
    if not isinstance(axes, list) or not all(isinstance(a, int) and -count <= a <= count and a for a in axes):
        raise RefusedError(f"axis={short(said)}", "the last axis, or all of an example")
    over = sorted(a - 1 if a > 0 else a + count for a in axes)
    everything = count > 1 and over == list(range(count))
    if not everything:
        x = net.arranged(use, x, (over[0], *(a for a in x.axes if a != over[0]))) if len(over) == 1 else x
        if over != [x.axes[0]]:
            raise RefusedError(f"axis={short(said)}", "the last axis, or all of an example")
        x = net.channels_last(use, x) if over == [count - 1] else x
    affine = scale or center
    layer = make(
        "layernorm",
        over="all" if everything else "positionwise",
        epsilon=use.number("epsilon", 0.001),
        affine=affine,
    )
    piece = net.piece(use, layer, x.piece)
    names = [*(["scale"] if scale else []), *(["offset"] if center else [])]
    if affine:
        _give(net, use, x, piece, names, whole=everything)
    return net.value(piece, x.axes, x.blocks)


def _group(net: Network, use: Use, x: Value) -> Value:
    scale, center = use.flag("scale", default=True), use.flag("center", default=True)
    x = net.in_order(use, x) if len(x.shape) == 1 else x
    x = _on_axis(net, use, x)
    groups = use.whole("groups", 32)
    layer = make(
        "groupnorm",
        groups=x.own[0] if groups == -1 else groups,
        epsilon=use.number("epsilon", 0.001),
        affine=scale or center,
    )
    piece = net.piece(use, layer, x.piece)
    if scale or center:
        _give(net, use, x, piece, [*(["scale"] if scale else []), *(["offset"] if center else [])])
    return net.value(piece, x.axes, x.blocks)


def _on_axis(net: Network, use: Use, x: Value) -> Value:
    """Return a value whose first axis here is the one that a normalization has its numbers along."""
    said = use.get("axis", -1)
    said = said[0] if isinstance(said, list) and len(said) == 1 else said
    count = len(x.shape)
    if not isinstance(said, int) or isinstance(said, bool) or not -count <= said <= count or not said or count > 4:
        raise RefusedError(f"axis={short(said)}", "the axis of the channels")
    axis = said - 1 if said > 0 else said + count
    if axis == x.axes[0]:
        return net.in_one_order(use, x) if count == 1 else x
    if axis == count - 1:
        return net.channels_last(use, x)
    return net.arranged(use, x, (axis, *(a for a in range(count) if a != axis)))


def _give(net: Network, use: Use, x: Value, piece: Piece, names: Sequence[str], *, whole: bool = False) -> None:
    """Give a normalization its arrays; where Keras has no scale or no offset, those that change nothing."""
    if not piece.shape:
        return
    wanted = piece.weights or {}
    missing = [name for name in ("scale", "offset") if name in wanted and name not in names]
    if missing:
        net.note(
            use, f"no {' and no '.join(missing)} in Keras: here there is one, which begins with what changes nothing"
        )
    stored = net.stored(use, Part(("",), (len(x.shape) if whole else 1,) * len(names)))
    if not stored:
        return
    arrays = {name: _placed(array, x, whole=whole) for name, array in zip(names, stored[0].arrays, strict=True)}
    fixed = {name: (np.ones if name == "scale" else np.zeros)(wanted[name], np.float32) for name in missing}
    net.give(piece, {**arrays, **fixed}, stored[0])


def _placed(array: Array, x: Value, *, whole: bool) -> Array:
    if whole:
        return array.transpose(x.axes) if array.ndim == len(x.axes) else array
    return in_rows(array.reshape(-1), x.blocks)


def _dropout(net: Network, use: Use, x: Value) -> Value:
    kind = use.entry.kind
    if kind != "Dropout":
        what = {"AlphaDropout": "a normal deviation and no zeros", "GaussianDropout": "a normal factor and no zeros"}
        said = what.get(kind, "whole channels")
        net.note(use, f"{kind} draws {said} in training, `dropout` each value")
    rate = use.number("rate" if use.get("rate") is not None else "p", 0.5)
    use.read.update(("rate", "p"))
    together = use.get("noise_shape")
    if isinstance(together, list) and len(together) == len(x.shape) + 1 > 1 and together[1:] == [1] * len(x.shape):
        # All values of an example are kept or zeroed together.
        return net.add(use, make("stochastic_depth", rate=rate), x)
    if together:
        net.note(use, "values that are zeroed together in Keras (noise_shape) are zeroed one by one here")
    return net.add(use, make("dropout", rate=rate), x)


def _noise(net: Network, use: Use, x: Value) -> Value:
    std = use.number("stddev" if use.get("stddev") is not None else "sigma")
    return net.add(use, make("noise", std=std), x)


def _layer_scale(net: Network, use: Use, x: Value) -> Value:
    x = net.channels_last(use, x)
    use.read.add("projection_dim")
    piece = net.piece(use, make("scale", init=use.number("init_values", 1.0)), x.piece)
    stored = net.stored(use, Part(("",), (1,))) if piece.shape else None
    if stored:
        net.give(piece, {"scale": in_rows(stored[0].arrays[0], x.blocks)}, stored[0])
    return net.value(piece, x.axes, x.blocks)


def _stochastic_depth(net: Network, use: Use, x: Value) -> Value:
    rate = use.number("rate" if use.get("rate") is not None else "drop_path_rate", 0.0)
    use.read.update(("rate", "drop_path_rate"))
    return net.add(use, make("stochastic_depth", rate=rate), x)


LAYERS: Mapping[str, _Function] = {
    "BatchNormalization": _batch,
    "LayerNormalization": _layer,
    "GroupNormalization": _group,
    **dict.fromkeys(
        ("Dropout", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D", "AlphaDropout", "GaussianDropout"),
        _dropout,
    ),
    "GaussianNoise": _noise,
    "LayerScale": _layer_scale,
    "StochasticDepth": _stochastic_depth,
}
