"""Floor 4: does the recipe ask only for what this training measures?"""

from __future__ import annotations

from collections.abc import Iterable

from netspec.diagnostics import Diagnostic, Places
from netspec.graph import Graph
from netspec.ir import Network, Recipe
from netspec.recipe import datasets

__all__ = ["check_recipe", "unmeasured"]


def check_recipe(network: Network, graph: Graph | None, places: Places) -> Iterable[Diagnostic]:
    """Yield what is asked for under `best` and `early_stop`, and not measured."""
    if graph is None:
        return
    validation = network.data is not None and network.data.validation > 0
    classes = not network.reconstructs and len(graph.shape(graph.logits)) == 1
    wrong = unmeasured(network.recipe, validation=validation, classes=classes, hold_out=_hold_out(network))
    if wrong:
        yield _at("train", "E0311", wrong, places)
    data = datasets.find(network.data.name) if network.data else None
    if data and network.data and network.data.validation >= data.train:
        count = network.data.validation
        message = f"`validation {count}` leaves nothing to train on: {data.name} has {data.train:,} examples"
        yield _at("data", "E0311", (message, f"hold out fewer: `{_hold_out(network)}`"), places)


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
