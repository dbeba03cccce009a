"""The plans of a model: how each operation is computed, by the batch, and with gradients or without."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

import jax

from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.planning import OpInstance, Overrides, Plan, Recorded, Timings, make_plan, op_instances, rates_here
from netspec.planning.explain import Line, explain
from netspec.planning.record import plan_lines, recorded_plan

__all__ = ["Plans", "Tune"]

Tune: TypeAlias = Callable[[Sequence[OpInstance], jax.Device], Timings]
"""Measures what a device takes for some operations, as far as that is not known yet."""


class Plans:
    """How the graphs of a model are computed on its device, each plan made when it is first needed.

    Attributes:
        rates: what is expected where nothing was measured.

    Args:
        network: whose graphs they are.
        training: what is run with gradients.
        inference: what is run without.
        device: what computes.
        tune: gives measured times; expected ones are used without.
        recorded: the plans of a run that goes on: they come before both.
    """

    def __init__(
        self,
        network: Network,
        training: Graph,
        inference: Graph,
        device: jax.Device,
        tune: Tune | None,
        recorded: Recorded | None,
    ) -> None:
        self._network, self._training, self._inference = network, training, inference
        self._device = device
        self._tune = tune
        self.rates = recorded.rates if recorded else rates_here()
        plans = recorded.plans if recorded else {}
        self._recorded = {(self._planned(batch, g)[1], g): lines for (batch, g), lines in plans.items()}
        self._made: dict[tuple[int, int, bool], Plan] = {}

    def of_batch(self, batch: int, *, gradient: bool) -> Plan:
        """Return the plan for a batch: of training with gradients, or of inference without."""
        return self.of(*self._planned(batch, gradient), gradient)

    def of(self, graph: Graph, batch: int, gradient: bool) -> Plan:
        """Return the plan of a graph for so many examples at once."""
        key = (id(graph), batch, gradient)
        if key not in self._made:
            self._made[key] = self._recorded_plan(graph, batch, gradient) or make_plan(
                graph, overrides=Overrides.of(self._network.compile), **self.known(graph, batch, gradient)
            )
        return self._made[key]

    def lines(self, batch: int, *, gradient: bool) -> list[str]:
        """Return how each operation is computed, as a run records it."""
        graph, at_once = self._planned(batch, gradient)
        return plan_lines(graph, self.of(graph, at_once, gradient))

    def explain(self, batch: int, *, gradient: bool) -> Iterator[Line]:
        """Yield a line for each operation of a plan: how it is computed, and why."""
        graph, batch = self._planned(batch, gradient)
        return explain(graph, self.of(graph, batch, gradient), **self.known(graph, batch, gradient))

    def known(self, graph: Graph, batch: int, gradient: bool) -> dict[str, Any]:
        """Return what plans are made from: where, for which batch, and what was measured."""
        timings = self._tune(op_instances(graph, batch, gradient=gradient), self._device) if self._tune else None
        return {
            "platform": self._device.platform,
            "batch": batch,
            "gradient": gradient,
            "timings": timings,
            "rates": self.rates,
        }

    def _planned(self, batch: int, gradient: bool) -> tuple[Graph, int]:
        """Return what runs on a batch, and how many examples go through it at once."""
        if gradient:
            return self._training, batch
        return self._inference, self._network.at_once(batch)

    def _recorded_plan(self, graph: Graph, batch: int, gradient: bool) -> Plan | None:
        lines = self._recorded.get((batch, gradient))
        if lines is None:
            return None
        platform = self._device.platform
        return recorded_plan(graph, lines, platform=platform, batch=batch, gradient=gradient, rates=self.rates)
