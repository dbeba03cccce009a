"""The inputs of an ONNX graph as those of a network: which axis is that of the examples, and which are the channels."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.formats.onnx.read.model import Declared, Node
from netspec.formats.onnx.read.trace import FREE, Trace
from netspec.formats.onnx.read.views import Atom, View
from netspec.formats.reading import Place
from netspec.formats.spec_text.structure import Labels
from netspec.ops import Shape, format_shape

__all__ = ["declare"]

_FLOATS = {"float32", "float64", "float16", "bfloat16"}
_WHOLE = {"int64", "int32"}

_PLACES = {
    "Cast",
    "Identity",
    "Add",
    "Sub",
    "Mul",
    "Div",
    "Relu",
    "Neg",
    "Clip",
}
"""Operators that leave values in their places: what stands between an input and its first transposition."""

_LOOKS = {"Conv", "MaxPool", "AveragePool", "BatchNormalization", "Pad", "Resize", "GlobalAveragePool"}
"""Operators to which the second axis is that of the channels."""


def declare(t: Trace, name: str, declared: Declared, nodes: Sequence[Node], given: Shape | None) -> View | None:
    """Declare an input and return it as a value; what cannot be is noted, and None returned."""
    place = Place(t.graph.file, f"the input {name[:100]}")
    kind = declared.kind
    if kind not in {*_FLOATS, *_WHOLE, "uint8"}:
        t.sketch.unknown(place, f"elements of the kind {kind}", "floats, bytes of pictures, or numbers of tokens")
        return None
    several = sum(each in t.read for each in t.graph.inputs) > 1
    sizes = declared.sizes
    if sizes is None:
        sizes = (None, *([None] * len(given))) if given else None
    if sizes is None:
        t.sketch.unknown(place, "the file does not say its shape", "say it: --shape CxHxW")
        return None
    first = 1 if len(sizes) == 3 and _first_reader(name, nodes) else 0
    rest = [size for axis, size in enumerate(sizes) if axis != first]
    if not rest or len(rest) > 3:
        what = f"it has {len(sizes)} axes" if len(sizes) != 1 else "it has one axis"
        t.sketch.unknown(place, what, "that of the examples, and one to three more: an image, a sequence or features")
        return None
    last = len(sizes) == 4 and (_channels_last(name, nodes))
    shape: list[int | None] = [rest[2], rest[0], rest[1]] if last else list(rest)
    if None in shape or given is not None:
        if given is None or several:
            free = "x".join("?" if n is None else str(n) for n in shape)
            fix = (
                f"say it: --shape {'CxHxW' if len(shape) == 3 else 'FEATURESxLENGTH' if len(shape) == 2 else 'LENGTH'}"
            )
            fix = "export it with fixed sizes" if several else fix
            t.sketch.unknown(place, f"its sizes {free} are free", fix)
            return None
        if len(given) != len(shape) or any(n not in {None, g} for n, g in zip(shape, given, strict=True)):
            free = "x".join("?" if n is None else str(n) for n in shape)
            t.sketch.unknown(place, f"the file says {free}, and --shape {format_shape(given)}", "leave --shape out")
            return None
        shape = list(given)
    whole = tuple(n for n in shape if n is not None)
    batch = sizes[first] or FREE
    if t.batch.size != batch and any(isinstance(v, int) for v in [t.batch.size]) and t.sketch.made.inputs:
        t.sketch.unknown(place, f"{batch} examples, where another input has {t.batch.size}", "one example, one of each")
        return None
    if not t.sketch.made.inputs:
        t.batch = Atom(batch, batch=True)
    label = Labels(t.sketch.shapes).make(name) if several else "input"
    if kind in _WHOLE and len(whole) > 1:
        t.sketch.unknown(place, f"whole numbers of {format_shape(whole)}", "a row of token numbers")
        return None
    if kind == "uint8" and len(whole) != 3:
        t.sketch.unknown(place, f"bytes of {format_shape(whole)}", "bytes are those of a picture")
        return None
    t.sketch.input(label, whole)
    view = t.fresh(label, whole)
    base = view.base
    axes = [base[1], base[2], base[0]] if last else list(base)
    axes.insert(first, (t.batch,))
    if last:
        t.sketch.note(
            f"the input {name[:60]} is height x width x channels in the file, {format_shape(whole)} here: "
            "channels x height x width"
        )
    if kind in _FLOATS and len(whole) == 3 and whole[0] in {1, 3}:
        t.sketch.note("the file does not say how pixels become numbers: the network takes them as 0..1, red first")
    return View(label, base, tuple(axes), tokens=kind in _WHOLE, bytes=kind == "uint8")


def _first_reader(name: str, nodes: Sequence[Node]) -> bool:
    """Return whether a recurrence reads an input as it is: then its first axis is that of the steps."""
    readers = [node for node in nodes if name in node.inputs]
    return any(
        node.kind in {"LSTM", "GRU", "RNN"} and node.inputs[0] == name and not node.attributes.get("layout")
        for node in readers
    )


def _channels_last(name: str, nodes: Sequence[Node]) -> bool:
    """Return whether an input is an image with its channels at the end, which is turned before windows go over it."""
    names, turned = {name}, set[str]()
    for node in nodes:
        if turned & set(node.inputs) and node.kind in _LOOKS:
            return True
        if node.kind in _PLACES and turned & set(node.inputs):
            turned.update(node.outputs)
        elif not names & set(node.inputs):
            continue
        elif node.kind in _PLACES:
            names.update(node.outputs)
        elif node.kind == "Transpose" and node.attributes.get("perm") == [0, 3, 1, 2]:
            turned.update(node.outputs)
        else:
            return False
    return False
