"""What a person leaves out or joins: an activation on the line of its layer, `ceil` where it changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from netspec.formats.reading import Description, Piece
from netspec.layers import ACTIVATIONS
from netspec.layers.base import Layer, Tensor
from netspec.layers.pool import AvgPool, Pool
from netspec.layers.shape import Flatten, Identity
from netspec.recipe.initializers import Initializer
from netspec.schema.definition import parameters

__all__ = ["simplified"]


def simplified(made: Description) -> tuple[list[Piece], dict[str, Initializer]]:
    """Return the pieces as a person would write them, and the initializers that nearly all have."""
    named = {output.piece for output in made.outputs}
    pieces = [replace(piece) for piece in made.pieces]
    pieces = _without(pieces, named)
    pieces = _joined(pieces, named)
    shapes = {**made.inputs, **{piece.name: piece.shape for piece in pieces}}
    for piece in pieces:
        if isinstance(piece.layer, Pool | AvgPool) and shapes[piece.inputs[0]]:
            piece.layer = _pool(piece.layer, shapes[piece.inputs[0]])
    inits = {}
    for field, name in (("init", "kernel"), ("bias_init", "bias")):
        able = [piece for piece in pieces if field in type(piece.layer).model_fields and _applies(piece.layer, field)]
        for piece in able:
            if piece.share and isinstance(getattr(piece.layer, field), Initializer):
                # What begins somehow are the weights of the layer that owns them.
                piece.layer = piece.layer.model_copy(update={field: None})
        found = [piece for piece in able if not piece.share]
        given = [getattr(piece.layer, field) for piece in found]
        if not given or None in given or not all(isinstance(each, Initializer) for each in given):
            continue
        common, count = Counter(given).most_common(1)[0]
        if count * 2 > len(given) and not (name == "bias" and common.canonical() == "zeros"):
            inits[name] = common
            for piece in found:
                if getattr(piece.layer, field) == common:
                    piece.layer = piece.layer.model_copy(update={field: None})
        elif name == "bias":
            for piece in found:
                if getattr(piece.layer, field).canonical() == "zeros":
                    piece.layer = piece.layer.model_copy(update={field: None})
    return pieces, inits


def _applies(layer: Layer, field: str) -> bool:
    """Return whether an initializer of a layer is for anything: that of a bias where it has one."""
    return layer.has_weights and layer.canonical() != "scale" and (field == "init" or getattr(layer, "bias", True))


def _pool(layer: Pool | AvgPool, shape: tuple[int, ...]) -> Layer:
    """Return a pooling without `ceil` where it changes nothing, and without the stride that it has anyway."""
    changes: dict[str, Any] = {}
    if layer.stride == layer.kernel:
        changes["stride"] = None
    if layer.ceil:
        plain = layer.model_copy(update={"ceil": False})
        x = Tensor(0, shape)
        if layer.window(x) == plain.window(x):
            changes["ceil"] = False
    return layer.model_copy(update=changes)


def _readers(pieces: Sequence[Piece]) -> Counter[str]:
    return Counter(source for piece in pieces for source in piece.inputs)


def _without(pieces: list[Piece], named: set[str]) -> list[Piece]:
    """Return the pieces without those that change nothing: names, and a flattening before a fully connected layer."""
    readers: dict[str, list[Piece]] = {}
    for piece in pieces:
        for source in piece.inputs:
            readers.setdefault(source, []).append(piece)
    renamed: dict[str, str] = {}
    made = []
    for piece in pieces:
        piece.inputs = tuple(renamed.get(source, source) for source in piece.inputs)
        after = readers.get(piece.name, [])
        implied = isinstance(piece.layer, Flatten) and after and all(r.layer.canonical() == "fc" for r in after)
        idle = isinstance(piece.layer, Identity) and after
        if (implied or idle) and piece.name not in named and not piece.keep:
            renamed[piece.name] = piece.inputs[0]
        else:
            made.append(piece)
    return made


def _joined(pieces: list[Piece], named: set[str]) -> list[Piece]:
    """Return the pieces with activations on the line of the layer that they alone read."""
    counts = _readers(pieces)
    by_name = {piece.name: piece for piece in pieces}
    renamed: dict[str, str] = {}
    made = []
    for piece in pieces:
        piece.inputs = tuple(renamed.get(source, source) for source in piece.inputs)
        before = by_name.get(piece.inputs[0])
        if (
            piece.layer.canonical() in ACTIVATIONS
            and before is not None
            and counts[before.name] == 1
            and before.name not in named
            and "activation" in {p.name for p in parameters(type(before.layer))}
            and getattr(before.layer, "activation", None) is None
            and not piece.keep
            and not (piece.name in named and before.keep)
        ):
            before.layer = before.layer.model_copy(update={"activation": piece.layer})
            before.shape = piece.shape
            before.weights = {**before.weights, **piece.weights}
            before.arrays = {**before.arrays, **piece.arrays}
            if piece.name in named:
                # An output is called as the file calls it: by the function at its end.
                del by_name[before.name]
                before.name = piece.name
                by_name[before.name] = before
            else:
                renamed[piece.name] = before.name
                counts[before.name] = counts[piece.name]
            continue
        made.append(piece)
    return made
