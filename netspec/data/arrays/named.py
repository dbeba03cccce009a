"""Data of networks with several inputs or outputs: arrays by name, `photo_train`, `age_test`, in memory or a file."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.arrays import npz
from netspec.data.arrays.arrays import Reading
from netspec.data.arrays.forms import in_form
from netspec.data.arrays.groups import Divided, Groups, divided_by_group, groups_of_arrays
from netspec.data.arrays.parts import drawn_test
from netspec.data.checks import as_tokens, as_values, facts, require, require_range
from netspec.data.class_names import numbered, require_takes_names
from netspec.data.fitting import fit
from netspec.data.targets import Wanted, as_target, wanted
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph, GraphInput, GraphOutput
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.ops import format_shape
from netspec.recipe.array_facts import classes_misfit, examples_wrong, unlike
from netspec.recipe.array_names import SPLITS, VALIDATION, ArrayNames, Keys
from netspec.sources.draws import RULE
from netspec.sources.preparation import Preparation

__all__ = [
    "array_names",
    "from_named_arrays",
    "is_plain",
    "names_of_arrays",
    "plain_arrays",
    "read_arrays",
    "read_named_npz",
    "targets",
]


def is_plain(graph: Graph) -> bool:
    """Return whether a network takes one array of examples and one of targets, as datasets have them."""
    return len(graph.inputs) == 1 and len(graph.outputs) == 1


def targets(graph: Graph) -> dict[str, list[GraphOutput]]:
    """Return the outputs by the name of the target that they are compared with, those that are compared at all."""
    found: dict[str, list[GraphOutput]] = {}
    for output in graph.outputs:
        found.setdefault(output.target, []).append(output)
    return {target: [o for o in outputs if o.loss.compares] or outputs for target, outputs in found.items()}


def names_of_arrays(graph: Graph, data: DataSource | None = None) -> ArrayNames:
    """Return what the arrays of a network may be called, by itself and by what its spec says of them."""
    columns, target = (data.example_arrays, data.target_arrays) if data else ((), ())
    return ArrayNames.of([i.name for i in graph.inputs], list(targets(graph)), columns, target)


def array_names(graph: Graph) -> tuple[str, ...]:
    """Return how the arrays of a network are named, inputs before targets: `photo_train`, …, `age_test`."""
    return names_of_arrays(graph).shown()


def from_named_arrays(
    arrays: Mapping[str, Any],
    network: Network,
    graph: Graph,
    *,
    name: str = "arrays",
    known: Mapping[str, tuple[str, ...]] | None = None,
    named: Keys | None = None,
    groups: Groups | None = None,
    learned: bool = False,
) -> Dataset:
    """Return the dataset of arrays by name.

    Args:
        arrays: `NAME_train` and `NAME_test` for each input and each target, and for validation `NAME_val`; the only
            input may be called `x`, the only target `y`.
        network: what they are for.
        graph: of it.
        name: what to call the dataset.
        known: the names of the classes that a model has learned, by the targets that have some.
        named: what the arrays are called; all of them are, unless given.
        groups: of the examples, where the network's data says that some stay together.
        learned: whether a trained model is looked at.

    Raises:
        DataError: one is missing, or does not fit; it is named.
    """
    named = _keys(arrays, graph, learns=network.needs_targets) if named is None else named
    parts = [split for split in (*SPLITS, VALIDATION) if (graph.inputs[0].name, split) in named]
    splits: dict[str, Split] = {}
    wants = {
        target: [wanted(network, graph.only(o)) for o in outputs]
        for target, outputs in targets(graph).items()
        if (target, "train") in named
    }
    given = {(target, split): arrays[named[target, split]] for target in wants for split in parts}
    notices: list[str] = []
    target_labels = {}
    held_out = network.data.held_out if network.data and "test" in parts else 0
    for target, of in wants.items():
        keys = {named[target, split]: given[target, split] for split in parts}
        own = (known or {}).get(target)
        found = numbered(keys, of, known=own, held_out=held_out)
        if found is None:
            continue
        for want in of:
            require_takes_names(want, named[target, "train"], found.names, f"the target {target}")
            if len(found.names) < max(want.shape[0], 2) and not own:
                misfit = classes_misfit(f"the target {target}", want.shape[0], len(found.names))
                require(misfit and (misfit[0], f"let it end in {len(found.names)} outputs"))
        given.update({(target, split): found.arrays[named[target, split]] for split in parts})
        target_labels[target] = found.names
        notices += found.notices
    examples: dict[str, dict[str, NDArray[Any]]] = {}
    for i in graph.inputs:
        own_keys = [named[i.name, split] for split in parts]
        formed, said = in_form([as_values(arrays[key], key) for key in own_keys], own_keys, i.shape, i.tokens)
        examples[i.name] = dict(zip(parts, formed, strict=True))
        notices += said
    for split in parts:
        images = {i.name: _examples(examples[i.name][split], named[i.name, split], i) for i in graph.inputs}
        first = next(iter(images.values()))
        for key, array in images.items():
            _require_count(array, named[key, split], first, named[graph.inputs[0].name, split])
        labels = dict.fromkeys(targets(graph), _no_targets(first)) | {
            target: _target(given[target, split], named[target, split], first, of) for target, of in wants.items()
        }
        one_in, one_out = len(graph.inputs) == 1, len(graph.outputs) == 1
        splits[split] = Split(first if one_in else images, next(iter(labels.values())) if one_out else labels)
    for target in wants:
        kinds = {(a.dtype.kind, a.shape[1:]) for a in (_of(splits[s].labels, target) for s in parts)}
        if len(kinds) > 1:
            raise DataError(
                f"{listing([named[target, s] for s in parts], 'and')} are not of one kind: classes and numbers",
                "give all as whole numbers, or all as floats of one shape",
            )
    for i in graph.inputs:
        train, *others = (facts(_of(splits[s].images, i.name), named[i.name, s]) for s in parts)
        for other in others:
            require(unlike(train, other, i.tokens))
    cut = "test" not in splits
    splits, drawing, places = _divided(splits, network.data, groups, name, learned=learned)
    notices += [drawing] if drawing else []
    one_out = len(graph.outputs) == 1
    dataset = Dataset.of(
        name,
        splits["train"],
        splits["test"],
        next(iter(target_labels.values()), ()) if one_out else (),
        tuple(notices),
        preparation=Preparation(draw=RULE) if network.data and network.data.group_array else None,
        validation=splits.get(VALIDATION),
        target_labels={} if one_out else target_labels,
        cut=cut,
    )
    return replace(dataset, groups=places)


def _divided(
    splits: dict[str, Split], data: DataSource | None, groups: Groups | None, name: str, *, learned: bool
) -> Divided:
    """Return the parts with what is drawn."""
    if data and data.group_array:
        return divided_by_group(splits, groups, data, name, learned=learned)
    if "test" in splits:
        return Divided(splits)
    train, test, said = drawn_test(splits["train"], data.test if data else None, name)
    return Divided({**splits, "train": train, "test": test}, said)


def plain_arrays(
    arrays: Mapping[str, Any], graph: Graph, *, learns: bool = True
) -> tuple[dict[str, tuple[Any, Any]], dict[str, tuple[str, str]]]:
    """Return the examples and targets of each part, and what they are called; `learns` says whether targets are needed.

    Raises:
        DataError: one is missing, or there is one more.
    """
    named = _keys(arrays, graph, learns=learns)
    x, y = graph.inputs[0].name, graph.outputs[0].target
    parts = dict.fromkeys(split for _, split in named)
    called = {split: (named[x, split], named.get((y, split), named[x, split])) for split in parts}
    return {
        split: (arrays[one], arrays[other] if other != one else _no_targets(as_values(arrays[one], one)))
        for split, (one, other) in called.items()
    }, called


def _no_targets(examples: NDArray[Any]) -> NDArray[np.int32]:
    """Return what stands in the place of targets where outputs are compared with nothing of the data."""
    return np.zeros(len(examples) if examples.ndim else 0, np.int32)


def _keys(arrays: Mapping[str, Any], graph: Graph, *, learns: bool) -> Keys:
    """Return the key that each input and target has among some arrays, by its name and the split."""
    names = names_of_arrays(graph)
    named = _chosen(arrays, names, learns=learns)
    # What a loss without targets was given before it needed none.
    unread = {f"{o.name}_{split}" for o in graph.outputs if not o.loss.compares for split in SPLITS}
    more = [key for key in arrays if key not in named.values() and key not in unread]
    if more:
        near = nearest(str(more[0]), names.possible())
        fix = f"did you mean {near}?" if near else f"the network takes {listing(names.shown(), 'and')}"
        raise DataError(f"data has an array {more[0]!r} that the network has no use for", fix)
    return named


def _chosen(there: Collection[str], names: ArrayNames, where: str = "data", *, learns: bool) -> Keys:
    """Return the keys of the arrays among some; raises DataError where one is missing that is needed."""
    found, missing = names.chosen(there)
    if missing and not learns:
        found, missing = names.without_targets().chosen(there)
    if missing:
        raise DataError(*names.lacks(missing, there, where))
    return found


def read_named_npz(
    path: Path, network: Network, graph: Graph, known: Mapping[str, tuple[str, ...]] | None, reading: Reading
) -> Dataset:
    """Return the dataset in a `.npz` file of arrays by name; others in it are not read.

    Args:
        path: of the file.
        network: what they are for.
        graph: of it.
        known: the names of the classes that a model has learned, by the targets that have some.
        reading: says which array has the groups.

    Raises:
        DataError: the file cannot be read, lacks an array, or holds one that does not fit.
    """
    named: Keys = {}
    grouped: dict[str, str] = {}

    def choose(there: Collection[str]) -> list[str]:
        names = names_of_arrays(graph, network.data)
        named.update(_chosen(there, names, str(path), learns=network.needs_targets))
        grouped.update(reading.group_keys(there, str(path)))
        return [*named.values(), *grouped.values()]

    arrays = npz.arrays_of(path, str(path), choose)
    try:
        groups = groups_of_arrays(arrays, grouped) if grouped else None
        return from_named_arrays(
            arrays, network, graph, name=str(path), known=known, named=named, groups=groups, learned=reading.learned
        )
    except DataError as error:
        raise DataError(f"{path}: {error.message}", error.fix) from error


def read_arrays(source: Path | IO[bytes], names: Sequence[str], *, name: str) -> list[NDArray[Any]]:
    """Return arrays in a `.npz` file by their names; others in it are not read.

    Args:
        source: its path, or what is in it.
        names: of the arrays.
        name: what messages call the file.

    Raises:
        DataError: the file cannot be read, or lacks one.
    """
    found = npz.arrays_of(source, name, lambda _: names)
    return [found[key] for key in names]


def _of(arrays: Any, name: str) -> NDArray[Any]:
    found: NDArray[Any] = arrays[name] if isinstance(arrays, Mapping) else arrays
    return found


def _examples(given: NDArray[Any], name: str, wanted: GraphInput) -> NDArray[Any]:
    """Return the examples of one input, formed already, in its shape; raises DataError where they do not fit."""
    if wanted.tokens:
        numbers = as_tokens(given, name, wanted.tokens)
        require(examples_wrong(facts(numbers, name), wanted.tokens))
        images: NDArray[Any] = numbers
    else:
        images = given[:, None] if given.ndim == 3 and len(wanted.shape) != 2 else given
    # Of one array alone no labels are known: it is brought to its shape as a dataset is.
    alone = Split(images, np.zeros(len(images), np.int32))
    try:
        return fit(Dataset(name, alone, alone, (), (), ""), wanted.shape, resizable=False).train.images
    except DataError as error:
        raise DataError(error.message, f"the input {wanted.name} is {format_shape(wanted.shape)}") from None


def _require_count(array: NDArray[Any], name: str, first: NDArray[Any], of: str) -> None:
    if len(array) != len(first):
        raise DataError(
            f"{of} has {len(first):,} examples, {name} {len(array):,}", "give one row of each for every example"
        )


def _target(given: Any, name: str, examples: NDArray[Any], wants: Sequence[Wanted]) -> NDArray[Any]:
    """Return targets as all outputs take them that are compared with them; raises DataError where they do not fit."""
    array = as_values(given, name)
    if not array.ndim:
        raise DataError(f"{name} is one number", "give one row for every example")
    _require_count(array, name, examples, "the input")
    first, *others = (as_target(array, name, examples, want) for want in wants)
    if any(other.dtype != first.dtype or other.shape != first.shape for other in others):
        raise DataError(
            f"{name} is classes to one output and numbers to another", "give each output a target of its own: `target=`"
        )
    for want in wants:
        if first.dtype.kind == "i" and first.ndim == 1 and want.ignore is None and "class" in want.loss.targets:
            require_range(first, name, max(want.shape[0], 2))
    return first
