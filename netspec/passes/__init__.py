"""Rewrites of the graph, each a pure function Graph → Graph in its own file, in the order listed here.

What comes out has the outputs and the gradients of what went in, up to float32 rounding. The declared graph remains
what shapes, costs, budgets and `Model.features` are about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from inspect import getdoc
from sys import modules

from netspec.graph.graph import Graph
from netspec.passes.fold_affine import fold_affine
from netspec.passes.fuse_loss import fuse_loss
from netspec.passes.merge_padding import merge_padding
from netspec.passes.merge_reshapes import merge_reshapes
from netspec.passes.pool_first import pool_first
from netspec.passes.remove_dead_code import remove_dead_code
from netspec.passes.remove_noise import remove_noise
from netspec.passes.rewrite import Mode
from netspec.passes.sink_affine import sink_affine
from netspec.passes.split_batch_norm import split_batch_norm

__all__ = ["PASSES", "Mode", "Pass", "history", "optimize"]


@dataclass(frozen=True, slots=True)
class Pass:
    """A rewrite, and the modes it is for."""

    rewrite: Callable[[Graph], Graph]
    modes: tuple[Mode, ...] = (Mode.TRAINING, Mode.INFERENCE)

    @property
    def name(self) -> str:
        """The name of its function, and of its file."""
        return self.rewrite.__name__

    @property
    def documentation(self) -> str:
        """What it does, where, and what it is worth: the text at the head of its file."""
        return getdoc(modules[self.rewrite.__module__]) or ""

    @property
    def summary(self) -> str:
        """The first line of its documentation."""
        return self.documentation.partition("\n")[0]


_INFERENCE = (Mode.INFERENCE,)

PASSES: tuple[Pass, ...] = (
    Pass(fuse_loss),
    Pass(remove_noise, _INFERENCE),
    Pass(merge_reshapes),
    Pass(remove_dead_code),
    Pass(merge_padding),
    Pass(split_batch_norm, _INFERENCE),
    Pass(sink_affine, _INFERENCE),
    Pass(fold_affine, _INFERENCE),
    Pass(pool_first),
)


def history(graph: Graph, mode: Mode) -> Iterator[tuple[Pass, Graph]]:
    """Yield each pass for a mode, and the graph after it."""
    for each in PASSES:
        if mode in each.modes:
            graph = each.rewrite(graph)
            yield each, graph


def optimize(graph: Graph, mode: Mode) -> Graph:
    """Return the graph after all passes for a mode."""
    for _, rewritten in history(graph, mode):
        graph = rewritten
    return graph
