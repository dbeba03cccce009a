"""Floor 4: rewrites of the graph, each a pure function Graph → Graph in its own file, in the order listed here."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce

from netspec.graph import Graph
from netspec.passes.fuse_loss import fuse_loss

__all__ = ["PASSES", "optimize"]

PASSES: tuple[Callable[[Graph], Graph], ...] = (fuse_loss,)


def optimize(graph: Graph) -> Graph:
    """Return the graph after all passes."""
    return reduce(lambda g, rewrite: rewrite(g), PASSES, graph)
