"""Data of networks with several inputs or outputs: arrays by name, `photo_train`, `age_test`, in memory or a file."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from netspec.data import npz
from netspec.data.checks import as_pixels, as_tokens, as_values, facts, require, require_range
from netspec.data.class_names import numbered, require_takes_names
from netspec.data.fitting import fit
from netspec.data.targets import Wanted, as_target, wanted
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph, GraphInput, GraphOutput
from netspec.ir.network import Network
from netspec.ops import format_shape
from netspec.recipe.array_facts import classes_misfit, examples_wrong, unlike
from netspec.recipe.array_names import SPLITS, VALIDATION, ArrayNames, Keys
from netspec.system.files import kind_of

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


def names_of_arrays(graph: Graph) -> ArrayNames:
    """Return what the arrays of a network may be called."""
    return ArrayNames.of([i.name for i in graph.inputs], list(targets(graph)))


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
) -> Dataset:
    """Return the dataset of arrays by name.

    Args:
        arrays: `NAME_train` and `NAME_test` for each input and each target, and for validation `NAME_val`; the only
            input may be called `x`, the only target `y`.
        network: what they are for.
        graph: of it.
        name: what to call the dataset.
        known: the names of the classes that a model has learned, by the targets that have some.

    Raises:
        DataError: one is missing, or does not fit; it is named.
    """
    named = _keys(arrays, graph)
    parts = [split for split in (*SPLITS, VALIDATION) if (graph.inputs[0].name, split) in named]
    splits: dict[str, Split] = {}
    wants = {target: [wanted(network, graph.only(o)) for o in outputs] for target, outputs in targets(graph).items()}
    given = {(target, split): arrays[named[target, split]] for target in wants for split in parts}
    notices: list[str] = []
    target_labels = {}
    for target, of in wants.items():
        keys = {named[target, split]: given[target, split] for split in parts}
        own, held_out = (known or {}).get(target), network.data.held_out if network.data else 0
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
    for split in parts:
        images = {i.name: _examples(arrays[named[i.name, split]], named[i.name, split], i) for i in graph.inputs}
        first = next(iter(images.values()))
        for key, array in images.items():
            _require_count(array, named[key, split], first, named[graph.inputs[0].name, split])
        labels = {
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
    one_out = len(graph.outputs) == 1
    return Dataset.of(
        name,
        splits["train"],
        splits["test"],
        next(iter(target_labels.values()), ()) if one_out else (),
        tuple(notices),
        validation=splits.get(VALIDATION),
        target_labels={} if one_out else target_labels,
    )


def plain_arrays(arrays: Mapping[str, Any], graph: Graph) -> tuple[list[Any], tuple[str, ...]]:
    """Return x_train, y_train, x_test, y_test, and where there are some x_val and y_val, with what they are called.

    Raises:
        DataError: one is missing, or there is one more.
    """
    named = _keys(arrays, graph)
    names = (graph.inputs[0].name, graph.outputs[0].target)
    keys = tuple(named[each] for split in (*SPLITS, VALIDATION) for name in names if (each := (name, split)) in named)
    return [arrays[key] for key in keys], keys


def _keys(arrays: Mapping[str, Any], graph: Graph) -> Keys:
    """Return the key that each input and target has among some arrays, by its name and the split."""
    names = names_of_arrays(graph)
    named = _chosen(arrays, names)
    # What a loss without targets was given before it needed none.
    unread = {f"{o.name}_{split}" for o in graph.outputs if not o.loss.compares for split in SPLITS}
    more = [key for key in arrays if key not in named.values() and key not in unread]
    if more:
        near = nearest(str(more[0]), names.possible())
        fix = f"did you mean {near}?" if near else f"the network takes {listing(names.shown(), 'and')}"
        raise DataError(f"data has an array {more[0]!r} that the network has no use for", fix)
    return named


def _chosen(there: Mapping[str, Any], names: ArrayNames, where: str = "data") -> Keys:
    """Return the keys of the arrays among some; raises DataError where one is missing."""
    found, missing = names.chosen(there)
    if missing:
        raise DataError(*names.lacks(missing[0], there, where))
    return found


def read_named_npz(
    path: Path, network: Network, graph: Graph, known: Mapping[str, tuple[str, ...]] | None = None
) -> Dataset:
    """Return the dataset in a `.npz` file of arrays by name; others in it are not read.

    Raises:
        DataError: the file cannot be read, lacks an array, or holds one that does not fit.
    """

    def choose(there: Mapping[str, Any]) -> list[str]:
        return list(_chosen(there, names_of_arrays(graph), str(path)).values())

    arrays = _in_archive(path, str(path), choose)
    try:
        return from_named_arrays(arrays, network, graph, name=str(path), known=known)
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
    found = _in_archive(source, name, lambda _: names)
    return [found[key] for key in names]


def _in_archive(
    source: Path | IO[bytes], name: str, choose: Callable[[Mapping[str, Any]], Sequence[str]]
) -> dict[str, NDArray[Any]]:
    """Return those arrays of a `.npz` file that are chosen by their names."""
    kind = kind_of(source, DataError) if isinstance(source, Path) else "file"
    if kind != "file":
        raise DataError(f"{name} {'is not a file' if kind else 'does not exist'}", "give the path of a .npz file")
    path = Path(name)
    try:
        with zipfile.ZipFile(source) as archive:
            there = dict.fromkeys(info.filename.removesuffix(".npy") for info in archive.infolist())
            found = npz.members(path, archive, list(dict.fromkeys(choose(there))))
            return {m.filename.removesuffix(".npy"): npz.unpacked(path, archive, m) for m in found}
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise whatever a damaged file leads them to
        raise DataError(f"{name} cannot be read as a .npz file: {error}", "write it with np.savez") from error


def _of(arrays: Any, name: str) -> NDArray[Any]:
    found: NDArray[Any] = arrays[name] if isinstance(arrays, Mapping) else arrays
    return found


def _examples(given: Any, name: str, wanted: GraphInput) -> NDArray[Any]:
    """Return the examples of one input in its shape; raises DataError where they do not fit."""
    if wanted.tokens:
        numbers = as_tokens(given, name, wanted.tokens)
        require(examples_wrong(facts(numbers, name), wanted.tokens))
        images: NDArray[Any] = numbers
    else:
        images = as_pixels(given, name)
        images = images[:, None] if images.ndim == 3 else images
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
