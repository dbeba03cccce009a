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
from netspec.data.fitting import fit
from netspec.data.targets import Wanted, as_target, wanted
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.diagnostics.suggest import nearest
from netspec.graph.graph import Graph, GraphInput, GraphOutput
from netspec.ir.network import Network
from netspec.ops import format_shape
from netspec.recipe.array_facts import examples_wrong, unlike
from netspec.system.files import kind_of

__all__ = [
    "array_names",
    "from_named_arrays",
    "is_plain",
    "plain_arrays",
    "read_arrays",
    "read_named_npz",
    "targets",
]

_SPLITS = ("train", "test")


def is_plain(graph: Graph) -> bool:
    """Return whether a network takes one array of examples and one of targets, as datasets have them."""
    return len(graph.inputs) == 1 and len(graph.outputs) == 1


def targets(graph: Graph) -> dict[str, list[GraphOutput]]:
    """Return the outputs by the name of the target that they are compared with, those that are compared at all."""
    found: dict[str, list[GraphOutput]] = {}
    for output in graph.outputs:
        found.setdefault(output.target, []).append(output)
    return {target: [o for o in outputs if o.loss.compares] or outputs for target, outputs in found.items()}


def array_names(graph: Graph) -> tuple[str, ...]:
    """Return how the arrays of a network are named, inputs before targets: `photo_train`, …, `age_test`."""
    names = [short or own for own, short in _shown_names(graph).items()]
    return tuple(f"{name}_{split}" for split in _SPLITS for name in names)


def _shown_names(graph: Graph) -> dict[str, str]:
    """Return what each input and target may be called too, by its name: the only one is `x`, or `y`."""
    inputs, compared = [i.name for i in graph.inputs], list(targets(graph))
    shown = {name: "x" if len(inputs) == 1 else "" for name in inputs}
    return {**shown, **{name: "y" if len(compared) == 1 else "" for name in compared}}


def from_named_arrays(arrays: Mapping[str, Any], network: Network, graph: Graph, *, name: str = "arrays") -> Dataset:
    """Return the dataset of arrays by name.

    Args:
        arrays: `NAME_train` and `NAME_test` for each input and each target; the only input may be called `x`, the only
            target `y`.
        network: what they are for.
        graph: of it.
        name: what to call the dataset.

    Raises:
        DataError: one is missing, or does not fit; it is named.
    """
    named = _keys(arrays, graph)
    splits: dict[str, Split] = {}
    wants = {target: [wanted(network, graph.only(o)) for o in outputs] for target, outputs in targets(graph).items()}
    for split in _SPLITS:
        images = {i.name: _examples(arrays[named[i.name, split]], named[i.name, split], i) for i in graph.inputs}
        first = next(iter(images.values()))
        for key, array in images.items():
            _require_count(array, named[key, split], first, named[graph.inputs[0].name, split])
        labels = {
            target: _target(arrays[named[target, split]], named[target, split], first, of)
            for target, of in wants.items()
        }
        one_in, one_out = len(graph.inputs) == 1, len(graph.outputs) == 1
        splits[split] = Split(first if one_in else images, next(iter(labels.values())) if one_out else labels)
    for target in wants:
        kinds = {(a.dtype.kind, a.shape[1:]) for a in (_of(splits[s].labels, target) for s in _SPLITS)}
        if len(kinds) > 1:
            raise DataError(
                f"{named[target, 'train']} and {named[target, 'test']} are not of one kind: classes and numbers",
                "give both as whole numbers, or both as floats of one shape",
            )
    for i in graph.inputs:
        parts = [facts(_of(splits[s].images, i.name), named[i.name, s]) for s in _SPLITS]
        require(unlike(parts[0], parts[1], i.tokens))
    return Dataset.of(name, splits["train"], splits["test"], ())


def plain_arrays(arrays: Mapping[str, Any], graph: Graph) -> tuple[Any, Any, Any, Any]:
    """Return (x_train, y_train, x_test, y_test) of arrays by name, for a network of one input and one output.

    Raises:
        DataError: one is missing, or there is one more.
    """
    named = _keys(arrays, graph)
    order = [(name, split) for split in _SPLITS for name in (graph.inputs[0].name, graph.outputs[0].target)]
    x_train, y_train, x_test, y_test = (arrays[named[each]] for each in order)
    return x_train, y_train, x_test, y_test


def _keys(arrays: Mapping[str, Any], graph: Graph) -> dict[tuple[str, str], str]:
    """Return the key that each input and target has among some arrays, by its name and the split."""
    shown = _shown_names(graph)
    named = {
        (own, split): _choose(arrays, own, short, split, graph) for own, short in shown.items() for split in _SPLITS
    }
    # What a loss without targets was given before it needed none.
    unread = {f"{o.name}_{split}" for o in graph.outputs if not o.loss.compares for split in _SPLITS}
    more = [key for key in arrays if key not in named.values() and key not in unread]
    if more:
        near = nearest(str(more[0]), [f"{own}_{split}" for own, split in named])
        fix = f"did you mean {near}?" if near else f"the network takes {listing(array_names(graph), 'and')}"
        raise DataError(f"data has an array {more[0]!r} that the network has no use for", fix)
    return named


def read_named_npz(path: Path, network: Network, graph: Graph) -> Dataset:
    """Return the dataset in a `.npz` file of arrays by name; others in it are not read.

    Raises:
        DataError: the file cannot be read, lacks an array, or holds one that does not fit.
    """

    def choose(there: Mapping[str, Any]) -> list[str]:
        shown = _shown_names(graph).items()
        return [_choose(there, own, short, split, graph, str(path)) for own, short in shown for split in _SPLITS]

    arrays = _in_archive(path, str(path), choose)
    try:
        return from_named_arrays(arrays, network, graph, name=str(path))
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


def _choose(arrays: Mapping[str, Any], own: str, short: str, split: str, graph: Graph, where: str = "data") -> str:
    """Return the key that an input or a target has among some arrays."""
    names = [f"{name}_{split}" for name in (short, own) if name]
    found = next((name for name in names if name in arrays), None)
    if found is None:
        near = nearest(names[-1], [key for key in arrays if isinstance(key, str) and key not in array_names(graph)])
        wanted = f"it takes {listing(array_names(graph), 'and')}"
        raise DataError(f"{where} lacks {names[0]}", f"{wanted}; did you mean it by {near}?" if near else wanted)
    return found


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
