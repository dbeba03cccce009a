"""PyTorch: one readable module, and its state."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from numpy.typing import NDArray

from netspec.formats.format import Format, Options
from netspec.formats.program import Program
from netspec.formats.python.process import run_file
from netspec.formats.torch.emitters import EMITTERS
from netspec.formats.torch.origins import KEY, origins_of
from netspec.formats.torch.writer import source_of

__all__ = ["Torch"]

_CALL = """\
import torch
with torch.no_grad():
    made = module.load()(*(torch.from_numpy(array) for array in inputs))
made = [made[name].numpy() for name in {names!r}] if isinstance(made, dict) else [made.numpy()]
"""


class Torch(Format):
    """A `.py` and a `.safetensors`; the state is loaded strictly."""

    name = "torch"
    summary = "a readable module of PyTorch, and its weights"
    file = "model_torch.py"
    suffixes = (".safetensors",)
    checker = "torch"
    holds = frozenset(EMITTERS)

    def write(self, program: Program, target: Path, options: Options) -> None:
        """Write the program and its state."""
        del options
        weights = target.with_suffix(".safetensors")
        text, state = source_of(program, weights.name)
        target.write_text(text, encoding="utf-8")
        metadata = {"format": "pt", KEY: origins_of(state, program.arrays)}
        contiguous = {name: np.asarray(array, order="C") for name, array in state.items()}
        weights.write_bytes(safetensors.numpy.save(contiguous, metadata))

    def run(self, program: Program, target: Path, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what the program computes where netspec cannot be imported."""
        given = [np.asarray(inputs[i.name], np.int64 if i.kind == "tokens" else None) for i in program.inputs]
        return run_file(target.absolute(), "torch", given, _CALL.format(names=[o.name for o in program.outputs]))
