"""A network of Keras while it is read: what the functions of the layers are given, and add layers to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from netspec.formats.keras.reader.config import Call, Entry
from netspec.formats.keras.reader.values import CHANNELS_FIRST, CHANNELS_LAST, Block, Value, order_of, permuted
from netspec.formats.reading import Array, Piece, Place
from netspec.formats.sketch import Sketch, make
from netspec.layers.base import Layer
from netspec.ops import Shape, format_shape

if TYPE_CHECKING:
    from netspec.formats.keras.reader.weights import Part, Weights

__all__ = ["Arrays", "Network", "RefusedError", "Use", "channels_first", "in_rows", "short"]

_WORDS = """
name trainable dtype batch_input_shape batch_shape input_shape input_dtype input_dim input_length seed implementation
unroll time_major data_format dim_ordering synchronized fused autocast sparse ragged shared_object_id lora_rank
lora_alpha consume_less noise_shape unit_forget_bias stateful dropout recurrent_dropout build_config
zero_output_for_mask cudnn_ok use_cudnn flash_attention renorm_clipping renorm_momentum activity_regularizer
quantization_config dtype_policy
"""
_IGNORED = frozenset(_WORDS.split())
"""Arguments that say nothing of what is computed, or that are looked at where they do."""

_OF_TRAINING = ("_initializer", "_regularizer", "_constraint")


_LARGEST = 1e30


class RefusedError(Exception):
    """A layer that is not understood: what of it, and what could stand for it."""

    def __init__(self, what: str, instead: str = "") -> None:
        super().__init__(what)
        self.what, self.instead = what, instead


@dataclass(frozen=True, slots=True)
class Arrays:
    """The arrays of a layer in the order of Keras, and what they are called in the file."""

    arrays: Sequence[Array]
    source: str


@dataclass(eq=False, slots=True)
class Use:
    """One use of a layer: its arguments, each with what it is unless given.

    Attributes:
        entry: the layer.
        key: of the layer, with the models that it is in.
        call: what it reads.
        place: in the file.
        version: of Keras, the first number.
        old: whether Keras is older than 2.3, the first that places pixels as everyone does today.
        pieces: those of the first use, in order, where this is a further one.
        made: those of this use.
        read: the arguments that were asked for.
        ahead: the shape that the row of a fully connected layer gets further on, in Keras' order; empty for none.
    """

    entry: Entry
    key: tuple[str, ...]
    call: Call
    place: Place
    version: int
    old: bool = False
    pieces: Sequence[Piece] = ()
    made: list[Piece] = field(default_factory=list)
    read: set[str] = field(default_factory=set)
    ahead: Shape = ()

    def get(self, name: str, default: Any = None) -> Any:
        """Return an argument."""
        self.read.add(name)
        found = self.entry.config.get(name)
        return default if found is None else found

    def whole(self, name: str, default: int | None = None) -> int:
        """Return a whole number; raises RefusedError for anything else."""
        value = self.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise RefusedError(f"{name}={short(value)} is no whole number")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number."""
        value = self.get(name, default)
        # An older Keras saved arrays of NumPy so.
        if isinstance(value, dict) and isinstance(value.get("value"), int | float):
            value = value["value"]
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < _LARGEST:
            raise RefusedError(f"{name}={short(value)} is no number")
        return float(f"{value:.7g}")

    def numbers(self, name: str, default: float) -> Array:
        """Return a number, or a list of some, as they stand."""
        value = self.get(name, default)
        each = value if isinstance(value, list) else [value]
        if not each or not all(isinstance(v, int | float) and abs(v) < _LARGEST for v in each):
            raise RefusedError(f"{name}={short(value)} are no numbers")
        return np.asarray(each, np.float64)

    def flag(self, name: str, *, default: bool) -> bool:
        """Return whether something is so."""
        value = self.get(name, default)
        if not isinstance(value, bool | int):
            raise RefusedError(f"{name}={short(value)} is neither true nor false")
        return bool(value)

    def word(self, name: str, default: str) -> str:
        """Return a word."""
        value = self.get(name, default)
        if not isinstance(value, str):
            raise RefusedError(f"{name}={short(value)} is no word")
        return value

    def sizes(self, name: str, count: int, default: int | None = None) -> tuple[int, ...]:
        """Return as many whole numbers, of which one stands for all."""
        value = self.get(name, default)
        value = [value] * count if isinstance(value, int) else value
        if value is None:
            raise RefusedError(f"it has no {name}")
        if not isinstance(value, list) or len(value) != count or not all(isinstance(v, int) for v in value):
            raise RefusedError(
                f"{name}={short(value)} {'is no whole number' if count < 2 else 'are no 2 whole numbers'}"
            )
        return tuple(value)

    def within(self, kind: str, config: Mapping[str, Any]) -> Use:
        """Return the use of a layer that this one is made of, or of what it is called otherwise."""
        entry = Entry(kind, self.entry.name, config)
        return Use(entry, self.key, self.call, self.place, self.version, self.old, self.pieces, self.made)

    def unread(self) -> list[str]:
        """Return the arguments that nothing is known of and that say something."""
        return [
            name
            for name, value in self.entry.config.items()
            if name not in self.read
            and name not in _IGNORED
            and not name.endswith(_OF_TRAINING)
            and value not in (None, False, "", 0, [], {})
        ]


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
        self.said: dict[str, list[str]] = {}
        """What the user should know of layers, with their names."""
        self.masked: set[str] = set()
        """Pieces whose values have padding that Keras knows of."""
        self.prepared: set[str] = set()
        """Inputs that are pictures of 0..255 in Keras."""
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
        if len(x.shape) > 3 or not x.shape:
            raise RefusedError(f"it reads {len(x.shape)} axes ({format_shape(x.shape)}); 1 to 3 can be")
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


def short(value: object) -> str:
    """Return a value as a message shows it."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
