"""Darknet's settings of training, of `[net]`, as the settings of `train`."""

from __future__ import annotations

import re

from netspec.formats.darknet.sections import Section
from netspec.formats.schedules import Steps, number_text
from netspec.formats.sketch import Sketch

__all__ = ["add_recipe"]

_IMAGENET = 1_281_167

_CHANGES = ("angle", "hue", "saturation", "exposure", "aspect", "jitter", "max_crop", "min_crop", "flip")
"""What Darknet does to pictures in training."""

_OF_POLICIES = ("step", "scale", "steps", "scales", "gamma", "power")
"""Values of which each policy reads some."""


def add_recipe(sketch: Sketch, net: Section, classes: int) -> None:
    """Add optimizer, schedule, batch and epochs."""
    settings = sketch.made.settings
    settings["optimizer"] = _optimizer(net)
    batch, parts = net.whole("batch", 1), net.whole("subdivisions", 1)
    if batch == 1:
        batch, parts = _commented(sketch, net, batch, parts)
    examples = _IMAGENET if classes == 1000 else 0
    if examples:
        sketch.note(f"1,000 classes are taken for ImageNet, whose training part has {examples:,} pictures")
    steps = Steps(examples, max(batch, 1))
    total = net.whole("max_batches", 0)
    schedule = _schedule(sketch, net, steps)
    if schedule:
        settings["schedule"] = schedule
    parts = parts if parts > 0 and batch % parts == 0 else 1
    if batch > 1:
        settings["batch"] = str(batch // parts)
    if parts > 1:
        settings["accumulate"] = str(parts)
    if total > 0 and steps.known:
        settings["epochs"] = str(steps.whole_epochs(total))
    elif total > 0:
        sketch.note(
            f"max_batches={total:,} is no number of epochs, as the number of examples is not known: `epochs` is not set"
        )
    if said := net.said(*_CHANGES):
        sketch.made.remarks.append(
            f"Darknet changes its pictures at random: {said}; here `data` says it: "
            "augment rotate= saturation= hue= brightness= resized_crop flip"
        )
    for key in net.unread():
        if key not in _OF_POLICIES:
            sketch.note(f"{net.at(key)}: {key[:60]}={net.options[key][:60]} of [net] is left out")


def _optimizer(net: Section) -> str:
    rate, momentum, decay = net.number("learning_rate", 0.001), net.number("momentum", 0.9), net.number("decay", 0.0001)
    if net.whole("adam", 0):
        first, second, epsilon = net.number("B1", 0.9), net.number("B2", 0.999), net.number("eps", 1e-7)
        words = ["adam", f"lr={number_text(rate)}"]
        words += [f"beta1={number_text(first)}"] if first != 0.9 else []
        words += [f"beta2={number_text(second)}"] if second != 0.999 else []
        words.append(f"epsilon={number_text(epsilon)}")
    else:
        words = ["sgd", f"lr={number_text(rate)}", *([f"momentum={number_text(momentum)}"] if momentum else [])]
    # Darknet decays kernels alone.
    return " ".join([*words, *([f"weight_decay={number_text(decay)}", "kernels"] if decay > 0 else [])])


def _commented(sketch: Sketch, net: Section, batch: int, parts: int) -> tuple[int, int]:
    """Return the batch of training, which people comment out for testing."""
    found: dict[str, int] = {}
    for comment in net.comments:
        if match := re.fullmatch(r"(batch|subdivisions)=([0-9]{1,7})", comment):
            found.setdefault(match[1], int(match[2]))
    if found.get("batch", 0) > 1:
        sketch.note(f"batch={found['batch']} is that of the comment `# batch={found['batch']}`: batch=1 is for testing")
        return found["batch"], found.get("subdivisions", 1)
    return batch, parts


def _schedule(sketch: Sketch, net: Section, steps: Steps) -> str:
    """Return the schedule; empty for a constant rate."""
    policy = net.text("policy", "constant")
    warmup = max(net.whole("burn_in", 0), 0)
    words = _rest(sketch, net, steps, policy, warmup)
    if words is None:
        return ""
    if warmup > 0 and steps.known:
        words = f"{words or 'constant'} warmup={steps.written(warmup)}"
        power = net.number("power", 4)
        if power != 1:
            sketch.note(f"burn_in rises with the power {power:g}, `warmup=` along a straight line")
        if policy not in {"constant", "steps"}:
            sketch.note(f"policy={policy} counts from the first step in Darknet, here from the end of `warmup=`")
    elif warmup > 0:
        sketch.note(f"burn_in={warmup} counts steps, and how many make an epoch is not known: no `warmup=`")
    return words


def _rest(sketch: Sketch, net: Section, steps: Steps, policy: str, warmup: int) -> str | None:
    """Return the words of a schedule behind a warmup; None where it cannot be said, which is noted."""
    power, gamma = net.number("power", 4), net.number("gamma", 1)
    if policy == "constant":
        return ""
    if policy == "poly" and power > 0:
        return f"polynomial {number_text(power)}"
    if policy in {"random", "sig"} or policy not in {"step", "steps", "exp", "inv", "poly"}:
        sketch.unknown(net.at("policy"), f"policy={policy[:60]}", "constant, poly, step, steps, exp or inv")
        return None
    if not steps.known:
        sketch.note(f"policy={policy} counts steps, and how many make an epoch is not known: `schedule` is not set")
        said = net.said("policy", *_OF_POLICIES)
        sketch.made.remarks.append(f"Darknet's schedule, in steps: {said}")
        return None
    if policy == "step" and net.whole("step", 1) > 0 and net.number("scale", 1) > 0:
        return f"step {steps.written(net.whole('step', 1))} factor={number_text(net.number('scale', 1))}"
    if policy == "exp" and gamma > 0 and (rate := steps.exponential(gamma)):
        return rate
    if policy == "inv" and gamma > 0 and power > 0:
        return f"inverse {number_text(gamma * steps.per_epoch)} power={number_text(power)}"
    drops, scales = net.numbers("steps"), net.numbers("scales")
    if (
        policy == "steps"
        and drops
        and len(set(scales)) == 1
        and len(scales) == len(drops)
        and sorted(set(drops)) == drops
        and drops[0] >= warmup
    ):
        # Darknet counts from the first step, a schedule here from the end of the warmup.
        return steps.multistep([int(d) - warmup for d in drops], scales[0])
    sketch.unknown(
        net.at("scales" if policy == "steps" else "policy"),
        f"policy={policy} with these numbers",
        '`multistep "30 60" factor=0.1` has one factor' if policy == "steps" else "a schedule of netspec's",
    )
    return None
