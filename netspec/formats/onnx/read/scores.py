"""Attention: a product of two computed values, its softmax, and the means that it weights, are one layer here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from netspec.formats.onnx.read.constants import number_of
from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Group, View, size_of
from netspec.formats.reading import Array

__all__ = ["Scores", "attended", "product"]

_LOW = -9e3
"""What is added to a score so that a position is not read: -10,000 in BERT, elsewhere the lowest number there is."""

_MOST = 10_000
"""Features: a matrix of so many rows and columns is made for each product."""

_INSTEAD = "`attention` is the layer with a product of two computed values"


@dataclass(frozen=True, eq=False, slots=True)
class Scores:
    """How much each query is like each key.

    Attributes:
        queries: with axes …, length, features.
        keys: with axes …, features, length.
        factor: what the product is multiplied by.
        causal: whether later positions are left out.
        weights: whether the softmax is taken.
        turned: whether its last two axes have changed places.
    """

    queries: View
    keys: View
    factor: float = 1.0
    causal: bool = False
    weights: bool = False
    turned: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        """Return its sizes."""
        length, others = self.queries.shape[-2], self.keys.shape[-1]
        return (*self.queries.shape[:-2], *((others, length) if self.turned else (length, others)))

    def combined(self, kind: str, other: Any, *, first: bool) -> Scores:
        """Return the scores combined with a constant: a factor, or a mask."""
        if not isinstance(other, np.ndarray) or self.weights:
            raise RefusedError("arithmetic with the scores of an attention", _INSTEAD)
        number = number_of(other)
        if kind == "Mul" and number is not None:
            return replace(self, factor=self.factor * number)
        if kind == "Div" and number and first:
            return replace(self, factor=self.factor / number)
        if kind in {"Add", "Sum"}:
            return self.masked(other)
        raise RefusedError("arithmetic with the scores of an attention", _INSTEAD)

    def masked(self, mask: Array) -> Scores:
        """Return the scores with a mask that is added to them."""
        open_ = np.broadcast_to(mask, (*mask.shape[:-2], *self.shape[-2:])) if mask.ndim else mask
        if not open_.any():
            return self
        return self.seen(open_ == 0, lowest=bool((open_[open_ != 0] <= _LOW).all()))

    def seen(self, where: Array, *, lowest: bool) -> Scores:
        """Return the scores of which some are not seen; raises RefusedError where those are not the later ones."""
        length, others = self.shape[-2:]
        causal = np.tril(np.ones((length, others), np.bool_))
        if (
            not lowest
            or self.weights
            or self.turned
            or not (np.broadcast_to(where, (*where.shape[:-2], length, others)) == causal).all()
        ):
            raise RefusedError("a mask of its own for attention", "`attention … causal`, or `mask=` of the input")
        return replace(self, causal=True)


def product(t: Trace, node: Node, a: View, b: View) -> Scores:
    """Return a product of two computed values, which may become attention."""
    del t, node
    if len(a.axes) != len(b.axes) or len(a.axes) < 3 or a.shape[:-2] != b.shape[:-2] or a.shape[-1] != b.shape[-2]:
        raise RefusedError("a product of two computed values", _INSTEAD)
    if any(atom.batch and atom.size > 1 for view in (a, b) for group in view.axes[-2:] for atom in group):
        raise RefusedError("attention across the examples of a batch", _INSTEAD)
    return Scores(a, b)


def attended(t: Trace, node: Node, scores: Scores, values: View, *, values_first: bool) -> View:
    """Return the means of values, weighted by scores, as an `attention` whose last product is still to come."""
    if not scores.weights or values_first != scores.turned:
        raise RefusedError("a product with scores that are no weights", _INSTEAD)
    q, k, v = scores.queries, scores.keys, values
    heads = [tuple(atom for group in view.axes[:-2] for atom in group if not atom.batch) for view in (q, k, v)]
    size, length = q.axes[-1], q.axes[-2]
    of_values, read = (v.axes[-2], v.axes[-1]) if values_first else (v.axes[-1], v.axes[-2])
    count = size_of(heads[0])
    features = count * size_of(size)
    if features > _MOST:
        raise RefusedError(f"attention with {features:,} features", f"at most {_MOST:,} can be")
    laid = [
        t.laid(node, q, [heads[0] + size, length]),
        t.laid(node, k, [heads[1] + k.axes[-2], k.axes[-1]]),
        t.laid(node, v, [heads[2] + of_values, read]),
    ]
    sources, kernels, biases = zip(*(_linear(t, view.piece) for view in laid), strict=True)
    shape = t.sketch.shapes[sources[0]]
    if sources[1] != sources[2] or len(shape) != 2 or shape[0] != features or len(kernels[2]) != features:
        raise RefusedError("attention that does not read one sequence, or has other features than it reads", _INSTEAD)
    # The layer itself multiplies by 1/√size.
    factor = scores.factor * size_of(size) ** 0.5
    kernels = (kernels[0] * factor, *kernels[1:])
    biases = (biases[0] * factor, *biases[1:])
    biased = any(np.any(bias) for bias in biases)
    others = t.sketch.shapes[sources[1]][0]
    arrays: dict[str, Array] = {"out_proj_weight": np.eye(features)}
    if sources[0] == sources[1] or others == features:
        arrays["in_proj_weight"] = np.concatenate(kernels)
    else:
        arrays |= {f"{name}_proj_weight": kernel for name, kernel in zip("qkv", kernels, strict=True)}
    if biased:
        arrays |= {"in_proj_bias": np.concatenate(biases), "out_proj_bias": np.zeros(features)}
    reads = [sources[0]] if sources[0] == sources[1] else [sources[0], sources[1]]
    if scores.causal and len(reads) > 1:
        raise RefusedError("causal attention to another sequence", "`attention … memory=`, without `causal`")
    piece = t.add(node, "attention", reads, arrays, heads=count, causal=scores.causal, bias=biased)
    # Where the heads of the values were cut differently, their atoms are those of the queries by now.
    base: tuple[Group, ...] = (heads[2] + of_values, length)
    ends = (of_values, length) if values_first else (length, of_values)
    return View(piece.name, base, (*v.axes[:-2], *ends))


def _linear(t: Trace, name: str) -> tuple[str, Array, Array]:
    """Return what a value is a product of, by which matrix, and what is added then: those of `fc pointwise`."""
    rows = t.sketch.shapes[name][0]
    plain = (name, np.eye(rows), np.zeros(rows))
    matrix, bias = np.eye(rows), np.zeros(rows)
    while name in t.sketch.by_name:
        piece = t.sketch.by_name[name]
        kind = piece.layer.canonical()
        arrays = {key: stored.array.astype(np.float64) for key, stored in piece.arrays.items()}
        layer: Any = piece.layer
        if kind == "times":
            bias = bias + matrix.sum(axis=1) * layer.plus
            matrix = matrix * layer.factor
        elif kind == "scale":
            bias = bias + matrix @ arrays["bias"] if "bias" in arrays else bias
            matrix = matrix * arrays["scale"]
        elif kind == "channels":
            whole = np.zeros((len(matrix), t.sketch.shapes[piece.inputs[0]][0]))
            whole[:, layer.offset : layer.offset + layer.count] = matrix
            matrix = whole
        elif kind == "fc" and layer.pointwise:
            bias = bias + matrix @ arrays["bias"] if "bias" in arrays else bias
            return piece.inputs[0], matrix @ arrays["kernel"], bias
        else:
            break
        name = piece.inputs[0]
    return plain
