"""Steps per call of the compiled program, and steps between two fetches of the losses."""

from __future__ import annotations

from netspec import ops
from netspec.graph.graph import Graph

__all__ = ["depends_on_batch", "log_interval", "steps_per_call"]

_CPU, _OTHER = 16, 32


def steps_per_call(graph: Graph, platform: str) -> int:
    """Return how many steps a call takes best.

    A call costs 0.05 to 0.1 ms, which a small step on a GPU does not take much longer than itself. On a CPU XLA
    computes convolutions within a loop many times slower than outside of one (jax issue 12868), so that a network with
    convolutions goes step by step there.

    Args:
        graph: what is trained.
        platform: `cpu`, `gpu` …
    """
    if platform != "cpu":
        return _OTHER
    return 1 if any(isinstance(o.op, ops.Conv | ops.ConvTranspose) for o in graph.operations) else _CPU


def log_interval(steps_per_epoch: int, per_call: int = 1) -> int:
    """Return how many steps lie between two fetches of the losses: 20 an epoch, at most about 50 steps apart.

    Args:
        steps_per_epoch: steps in an epoch.
        per_call: steps in a call, of which the interval is a multiple.
    """
    return max(1, round(max(1, min(50, steps_per_epoch // 20)) / per_call)) * per_call


def depends_on_batch(graph: Graph) -> bool:
    """Return whether an example's outputs depend on the others in its batch, in training."""
    return any(isinstance(o.op, ops.BatchNorm) for o in graph.operations)
