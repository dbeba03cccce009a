"""How kernels and biases of Keras begin, and what is added to the loss for their size."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from netspec.formats.keras.reader.network import Network
from netspec.formats.keras.reader.use import Use
from netspec.recipe.initializers import (
    Constant,
    HeNormal,
    HeUniform,
    Initializer,
    LecunNormal,
    LecunUniform,
    Normal,
    Ones,
    Orthogonal,
    Uniform,
    XavierNormal,
    Zeros,
)

__all__ = ["beginnings"]

_PLAIN: Mapping[str, Callable[[], Initializer] | None] = {
    "glorotuniform": None,  # netspec's own default
    "glorotnormal": XavierNormal,
    "heuniform": HeUniform,
    "henormal": HeNormal,
    "lecununiform": LecunUniform,
    "lecunnormal": LecunNormal,
    "zeros": Zeros,
    "zero": Zeros,
    "ones": Ones,
    "one": Ones,
}
_SCALING = {
    (1.0, "fan_avg", "uniform"): "glorotuniform",
    (1.0, "fan_avg", "normal"): "glorotnormal",
    (2.0, "fan_in", "uniform"): "heuniform",
    (2.0, "fan_in", "normal"): "henormal",
    (1.0, "fan_in", "uniform"): "lecununiform",
    (1.0, "fan_in", "normal"): "lecunnormal",
}


def beginnings(net: Network, use: Use, kernel: str = "kernel", *, bias: bool) -> dict[str, Initializer | None]:
    """Return `init` and `bias_init` of a layer, and note what is added to the loss for its kernel."""
    net.penalties.append((use.entry.name, *_penalty(net, use, f"{kernel}_regularizer")))
    if any(_penalty(net, use, "bias_regularizer")):
        net.note(use, "its bias_regularizer is left out: `l2` is for kernels")
    for name, value in use.entry.config.items():
        if name.endswith("_constraint") and value:
            net.note(use, f"its {name} is left out: there is none here")
    if use.entry.config.get("activity_regularizer"):
        net.note(use, "its activity_regularizer is left out: there is none here")
    made = {"init": _initializer(net, use, f"{kernel}_initializer")}
    if not bias:
        return made
    start = _initializer(net, use, "bias_initializer")
    return {**made, "bias_init": None if isinstance(start, Zeros) else start}


def _initializer(net: Network, use: Use, name: str) -> Initializer | None:
    """Return an initializer; None for the default, and for one that netspec does not have, which is noted."""
    said = use.entry.config.get(name)
    kind, config = (said.get("class_name"), said.get("config")) if isinstance(said, dict) else (said, {})
    if not isinstance(kind, str):
        return None
    config = config if isinstance(config, dict) else {}
    word = kind.lower().replace("_", "")
    try:
        if word == "variancescaling":
            distribution = (
                str(config.get("distribution", "normal")).removeprefix("truncated_").removeprefix("untruncated_")
            )
            word = _SCALING.get((config.get("scale", 1.0), config.get("mode", "fan_in"), distribution), word)
        if word in _PLAIN:
            plain = _PLAIN[word]
            return plain() if plain else None
        if word in {"randomnormal", "truncatednormal", "normal"}:
            return Normal(std=_number(config, "stddev", 0.05), mean=_number(config, "mean", 0.0))
        if word in {"randomuniform", "uniform"}:
            return Uniform(range=(_number(config, "minval", -0.05), _number(config, "maxval", 0.05)))
        if word == "constant":
            return Constant(value=_number(config, "value", 0.0))
        if word == "orthogonal":
            return Orthogonal(gain=_number(config, "gain", 1.0))
    except (ValidationError, TypeError, ValueError):
        pass
    net.note(use, f"its {name} {kind[:60]} is left out: netspec's own default stands")
    return None


def _penalty(net: Network, use: Use, name: str) -> tuple[float, float]:
    """Return the factors of the absolute values and of the squares."""
    said = use.entry.config.get(name)
    if not said:
        return 0.0, 0.0
    said = said if isinstance(said, dict) else {"class_name": said}
    kind, config = said.get("class_name"), said.get("config")
    found = {str(key).lower(): value for key, value in config.items()} if isinstance(config, dict) else {}
    try:
        match str(kind).lower():
            case "l2":
                return 0.0, _number(found, "l2", 0.01)
            case "l1":
                return _number(found, "l1", 0.01), 0.0
            case "l1l2" | "l1_l2" | "weightregularizer":
                return _number(found, "l1", 0.0), _number(found, "l2", 0.0)
    except (TypeError, ValueError):
        pass
    net.note(use, f"its {name} {str(kind)[:60]} is left out: there is none here")
    return 0.0, 0.0


def _number(config: Mapping[str, Any], name: str, default: float) -> float:
    value = config.get(name, default)
    return float(f"{float(default if value is None else value):.7g}")
