"""Graph to a function: a plan of how each operation is computed, and the walk that runs them in order."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import jax
import jax.numpy as jnp

from netspec.backends.jax.derive import derive, look_up
from netspec.backends.jax.emitters import EMITTERS, MERGERS, EmitContext, OpContext
from netspec.backends.jax.kernels.arrange import convert
from netspec.graph.graph import Graph
from netspec.planning import CHANNELS_FIRST, Layout, Plan

__all__ = ["EMITTERS", "MERGERS", "Batch", "Tree", "run_graph"]

Tree: TypeAlias = dict[str, dict[str, jax.Array]]
"""Arrays by node and name: `tree["conv_1"]["kernel"]`."""

Batch: TypeAlias = jax.Array | dict[str, jax.Array]
"""What there is one of for each example, (N, …): one array, or of several inputs or outputs each by its name."""


class _Values:
    """The values of a run, each in the layout it was made in, and in others once they were asked for."""

    def __init__(self, given: Mapping[int, jax.Array]) -> None:
        self.made: dict[int, dict[Layout, jax.Array]] = {value: {CHANNELS_FIRST: x} for value, x in given.items()}

    def put(self, value: int, layout: Layout, x: jax.Array) -> None:
        """Keep a value."""
        self.made[value] = {layout: x}

    def get(self, value: int, layout: Layout) -> jax.Array:
        """Return a value in a layout."""
        have = self.made[value]
        if layout not in have:
            source, x = next(iter(have.items()))
            have[layout] = convert(x, source, layout)
        return have[layout]


def run_graph(
    graph: Graph,
    params: Mapping[str, Mapping[str, jax.Array]],
    state: Mapping[str, Mapping[str, jax.Array]],
    x: Batch,
    *,
    wanted: Iterable[int],
    plan: Plan,
    train: bool = False,
    rng: jax.Array | None = None,
    derived: Mapping[str, jax.Array] | None = None,
    axis_name: str | None = None,
    begin: int = 0,
    frozen: frozenset[str] = frozenset(),
) -> tuple[dict[int, jax.Array], Tree]:
    """Run the graph.

    Args:
        graph: what to run.
        params: trained arrays by node and name.
        state: running averages by node and name.
        x: a batch of inputs, (N, *shape): the one input, or each by its name.
        wanted: the values to return.
        plan: how each operation is computed, and in which layout.
        train: whether dropout drops and batch normalization uses the batch.
        rng: JAX key; needed when the graph drops values in training.
        derived: the derived arrays that operations read, by path; computed here unless given.
        axis_name: of the devices that share the batch, if several do.
        begin: the value that `x` is, where it is not what flows in: only what follows it runs.
        frozen: the arrays that training leaves as they are: batch normalization with such averages uses them.

    Returns:
        The wanted values, channels first, and the state after the run.
    """
    # Weights say what is computed in; token numbers do not.
    dtype = next((array.dtype for arrays in params.values() for array in arrays.values()), jnp.float32)
    ctx = EmitContext(train, rng, {node: dict(arrays) for node, arrays in state.items()}, axis_name, dtype, frozen)
    derived = derive(graph, params, state) if derived is None else derived
    named = {index: x[given.name] for index, given in enumerate(graph.inputs)} if isinstance(x, dict) else {begin: x}
    values = _Values(named)
    first = next((at + 1 for at, operation in enumerate(graph.operations) if operation.output == begin), 0)
    for operation, decision in list(zip(graph.operations, plan.decisions, strict=True))[first:]:
        layout = decision.strategy.layout
        read = [values.get(i, layout) for i in operation.inputs]
        merger = MERGERS.get(type(operation.op))
        if merger:
            made = merger(operation.op, read, layout)
        else:
            arrays = [
                derived[path] if path in derived else look_up(path, params, ctx.state) for path in operation.parameters
            ]
            op_ctx = OpContext(operation, layout, decision.strategy.name, tuple(read[1:]))
            made = EMITTERS[type(operation.op)](operation.op, ctx, op_ctx, read[0], arrays)
        values.put(operation.output, layout, made)
    return {v: values.get(v, CHANNELS_FIRST) for v in wanted}, ctx.state
