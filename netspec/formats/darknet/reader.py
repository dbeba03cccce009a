"""Darknet: the sections of a `.cfg`, one after the other, and its weights in the same order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from pydantic import ValidationError

from netspec.formats.darknet.recipe import add_recipe
from netspec.formats.darknet.sections import MAX_TEXT, Section, read_sections
from netspec.formats.darknet.weights import Weights
from netspec.formats.reading import Array, Description, Given, ModelImportError, Output, Piece, Place, Unknown
from netspec.formats.sketch import MAX_PIECES, Sketch, make
from netspec.layers.base import Layer
from netspec.ops import Shape, format_shape

__all__ = ["ACTIVATIONS", "REFUSED", "SECTIONS", "Darknet"]

_MAX_WEIGHTS = 4_000_000_000

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
_INSTEAD = {
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
_SHORT = {
    "conv": "convolutional",
    "conn": "connected",
    "max": "maxpool",
    "avg": "avgpool",
    "soft": "softmax",
    "deconv": "deconvolutional",
}


class Darknet:
    """Reads `.cfg` and `.weights`."""

    name = "darknet"
    endings: tuple[str, ...] = (".cfg", ".weights", ".backup")

    def read(self, given: Given) -> Description:
        """Return what the files say."""
        texts = [path for path in given.files if path.suffix.lower() == ".cfg"]
        stored = [path for path in given.files if path.suffix.lower() != ".cfg"]
        if len(texts) != 1 or len(stored) > 1:
            raise ModelImportError("Darknet's networks are one .cfg and at most one .weights", "give the .cfg first")
        sections = read_sections(given.load(texts[0], MAX_TEXT), texts[0].name)
        if len(sections) > MAX_PIECES // 3:
            raise ModelImportError(
                f"{texts[0].name} has {len(sections):,} sections; at most {MAX_PIECES // 3:,} can be"
            )
        weights = Weights(given.load(stored[0], _MAX_WEIGHTS), stored[0].name) if stored else None
        return _Reading(sections, weights, given.shape, texts[0].stem).description()


class _RefusedError(Exception):
    def __init__(self, what: str, instead: str = "", place: Place | None = None) -> None:
        super().__init__(what)
        self.what, self.instead, self.place = what, instead, place


class _Reading:
    def __init__(self, sections: list[Section], weights: Weights | None, shape: Shape | None, name: str) -> None:
        self.net, *self.sections = sections
        self.weights, self.shape = weights, shape
        self.sketch = Sketch(name)
        self.sketch.made.title = f"{name}, from Darknet"
        self.made: list[str] = []
        """The value of each section, by Darknet's own numbers."""
        self.lost = False
        """Whether it is no longer known where in the weights we are."""
        self.current = ""

    def description(self) -> Description:
        """Read everything."""
        self.current = self.input()
        for index, section in enumerate(self.sections):
            before = len(self.sketch.made.pieces)
            try:
                self.current = self.section(index, section)
            except _RefusedError as error:
                self.refuse(index, section, error)
            except ValidationError as error:
                self.refuse(index, section, _RefusedError(f"a number is out of range: {error.errors()[0]['msg']}"))
            self.made.append(self.current)
            for problem in section.problems:
                self.sketch.unknown(problem.place, problem.what, problem.instead)
            if len(self.sketch.made.pieces) > before and not all(p.shape for p in self.sketch.made.pieces[before:]):
                self.lost = True
        self.finish()
        return self.sketch.made

    def refuse(self, index: int, section: Section, error: _RefusedError) -> None:
        place = error.place or section.place
        self.sketch.unknown(
            place, f"[{section.name[:60]}]: {error.what}" if error.what else f"[{section.name}]", error.instead
        )
        self.current = f"(unknown {index})"
        self.sketch.shapes[self.current] = ()
        if section.name not in {
            "yolo",
            "region",
            "detection",
            "gaussian_yolo",
            "route",
            "shortcut",
            "softmax",
            "iseg",
            "reorg",
        }:
            self.lost = True

    def input(self) -> str:
        net = self.net
        size = tuple(net.whole(key, 0) for key in ("channels", "height", "width"))
        shape: Shape = self.shape or (size if all(n > 0 for n in size) else (net.whole("inputs", 0),))
        if any(n < 1 for n in shape):
            self.sketch.unknown(net.place, "[net] does not say the size of the input", "say it: --shape CxHxW")
            self.sketch.shapes["input"] = ()
            return "input"
        return self.sketch.input("input", shape)

    def section(self, index: int, section: Section) -> str:
        """Add one section and return its value."""
        name = section.name = _SHORT.get(section.name, section.name)
        if name in REFUSED:
            raise _RefusedError(REFUSED[name], _INSTEAD.get(name, ""))
        builder = SECTIONS.get(name)
        if builder is None:
            raise _RefusedError("a section that is not known", "write what it does with netspec's layers")
        if name not in {"route", "shortcut"} and not self.sketch.shapes[self.current]:
            # What it reads was not understood: it is left out, and so is what it would read of the weights.
            self.lost = self.lost or name in {"convolutional", "connected", "deconvolutional", "batchnorm"}
            return self.current
        return builder(self, index, section)

    # --- the layers -------------------------------------------------------------------------------------------------

    def add(self, layer: Layer, index: int, section: Section, *inputs: str, suffix: str = "") -> Piece:
        return self.sketch.add(layer, inputs or (self.current,), f"layer_{index}{suffix}", section.place)

    def activated(self, value: str, index: int, section: Section, default: str) -> str:
        """Add the function of a section behind a value."""
        name = section.text("activation", default).lower()
        if name not in ACTIVATIONS:
            raise _RefusedError(
                f"activation={name[:60]}",
                "leaky_relu, tanh or another activation of netspec's",
                section.at("activation"),
            )
        for kind, arguments in ACTIVATIONS[name]:
            value = self.add(make(kind, **arguments), index, section, value, suffix=f"_{kind}").name
        return value

    def convolutional(self, index: int, section: Section) -> str:
        if section.whole("binary", 0) or section.whole("xnor", 0):
            raise _RefusedError("a convolution with binary weights", "a plain one")
        filters, size, stride = section.whole("filters", 1), section.whole("size", 1), section.whole("stride", 1)
        pad = size // 2 if section.whole("pad", 0) else section.whole("padding", 0)
        groups, normed = section.whole("groups", 1), bool(section.whole("batch_normalize", 0))
        x = self.sketch.shapes[self.current]
        common: dict[str, Any] = {"bias": not normed}
        transposed = section.name == "deconvolutional"
        if len(x) == 1 and (size, stride, groups, transposed) == (1, 1, 1, False):
            # Behind an average over all positions, a convolution of 1x1 is a fully connected layer.
            layer = make("fc", units=filters, **common)
        else:
            common |= {"kernel": (size, size), "stride": (stride, stride), "pad": (pad, pad) if pad else "valid"}
            if not transposed and groups > 1 and len(x) == 3 and groups == x[0] and filters % groups == 0:
                layer = make("depthwise", multiplier=filters // groups, **common)
            else:
                layer = make("deconv" if transposed else "conv", filters=filters, groups=groups, **common)
        return self.weighted(layer, index, section, normed=normed)

    def connected(self, index: int, section: Section) -> str:
        normed = bool(section.whole("batch_normalize", 0))
        return self.weighted(
            make("fc", units=section.whole("output", 1), bias=not normed), index, section, normed=normed
        )

    def weighted(self, layer: Layer, index: int, section: Section, *, normed: bool) -> str:
        """Add a layer with weights, its normalization and its function."""
        piece = self.add(layer, index, section, suffix="_kernel" if normed else "")
        if not piece.shape:
            return piece.name
        norm = None
        if normed:
            norm = self.add(make("batchnorm", momentum=_KEPT), index, section, piece.name)
        self.load(piece, norm, index, section)
        return self.activated(norm.name if norm else piece.name, index, section, "logistic")

    def load(self, piece: Piece, norm: Piece | None, index: int, section: Section) -> None:
        """Give a layer its arrays, in the order in which Darknet wrote them."""
        if self.weights is None or self.lost:
            return
        kernel, outputs = piece.weights["kernel"], (piece.shape[0],)
        connected = section.name == "connected"
        flipped = connected and self.weights.transposed
        order: list[tuple[str, tuple[int, ...]]] = [("bias", outputs)]
        matrix: list[tuple[str, tuple[int, ...]]] = [("kernel", kernel[::-1] if flipped else kernel)]
        norms: list[tuple[str, tuple[int, ...]]] = (
            [(name, outputs) for name in ("scale", "mean", "variance")] if norm else []
        )
        order += [*matrix, *norms] if connected else [*norms, *matrix]
        found: dict[str, Array] = {}
        for name, shape in order:
            array = self.weights.take(shape)
            if array is None:
                missing = f"{name} of {format_shape(shape)}"
                self.sketch.unknown(
                    section.place,
                    f"{self.weights.file} ends before the {missing} of [{section.name}]",
                    "these are the weights of another network",
                )
                self.lost = True
                return
            found[name] = array
        if flipped:
            found["kernel"] = found["kernel"].T
        source = f"layer {index} of {self.weights.file}"
        self.sketch.give(piece, {"kernel": found["kernel"], **({} if norm else {"bias": found["bias"]})}, source)
        if norm:
            self.sketch.give(norm, {"offset": found["bias"], **{n: found[n] for n in _NORMS}}, source)

    def batchnorm(self, index: int, section: Section) -> str:
        piece = self.add(make("batchnorm", momentum=_KEPT), index, section)
        if self.weights is not None and not self.lost and piece.shape:
            arrays = {name: self.weights.take(piece.weights[name]) for name in _NORMS}
            if any(array is None for array in arrays.values()):
                self.sketch.unknown(
                    section.place,
                    f"{self.weights.file} ends before [batchnorm]",
                    "these are the weights of another network",
                )
                self.lost = True
                return piece.name
            whole = {name: array for name, array in arrays.items() if array is not None}
            self.sketch.give(piece, whole, f"layer {index} of {self.weights.file}")
            # Darknet does not write the offsets of this section.
            self.sketch.give(
                piece, {"offset": np.zeros(piece.weights["offset"], np.float32)}, "0: Darknet does not save it"
            )
        return piece.name

    def maxpool(self, index: int, section: Section) -> str:
        stride = section.whole("stride", 1)
        size = section.whole("size", stride)
        total = section.whole("padding", size - 1)
        x = self.sketch.shapes[self.current]
        if len(x) != 3:
            raise _RefusedError(f"it reads {format_shape(x)}, which is no image")
        if size < 1 or stride < 1 or total < 0:
            raise _RefusedError("its size, stride and padding are no window")
        pad, extra = total // 2, total % 2
        fields: dict[str, Any] = {
            "kernel": (size, size),
            "stride": (stride, stride),
            "pad": (pad, pad) if pad else "valid",
        }
        if not extra or all((n + total - size) // stride == (n + total - 1 - size) // stride for n in x[1:]):
            return self.add(make("pool", **fields), index, section).name
        if stride == 1 and total == size - 1:
            return self.add(make("pool", **{**fields, "pad": "same"}), index, section).name
        # One more row and column behind the image than before it: `ceil` adds what the last windows need.
        wanted = tuple((n + total - size) // stride + 1 for n in x[1:])
        layer = make("pool", **fields, ceil=True)
        piece = self.add(layer, index, section)
        if piece.shape[1:] != wanted:
            raise _RefusedError(
                f"a window of {size} with {total} rows of padding at a stride of {stride}", "`pool` with `pad=`"
            )
        return piece.name

    def avgpool(self, index: int, section: Section) -> str:
        if len(self.sketch.shapes[self.current]) == 1:
            return self.current
        return self.add(make("globalpool"), index, section).name

    def dropout(self, index: int, section: Section) -> str:
        return self.add(make("dropout", rate=section.number("probability", 0.5)), index, section).name

    def softmax(self, index: int, section: Section) -> str:
        if section.whole("groups", 1) != 1 or "tree" in section.options:
            raise _RefusedError("a softmax of several groups", "`part` and `softmax` for each, then `concat`")
        x = self.sketch.shapes[self.current]
        read = self.current
        if len(x) > 1 and any(n > 1 for n in x[1:]):
            # Darknet's goes over all values.
            read = self.add(make("flatten"), index, section, suffix="_flat").name
        return self.add(make("softmax"), index, section, read).name

    def cost(self, index: int, section: Section) -> str:
        del index
        kind = section.text("type", "sse").lower()
        last = self.sketch.by_name.get(self.current)
        if kind not in {"sse", "masked", "l1", "smooth"} or kind == "masked":
            raise _RefusedError(f"type={kind[:60]}", "`loss mse`, `mae` or `huber`")
        # Behind a softmax the difference itself is handed back: that is cross-entropy.
        if last is not None and last.layer.canonical() != "softmax":
            self.sketch.made.settings["loss"] = {"sse": "mse", "l1": "mae", "smooth": "huber"}[kind]
        return self.current

    def crop(self, index: int, section: Section) -> str:
        height, width = section.whole("crop_height", 1), section.whole("crop_width", 1)
        x = self.sketch.shapes[self.current]
        if len(x) != 3:
            raise _RefusedError(f"it reads {format_shape(x)}, which is no image")
        value = self.current
        if (height, width) != x[1:]:
            value = self.add(make("crop", size=(height, width)), index, section, suffix="_crop").name
        if not section.whole("noadjust", 0):
            value = self.add(make("times", factor=2, plus=-1), index, section, value).name
        said = " ".join(
            f"{k}={section.options[k]}"
            for k in ("flip", "angle", "saturation", "exposure", "shift")
            if k in section.options
        )
        self.sketch.made.remarks.append(f"Darknet crops at random places in training, here in the middle: {said[:200]}")
        return value

    def upsample(self, index: int, section: Section) -> str:
        factor = section.whole("stride", 2)
        if section.number("scale", 1) != 1 or factor < 1:
            raise _RefusedError("it scales its values, or shrinks", "`upsample` and `times`")
        return self.add(make("upsample", factor=factor), index, section).name

    def activation(self, index: int, section: Section) -> str:
        return self.activated(self.current, index, section, "linear")

    def route(self, index: int, section: Section) -> str:
        values = [self.named(index, number, section, "layers") for number in section.numbers("layers")]
        if not values:
            raise _RefusedError("it names no layers")
        if not all(self.sketch.shapes[value] for value in values):
            return next(value for value in values if not self.sketch.shapes[value])
        groups, which = section.whole("groups", 1), section.whole("group_id", 0)
        if groups > 1:
            if len(values) > 1:
                raise _RefusedError("groups of several layers", "`part`")
            return self.add(make("part", number=which + 1, of=groups), index, section, values[0]).name
        if len(values) == 1:
            return values[0]
        return self.add(make("concat"), index, section, *values).name

    def shortcut(self, index: int, section: Section) -> str:
        if not self.sketch.shapes[self.current]:
            return self.current
        others = section.numbers("from")
        if len(others) != 1:
            raise _RefusedError("it adds several layers, or none", "`add`")
        other = self.named(index, others[0], section, "from")
        if not self.sketch.shapes[other]:
            return other
        if section.number("alpha", 1) != 1 or section.number("beta", 1) != 1:
            raise _RefusedError("a sum with factors", "`times` before `add`")
        mine, theirs = self.sketch.shapes[self.current], self.sketch.shapes[other]
        if mine != theirs:
            other = self.fitted(other, mine, theirs, index, section)
        added = self.add(make("add"), index, section, self.current, other)
        return self.activated(added.name, index, section, "linear")

    def fitted(self, other: str, mine: Shape, theirs: Shape, index: int, section: Section) -> str:
        """Bring the other value of a shortcut to a shape as Darknet does: every n-th row, and channels of zeros."""
        fits = len(mine) == len(theirs) == 3 and all(
            a >= b and a % b == 0 for a, b in zip(theirs[1:], mine[1:], strict=True)
        )
        if not fits or theirs[1] // mine[1] != theirs[2] // mine[2]:
            raise _RefusedError(f"it adds {format_shape(theirs)} to {format_shape(mine)}", "bring both to one shape")
        stride = theirs[1] // mine[1]
        if stride > 1:
            layer = make("avgpool", kernel=(1, 1), stride=(stride, stride))
            other = self.add(layer, index, section, other, suffix="_rows").name
        if mine[0] > theirs[0]:
            other = self.add(make("pad", channels=mine[0] - theirs[0]), index, section, other, suffix="_wide").name
        elif mine[0] < theirs[0]:
            # The channels that are too many are not added.
            other = self.add(make("channels", count=mine[0]), index, section, other, suffix="_narrow").name
        return other

    def named(self, index: int, number: float, section: Section, key: str) -> str:
        """Return the value of a section by its number, or by how many come back to it."""
        at = int(number) + (index if number < 0 else 0)
        if number != int(number) or not 0 <= at < index:
            raise _RefusedError(
                f"{key}={number:g} is no layer before it",
                "layers count from 0, or from here with a minus",
                section.at(key),
            )
        return self.made[at]

    # --- the end ----------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Say the outputs and the recipe; all weights must have been read."""
        made = self.sketch.made
        for problem in self.net.problems:
            self.sketch.unknown(problem.place, problem.what, problem.instead)
        if self.weights is not None:
            made.has_weights = True
            if not self.lost and self.weights.left:
                place = Place(self.weights.file)
                self.sketch.unknown(
                    place, f"{self.weights.left:,} numbers are left over", "these are the weights of another network"
                )
        last = self.sketch.by_name.get(self.current)
        read = {source for piece in made.pieces for source in piece.inputs}
        ends = [piece.name for piece in made.pieces if piece.shape and piece.name not in read]
        if len(ends) > 1:
            made.outputs = [Output(name) for name in ends]
        classes = last.shape[0] if last is not None and len(last.shape) == 1 else 0
        known = len(made.unknown)
        add_recipe(self.sketch, self.net, classes)
        for problem in self.net.problems:
            entry = Unknown(problem.place, problem.what, problem.instead)
            if entry not in made.unknown[:known]:
                self.sketch.unknown(problem.place, problem.what, problem.instead)


SECTIONS: Mapping[str, Callable[[_Reading, int, Section], str]] = {
    "convolutional": _Reading.convolutional,
    "deconvolutional": _Reading.convolutional,
    "connected": _Reading.connected,
    "batchnorm": _Reading.batchnorm,
    "maxpool": _Reading.maxpool,
    "avgpool": _Reading.avgpool,
    "dropout": _Reading.dropout,
    "softmax": _Reading.softmax,
    "cost": _Reading.cost,
    "crop": _Reading.crop,
    "upsample": _Reading.upsample,
    "activation": _Reading.activation,
    "route": _Reading.route,
    "shortcut": _Reading.shortcut,
}
