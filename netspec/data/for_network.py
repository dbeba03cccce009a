"""The dataset of a network, loaded and checked; without JAX."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, TypeAlias

from numpy.typing import ArrayLike, NDArray

from netspec import data as datasets
from netspec.data.arrays.arrays import dataset_of
from netspec.data.arrays.groups import groups_of_arrays
from netspec.data.arrays.named import (
    array_names,
    from_named_arrays,
    is_plain,
    names_of_arrays,
    plain_arrays,
    read_named_npz,
    targets,
)
from netspec.data.checks import as_tokens
from netspec.data.class_names import require_takes_names
from netspec.data.files.pictures import load_pictures
from netspec.data.fitting import fit
from netspec.data.labels import check_labels, require_no_validation
from netspec.data.named_data import names_to_try
from netspec.data.shares import with_drawn_validation
from netspec.data.tables.tables import columns_in_memory, load_table, load_table_file
from netspec.data.targets import Wanted, wanted
from netspec.data.texts.classes import load_text_classes, require_columns_of_texts
from netspec.data.texts.tagged import load_tagged
from netspec.data.texts.texts import load_text
from netspec.data.types import Dataset, DownloadProgress, Split
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.recipe.array_files import ARRAY_ENDINGS, holds_arrays
from netspec.recipe.catalog import find
from netspec.recipe.class_names import are_numbers
from netspec.recipe.file_names import is_table_name
from netspec.sources.files.pictures import holds_pictures
from netspec.sources.kinds import require_kind
from netspec.sources.preparation import Preparation
from netspec.sources.tables.table import table_of_columns
from netspec.system.arguments import described
from netspec.system.files import expanded, kind_of

__all__ = ["Data", "load_data"]


class Frame(Protocol):
    """A table in memory, as those of pandas and Polars are."""

    @property
    def columns(self) -> Any:
        """The names of the columns."""

    def __getitem__(self, name: Any) -> Any: ...


Data: TypeAlias = (
    "str | Path | Dataset | tuple[ArrayLike, ArrayLike] | tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike] "
    "| Mapping[str, ArrayLike] | Frame "
    "| Sequence[Mapping[str, Any]] | NDArray[Any]"
)
"""A dataset's name or path, one already loaded, the arrays (x, y) or (x_train, y_train, x_test, y_test), arrays by
name, or a table: a frame, a dictionary of columns, or rows that are dictionaries; examples alone where nothing else is
needed."""


def load_data(
    network: Network,
    data: Data | None = None,
    *,
    graph: Graph | None = None,
    base: Path | None = None,
    progress: DownloadProgress | None = None,
    preparation: Preparation | None = None,
    known: Mapping[str, tuple[str, ...]] | None = None,
) -> Dataset:
    """Return the dataset to use with a network; its labels fit.

    Args:
        network: what it must fit.
        data: instead of what the network names.
        graph: of the network; traced here unless given.
        base: the folder that paths in the network's spec are relative to.
        progress: called while a dataset is downloaded.
        preparation: of a trained model, by which its data is read.
        known: the names of the classes that a model of the network has learned, by the targets that have some.

    Raises:
        DataError: when it cannot be had, or does not fit the network.
    """
    graph = trace(network) if graph is None else graph
    dataset = _load(network, graph, data, base, progress, preparation, known or {})
    fitted = dataset.preparation
    is_drawn = fitted is not None and (fitted.table is not None or fitted.draw > 1)
    if network.data and network.data.group and not is_drawn and preparation is None:
        group = network.data.group
        fix = "leave `group` out, or give the data that the spec is written for"
        if not isinstance(data, Dataset) or (network.data.validation and dataset.validation is None):
            raise DataError(f"`group {group}` is of other data: {dataset.name} does not say what stays together", fix)
    if network.data and isinstance(network.data.validation, float) and not is_drawn and len(dataset.train):
        require_no_validation(network.data.validation, dataset)
        dataset = with_drawn_validation(dataset, network.data.validation)
    if network.needs_targets:
        check_labels(graph, dataset)
    for output in graph.outputs if len(graph.outputs) > 1 else ():
        names = dataset.target_labels.get(output.target)
        if names:
            require_takes_names(wanted(network, graph.only(output)), f"the target {output.target}", names, dataset.name)
    return dataset


def _load(
    network: Network,
    graph: Graph,
    data: Data | None,
    base: Path | None,
    progress: DownloadProgress | None,
    preparation: Preparation | None,
    known: Mapping[str, tuple[str, ...]],
) -> Dataset:
    reading = datasets.Reading(
        names_of_arrays(graph, network.data),
        shape=network.input if len(network.inputs) == 1 else None,
        test=network.data.test if network.data else None,
        learns=network.needs_targets,
        known=known.get(graph.outputs[0].target),
        held_out=network.data.held_out if network.data else 0,
        grouped=network.data if network.data and network.data.group_array else None,
        learned=preparation is not None,
    )
    if isinstance(data, Dataset):
        return _loaded(network, graph, data)
    if data is not None and not isinstance(data, str | Path):
        return _in_memory(network, graph, data, reading, preparation, known, base)
    if isinstance(data, str) and ("://" in data or "\0" in data or not data):
        wrong = "is a URL" if "://" in data else "is no path" if data else "is empty"
        raise DataError(f"data {wrong}", "give a dataset's name, or the path of a file or folder on this machine")
    names, notices = names_to_try(network, data, base)
    dataset = _file_of(network, graph, names, preparation, known, reading, progress, base or network.folder)
    return replace(dataset, notices=(*notices, *dataset.notices))


def _in_memory(
    network: Network,
    graph: Graph,
    data: Any,
    reading: datasets.Reading,
    preparation: Preparation | None,
    known: Mapping[str, tuple[str, ...]],
    base: Path | None,
) -> Dataset:
    """Return the dataset of columns, two or four arrays, or arrays by name."""
    want = _wanted(network, graph)
    if hasattr(data, "shape") and not hasattr(data, "columns") and not network.needs_targets:
        data = {"x": data}
    columns = columns_in_memory(data, named=network.data is not None and network.data.is_table)
    if columns is not None:
        source = network.data or DataSource(name="columns")
        table = replace(table_of_columns(columns, "data"), folder=base or Path())
        return load_table(table, network, graph, source, preparation, name="arrays")
    if isinstance(data, tuple | list):
        if reading.grouped and not reading.learned:
            group = reading.grouped.group_array
            fix = f"give a dictionary of arrays: {{'x': x, 'y': y, {group!r}: …}}"
            raise DataError(f"`group` names the array {group}, and arrays in a row have no names", fix)
        _require_one_of_each(graph, "four arrays")
        if len(data) == 2 and not all(isinstance(each, tuple | list) and len(each) == 2 for each in data):
            whole = {"train": (data[0], data[1])}
            made = dataset_of(whole, {"train": ("x", "y")}, reading, network.tokens, want=want)
            return _by_target(graph, fit(made, network.input, resizable=False))
        if len(data) != 4:
            pairs = len(data) == 2 and all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in data)
            wrong = "two pairs" if pairs else plural(len(data), "array")
            more = "; those for validation go by name: {'x_train': …, 'x_val': …, 'y_val': …}" if len(data) == 6 else ""
            raise DataError(
                f"data has {wrong}", f"give two arrays, (x, y), or four: (x_train, y_train, x_test, y_test){more}"
            )
        dataset = datasets.from_arrays(*data, shape=network.input, tokens=network.tokens, want=want, reading=reading)
        return _by_target(graph, dataset)
    if isinstance(data, Mapping):
        keys = reading.group_keys(list(data), "data")
        groups = groups_of_arrays(data, keys) if keys else None
        # An array may be the groups and a target both.
        read = {key: array for key, array in data.items() if key not in keys.values()} if is_plain(graph) else data
        if is_plain(graph):
            parts, called = plain_arrays(read, graph, learns=reading.learns)
            made = dataset_of(parts, called, reading, network.tokens, want=want, groups=groups)
            return fit(made, network.input, resizable=False)
        return from_named_arrays(read, network, graph, known=known, groups=groups, learned=reading.learned)
    raise DataError(f"data cannot be {described(data)}", _what_data_can_be(data))


def _what_data_can_be(data: Any) -> str:
    """Return what to give in place of something that is no data, by what a program may have meant by it."""
    if hasattr(data, "shape"):
        return "give examples and targets: (x, y), or (x_train, y_train, x_test, y_test)"
    if hasattr(data, "dataset") or (hasattr(data, "__getitem__") and hasattr(data, "__len__")):
        return "give its examples and targets as two arrays, (x, y): netspec draws the batches itself"
    if hasattr(data, "__iter__") and not isinstance(data, set | frozenset):
        return "collect it in two arrays first, and give (x, y): examples are read more than once"
    return "give a name, a path, two arrays (x, y), or four: (x_train, y_train, x_test, y_test)"


def _file_of(
    network: Network,
    graph: Graph,
    names: Sequence[str],
    preparation: Preparation | None,
    known: Mapping[str, tuple[str, ...]],
    reading: datasets.Reading,
    progress: DownloadProgress | None,
    base: Path | None,
) -> Dataset:
    """Return the dataset of the first name that is to be had: a table, a text, pictures, arrays, or a built-in one."""
    path = expanded(names[0], DataError)
    require_kind(network.data, path, names[0])
    classes = network.data is not None and network.data.has_classes_of_texts
    if _is_table(network, names[0]):
        if preparation and not preparation.table:
            message = f"{names[0]} is a table, but the model has not learned from one"
            raise DataError(message, "give data of the kind that it has learned from")
        source = network.data or DataSource(name=path.name)
        if classes:
            require_columns_of_texts(path)
        return load_table_file(path, network, graph, source, preparation, folder=base, progress=progress)
    learned = next(iter(known.values()), ())
    if network.data and network.data.is_tagged:
        return _by_target(graph, load_tagged(path, network, fitted=preparation))
    if network.data and classes:
        texts = load_text_classes(path, network, known=learned, fitted=preparation, folder=base)
        return _by_target(graph, texts)
    if network.data and network.data.is_text and not names[0].lower().endswith(ARRAY_ENDINGS):
        shape = graph.shape(graph.output)
        return load_text(path, network.data, shape, preparation, tokens=network.tokens, folder=base)
    if holds_pictures(path) and not find(names[0]):
        pictures = load_pictures(path, network, graph, known=learned, fitted=preparation, progress=progress)
        return _by_target(graph, pictures)
    if not reading.names.is_plain:
        return _named_file(network, graph, names, known, reading)
    want = _wanted(network, graph)
    dataset = datasets.load(
        names, shape=network.input, tokens=network.tokens, progress=progress, want=want, reading=reading
    )
    return _by_target(graph, dataset)


def _is_table(network: Network, name: str) -> bool:
    """Return whether data is a table: by its name, or because the spec names columns of it."""
    if find(name) or holds_arrays(expanded(name, DataError), DataError):
        return False
    if network.data is not None and network.data.is_tagged:
        return False
    return is_table_name(name) or (network.data is not None and network.data.is_table)


def _wanted(network: Network, graph: Graph) -> Wanted | None:
    """Return what labels are to be; None where there are none, or where outputs of several kinds share them."""
    if network.reconstructs:
        return None
    compared = [output for output in graph.outputs if output.loss.compares] or graph.outputs
    first, *others = (wanted(network, graph.only(output)) for output in compared)
    return first if all(other == first for other in others) else None


def _loaded(network: Network, graph: Graph, data: Dataset) -> Dataset:
    """Return a loaded dataset as the network takes it; raises DataError where it does not fit."""
    named = isinstance(data.train.images, Mapping) or isinstance(data.train.labels, Mapping)
    if not named:
        _require_one_of_each(graph, f"{data.name}, which has one input and one target,")
        _require_kind(network, data)
        return _by_target(graph, fit(data, network.input, resizable=False))
    arrays = {}
    for split, part in (("train", data.train), ("test", data.test), ("val", data.validation)):
        for kind, one in ((part.images, "x"), (part.labels, "y")) if part else ():
            for name, array in kind.items() if isinstance(kind, Mapping) else ((one, kind),):
                arrays[f"{name}_{split}"] = array
    made = from_named_arrays(arrays, network, graph, name=data.name)
    return replace(made, notices=data.notices, labels=data.labels, target_labels=data.target_labels)


def _require_one_of_each(graph: Graph, what: str) -> None:
    """Raise DataError where a network takes more than examples and one target for each."""
    if len(graph.inputs) > 1 or len(targets(graph)) > 1:
        named = listing(array_names(graph), "and")
        raise DataError(f"{what} are not all that {graph.name} learns from", f"give a dictionary of {named}")


def _by_target(graph: Graph, dataset: Dataset) -> Dataset:
    """Return a dataset of one target for a network of several outputs that are all compared with it."""
    if len(graph.outputs) == 1:
        return dataset
    (target,) = targets(graph)
    train, test, validation = (
        part and Split(part.images, {target: part.labels}, part.originals)
        for part in (dataset.train, dataset.test, dataset.validation)
    )
    assert train is not None
    assert test is not None
    named = {} if are_numbers(dataset.labels) else {target: dataset.labels}
    return replace(dataset, train=train, test=test, validation=validation, target_labels=named)


def _named_file(
    network: Network,
    graph: Graph,
    names: Sequence[str],
    known: Mapping[str, tuple[str, ...]],
    reading: datasets.Reading,
) -> Dataset:
    """Return the dataset in the first `.npz` file that is there, of arrays by name."""
    paths = [expanded(name, DataError) for name in names]
    path = next((path for path in paths if kind_of(path, DataError)), paths[-1])
    if find(str(names[paths.index(path)])) or not (path.suffix.lower() == ".npz" or holds_arrays(path, DataError)):
        _require_one_of_each(graph, f"the examples and labels of {path}")
    return read_named_npz(path, network, graph, known, reading)


def _require_kind(network: Network, dataset: Dataset) -> None:
    """Raise DataError where a loaded dataset has token numbers and the network takes none, or the other way round."""
    if network.tokens:
        for what, split in (("x_train", dataset.train), ("x_test", dataset.test)):
            as_tokens(split.images, f"{dataset.name}: {what}", network.tokens)
    elif dataset.train.images.dtype.kind == "i":
        raise DataError(
            f"{dataset.name} holds token numbers, but the network takes plain ones",
            "write how many there are: `input 64 tokens=1000`",
        )
