"""Outputs in the unit of what they are compared with: the numbers of a table are standardized in training."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec.graph.graph import Graph
from netspec.sources.preparation import Preparation

__all__ = ["Unit", "columns_of", "units_of"]

Unit: TypeAlias = Callable[[NDArray[Any]], NDArray[Any]]
"""Takes outputs, or targets, as they are learned, (N, K), and returns them in their own unit."""


def units_of(graph: Graph, preparation: Preparation | None) -> Mapping[str, Unit]:
    """Return what brings outputs into their own units, by their names; none for one that is so already."""
    table = preparation.table if preparation else None
    if table is None:
        return {}
    found: dict[str, Unit] = {}
    for output in graph.outputs:
        targets = table.targets
        if len(graph.outputs) > 1:
            targets = tuple(target for target in targets if target.column == output.target)
        if any((t.mean, t.std, t.log) != (0.0, 1.0, False) for t in targets):
            mean, std = (np.array([getattr(t, name) for t in targets]) for name in ("mean", "std"))
            found[output.name] = _unit(mean, std, np.array([t.log for t in targets]))
    return found


def columns_of(graph: Graph, preparation: Preparation | None) -> tuple[str, ...]:
    """Return the columns of a table that one output learns as numbers, where they are several."""
    table = preparation.table if preparation else None
    if table is None or len(graph.outputs) > 1 or len(table.targets) < 2:
        return ()
    return tuple(target.column for target in table.targets)


def _unit(mean: NDArray[np.float64], std: NDArray[np.float64], log: NDArray[np.bool_]) -> Unit:
    def in_unit(values: NDArray[Any]) -> NDArray[Any]:
        found = np.asarray(values, np.float64) * std + mean
        with np.errstate(over="ignore"):
            return np.where(log, np.exp(np.where(log, found, 0.0)), found)

    return in_unit
