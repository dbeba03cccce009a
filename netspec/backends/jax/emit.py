"""Graph to a function: a table from operations to kernels, and the walk that runs them in order.

Values of shape (channels, height, width) live on the device as (N, H, W, C), sequences (features, length) as
(N, L, D); callers see (N, C, H, W) and (N, D, L).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import jax

from netspec.backends.jax.derive import derive, look_up
from netspec.backends.jax.emitters import EMITTERS, MERGERS, Run, from_device_layout, to_device_layout
from netspec.graph import Graph

__all__ = ["EMITTERS", "MERGERS", "Tree", "from_device_layout", "run", "to_device_layout"]

Tree: TypeAlias = dict[str, dict[str, jax.Array]]
"""Arrays by node and name: `tree["conv_1"]["kernel"]`."""


def run(
    graph: Graph,
    params: Mapping[str, Mapping[str, jax.Array]],
    state: Mapping[str, Mapping[str, jax.Array]],
    x: jax.Array,
    *,
    wanted: Iterable[int],
    platform: str,
    train: bool = False,
    rng: jax.Array | None = None,
    derived: Mapping[str, jax.Array] | None = None,
) -> tuple[dict[int, jax.Array], Tree]:
    """Run the graph.

    Args:
        graph: what to run.
        params: trained arrays by node and name.
        state: running averages by node and name.
        x: a batch of inputs, (N, *graph.input).
        wanted: the values to return.
        platform: `cpu`, `gpu` …, which kernels choose their strategy by.
        train: whether dropout drops and batch normalization uses the batch.
        rng: JAX key; needed when the graph drops values in training.
        derived: the derived arrays that operations read, by path; computed here unless given.

    Returns:
        The wanted values, channels first, and the state after the run.
    """
    here = Run(platform, train, rng, {node: dict(arrays) for node, arrays in state.items()})
    derived = derive(graph, params, state) if derived is None else derived
    values = {0: to_device_layout(x)}
    for operation in graph.operations:
        read = [values[i] for i in operation.inputs]
        merger = MERGERS.get(type(operation.op))
        if merger:
            values[operation.output] = merger(read)
        else:
            arrays = [
                derived[path] if path in derived else look_up(path, params, here.state) for path in operation.parameters
            ]
            emitter = EMITTERS[type(operation.op)]
            values[operation.output] = emitter(operation.op, here, operation, read[0], arrays)
    return {v: from_device_layout(values[v]) for v in wanted}, here.state
