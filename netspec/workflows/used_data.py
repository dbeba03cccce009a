"""The dataset that a training really uses: how the trained network names it, and where it lies."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from netspec.data.for_network import Data
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.recipe.array_files import ARRAY_ENDINGS
from netspec.recipe.catalog import find, last_part
from netspec.system.files import expanded, kind_of

__all__ = ["data_source_path", "named_path", "with_source"]


def data_source_path(data: Data) -> str | None:
    """Return the path of data that was named; None where it is a built-in dataset, or comes from memory.

    Raises:
        DataError: when it begins with the name of a user that there is not.
    """
    path = expanded(data, DataError) if isinstance(data, str | Path) and not find(str(data)) else None
    return str(path.resolve()) if path else None


def named_path(network: Network, dataset: Dataset, base: Path | None) -> str | None:
    """Return where the data lies that the network names and that was loaded; None where it is a built-in dataset."""
    for name in (network.data.name, network.data.fallback) if network.data else ():
        info = find(name) if name else None
        if info and info.name == dataset.name:
            return None
        # A spec names paths below its own folder only: a ~ in one is no user.
        path = (base or Path()) / name if name and not info else None
        if path and kind_of(path, DataError):
            return str(path.resolve())
    return None


def with_source(network: Network, dataset: Dataset, path: str | None, *, given: bool) -> Network:
    """Return the network naming the dataset that is really used; how its examples are prepared stays.

    Of a path given from outside only the last part stays: a model file names no folder of the machine it was made on.
    """
    source = network.data
    if source and not given:
        used = source.fallback if source.fallback and _is(dataset, source.fallback) else source.name
        info = find(used)
        used = info.name if info else used
        return network if used == source.name else _with_name(network, used)
    builtin = find(dataset.name) and path is None
    name = dataset.name if builtin else re.sub(r'["\x00-\x1f\x7f]', "_", last_part(dataset.name))
    if source and source.is_arrays and not (find(name) or name.lower().endswith(ARRAY_ENDINGS)):
        # By another name what the spec says of arrays would be said of a table.
        name += ".npz" if source.columns or source.target_arrays or source.group else ""
    return _with_name(network.model_copy(update={"data": source or DataSource(name=name)}), name)


def _is(dataset: Dataset, name: str) -> bool:
    """Return whether a loaded dataset is the one of this name in a spec."""
    info, parts = find(name), Path(name).parts
    return dataset.name == info.name if info else Path(dataset.name).parts[-len(parts) :] == parts


def _with_name(network: Network, name: str) -> Network:
    """Return a network that names one dataset, which is there."""
    assert network.data is not None
    changed: dict[str, Any] = {"name": name, "fallback": None}
    if network.data.is_tagged and network.data.text:
        # By another name it would be another kind of data.
        changed["text"] = network.data.text.model_copy(update={"tagged": True})
    if network.data.is_table and network.data.target == "label":
        # By another name it would be no table unless it says which column it learns.
        changed["target"] = network.data.target_columns
    return network.model_copy(update={"data": network.data.model_copy(update=changed)})
