"""Caffe: the text of a network or its weights become a Description.

Values are named by their tops; a layer that writes the top it reads works in place. Of the phases that of training is
read where there is one, for it says the loss; what it is compared with is no layer.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from pydantic import ValidationError

from netspec.formats.caffe.data import DATA_LAYERS, Preparation, blob_array, example, preparation_of, shape_of
from netspec.formats.caffe.files import CaffeFiles, sorted_out
from netspec.formats.caffe.heads import add_outputs
from netspec.formats.caffe.layers import LAYERS, REFUSED, NotUnderstoodError, arranged
from netspec.formats.caffe.message import Message
from netspec.formats.caffe.prepare import prepare
from netspec.formats.caffe.recipe import add_rates, add_recipe
from netspec.formats.reading import Description, Given, ModelImportError, Piece, Place
from netspec.formats.sketch import MAX_PIECES, Sketch, make, reason_of
from netspec.layers.base import Layer
from netspec.layers.norm import BatchNorm

__all__ = ["Caffe"]

LABEL = "(label)"
"""Stands for what the data says beside the examples."""

_LOSSES = {
    "SoftmaxWithLoss",
    "EuclideanLoss",
    "SigmoidCrossEntropyLoss",
    "HingeLoss",
    "InfogainLoss",
    "ContrastiveLoss",
    "MultinomialLogisticLoss",
}
_IGNORED = {"Accuracy", "ArgMax", "Silence", "HDF5Output"}


class Caffe:
    """Reads `.prototxt`, `.caffemodel`, solvers and mean images."""

    name = "caffe"
    endings: tuple[str, ...] = (".prototxt", ".pbtxt", ".caffemodel", ".binaryproto")

    def read(self, given: Given) -> Description:
        """Return what the files say."""
        files = sorted_out(given)
        return _Reading(files, given).description()


class _Reading:
    def __init__(self, files: CaffeFiles, given: Given) -> None:
        assert files.net is not None
        self.files, self.given, self.net = files, given, files.net
        name = self.net.get("name") or given.files[0].stem
        self.sketch = Sketch(name)
        self.sketch.made.title = f"{name}, from Caffe"
        for problem in files.problems:
            self.sketch.made.unknown.append(problem)
        self.values: dict[str, str] = {}
        """The piece or input that a top is now."""
        self.losses: list[Message] = []
        self.losses_read: dict[int, list[str]] = {}
        self.by_layer: dict[str, list[Piece]] = {}
        self.prepared: Preparation | None = None
        self.unknown_tops: set[str] = set()

    def description(self) -> Description:
        """Read everything, in the order of the file."""
        layers = self.net.all("layer")
        if len(layers) > MAX_PIECES:
            raise ModelImportError(f"{self.net.place.file} has {len(layers):,} layers; at most {MAX_PIECES:,} can be")
        phase = _phase(layers)
        self.inputs()
        for layer in layers:
            if _included(layer, phase):
                self.layer(layer)
        if not self.sketch.made.inputs:
            self.sketch.unknown(self.net.place, "no layer is the input", "give the training net or the deploy net")
        outputs = add_outputs(self.sketch, self.losses, self.losses_read, LABEL)
        if self.files.weights is not None:
            self.weights(self.files.weights)
        self.prepared = self.prepared or self.other_preparation()
        prepare(self.sketch, self.prepared, weights=self.files.weights is not None, autoencoder=outputs == "input")
        add_rates(self.sketch, layers, self.by_layer)
        add_recipe(self.sketch, self.files.solver, self.prepared, layers, outputs)
        self.sketch.made.has_weights = self.files.weights is not None
        return self.sketch.made

    def inputs(self) -> None:
        """Declare the inputs that stand at the top of a file, as old deploy nets have them."""
        names = self.net.all("input")
        dims = list(self.net.all("input_dim"))
        shapes = [tuple(s.all("dim")) for s in self.net.all("input_shape")]
        shapes = shapes or [tuple(dims[i : i + 4]) for i in range(0, len(dims), 4)]
        for index, name in enumerate(names):
            shape = example(shapes[index]) if index < len(shapes) else ()
            self.input(name, shape, self.net.place, several=len(names) > 1)

    def input(self, top: str, shape: tuple[int, ...], place: Place, *, several: bool = False) -> None:
        if self.given.shape is not None and not several:
            shape = self.given.shape
        if not shape or any(n < 1 for n in shape):
            self.sketch.unknown(place, "the shape of the input is not in the file", "say it: --shape CxHxW")
            self.sketch.shapes[top] = ()
            self.values[top] = top
            return
        name = top if several or self.sketch.made.inputs else "input"
        self.values[top] = self.sketch.input(name, shape)

    def layer(self, layer: Message) -> None:
        """Read one layer."""
        kind, name = layer.get("type", ""), layer.get("name", "")
        tops, bottoms = list(layer.all("top")), list(layer.all("bottom"))
        if kind in DATA_LAYERS and not bottoms:
            self.data(layer, tops)
            return
        lost = [b for b in bottoms if b not in self.values]
        if lost:
            self.sketch.unknown(layer.place, f"{name or kind} reads {lost[0][:100]!r}, which no layer before it makes")
            self.broken(tops)
            return
        reads = [self.values[b] for b in bottoms]
        if kind in _LOSSES:
            self.losses.append(layer)
            self.losses_read[id(layer)] = reads
            for top in tops:
                self.values[top] = LABEL
            return
        if kind in _IGNORED or (LABEL in reads and kind != "Concat"):
            if kind == "Accuracy":
                self.sketch.note("Accuracy layers are left out: netspec measures it by itself")
            elif kind == "ArgMax":
                self.sketch.note("ArgMax is left out: `netspec predict` names the class")
            for top in tops:
                self.values[top] = LABEL
            return
        if not reads or not tops:
            self.sketch.unknown(layer.place, f"{name or kind} reads or makes nothing")
            self.broken(tops)
            return
        if not all(self.sketch.shapes[r] for r in reads):
            self.broken(tops)
            return
        self.understood(layer, kind, name, reads, tops)

    def understood(self, layer: Message, kind: str, name: str, reads: list[str], tops: list[str]) -> None:
        if kind == "Split":
            self.values |= dict.fromkeys(tops, reads[0])
            return
        try:
            if kind == "Slice":
                self.slice(layer, name, reads[0], tops)
                return
            if kind not in LAYERS:
                instead = REFUSED.get(kind, "write what it does with netspec's layers")
                raise NotUnderstoodError(f"the layer `{kind[:100]}`", instead)
            made = LAYERS[kind](layer, [self.sketch.shapes[r] for r in reads], self.sketch)
        except NotUnderstoodError as error:
            self.sketch.unknown(layer.place, f"{name}: {error.what}" if name else error.what, error.instead)
            self.broken(tops)
            return
        except ValidationError as error:
            self.sketch.unknown(layer.place, f"{name}: {reason_of(error)}")
            self.broken(tops)
            return
        chain = made if isinstance(made, list) else [made]
        if kind == "Crop":
            reads = reads[:1]
        elif len(reads) > 1 and not chain[0].merges:
            self.sketch.unknown(layer.place, f"{name}: {kind} reads several values")
            self.broken(tops)
            return
        elif len(reads) < 2 and chain and chain[0].merges:
            # A sum of one value is that value.
            chain = []
        self.chain(layer, chain, reads, name, tops)

    def chain(self, layer: Message, chain: Sequence[Layer], reads: list[str], name: str, tops: list[str]) -> None:
        """Add what a layer is here, one behind the other."""
        if self.joins_norm(layer, chain, reads, name):
            self.values |= dict.fromkeys(tops, reads[0])
            return
        for index, each in enumerate(chain):
            piece = self.sketch.add(
                each, reads, name if index + 1 == len(chain) else f"{name}_{index + 1}", layer.place
            )
            self.by_layer.setdefault(name, []).append(piece)
            reads = [piece.name]
        self.values |= dict.fromkeys(tops, reads[0])

    def joins_norm(self, layer: Message, chain: Sequence[Layer], reads: list[str], name: str) -> bool:
        """Return whether this is the Scale layer of a BatchNorm before it, which are one layer here."""
        before = self.sketch.by_name.get(reads[0])
        if layer.get("type") != "Scale" or len(reads) != 1 or before is None or not isinstance(before.layer, BatchNorm):
            return False
        if any(before.name in piece.inputs for piece in self.sketch.made.pieces) or self.read_later(layer):
            return False
        self.by_layer[name] = [before]
        if not getattr(chain[0], "bias", False):
            self.sketch.note(f"{name}: batch normalization has an offset here, which begins with 0")
        return True

    def read_later(self, layer: Message) -> bool:
        """Return whether a layer after this one reads what this one reads, before that is written over."""
        (bottom,) = layer.all("bottom")
        layers = self.net.all("layer")
        after = layers[next(i for i, each in enumerate(layers) if each is layer) :]
        for each in after:
            if each is not layer and bottom in each.all("bottom"):
                return True
            if bottom in each.all("top"):
                return False
        return False

    def slice(self, layer: Message, name: str, read: str, tops: list[str]) -> None:
        """Cut a value into parts by channels."""
        part = layer.part("slice_param", "Slice")
        if part.get("axis", part.get("slice_dim", 1)) != 1:
            raise NotUnderstoodError("it cuts along another axis than the channels", "`channels`")
        channels = self.sketch.shapes[read][0]
        points = [int(p) for p in part.all("slice_point")]
        if not points and len(tops) and channels % len(tops) == 0:
            points = [channels // len(tops) * i for i in range(1, len(tops))]
        bounds = [0, *points, channels]
        if len(points) != len(tops) - 1 or any(a >= b for a, b in pairwise(bounds)):
            raise NotUnderstoodError("its slice points do not fit")
        for top, (low, high) in zip(tops, pairwise(bounds), strict=True):
            cut = make("channels", count=high - low, offset=low)
            self.values[top] = self.sketch.add(cut, [read], f"{name}_{top}", layer.place).name

    def broken(self, tops: list[str]) -> None:
        """Note that nothing is known of some values; what reads them is left out."""
        for top in tops:
            name = f"(unknown {top})"
            self.sketch.shapes[name] = ()
            self.values[top] = name

    def data(self, layer: Message, tops: list[str]) -> None:
        """Read a layer that gives examples and labels."""
        kind = layer.get("type")
        if kind == "DummyData" and self.sketch.made.inputs:
            self.values |= dict.fromkeys(tops, LABEL)
            return
        prepared = preparation_of(layer, self.files.mean) if kind != "Input" else None
        if prepared is not None and self.prepared is None:
            self.prepared = prepared
        if not tops:
            return
        if tops[0] in self.values:
            return
        if kind == "Input":
            shapes = layer.part("input_param", "Input").all("shape")
            for index, top in enumerate(tops):
                one = shapes[min(index, len(shapes) - 1)] if shapes else None
                shape = example(tuple(one.all("dim"))) if one is not None else ()
                others = sum(each.get("type") == "Input" for each in self.net.all("layer")) > 1 or len(tops) > 1
                self.input(top, shape, layer.place, several=others)
            return
        self.input(tops[0], shape_of(layer, prepared), layer.place)
        self.values |= dict.fromkeys(tops[1:], LABEL)

    def other_preparation(self) -> Preparation | None:
        """Return how examples are prepared as another of the files says it, such as the net in the weights."""
        for net in self.files.others:
            for layer in net.all("layer"):
                if layer.get("type") in DATA_LAYERS - {"Input"} and not layer.all("bottom"):
                    return preparation_of(layer, self.files.mean)
        return None

    def weights(self, net: Message) -> None:
        """Give the layers their blobs, by the names of the layers."""
        used = set()
        stored = {layer.get("name", ""): layer for layer in net.all("layer") if layer.all("blobs")}
        wanted = {name for name, pieces in self.by_layer.items() if any(p.weights for p in pieces)}
        if stored and wanted and not stored.keys() & wanted:
            names = ", ".join(sorted(stored)[:3])
            self.sketch.unknown(
                net.place,
                f"no layer of the network is named as those of the weights ({names} …)",
                "these are the weights of another network",
            )
            return
        for name, pieces in self.by_layer.items():
            if name not in stored or not any(piece.weights for piece in pieces):
                continue
            used.add(name)
            piece = next(p for p in pieces if p.weights)
            blobs = [blob_array(blob) for blob in stored[name].all("blobs")]
            kind = stored[name].get("type", "")
            try:
                arrays = arranged(kind, piece.layer, blobs)
            except NotUnderstoodError as error:
                self.sketch.unknown(
                    stored[name].place, f"{name}: {error.what}", "these are the weights of another network"
                )
                continue
            part = stored[name].part("inner_product_param", "InnerProduct")
            own = next((each for each in self.net.all("layer") if each.get("name") == name), stored[name])
            if (
                own.part("inner_product_param", "InnerProduct").get("transpose", part.get("transpose", False))
                and arrays["kernel"].ndim == 2
            ):
                arrays["kernel"] = arrays["kernel"].T
            self.sketch.give(piece, arrays, f"{name} of {net.place.file}")
        for piece in self.sketch.made.pieces:
            if isinstance(piece.layer, BatchNorm) and piece.arrays.keys() == {"mean", "variance"}:
                count = piece.weights["scale"]
                self.sketch.note("a BatchNorm without a Scale gets a scale of 1 and an offset of 0")
                self.sketch.give(
                    piece, {"scale": np.ones(count), "offset": np.zeros(count)}, "1 and 0, as Caffe has none"
                )
            elif isinstance(piece.layer, BatchNorm) and piece.arrays.keys() == {"mean", "variance", "scale"}:
                self.sketch.give(piece, {"offset": np.zeros(piece.weights["offset"])}, "0, as Caffe has none")
        for piece in self.sketch.made.pieces:
            missing = [n for n in piece.weights if n not in piece.arrays]
            if missing and piece.shape and not any(u.place == piece.place for u in self.sketch.made.unknown):
                self.sketch.unknown(
                    piece.place,
                    f"{piece.name}: {net.place.file} has no weights for its {missing[0]}",
                    "these are the weights of another network",
                )
        for name in sorted(stored.keys() - used):
            self.sketch.note(f"the weights of {name} are left out: the network has no such layer")


def _phase(layers: Sequence[Message]) -> str:
    """Return the phase that is read: that of training where some layer says it."""
    for layer in layers:
        if any(rule.get("phase", "TRAIN") == "TRAIN" for rule in layer.all("include")):
            return "TRAIN"
        if layer.get("type") in _LOSSES:
            return "TRAIN"
    return "TEST"


def _included(layer: Message, phase: str) -> bool:
    """Return whether a layer is part of a phase, with no stages."""

    def meets(rule: Message) -> bool:
        stages = rule.all("stage")
        return rule.get("phase", phase) == phase and not stages and rule.get("min_level", 0) <= 0

    if layer.all("include"):
        return any(map(meets, layer.all("include")))
    return not any(map(meets, layer.all("exclude"))) and layer.get("phase", phase) == phase
