"""Layers that are one here and several in ONNX: a bias behind its product, a scale behind its normalization."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from netspec.formats.onnx.read import tidy_layers
from netspec.formats.onnx.read.tidying import Tidying, kind_of
from netspec.formats.reading import Array, Piece
from netspec.formats.sketch import Sketch

__all__ = ["share", "tidied"]

_PRODUCTS = {"conv", "deconv", "depthwise", "fc"}
_NORMS = {"layernorm", "groupnorm", "instancenorm"}


def _numbers(piece: Piece) -> tuple[Array, Array]:
    """Return by what a piece multiplies each channel, and what it adds."""
    layer: Any = piece.layer
    if kind_of(piece) == "times":
        return np.array(layer.factor), np.array(layer.plus)
    scale = piece.arrays["scale"].array.astype(np.float64)
    bias = piece.arrays.get("bias")
    return scale, np.zeros_like(scale) if bias is None else bias.array.astype(np.float64)


def _idle(at: Tidying, piece: Piece) -> bool:
    """Take out what multiplies by 1."""
    layer: Any = piece.layer
    if kind_of(piece) != "times" or abs(layer.factor - 1) > 1e-6 or layer.plus != 0:
        return False
    if piece.name in at.outputs and piece.inputs[0] not in at.sketch.by_name:
        return False
    at.drop(piece, piece.inputs[0])
    return True


def _in_a_row(at: Tidying, piece: Piece) -> bool:
    """Make one of two that multiply and add."""
    first = at.before(piece)
    if kind_of(piece) not in {"times", "scale"} or first is None or kind_of(first) not in {"times", "scale"}:
        return False
    (a, b), (c, d) = _numbers(first), _numbers(piece)
    factor, plus = a * c, b * c + d
    if kind_of(first) == kind_of(piece) == "times":
        numbers: dict[str, Any] = {name: float(f"{float(v):.8g}") for name, v in (("factor", factor), ("plus", plus))}
        at.change(first, {}, **numbers)
    else:
        channels = first.shape[:1]
        bias = bool(np.any(plus))
        arrays = {"scale": np.broadcast_to(factor, channels)}
        arrays |= {"bias": np.broadcast_to(plus, channels)} if bias else {}
        if kind_of(first) == "times":
            first.arrays = dict(piece.arrays)
        at.change(first, arrays, kind="scale", bias=bias)
    at.drop(piece, first.name)
    return True


def _bias(at: Tidying, piece: Piece) -> bool:
    """Make what is added to each channel behind a product its bias."""
    first = at.before(piece)
    if kind_of(piece) in {"times", "scale"} and first is not None and kind_of(first) in {"pool", "avgpool"}:
        # What is added to each value of a window is added to its maximum or mean.
        first = None if getattr(first.layer, "count_padding", False) else at.before(first)
    if kind_of(piece) not in {"times", "scale"} or first is None or kind_of(first) not in {*_PRODUCTS, "attention"}:
        return False
    factor, plus = _numbers(piece)
    if (factor != 1).any() or not first.arrays:
        return False
    if kind_of(first) == "attention":
        features = first.shape[0]
        own = first.arrays["out_proj_bias"].array.astype(np.float64) if "out_proj_bias" in first.arrays else 0.0
        arrays = {"out_proj_bias": np.broadcast_to(own + plus, (features,))}
        arrays |= {} if "in_proj_bias" in first.arrays else {"in_proj_bias": np.zeros(3 * features)}
        at.change(first, arrays, bias=True)
        at.drop(piece, piece.inputs[0])
        return True
    own = first.arrays["bias"].array.astype(np.float64) if "bias" in first.arrays else 0.0
    at.change(first, {"bias": np.broadcast_to(own + plus, first.shape[:1])}, bias=True)
    at.drop(piece, piece.inputs[0])
    return True


def _affine(at: Tidying, piece: Piece) -> bool:
    """Make what multiplies and adds behind a normalization part of its scale and offset."""
    if kind_of(piece) != "scale":
        return False
    first = at.before(piece)
    if kind_of(first) == "flatten" and first is not None:
        inner = at.before(first)
        if kind_of(inner) != "layernorm" or getattr(inner.layer, "over", "") != "all":  # type: ignore[union-attr]
            return False
        first = inner
    if first is None or kind_of(first) not in {*_NORMS, "batchnorm"} or getattr(first.layer, "activation", None):
        return False
    layer: Any = first.layer
    whole = getattr(layer, "over", "") == "all"
    shape = first.shape if whole else first.shape[:1]
    scale, bias = _numbers(piece)
    if scale.size != np.prod(shape):
        return False
    scale, bias = scale.reshape(shape), bias.reshape(shape)
    if getattr(layer, "affine", True):
        own = {name: first.arrays[name].array.astype(np.float64) for name in ("scale", "offset")}
        scale, bias = own["scale"] * scale, own["offset"] * scale + bias
    else:
        first.arrays = {"scale": piece.arrays["scale"]}
    fields: dict[str, Any] = {} if kind_of(first) == "batchnorm" else {"affine": True}
    at.change(first, {"scale": scale, "offset": bias}, **fields)
    at.drop(piece, piece.inputs[0])
    return True


_RULES: Sequence[Callable[[Tidying, Piece], bool]] = (_idle, _in_a_row, _bias, _affine, *tidy_layers.RULES)


def tidied(sketch: Sketch, outputs: Sequence[str]) -> list[str]:
    """Join the layers of a sketch that are one here, and return what its outputs are called then."""
    needed = set(outputs)
    for piece in reversed(sketch.made.pieces):
        if piece.name in needed:
            needed.update(piece.inputs)
    sketch.made.pieces = [piece for piece in sketch.made.pieces if piece.name in needed]
    sketch.by_name = {piece.name: piece for piece in sketch.made.pieces}
    at = Tidying(sketch, outputs)
    for piece in sketch.made.pieces:
        looked: Piece | None = piece if piece.name in sketch.by_name else None
        while looked is not None:
            first = at.before(looked)
            if not any(rule(at, looked) for rule in _RULES):
                break
            # What is joined may be joined with what is before it.
            left = [each for each in (looked, first) if each is not None and sketch.by_name.get(each.name) is each]
            looked = left[0] if left else None
    sketch.made.pieces = [piece for piece in sketch.made.pieces if sketch.by_name.get(piece.name) is piece]
    return at.outputs


_SHARED = {"conv", "deconv", "depthwise", "fc", "embedding", "lstm", "gru", "rnn", "attention"}
"""Layers whose weights another one may use."""


def share(sketch: Sketch, uses: Mapping[str, tuple[str, ...]]) -> None:
    """Let layers use the weights of one before them where the file has the same for both.

    Args:
        sketch: with all its layers.
        uses: the names of what each has its weights from.
    """
    owners: dict[tuple[str, ...], list[Piece]] = {}
    slopes = {piece.inputs[0] for piece in sketch.made.pieces if kind_of(piece) == "prelu"}
    for piece in sketch.made.pieces:
        # A `prelu` goes on the line of its layer, with weights of its own.
        if kind_of(piece) not in _SHARED or not piece.arrays or piece.name in slopes:
            continue
        known = owners.setdefault((kind_of(piece), *uses.get(piece.name, (piece.name,))), [])
        owner = next((each for each in known if _same_arrays(each, piece)), None)
        if owner is None:
            known.append(piece)
        else:
            owner.keep, piece.share = True, owner.name
            piece.arrays, piece.weights = {}, {}


def _same_arrays(first: Piece, second: Piece) -> bool:
    """Return whether two pieces have the same weights."""
    if first.arrays.keys() != second.arrays.keys():
        return False
    pairs = [(first.arrays[name].array, second.arrays[name].array) for name in first.arrays]
    return all(np.array_equal(a, b) for a, b in pairs)
