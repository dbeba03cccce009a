"""A network as a reader puts it together: shapes as it goes, and all that does not fit with its place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from pydantic import ValidationError

from netspec.formats.reading import Array, Description, Piece, Place, Stored, Unknown
from netspec.layers import LAYERS
from netspec.layers.base import Layer, Mask, Role, Tensor, Weight
from netspec.ops import Op, Shape, ShapeError, format_shape
from netspec.recipe.initializers import Initializer

__all__ = ["MAX_PIECES", "Sketch", "make", "operations_of", "reason_of"]

MAX_PIECES = 20_000
"""More layers than any network has that people have written."""


def make(name: str, **fields: Any) -> Layer:
    """Return a layer by its canonical name; raises ValidationError where its arguments cannot be."""
    return LAYERS[name](**fields)


def reason_of(error: ValidationError) -> str:
    """Return why the arguments of a layer cannot be, as `make` found."""
    problem = error.errors()[0]
    if problem["type"] == "value_error":
        return problem["msg"].removeprefix("Value error, ")
    return f"a number is out of range: {problem['msg']}"


class Sketch:
    """What a reader adds layers to."""

    def __init__(self, name: str) -> None:
        self.made = Description(name)
        self.shapes: dict[str, Shape] = {}
        """Of every value by its name; empty where it could not be known."""
        self.by_name: dict[str, Piece] = {}
        self.counts: dict[str, int] = {}
        """The number that the last piece of a name has, where several have it in the file."""

    def input(self, name: str, shape: Shape) -> str:
        """Declare an input and return its name."""
        self.made.inputs[name] = shape
        self.shapes[name] = shape
        return name

    def unknown(self, place: Place, what: str, instead: str = "") -> None:
        """Note what was not understood; the same at the same place once."""
        entry = Unknown(place, what, instead)
        if entry not in self.made.unknown:
            self.made.unknown.append(entry)

    def note(self, text: str) -> None:
        """Note what the user should know, once."""
        if text not in self.made.notes:
            self.made.notes.append(text)

    def note_sum(self, loss: str, shape: Shape, *, halved: bool) -> None:
        """Note by what the rate of a loss differs that is a sum over the outputs, or half of it, and here a mean."""
        factor = prod(shape) / 2 if halved else prod(shape)
        if factor != 1:
            self.note(
                f"{loss} is {'half ' if halved else ''}the sum over the outputs, here it is their mean: "
                f"{factor:g} times the rate makes the same steps"
            )

    def add(self, layer: Layer, inputs: Sequence[str], name: str, place: Place, share: str = "") -> Piece:
        """Add a layer; one that does not fit is noted, and what reads it is of no known shape.

        Args:
            layer: in netspec's terms.
            inputs: the names of what it reads.
            name: as the file has it.
            place: where the file says it.
            share: the name of a piece whose weights it uses.
        """
        own = unique = name or layer.canonical()
        count = self.counts.get(own, 1)
        while unique in self.shapes:
            count += 1
            unique = f"{own}_{count}"
        self.counts[own] = count
        piece = Piece(unique, layer, tuple(inputs), place, share=share)
        self.made.pieces.append(piece)
        self.by_name[unique] = piece
        shapes = [self.shapes[i] for i in inputs]
        if all(shapes):
            builder = _Shapes()
            tensors = [
                Tensor(i, shape, self.made.tokens.get(source))
                for i, (source, shape) in enumerate(zip(inputs, shapes, strict=True))
            ]
            try:
                made = layer.join(builder, tensors)
                if prod(made.shape) > _MAX_VALUES:
                    raise ShapeError("", f"its output {format_shape(made.shape)} is too large")
                piece.shape, piece.weights = made.shape, builder.weights
            except ShapeError as error:
                self.unknown(place, f"{name or layer.canonical()} does not fit: {error.message}")
        if share and piece.shape:
            owner = self.by_name[share]
            if owner.weights != piece.weights:
                self.unknown(place, f"{name or layer.canonical()} does not fit the weights of {share}, which it shares")
                piece.shape = ()
            owner.keep, piece.weights = True, {}
        self.shapes[unique] = piece.shape
        return piece

    def change(self, piece: Piece, layer: Layer, inputs: Sequence[str]) -> None:
        """Put another layer in the place of one, with other inputs; raises ShapeError where it does not fit."""
        builder = _Shapes()
        shapes = [(self.shapes[name], self.made.tokens.get(name)) for name in inputs]
        made = layer.join(builder, [Tensor(i, *each) for i, each in enumerate(shapes)])
        piece.layer, piece.inputs = layer, tuple(inputs)
        piece.shape, piece.weights = made.shape, builder.weights
        self.shapes[piece.name] = piece.shape

    def give(self, piece: Piece, arrays: Mapping[str, Array], source: str) -> None:
        """Give a layer its arrays; those of another shape, or with numbers that are not finite, are noted."""
        if not piece.shape:
            return
        for name, array in arrays.items():
            wanted = piece.weights.get(name)
            if wanted is None:
                self.unknown(piece.place, f"{source} has a {name}, and the layer has none")
            elif array.size == prod(wanted) and array.shape != wanted and array.ndim != len(wanted):
                self.give(piece, {name: array.reshape(wanted)}, source)
            elif array.shape != wanted:
                found = format_shape(array.shape)
                self.unknown(
                    piece.place,
                    f"the {name} of {source} is {found}, and the layer needs {format_shape(wanted)}",
                    "these are the weights of another network",
                )
            else:
                values = np.ascontiguousarray(array, np.float32)
                if not np.isfinite(values).all():
                    self.unknown(piece.place, f"the {name} of {source} has numbers that are not finite")
                    continue
                piece.arrays[name] = Stored(values, source)


_MAX_VALUES = 4_000_000_000


def operations_of(layer: Layer, shapes: Sequence[Shape], tokens: Sequence[int | None] = ()) -> list[Op]:
    """Return the operations that a layer is on values of these shapes; raises ShapeError where they do not fit.

    Args:
        layer: in netspec's terms.
        shapes: of the values.
        tokens: of each value that is token numbers, how many there are.
    """
    builder = _Shapes()
    counts = tokens or [None] * len(shapes)
    layer.join(builder, [Tensor(i, *each) for i, each in enumerate(zip(shapes, counts, strict=True))])
    return builder.operations


class _Shapes:
    """The builder that layers are handed: it keeps shapes alone."""

    def __init__(self) -> None:
        self.weights: dict[str, Shape] = {}
        self.operations: list[Op] = []

    def weight(
        self, name: str, shape: Shape, *, role: Role, fans: tuple[int, int], init: Initializer | None = None
    ) -> Weight:
        del role, fans, init
        self.weights[name] = shape
        return Weight(name, shape)

    def apply(self, op: Op, x: Tensor | Sequence[Tensor], *weights: Weight) -> Tensor:
        xs = [x] if isinstance(x, Tensor) else list(x)
        self.operations.append(op)
        return Tensor(0, op.shape(*(each.shape for each in xs), *(w.shape for w in weights)))

    def valid(self, mask: Mask) -> Tensor:
        raise NotImplementedError
