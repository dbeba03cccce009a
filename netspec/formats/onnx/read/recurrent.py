"""LSTM, GRU and RNN: the gates of ONNX in our order, in one direction or both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from netspec.formats.onnx.read.model import Node, RefusedError
from netspec.formats.onnx.read.trace import Trace
from netspec.formats.onnx.read.views import Group, View, size_of
from netspec.formats.reading import Array

__all__ = ["OPERATORS"]

_ORDER = {"LSTM": (0, 2, 3, 1), "GRU": (1, 0, 2), "RNN": (0,)}
"""Our gates in our order, as places in those of ONNX."""

_FUNCTIONS = {"LSTM": ["sigmoid", "tanh", "tanh"], "GRU": ["sigmoid", "tanh"], "RNN": ["tanh"]}


def _recurrent(t: Trace, node: Node, inputs: Sequence[Any]) -> list[Any]:
    view, weights, states, biases, lengths, *starts = (*inputs, *[None] * 8)[:8]
    kind = node.kind
    given = (weights, states)
    if not isinstance(view, View) or not all(isinstance(a, np.ndarray) for a in given):
        raise RefusedError("its weights are computed")
    if lengths is not None and not _full(lengths, view, node):
        raise RefusedError("sequences of different lengths", "`mask=` of an input of tokens")
    for start in starts:
        if start is not None and (not isinstance(start, np.ndarray) or start.any()):
            raise RefusedError("a state that does not begin at 0", "the state begins at 0 here")
    way = node.word("direction", "forward")
    if way not in {"forward", "reverse", "bidirectional"} or len(view.axes) != 3:
        raise RefusedError(f"a direction {way[:40]}" if len(view.axes) == 3 else "it reads no sequence")
    count = 2 if way == "bidirectional" else 1
    cell = _cell(node, count)
    units, gates = weights.shape[1] // len(_ORDER[kind]), len(_ORDER[kind])
    if weights.shape[0] != count or states.shape != (count, gates * units, units) or weights.ndim != 3:
        raise RefusedError("its weights are not of one size")
    batch_first = node.whole("layout", 0) == 1
    length, features = view.axes[1 if batch_first else 0], view.axes[2]
    if weights.shape[2] != size_of(features):
        raise RefusedError(f"its weights are for {weights.shape[2]} features, and it reads {size_of(features)}")
    read = t.laid(node, view, [features, length])

    def ordered(array: Array) -> Array:
        apart = array.reshape(gates, units, *array.shape[1:])
        return apart[list(_ORDER[kind])].reshape(array.shape)

    arrays: dict[str, Array] = {}
    suffixes = ("", "_reverse") if count == 2 else ("",)
    for index, suffix in enumerate(suffixes):
        arrays[f"weight_ih{suffix}"] = ordered(weights[index])
        arrays[f"weight_hh{suffix}"] = ordered(states[index])
        if biases is not None:
            if not isinstance(biases, np.ndarray) or biases.shape != (count, 2 * gates * units):
                raise RefusedError("its biases are not of one size")
            first, second = np.split(biases[index], 2)
            arrays |= {f"bias_ih{suffix}": ordered(first), f"bias_hh{suffix}": ordered(second)}
    fields: dict[str, Any] = {"units": units, "bias": biases is not None, **cell}
    if way == "reverse":
        # There is no layer of this way alone: of both, with nothing forward, the second half.
        fields["bidirectional"] = True
        arrays = {f"{name}_reverse": array for name, array in arrays.items()} | {
            name: np.zeros_like(array) for name, array in arrays.items()
        }
    elif count == 2:
        fields["bidirectional"] = True
    return _outputs(t, node, read, arrays, fields, batch_first=batch_first, way=way)


def _full(lengths: Any, view: View, node: Node) -> bool:
    """Return whether all sequences are said to be as long as the value is."""
    size = view.shape[1 if node.whole("layout", 0) else 0]
    return isinstance(lengths, np.ndarray) and bool((lengths == size).all())


def _cell(node: Node, count: int) -> dict[str, Any]:
    """Return the fields for the functions of a cell; raises RefusedError for other cells than ours."""
    functions = [str(f).lower() for f in node.attributes.get("activations", _FUNCTIONS[node.kind] * count)]
    fields: dict[str, Any] = {}
    if node.kind == "RNN" and functions == ["relu"] * count:
        fields["function"] = "relu"
    elif functions != _FUNCTIONS[node.kind] * count:
        raise RefusedError(f"the functions {', '.join(functions)[:60]}", "sigmoid and tanh")
    if node.attributes.get("clip") or node.attributes.get("input_forget"):
        raise RefusedError("a clipped cell, or one with coupled gates")
    if node.kind == "GRU" and not node.whole("linear_before_reset", 0):
        raise RefusedError(
            "it resets the state before its matrix, `gru` here behind it, as PyTorch does", "`gru`, trained anew"
        )
    return fields


def _outputs(
    t: Trace,
    node: Node,
    read: View,
    arrays: Mapping[str, Array],
    fields: Mapping[str, Any],
    *,
    batch_first: bool,
    way: str,
) -> list[Any]:
    kind, units = node.kind.lower(), fields["units"]
    if "function" in fields:
        from netspec.layers.activation import Relu  # noqa: PLC0415

        fields = {**fields, "function": Relu()}
    at = read.batch_axis()
    batch: Group = () if at is None else read.axes[at]

    def add(*, last: bool) -> tuple[str, Group, Group]:
        """Return the piece, the axis of its directions and that of its units."""
        name = t.add(node, kind, [read.piece], arrays, **fields, **({"last": True} if last else {})).name
        if way == "reverse":
            name = t.add(node, "channels", [name], count=units, offset=units).name
        rows = t.fresh(name, (2 if way == "bidirectional" else 1, units)).base
        return name, rows[0], rows[1]

    sequence, state, memory = (*node.outputs, "", "", "")[:3]
    if memory and memory in t.read:
        raise RefusedError("the memory of an LSTM behind the last step", "the state is there: `lstm … last`")
    made: list[Any] = [None, None, None]
    length = read.base[1]
    if sequence in t.read or not state:
        name, ways, row = add(last=False)
        steps = (batch, length, ways, row) if batch_first else (length, ways, batch, row)
        made[0] = View(name, (ways + row, length), steps)
    if state in t.read:
        if made[0] is not None and way == "forward":
            name = t.add(node, "take", [made[0].piece], position="last").name
        else:
            name, ways, row = add(last=True)
        axes = (batch, ways, row) if batch_first else (ways, batch, row)
        made[1] = View(name, (ways + row,), axes)
    return [t.nothing if each is None else each for each in made]


OPERATORS: Mapping[str, Callable[[Trace, Node, Sequence[Any]], Any]] = {
    "LSTM": _recurrent,
    "GRU": _recurrent,
    "RNN": _recurrent,
}
