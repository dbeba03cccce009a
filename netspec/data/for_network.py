"""The dataset of a network, loaded and checked; without JAX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import ArrayLike

from netspec import data as datasets
from netspec.data.arrays import KEYS
from netspec.data.checks import as_tokens
from netspec.data.fitting import fit
from netspec.data.labels import check_labels
from netspec.data.types import Dataset, DownloadProgress
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.ir.network import Network
from netspec.recipe.catalog import find
from netspec.system.arguments import described
from netspec.system.files import kind_of

__all__ = ["Data", "data_path", "load_data", "require_same"]

Data: TypeAlias = "str | Path | Dataset | tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]"
"""A dataset's name or path, one already loaded, or the arrays (x_train, y_train, x_test, y_test)."""


def load_data(
    network: Network,
    data: Data | None = None,
    *,
    graph: Graph | None = None,
    base: Path | None = None,
    progress: DownloadProgress | None = None,
) -> Dataset:
    """Return the dataset to use with a network; its labels fit.

    Args:
        network: what it must fit.
        data: instead of what the network names.
        graph: of the network; traced here unless given.
        base: the folder that paths in the network's spec are relative to.
        progress: called while a dataset is downloaded.

    Raises:
        DataError: when it cannot be had, or does not fit the network.
    """
    if isinstance(data, Dataset):
        _require_kind(network, data)
        dataset = fit(data, network.input, resizable=False)
    elif isinstance(data, tuple | list):
        if len(data) != 4:
            pairs = len(data) == 2 and all(isinstance(pair, tuple | list) and len(pair) == 2 for pair in data)
            wrong = "two pairs" if pairs else plural(len(data), "array")
            raise DataError(f"data has {wrong}", "give four arrays: (x_train, y_train, x_test, y_test)")
        dataset = datasets.from_arrays(*data, shape=network.input, tokens=network.tokens)
    elif data is not None and not isinstance(data, str | Path):
        named = isinstance(data, Mapping) and set(KEYS) <= set(data)
        fix = f"give tuple(data[name] for name in {KEYS})" if named else "give a name, a path, or four arrays"
        raise DataError(f"data cannot be {described(data)}", fix)
    elif isinstance(data, str) and ("://" in data or "\0" in data or not data):
        wrong = "is a URL" if "://" in data else "is no path" if data else "is empty"
        raise DataError(f"data {wrong}", "give a dataset's name, or the path of a file or folder on this machine")
    else:
        names, notices = _names(network, data, base)
        dataset = datasets.load(names, shape=network.input, tokens=network.tokens, progress=progress)
        dataset = replace(dataset, notices=(*notices, *dataset.notices))
    if not network.reconstructs:
        check_labels(trace(network) if graph is None else graph, dataset)
    return dataset


def data_path(folder: Path, network: Network, manifest: Mapping[str, Any], *, arrays: str) -> str | None:
    """Return where the data of a run is that does not come by the name in its spec; None where it does.

    Args:
        folder: the run folder.
        network: what was trained.
        manifest: the run's lock.json.
        arrays: what to do where there were arrays in memory, for the message.

    Raises:
        DataError: when it is not there any more, or cannot be looked for.
    """
    path: str | None = manifest.get("data_path")
    if path is None:
        if not network.data or not find(network.data.name):
            raise DataError(f"{folder} learned from arrays in memory", arrays)
    elif kind_of(Path(path), DataError) is None:
        raise DataError(f"the data of {folder} is no longer at {path}", "say where it is: --data PATH")
    return path


def require_same(folder: Path, manifest: Mapping[str, Any], dataset: Dataset, *, fix: str) -> None:
    """Raise DataError when a dataset is not the one that a run learned from, by its SHA-256."""
    if dataset.sha256 != manifest.get("data_sha256"):
        raise DataError(
            f"{dataset.name} is not what {folder} learned from: its SHA-256 is {dataset.sha256[:12]}…, "
            f"that was {str(manifest.get('data_sha256'))[:12]}…",
            fix,
        )


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


def _names(network: Network, data: str | Path | None, base: Path | None) -> tuple[list[str], list[str]]:
    """Return the datasets to try, in their order, and what to say of one that is left out."""
    if data is not None:
        return [str(data)], []
    if network.data is None:
        raise DataError(
            "the spec names no dataset", "add `data mnist` or `data digits` to it, or give one: --data digits"
        )
    source, name = network.data, _inside(network.data.name, base)
    if source.fallback is None:
        return [name], []
    fallback = _inside(source.fallback, base)
    if find(name) is None and kind_of(Path(name), DataError) is None:
        return [fallback], [f"{source.name} does not exist: using {source.fallback}"]
    return [name, fallback], []


def _inside(name: str, base: Path | None) -> str:
    """Return a name as it is, and a path of a spec as one inside the spec's own folder."""
    if find(name) or base is None:
        return name
    path = (base / name).resolve()
    if not path.is_relative_to(base.resolve()):
        raise DataError(
            f"the spec's data path {name} leads outside the spec's folder",
            "name other files with --data PATH",
        )
    return str(path)
