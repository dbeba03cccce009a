"""Derived arrays, computed once for the same variables instead of with every batch."""

from __future__ import annotations

from weakref import ref

import jax

from netspec.backends.jax.derive import Arrays, derive
from netspec.graph.graph import Graph

__all__ = ["Folding"]


class Folding:
    """Computes a graph's derived arrays, and remembers those of the last variables.

    Made with every call, folded kernels cost more than they save on a small batch (`passes/fold_affine.py` has the
    figures). JAX arrays do not change, so the same arrays mean the same result; the arrays of others (NumPy) can, and
    of those nothing is remembered.
    """

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._derive = jax.jit(lambda params, state: derive(graph, params, state))
        self._last: tuple[tuple[ref[jax.Array], ...], dict[str, jax.Array]] = ((), {})

    def __call__(self, params: Arrays, state: Arrays) -> dict[str, jax.Array]:
        """Return the derived arrays that the graph's operations read, by path."""
        if not self._graph.derived:
            return {}
        leaves = jax.tree.leaves((params, state))
        known, arrays = self._last
        if len(known) == len(leaves) and all(old() is leaf for old, leaf in zip(known, leaves, strict=True)):
            return arrays
        arrays = self._derive(params, state)
        if all(isinstance(leaf, jax.Array) and not isinstance(leaf, jax.core.Tracer) for leaf in leaves):
            self._last = tuple(map(ref, leaves)), arrays
        return arrays
