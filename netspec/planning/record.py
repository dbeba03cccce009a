"""A plan as a run records it, and read back: a run is resumed with the strategies it was begun with.

The bits of a training depend on how each operation is computed. What a newer netspec or JAX, or other measured times,
would choose instead is for new runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from netspec.graph.graph import Graph, Operation
from netspec.planning.cost import expected
from netspec.planning.layouts import LAYOUTS
from netspec.planning.op_instance import Strategy
from netspec.planning.plan import Decision, Plan, op_instances
from netspec.planning.rates import Rates

__all__ = ["Recorded", "plan_lines", "recorded_plan"]


@dataclass(frozen=True, slots=True)
class Recorded:
    """What a run recorded of how it is computed.

    Attributes:
        rates: those its plans were made with; plans that it did not record are made with them too.
        plans: the lines of each plan, by examples at a time and whether gradients are computed.
    """

    rates: Rates
    plans: Mapping[tuple[int, bool], Sequence[str]] = field(default_factory=dict)


def plan_lines(graph: Graph, plan: Plan) -> list[str]:
    """Return a line for each operation of a plan: `conv_1 Conv: winograd, batch_last, expected`."""
    return [
        f"{_name(operation)}: {', '.join(filter(None, (d.strategy.name, d.strategy.layout.name, d.why)))}"
        for operation, d in zip(graph.operations, plan.decisions, strict=True)
    ]


def recorded_plan(
    graph: Graph, lines: Sequence[str], *, platform: str, batch: int, gradient: bool, rates: Rates
) -> Plan | None:
    """Return the plan that lines are of; None where they are of another graph, or of unknown strategies."""
    found = [_LINE.fullmatch(line) for line in lines]
    if [m and m["name"] for m in found] != [_name(operation) for operation in graph.operations]:
        return None

    def decisions() -> Iterator[Decision]:
        for instance, m in zip(op_instances(graph, max(batch, 1), gradient=gradient), found, strict=True):
            assert m
            strategy = Strategy(m["strategy"] or "", LAYOUTS[m["layout"]])
            if strategy in instance.strategies():
                yield Decision(strategy, m["why"], expected(instance, strategy, platform, rates))

    plan = Plan(tuple(decisions()))
    return plan if len(plan.decisions) == len(graph.operations) else None


_LINE = re.compile(
    rf"(?P<name>[^:]+): ((?P<strategy>\w+), )?(?P<layout>{'|'.join(LAYOUTS)}), (?P<why>.+)", re.ASCII | re.DOTALL
)


def _name(operation: Operation) -> str:
    return f"{operation.node} {type(operation.op).__name__}"
