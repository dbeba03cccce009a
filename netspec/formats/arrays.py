"""Derived arrays, such as a kernel with a scale in it, by NumPy; and how weights are named elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.graph.graph import Graph
from netspec.ops import BatchNorm, MatMul
from netspec.ops import derived as formulas

__all__ = ["derived_arrays", "torch_names"]


def derived_arrays(graph: Graph, arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the derived arrays of a graph by path, computed in double precision from the arrays of its parameters."""
    made: dict[str, NDArray[Any]] = {}
    for path, derived in graph.derived.items():
        sources = [made[s] if s in made else arrays[s].astype(np.float64) for s in derived.sources]
        made[path] = _FORMULAS[type(derived.formula)](derived.formula, *sources)
    return {path: np.asarray(array, np.float32) for path, array in made.items()}


def torch_names(graph: Graph) -> dict[str, str]:
    """Return the names that PyTorch's own layers give to arrays, by path: `conv_1.weight` for `conv_1/kernel`."""
    norms = {path.rpartition("/")[0] for o in graph.operations if isinstance(o.op, BatchNorm) for path in o.parameters}
    projections = {path for o in graph.operations if isinstance(o.op, MatMul) for path in o.parameters}
    return {path: _torch_name(path, norms, projections) for path in graph.parameters}


def _torch_name(path: str, norms: set[str], projections: set[str]) -> str:
    node, _, name = path.rpartition("/")
    known = {"kernel": "weight", "scale": "weight", "offset": "bias", "slope": "weight", "vector": "weight"}
    if node in norms:
        known |= {"mean": "running_mean", "variance": "running_var"}
    if name.startswith(("weight_ih", "weight_hh", "bias_ih", "bias_hh")):
        # PyTorch counts the layers of a recurrence.
        base, _, suffix = name.partition("_reverse") if name.endswith("_reverse") else (name, "", "")
        return f"{node}.{base}_l0" + ("_reverse" if name.endswith("_reverse") else suffix)
    if path in projections and name == "out_proj_weight":
        return f"{node}.out_proj.weight"
    if name == "out_proj_bias":
        return f"{node}.out_proj.bias"
    return f"{node}.{known.get(name, name)}"


def _aligned(a: NDArray[Any], axes: int) -> NDArray[Any]:
    """Return an array with as many axes: one number a channel is for all positions."""
    return a.reshape(*a.shape, *[1] * (axes - a.ndim))


def _pair(combine: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]) -> Callable[..., NDArray[Any]]:
    def combined(_: formulas.Formula, a: NDArray[Any], b: NDArray[Any]) -> NDArray[Any]:
        axes = max(a.ndim, b.ndim)
        return combine(_aligned(a, axes), _aligned(b, axes))

    return combined


def _spread(formula: formulas.Spread, a: NDArray[Any]) -> NDArray[Any]:
    return np.broadcast_to(_aligned(a, len(formula.to)), formula.to).reshape(-1)


def _scale_columns(formula: formulas.ScaleColumns, kernel: NDArray[Any], factors: NDArray[Any]) -> NDArray[Any]:
    grouped = kernel.reshape(formula.groups, -1, *kernel.shape[1:])
    return (grouped * _aligned(factors.reshape(formula.groups, 1, -1), grouped.ndim)).reshape(kernel.shape)


def _row_sums(formula: formulas.RowSums, kernel: NDArray[Any], constants: NDArray[Any]) -> NDArray[Any]:
    grouped = kernel.reshape(formula.groups, -1, *kernel.shape[1:])
    taps = grouped.sum(axis=tuple(range(3, grouped.ndim)))
    return np.einsum("grc,gc->gr", taps, constants.reshape(formula.groups, -1)).reshape(-1)


_FORMULAS: Mapping[type[formulas.Formula], Callable[..., NDArray[Any]]] = {
    formulas.NormScale: lambda formula, scale, variance: scale / np.sqrt(variance + formula.epsilon),
    formulas.NormOffset: lambda _, offset, mean, factor: offset - mean * factor,
    formulas.Sum: _pair(np.add),
    formulas.Product: _pair(np.multiply),
    formulas.Spread: _spread,
    formulas.ScaleRows: lambda _, kernel, factors: kernel * _aligned(factors, kernel.ndim),
    formulas.ScaleColumns: _scale_columns,
    formulas.RowSums: _row_sums,
}
