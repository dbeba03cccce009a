"""Caffe's solver as the settings of `train`, and the rates of single layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.formats.caffe.data import IMAGENET, Preparation
from netspec.formats.caffe.message import Message
from netspec.formats.reading import Piece
from netspec.formats.schedules import Steps, number_text
from netspec.formats.sketch import Sketch
from netspec.recipe.catalog import find

__all__ = ["add_rates", "add_recipe"]


def add_rates(sketch: Sketch, layers: Sequence[Message], pieces: Mapping[str, Sequence[Piece]]) -> None:
    """Freeze layers whose rates are 0, and give others theirs; a rate for biases alone is noted."""
    twice: list[str] = []
    names: dict[str, str] = {}
    for layer in layers:
        params = layer.all("param")
        for param in params:
            name = param.get("name", "")
            if name and names.setdefault(name, layer.get("name", "")) != layer.get("name", ""):
                sketch.unknown(param.place, f"{layer.get('name')} shares the weights {name[:100]!r}", "`share=LABEL`")
        made = [p for p in pieces.get(layer.get("name", ""), ()) if p.weights and p.name in sketch.by_name]
        if not made or not params or made[-1].layer.canonical() == "batchnorm":
            continue
        rates = [float(p.get("lr_mult", 1.0)) for p in params]
        piece = made[-1]
        if not any(rates):
            piece.keep = True
            sketch.made.top.append(("freeze", piece.name, ""))
        elif rates[0] not in {0.0, 1.0}:
            piece.keep = True
            sketch.made.top.append(("rate", piece.name, f"{rates[0]:.7g}"))
        if len(rates) > 1 and rates[1] != rates[0] and any(rates):
            twice.append(f"{rates[1] / rates[0]:g}" if rates[0] else "other")
    if twice:
        factor = twice[0] if len(set(twice)) == 1 else "other"
        sketch.note(f"biases learn at {factor} times the rate of their kernels in Caffe; here one rate is for both")


def add_recipe(
    sketch: Sketch, solver: Message | None, prepared: Preparation | None, layers: Sequence[Message], learned: str
) -> None:
    """Add the settings of a solver."""
    settings = sketch.made.settings
    batch = prepared.batch if prepared else 0
    if solver is None:
        if batch and learned:
            settings["batch"] = str(batch)
        return
    settings["optimizer"] = _optimizer(sketch, solver, layers)
    accumulate = max(int(solver.get("iter_size", 1)), 1)
    if not batch:
        batch = 64
        sketch.note("no file says how many examples a step takes: 64")
    examples = _examples(sketch, prepared)
    steps = Steps(examples, batch * accumulate)
    total = int(solver.get("max_iter", 0))
    schedule = _schedule(sketch, solver, steps)
    if schedule:
        settings["schedule"] = schedule
    settings["batch"] = str(batch)
    if accumulate > 1:
        settings["accumulate"] = str(accumulate)
    if total > 0 and steps.known:
        settings["epochs"] = str(steps.whole_epochs(total))
        sketch.note(
            f"max_iter {total:,} is {steps.text(total)} of {examples:,} examples in steps of {batch * accumulate}"
        )
    elif total > 0:
        sketch.note(
            f"max_iter {total:,} is no number of epochs, as the number of examples is not known: `epochs` is not set"
        )
    if solver.get("clip_gradients", -1.0) > 0:
        settings["clip"] = f"{solver.get('clip_gradients'):.7g}"
    if solver.get("random_seed", -1) >= 0:
        settings["seed"] = str(solver.get("random_seed"))


def _examples(sketch: Sketch, prepared: Preparation | None) -> int:
    info = find(sketch.made.data[0]) if sketch.made.data else None
    if info is not None:
        return info.train
    if prepared and ("ilsvrc" in prepared.source or "imagenet" in prepared.source):
        return IMAGENET
    return 0


def _optimizer(sketch: Sketch, solver: Message, layers: Sequence[Message]) -> str:
    """Return the optimizer with its arguments; Caffe's decay is added to the gradient, as `weight_decay` of sgd is."""
    kind = str(solver.get("type") or solver.get("solver_type") or "SGD").lower()
    rate, momentum = float(solver.get("base_lr", 0.01)), float(solver.get("momentum", 0.0))
    decay = float(solver.get("weight_decay", 0.0))
    words = [f"lr={number_text(rate)}"]
    name = {
        "sgd": "sgd",
        "nesterov": "sgd",
        "adam": "adam",
        "adagrad": "adagrad",
        "rmsprop": "rmsprop",
        "adadelta": "adadelta",
    }.get(kind)
    if name is None:
        sketch.unknown(solver.place, f"the solver {kind[:60]!r}", "sgd, adam, rmsprop, adagrad or adadelta")
        name = "sgd"
    epsilon = float(solver.get("delta", 1e-8))
    if name == "sgd":
        words += [f"momentum={number_text(momentum)}"] if momentum else []
        words += ["nesterov"] if kind == "nesterov" else []
    elif name == "adam":
        second = float(solver.get("momentum2", 0.999))
        words += [f"beta1={number_text(momentum)}"] if momentum != 0.9 else []
        words += [f"beta2={number_text(second)}"] if abs(second - 0.999) > 1e-7 else []
        words += [f"epsilon={number_text(epsilon)}"] if abs(epsilon - 1e-8) > 1e-14 else []
    elif name == "adadelta":
        words += [f"rho={number_text(momentum)}"] if momentum and momentum != 0.9 else []
        words += [f"epsilon={number_text(epsilon)}"]
    else:
        words += [f"decay={number_text(float(solver.get('rms_decay', 0.99)))}"] if name == "rmsprop" else []
        words += [f"epsilon={number_text(epsilon)}"]
    if solver.get("regularization_type", "L2") != "L2" and decay:
        sketch.unknown(solver.place, "the regularization_type L1", "`weight_decay=`, which is L2")
    elif decay and name in {"sgd", "adam"}:
        words += [f"weight_decay={number_text(decay)}", *(["kernels"] if _kernels_only(layers) else [])]
    elif decay:
        sketch.made.settings["l2"] = number_text(decay / 2)
    return " ".join([name, *words])


def _kernels_only(layers: Sequence[Message]) -> bool:
    """Return whether no bias decays, as decay_mult says."""
    biases = [params[1] for layer in layers if len(params := layer.all("param")) > 1]
    return bool(biases) and all(float(p.get("decay_mult", 1.0)) == 0 for p in biases)


def _schedule(sketch: Sketch, solver: Message, steps: Steps) -> str:
    """Return the schedule in epochs; empty for a constant rate."""
    policy = solver.get("lr_policy", "fixed")
    gamma, power = float(solver.get("gamma", 0.1)), float(solver.get("power", 0.75))
    if policy == "fixed":
        return ""
    if policy == "poly":
        return f"polynomial {number_text(power)}"
    if not steps.known:
        sketch.note(
            f"lr_policy {policy!r} counts steps, and how many examples there are is not known: `schedule` is not set"
        )
        words = [
            f"lr_policy {policy}",
            *(f"{n} {number_text(solver.get(n))}" for n in ("gamma", "power", "stepsize") if n in solver),
        ]
        words += [f"stepvalue {s}" for s in solver.all("stepvalue")]
        sketch.made.remarks.append(f"Caffe's schedule, in steps: {', '.join(words)}")
        return ""
    if policy == "step" and int(solver.get("stepsize", 0)) > 0:
        return f"step {steps.written(int(solver.get('stepsize')))} factor={number_text(gamma)}"
    if policy == "exp" and gamma > 0 and (rate := steps.exponential(gamma)):
        return rate
    if policy == "inv":
        return f"inverse {number_text(gamma * steps.per_epoch)} power={number_text(power)}"
    drops = [int(s) for s in solver.all("stepvalue")]
    if policy == "multistep" and drops and drops == sorted(set(drops)):
        return steps.multistep(drops, gamma)
    sketch.unknown(solver.place, f"lr_policy {str(policy)[:60]!r}", "cosine, linear, step, exponential or onecycle")
    return ""
