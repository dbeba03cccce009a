"""Keras' activations, as words, as functions with arguments and as layers of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from netspec.formats.keras.reader.config import class_of
from netspec.formats.keras.reader.network import Network, in_rows
from netspec.formats.keras.reader.use import RefusedError, Use
from netspec.formats.keras.reader.values import CHANNELS_LAST, Value
from netspec.formats.keras.reader.weights import Part
from netspec.formats.sketch import make

__all__ = ["ACTIVATIONS", "LAYERS", "OPERATIONS", "activated", "function_of"]

_Steps = Sequence[tuple[str, Mapping[str, Any]]]

_HARD_SIGMOID_2: _Steps = [("times", {"factor": 0.2, "plus": 0.5}), ("clamp", {"min": 0.0, "max": 1.0})]

ACTIVATIONS: Mapping[str, _Steps] = {
    "linear": [],
    "relu": [("relu", {})],
    "relu6": [("relu6", {})],
    "leaky_relu": [("leaky_relu", {"slope": 0.2})],
    "elu": [("elu", {})],
    "selu": [("selu", {})],
    "celu": [("celu", {})],
    "gelu": [("gelu", {})],
    "silu": [("silu", {})],
    "swish": [("silu", {})],
    "mish": [("mish", {})],
    "softplus": [("softplus", {})],
    "softsign": [("softsign", {})],
    "sigmoid": [("sigmoid", {})],
    "log_sigmoid": [("log_sigmoid", {})],
    "hard_sigmoid": [("hard_sigmoid", {})],
    "hard_silu": [("hard_swish", {})],
    "hard_swish": [("hard_swish", {})],
    "tanh": [("tanh", {})],
    "hard_tanh": [("hard_tanh", {})],
    "tanh_shrink": [("tanhshrink", {})],
    "soft_shrink": [("softshrink", {"limit": 0.5})],
    "hard_shrink": [("hardshrink", {"limit": 0.5})],
    "exponential": [("exp", {})],
    "softmax": [("softmax", {})],
    "log_softmax": [("log_softmax", {})],
    "glu": [("glu", {})],
}
"""What each is here, one behind the other; `hard_sigmoid` of Keras 2 is another function."""

_ALONG = {"softmax", "log_softmax", "glu"}
"""Functions over Keras' last axis; all others are of each value by itself."""


def function_of(use: Use, name: str = "activation", default: str = "linear") -> _Steps:
    """Return what an argument that chooses an activation is here; raises RefusedError for one that is not known."""
    said = use.get(name, default)
    if isinstance(said, dict):
        foreign = class_of(said)
        kind, config = said.get("class_name"), said.get("config")
        if foreign:
            raise RefusedError(f"the function {foreign[:100]!r}, whose code is not in the file", _INSTEAD)
        if kind in LAYERS and isinstance(config, dict):
            # A layer that is given as an activation.
            steps = _STEPS.get(str(kind))
            if steps is not None:
                return steps(use.within(str(kind), config))
        said = config if kind == "function" else kind
    if not isinstance(said, str) or said not in ACTIVATIONS:
        raise RefusedError(f"{name}={str(said)[:60]!r}", _INSTEAD)
    if said == "hard_sigmoid" and use.version < 3:
        return _HARD_SIGMOID_2
    return ACTIVATIONS[said]


_INSTEAD = "relu, tanh or another activation of netspec's"


def activated(net: Network, use: Use, x: Value, steps: _Steps) -> Value:
    """Add a function behind a value."""
    for kind, arguments in steps:
        if kind in _ALONG:
            x = net.channels_last(use, net.in_order(use, x) if kind == "glu" else x)
        name = kind if use.made else ""
        x = net.add(use, make(kind, **arguments), x, suffix=name)
    return x


def _activation(net: Network, use: Use, x: Value) -> Value:
    return activated(net, use, x, function_of(use))


def _relu(use: Use) -> _Steps:
    slope = use.number("alpha" if "alpha" in use.entry.config else "negative_slope", 0.0)
    threshold = use.number("theta" if "theta" in use.entry.config else "threshold", 0.0)
    most = use.get("max_value")
    if most is not None:
        most = use.number("max_value")
        if slope or threshold or most <= 0:
            raise RefusedError(f"max_value={most:g} beside a slope or a threshold", "`clamp`")
        return [("relu6", {})] if most == 6 else [("clamp", {"min": 0.0, "max": most})]
    if slope and threshold:
        raise RefusedError("a slope beside a threshold", "`leaky_relu`")
    if threshold:
        return [("threshold", {"threshold": threshold})]
    return [("leaky_relu", {"slope": slope})] if slope else [("relu", {})]


def _leaky(use: Use) -> _Steps:
    return [("leaky_relu", {"slope": use.number("alpha" if "alpha" in use.entry.config else "negative_slope", 0.3)})]


def _elu(use: Use) -> _Steps:
    return [("elu", {"alpha": use.number("alpha", 1.0)})]


def _thresholded(use: Use) -> _Steps:
    return [("threshold", {"threshold": use.number("theta", 1.0)})]


_STEPS: Mapping[str, Callable[[Use], _Steps]] = {
    "ReLU": _relu,
    "LeakyReLU": _leaky,
    "ELU": _elu,
    "ThresholdedReLU": _thresholded,
}


def _stepped(net: Network, use: Use, x: Value) -> Value:
    return activated(net, use, x, _STEPS[use.entry.kind](use))


def _softmax(net: Network, use: Use, x: Value) -> Value:
    said = use.get("axis", -1)
    said = said[0] if isinstance(said, list) and len(said) == 1 else said
    if not isinstance(said, int) or not -len(x.shape) - 1 < said <= len(x.shape) or said == 0 or not x.shape:
        raise RefusedError(f"axis={str(said)[:60]}", "softmax is over one axis of an example")
    axis = said % (len(x.shape) + 1) - 1
    axes = (axis, *(a for a in range(len(x.shape)) if a != axis))
    if axis == len(x.shape) - 1 and len(x.shape) <= 3:
        axes = CHANNELS_LAST[len(x.shape)]
    return net.add(use, make("softmax"), net.arranged(use, x, axes))


def _prelu(net: Network, use: Use, x: Value) -> Value:
    shared = use.get("shared_axes") or []
    axes = len(x.shape)
    if not isinstance(shared, list) or not all(isinstance(a, int) and 1 <= a <= axes for a in shared):
        raise RefusedError(f"shared_axes={str(shared)[:60]}", "the axes of the positions")
    own = [a for a in range(axes) if a + 1 not in shared]
    if len(own) > 1 or not axes:
        raise RefusedError(
            "a slope for each position", "`prelu` has one for each channel: shared_axes=[1, 2] of an image in Keras"
        )
    layer = make("prelu", shared=not own, init=0.0)
    first = own[0] if own else x.axes[0]
    others = [a for a in x.axes if a != first]
    x = net.arranged(use, x, (first, *others))
    piece = net.piece(use, layer, x.piece)
    if piece.shape:
        (stored,) = net.stored(use, Part(("",), (-1,))) or (None,)
        if stored is not None:
            slopes = stored.arrays[0].reshape(-1)
            net.give(piece, {"slope": in_rows(slopes, x.blocks) if own else slopes}, stored)
    return net.value(piece, x.axes, x.blocks)


OPERATIONS = frozenset({"Relu", "Sigmoid", "Tanh", "Silu", "Softplus"})
"""Functions that are called by themselves: `keras.ops.relu(x)`."""


def _operation(net: Network, use: Use, x: Value) -> Value:
    """Add a function that was called by itself."""
    return activated(net, use, x, ACTIVATIONS[use.entry.kind.lower()])


LAYERS: Mapping[str, Callable[[Network, Use, Value], Value]] = {
    "Activation": _activation,
    **dict.fromkeys(OPERATIONS, _operation),
    **dict.fromkeys(_STEPS, _stepped),
    "Softmax": _softmax,
    "PReLU": _prelu,
}
