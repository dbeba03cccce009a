"""Arrays, and rows of a table in memory, that are given to a trained model: checked, and as its network takes them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec.backends.jax.inputs.batches import by_name, require_same_count
from netspec.backends.jax.model import Given
from netspec.data.arrays.forms import in_form
from netspec.data.checks import as_float32, as_values
from netspec.data.files.forms import FileForms
from netspec.data.tables.tables import columns_in_memory
from netspec.data.types import Arrays
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.network import Input, Network
from netspec.sources.preparation import Preparation
from netspec.sources.tables.table import table_of_columns
from netspec.workflows import example_files
from netspec.workflows.example_files import Examples

__all__ = ["checked", "rows_of"]


def checked(network: Network, images: Given, preparation: Preparation | None) -> Arrays:
    """Return examples as a network takes them; those of several inputs each by its name.

    Args:
        network: what they are for.
        images: the examples.
        preparation: what was fitted to the data that the network learned from.

    Raises:
        DataError: they do not fit, or have values that are not finite.
    """
    names = [given.name for given in network.inputs]
    rows = rows_of(network, images, preparation)
    images = images if rows is None else rows.array
    if len(names) == 1 and not isinstance(images, Mapping):
        return _of_input(images, network.inputs[0])
    given = by_name(images, names, "input")
    if len(names) == 1:
        return _of_input(given[names[0]], network.inputs[0])
    arrays = {i.name: _of_input(given[i.name], i, i.name) for i in network.inputs}
    require_same_count({f"the input {name}": array for name, array in arrays.items()})
    return arrays


def rows_of(network: Network, images: Given, preparation: Preparation | None) -> Examples | None:
    """Return the rows of a table in memory, or texts, as a model reads them; None of other examples.

    Args:
        network: what they are for.
        images: what is given.
        preparation: what was fitted to the data that the network learned from.

    Raises:
        DataError: a column is missing, or has what the model cannot read.
    """
    table = preparation.table if preparation else None
    names = {given.name for given in network.inputs}
    if table is None or (isinstance(images, Mapping) and set(images) <= names):
        return None
    if isinstance(images, list | tuple) and images and all(isinstance(text, str) for text in images):
        return example_files.of_texts(table, images)
    columns = columns_in_memory(images, named=True)
    if columns is None:
        return None
    rows = replace(table_of_columns(columns, "data"), folder=Path())
    return example_files.of_table(table, rows, FileForms.of(network.data, preparation))


def _of_input(images: ArrayLike, given: Input, name: str = "images") -> NDArray[Any]:
    """Return images in the form of an input, only finite values in float32; raises DataError otherwise."""
    if isinstance(images, str | os.PathLike):
        raise DataError("images are an array, not the name of a file", f"run.predict(run.read({str(images)!r}))")
    array = as_values(images, name)
    if array.ndim < 2:
        raise DataError(f"{name} of shape {array.shape} have no batch axis", "one image is x[None]")
    ((array,), _) = in_form([array], [name], given.shape, given.tokens, checked=False)
    if array.dtype.kind != "f":
        return array
    array = as_float32(array)
    if not np.isfinite(array).all():
        wrong = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
        raise DataError(
            f"image {wrong} holds values that are not finite (NaN, infinite, or too large for float32)",
            "clean them first",
        )
    return array
