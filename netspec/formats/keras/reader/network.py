"""A network of Keras while it is read: what the functions of the layers are given, and add layers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any

from netspec.formats.keras.reader.use import RefusedError, Use
from netspec.formats.keras.reader.values import CHANNELS_FIRST, CHANNELS_LAST, Block, Value, order_of, permuted
from netspec.formats.reading import Array, Piece
from netspec.formats.sketch import Sketch, make
from netspec.layers.base import Layer
from netspec.ops import format_shape

if TYPE_CHECKING:
    from netspec.formats.keras.reader.weights import Part, Weights

__all__ = ["Arrays", "Network", "channels_first", "in_rows"]


@dataclass(frozen=True, slots=True)
class Arrays:
    """The arrays of a layer in the order of Keras, and what they are called in the file."""

    arrays: Sequence[Array]
    source: str


class Network:
    """What the functions of the layers add layers to."""

    def __init__(self, name: str, weights: Weights | None) -> None:
        self.sketch = Sketch(name)
        self.sketch.made.title = f"{name}, from Keras"
        self.weights = weights
        self.uses: dict[tuple[str, ...], list[Piece]] = {}
        self.given: dict[tuple[str, ...], tuple[Block, ...]] = {}
        """The order of the row that the first use of a layer with weights read."""
        self.paddings: dict[str, tuple[Value, tuple[tuple[int, int], ...]]] = {}
        """Borders of zeros by the pieces that make them: what they are around, and how much on each side."""
        self.rows: dict[str, Value] = {}
        """Rows by the pieces that make images of one position of them."""
        self.said: dict[str, list[str]] = {}
        """What the user should know of layers, with their names."""
        self.masked: set[str] = set()
        """Pieces whose values have padding that Keras knows of."""
        self.prepared: dict[str, list[tuple[str, ...]]] = {}
        """Inputs that are pictures of 0..255 in Keras, and the layers that scale them."""
        self.penalties: list[tuple[str, float, float]] = []
        """Of each kernel: its layer, and the factors of its absolute values and squares that are added to the loss."""

    def note(self, use: Use, text: str) -> None:
        """Note what the user should know of a layer; what is true of several is said once."""
        names = self.said.setdefault(text, [])
        if use.entry.name not in names[-1:]:
            names.append(use.entry.name)

    # --- values -------------------------------------------------------------------------------------------------

    def arranged(self, use: Use, x: Value, axes: Sequence[int]) -> Value:
        """Return a value with its axes in such an order."""
        if x.axes == tuple(axes):
            return x
        order = permuted(x.axes, axes)
        # Axes of one value can be moved without moving anything.
        moved = [axis for axis in order if x.own[axis] > 1]
        own = tuple(x.own[i] for i in order)
        layer = make("reshape", shape=own) if moved == sorted(moved) else make("permute", order=order)
        piece = self.bare(use, layer, x.piece, suffix="permuted")
        return Value(piece.name, x.shape, tuple(axes), known=bool(piece.shape))

    def channels_last(self, use: Use, x: Value) -> Value:
        """Return a value whose channels here are Keras' last axis, in Keras' order where it is a row."""
        if len(x.shape) > 4 or not x.shape:
            raise RefusedError(f"it reads {len(x.shape)} axes ({format_shape(x.shape)}); 1 to 4 can be")
        return self.arranged(use, x, CHANNELS_LAST[len(x.shape)])

    def positions(self, use: Use, x: Value, axes: int) -> Value:
        """Return an image or a sequence, arranged as its `data_format` says; raises RefusedError for another value."""
        if len(x.shape) != axes + 1:
            raise RefusedError(f"it reads {format_shape(x.shape) or 'single numbers'}, which has not {axes + 1} axes")
        first = channels_first(use.entry.config)
        use.read.update(("data_format", "dim_ordering"))
        return self.arranged(use, x, (CHANNELS_FIRST if first else CHANNELS_LAST)[axes + 1])

    def in_order(self, use: Use, x: Value) -> Value:
        """Return a value whose axes and values lie as Keras has them."""
        if len(x.shape) > 1:
            return self.arranged(use, x, CHANNELS_FIRST[len(x.shape)])
        if not x.blocks:
            return x
        pieces = []
        start = 0
        for block in x.blocks:
            part, size = x.piece, prod(block.shape)
            if len(x.blocks) > 1:
                cut = make("channels", count=size, offset=start)
                part = self.bare(use, cut, part, suffix="part").name
            if not block.plain:
                for layer in (
                    make("reshape", shape=block.shape),
                    make("permute", order=permuted(block.axes, sorted(block.axes))),
                    make("flatten"),
                ):
                    part = self.bare(use, layer, part, suffix="ordered").name
            pieces.append(part)
            start += size
        last = pieces[0] if len(pieces) == 1 else self.bare(use, make("concat"), *pieces, suffix="ordered").name
        return Value(last, x.shape, (0,), known=bool(self.sketch.shapes[last]))

    # --- layers -------------------------------------------------------------------------------------------------

    def bare(self, use: Use, layer: Layer, *inputs: str, suffix: str) -> Piece:
        """Add a layer without weights, which brings values into another form."""
        return self.sketch.add(layer, inputs, f"{use.entry.name}_{suffix}", use.place)

    def piece(self, use: Use, layer: Layer, *inputs: str, suffix: str = "") -> Piece:
        """Add a layer of a use; that of a further use shares its weights with that of the first."""
        index = len(use.made)
        share = ""
        if use.pieces and layer_has_weights(layer):
            first = use.pieces[index] if index < len(use.pieces) else None
            if first is None or type(first.layer) is not type(layer):
                raise RefusedError("it is used several times, and differs from use to use")
            if first.shape:
                share = first.name
        name = f"{use.entry.name}_{suffix}" if suffix else use.entry.name
        made = self.sketch.add(layer, inputs, name, use.place, share)
        use.made.append(made)
        return made

    def add(self, use: Use, layer: Layer, x: Value, *others: Value, suffix: str = "") -> Value:
        """Add a layer whose output has the axes of its input, and return that."""
        piece = self.piece(use, layer, x.piece, *(o.piece for o in others), suffix=suffix)
        return self.value(piece, x.axes, x.blocks)

    def value(self, piece: Piece, axes: tuple[int, ...], blocks: tuple[Block, ...] = ()) -> Value:
        """Return what a piece makes; with fewer axes than before where it has fewer."""
        if not piece.shape:
            return Value(piece.name, known=False)
        if len(piece.shape) != len(axes):
            # Positions are gone: what is left is a row of channels.
            return Value(piece.name, piece.shape, CHANNELS_LAST[len(piece.shape)])
        shape = [0] * len(axes)
        for size, axis in zip(piece.shape, axes, strict=True):
            shape[axis] = size
        return Value(piece.name, tuple(shape), axes, blocks if len(axes) == 1 else ())

    def pixel(self, use: Use, row: Value) -> Value:
        """Return a row as an image of one position, of which what reads it may take the row again."""
        piece = self.bare(use, make("reshape", shape=(*row.shape, 1, 1)), row.piece, suffix="pixel")
        self.rows[piece.name] = row
        return self.value(piece, CHANNELS_LAST[3])

    def flattened(self, use: Use, x: Value) -> Value:
        """Return a value as a row, which remembers in which order its values are."""
        if len(x.shape) < 2:
            return x
        block = Block(x.own, x.axes)
        piece = self.piece(use, make("flatten"), x.piece)
        return Value(piece.name, (prod(x.shape),), (0,), () if block.plain else (block,), known=bool(piece.shape))

    def stored(self, use: Use, *parts: Part) -> list[Arrays] | None:
        """Return the arrays of the parts of a layer; None where there are none, or an earlier use has them."""
        if self.weights is None or use.pieces:
            return None
        return self.weights.of(use.key, parts)

    def in_one_order(self, use: Use, x: Value) -> Value:
        """Return a row whose order is the one in which the weights of a layer lie."""
        if self.given.setdefault(use.key, x.blocks) == x.blocks:
            return x
        if self.given[use.key]:
            raise RefusedError("it is used several times, on values that lie differently")
        return self.in_order(use, x)

    def give(self, piece: Piece, arrays: Mapping[str, Array], stored: Arrays | None) -> None:
        """Give a piece its arrays, unless another owns them."""
        if stored is not None and not piece.share:
            self.sketch.give(piece, arrays, stored.source)
            for name in piece.weights.keys() - piece.arrays.keys() - arrays.keys():
                self.sketch.unknown(piece.place, f"{stored.source} has no {name}", "copy the file again")


def layer_has_weights(layer: Layer) -> bool:
    """Return whether a layer has parameters."""
    return type(layer).has_weights


def channels_first(config: Mapping[str, Any]) -> bool:
    """Return whether the channels of a layer come before its rows."""
    return config.get("data_format") == "channels_first" or config.get("dim_ordering") == "th"


def in_rows(array: Array, blocks: tuple[Block, ...]) -> Array:
    """Return an array whose first axis follows a row, in the order that the row has here."""
    return array[order_of(blocks)] if blocks and len(array) == sum(prod(b.shape) for b in blocks) else array
