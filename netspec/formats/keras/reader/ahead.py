"""What layers further on say: which rows become images, and which inputs of two axes are pictures."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

from netspec.formats.keras.reader.config import Entry, Net
from netspec.ops import Shape

__all__ = ["pictures", "reshapes"]

_ROWWISE = {"BatchNormalization", "Activation", "LeakyReLU", "ReLU", "ELU", "Dropout", "GaussianNoise"}
"""Layers of which each value of a row comes from the same one, or whose arrays follow the row."""


def reshapes(net: Net) -> Mapping[str, Shape]:
    """Return the shapes that rows get, in Keras' order, by the names of the fully connected layers that make them."""
    after = _after(net)
    made: dict[str, Shape] = {}
    for entry in net.layers:
        units = entry.config.get("units")
        if entry.kind != "Dense" or type(units) is not int or units < 1:
            continue
        following = after.get(entry.name)
        seen = {entry.name}
        while following is not None and following.kind in _ROWWISE and following.name not in seen:
            seen.add(following.name)
            following = after.get(following.name)
        if following is not None and following.kind == "Reshape" and (shape := _shape(following, units)):
            made[entry.name] = shape
    return made


def pictures(net: Net) -> frozenset[str]:
    """Return the inputs of two axes that are read as a picture is: flattened at once, or given an axis of channels."""
    after = _after(net)
    firsts = {ref.layer for ref in net.inputs}
    found = set()
    for entry in net.layers[:1] if net.chain else [each for each in net.layers if each.name in firsts]:
        at: Entry | None = entry
        seen: set[str] = set()
        while (
            at is not None
            and at.kind in {"InputLayer", "Rescaling", "Dropout", "GaussianNoise"}
            and at.name not in seen
        ):
            seen.add(at.name)
            at = after.get(at.name)
        said = at.config.get("target_shape") if at is not None else None
        grown = isinstance(said, list) and len(said) == 3 and said[-1] == 1
        if at is not None and (at.kind == "Flatten" or (at.kind == "Reshape" and grown)):
            found.add(entry.name)
    return frozenset(found)


def _after(net: Net) -> Mapping[str, Entry]:
    """Return the one layer that reads each layer; none where there are several, or several uses."""
    if net.chain:
        return {before.name: after for before, after in zip(net.layers, net.layers[1:], strict=False)}
    readers: dict[str, list[Entry]] = {}
    for entry in net.layers:
        for call in entry.calls:
            for ref in (*call.reads, *call.named.values()):
                readers.setdefault(ref.layer, []).append(entry)
    for ref in net.outputs:
        readers.pop(ref.layer, None)
    once = {entry.name for entry in net.layers if len(entry.calls) == 1}
    return {name: each[0] for name, each in readers.items() if len(each) == 1 and name in once and each[0].name in once}


def _shape(entry: Entry, units: int) -> Shape:
    """Return the shape of a `Reshape` to two to four axes; empty for another."""
    said = entry.config.get("target_shape")
    if not isinstance(said, list) or len(said) not in {2, 3, 4} or not all(type(n) is int for n in said):
        return ()
    rest = prod(n for n in said if n != -1)
    if said.count(-1) > 1 or any(n < -1 or n == 0 for n in said) or units % rest:
        return ()
    shape = tuple(units // rest if n == -1 else n for n in said)
    return shape if prod(shape) == units else ()
