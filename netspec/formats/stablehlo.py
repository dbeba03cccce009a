"""StableHLO by `jax.export`: any number of examples, for processors and CUDA at once, the weights inside.

`jax.export.deserialize(file.read_bytes()).call(x)` runs it; of several inputs `x` is a dictionary by their names, and
of several outputs what is returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export
from numpy.typing import NDArray

from netspec.backends.jax.emit import EMITTERS, MERGERS, run_graph
from netspec.formats.format import Format, NotInstalledError, Options
from netspec.formats.program import Input, Program
from netspec.planning import Overrides, make_plan, rates_here

__all__ = ["StableHlo"]

_TYPES: Mapping[str, Any] = {"bytes": np.uint8, "floats": np.float32, "tokens": np.int32}


class StableHlo(Format):
    """A serialized `jax.export.Exported`."""

    name = "stablehlo"
    summary = "a program of XLA, the weights inside"
    file = "model.stablehlo"
    checker = "jax"
    extra = "flatbuffers"
    folded = True
    holds = frozenset({*EMITTERS, *MERGERS})

    def write(self, program: Program, target: Path, options: Options) -> None:
        """Lower the network for both platforms, and serialize it."""
        del options
        try:
            import flatbuffers  # noqa: F401, PLC0415
        except ImportError:
            raise NotInstalledError from None
        (count,) = export.symbolic_shape("n")
        shaped: Any = jax.ShapeDtypeStruct
        given = {i.name: shaped((count, *i.shape), _TYPES[i.kind]) for i in program.inputs}
        exported = export.export(jax.jit(lambda x: _run(program, x)), platforms=("cpu", "cuda"))(_one(given))
        target.write_bytes(exported.serialize())

    def run(self, program: Program, target: Path, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what the deserialized program computes."""
        given = {i.name: np.asarray(inputs[i.name], _TYPES[i.kind]) for i in program.inputs}
        exported: Any = export.deserialize(bytearray(target.read_bytes()))
        made = exported.call(_one(given))
        return [np.asarray(made[o.name] if isinstance(made, dict) else made) for o in program.outputs]


def _one(named: dict[str, Any]) -> Any:
    """Return the only value, or all by their names."""
    return named if len(named) > 1 else next(iter(named.values()))


def _run(program: Program, x: Any) -> Any:
    given = x if isinstance(x, dict) else {program.inputs[0].name: x}
    prepared = {i.name: _prepared(i, given[i.name]) for i in program.inputs}
    network, graph = program.trained.network, program.graph
    plan = make_plan(
        graph,
        platform="cpu",
        batch=network.recipe.batch,
        gradient=False,
        timings=None,
        rates=rates_here(),
        overrides=Overrides.of(network.compile),
    )
    arrays = {path: jnp.asarray(array) for path, array in program.arrays.items()}
    wanted = [output.value for output in program.outputs]
    values, _ = run_graph(graph, {}, {}, _one(prepared), wanted=wanted, plan=plan, derived=arrays)
    return _one({output.name: values[output.value] for output in program.outputs})


def _prepared(given: Input, x: jax.Array) -> jax.Array:
    if given.kind == "bytes":
        return x.astype(jnp.float32) * given.factor + given.offset
    return x
