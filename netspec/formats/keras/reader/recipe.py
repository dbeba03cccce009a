"""What `compile` was given, as the settings of `train`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeGuard

from netspec.formats.keras.reader.use import short
from netspec.formats.reading import Output, Piece
from netspec.formats.schedules import number_text
from netspec.formats.sketch import Sketch

__all__ = ["add_l2", "add_recipe"]

_LOSSES = {
    "categoricalcrossentropy": "cross_entropy",
    "sparsecategoricalcrossentropy": "cross_entropy",
    "binarycrossentropy": "binary_cross_entropy",
    "meansquarederror": "mse",
    "mse": "mse",
    "meanabsoluteerror": "mae",
    "mae": "mae",
    "huber": "huber",
    "huberloss": "huber",
    "poisson": "poisson",
    "cosinesimilarity": "cosine",
}
_IMPLIED = {"cross_entropy": "softmax", "binary_cross_entropy": "sigmoid"}
"""Losses that a function at the end says by itself."""

_OPTIMIZERS: Mapping[str, tuple[str, float, Mapping[str, tuple[str, float, float]]]] = {
    # Of each: its name here, the rate in Keras unless given, and by Keras' arguments: the name here, what it is in
    # Keras unless given, and here.
    "sgd": ("sgd", 0.01, {"momentum": ("momentum", 0.0, 0.0)}),
    "adam": (
        "adam",
        0.001,
        {"beta_1": ("beta1", 0.9, 0.9), "beta_2": ("beta2", 0.999, 0.999), "epsilon": ("epsilon", 1e-7, 1e-8)},
    ),
    "adamw": (
        "adamw",
        0.001,
        {
            "beta_1": ("beta1", 0.9, 0.9),
            "beta_2": ("beta2", 0.999, 0.999),
            "epsilon": ("epsilon", 1e-7, 1e-8),
            "weight_decay": ("weight_decay", 0.004, 0.01),
        },
    ),
    "nadam": (
        "nadam",
        0.001,
        {"beta_1": ("beta1", 0.9, 0.9), "beta_2": ("beta2", 0.999, 0.999), "epsilon": ("epsilon", 1e-7, 1e-8)},
    ),
    "adamax": (
        "adamax",
        0.001,
        {"beta_1": ("beta1", 0.9, 0.9), "beta_2": ("beta2", 0.999, 0.999), "epsilon": ("epsilon", 1e-7, 1e-8)},
    ),
    "rmsprop": (
        "rmsprop",
        0.001,
        {"rho": ("decay", 0.9, 0.99), "momentum": ("momentum", 0.0, 0.0), "epsilon": ("epsilon", 1e-7, 1e-8)},
    ),
    "adagrad": ("adagrad", 0.001, {"epsilon": ("epsilon", 1e-7, 1e-10)}),
    "adadelta": ("adadelta", 0.001, {"rho": ("rho", 0.95, 0.9), "epsilon": ("epsilon", 1e-7, 1e-6)}),
    "lion": ("lion", 0.0001, {"beta_1": ("beta1", 0.9, 0.9), "beta_2": ("beta2", 0.99, 0.99)}),
}


def add_l2(sketch: Sketch, penalties: Sequence[tuple[str, float, float]]) -> None:
    """Add the `l2` that all kernels have; what only some have is noted."""
    found = {(first, second) for _, first, second in penalties}
    if found <= {(0.0, 0.0)}:
        return
    if len(found) == 1 and (each := next(iter(found)))[0] == 0:
        sketch.made.settings["l2"] = number_text(each[1])
        return
    names = [name for name, first, second in penalties if first or second]
    some = ", ".join(names[:3]) + (" …" if len(names) > 3 else "")
    sketch.note(f"kernel_regularizer of {some} is left out: `l2` is one number for all kernels")


def add_recipe(sketch: Sketch, said: Mapping[str, Any], ends: Sequence[tuple[str, Piece]]) -> None:
    """Add the optimizer and the loss.

    Args:
        sketch: what is read.
        said: what `compile` was given; empty where the file does not say it.
        ends: the outputs, with the names of the layers of Keras.
    """
    optimizer = said.get("optimizer_config", said.get("optimizer"))
    if optimizer:
        _optimizer(sketch, optimizer)
    losses = said.get("loss")
    weights = said.get("loss_weights")
    for index, (name, piece) in enumerate(ends):
        loss = _of_output(losses, index, name, len(ends))
        word = _loss(sketch, loss, piece) if loss else ""
        if len(ends) == 1:
            if word:
                sketch.made.settings["loss"] = word
            continue
        weight = _of_output(weights, index, name, len(ends))
        weight = float(f"{weight:.7g}") if isinstance(weight, int | float) and weight > 0 else 1.0
        sketch.made.outputs.append(Output(piece.name, word.split()[0] if word else "", weight))


def _of_output(said: Any, index: int, name: str, count: int) -> Any:
    """Return what is said of one output: by its name, by its number, or of all."""
    if isinstance(said, dict) and "class_name" not in said:
        return said.get(name)
    if isinstance(said, list):
        return said[index] if index < len(said) and len(said) == count else None
    return said


def _loss(sketch: Sketch, said: Any, piece: Piece) -> str:
    """Return a loss in netspec's words; empty where the function at the end says it, or there is none such."""
    kind, config = (said.get("class_name"), said.get("config")) if isinstance(said, dict) else (said, {})
    if kind == "function":
        kind, config = config, {}
    config = config if isinstance(config, dict) else {}
    word = _LOSSES.get(str(kind).lower().replace("_", "").removesuffix("v2"))
    if word is None:
        sketch.note(f"the loss {short(kind)} is left out: say it with `loss`")
        return ""
    if word == _IMPLIED_BY.get(_function(piece)):
        smoothing = config.get("label_smoothing")
        return f"{word} smoothing={number_text(smoothing)}" if isinstance(smoothing, float) and smoothing > 0 else ""
    if word in _IMPLIED and not config.get("from_logits"):
        sketch.note(f"the loss {short(kind)} of what no {_IMPLIED[word]} ends is left out: say it with `loss`")
        return ""
    delta = config.get("delta")
    return f"{word} {number_text(delta)}" if word == "huber" and isinstance(delta, float) and delta != 1 else word


_IMPLIED_BY = {function: loss for loss, function in _IMPLIED.items()}


def _function(piece: Piece) -> str:
    return piece.layer.canonical()


def _optimizer(sketch: Sketch, said: Any) -> None:
    kind, config = (said.get("class_name"), said.get("config")) if isinstance(said, dict) else (said, {})
    config = config if isinstance(config, dict) else {}
    word = str(kind).split(">")[-1].lower()
    if word not in _OPTIMIZERS:
        sketch.note(f"the optimizer {short(kind)} is left out: netspec's own default stands")
        return
    name, usual, arguments = _OPTIMIZERS[word]
    rate = config.get("learning_rate", config.get("lr", usual))
    if isinstance(rate, dict):
        inner = rate.get("config") if isinstance(rate.get("config"), dict) else {}
        first = (inner or {}).get("initial_learning_rate")
        sketch.note(
            f"the schedule {short(rate.get('class_name'))} counts steps, and is left out: `schedule` counts epochs"
        )
        rate = first if first is not None else usual
    if not _is_number(rate) or rate <= 0:
        rate = usual
    words = [name, f"lr={number_text(rate)}"]
    decay = config.get("weight_decay")
    if name == "adam" and _is_number(decay) and decay > 0:
        # Keras takes the decay off the weights themselves.
        words[0] = "adamw"
        words.append(f"weight_decay={number_text(decay)}")
    elif name != "adamw" and _is_number(decay) and decay > 0:
        sketch.note(f"weight_decay={number_text(decay)} of {kind} is taken off the weights in Keras, and is left out")
    for argument, (own, default, here) in arguments.items():
        value = config.get(argument, default)
        if not _is_number(value) or number_text(value) == number_text(here) or value < 0:
            continue
        if value == 0 and own == "epsilon":
            continue
        words.append(f"{own}={number_text(value)}")
    if config.get("nesterov") and any(w.startswith("momentum=") for w in words):
        words.append("nesterov")
    for argument in ("amsgrad", "centered", "decay", "clipvalue", "clipnorm", "use_ema"):
        if config.get(argument):
            sketch.note(f"{argument}={short(config[argument])} of {kind} is left out: there is none here")
    clip = config.get("global_clipnorm")
    if _is_number(clip) and clip > 0:
        sketch.made.settings["clip"] = number_text(clip)
    sketch.made.settings["optimizer"] = " ".join(words)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e30
