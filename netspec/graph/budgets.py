"""`assert params < 100k`: does the network keep its budgets?"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping

from netspec.diagnostics.diagnostic import Diagnostic, Places
from netspec.graph.graph import Graph, NodeCost
from netspec.graph.memory import augment_bytes, inference_bytes, training_bytes
from netspec.ir.network import Budget, Network

__all__ = ["QUANTITIES", "check_budgets"]

QUANTITIES: Mapping[str, Callable[[Network, Graph], int]] = {
    "params": lambda _, graph: graph.parameter_count,
    "flops": lambda _, graph: graph.flops,
    "memory": training_bytes,
    "inference_memory": inference_bytes,
}
"""What each quantity of an `assert` is."""

_RELATIONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

_SHARES: Mapping[str, Callable[[NodeCost], int]] = {
    "params": lambda cost: cost.parameters,
    "flops": lambda cost: cost.flops,
    "memory": lambda cost: cost.bytes,
    "inference_memory": lambda cost: cost.bytes,
}

_MAX_MISSED = 20

_UNITS = {
    "params": "parameters",
    "flops": "FLOPs an example",
    "memory": "in training",
    "inference_memory": "in inference",
}


def check_budgets(network: Network, graph: Graph, places: Places) -> list[Diagnostic]:
    """Return a diagnostic for each budget that is not kept."""
    found = {quantity: QUANTITIES[quantity](network, graph) for quantity in {b.quantity for b in network.budgets}}
    missed = [
        (index, budget)
        for index, budget in enumerate(network.budgets)
        if not _RELATIONS[budget.relation](found[budget.quantity], budget.limit)
    ]
    return [
        _exceeded(budget, found[budget.quantity], network, graph, places, index)
        for index, budget in missed[:_MAX_MISSED]
    ]


def _amount(value: float, memory: bool) -> str:
    """Return a number as it is, or bytes in the unit that suits them."""
    if not memory:
        return f"{value:,}"
    power = next((p for p in (3, 2, 1) if value >= 1024**p), 0)
    return f"{value / 1024**power:,.4g} {('B', 'KiB', 'MiB', 'GiB')[power]}"


def _exceeded(budget: Budget, found: int, network: Network, graph: Graph, places: Places, index: int) -> Diagnostic:
    memory = budget.quantity in {"memory", "inference_memory"}
    unit = _UNITS[budget.quantity]
    place = places.get(f"assert {index}")
    notes: tuple[str, ...] = ()
    if budget.relation in {"<", "<="}:
        costs = sorted(graph.costs(network), key=_SHARES[budget.quantity], reverse=True)[:3]
        shares = [f"{c.name} (`{c.text}`) {_amount(_SHARES[budget.quantity](c), memory)}" for c in costs]
        of = "most of it is in the activations, for one example" if memory else "most of it"
        notes = (f"{of}: {'; '.join(shares)}",)
    amount, limit = _amount(found, memory), _amount(budget.limit, memory)
    verb = "needs" if memory else "has"
    message = f"the network {verb} {amount} {unit}; the budget is {budget.relation} {limit}"
    fix = "change the layers, or the budget"
    if budget.quantity == "memory":
        fix = "a smaller `batch` needs less; or change the layers, or the budget"
        augment = augment_bytes(network, graph)
        if notes and 2 * augment > found:
            notes = (f"most of it is what `augment` takes, {_amount(augment, memory)}",)
            fix = "a smaller `batch` needs less; or change `augment`, or the budget"
    return Diagnostic("E0501", message, place.span if place else None, "", notes, fix)
