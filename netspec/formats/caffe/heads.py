"""Caffe's losses as outputs: what they compute of a value, and what they compare it with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.formats.caffe.message import Message
from netspec.formats.reading import Output, Piece
from netspec.formats.sketch import Sketch, make

__all__ = ["add_outputs"]

_FUNCTIONS = {"SoftmaxWithLoss": "softmax", "SigmoidCrossEntropyLoss": "sigmoid", "MultinomialLogisticLoss": ""}
_INSTEAD = {
    "HingeLoss": "SoftmaxWithLoss is `fc N softmax`",
    "InfogainLoss": "`loss cross_entropy class_weights=`",
    "ContrastiveLoss": "`loss contrastive` of two outputs: docs/language.md has a siamese network",
}


def add_outputs(sketch: Sketch, losses: Sequence[Message], reads: Mapping[int, list[str]], label: str) -> str:
    """Add the functions that losses begin with, leave out what leads to no output, and return what is learned.

    Returns:
        `label`, `input` for an autoencoder, or an empty text where there is no loss.
    """
    outputs: list[tuple[Piece, Message]] = []
    learned = ""
    for layer in losses:
        kind, read = layer.get("type", ""), reads[id(layer)]
        weight = float(layer.get("loss_weight", 1.0))
        if weight == 0:
            sketch.note(f"{layer.get('name', kind)} ({kind}) is left out: its loss_weight is 0")
            continue
        if kind not in {*_FUNCTIONS, "EuclideanLoss"}:
            sketch.unknown(layer.place, f"the loss `{kind}`", _INSTEAD.get(kind, ""))
            continue
        if not read or read[0] == label or not sketch.shapes.get(read[0]) or read[0] in sketch.made.inputs:
            continue
        target = read[1] if len(read) > 1 else label
        learned = "label" if target == label else "input" if _is_input(sketch, target) else learned
        if target != label and not _is_input(sketch, target):
            sketch.unknown(
                layer.place, f"{kind} compares two values that the network makes", "`subtract`, `square` and `loss mse`"
            )
            continue
        last = sketch.by_name[read[0]]
        function = _FUNCTIONS.get(kind, "")
        if function:
            same = [p for p in sketch.made.pieces if p.inputs == (read[0],) and p.layer.canonical() == function]
            last = same[0] if same else sketch.add(make(function), [read[0]], layer.get("name", function), layer.place)
        outputs.append((last, layer))
        if kind not in {"SoftmaxWithLoss", "MultinomialLogisticLoss"}:
            sketch.note_sum(kind, last.shape, halved=kind == "EuclideanLoss")
    if not outputs:
        _keep(sketch, _ends(sketch), silent=True)
        ends = _ends(sketch)
        if len(ends) > 1:
            sketch.made.outputs = [Output(name) for name in ends]
        return learned
    _keep(sketch, {piece.name for piece, _ in outputs}, silent=False)
    if len(outputs) > 1:
        for piece, layer in outputs:
            kind = layer.get("type")
            loss = "mse" if kind == "EuclideanLoss" else ""
            sketch.made.outputs.append(
                Output(
                    piece.name,
                    loss,
                    float(f"{layer.get('loss_weight', 1.0):.7g}"),
                    "label" if learned == "label" else "",
                )
            )
    elif outputs[0][1].get("type") == "EuclideanLoss":
        sketch.made.settings["loss"] = "mse"
    return learned


def _is_input(sketch: Sketch, name: str) -> bool:
    """Return whether a value is the input, or the input flattened."""
    while name in sketch.by_name and sketch.by_name[name].layer.canonical() in {"flatten", "reshape"}:
        name = sketch.by_name[name].inputs[0]
    return name in sketch.made.inputs


def _ends(sketch: Sketch) -> list[str]:
    read = {source for piece in sketch.made.pieces if piece.shape for source in piece.inputs}
    return [piece.name for piece in sketch.made.pieces if piece.shape and piece.name not in read]


def _keep(sketch: Sketch, ends: set[str] | list[str], *, silent: bool) -> None:
    """Leave out the pieces that lead to none of the ends, and those that could not be understood."""
    needed = set(ends)
    for piece in reversed(sketch.made.pieces):
        if piece.name in needed:
            needed.update(piece.inputs)
    for piece in sketch.made.pieces:
        if (
            piece.name not in needed
            and not silent
            and piece.shape
            and piece.layer.canonical() not in {"flatten", "softmax"}
        ):
            sketch.note(f"{piece.name} is left out: it leads to no loss")
    sketch.made.pieces = [piece for piece in sketch.made.pieces if piece.name in needed and piece.shape]
    sketch.by_name = {piece.name: piece for piece in sketch.made.pieces}
