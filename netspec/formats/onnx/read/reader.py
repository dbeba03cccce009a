"""ONNX: the graph of a model, node after node, becomes a Description."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import ValidationError

from netspec.formats.format import NotInstalledError
from netspec.formats.onnx.read import (
    arithmetic,
    functions,
    joins,
    moves,
    parts,
    positions,
    products,
    recurrent,
    windows,
)
from netspec.formats.onnx.read.fold import FOLDS, constant_of, folded
from netspec.formats.onnx.read.inputs import declare
from netspec.formats.onnx.read.load import load
from netspec.formats.onnx.read.model import LostError, Node, OnnxGraph, RefusedError, needed
from netspec.formats.onnx.read.patterns import simplified
from netspec.formats.onnx.read.scores import Scores
from netspec.formats.onnx.read.tidy import share, tidied
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Group, View
from netspec.formats.reading import Description, Given, ModelImportError, Output, Piece, Place
from netspec.formats.sketch import MAX_PIECES, reason_of
from netspec.formats.spec_text.structure import Labels
from netspec.ops import format_shape

__all__ = ["OPERATORS", "REFUSED", "OnnxModels"]

OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    **functions.OPERATORS,
    **arithmetic.OPERATORS,
    **windows.OPERATORS,
    **products.OPERATORS,
    **moves.OPERATORS,
    **parts.OPERATORS,
    **joins.OPERATORS,
    **positions.OPERATORS,
    **recurrent.OPERATORS,
}

_EXPORT = "export it with fixed sizes, or simplify it: `onnxsim`"

REFUSED: Mapping[str, str] = {
    "If": _EXPORT,
    "Loop": _EXPORT,
    "Scan": "`lstm`, `gru` or `rnn`",
    "ArgMax": "`netspec predict` names the class: the layers before it give the shares",
    "TopK": "`netspec predict --top` names them: the layers before it give the shares",
    "NonMaxSuppression": "the layers before it give the boxes",
    "RoiAlign": "the layers before it give the features",
    "GridSample": "`upsample` or `crop`",
    "QuantizeLinear": "the model as it was before it was quantized",
    "DequantizeLinear": "the model as it was before it was quantized",
    "DynamicQuantizeLinear": "the model as it was before it was quantized",
    "QLinearConv": "the model as it was before it was quantized",
    "QLinearMatMul": "the model as it was before it was quantized",
    "ConvInteger": "the model as it was before it was quantized",
    "MatMulInteger": "the model as it was before it was quantized",
    "Einsum": "`fc pointwise` or `attention`",
    "Attention": "export with opset 17, where attention is written out",
    "Erf": "`gelu` has it within",
    "LpPool": "`avgpool`",
    "LpNormalization": "`cosine_similarity` normalizes within",
    "CumSum": "`rnn`",
    "MaxUnpool": "`deconv` or `upsample`",
    "ScatterND": "`add`",
    "GatherElements": "`channels` or `crop`",
    "GatherND": "`channels` or `crop`",
    "Equal": "`mask=` of an input of tokens",
    "Col2Im": "`deconv`",
}

_SAME_WEIGHT = {"Transpose", "Reshape", "Cast", "Identity", "Unsqueeze", "Squeeze"}
"""Operators that leave a weight what it is, so that it keeps its name."""

_BYTES = {
    "Cast",
    "Concat",
    "DepthToSpace",
    "Expand",
    "Flatten",
    "Gather",
    "Identity",
    "MaxPool",
    "Pad",
    "Reshape",
    "Shape",
    "Size",
    "Slice",
    "SpaceToDepth",
    "Split",
    "Squeeze",
    "Tile",
    "Transpose",
    "Unsqueeze",
}
"""Operators that can read bytes: what they make holds the same, whether they count from 0 to 255 or to 1."""

_LOST = object()
"""Stands for a value of which nothing is known."""

_MOST_FOLDED = 2**27
"""Bytes that all folded constants may have together, beside four times those of the file's own."""

_MOST_VALUES = 2**28
"""Values of one example that a layer may make: the network is run once, and takes memory for them."""

_MAX_LABELS = 100_000

_MISTAKES = (ValueError, TypeError, IndexError, KeyError, AttributeError, OverflowError, ZeroDivisionError)
"""What attributes of another kind than ONNX says lead to."""


class OnnxModels:
    """Reads `.onnx`."""

    name = "onnx"
    endings: tuple[str, ...] = (".onnx",)

    def read(self, given: Given) -> Description:
        """Return what the file says."""
        if len(given.files) != 1:
            raise ModelImportError("a model in ONNX is one file", "its weights are in it, or found beside it")
        path = given.files[0]
        try:
            graph = load(path, given.load)
        except NotInstalledError:
            raise ModelImportError(
                "ONNX files are read with the package onnx, which is not installed", 'pip install "netspec[onnx]"'
            ) from None
        return _Reading(graph, path, given).description()


class _Reading:
    def __init__(self, graph: OnnxGraph, path: Path, given: Given) -> None:
        self.graph, self.given = graph, given
        self.t = Trace(graph, path.stem)
        self.sketch = self.t.sketch
        self.sketch.made.title = f"{path.stem}, from ONNX"
        self.values: dict[str, Any] = dict(graph.constants)
        self.frontier: list[str] = []
        """Pieces that something reads which was not understood."""
        self.pictures: set[str] = set()
        """Pieces that are bytes in the file: inputs, and what is only moved of them."""
        self.count = 0
        self.own = sum(array.nbytes for array in graph.constants.values())

    def description(self) -> Description:
        """Read everything."""
        nodes = list(needed(simplified(self.graph.nodes, self.graph.constants), list(self.graph.outputs)))
        self.t.read = {name for node in nodes for name in node.inputs} | set(self.graph.outputs)
        for name, declared in self.graph.inputs.items():
            if name not in self.t.read:
                self.sketch.note(f"the input {name[:100]} is left out: no output reads it")
                continue
            view = declare(self.t, name, declared, nodes, self.given.shape)
            self.values[name] = _LOST if view is None else view
            self.t.computed.add(name)
            self.pictures |= {view.piece} if view is not None and view.bytes else set()
        for node in nodes:
            self.node(node)
            if len(self.sketch.made.pieces) > MAX_PIECES:
                raise ModelImportError(f"{self.graph.file} makes more than {MAX_PIECES:,} layers")
        self.finish(self.outputs())
        self.sketch.made.labels = self.labels()
        return self.sketch.made

    # --- nodes ------------------------------------------------------------------------------------------------------

    def node(self, node: Node) -> None:
        """Read one node."""
        made: Sequence[Any] = [_LOST] * len(node.outputs)
        before = len(self.sketch.made.pieces)
        inputs = [self.values[name] if name else None for name in node.inputs]
        try:
            if node.kind not in OPERATORS and node.kind not in FOLDS and node.kind != "Constant":
                instead = REFUSED.get(node.kind, "write what it does with netspec's layers")
                raise RefusedError(f"the operator `{node.kind[:80]}`", instead)
            if not any(value is _LOST for value in inputs):
                made = self.made(node, inputs)
        except (RefusedError, ValidationError, *_MISTAKES) as error:
            what, instead = "what it says does not fit what it reads", ""
            if isinstance(error, RefusedError):
                what, instead = error.what, error.instead
            elif isinstance(error, ValidationError):
                what = reason_of(error)
            self.sketch.unknown(node.place, what, instead)
            self.forget(before)
            self.frontier += [v.piece for v in inputs if isinstance(v, View) and v.piece in self.sketch.by_name]
        except LostError:
            self.forget(before)
            self.frontier += [v.piece for v in inputs if isinstance(v, View) and v.piece in self.sketch.by_name]
        for name, value in zip(node.outputs, [*made, *[_LOST] * len(node.outputs)], strict=False):
            if name:
                self.values[name] = value
                if not isinstance(value, np.ndarray):
                    self.t.computed.add(name)

    def made(self, node: Node, inputs: Sequence[Any]) -> Sequence[Any]:
        """Return what a node makes."""
        if node.kind == "Constant":
            return [constant_of(node)]
        known = [value for value in inputs if value is not None]
        if known and all(isinstance(value, np.ndarray) for value in known):
            constants = folded(node, inputs, self.graph.opset)
            if constants is not None:
                self.count += sum(a.nbytes for a in constants if 0 not in a.strides)
                if self.count > _MOST_FOLDED + 4 * self.own:
                    raise ModelImportError(f"{self.graph.file} computes with more constants than a network has")
                origin = next((self.t.origins[n] for n in node.inputs if n in self.t.origins), None)
                if origin is not None and node.kind in _SAME_WEIGHT:
                    self.t.origins |= dict.fromkeys(node.outputs, origin)
                return constants
        operator = OPERATORS.get(node.kind)
        if operator is None:
            raise RefusedError(f"`{node.kind}` of computed values", REFUSED.get(node.kind, ""))
        if not known:
            raise RefusedError("it reads nothing")
        if all(isinstance(value, np.ndarray) for value in known):
            raise RefusedError("it reads constants alone", "simplify the model: `onnxsim`")
        if node.kind not in arithmetic.OPERATORS and node.kind not in {"Shape", "Size", "Identity", "Expand"}:
            inputs = [arithmetic.repeated(self.t, node, v) if isinstance(v, View) else v for v in inputs]
        bytes_ = [isinstance(value, View) and value.bytes for value in inputs]
        if any(bytes_) and (node.kind not in _BYTES or (node.kind == "Concat" and not all(bytes_))):
            raise RefusedError("it computes with bytes", "`Cast` them to floats before it")
        made = operator(self.t, node, inputs)
        made = made if isinstance(made, list) else [made]
        if any(bytes_) and node.kind != "Cast":
            made = [replace(value, bytes=True) if isinstance(value, View) else value for value in made]
            self.pictures |= {value.piece for value in made if isinstance(value, View)}
        return made

    def forget(self, before: int) -> None:
        """Take out the layers that were added of a node which was then refused."""
        for piece in self.sketch.made.pieces[before:]:
            del self.sketch.by_name[piece.name]
        del self.sketch.made.pieces[before:]
        self.t.moved = {key: name for key, name in self.t.moved.items() if name in self.sketch.by_name}

    # --- outputs ----------------------------------------------------------------------------------------------------

    def outputs(self) -> dict[str, str]:
        """Return the pieces that are outputs by what ONNX calls them."""
        made: dict[str, str] = {}
        for name in self.graph.outputs:
            value = self.values[name]
            place = Place(self.graph.file, f"the output {name[:100]}")
            if value is _LOST:
                continue
            if not isinstance(value, View) or value.tokens or value.bytes:
                what = "it is a constant" if isinstance(value, np.ndarray) else "it is no layer's output"
                self.sketch.unknown(
                    place, what if not isinstance(value, Scores) else "it is the scores of an attention"
                )
                continue
            node = Node("Output", name, (), (), {}, place)
            try:
                value = arithmetic.repeated(self.t, node, value)
                piece = self.t.laid(node, value, _groups(value)).piece
                if piece not in self.sketch.by_name or piece in made.values():
                    piece = self.t.add(node, "identity", [piece]).name
                made[name] = piece
            except RefusedError as error:
                self.sketch.unknown(place, error.what, error.instead)
            except LostError:
                continue
        return made

    def finish(self, outputs: dict[str, str]) -> None:
        """Join what is one layer here, and name the outputs."""
        made = self.sketch.made
        wanted = list(outputs.values())
        if made.unknown:
            wanted += [name for name in dict.fromkeys(self.frontier) if name not in wanted]
        ends = tidied(self.sketch, wanted)
        share(self.sketch, self.t.uses)
        made.has_weights = True
        for piece in made.pieces:
            if prod(piece.shape) > _MOST_VALUES:
                self.sketch.unknown(
                    piece.place, f"it makes {format_shape(piece.shape)}, more values than fit in memory"
                )
        read = {source for piece in made.pieces for source in piece.inputs}
        for piece in made.pieces:
            if piece.layer.canonical() == "scale" and piece.inputs[0] in self.pictures:
                # How pixels become numbers is no weight that learns.
                ends = [self.rename(piece.name, "preparation") if end == piece.name else end for end in ends]
                piece.keep = True
                made.top.append(("freeze", self.rename(piece.name, "preparation"), ""))
        made.inputs = {name: shape for name, shape in made.inputs.items() if name in read}
        if len(dict.fromkeys(ends)) > 1:
            labels = Labels(made.inputs)
            names = list(outputs)
            for index, end in enumerate(dict.fromkeys(ends)):
                renamed = self.rename(end, labels.make(names[index] if index < len(names) else end))
                made.outputs.append(Output(renamed))

    def rename(self, name: str, new: str) -> str:
        """Give a piece another name; one that has it already gets a longer one."""
        if new == name:
            return name
        if new in self.sketch.by_name:
            other, count = f"{new}_inner", 1
            while other in self.sketch.by_name:
                count += 1
                other = f"{new}_inner_{count}"
            self.rename(new, other)
        piece: Piece = self.sketch.by_name.pop(name)
        piece.name = new
        self.sketch.by_name[new] = piece
        for each in self.sketch.made.pieces:
            each.inputs = tuple(new if source == name else source for source in each.inputs)
            each.share = new if each.share == name else each.share
        self.sketch.made.outputs = [
            replace(output, piece=new) if output.piece == name else output for output in self.sketch.made.outputs
        ]
        return new

    def labels(self) -> tuple[str, ...]:
        """Return the names of the classes, as netspec's own exports have them."""
        try:
            found = json.loads(self.graph.facts.get("labels", "null"))
        except (ValueError, RecursionError):
            return ()
        fits = isinstance(found, list) and len(found) <= _MAX_LABELS
        if not fits or not all(isinstance(n, str) and n.isprintable() and 0 < len(n) <= 1000 for n in found):
            return ()
        return tuple(found)


def _groups(view: View) -> list[Group]:
    """Return the axes of an output without that of the batch; a row of classes is one, whatever stands behind it."""
    view = view.with_batch()
    batch = view.batch_axis()
    groups = [group for i, group in enumerate(view.axes) if i != batch]
    full = [group for group in groups if any(not atom.batch for atom in group)]
    if len(full) <= 1 and [*view.base] != groups:
        return full or [()]
    return groups
