"""A plan as a person reads it: for each operation how it is computed, in which layout, and why so."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from netspec.graph.graph import Graph
from netspec.ops import format_shape
from netspec.planning.op_instance import Strategy
from netspec.planning.plan import Plan, Timings, costs, op_instances
from netspec.planning.rates import Rates

__all__ = ["Line", "explain"]


@dataclass(frozen=True, slots=True)
class Line:
    """One operation of a plan.

    Attributes:
        node: the layer it belongs to.
        operation: what is computed: `Conv`.
        output: the shape that it makes of one example: `20x24x24`.
        strategy: how it is computed; "" where there is but one way.
        layout: in which layout.
        why: `expected`, `measured`, `asked for`, or why what was asked for cannot be.
        microseconds: what it alone is expected, or was measured, to take; None where no more is known than which way
            is preferred, as off the CPU without measurements.
        next_best: the fastest strategy of another name, `direct, channels_last: 120 µs`; "" where there is none. It may
            be faster: the layouts are chosen for all operations together.
    """

    node: str
    operation: str
    output: str
    strategy: str
    layout: str
    why: str
    microseconds: float | None
    next_best: str


def explain(
    graph: Graph,
    plan: Plan,
    *,
    platform: str,
    batch: int,
    gradient: bool,
    timings: Timings | None = None,
    rates: Rates | None = None,
) -> Iterator[Line]:
    """Yield a line for each operation of a graph; the arguments are those that the plan was made with."""
    listed = op_instances(graph, batch, gradient=gradient)
    for operation, instance, decision in zip(graph.operations, listed, plan.decisions, strict=True):
        strategy = decision.strategy
        known, how = costs(instance, platform, timings, list(instance.strategies()), rates)
        timed = how == "measured" or platform == "cpu"
        yield Line(
            node=operation.node,
            operation=type(operation.op).__name__,
            output=format_shape(operation.shape),
            strategy=strategy.name,
            layout=strategy.layout.name,
            why=decision.why,
            microseconds=decision.microseconds if timed else None,
            next_best=_next_best(known, strategy) if timed else "",
        )


def _next_best(known: dict[Strategy, float], chosen: Strategy) -> str:
    """Return the fastest strategy of another name; empty where there is none."""
    others = {strategy: cost for strategy, cost in known.items() if strategy.name != chosen.name}
    if not others:
        return ""
    strategy = min(others, key=others.__getitem__)
    return f"{strategy.name}, {strategy.layout.name}: {others[strategy]:,.0f} µs"
