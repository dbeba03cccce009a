"""Layers that are one here and several in ONNX: a bias behind its product, a scale behind its normalization."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from netspec.formats.reading import Array, Piece, Stored
from netspec.formats.sketch import Sketch, make
from netspec.ops import ShapeError

__all__ = ["share", "tidied"]

_PRODUCTS = {"conv", "deconv", "depthwise", "fc"}
_NORMS = {"layernorm", "groupnorm", "instancenorm"}


class _Tidying:
    def __init__(self, sketch: Sketch, outputs: Sequence[str]) -> None:
        self.sketch = sketch
        self.outputs = list(outputs)
        self.readers: dict[str, list[Piece]] = {}
        """Of each value, as often as they read it."""
        for piece in sketch.made.pieces:
            for name in piece.inputs:
                self.readers.setdefault(name, []).append(piece)

    def before(self, piece: Piece, at: int = 0) -> Piece | None:
        """Return the piece that a piece reads, where nothing else reads it."""
        name = piece.inputs[at]
        alone = len(self.readers[name]) == 1 and name not in self.outputs
        return self.sketch.by_name.get(name) if alone else None

    def drop(self, piece: Piece, name: str) -> None:
        """Take a piece out; what read it reads another value."""
        self.remove(piece)
        for reader in self.readers.pop(piece.name, []):
            reader.inputs = tuple(name if source == piece.name else source for source in reader.inputs)
            self.readers.setdefault(name, []).append(reader)
        if piece.name in self.outputs:
            self.outputs = [name if output == piece.name else output for output in self.outputs]

    def remove(self, piece: Piece) -> None:
        """Take a piece out that nothing reads any longer."""
        for name in piece.inputs:
            self.readers[name].remove(piece)
        del self.sketch.by_name[piece.name]

    def change(self, piece: Piece, arrays: Mapping[str, Array], inputs: Sequence[str] = (), **fields: Any) -> None:
        """Give a piece other arguments, arrays or inputs; those that it keeps stay."""
        kind = fields.pop("kind", "")
        layer = make(kind, **fields) if kind else piece.layer.model_copy(update=fields)
        before = piece.inputs
        self.sketch.change(piece, layer, inputs or before)
        if inputs:
            for name in before:
                self.readers[name].remove(piece)
            for name in piece.inputs:
                self.readers.setdefault(name, []).append(piece)
        source = next((s.source for s in piece.arrays.values()), piece.place.file)
        changed = {name: Stored(np.ascontiguousarray(a, np.float32), source) for name, a in arrays.items()}
        piece.arrays = {name: each for name, each in {**piece.arrays, **changed}.items() if name in piece.weights}


def _kind(piece: Piece | None) -> str:
    return "" if piece is None else piece.layer.canonical()


def _numbers(piece: Piece) -> tuple[Array, Array]:
    """Return by what a piece multiplies each channel, and what it adds."""
    layer: Any = piece.layer
    if _kind(piece) == "times":
        return np.array(layer.factor), np.array(layer.plus)
    scale = piece.arrays["scale"].array.astype(np.float64)
    bias = piece.arrays.get("bias")
    return scale, np.zeros_like(scale) if bias is None else bias.array.astype(np.float64)


def _idle(at: _Tidying, piece: Piece) -> bool:
    """Take out what multiplies by 1."""
    layer: Any = piece.layer
    if _kind(piece) != "times" or abs(layer.factor - 1) > 1e-6 or layer.plus != 0:
        return False
    if piece.name in at.outputs and piece.inputs[0] not in at.sketch.by_name:
        return False
    at.drop(piece, piece.inputs[0])
    return True


def _in_a_row(at: _Tidying, piece: Piece) -> bool:
    """Make one of two that multiply and add."""
    first = at.before(piece)
    if _kind(piece) not in {"times", "scale"} or first is None or _kind(first) not in {"times", "scale"}:
        return False
    (a, b), (c, d) = _numbers(first), _numbers(piece)
    factor, plus = a * c, b * c + d
    if _kind(first) == _kind(piece) == "times":
        numbers: dict[str, Any] = {name: float(f"{float(v):.8g}") for name, v in (("factor", factor), ("plus", plus))}
        at.change(first, {}, **numbers)
    else:
        channels = first.shape[:1]
        bias = bool(np.any(plus))
        arrays = {"scale": np.broadcast_to(factor, channels)}
        arrays |= {"bias": np.broadcast_to(plus, channels)} if bias else {}
        if _kind(first) == "times":
            first.arrays = dict(piece.arrays)
        at.change(first, arrays, kind="scale", bias=bias)
    at.drop(piece, first.name)
    return True


def _bias(at: _Tidying, piece: Piece) -> bool:
    """Make what is added to each channel behind a product its bias."""
    first = at.before(piece)
    if _kind(piece) in {"times", "scale"} and first is not None and _kind(first) in {"pool", "avgpool"}:
        # What is added to each value of a window is added to its maximum or mean.
        first = None if getattr(first.layer, "count_padding", False) else at.before(first)
    if _kind(piece) not in {"times", "scale"} or first is None or _kind(first) not in {*_PRODUCTS, "attention"}:
        return False
    factor, plus = _numbers(piece)
    if (factor != 1).any() or not first.arrays:
        return False
    if _kind(first) == "attention":
        features = first.shape[0]
        own = first.arrays["out_proj_bias"].array.astype(np.float64) if "out_proj_bias" in first.arrays else 0.0
        arrays = {"out_proj_bias": np.broadcast_to(own + plus, (features,))}
        arrays |= {} if "in_proj_bias" in first.arrays else {"in_proj_bias": np.zeros(3 * features)}
        at.change(first, arrays, bias=True)
        at.drop(piece, piece.inputs[0])
        return True
    own = first.arrays["bias"].array.astype(np.float64) if "bias" in first.arrays else 0.0
    at.change(first, {"bias": np.broadcast_to(own + plus, first.shape[:1])}, bias=True)
    at.drop(piece, piece.inputs[0])
    return True


def _affine(at: _Tidying, piece: Piece) -> bool:
    """Make what multiplies and adds behind a normalization part of its scale and offset."""
    if _kind(piece) != "scale":
        return False
    first = at.before(piece)
    if _kind(first) == "flatten" and first is not None:
        inner = at.before(first)
        if _kind(inner) != "layernorm" or getattr(inner.layer, "over", "") != "all":  # type: ignore[union-attr]
            return False
        first = inner
    if first is None or _kind(first) not in {*_NORMS, "batchnorm"} or getattr(first.layer, "activation", None):
        return False
    layer: Any = first.layer
    whole = getattr(layer, "over", "") == "all"
    shape = first.shape if whole else first.shape[:1]
    scale, bias = _numbers(piece)
    if scale.size != np.prod(shape):
        return False
    scale, bias = scale.reshape(shape), bias.reshape(shape)
    if getattr(layer, "affine", True):
        own = {name: first.arrays[name].array.astype(np.float64) for name in ("scale", "offset")}
        scale, bias = own["scale"] * scale, own["offset"] * scale + bias
    else:
        first.arrays = {"scale": piece.arrays["scale"]}
    fields: dict[str, Any] = {} if _kind(first) == "batchnorm" else {"affine": True}
    at.change(first, {"scale": scale, "offset": bias}, **fields)
    at.drop(piece, piece.inputs[0])
    return True


def _projected(at: _Tidying, piece: Piece) -> bool:
    """Make the product behind an attention its last one."""
    first = at.before(piece)
    layer: Any = piece.layer
    if _kind(piece) != "fc" or not layer.pointwise or first is None or _kind(first) != "attention":
        return False
    out = first.arrays["out_proj_weight"].array
    kernel = piece.arrays["kernel"].array
    if len(kernel) != len(out) or not np.array_equal(out, np.eye(len(out))):
        return False
    arrays: dict[str, Array] = {"out_proj_weight": kernel}
    own = getattr(first.layer, "bias", False)
    if own or layer.bias:
        arrays["out_proj_bias"] = piece.arrays["bias"].array if layer.bias else np.zeros(len(out))
        if not own:
            arrays["in_proj_bias"] = np.zeros(3 * len(out))
    at.change(first, arrays, bias=bool(own or layer.bias))
    at.drop(piece, first.name)
    return True


def _taken(at: _Tidying, piece: Piece) -> bool:
    """Make a recurrence of which only the last step is read hand on that alone."""
    first = at.before(piece)
    if _kind(piece) != "take" or first is None or _kind(first) not in {"lstm", "gru", "rnn"}:
        return False
    layer: Any = first.layer
    if getattr(piece.layer, "position", "") != "last" or layer.bidirectional or layer.last:
        return False
    at.change(first, {}, last=True)
    at.drop(piece, first.name)
    return True


def _both_ways(at: _Tidying, piece: Piece) -> bool:
    """Make one of two recurrences that go along one sequence, one of them backward."""
    if _kind(piece) != "concat" or len(piece.inputs) != 2:
        return False
    there, back = at.before(piece), at.before(piece, 1)
    middle = [back]
    if _kind(back) == "take" and back is not None and getattr(back.layer, "position", "") == "first":
        back = at.before(back)
        middle.append(back)
    if _kind(back) != "channels" or back is None:
        return False
    both = at.before(back)
    if there is None or both is None or _kind(there) != _kind(both) or _kind(there) not in {"lstm", "gru", "rnn"}:
        return False
    a: Any = there.layer
    b: Any = both.layer
    last = len(middle) > 1 or b.last
    fits = a.units == b.units and a.bias == b.bias and bool(a.last) == last and there.inputs == both.inputs
    forward = [name for name in both.arrays if not name.endswith("_reverse")]
    if not fits or a.bidirectional or not b.bidirectional or any(both.arrays[n].array.any() for n in forward):
        return False
    if getattr(back.layer, "offset", 0) != b.units:
        return False
    arrays = {name: s.array for name, s in both.arrays.items() if name.endswith("_reverse")}
    at.change(there, arrays, bidirectional=True)
    for each in (piece, *middle, both):
        if each is not None:
            at.drop(each, there.name)
    return True


def _moved(at: _Tidying, piece: Piece) -> bool:
    """Make one of two that put axes into another order, or none."""
    first = at.before(piece)
    if first is not None and {_kind(first), _kind(piece)} <= {"flatten", "reshape"}:
        shape = at.sketch.shapes[first.inputs[0]]
        if piece.shape == shape and first.inputs[0] in at.sketch.by_name:
            at.drop(piece, first.name)
            at.drop(first, first.inputs[0])
        else:
            fields: dict[str, Any] = (
                {"kind": "flatten"} if len(piece.shape) == 1 else {"kind": "reshape", "shape": piece.shape}
            )
            at.change(first, {}, **fields)
            at.drop(piece, first.name)
        return True
    if first is None or _kind(first) != _kind(piece):
        return False
    if _kind(piece) == "permute":
        inner: Any = first.layer
        outer: Any = piece.layer
        order = tuple(inner.order[axis] for axis in outer.order)
        if order == tuple(range(len(order))) and first.inputs[0] in at.sketch.by_name:
            at.drop(piece, first.name)
            at.drop(first, first.inputs[0])
        else:
            at.change(first, {}, order=order)
            at.drop(piece, first.name)
        return True
    if _kind(piece) == "crop":
        starts = [_start(at, each) for each in (first, piece)]
        offset = tuple(a + b for a, b in zip(*starts, strict=True))
        at.change(first, {}, size=getattr(piece.layer, "size", None), offset=offset)
        at.drop(piece, first.name)
        return True
    return False


def _start(at: _Tidying, piece: Piece) -> tuple[int, ...]:
    """Return where a crop begins."""
    layer: Any = piece.layer
    if layer.offset is not None:
        return tuple(layer.offset)
    found = at.sketch.shapes[piece.inputs[0]][1:]
    middle = tuple((n - k) // 2 for n, k in zip(found, piece.shape[1:], strict=True))
    return middle if len(middle) > 1 else (*middle, *middle)


def _gated(at: _Tidying, piece: Piece) -> bool:
    """Make a `glu` of a half that the sigmoid of the other half multiplies."""
    if _kind(piece) != "multiply" or len(piece.inputs) != 2:
        return False
    value, gate = at.before(piece), at.before(piece, 1)
    if value is None or gate is None or _kind(gate) != "sigmoid":
        return False
    other = at.before(gate)
    if other is None or _kind(value) != "channels" or _kind(other) != "channels" or value.inputs != other.inputs:
        return False
    first: Any = value.layer
    second: Any = other.layer
    whole = at.sketch.shapes[value.inputs[0]][0]
    if (first.offset, second.offset, first.count, 2 * second.count) != (0, first.count, second.count, whole):
        return False
    at.change(piece, {}, value.inputs, kind="glu")
    for each in (gate, other, value):
        at.remove(each)
    return True


def _border(at: _Tidying, piece: Piece) -> bool:
    """Make a border of zeros before a convolution, or before a mean of windows, its padding."""
    first = at.before(piece)
    layer: Any = piece.layer
    if _kind(piece) not in {"conv", "depthwise", "avgpool"} or layer.pad != "valid":
        return False
    if _kind(first) != "pad" or first is None or getattr(layer, "ceil", False):
        return False
    border: Any = first.layer
    if border.mode != "zero" or border.channels or border.channels_before:
        return False
    pad = border.amount if len(piece.shape) == 3 else (border.amount[1], border.amount[1])
    shape, inputs = piece.shape, piece.inputs
    try:
        counted = {"count_padding": True} if _kind(piece) == "avgpool" else {}
        at.change(piece, {}, first.inputs, pad=pad, **counted)
    except ShapeError:
        return False
    assert (piece.shape, inputs) == (shape, (first.name,))
    at.remove(first)
    return True


_RULES: Sequence[Callable[[_Tidying, Piece], bool]] = (
    _idle,
    _in_a_row,
    _bias,
    _affine,
    _projected,
    _taken,
    _both_ways,
    _moved,
    _gated,
    _border,
)


def tidied(sketch: Sketch, outputs: Sequence[str]) -> list[str]:
    """Join the layers of a sketch that are one here, and return what its outputs are called then."""
    needed = set(outputs)
    for piece in reversed(sketch.made.pieces):
        if piece.name in needed:
            needed.update(piece.inputs)
    sketch.made.pieces = [piece for piece in sketch.made.pieces if piece.name in needed]
    sketch.by_name = {piece.name: piece for piece in sketch.made.pieces}
    at = _Tidying(sketch, outputs)
    for piece in sketch.made.pieces:
        looked: Piece | None = piece if piece.name in sketch.by_name else None
        while looked is not None:
            first = at.before(looked)
            if not any(rule(at, looked) for rule in _RULES):
                break
            # What is joined may be joined with what is before it.
            left = [each for each in (looked, first) if each is not None and sketch.by_name.get(each.name) is each]
            looked = left[0] if left else None
    sketch.made.pieces = [piece for piece in sketch.made.pieces if sketch.by_name.get(piece.name) is piece]
    return at.outputs


_SHARED = {"conv", "deconv", "depthwise", "fc", "embedding", "lstm", "gru", "rnn", "attention"}
"""Layers whose weights another one may use."""


def share(sketch: Sketch, uses: Mapping[str, tuple[str, ...]]) -> None:
    """Let layers use the weights of one before them where the file has the same for both.

    Args:
        sketch: with all its layers.
        uses: the names of what each has its weights from.
    """
    owners: dict[tuple[str, ...], list[Piece]] = {}
    slopes = {piece.inputs[0] for piece in sketch.made.pieces if _kind(piece) == "prelu"}
    for piece in sketch.made.pieces:
        # A `prelu` goes on the line of its layer, with weights of its own.
        if _kind(piece) not in _SHARED or not piece.arrays or piece.name in slopes:
            continue
        known = owners.setdefault((_kind(piece), *uses.get(piece.name, (piece.name,))), [])
        owner = next((each for each in known if _same_arrays(each, piece)), None)
        if owner is None:
            known.append(piece)
        else:
            owner.keep, piece.share = True, owner.name
            piece.arrays, piece.weights = {}, {}


def _same_arrays(first: Piece, second: Piece) -> bool:
    """Return whether two pieces have the same weights."""
    if first.arrays.keys() != second.arrays.keys():
        return False
    pairs = [(first.arrays[name].array, second.arrays[name].array) for name in first.arrays]
    return all(np.array_equal(a, b) for a, b in pairs)
