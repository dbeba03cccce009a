"""The choice for a whole graph: a strategy for each operation and a layout for each value."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from netspec.graph.graph import Graph, Operation
from netspec.ir.recipe import Compile
from netspec.ops import Conv, ConvTranspose, MaxPool, Op, Shape
from netspec.planning.cost import conversion, expected
from netspec.planning.layouts import CHANNELS_FIRST, CHANNELS_LAST, LAYOUTS, Layout
from netspec.planning.op_instance import OpInstance, Strategy, native_layouts
from netspec.planning.rates import Rates, rates_here

__all__ = ["Decision", "Overrides", "Plan", "Timings", "costs", "make_plan", "op_instances"]


@dataclass(frozen=True, slots=True)
class Overrides:
    """Strategies and layout that the user asks for in place of the best known ones, by name; "auto" for none."""

    conv: str = "auto"
    deconv: str = "auto"
    pool: str = "auto"
    layout: str = "auto"

    @classmethod
    def of(cls, settings: Compile) -> Overrides:
        """Return what `compile { }` asks for."""
        return cls(settings.conv, settings.deconv, settings.pool, settings.layout)

    def strategy(self, op: Op) -> str:
        """Return what is asked for an operation."""
        for kind, wish in ((Conv, self.conv), (ConvTranspose, self.deconv), (MaxPool, self.pool)):
            if isinstance(op, kind):
                return wish
        return "auto"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided for one operation.

    Attributes:
        strategy: the algorithm and the layout.
        why: `expected`, `measured`, `asked for`, or why what was asked for cannot be.
        microseconds: what it is expected, or was measured, to take.
    """

    strategy: Strategy
    why: str
    microseconds: float


@dataclass(frozen=True, slots=True)
class Plan:
    """A choice for each operation of a graph, in its order; values come in and go out with the channels first."""

    decisions: tuple[Decision, ...]


Timings = Callable[[OpInstance], Mapping[Strategy, float]]
"""Measured microseconds of the strategies that were measured; empty where none was."""


def op_instances(graph: Graph, batch: int, *, gradient: bool) -> list[OpInstance]:
    """Return the operations of a graph with their sizes."""
    moved = dict.fromkeys(range(len(graph.inputs)), False)
    readers: dict[int, list[Op]] = {value: [] for value in (*moved, *(o.output for o in graph.operations))}
    for operation in graph.operations:
        for value in operation.inputs:
            readers[value].append(operation.op)
    found = []
    for operation in graph.operations:
        trained = any(_trained(graph, path) for path in operation.parameters)
        before = any(moved[value] for value in operation.inputs)
        moved[operation.output] = before or trained
        pooled = operation.output not in graph.wanted and [MaxPool] == [type(op) for op in readers[operation.output]]
        found.append(_problem(graph, operation, batch, gradient=gradient, input_gradient=before, pooled=pooled))
    return found


def _trained(graph: Graph, path: str) -> bool:
    return path in graph.derived or graph.parameters[path].trainable


def _problem(
    graph: Graph, operation: Operation, batch: int, *, gradient: bool, input_gradient: bool, pooled: bool
) -> OpInstance:
    return OpInstance(
        op=operation.op,
        batch=batch,
        inputs=tuple(graph.shape(value) for value in operation.inputs),
        parameters=tuple(map(graph.array_shape, operation.parameters)),
        output=operation.shape,
        gradient=gradient,
        input_gradient=gradient and input_gradient,
        # What gradients need of it is kept, so that it is written in any case.
        pooled=pooled and not gradient and isinstance(operation.op, Conv),
    )


def make_plan(
    graph: Graph,
    *,
    platform: str,
    batch: int,
    gradient: bool,
    overrides: Overrides | None = None,
    timings: Timings | None = None,
    rates: Rates | None = None,
) -> Plan:
    """Choose how to compute a graph.

    Args:
        graph: what is computed.
        platform: `cpu`, `gpu` …
        batch: examples at a time, 0 or more.
        gradient: whether gradients are computed too.
        overrides: what the user asks for.
        timings: measured times, which are believed before expected ones.
        rates: of the cost model; those of the installed JAX unless given.

    Returns:
        The plan. Each operation on its own takes its fastest strategy in its layout; the layouts are those that make
        the sum of all operations and all changes of layout between them small: the best of the uniform ones, improved
        operation by operation until no single change helps.
    """
    batch = max(batch, 1)  # none is planned like one
    overrides, rates = overrides or Overrides(), rates or rates_here()
    options = [_options(p, platform, overrides, timings, rates) for p in op_instances(graph, batch, gradient=gradient)]
    pricing = _Pricing(graph, options, batch, gradient, rates)
    starts = [[_nearest(own, layout) for own in options] for layout in LAYOUTS.values()]
    layouts = min((pricing.improved(start) for start in starts), key=pricing.total)
    return Plan(tuple(own[layout] for own, layout in zip(options, layouts, strict=True)))


_Options = Mapping[Layout, Decision]


def costs(
    instance: OpInstance,
    platform: str,
    timings: Timings | None,
    strategies: Sequence[Strategy],
    rates: Rates | None = None,
) -> tuple[dict[Strategy, float], str]:
    """Return what some strategies take in microseconds, and how that is known: `measured` or `expected`.

    An expectation is not compared with a measurement: where some were measured, the others are left out.
    """
    measured = timings(instance) if timings else {}
    known = {strategy: measured[strategy] for strategy in strategies if strategy in measured}
    if known:
        return known, "measured"
    return {strategy: expected(instance, strategy, platform, rates) for strategy in strategies}, "expected"


def _options(
    instance: OpInstance, platform: str, overrides: Overrides, timings: Timings | None, rates: Rates | None = None
) -> _Options:
    """Return the fastest choice for one operation in each of its layouts, as far as that is left open."""
    strategies, why = _allowed(instance, overrides)
    found: dict[Layout, Decision] = {}
    known, how = costs(instance, platform, timings, strategies, rates)
    for strategy, cost in known.items():
        if strategy.layout not in found or cost < found[strategy.layout].microseconds:
            found[strategy.layout] = Decision(strategy, why or how, cost)
    return found


def _allowed(instance: OpInstance, overrides: Overrides) -> tuple[list[Strategy], str]:
    """Return the strategies that the overrides allow, and why these; "" where there are no overrides."""
    strategies, why = list(instance.strategies()), ""
    name, layout = overrides.strategy(instance.op), LAYOUTS.get(overrides.layout)
    if name != "auto":
        matching = [strategy for strategy in strategies if strategy.name == name]
        reason = instance.obstacle(name, native_layouts(instance.op)[-1])
        strategies, why = (matching, "asked for") if matching else (strategies, f"not {name}: {reason}")
    if layout:
        matching = [strategy for strategy in strategies if strategy.layout == layout]
        # Of two overrides that contradict each other, that for the strategy says more.
        why = why or ("asked for" if matching else f"not {layout.name}: it has no such way")
        strategies = matching or strategies
    return strategies, why


def _nearest(own: _Options, layout: Layout) -> Layout:
    """Return a layout if the operation can have it, else one that it can have."""
    return layout if layout in own else CHANNELS_LAST if CHANNELS_LAST in own else next(iter(own))


class _Pricing:
    """What a choice of layouts costs, in microseconds."""

    def __init__(
        self, graph: Graph, options: Sequence[_Options], batch: int, gradient: bool, rates: Rates | None = None
    ) -> None:
        self.graph, self.options, self.batch, self.gradient, self.rates = graph, options, batch, gradient, rates
        self.made_by = {operation.output: i for i, operation in enumerate(graph.operations)}
        self.readers: list[list[int]] = [[] for _ in graph.operations]
        for i, operation in enumerate(graph.operations):
            for value in operation.inputs:
                if value in self.made_by:
                    self.readers[self.made_by[value]].append(i)

    def total(self, layouts: Sequence[Layout]) -> float:
        """Return the cost of the whole graph."""
        # Each edge is counted where it is read, so that none counts twice.
        return sum(
            self.options[i][layout].microseconds + self._reading(i, layout, layouts) + self._leaving(i, layout)
            for i, layout in enumerate(layouts)
        )

    def improved(self, start: Sequence[Layout]) -> list[Layout]:
        """Change the layout of one operation at a time as long as that helps, a few times over the graph."""
        layouts = list(start)
        for _ in range(8):
            before = list(layouts)
            for i, own in enumerate(self.options):
                if len(own) > 1:
                    layouts[i] = min(own, key=lambda layout: self._around(i, layout, layouts))
            if layouts == before:
                break
        return layouts

    def _around(self, i: int, layout: Layout, layouts: list[Layout]) -> float:
        """Return what depends on the layout of one operation; the present one wins a tie."""
        present, layouts[i] = layouts[i], layout
        cost = self.options[i][layout].microseconds + self._reading(i, layout, layouts) + self._leaving(i, layout)
        cost += sum(self._reading(r, layouts[r], layouts) for r in set(self.readers[i]))
        layouts[i] = present
        return cost + (0 if layout == present else 1e-3)

    def _reading(self, i: int, layout: Layout, layouts: Sequence[Layout]) -> float:
        """Return what it costs to bring the inputs of an operation into its layout."""
        cost = 0.0
        for value in set(self.graph.operations[i].inputs):
            source = layouts[self.made_by[value]] if value in self.made_by else CHANNELS_FIRST
            back = self.gradient and value in self.made_by
            shape = self.graph.shape(value)
            cost += self._conversion(shape, source, layout, gradient=back)
        return cost

    def _leaving(self, i: int, layout: Layout) -> float:
        """Return what it costs to hand the network's output on as it is declared."""
        if self.graph.operations[i].output not in self.graph.wanted:
            return 0.0
        shape = self.graph.operations[i].shape
        return self._conversion(shape, layout, CHANNELS_FIRST, gradient=self.gradient)

    def _conversion(self, shape: Shape, source: Layout, target: Layout, *, gradient: bool) -> float:
        return conversion(
            shape, self.batch, source, target, gradient=gradient, training=self.gradient, rates=self.rates
        )
