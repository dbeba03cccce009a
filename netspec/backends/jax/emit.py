"""Graph to a function: a table from operations to kernels, and the walk that runs them in order.

Values of shape (channels, height, width) live on the device as (N, H, W, C); callers see (N, C, H, W).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias
from zlib import crc32

import jax
import jax.numpy as jnp

from netspec import ops
from netspec.backends.jax.kernels import activation, conv, dropout, norm, pool
from netspec.graph import Graph, Operation

__all__ = ["EMITTERS", "Tree", "from_device_layout", "run", "to_device_layout"]

Tree: TypeAlias = dict[str, dict[str, jax.Array]]
"""Arrays by node and name: `tree["conv_1"]["kernel"]`."""


@dataclass
class _Run:
    """One run through the graph: its mode, its randomness, and the state it leaves behind."""

    platform: str
    train: bool
    rng: jax.Array | None
    state: dict[str, dict[str, jax.Array]] = field(default_factory=dict)

    def key(self, operation: Operation) -> jax.Array:
        """Return the random stream of one operation: other layers added or removed do not change it."""
        assert self.rng is not None
        return jax.random.fold_in(self.rng, crc32(operation.node.encode()))


Emitter: TypeAlias = Callable[[Any, _Run, Operation, jax.Array, list[jax.Array]], jax.Array]


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

    Returns:
        The wanted values, channels first, and the state after the run.
    """
    here = _Run(platform, train, rng, {node: dict(arrays) for node, arrays in state.items()})
    values = {0: to_device_layout(x)}
    for operation in graph.operations:
        arrays = [_look_up(path, params, here.state) for path in operation.parameters]
        emitter = EMITTERS[type(operation.op)]
        values[operation.output] = emitter(operation.op, here, operation, values[operation.inputs[0]], arrays)
    return {v: from_device_layout(values[v]) for v in wanted}, here.state


def to_device_layout(x: jax.Array) -> jax.Array:
    """(N, C, H, W) → (N, H, W, C); vectors stay as they are. One channel needs no copy."""
    if x.ndim != 4:
        return x
    n, c, h, w = x.shape
    return x.reshape(n, h, w, 1) if c == 1 else jnp.transpose(x, (0, 2, 3, 1))


def from_device_layout(x: jax.Array) -> jax.Array:
    """(N, H, W, C) → (N, C, H, W); vectors stay as they are."""
    return jnp.transpose(x, (0, 3, 1, 2)) if x.ndim == 4 else x


def _look_up(
    path: str, params: Mapping[str, Mapping[str, jax.Array]], state: Mapping[str, Mapping[str, jax.Array]]
) -> jax.Array:
    node, _, name = path.rpartition("/")
    own = params.get(node, {})
    return own[name] if name in own else state[node][name]


def _conv(op: ops.Conv, here: _Run, _: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    kernel = arrays[0]
    where = {"stride": op.stride, "padding": op.padding, "dilation": op.dilation, "groups": op.groups}
    strategy = conv.choose(here.platform, x.shape, kernel.shape, **where)  # type: ignore[arg-type]
    return conv.conv2d(x, kernel, **where, strategy=strategy)  # type: ignore[arg-type]


def _max_pool(op: ops.MaxPool, here: _Run, _: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    where = {"window": op.window, "stride": op.stride, "padding": op.padding}
    strategy = pool.choose(here.platform, **where)  # type: ignore[arg-type]
    return pool.max_pool2d(x, **where, strategy=strategy)  # type: ignore[arg-type]


def _avg_pool(op: ops.AvgPool, _: _Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return pool.avg_pool2d(x, window=op.window, stride=op.stride, padding=op.padding)


def _global_pool(op: ops.GlobalPool, _: _Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return pool.global_max(x) if op.mode == "max" else pool.global_mean(x)


def _batch_norm(op: ops.BatchNorm, here: _Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    scale, offset, mean, variance = arrays
    if not here.train:
        return norm.batch_norm_inference(x, scale, offset, mean, variance, epsilon=op.epsilon)
    y, batch_mean, batch_variance = norm.batch_norm_train(x, scale, offset, epsilon=op.epsilon)
    count = x.size // x.shape[-1]
    keep, unbiased = op.momentum, batch_variance * (count / max(count - 1, 1))
    kept = here.state[at.node]
    kept["mean"] = keep * mean + (1 - keep) * jax.lax.stop_gradient(batch_mean)
    kept["variance"] = keep * variance + (1 - keep) * jax.lax.stop_gradient(unbiased)
    return y


def _dropout(op: ops.Dropout, here: _Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del arrays
    return dropout.dropout(x, here.key(at), rate=op.rate) if here.train and op.rate else x


def _activation(op: ops.Activation, _: _Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return activation.FUNCTIONS[op.function](x, **dict(op.parameters))


def _reshape(op: ops.Reshape, _: _Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at, arrays
    return to_device_layout(from_device_layout(x).reshape(x.shape[0], *op.to))


def _matmul(_: ops.MatMul, __: _Run, at: Operation, x: jax.Array, arrays: list[jax.Array]) -> jax.Array:
    del at
    return jnp.matmul(x, arrays[0].T, preferred_element_type=x.dtype)


EMITTERS: dict[type[ops.Op], Emitter] = {
    ops.Conv: _conv,
    ops.MaxPool: _max_pool,
    ops.AvgPool: _avg_pool,
    ops.GlobalPool: _global_pool,
    ops.MatMul: _matmul,
    ops.Bias: lambda _op, _run, _at, x, arrays: x + arrays[0],
    ops.BatchNorm: _batch_norm,
    ops.Dropout: _dropout,
    ops.Activation: _activation,
    ops.Reshape: _reshape,
}
