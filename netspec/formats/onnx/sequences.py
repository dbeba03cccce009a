"""Sequences (N, D, L), token numbers (N, L) and padding: embeddings, recurrences, attention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from netspec import ops
from netspec.backends.jax.kernels.attention import near_in_windows, sinusoids, ways_in_window
from netspec.formats.onnx.writer import At, Emitter, Writer

__all__ = ["EMITTERS"]

_LOWEST = float(np.finfo(np.float32).min)


def _embedding(w: Writer, at: At, xs: Sequence[str]) -> str:
    return w.transpose(w.add("Gather", w.constant(at.arrays[0], at.paths[0]), xs[0], axis=0), 0, 2, 1)


def _one_hot(w: Writer, at: At, xs: Sequence[str]) -> str:
    depth, values = w.constant(at.op.tokens, "tokens", np.int64), w.constant([0, 1], "values")
    return w.add("OneHot", xs[0], depth, values, axis=1)


def _sinusoid(w: Writer, at: At, xs: Sequence[str]) -> str:
    features, length = at.shape
    return w.add("Add", xs[0], w.constant(sinusoids(length, features).T, "sinusoids"))


def _prepend(w: Writer, at: At, xs: Sequence[str]) -> str:
    return w.add("Concat", w.batch_of(xs[0], at.arrays[0][:, None], f"{at.paths[0]}/column"), xs[0], axis=2)


def _take(w: Writer, at: At, xs: Sequence[str]) -> str:
    place = 0 if at.op.position == "first" else at.shapes[0][1] - 1
    return w.add("Gather", xs[0], w.constant(place, "place", np.int64), axis=2)


# --- recurrences ----------------------------------------------------------------------------------------------------

_KINDS = {"lstm": "LSTM", "gru": "GRU", "tanh": "RNN", "relu": "RNN"}
_ORDER = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2), "tanh": (0,), "relu": (0,)}
"""The gates of ONNX in its order, as places in ours."""


def _recurrent(w: Writer, at: At, xs: Sequence[str]) -> str:
    op = at.op
    weight_ih, weight_hh, *biases = at.arrays
    units = weight_hh.shape[1]

    def ordered(array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        gates = array.reshape(op.gates, units, *array.shape[1:])
        return gates[list(_ORDER[op.cell])].reshape(array.shape)

    zeros = np.zeros(op.gates * units, np.float32)
    both = np.concatenate([ordered(each) for each in (*biases, zeros, zeros)[:2]])
    how: dict[str, Any] = {"hidden_size": units, "direction": "reverse" if op.reverse else "forward"}
    if op.cell == "gru":
        how["linear_before_reset"] = 1
    if op.cell == "relu":
        how["activations"] = ["Relu"]
    steps = w.transpose(xs[0], 2, 0, 1)
    y = w.add(
        _KINDS[op.cell],
        steps,
        w.constant(ordered(weight_ih)[None], f"{at.paths[0]}/gates"),
        w.constant(ordered(weight_hh)[None], f"{at.paths[1]}/gates"),
        w.constant(both[None], f"{at.paths[1]}/biases"),
        **how,
    )
    # (L, 1, N, H)
    return w.transpose(w.add("Squeeze", y, w.integers(1)), 1, 2, 0)


def _masked_recurrent(w: Writer, at: At, xs: Sequence[str]) -> str:
    """Go along a sequence by a scan: at padding, wherever it is, the state stays as it is."""
    op = at.op
    x, valid = xs
    weight_ih, weight_hh, *biases = at.arrays
    units = weight_hh.shape[1]
    none = np.zeros(op.gates * units, np.float32)
    bias_ih, bias_hh = (*biases, none, none)[:2]
    steps = w.transpose(x, 2, 0, 1)
    of_input = w.add("MatMul", steps, w.constant(weight_ih.T, f"{at.paths[0]}/columns"))
    of_input = w.add("Add", of_input, w.constant(bias_ih, f"{at.paths[0]}/bias"))
    going = w.add("Cast", w.transpose(valid, 2, 0, 1), to=TensorProto.BOOL)
    count = w.add("Shape", x, start=0, end=1)
    start = w.add("Expand", w.constant([[0.0]], "start"), w.add("Concat", count, w.integers(units), axis=0))
    carried = 2 if op.cell == "lstm" else 1

    inner = Writer(prefix=w.fresh("step"), constants=w.constants)
    names = ["state", "memory"][:carried]
    names = [f"{inner.prefix}/{name}" for name in names]
    given, goes_on = f"{inner.prefix}/of_input", f"{inner.prefix}/valid"
    of_state = inner.add("MatMul", names[0], inner.constant(weight_hh.T, f"{at.paths[1]}/columns"))
    of_state = inner.add("Add", of_state, inner.constant(bias_hh, f"{at.paths[1]}/bias"))
    after = _STEPS[op.cell](inner, names, given, of_state, units)
    kept = [inner.add("Where", goes_on, new, old, output=f"{old}/next") for new, old in zip(after, names, strict=True)]
    out = inner.add("Identity", kept[0], output=f"{inner.prefix}/out")
    real, both = TensorProto.FLOAT, TensorProto.BOOL
    body = helper.make_graph(
        inner.nodes,
        f"{w.prefix} step",
        [
            *(helper.make_tensor_value_info(name, real, ["N", units]) for name in names),
            helper.make_tensor_value_info(given, real, ["N", op.gates * units]),
            helper.make_tensor_value_info(goes_on, both, ["N", 1]),
        ],
        [helper.make_tensor_value_info(name, real, ["N", units]) for name in (*kept, out)],
    )
    direction = int(op.reverse)
    made = w.add_several(
        "Scan",
        [*[start] * carried, of_input, going],
        [*(w.fresh("last") for _ in names), w.fresh("states")],
        body=body,
        num_scan_inputs=2,
        scan_input_directions=[direction, direction],
        scan_output_directions=[direction],
    )
    return w.transpose(made[-1], 1, 2, 0)


def _gates(w: Writer, x: str, count: int, units: int) -> list[str]:
    return [w.part(x, 1, i * units, (i + 1) * units) for i in range(count)]


def _lstm_step(w: Writer, carry: Sequence[str], of_input: str, of_state: str, units: int) -> list[str]:
    i, f, g, o = _gates(w, w.add("Add", of_input, of_state), 4, units)
    kept = w.add("Mul", w.add("Sigmoid", f), carry[1])
    memory = w.add("Add", kept, w.add("Mul", w.add("Sigmoid", i), w.add("Tanh", g)))
    return [w.add("Mul", w.add("Sigmoid", o), w.add("Tanh", memory)), memory]


def _gru_step(w: Writer, carry: Sequence[str], of_input: str, of_state: str, units: int) -> list[str]:
    (r_x, z_x, n_x), (r_h, z_h, n_h) = _gates(w, of_input, 3, units), _gates(w, of_state, 3, units)
    reset = w.add("Sigmoid", w.add("Add", r_x, r_h))
    new = w.add("Tanh", w.add("Add", n_x, w.add("Mul", reset, n_h)))
    keep = w.add("Sigmoid", w.add("Add", z_x, z_h))
    return [w.add("Add", new, w.add("Mul", keep, w.add("Sub", carry[0], new)))]


def _plain_step(kind: str) -> Any:
    return lambda w, carry, of_input, of_state, units: [w.add(kind, w.add("Add", of_input, of_state))]


_STEPS: Mapping[str, Any] = {
    "lstm": _lstm_step,
    "gru": _gru_step,
    "tanh": _plain_step("Tanh"),
    "relu": _plain_step("Relu"),
}


# --- attention ------------------------------------------------------------------------------------------------------


def _attention(w: Writer, at: At, xs: Sequence[str]) -> str:
    op, (features, length) = at.op, at.shape
    size = features // op.heads
    q, k, v = (w.reshape(w.part(xs[0], 1, i * features, (i + 1) * features), op.heads, size, length) for i in range(3))
    if op.rotary:
        q, k = _turned(w, q, op.heads, size, length), _turned(w, k, op.heads, size, length)
    seen = []
    if op.causal:
        seen.append(w.constant(np.tril(np.ones((length, length))), "causal", np.bool_))
    if isinstance(op, ops.MaskedAttention):
        seen.append(_positions(w, xs[1]))
    return w.reshape(_weighted(w, q, k, v, size, seen), features, length)


def _cross_attention(w: Writer, at: At, xs: Sequence[str]) -> str:
    op, (features, length) = at.op, at.shape
    size, memory = features // op.heads, at.shapes[1][1]
    arrays = list(at.arrays)
    bias = np.split(arrays.pop(), 3) if len(arrays) % 2 == 0 else [None] * 3
    kernels = arrays if len(arrays) == 3 else np.split(arrays[0], 3)
    made = []
    for name, x, kernel, offset, count in zip(
        "qkv", (xs[0], xs[1], xs[1]), kernels, bias, (length, memory, memory), strict=True
    ):
        y = w.add("MatMul", w.constant(kernel, f"{name}_kernel"), x)
        y = y if offset is None else w.add("Add", y, w.constant(offset[:, None], f"{name}_bias"))
        made.append(w.reshape(y, op.heads, size, count))
    seen = [_positions(w, xs[2])] if isinstance(op, ops.MaskedCrossAttention) else []
    q, k, v = made
    return w.reshape(_weighted(w, q, k, v, size, seen), features, length)


def _positions(w: Writer, valid: str) -> str:
    """Return which positions are read, (N, 1, 1, M) of bool, from (N, 1, M)."""
    return w.add("Cast", w.add("Unsqueeze", valid, w.integers(1)), to=TensorProto.BOOL)


def _turned(w: Writer, x: str, heads: int, size: int, length: int) -> str:
    """Turn features 2i and 2i + 1 of (N, heads, size, length) by position / 10000^(2i/size)."""
    angle = np.arange(length) / 10_000 ** (np.arange(0, size, 2)[:, None] / size)
    cos, sin = w.constant(np.cos(angle)[:, None], "cos"), w.constant(np.sin(angle)[:, None], "sin")
    pairs = w.reshape(x, heads, size // 2, 2, length)
    a, b = w.part(pairs, 3, 0, 1), w.part(pairs, 3, 1, 2)
    first = w.add("Sub", w.add("Mul", a, cos), w.add("Mul", b, sin))
    second = w.add("Add", w.add("Mul", a, sin), w.add("Mul", b, cos))
    return w.reshape(w.add("Concat", first, second, axis=3), heads, size, length)


def _weighted(w: Writer, q: str, k: str, v: str, size: int, seen: Sequence[str]) -> str:
    """Return the means of the values (N, heads, size, M), weighted: (N, heads, size, L)."""
    scaled = w.add("Mul", q, w.constant(size**-0.5, "scale"))
    scores = w.add("MatMul", w.transpose(scaled, 0, 1, 3, 2), k)
    for each in seen:
        scores = w.add("Where", each, scores, w.constant(_LOWEST, "lowest"))
    weights = w.add("Softmax", scores, axis=-1)
    return w.add("MatMul", v, w.transpose(weights, 0, 1, 3, 2))


def _window_attention(w: Writer, at: At, xs: Sequence[str]) -> str:
    op, (channels, height, width) = at.op, at.shape
    (h, wide), size = op.window, channels // op.heads
    rows, columns = height // h, width // wide
    x = _rolled(w, xs[0], (-op.shift[0], -op.shift[1]), (height, width))
    x = w.reshape(x, 3, op.heads, size, rows, h, columns, wide)
    x = w.reshape(w.transpose(x, 0, 1, 4, 6, 2, 5, 7, 3), 3, rows * columns, op.heads, h * wide, size)
    q, k, v = (w.add("Gather", x, w.constant(i, f"part_{i}", np.int64), axis=1) for i in range(3))
    scaled = w.add("Mul", q, w.constant(size**-0.5, "scale"))
    scores = w.add("MatMul", scaled, w.transpose(k, 0, 1, 2, 4, 3))
    bias = at.arrays[0][ways_in_window(op.window)].transpose(2, 0, 1)
    scores = w.add("Add", scores, w.constant(bias, f"{at.paths[0]}/bias"))
    if any(op.shift):
        near = w.constant(near_in_windows((height, width), op.window, op.shift), "near", np.bool_)
        scores = w.add("Where", near, scores, w.constant(_LOWEST, "lowest"))
    y = w.add("MatMul", w.add("Softmax", scores, axis=-1), v)
    y = w.reshape(y, rows, columns, op.heads, h, wide, size)
    y = w.reshape(w.transpose(y, 0, 3, 6, 1, 4, 2, 5), channels, height, width)
    return _rolled(w, y, op.shift, (height, width))


def _rolled(w: Writer, x: str, shift: tuple[int, int], size: tuple[int, int]) -> str:
    """Move an image round, rows and columns."""
    for axis, by, n in zip((2, 3), shift, size, strict=True):
        if by % n:
            at = -by % n
            x = w.add("Concat", w.part(x, axis, at, n), w.part(x, axis, 0, at), axis=axis)
    return x


# --- padding --------------------------------------------------------------------------------------------------------


def _valid(w: Writer, at: At, xs: Sequence[str]) -> str:
    op = at.op
    same = w.add("Equal", xs[0], w.constant(op.token, "token", np.int64))
    valid = w.add("Unsqueeze", w.add("Cast", w.add("Not", same), to=TensorProto.FLOAT), w.integers(1))
    return w.add("Pad", valid, w.integers(0, 0, op.before, 0, 0, 0), w.constant(1.0)) if op.before else valid


def _filled(value: float) -> Emitter:
    def emit(w: Writer, at: At, xs: Sequence[str]) -> str:
        del at
        return w.add("Where", w.add("Cast", xs[1], to=TensorProto.BOOL), xs[0], w.constant(value))

    return emit


def _masked_pool(w: Writer, at: At, xs: Sequence[str]) -> str:
    x, valid = xs
    going = w.add("Cast", valid, to=TensorProto.BOOL)
    count = w.reduced("ReduceSum", valid, 2, keep=False)
    if at.op.mode == "max":
        most = w.reduced("ReduceMax", w.add("Where", going, x, w.constant(_LOWEST, "lowest")), 2, keep=False)
        return w.add("Where", w.add("Cast", count, to=TensorProto.BOOL), most, w.constant(0.0))
    total = w.reduced("ReduceSum", w.add("Where", going, x, w.constant(0.0)), 2, keep=False)
    return total if at.op.mode == "sum" else w.add("Div", total, w.add("Max", count, w.constant(1.0, "one")))


def _take_last(w: Writer, at: At, xs: Sequence[str]) -> str:
    x, valid = xs
    places = w.constant(np.arange(at.shapes[0][1]), "places")
    last = w.reduced("ReduceMax", w.add("Mul", valid, places), 2)
    here = w.add("Where", w.add("Equal", places, last), x, w.constant(0.0))
    return w.reduced("ReduceSum", here, 2, keep=False)


EMITTERS: Mapping[type[ops.Op], Emitter] = {
    ops.Embedding: _embedding,
    ops.OneHot: _one_hot,
    ops.Sinusoid: _sinusoid,
    ops.Prepend: _prepend,
    ops.Take: _take,
    ops.Recurrent: _recurrent,
    ops.Attention: _attention,
    ops.CrossAttention: _cross_attention,
    ops.WindowAttention: _window_attention,
    ops.ValidPositions: _valid,
    ops.ZeroPadding: _filled(0.0),
    ops.OnePadding: _filled(1.0),
    ops.MaskedGlobalPool: _masked_pool,
    ops.TakeLastValid: _take_last,
    ops.MaskedRecurrent: _masked_recurrent,
    ops.MaskedAttention: _attention,
    ops.MaskedCrossAttention: _cross_attention,
}
