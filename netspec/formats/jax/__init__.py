"""JAX: one readable program that needs JAX and NumPy alone, and its weights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from netspec.formats.format import Format, Options
from netspec.formats.jax.emitters import EMITTERS
from netspec.formats.jax.writer import source_of
from netspec.formats.program import Program
from netspec.formats.python.process import run_file
from netspec.formats.weights import write_npz

__all__ = ["Jax"]

_CALL = """\
made = module.predict(module.load({weights!r}), *inputs)
made = [made[name] for name in {names!r}] if isinstance(made, dict) else [made]
"""


class Jax(Format):
    """A `.py` and an `.npz`."""

    name = "jax"
    summary = "a readable program of JAX and NumPy, and its weights"
    file = "model_jax.py"
    suffixes = (".npz",)
    checker = "jax"
    holds = frozenset(EMITTERS)

    def write(self, program: Program, target: Path, options: Options) -> None:
        """Write the program and its arrays."""
        del options
        weights = target.with_suffix(".npz")
        text, arrays = source_of(program, weights.name)
        target.write_text(text, encoding="utf-8")
        write_npz(weights, arrays)

    def run(self, program: Program, target: Path, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what the program computes where netspec cannot be imported."""
        given = [inputs[i.name] for i in program.inputs]
        names = [o.name for o in program.outputs]
        call = _CALL.format(weights=str(target.with_suffix(".npz").absolute()), names=names)
        return run_file(target.absolute(), "jax", given, call)
