"""Keras 3: one readable functional model, and its variables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from netspec.formats.format import Format, Options
from netspec.formats.keras.emitters import EMITTERS
from netspec.formats.keras.writer import source_of
from netspec.formats.program import Program
from netspec.formats.python.process import run_file
from netspec.formats.weights import write_npz
from netspec.ops import Op

__all__ = ["Keras"]

_CALL = """\
made = module.load()(inputs if len(inputs) > 1 else inputs[0])
made = [made[name] for name in {names!r}] if isinstance(made, dict) else [made]
"""


class Keras(Format):
    """A `.py` and an `.npz`; each variable must be there."""

    name = "keras"
    summary = "a readable functional model of Keras 3, and its variables"
    file = "model_keras.py"
    suffixes = (".npz",)
    checker = "keras"
    holds = frozenset(EMITTERS)

    def write(self, program: Program, target: Path, options: Options) -> None:
        """Write the program and its variables."""
        del options
        weights = target.with_suffix(".npz")
        text, state = source_of(program, weights.name)
        target.write_text(text, encoding="utf-8")
        write_npz(weights, state)

    def unheld(self, program: Program) -> Mapping[str, Sequence[str]]:
        """Return what it cannot hold: also weights that are read in several ways, for a layer has its own."""
        found = dict(super().unheld(program))
        ways: dict[str, dict[tuple[Op, tuple[str, ...]], str]] = {}
        for operation in program.graph.operations:
            for path in operation.parameters:
                ways.setdefault(path, {})[operation.op, operation.parameters] = operation.node
        nodes = dict.fromkeys(node for each in ways.values() if len(each) > 1 for node in each.values())
        return {**found, **({"weights shared by different layers": list(nodes)} if nodes else {})}

    def run(self, program: Program, target: Path, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what the program computes, on JAX, where netspec cannot be imported."""
        given = [inputs[i.name] for i in program.inputs]
        return run_file(target.absolute(), "keras", given, _CALL.format(names=[o.name for o in program.outputs]))
