"""Weights alone, in safetensors and in NumPy's npz."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from netspec.formats.arrays import torch_names
from netspec.formats.format import Format, Options
from netspec.formats.program import Arrays, Program

__all__ = ["Npz", "Safetensors", "weights", "write_npz"]


def weights(program: Program, options: Options) -> dict[str, NDArray[Any]]:
    """Return the arrays of a network by the names that are asked for, sorted by these."""
    names = torch_names(program.trained.graph) if options.torch_names else {}
    arrays = {names.get(path, path): np.ascontiguousarray(a) for path, a in program.trained.arrays.items()}
    assert len(arrays) == len(program.trained.arrays), "two arrays have one name"
    return dict(sorted(arrays.items()))


def write_npz(file: Path, arrays: Arrays) -> None:
    """Write arrays by name, under the name of the file as it is: `np.savez` would add an ending."""
    given: dict[str, Any] = dict(arrays)
    with file.open("wb") as stream:
        np.savez(stream, **given)


class Safetensors(Format):
    """Arrays by name in a safetensors file."""

    name = "safetensors"
    summary = "weights alone"
    file = "model.safetensors"
    checker = "safetensors"
    computes = False

    def write(self, program: Program, target: Path, options: Options) -> None:
        """Write the arrays, and as metadata the name, the hash of the model file and the version of netspec."""
        facts = {name: text for name, text in program.trained.facts.items() if name not in {"spec", "preparation"}}
        target.write_bytes(safetensors.numpy.save(weights(program, options), {"format": "np", **facts}))

    def run(self, program: Program, target: Path, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the arrays as the safetensors package reads them."""
        del program, inputs
        found = safetensors.numpy.load_file(target)
        return [found[name] for name in sorted(found)]


class Npz(Format):
    """Arrays by name in an npz archive."""

    name = "npz"
    summary = "weights alone"
    file = "model.npz"
    checker = "numpy"
    computes = False

    def write(self, program: Program, target: Path, options: Options) -> None:
        """Write the arrays."""
        write_npz(target, weights(program, options))

    def run(self, program: Program, target: Path, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return the arrays as NumPy reads them."""
        del program, inputs
        with np.load(target, allow_pickle=False) as found:
            return [found[name] for name in sorted(found.files)]
