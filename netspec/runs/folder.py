"""Run folders: a fresh one, the models of single epochs, and the arrays of a model."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jax
import numpy as np

from netspec.backends.jax.model import Model, Variables
from netspec.diagnostics.diagnostic import RunError
from netspec.runs.files import MANIFEST
from netspec.runs.model_file import ModelFile

__all__ = [
    "arrays_of",
    "epoch_file",
    "epoch_files",
    "epoch_of",
    "fresh_folder",
    "named_folder",
    "variables_of",
]


def epoch_file(epoch: int) -> str:
    """Return the name of the file that keeps the model after an epoch, where the recipe says so."""
    return f"epoch_{epoch:03d}.safetensors"


def epoch_of(name: str) -> int | None:
    """Return which epoch's model a file of this name keeps; None where it is no such name."""
    found = re.fullmatch(r"epoch_([0-9]{3,9})\.safetensors", name)
    return int(found[1]) if found and epoch_file(int(found[1])) == name else None


def epoch_files(folder: Path) -> dict[int, Path]:
    """Return the models of single epochs in a run folder, the first one first."""
    found = {epoch_of(path.name): path for path in folder.glob("epoch_*.safetensors") if path.is_file()}
    return dict(sorted((epoch, path) for epoch, path in found.items() if epoch is not None))


def fresh_folder(parent: Path) -> Path:
    """Make the next numbered folder under `parent`: 001, 002 ….

    Raises:
        RunError: when it cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        numbers = [int(p.name) for p in parent.iterdir() if p.name.isdecimal()]
        number = max(numbers, default=0) + 1
        while True:
            folder = parent / f"{number:03d}"
            try:
                folder.mkdir()
            except FileExistsError:  # another process was faster
                number += 1
            else:
                return folder
    except OSError as error:
        raise RunError(
            f"{parent}: no run folder can be made there: {error.strerror}", "choose another with -o"
        ) from None


def named_folder(folder: Path) -> Path:
    """Make a folder of a given name.

    Raises:
        RunError: when it holds something already, or cannot be made.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder} is a file, not a folder", "choose a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        if (folder / MANIFEST).exists():
            fix = f"`netspec resume {folder}` goes on with it; or choose a new folder: nothing is overwritten"
            raise RunError(f"{folder} holds a run already", fix)
        if any(folder.iterdir()):
            raise RunError(f"{folder} holds something already", "choose a new folder: nothing is overwritten")
    except OSError as error:
        raise RunError(f"{folder} cannot be used as a run folder: {error.strerror}") from None
    return folder


def arrays_of(variables: Variables) -> dict[str, np.ndarray]:
    """Return the arrays of a model by path, on the host."""
    trees = (variables.params, variables.state)
    return {f"{node}/{name}": np.asarray(a) for tree in trees for node, own in tree.items() for name, a in own.items()}


def variables_of(file: ModelFile, model: Model) -> Variables:
    """Return a file's arrays as the variables of a model, on its device."""
    trees: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]] = ({}, {})
    for p in file.graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        trees[0 if p.trainable else 1].setdefault(node, {})[name] = file.arrays[p.path]
    return jax.device_put(Variables(*trees), model.device)
