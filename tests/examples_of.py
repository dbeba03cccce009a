"""Random examples for any network: an array for its one input and target, or several by their names."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.graph.graph import Graph, GraphOutput
from netspec.ir.network import Network

__all__ = ["inputs_of", "targets_of"]


def inputs_of(network: Network, count: int, rng: np.random.Generator, *, pixels: bool = False) -> Any:
    """Return inputs: tokens where they are some, among them one that is padding; else bytes or normal numbers."""
    drawn = {}
    for given in network.inputs:
        shape = (count, *given.shape)
        if given.tokens:
            drawn[given.name] = rng.integers(0, given.tokens, shape).astype(np.int32)
            if given.mask is not None:
                drawn[given.name][:, :-1][drawn[given.name][:, :-1] == given.mask] += 1
                drawn[given.name][0, -1] = given.mask
        elif pixels and len(shape) == 4:
            drawn[given.name] = rng.integers(0, 256, shape).astype(np.uint8)
        else:
            drawn[given.name] = rng.normal(size=shape).astype(np.float32)
    return _one(drawn)


def targets_of(network: Network, graph: Graph, count: int, rng: np.random.Generator) -> Any:
    """Return targets that the losses of a network take; labels that no one reads where there is nothing to compare."""
    compared = [o for o in graph.outputs if o.loss.compares and not network.reconstructs]
    drawn = {o.target: _targets(o, graph.shape(o.logits), count, rng) for o in compared}
    return _one(drawn or {"y": np.zeros(count, np.int32)})


def _targets(output: GraphOutput, shape: tuple[int, ...], count: int, rng: np.random.Generator) -> NDArray[Any]:
    kinds = output.loss.targets
    if kinds[0] == "class":
        return rng.integers(0, shape[0], (count, *shape[1:])).astype(np.int32)
    if kinds[0] in {"share", "pair"}:
        return rng.integers(0, 2, (count, *(() if shape == (1,) else shape))).astype(np.float32)
    return rng.normal(size=(count, *shape)).astype(np.float32)


def _one(arrays: dict[str, Any]) -> Any:
    return arrays if len(arrays) > 1 else next(iter(arrays.values()))
