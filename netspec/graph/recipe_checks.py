"""Does the recipe ask only for what this training measures?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod

from netspec.diagnostics.diagnostic import Diagnostic, Places, Related, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph
from netspec.graph.losses import follows_from_targets
from netspec.graph.parts import parts
from netspec.ir.network import Network
from netspec.ir.recipe import Recipe
from netspec.ops import BatchNorm
from netspec.recipe import catalog as datasets
from netspec.recipe.entities import mark_entities
from netspec.recipe.metrics import (
    METRICS,
    Task,
    asked_metrics,
    metric_of,
    metrics_of,
    output_of,
    possible_tasks,
    split_of,
)

__all__ = [
    "MAX_STEPS",
    "Measured",
    "check_recipe",
    "lacks_validation",
    "measurable",
    "normalized_alone",
    "unmeasured",
    "used_batch",
    "without_end",
    "without_entities",
    "without_variance",
]

MAX_STEPS = 2**31 - 1
"""Steps of a training at most: the compiled program counts them in 32 bits."""


def check_recipe(network: Network, graph: Graph | None, places: Places) -> Iterable[Diagnostic]:
    """Yield what is asked for under `best` and `early_stop`, and not measured."""
    if graph is None:
        return
    # A file, or arrays in memory, may have examples for validation: that is seen when they are looked at.
    validation = not _has_none_for_validation(network)
    measured = measurable(network, graph)
    wrong = unmeasured(network.recipe, measured, validation=validation, hold_out=_hold_out(network))
    if wrong:
        declared = zip(network.all_outputs, graph.outputs, strict=True)
        lasts = [(places.get(o.node), f"the loss {made.loss.canonical()} compares its outputs") for o, made in declared]
        said = (*lasts, (places.get("data"), "the data is named here"))
        related = tuple(Related(place.span, label) for place, label in said if place and "no examples" not in wrong[0])
        yield _at("train", "E0311", wrong, places, related)
    sizes: list[int | None] = [*_examples(network)]
    for examples in sizes or [None]:
        endless = without_end(network, examples) if examples else None
        alone = without_variance(network, graph, examples)
        if endless:
            yield _at("train", "E0307", endless, places)
        if alone:
            yield _at(normalized_alone(network, graph) or "train", "E0309", alone, places)
        if endless or alone:
            break
    data = datasets.find(network.data.name) if network.data else None
    if data and network.data and network.data.held_out >= data.train:
        count = network.data.held_out
        message = f"`validation {count}` leaves nothing to train on: {data.name} has {data.train:,} examples"
        yield _at("data", "E0311", (message, f"hold out fewer: `{_hold_out(network)}`"), places)


def _has_none_for_validation(network: Network) -> bool:
    """Return whether it is known that there are no examples for validation."""
    data = network.data
    if data is None or data.validation:
        return False
    return all(datasets.find(name) for name in (data.name, data.fallback) if name)


def lacks_validation(network: Network, graph: Graph, *, by_name: bool) -> tuple[str, str] | None:
    """Return that a recipe selects or stops by a validation set, which there is not; None where it does not.

    Args:
        network: its recipe does.
        graph: of the network.
        by_name: whether the data could have arrays for validation.
    """
    asked = (network.recipe.best, network.recipe.early_stop.on if network.recipe.early_stop else None)
    if not any(name and name.startswith("val_") for name in asked):
        return None
    measured = measurable(network, graph)
    found = unmeasured(network.recipe, measured, validation=False, hold_out=_hold_out(network))
    if not found or not by_name:
        return found
    arrays = "x_val and y_val" if len(network.inputs) == len(network.all_outputs) == 1 else "arrays NAME_val of each"
    return found[0], found[1].replace(", or say", f", give {arrays} in the file, or say")


def _examples(network: Network) -> list[int]:
    """Return how many examples it may be trained on, of each built-in dataset that its spec names."""
    data = network.data
    infos = [datasets.find(name) for name in (data.name, data.fallback) if name] if data else []
    return [info.train - data.held_out for info in infos if data and info and info.train > data.held_out]


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


def normalized_alone(network: Network, graph: Graph) -> str | None:
    """Return the first node whose batch normalization sees one value a channel of each example; None without one.

    One that is frozen for all of the training looks at no batch.
    """
    norms = [o for o in graph.operations if isinstance(o.op, BatchNorm) and prod(o.shape[1:]) == 1]
    frozen = parts(network, graph).forever if norms else frozenset()
    return next((o.node for o in norms if o.parameters[2] not in frozen), None)


def without_variance(network: Network, graph: Graph, examples: int | None) -> tuple[str, str] | None:
    """Return that every batch has one value a channel, which has no variance, and what would be right.

    Args:
        network: the network.
        graph: its operations.
        examples: what it is trained on, where that is known.
    """
    node = normalized_alone(network, graph)
    if node is None or min(network.recipe.batch, examples or network.recipe.batch) > 1:
        return None
    if network.recipe.batch > 1:
        message = f"`{node}` normalizes by the statistics of a batch, but there is one example to train on"
        held_out = network.data is not None and network.data.validation > 0
        return message, "hold out fewer" if held_out else "train on more"
    message = f"`{node}` normalizes by the statistics of a batch, and `batch 1` gives it one value a channel"
    alone = next(o for o in graph.operations if o.node == node and isinstance(o.op, BatchNorm)).shape == (1,)
    return message, "a larger `batch`" + ("" if alone else "; or `layernorm`, which looks at one example alone")


def _at(
    command: str, code: str, wrong: tuple[str, str], places: Places, related: tuple[Related, ...] = ()
) -> Diagnostic:
    place = places.get(command)
    uses = tuple(reversed(place.uses)) if place else ()
    return Diagnostic(code, wrong[0], place.span if place else None, fix=wrong[1], related=(*related, *uses))


def _hold_out(network: Network) -> str:
    """Return how a spec says that a tenth of its training examples, in round numbers, is held out."""
    name = network.data.name if network.data else "mnist"
    info = datasets.find(name)
    tenth = str(info.train // 10) if info else "1000"
    shown = name if info else f'"{name}"'
    return f"data {shown} {{ validation {tenth[0]}{'0' * (len(tenth) - 1)} }}"


@dataclass(frozen=True, slots=True)
class Measured:
    """What can be measured of an output.

    Attributes:
        tasks: what its outputs may say; more than one where the targets decide it, and none where there is no metric.
        probable: whether they are probabilities, or become them.
        outputs: how many there are at a position.
        columns: of a table those that the only output learns as numbers, where they are several: each is measured.
        entities: whether its classes are labels of words that mark entities, as far as that is known.
    """

    tasks: tuple[Task, ...]
    probable: bool
    outputs: int
    columns: tuple[str, ...] = ()
    entities: bool = False

    def names(self) -> tuple[str, ...]:
        """Return the metrics that can be measured."""
        of = {"probable": self.probable, "entities": self.entities}
        fitting = dict.fromkeys(m for task in self.tasks for m in metrics_of(task, **of))
        return tuple(m.name for m in fitting if m.k < self.outputs)


def measurable(network: Network, graph: Graph) -> dict[str, Measured]:
    """Return what can be measured of each output by its name, as far as that is known without its targets.

    The only output is by no name, as measurements call it: `test_f1`, and of several `test_kind_f1`.
    """
    several = len(graph.outputs) > 1
    found = {o.name if several else "": _measurable(network, graph.only(o)) for o in graph.outputs}
    return found if several else {"": replace(found[""], columns=_columns(network, found[""]))}


def _columns(network: Network, measured: Measured) -> tuple[str, ...]:
    """Return the columns of a table that the only output learns as numbers, where they are several."""
    data = network.data
    if data is None or not data.is_table or "numbers" not in measured.tasks:
        return ()
    columns = data.target_columns[: measured.outputs]
    return columns if len(columns) > 1 else ()


def _measurable(network: Network, graph: Graph) -> Measured:
    outputs = graph.shape(graph.output)[0]
    tasks = possible_tasks(graph.loss, outputs, graph.ends_in)
    if network.reconstructs:
        tasks = ("numbers",) if tasks else ()
    elif follows_from_targets(network, graph):
        return Measured(("classes", "two classes", "labels", "numbers"), probable=True, outputs=outputs)
    elif network.data and datasets.find(network.data.name):
        # Their labels are classes.
        tasks = tuple(task for task in tasks if task in {"classes", "two classes"})
    probable = graph.link is not None or graph.ends_in in {"softmax", "sigmoid"}
    return Measured(tasks, probable, outputs, entities=bool(network.data and network.data.is_tagged))


_SAYS: dict[Task, str] = {
    "classes": "classes",
    "two classes": "two classes",
    "labels": "several labels at once",
    "numbers": "numbers",
}


_OF_EACH = ("mae", "rmse", "r2")
"""The metrics that are measured of each of several columns."""


def unmeasured(
    recipe: Recipe, measured: Mapping[str, Measured], *, validation: bool, hold_out: str = ""
) -> tuple[str, str] | None:
    """Return what a recipe asks for that its training does not measure, and what would be right; None where all is.

    Args:
        recipe: the recipe.
        measured: what can be measured of each output, by its name; the only one has none.
        validation: whether examples are held out.
        hold_out: how the spec would hold some out.
    """
    asked = {"best ": recipe.best, "early_stop on=": recipe.early_stop.on if recipe.early_stop else None}
    for setting, measurement in asked.items():
        if measurement is None:
            continue
        if measurement.startswith("val_") and not validation:
            return (
                f"`{setting}{measurement}`: no examples are held out for validation",
                f"hold some out, `{hold_out or 'data mnist { validation 5000 }'}`, "
                f"or say `{setting}test{measurement[3:]}`",
            )
        wrong = _unnamed(measurement, setting, measured)
        output, metric = output_of(measurement, measured), metric_of(measurement, measured)
        if not wrong and (metric != "loss" or output):
            wrong = _unfit(metric, f"{setting}{measurement}", measured.get(output) or measured[""])
        if wrong:
            return wrong[0], wrong[1] or f"say `{setting}{split_of(measurement)}_loss`"
    for name in asked_metrics(recipe.metrics):
        # Of several outputs it is measured of those that have it.
        found = [_unfit(name, f"metrics {name}", each) for each in measured.values()]
        if all(found) and found[0]:
            return found[0][0], found[0][1] or "leave it out"
    return None


def without_entities(network: Network, graph: Graph, labels: Sequence[str]) -> tuple[str, str] | None:
    """Return that a recipe asks for a metric of entities where labels of words mark none; None where it does not.

    Args:
        network: its recipe does.
        graph: of the network.
        labels: of words.
    """
    measured = measurable(network, graph)
    if mark_entities(labels) or unmeasured(network.recipe, measured, validation=True):
        return None  # or more is wrong, which is said without the labels
    known = {name: replace(each, entities=False) for name, each in measured.items()}
    return unmeasured(network.recipe, known, validation=True)


def _unnamed(measurement: str, setting: str, measured: Mapping[str, Measured]) -> tuple[str, str] | None:
    """Return that a measurement names no output, or one that is none; None where it is clear which is meant."""
    output, metric = output_of(measurement, measured), metric_of(measurement, measured)
    if output in measured or (not output and metric == "loss"):
        return None
    alone = measured.get("")
    columns = alone.columns if alone and "numbers" in alone.tasks else ()
    if output in columns and metric in _OF_EACH:
        return None
    said, split = f"`{setting}{measurement}`", split_of(measurement)
    if not output:
        own = [name for name, each in measured.items() if metric in each.names()]
        which = f"say of which: {listing([f'`{setting}{split}_{name}_{metric}`' for name in own])}" if own else ""
        return f"{said}: the network has several outputs, {listing([*measured], 'and')}", which
    if columns:
        near = nearest(output, columns)
        column = output if output in columns else near or columns[0]
        ask = f"{setting}{split}_{column}_{metric if metric in _OF_EACH else _OF_EACH[0]}"
        what = f"of a column there is no {metric}" if output in columns else f"no column {output} is learned"
        return f"{said}: {what}", f"say `{ask}`, or `{setting}{split}_loss`"
    names = [name for name in measured if name]
    near = nearest(output, names)
    fix = f"say `{setting}{split}_{near}_{metric}`" if near else f"say `{setting}{split}_{metric}`" if not names else ""
    return f"{said}: there is no output {output}", fix


def _unfit(name: str, said: str, measured: Measured) -> tuple[str, str] | None:
    """Return that a metric cannot be measured, and what can in its place; None where it can."""
    names = measured.names()
    if name == "loss" or name in names:
        return None
    if name == "accuracy":
        return f"`{said}`: this network is not trained on classes, it has no accuracy", ""
    metric = METRICS[name]
    fitting = [word for word in names if not METRICS[word].k or METRICS[word].k == metric.k]
    instead = f"there are {listing(fitting, 'and')}" if fitting else ""
    if metric.entities and not measured.entities:
        return f"`{said}`: {name} is measured of words whose labels mark entities, such as B-PER and I-PER", instead
    if metric.k >= measured.outputs and "classes" in measured.tasks:
        return f"`{said}`: of {measured.outputs} classes all are among the {metric.k} likeliest", ""
    if not measured.tasks:
        return f"`{said}`: there is no metric for what this loss compares", ""
    says = listing([_SAYS[task] for task in measured.tasks])
    if any(task in metric.tasks for task in measured.tasks):
        return f"`{said}`: {name} is measured of probabilities, and these outputs are none", instead
    of = listing([_SAYS[task] for task in metric.tasks])
    return f"`{said}`: {name} is measured of {of}, and this network learns {says}", instead
