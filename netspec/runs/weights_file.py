"""Trained weights to start from: a run folder, a model file, or a safetensors file of arrays by the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import ModelFileError
from netspec.recipe.weights_header import FLOATS, read_header
from netspec.runs import files as run_files
from netspec.runs import model_file
from netspec.runs.listing import newest
from netspec.system.files import open_to_read

__all__ = ["WeightsFile", "read_weights"]


@dataclass(frozen=True, eq=False, slots=True)
class WeightsFile:
    """The arrays of a file by their paths, such as `conv_1/kernel`, in float32.

    Attributes:
        path: of the file; of a run folder, that of the model that was taken.
        sha256: of the whole file.
        arrays: those of numbers.
        shapes: of all arrays, those that are no floats among them.
    """

    path: Path
    sha256: str
    arrays: Mapping[str, NDArray[np.float32]]
    shapes: Mapping[str, tuple[int, ...]]


def read_weights(path: Path) -> WeightsFile:
    """Read the weights of a run folder, a model file, or another safetensors file.

    Raises:
        RunError: when there is no such run or file.
        ModelFileError: when it is another kind of file, or is damaged.
    """
    folder = newest(path)
    file = run_files.model_path(folder)
    header = read_header(file)
    if header.format == "netspec-checkpoint":
        raise ModelFileError(f"{file} is a checkpoint, not a model", "give its run folder, or its best.safetensors")
    if header.format == "netspec":
        content = model_file.read(file)
        if file != folder and (folder / run_files.MANIFEST).is_file():
            run_files.require_own_model(file, content.seal, run_files.read_manifest(folder))
        arrays: Mapping[str, NDArray[Any]] = content.arrays
    else:
        arrays = _plain(file)
    shapes = {name: array.shape for name, array in header.arrays.items()}
    return WeightsFile(file, run_files.digest_of(file), arrays, shapes)


def _plain(path: Path) -> dict[str, NDArray[np.float32]]:
    """Return the arrays of floats in a safetensors file that is no model of ours."""
    header, found = read_header(path), {}
    try:
        with open_to_read(path) as stream:
            for name, array in header.arrays.items():
                if array.dtype in FLOATS:
                    stream.seek(header.begin + array.start)
                    found[name] = _floats(stream.read(array.bytes), array.dtype).reshape(array.shape)
    except (OSError, ValueError, MemoryError) as error:
        raise ModelFileError(f"{path} cannot be read: {error}", "copy it again from where it was whole") from None
    return found


def _floats(data: bytes, dtype: str) -> NDArray[np.float32]:
    if dtype == "BF16":
        # The upper half of a float32.
        return (np.frombuffer(data, "<u2").astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        return np.frombuffer(data, {"F16": "<f2", "F32": "<f4", "F64": "<f8"}[dtype]).astype(np.float32)
