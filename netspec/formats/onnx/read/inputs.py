"""The inputs of an ONNX graph as those of a network: which axis is that of the examples, and which are the channels."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.formats.onnx.read.model import Declared, Node, RefusedError
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
    try:
        return _declared(t, name, declared, nodes, given)
    except RefusedError as error:
        t.sketch.unknown(Place(t.graph.file, f"the input {name[:100]}"), error.what, error.instead)
        return None


def _declared(t: Trace, name: str, declared: Declared, nodes: Sequence[Node], given: Shape | None) -> View:
    kind, several = declared.kind, sum(each in t.read for each in t.graph.inputs) > 1
    if kind not in {*_FLOATS, *_WHOLE, "uint8"}:
        raise RefusedError(f"elements of the kind {kind}", "floats, bytes of pictures, or numbers of tokens")
    sizes = declared.sizes or ((None, *([None] * len(given))) if given and declared.sizes is None else None)
    if declared.sizes is None and sizes is None:
        raise RefusedError("the file does not say its shape", "say it: --shape CxHxW")
    sizes = sizes or ()
    first = 1 if len(sizes) == 3 and _first_reader(name, nodes) else 0
    rest = [size for axis, size in enumerate(sizes) if axis != first]
    if not rest or len(rest) > 4:
        what = "it has one axis" if len(sizes) == 1 else f"it has {len(sizes)} axes"
        raise RefusedError(what, "that of the examples, and one to four more: volume, image, sequence or features")
    last = len(rest) == 3 and _channels_last(name, nodes)
    shape = _filled([rest[2], rest[0], rest[1]] if last else rest, given, several=several)
    batch = sizes[first] or FREE
    if not t.sketch.made.inputs:
        t.batch = Atom(batch, batch=True)
    elif t.batch.size != batch:
        raise RefusedError(f"{batch} examples, where another input has {t.batch.size}", "one example, one of each")
    if kind in _WHOLE and len(shape) > 1:
        raise RefusedError(f"whole numbers of {format_shape(shape)}", "a row of token numbers")
    if kind == "uint8" and len(shape) != 3:
        raise RefusedError(f"bytes of {format_shape(shape)}", "bytes are those of a picture")
    label = t.sketch.input(Labels(t.sketch.shapes).make(name) if several else "input", shape)
    base = t.fresh(label, shape).base
    axes = [base[1], base[2], base[0]] if last else list(base)
    axes.insert(first, (t.batch,))
    if last:
        t.sketch.note(
            f"the input {name[:60]} is height x width x channels in the file, {format_shape(shape)} here: "
            "channels x height x width"
        )
    if kind in _FLOATS and len(shape) == 3 and shape[0] in {1, 3}:
        t.sketch.note("the file does not say how pixels become numbers: the network takes them as 0..1, red first")
    return View(label, base, tuple(axes), tokens=kind in _WHOLE, bytes=kind == "uint8")


def _filled(shape: Sequence[int | None], given: Shape | None, *, several: bool) -> Shape:
    """Return the shape of an example, with what `--shape` says in place of what is free."""
    free = "x".join("?" if n is None else str(n) for n in shape)
    whole = tuple(n for n in shape if n is not None)
    if len(whole) == len(shape) and (given is None or several):
        return whole
    if several:
        raise RefusedError(f"its sizes {free} are free", "export it with fixed sizes: there are several inputs")
    if given is None:
        fix = ("LENGTH", "FEATURESxLENGTH", "CxHxW", "CxDxHxW")[len(shape) - 1]
        raise RefusedError(f"its sizes {free} are free", f"say it: --shape {fix}")
    if len(given) != len(shape) or any(n not in {None, g} for n, g in zip(shape, given, strict=True)):
        raise RefusedError(f"the file says {free}, and --shape {format_shape(given)}", "leave --shape out")
    return given


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
