"""Keras' layers of sequences: token numbers, recurrences, attention, and what is done at each position."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from netspec.formats.keras.reader import activations
from netspec.formats.keras.reader.config import MODELS, class_of, word_of
from netspec.formats.keras.reader.dense import dense
from netspec.formats.keras.reader.network import Arrays, Network
from netspec.formats.keras.reader.use import RefusedError, Use
from netspec.formats.keras.reader.values import CHANNELS_LAST, Value
from netspec.formats.keras.reader.weights import Part
from netspec.formats.reading import Array
from netspec.formats.sketch import make
from netspec.layers.activation import Relu
from netspec.ops import format_shape

__all__ = ["LAYERS", "OF_PADDING", "attention"]

OF_PADDING = frozenset(
    [
        "LSTM",
        "GRU",
        "SimpleRNN",
        "Bidirectional",
        "MultiHeadAttention",
        "TimeDistributed",
        "Dense",
        "GlobalAveragePooling1D",
        "LayerNormalization",
        "Activation",
        "Softmax",
        "ReLU",
        "LeakyReLU",
        "ELU",
        "PReLU",
        "Dropout",
        "SpatialDropout1D",
        "GaussianNoise",
        "Add",
        "Average",
        "Concatenate",
    ]
)
"""Layers that do with padding in Keras what they do here; others read it as if it were none, and here it is zeros."""

_GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
_KIND = {"LSTM": "lstm", "GRU": "gru", "SimpleRNN": "rnn"}
_SAME = ("units", "activation", "recurrent_activation", "use_bias", "reset_after", "return_sequences")
_OTHER = "these are the weights of another network"


def _embedding(net: Network, use: Use, x: Value) -> Value:
    made, tokens = net.sketch.made, use.whole("input_dim")
    masked = use.flag("mask_zero", default=False)
    if x.piece not in made.inputs or len(x.shape) != 1:
        raise RefusedError("it does not read the tokens of an input", "`input LENGTH tokens=N`, then `embedding`")
    if tokens < 1:
        raise RefusedError(f"input_dim={tokens}")
    known = made.tokens.get(x.piece)
    if known is not None and (known, x.piece in made.masks) != (tokens, masked):
        raise RefusedError("two embeddings read one input, of different tokens", "an input for each")
    if known is None and any(x.piece in piece.inputs for piece in made.pieces):
        raise RefusedError("its tokens are numbers for another layer too", "an input for each")
    made.tokens[x.piece] = tokens
    if masked:
        made.masks[x.piece] = 0
    use.read.add("output_dim")
    width = use.whole("output_dim")
    piece = net.piece(use, make("embedding", width=width), x.piece)
    stored = net.stored(use, Part(("",), (2,))) if piece.shape else None
    if stored:
        net.give(piece, {"weight": stored[0].arrays[0]}, stored[0])
    if masked:
        net.masked.add(piece.name)
    return net.value(piece, CHANNELS_LAST[2])


def _recurrent(net: Network, use: Use, x: Value) -> Value:
    fields = _fields(net, use)
    x = _sequence(net, use, x)
    piece = net.piece(use, make(_KIND[use.entry.kind], **fields), x.piece)
    stored = net.stored(use, Part(("cell", ""), _axes(use.entry.kind, fields["bias"]))) if piece.shape else None
    if stored:
        net.give(piece, _cell(use.entry.kind, stored[0], fields["bias"], ""), stored[0])
    return net.value(piece, CHANNELS_LAST[len(piece.shape)])


def _sequence(net: Network, use: Use, x: Value) -> Value:
    if len(x.shape) != 2:
        raise RefusedError(f"it reads {format_shape(x.shape)}, which is no sequence")
    return net.channels_last(use, x)


def _fields(net: Network, use: Use) -> dict[str, Any]:
    """Return the arguments of a recurrent layer; raises RefusedError for what netspec computes otherwise."""
    kind = use.entry.kind
    bias: bool | str = use.flag("use_bias", default=True)
    fields: dict[str, Any] = {"units": use.whole("units")}
    function = use.word("activation", "tanh")
    if kind != "SimpleRNN":
        gate = use.word("recurrent_activation", "hard_sigmoid" if use.old else "sigmoid")
        if (function, gate) != ("tanh", "sigmoid"):
            raise RefusedError(
                f"activation={function[:60]!r} and recurrent_activation={gate[:60]!r}", "tanh and sigmoid, trained anew"
            )
    elif function not in {"tanh", "relu"}:
        raise RefusedError(f"activation={function[:60]!r}", "tanh or relu")
    elif function == "relu":
        fields["function"] = Relu()
    if kind == "GRU":
        if not use.flag("reset_after", default=False):
            raise RefusedError(
                "reset_after=False, which resets the state before its matrix and not behind it", "`gru`, trained anew"
            )
    elif bias:
        bias = "one"
    _note_memory(net, use)
    return {**fields, "bias": bias, "last": not use.flag("return_sequences", default=False)}


def _note_memory(net: Network, use: Use) -> None:
    """Note what of the state is otherwise; raises RefusedError where that changes what is computed."""
    if use.flag("go_backwards", default=False):
        raise RefusedError("go_backwards=True, which ends at the first position", "`bidirectional`")
    if use.flag("return_state", default=False):
        raise RefusedError("return_state=True, which gives the state too", "`lstm … last` gives it alone")
    if use.flag("stateful", default=False):
        net.note(use, "it keeps its state from batch to batch in Keras, here each begins at 0")
    for name in ("dropout", "recurrent_dropout"):
        if use.number(name, 0.0):
            net.note(use, f"its {name} is left out: there is none within a recurrence here")


def _axes(kind: str, bias: object) -> tuple[int, ...]:
    """Return how many axes each array of one direction has."""
    return (2, 2, *([2 if kind == "GRU" else 1] if bias else []))


def _cell(kind: str, stored: Arrays, bias: object, suffix: str) -> dict[str, Array]:
    """Return the arrays of one direction, whose gates lie in another order here where it is a `gru`."""
    kernel, recurrent, *rest = (_gates(kind, array) for array in stored.arrays)
    made = {f"weight_ih{suffix}": kernel.T, f"weight_hh{suffix}": recurrent.T}
    if rest and bias == "one":
        made[f"bias{suffix}"] = rest[0]
    elif rest:
        if len(rest[0]) != 2:
            raise RefusedError("the file has one bias of it, and the layer has two", _OTHER)
        made |= {f"bias_ih{suffix}": rest[0][0], f"bias_hh{suffix}": rest[0][1]}
    return made


def _gates(kind: str, array: Array) -> Array:
    """Return an array whose last axis has the gates in PyTorch's order: Keras has the update before the reset."""
    if kind != "GRU":
        return array
    if array.shape[-1] % 3:
        raise RefusedError("its arrays have no three gates", _OTHER)
    update, reset, new = np.split(array, 3, axis=-1)
    return np.concatenate([reset, update, new], axis=-1)


def _bidirectional(net: Network, use: Use, x: Value) -> Value:
    inner, backward = use.get("layer"), use.get("backward_layer")
    merged = use.word("merge_mode", "concat")
    kind = word_of(inner.get("class_name")) if isinstance(inner, dict) else ""
    config = inner.get("config") if isinstance(inner, dict) else None
    if kind not in _GATES or not isinstance(config, dict) or class_of(inner):
        raise RefusedError(f"a Bidirectional of `{kind[:60]}`", "of LSTM, GRU or SimpleRNN")
    if isinstance(backward, dict):
        other = backward.get("config")
        other = other if isinstance(other, dict) else {}
        if backward.get("class_name") != kind or any(other.get(name) != config.get(name) for name in _SAME):
            raise RefusedError("a way back of another kind than the way there")
    if merged not in {"concat", "sum", "mul", "ave"}:
        raise RefusedError(f"merge_mode={merged[:60]!r}", "concat, sum, mul or ave")
    fields = _fields(net, use.within(kind, config))
    x = _sequence(net, use, x)
    piece = net.piece(use, make(_KIND[kind], bidirectional=True, **fields), x.piece)
    axes = _axes(kind, fields["bias"])
    ways = (("forward_layer/cell", "forward_layer"), ("backward_layer/cell", "backward_layer"))
    stored = net.stored(use, *(Part(names, axes) for names in ways)) if piece.shape else None
    if stored:
        there, back = (
            _cell(kind, each, fields["bias"], suffix) for each, suffix in zip(stored, ("", "_reverse"), strict=True)
        )
        net.give(piece, {**there, **back}, stored[0])
    if merged == "concat" or not piece.shape:
        return net.value(piece, CHANNELS_LAST[len(piece.shape)])
    halves = [net.bare(use, make("part", number=i, of=2), piece.name, suffix=f"way_{i}").name for i in (1, 2)]
    joined = net.piece(use, make({"sum": "add", "mul": "multiply", "ave": "average"}[merged]), *halves, suffix="both")
    return net.value(joined, CHANNELS_LAST[len(joined.shape)])


def _distributed(net: Network, use: Use, x: Value) -> Value:
    """Add what is done at each position, where it is a layer that does so anyway."""
    inner = use.get("layer")
    kind = word_of(inner.get("class_name")) if isinstance(inner, dict) else ""
    config = inner.get("config") if isinstance(inner, dict) else None
    known = kind == "Dense" or kind in _POSITIONWISE
    if kind in MODELS or not isinstance(config, dict) or class_of(inner) or not known:
        raise RefusedError(f"a TimeDistributed of `{kind[:60]}`", "of Dense")
    if len(x.shape) < 2:
        raise RefusedError(f"it reads {format_shape(x.shape)}, which is no sequence")
    if kind in _POSITIONWISE:
        return activations.LAYERS[kind](net, use.within(kind, config), x)
    return dense(net, use.within(kind, config), x, part=("layer", ""))


_POSITIONWISE = {"Activation", "ReLU", "LeakyReLU", "ELU"}


def attention(net: Network, use: Use, xs: Sequence[Value]) -> Value:
    """Add an attention of a sequence to itself or to another; raises RefusedError for one of another width."""
    call = use.call
    if not xs:
        raise RefusedError("it reads nothing")
    query, value, key = xs[0], xs[min(1, len(xs) - 1)], xs[2] if len(xs) > 2 else xs[min(1, len(xs) - 1)]
    if key != value:
        raise RefusedError("keys of another sequence than its values", "`attention … memory=LABEL`")
    known = {"use_causal_mask", "training", "return_attention_scores", "attention_mask", "query_mask", "value_mask"}
    odd = [k for k, v in call.options.items() if v and (k not in known or k not in {"use_causal_mask", "training"})]
    if odd:
        raise RefusedError(f"{odd[0][:60]}=", "a mask of its own cannot be said: `causal`, or `mask=` of the input")
    itself = query == value
    query = _sequence(net, use, query)
    value = query if itself else _sequence(net, use, value)
    heads, size, features = use.whole("num_heads"), use.whole("key_dim"), query.shape[-1]
    if heads * size != features or use.whole("value_dim", size) != size or use.get("output_shape") is not None:
        raise RefusedError(
            f"{heads} heads of {size} features, and the sequence has {features}", "heads x key_dim is the width of it"
        )
    if use.get("attention_axes") not in (None, 1, [1]) or use.whole("num_key_value_heads", heads) != heads:
        raise RefusedError("an attention along other axes", "`attention` of a sequence")
    bias = use.flag("use_bias", default=True)
    causal = bool(call.options.get("use_causal_mask"))
    layer = make("attention", heads=heads, causal=causal, dropout=use.number("dropout", 0.0), bias=bias)
    piece = net.piece(use, layer, *([query.piece] if itself else [query.piece, value.piece]))
    axes = dict.fromkeys(("query", "key", "value"), (3, 2) if bias else (3,))
    axes["output"] = (3, 1) if bias else (3,)
    parts = [Part((f"{name}_dense", f"_{name}_dense"), each) for name, each in axes.items()]
    stored = net.stored(use, *parts) if piece.shape else None
    if stored:
        *reads, out = stored
        kernels = [_matrix(each.arrays[0], each.arrays[0].shape[0]) for each in reads]
        if "in_proj_weight" in piece.weights:
            made = {"in_proj_weight": np.concatenate(kernels)}
        else:
            made = dict(zip(("q_proj_weight", "k_proj_weight", "v_proj_weight"), kernels, strict=True))
        last = out.arrays[0]
        made["out_proj_weight"] = last.reshape(-1, last.shape[-1]).T
        if bias:
            made["in_proj_bias"] = np.concatenate([each.arrays[1].reshape(-1) for each in reads])
            made["out_proj_bias"] = out.arrays[1]
        net.give(piece, made, Arrays((), stored[0].source.replace("/query_dense", "")))
    return net.value(piece, CHANNELS_LAST[2])


def _matrix(kernel: Array, features: int) -> Array:
    return kernel.reshape(features, -1).T


LAYERS: Mapping[str, Callable[[Network, Use, Value], Value]] = {
    "Embedding": _embedding,
    **dict.fromkeys(_GATES, _recurrent),
    "Bidirectional": _bidirectional,
    "TimeDistributed": _distributed,
}
