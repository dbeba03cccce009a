"""Operations of TensorFlow that Keras 2 saved as layers, such as `x + 3`, in the words of Keras 3."""

from __future__ import annotations

from dataclasses import replace

from netspec.formats.keras.reader.config import Call, Entry, Net

__all__ = ["OPERATIONS", "with_operations"]

OPERATIONS = {
    "__operators__.add": "Add",
    "math.add": "Add",
    "__operators__.subtract": "Subtract",
    "math.subtract": "Subtract",
    "__operators__.multiply": "Multiply",
    "math.multiply": "Multiply",
    "__operators__.truediv": "Divide",
    "math.truediv": "Divide",
    "math.divide": "Divide",
    "math.maximum": "Maximum",
    "math.minimum": "Minimum",
    "nn.relu": "Relu",
    "nn.sigmoid": "Sigmoid",
    "math.sigmoid": "Sigmoid",
    "math.tanh": "Tanh",
    "nn.tanh": "Tanh",
    "nn.silu": "Silu",
    "nn.swish": "Silu",
    "math.softplus": "Softplus",
    "nn.softplus": "Softplus",
}


def with_operations(net: Net) -> Net:
    """Return a network whose plain operations are layers; those that are none stay as they are."""
    return replace(net, layers=[_entry(entry) for entry in net.layers])


def _entry(entry: Entry) -> Entry:
    if entry.net is not None:
        return replace(entry, net=with_operations(entry.net))
    function = entry.config.get("function")
    kind = OPERATIONS.get(function) if isinstance(function, str) and entry.kind == "TFOpLambda" else None
    calls = [_call(call) for call in entry.calls]
    if kind is None or not all(calls):
        return entry
    return replace(entry, kind=kind, config={"name": entry.name}, calls=tuple(call for call in calls if call))


def _call(call: Call) -> Call | None:
    """Return a use whose second value, or number, is no keyword; None for another use."""
    options = {name: value for name, value in call.options.items() if value is not None}
    options.pop("name", None)
    second = options.pop("y", None)
    other = call.named.get("y")
    if options or call.odd or call.named.keys() - {"y"} or isinstance(second, bool):
        return None
    if second is not None:
        return (
            Call(call.reads, number=float(second)) if isinstance(second, int | float) and abs(second) < 1e30 else None
        )
    return Call((*call.reads, other) if other else call.reads)
