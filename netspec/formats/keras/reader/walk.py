"""A network of Keras, layer by layer, each behind those that it reads; models in it are taken apart."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import ValidationError

from netspec.formats.keras.reader.activations import OPERATIONS
from netspec.formats.keras.reader.ahead import pictures, reshapes
from netspec.formats.keras.reader.config import Call, Entry, Net, Ref
from netspec.formats.keras.reader.dense import conv_of_row
from netspec.formats.keras.reader.network import Network, channels_first
from netspec.formats.keras.reader.order import in_order, layers_of, offsets, reads_of, said_shape
from netspec.formats.keras.reader.sequences import OF_PADDING, attention
from netspec.formats.keras.reader.shapes import MERGES, WITH_NUMBER, with_number
from netspec.formats.keras.reader.tables import INSTEAD, LAYERS, REFUSED
from netspec.formats.keras.reader.use import RefusedError, Use, short
from netspec.formats.keras.reader.values import CHANNELS_FIRST, CHANNELS_LAST, Value
from netspec.formats.keras.reader.weights import Weights
from netspec.formats.reading import ModelImportError, Place
from netspec.formats.sketch import MAX_PIECES, reason_of
from netspec.formats.spec_text.structure import Labels
from netspec.ops import Shape, format_shape

__all__ = ["Walk"]

_SIDE = 8
"""The smallest side of a picture; what has less is taken for a sequence."""

_UNKNOWN = Value("", known=False)

_OF_ROWS = {"Dense", "Activation", "ReLU", "LeakyReLU", "ELU", "Dropout", *OPERATIONS}
"""Layers that do with an image of one position what they do with its row."""


class Walk(Network):
    """Goes through a network.

    Attributes:
        file: where the network is said.
        shape: of the input as the user gave it, in netspec's order; None for none.
        first: whether Keras has the channels before the rows.
        version: of Keras, the first two numbers.
    """

    def __init__(
        self,
        name: str,
        weights: Weights | None,
        *,
        file: str,
        shape: Shape | None,
        version: tuple[int, int],
        old: bool,
    ) -> None:
        super().__init__(name, weights)
        self.file, self.shape, self.version, self.old = file, shape, version, old
        self.sketch.shapes[""] = ()
        self._labels = Labels(())
        self._ahead: dict[tuple[str, ...], Shape] = {}
        self._pictures: frozenset[str] = frozenset()
        self.first = False
        self._calls = 0
        self.frozen: dict[tuple[str, ...], bool] = {}
        """Of each layer with weights, whether it is not trained."""
        self._unscaled: dict[str, Place] = {}
        """Inputs that a layer reads as they are, and where that is said."""

    def whole(self, net: Net) -> list[tuple[str, Value]]:
        """Read a network and return its outputs with the names of the layers that make them."""
        self.first = any(channels_first(entry.config) for entry in layers_of(net))
        several = not net.chain and len(net.inputs) > 1
        outputs = self._net(net, None, (), several=several, frozen=False)
        for name in sorted(self.prepared.keys() & self._unscaled.keys()):
            what = "it reads a picture of 0..255 as it is, which another layer scales, and which comes as 0..1 here"
            self.sketch.unknown(self._unscaled[name], what, "scale the picture once, before all that reads it")
        names = [ref.layer for ref in net.outputs] if not net.chain else [net.layers[-1].name if net.layers else ""]
        return list(zip(names, outputs, strict=False))

    # --- models -------------------------------------------------------------------------------------------------

    def _net(
        self, net: Net, given: Sequence[Value] | None, key: tuple[str, ...], *, several: bool, frozen: bool
    ) -> list[Value]:
        if not self.first:
            self._pictures |= pictures(net)
            self._ahead |= {(*key, name): shape for name, shape in reshapes(net).items()}
        if net.chain:
            return self._chain(net, given, key, frozen=frozen)
        return self._graph(net, given, key, several=several, frozen=frozen)

    def _chain(self, net: Net, given: Sequence[Value] | None, key: tuple[str, ...], *, frozen: bool) -> list[Value]:
        values = list(given) if given else None
        for entry in net.layers:
            if values is None:
                shape = said_shape(entry)
                shape = net.build_shape if shape is None else shape
                values = [self._input(entry, shape, key, several=False)]
            if entry.kind != "InputLayer":
                values = self._layer(entry, Call(), values, key, frozen=frozen)
        return values or []

    def _graph(
        self, net: Net, given: Sequence[Value] | None, key: tuple[str, ...], *, several: bool, frozen: bool
    ) -> list[Value]:
        found: dict[tuple[str, int], list[Value]] = {}
        entries = {entry.name: entry for entry in net.layers}
        before = offsets(net)
        for index, ref in enumerate(net.inputs):
            entry = entries.get(ref.layer)
            if given is not None and index < len(given):
                found[ref.layer, 0] = [given[index]]
            elif entry is not None:
                found[ref.layer, 0] = [self._input(entry, said_shape(entry), key, several=several)]

        def value(ref: Ref) -> Value:
            made = found.get((ref.layer, ref.use - before.get(ref.layer, 0)), ())
            return made[ref.tensor] if ref.tensor < len(made) else _UNKNOWN

        for entry, index, call in in_order(net, before, set(found), self.file):
            found[entry.name, index] = self._layer(
                entry, call, [value(ref) for ref in reads_of(call)], key, frozen=frozen
            )
        return [value(ref) for ref in net.outputs]

    def _input(self, entry: Entry, shape: Sequence[object] | None, key: tuple[str, ...], *, several: bool) -> Value:
        """Declare an input; its size is that of the file, or where that leaves it open that of `--shape`."""
        place = self._place(entry, key)
        sizes = list(shape[1:]) if shape else None
        if sizes is not None and not all(n is None or (type(n) is int and n > 0) for n in sizes):
            self.sketch.unknown(place, f"the shape of the input, {short(shape)}", "say it: --shape CxHxW")
            return _UNKNOWN
        given = self.shape if not several else None
        count = len(sizes) if sizes is not None else len(given or ())
        if not 1 <= count <= 4:
            what = "is not in the file" if sizes is None else f"has {count} axes, and 1 to 4 can be"
            fix = "say it: --shape CxHxW" if sizes is None else "a network of another kind"
            self.sketch.unknown(place, f"the shape of the input {what}", fix)
            return _UNKNOWN
        if (
            sizes is not None
            and count == 2
            and entry.name in self._pictures
            and all(not isinstance(n, int) or n >= _SIDE for n in sizes)
        ):
            sizes, count = [*sizes, 1], 3
            self.sketch.note(f"{entry.name}: a picture without an axis of channels in Keras, which has one of 1 here")
        axes = (CHANNELS_FIRST if self.first else CHANNELS_LAST)[count]
        sizes = sizes if sizes is not None else [None] * count
        if given is not None:
            if len(given) != count or any(
                sizes[axis] not in (None, size) for axis, size in zip(axes, given, strict=True)
            ):
                own = "x".join("?" if sizes[axis] is None else str(sizes[axis]) for axis in axes)
                self.sketch.unknown(place, f"its shape is {own}, not {format_shape(given)}", "leave --shape out")
                return _UNKNOWN
            sizes = [given[axes.index(axis)] for axis in range(count)]
        if None in sizes:
            own = "x".join("?" if sizes[axis] is None else str(sizes[axis]) for axis in axes)
            fix = (
                "save the model with its sizes: --shape is for one input"
                if several
                else f"say it: --shape {own.replace('?', 'N')}"
            )
            self.sketch.unknown(place, f"the file leaves the size of the input open, {own}", fix)
            return _UNKNOWN
        whole = tuple(n for n in sizes if isinstance(n, int))
        name = self._labels.make(entry.name) if several else "input"
        self.sketch.input(name, tuple(whole[axis] for axis in axes))
        return Value(name, whole, axes)

    # --- layers -------------------------------------------------------------------------------------------------

    def _place(self, entry: Entry, key: tuple[str, ...]) -> Place:
        return Place(self.file, f"layer {' of '.join((entry.name or entry.kind, *reversed(key)))[:200]}")

    def _layer(
        self, entry: Entry, call: Call, xs: Sequence[Value], key: tuple[str, ...], *, frozen: bool
    ) -> list[Value]:
        """Read one use of a layer and return what it makes."""
        self._calls += 1
        if self._calls > MAX_PIECES or len(self.sketch.made.pieces) > MAX_PIECES:
            raise ModelImportError(f"{self.file} uses more than {MAX_PIECES:,} layers", "is it a model?")
        frozen = frozen or entry.config.get("trainable") is False
        own = (*key, entry.name)
        if entry.net is not None:
            return self._net(entry.net, xs, own, several=len(xs) > 1, frozen=frozen)
        if not all(x.known for x in xs):
            # What it reads was not understood: it is left out, unless it can never be read.
            if entry.kind not in LAYERS and entry.kind not in MERGES and entry.kind != "MultiHeadAttention":
                self._refuse(entry, self._place(entry, key), _refusal(entry))
            return [_UNKNOWN]
        use = Use(entry, own, call, self._place(entry, key), self.version[0], self.old, self.uses.get(own, ()))
        use.ahead = self._ahead.get(own, ())
        before = len(self.sketch.made.pieces)
        try:
            made = self._understood(use, xs)
        except (RefusedError, ValidationError) as error:
            refusal = error if isinstance(error, RefusedError) else RefusedError(reason_of(error))
            del self.sketch.made.pieces[before:]
            self._refuse(entry, use.place, refusal)
            return [_UNKNOWN]
        for name in use.unread():
            what = f"{entry.kind}: {name}={short(entry.config[name])}"
            self.sketch.unknown(use.place, what, "nothing is known of this value")
        for x in xs:
            if made.piece != x.piece and not x.scaled and own not in self.prepared.get(x.piece, ()):
                self._unscaled.setdefault(x.piece, use.place)
        if any(x.piece in self.masked for x in xs) and len(made.shape) > 1:
            self.masked.add(made.piece)
        if not use.pieces:
            self.uses[own] = use.made
            if any(piece.weights for piece in use.made):
                self.frozen[own] = frozen
        return [made if self.sketch.shapes.get(made.piece) else _UNKNOWN]

    def _understood(self, use: Use, xs: Sequence[Value]) -> Value:
        entry, call = use.entry, use.call
        kind = entry.kind
        if entry.foreign or (kind not in LAYERS and kind not in MERGES and kind != "MultiHeadAttention"):
            raise _refusal(entry)
        if any(x.piece in self.masked for x in xs) and kind not in OF_PADDING:
            raise RefusedError(
                "it reads the vectors of padding (mask_zero=True), which are zeros here", "an LSTM or a mean"
            )
        if call.odd:
            raise RefusedError(f"it is given {call.odd} beside what the network makes", "write it as a layer")
        if kind == "MultiHeadAttention":
            if not set(call.named) <= {"query", "value", "key"}:
                raise RefusedError("a mask that the network makes", "`causal`, or `mask=` of the input")
            use.read.update(entry.config.keys() & {"query_shape", "key_shape", "value_shape"})
            return attention(self, use, xs)
        self._require_plain(use)
        if call.number is not None:
            if len(xs) != 1 or kind not in WITH_NUMBER:
                raise RefusedError(f"it is given {call.number:g} beside what the network makes", "`times`")
            row = self.rows.get(xs[0].piece)
            return with_number(self, use, xs[0]) if row is None else self.pixel(use, with_number(self, use, row))
        if kind in MERGES:
            if not xs:
                raise RefusedError("it reads nothing")
            return MERGES[kind](self, use, xs)
        if len(xs) != 1:
            raise RefusedError(f"it reads {len(xs)} values", "a layer of one input")
        row = self.rows.get(xs[0].piece) if len(entry.calls) < 2 else None
        if row is not None and kind in _OF_ROWS:
            return self.pixel(use, LAYERS[kind](self, use, row))
        if row is not None and kind == "Conv2D" and _is_plain(entry):
            return self.pixel(use, conv_of_row(self, use, row))
        return LAYERS[kind](self, use, xs[0])

    def _require_plain(self, use: Use) -> None:
        """Raise RefusedError where a layer is given what only layers of another kind are."""
        call = use.call
        if len(call.named) > (not call.reads) or (call.reads and call.named):
            raise RefusedError(f"it reads {', '.join(call.named)[:60]} too", "a layer of one input")
        for name, value in call.options.items():
            if name == "training" and value:
                self.note(use, "it is always as in training in Keras, here in training alone")
            elif value not in (None, False):
                raise RefusedError(f"{name[:60]}={short(value)} where it is used", "leave it out")

    def _refuse(self, entry: Entry, place: Place, error: RefusedError) -> None:
        what = f"{entry.kind[:100]}: {error.what}" if not error.what.startswith("the ") else error.what
        self.sketch.unknown(place, what, error.instead)


def _is_plain(entry: Entry) -> bool:
    """Return whether a convolution is one of 1x1, of all channels."""
    config = entry.config
    sides = (config.get("kernel_size"), config.get("strides", [1, 1]), config.get("dilation_rate", [1, 1]))
    last = config.get("data_format") != "channels_first"
    return last and config.get("groups", 1) == 1 and all(side in (1, [1, 1]) for side in sides)


def _refusal(entry: Entry) -> RefusedError:
    """Return why a layer cannot be read, whatever its arguments are."""
    if entry.foreign:
        return RefusedError(
            f"the class {entry.foreign[:100]!r}, whose code is not in the file",
            "write what it does with netspec's layers",
        )
    if entry.kind in REFUSED:
        return RefusedError(REFUSED[entry.kind], INSTEAD.get(entry.kind, ""))
    return RefusedError(f"the layer `{entry.kind[:100]}`", "write what it does with netspec's layers")
