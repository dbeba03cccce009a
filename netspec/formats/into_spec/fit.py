"""Whether a module of a file can be a layer of the spec, and how its arrays become those of the layer."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from netspec.formats.into_spec.modules import Module
from netspec.formats.into_spec.units import Unit
from netspec.formats.into_spec.weights import Weight
from netspec.formats.reading import Array
from netspec.ops import Shape

__all__ = ["Fit", "Taken", "fit", "is_kin"]

_Make: TypeAlias = Callable[[Sequence[Array]], Array]


@dataclass(frozen=True, eq=False, slots=True)
class Taken:
    """One array of a layer: what it is made of, how, and its shape."""

    weights: tuple[Weight, ...]
    make: _Make
    shape: Shape

    def array(self) -> Array:
        """Return it as the layer has it."""
        made = self.make([weight.array() for weight in self.weights])
        return np.ascontiguousarray(made, np.float32).reshape(self.shape)


Fit: TypeAlias = Mapping[str, Taken]
"""The arrays of a unit by the last part of their paths."""

_NAMES: Mapping[str, tuple[str, ...]] = {
    "kernel": ("weight",),
    "bias": ("",),
    "scale": ("weight", "gamma", ""),
    "offset": ("bias", "beta"),
    "mean": ("running_mean",),
    "variance": ("running_var",),
    "slope": ("weight", ""),
    "vector": ("", "weight"),
    "table": ("", "weight"),
    "relative_position_bias_table": ("",),
    "in_proj_weight": ("weight",),
    "in_proj_bias": ("bias",),
    "out_proj_weight": ("weight",),
    "out_proj_bias": ("bias",),
}
"""What PyTorch's modules call the arrays of netspec's layers, beside the names that are the same."""


def fit(unit: Unit, module: Module) -> Fit | None:
    """Return how a module becomes a unit; None where it is another layer, or one of other sizes."""
    pairs = _paired(unit, module)
    if pairs is None:
        return None
    found: dict[str, Taken] = {}
    for part, shape in unit.parts.items():
        made = _taken(unit, part, shape, pairs[part])
        if made is None:
            return None
        found[part] = made
    return found


def is_kin(unit: Unit, module: Module) -> bool:
    """Return whether a module has the arrays of a unit, of whatever sizes."""
    pairs = _paired(unit, module)
    return pairs is not None and all(
        len(_core(w.shape)) <= len(unit.parts[part]) for part, pair in pairs.items() for w in pair[1]
    )


def _paired(unit: Unit, module: Module) -> dict[str, tuple[str, list[Weight]]] | None:
    """Return the arrays of a module by the parts of a unit that they are; None where one of either is left over."""
    left = dict(module.parts)
    pairs: dict[str, tuple[str, list[Weight]]] = {}
    for part in unit.parts:
        names = (part, *_NAMES.get(part, ()))
        # A parameter that is no part of a module is all that its layer has.
        name = next((name for name in names if name in left and (name or len(unit.parts) == 1)), None)
        if name is not None:
            pairs[part] = (name, left.pop(name))
    for suffix in ("", "_reverse"):
        both = (f"bias_ih{suffix}", f"bias_hh{suffix}")
        if f"bias{suffix}" in unit.parts and all(name in left for name in both):
            # A layer with one bias where there are two: what is added to the sum is the sum of both.
            pairs[f"bias{suffix}"] = ("sum", [weight for name in both for weight in left.pop(name)])
    missing = unit.parts.keys() - pairs.keys()
    if left or not missing <= _stand_ins(unit, pairs):
        return None
    return pairs | {part: ("", []) for part in missing}


def _stand_ins(unit: Unit, pairs: Mapping[str, object]) -> set[str]:
    """Return the parts that a normalization may do without: a scale of 1 and an offset of 0 change nothing."""
    if "mean" in pairs and "variance" in pairs:
        return {"scale", "offset"}
    return {"offset"} if unit.kind in {"layernorm", "groupnorm", "instancenorm"} and "scale" in pairs else set()


def _taken(unit: Unit, part: str, shape: Shape, pair: tuple[str, list[Weight]]) -> Taken | None:
    name, weights = pair
    if not weights:
        value = 1 if part == "scale" else 0
        return Taken((), lambda _: np.full(shape, value, np.float32), shape)
    shapes = [weight.shape for weight in weights]
    if name == "sum":
        return Taken(tuple(weights), _sum, shape) if all(s == shape for s in shapes) else None
    if len(weights) > 1:
        whole = (sum(s[0] for s in shapes), *shapes[0][1:])
        return Taken(tuple(weights), _behind, shape) if whole == shape else None
    (weight,), (found,) = weights, shapes
    # Elsewhere there is a row for each position, here a column. What netspec exports is called as the layer.
    own = name == "table" or re.sub(r"[./]", "_", weight.name) == unit.key
    if unit.kind == "position" and not (own and found == shape):
        return Taken((weight,), _turned, shape) if _core(found, 2) == shape[::-1] else None
    return Taken((weight,), _first, shape) if _same(found, shape) else None


def _first(arrays: Sequence[Array]) -> Array:
    return arrays[0]


def _behind(arrays: Sequence[Array]) -> Array:
    return np.concatenate(arrays)


def _sum(arrays: Sequence[Array]) -> Array:
    return np.asarray(np.sum(arrays, axis=0, dtype=np.float64))


def _turned(arrays: Sequence[Array]) -> Array:
    (array,) = arrays
    return array.reshape(_core(array.shape, 2)).T


def _core(shape: Shape, least: int = 1) -> Shape:
    """Return a shape without the axes of 1 at its ends, but with so many axes."""
    found = list(shape)
    while len(found) > least and found[0] == 1:
        del found[0]
    while len(found) > least and found[-1] == 1:
        del found[-1]
    return tuple(found)


def _same(found: Shape, wanted: Shape) -> bool:
    """Return whether arrays of two shapes are the same numbers in the same places, but for axes of 1 at an end."""
    return found == wanted or (len(found) != len(wanted) and _core(found) == _core(wanted))
