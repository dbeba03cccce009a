"""Do the arrays in a data file go with a network? By what their headers say, and labels where these are few."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import prod

from netspec.diagnostics.diagnostic import Diagnostic, Place, Places, Related, plural
from netspec.graph.graph import Graph, GraphOutput
from netspec.graph.recipe_checks import lacks_validation
from netspec.ir.network import Input, Network
from netspec.ops import Shape, format_shape
from netspec.recipe.array_facts import (
    ArrayFacts,
    LabelFacts,
    Wrong,
    classes_misfit,
    example_shape,
    examples_wrong,
    labels_wrong,
    shape_misfit,
    unlike,
)
from netspec.recipe.array_layout import layout_of
from netspec.recipe.array_names import SPLITS, VALIDATION, ArrayNames
from netspec.recipe.class_names import no_row, takes_no_names
from netspec.recipe.data_headers import Contents
from netspec.recipe.label_values import TEXTS, Labels
from netspec.recipe.losses import CrossEntropy, Loss

__all__ = ["at_place", "misfits", "names_of_network"]

_PARTS = (*SPLITS, VALIDATION)


def names_of_network(network: Network) -> ArrayNames:
    """Return what the arrays of a network may be called."""
    data = network.data
    return ArrayNames.of(
        [i.name for i in network.inputs],
        list(dict.fromkeys(o.target_name for o in network.all_outputs)),
        data.example_arrays if data else (),
        data.target_arrays if data else (),
    )


def misfits(
    network: Network, graph: Graph | None, places: Places, name: str, contents: Contents
) -> Iterator[Diagnostic]:
    """Yield the first thing that is wrong with files that are there, as it would be told when they are loaded."""
    place, aims = places.get("data"), _Aim.of(network, graph)
    wrong = contents.wrong or (_arrays_wrong(network, name, contents, aims) if contents.arrays else None)
    if wrong:
        yield at_place(place, "E0314", wrong)
        return
    train = contents.arrays.get((network.inputs[0].name, "train"))
    if train is None:
        return
    if network.data and network.data.test is not None and any(split == "test" for _, split in contents.keys):
        own = f"`test` draws examples for the test, but {name} has a test part of its own"
        yield at_place(place, "E0314", (own, "leave `test` out"))
        return
    yield from _validation_wrong(network, graph, places, name, contents, train.shape[0])
    for given in network.inputs:
        examples = contents.arrays.get((given.name, "train"))
        called = name if len(network.inputs) == 1 else f"{name}: {given.name}_train"
        if examples is None or (not given.tokens and layout_of(examples.shape[1:], given.shape)):
            continue
        misfit = shape_misfit(called, example_shape(examples, given.tokens), given.shape)
        if misfit:
            yield at_place(places.get(given.name), "E0308", misfit, place)
            return
    if graph and network.classifies:
        for aim in aims:
            yield from _classes_wrong(network, places, name, contents, aim)


def _validation_wrong(
    network: Network, graph: Graph | None, places: Places, name: str, contents: Contents, count: int
) -> Iterator[Diagnostic]:
    """Yield what is wrong with the examples for validation: none are left to train on, there are two sets, or none."""
    place, held_out = places.get("data"), network.data.held_out if network.data else 0
    given = any(split == VALIDATION for _, split in contents.keys)
    if network.data and network.data.validation and given:
        yield at_place(place, "E0311", names_of_network(network).both(contents.keys, network.data.validation, name))
    elif held_out >= count:
        message = f"`validation {held_out}` leaves nothing to train on: {name} has {plural(count, 'example')}"
        yield at_place(place, "E0311", (message, "hold out fewer"))
    elif not given and graph and network.data and not network.data.validation and not network.data.fallback:
        lacking = lacks_validation(network, graph, by_name=bool(contents.keys))
        if lacking:
            yield at_place(places.get("train"), "E0311", lacking, place)


@dataclass(frozen=True, slots=True)
class _Aim:
    """What one output takes, as far as types and shapes say it; an output of None where that is not known."""

    target: str
    node: str
    output: Shape | None = None
    loss: Loss | None = None
    stated: bool = False

    @classmethod
    def of(cls, network: Network, graph: Graph | None) -> list[_Aim]:
        """Return that of each output of a network."""
        if graph is None or network.reconstructs:
            return [cls(o.target_name, o.node) for o in network.all_outputs]
        declared = zip(network.all_outputs, graph.outputs, strict=True)
        return [cls._of(network, graph.only(made), o.target_name, o.node, made) for o, made in declared]

    @classmethod
    def _of(cls, network: Network, graph: Graph, target: str, node: str, made: GraphOutput) -> _Aim:
        stated = network.stated_loss(made.name) is not None or bool(graph.ends_in)
        return cls(target, node, graph.shape(graph.output), graph.loss, stated)

    @property
    def is_free(self) -> bool:
        """Whether nothing can be said of targets here: sequences, pairs, none at all, or labels that do not count."""
        if self.loss is None:
            return False
        ignores = isinstance(self.loss, CrossEntropy) and self.loss.ignore is not None
        return ignores or self.loss.targets[0] in {"sequence", "pair", "nothing"}

    @property
    def tells_classes(self) -> bool:
        """Whether it surely gives one class an example: by its loss or its last layer, or by its outputs."""
        if self.loss is None or self.output is None or len(self.output) > 1 or "class" not in self.loss.targets:
            return False
        return not self.is_free and (self.output[0] > 1 or (self.stated and bool(self.loss.absorbs)))

    def takes(self, targets: ArrayFacts) -> bool:
        """Return whether targets have the shape of the output, or that of its positions."""
        if self.output is None or targets.kind not in "buif":
            return False
        return targets.shape[1:] in {self.output, self.output[1:], (1, *self.output[1:])}

    def numeric(self, labels: LabelFacts | None) -> bool:
        """Return whether whole numbers, or any where none are given, may be amounts."""
        if self.loss is None or self.output is None or self.output[0] != 1:
            return self.loss is not None and "class" not in self.loss.targets
        if self.stated and self.loss.absorbs:
            return False
        return labels is None or labels.most > 1 or labels.least < 0

    def names_by_numbers(self, labels: Labels, *, listed: bool) -> bool:
        """Return whether whole numbers are the names of as many classes as there are outputs."""
        if not self.tells_classes or listed or labels.own is None or self.output is None:
            return False
        classes, own = max(self.output[0], 2), labels.own
        return own.different == classes and not (own.least >= 0 and own.most < classes)


def _arrays_wrong(network: Network, name: str, contents: Contents, aims: list[_Aim]) -> Wrong | None:
    """Return what is wrong with the arrays by themselves."""
    first = next((wrong for wrong in _each_wrong(network, contents, aims) if wrong), None)
    return (f"{name}: {first[0]}", first[1]) if first else None


def _each_wrong(network: Network, contents: Contents, aims: list[_Aim]) -> Iterator[Wrong | None]:
    arrays = contents.arrays
    for split in _PARTS:
        lead = arrays.get((network.inputs[0].name, split))
        for given in network.inputs:
            yield _input_wrong(given, arrays.get((given.name, split)), lead)
        for aim in aims:
            targets = arrays.get((aim.target, split))
            if targets and lead:
                yield _target_wrong(aim, targets, lead)
    for given in network.inputs:
        train = arrays.get((given.name, "train"))
        for split in _PARTS[1:]:
            other = arrays.get((given.name, split))
            yield unlike(train, other, given.tokens) if train and other else None
    for aim in aims:
        yield from _labels_wrong(aim, contents)


def _input_wrong(given: Input, examples: ArrayFacts | None, lead: ArrayFacts | None) -> Wrong | None:
    if examples is None:
        return None
    wrong = examples_wrong(examples, given.tokens, takes=given.shape)
    if wrong or lead is None or lead.shape[:1] == examples.shape[:1]:
        return wrong
    return (
        f"{lead.name} has {lead.shape[0]:,} examples, {examples.name} {examples.shape[0]:,}",
        "give one row of each for every example",
    )


def _target_wrong(aim: _Aim, targets: ArrayFacts, lead: ArrayFacts) -> Wrong | None:
    if targets.kind in TEXTS:
        if aim.loss is not None and aim.loss.targets == ("nothing",):
            return None
        one_each = len(targets.shape) == 1 or (len(targets.shape) == 2 and targets.shape[1] == 1)
        return labels_wrong(replace(targets, kind="i"), lead) if one_each else no_row(targets.name, targets.shape)
    if aim.is_free or (targets.shape[:1] == lead.shape[:1] and aim.takes(targets)):
        return None
    return labels_wrong(targets, lead)


def _labels_wrong(aim: _Aim, contents: Contents) -> Iterator[Wrong | None]:
    """Yield what is wrong with the labels of a target, where they were read."""
    labels, train = contents.labels.get(aim.target), contents.arrays.get((aim.target, "train"))
    if labels is None or train is None or (aim.loss is not None and aim.loss.targets == ("nothing",)):
        return
    if train.kind in TEXTS and aim.loss is not None:
        yield takes_no_names(train.name, len(labels.names or ()) or 3, aim.loss)
    yield labels.wrong
    if aim.is_free or train.shape[1:] not in {(), (1,)}:
        return
    if aim.names_by_numbers(labels, listed=bool(contents.names)):
        yield labels.other
        return
    if not aim.numeric(None):
        yield labels.odd
    if contents.names and labels.numbers and labels.numbers.most >= contents.names:
        yield f"{train.name} has a label {labels.numbers.most}, but {contents.names} class_names", "name every class"


def _classes_wrong(network: Network, places: Places, name: str, contents: Contents, aim: _Aim) -> Iterator[Diagnostic]:
    """Yield that an output has not one value for each class of its target."""
    place, last = places.get("data"), places.get(aim.node)
    targets, labels = contents.arrays.get((aim.target, "train")), contents.labels.get(aim.target)
    if aim.is_free or aim.output is None or labels is None or aim.names_by_numbers(labels, listed=bool(contents.names)):
        return
    if targets and targets.shape[1:] not in {(), (1,)} and aim.takes(targets):
        return
    alone = len(network.all_outputs) == 1
    if not alone and (aim.loss is None or "class" not in aim.loss.targets):
        return
    if len(aim.output) != 1:
        message = f"an example has one label, but the network ends in {format_shape(aim.output)}"
        fix = "end with `globalpool`, `flatten` or `fc CLASSES`, or learn the input again: `target input`"
        if alone or labels.names:
            yield at_place(last, "E0305", (message, fix), place)
        return
    named = len(labels.names) if labels.names else None
    classes = contents.names or named or (labels.numbers.most + 1 if labels.numbers else None)
    if labels.numbers and aim.numeric(labels.numbers):
        return
    called = name if alone else f"the target {aim.target} of {name}"
    numbers = None if contents.names or named else labels.numbers
    wrong = classes_misfit(called, aim.output[0], classes, numbers) if classes else None
    # Where it is one of two, the outputs may be for the other; and of several outputs some classes may be missing.
    lenient = (network.data and network.data.fallback) or not (alone or named)
    if wrong and not (lenient and classes and classes < max(aim.output[0], prod(aim.output))):
        yield at_place(last, "E0304", wrong, place)


def at_place(place: Place | None, code: str, wrong: Wrong, data: Place | None = None) -> Diagnostic:
    """Return a diagnostic at a place, or else where the data is named."""
    related = (Related(data.span, "the data is named here"),) if place and data else ()
    uses = tuple(reversed(place.uses)) if place else ()
    span = place.span if place else data.span if data else None
    return Diagnostic(code, wrong[0], span, fix=wrong[1], related=(*related, *uses))
