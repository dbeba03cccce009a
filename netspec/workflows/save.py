"""A model file of variables that a program has trained itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from netspec.backends.jax.inputs.call_arguments import require_variables, variable_shapes
from netspec.backends.jax.model import Model, Variables
from netspec.diagnostics.diagnostic import DataError, RunError
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.model_file import ModelFile
from netspec.system.arguments import as_path, described, require_kind

__all__ = ["save_model"]


def save_model(path: str | Path, model: Model, variables: Variables, labels: Sequence[str] = ()) -> Path:
    """Write a model file; see `netspec.save_model`."""
    file = as_path(path, "path", "mine.safetensors", RunError)
    require_kind(model, Model, "model", "a Model", "ns.compile(network) makes one")
    if file.suffix != ".safetensors":
        raise RunError(
            f"{file} is no name of a model file", f"it ends in .safetensors: {file.with_suffix('.safetensors')}"
        )
    require_variables(variables, variable_shapes(model.graph))
    names = _labels(labels, model)
    arrays = {name: np.asarray(a, np.float32) for name, a in run_folders.arrays_of(variables).items()}
    bad = next((name for name, array in arrays.items() if not np.isfinite(array).all()), None)
    if bad:
        raise DataError(f"{bad} has numbers that are not finite", "save the variables of before they became so")
    try:
        model_file.write(file, ModelFile(model.network, model.graph, arrays, names, {}))
    except OSError as error:
        raise RunError(f"{file} cannot be written: {error.strerror}", "choose another folder") from None
    return file


def _labels(labels: Any, model: Model) -> tuple[str, ...]:
    """Return the names of the classes; raises DataError where they cannot be."""
    if isinstance(labels, str) or not isinstance(labels, Sequence) or not all(isinstance(x, str) for x in labels):
        raise DataError(
            f"labels are a list of class names, not {described(labels)}", 'for example labels=["cat", "dog"]'
        )
    names = tuple(labels)
    if len(set(names)) < len(names):
        raise DataError("two labels are the same", "each class has a name of its own")
    outputs = model.graph.outputs
    count = model.graph.shape(outputs[0].index)[0]
    if names and (len(outputs) > 1 or len(names) != max(count, 2)):
        raise DataError(f"{len(names)} labels for {count} outputs", "give one for each, in their order")
    return names
