"""Does the recipe ask only for what this training measures?"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod

from netspec.diagnostics.diagnostic import Diagnostic, Places, plural
from netspec.graph.graph import Graph
from netspec.ir.network import Network, Recipe
from netspec.ops import BatchNorm
from netspec.recipe import catalog as datasets

__all__ = [
    "MAX_STEPS",
    "check_recipe",
    "learns_classes",
    "normalized_alone",
    "unmeasured",
    "used_batch",
    "without_end",
    "without_variance",
]

MAX_STEPS = 2**31 - 1
"""Steps of a training at most: the compiled program counts them in 32 bits."""


def check_recipe(network: Network, graph: Graph | None, places: Places) -> Iterable[Diagnostic]:
    """Yield what is asked for under `best` and `early_stop`, and not measured."""
    if graph is None:
        return
    validation = network.data is not None and network.data.validation > 0
    classes = learns_classes(network, graph)
    wrong = unmeasured(network.recipe, validation=validation, classes=classes, hold_out=_hold_out(network))
    if wrong:
        yield _at("train", "E0311", wrong, places)
    sizes: list[int | None] = [*_examples(network)]
    for examples in sizes or [None]:
        endless = without_end(network, examples) if examples else None
        alone = without_variance(network, graph, examples)
        if endless:
            yield _at("train", "E0307", endless, places)
        if alone:
            yield _at(normalized_alone(graph) or "train", "E0309", alone, places)
        if endless or alone:
            break
    data = datasets.find(network.data.name) if network.data else None
    if data and network.data and network.data.validation >= data.train:
        count = network.data.validation
        message = f"`validation {count}` leaves nothing to train on: {data.name} has {data.train:,} examples"
        yield _at("data", "E0311", (message, f"hold out fewer: `{_hold_out(network)}`"), places)


def learns_classes(network: Network, graph: Graph) -> bool:
    """Return whether one number says how many examples are classified right: of several outputs none does."""
    return len(graph.outputs) == 1 and not network.reconstructs and len(graph.shape(graph.logits)) == 1


def _examples(network: Network) -> list[int]:
    """Return how many examples it may be trained on, of each built-in dataset that its spec names."""
    data = network.data
    infos = [datasets.find(name) for name in (data.name, data.fallback) if name] if data else []
    return [info.train - data.validation for info in infos if data and info and info.train > data.validation]


def used_batch(network: Network) -> int:
    """Return the examples of a training step, as far as the spec says: never more than the dataset has."""
    return min(network.recipe.batch, max(_examples(network), default=network.recipe.batch))


def without_end(network: Network, examples: int) -> tuple[str, str] | None:
    """Return that a training on so many examples has too many steps, and what would be right; None where not."""
    batch, epochs = min(network.recipe.batch, examples), network.recipe.epochs
    steps = -(-examples // batch)
    if steps * epochs <= MAX_STEPS:
        return None
    message = f"{epochs:,} epochs of {plural(steps, 'step')} are {steps * epochs:,} steps; {MAX_STEPS:,} are the most"
    return message, f"say `epochs {MAX_STEPS // steps}` or less; `time_limit` and `early_stop` end a training too"


def normalized_alone(graph: Graph) -> str | None:
    """Return the first node whose batch normalization sees one value a channel of each example; None without one."""
    found = (o.node for o in graph.operations if isinstance(o.op, BatchNorm) and prod(o.shape[1:]) == 1)
    return next(found, None)


def without_variance(network: Network, graph: Graph, examples: int | None) -> tuple[str, str] | None:
    """Return that every batch has one value a channel, which has no variance, and what would be right.

    Args:
        network: the network.
        graph: its operations.
        examples: what it is trained on, where that is known.
    """
    node = normalized_alone(graph)
    if node is None or min(network.recipe.batch, examples or network.recipe.batch) > 1:
        return None
    if network.recipe.batch > 1:
        message = f"`{node}` normalizes by the statistics of a batch, but there is one example to train on"
        held_out = network.data is not None and network.data.validation > 0
        return message, "hold out fewer" if held_out else "train on more"
    message = f"`{node}` normalizes by the statistics of a batch, and `batch 1` gives it one value a channel"
    alone = next(o for o in graph.operations if o.node == node and isinstance(o.op, BatchNorm)).shape == (1,)
    return message, "a larger `batch`" + ("" if alone else "; or `layernorm`, which looks at one example alone")


def _at(command: str, code: str, wrong: tuple[str, str], places: Places) -> Diagnostic:
    place = places.get(command)
    uses = tuple(reversed(place.uses)) if place else ()
    return Diagnostic(code, wrong[0], place.span if place else None, fix=wrong[1], related=uses)


def _hold_out(network: Network) -> str:
    """Return how a spec says that a tenth of its training examples, in round numbers, is held out."""
    name = network.data.name if network.data else "mnist"
    info = datasets.find(name)
    tenth = str(info.train // 10) if info else "1000"
    shown = name if info else f'"{name}"'
    return f"data {shown} {{ validation {tenth[0]}{'0' * (len(tenth) - 1)} }}"


def unmeasured(recipe: Recipe, *, validation: bool, classes: bool, hold_out: str = "") -> tuple[str, str] | None:
    """Return what a recipe asks for that its training does not measure, and what would be right; None where all is.

    Args:
        recipe: the recipe.
        validation: whether examples are held out.
        classes: whether there is an accuracy.
        hold_out: how the spec would hold some out.
    """
    asked = {"best ": recipe.best, "early_stop on=": recipe.early_stop.on if recipe.early_stop else None}
    for setting, metric in asked.items():
        if metric is None:
            continue
        if metric.startswith("val_") and not validation:
            return (
                f"`{setting}{metric}`: no examples are held out for validation",
                f"hold some out, `{hold_out or 'data mnist { validation 5000 }'}`, or say `{setting}test{metric[3:]}`",
            )
        if metric.endswith("_accuracy") and not classes:
            return (
                f"`{setting}{metric}`: this network is not trained on classes, it has no accuracy",
                f"say `{setting}{metric.removesuffix('_accuracy')}_loss`",
            )
    return None
