"""The loss of a batch: which kernel each loss is, how labels become targets, and the l2 penalty."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from netspec.backends.jax.emit import Batch, Tree
from netspec.backends.jax.kernels import loss as kernels
from netspec.graph.graph import Graph
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy, Loss

__all__ = ["example_losses", "hits", "output_hits", "output_losses", "penalty", "weighted"]


def output_losses(graph: Graph, logits: Batch, y: Batch) -> Batch:
    """Return the loss of each example, (N,): of the one output, or of each by its name, unweighted.

    Args:
        graph: says which losses.
        logits: what they read, of one output or of each by its name.
        y: targets, of one output or by their names.
    """
    if not isinstance(logits, dict):
        return example_losses(graph.loss, logits, _of(y, graph.outputs[0].target))
    return {o.name: example_losses(o.loss, logits[o.name], _of(y, o.target)) for o in graph.outputs}


def weighted(graph: Graph, losses: Batch) -> jax.Array:
    """Return the sum of the losses of all outputs, each times its weight."""
    if isinstance(losses, dict):
        return sum(o.weight * losses[o.name] for o in graph.outputs)  # type: ignore[return-value]  # there are some
    (output,) = graph.outputs
    return losses if output.weight == 1 else output.weight * losses


def output_hits(graph: Graph, logits: Batch, y: Batch) -> Any:
    """Return whether each example is classified right, (N,): of the one output, or of each by its name.

    None for an output whose targets are not classes.
    """
    if not isinstance(logits, dict):
        return hits(graph.loss, logits, _of(y, graph.outputs[0].target))
    return {o.name: hits(o.loss, logits[o.name], _of(y, o.target)) for o in graph.outputs}


def _of(y: Batch, target: str) -> jax.Array:
    return y[target] if isinstance(y, dict) else y


def example_losses(loss: Loss, logits: jax.Array, y: jax.Array) -> jax.Array:
    """Return the loss of each example, (N,).

    Args:
        loss: which one.
        logits: (N, K), what the loss reads.
        y: class labels (N,) of an integer type, or targets of the logits' shape.
    """
    # Labels are checked where they come in. Inside a program of somebody else's nothing can be raised: there the loss
    # of one that is no class is no number, and so are its gradients.
    if jnp.issubdtype(y.dtype, jnp.integer):
        known = (y >= 0) & (y < max(logits.shape[-1], 2))
        factor = jnp.where(known, 1, jnp.nan)
        # The gradients of what is only multiplied afterwards may be 0.
        return factor * _example_losses(loss, _spread(factor, logits) * logits, y)
    return _example_losses(loss, logits, y)


def _spread(values: jax.Array, like: jax.Array) -> jax.Array:
    """Return a number for each example, (N,), in as many axes as there are values of it."""
    return jnp.expand_dims(values, tuple(range(1, like.ndim)))


def _example_losses(loss: Loss, logits: jax.Array, y: jax.Array) -> jax.Array:
    if isinstance(loss, CrossEntropy):
        return kernels.softmax_cross_entropy(logits, y)
    targets = _targets(logits, y)
    if isinstance(loss, BinaryCrossEntropy):
        return kernels.sigmoid_binary_cross_entropy(logits, targets)
    return kernels.squared_error(logits, targets)


def _targets(logits: jax.Array, y: jax.Array) -> jax.Array:
    if not jnp.issubdtype(y.dtype, jnp.integer):
        return y.reshape(logits.shape)
    if logits.ndim == 2 and logits.shape[1] == 1:
        return y.astype(logits.dtype)[:, None]
    return jax.nn.one_hot(y, logits.shape[-1], dtype=logits.dtype)


def hits(loss: Loss, logits: jax.Array, y: jax.Array) -> jax.Array | None:
    """Return whether each example is classified right, (N,) of bool; None where the targets are not classes."""
    if not jnp.issubdtype(y.dtype, jnp.integer) or logits.ndim != 2:
        return None
    if logits.shape[1] == 1:
        boundary = 0 if isinstance(loss, BinaryCrossEntropy) else 0.5
        return (logits[:, 0] > boundary) == (y == 1)
    return jnp.argmax(logits, axis=1) == y


def penalty(graph: Graph, params: Tree, l2: float) -> jax.Array | float:
    """Return λ·‖W‖² summed over all kernels."""
    if not l2:
        return 0.0
    kernels_ = [p.path.rpartition("/") for p in graph.parameters.values() if p.role == "kernel"]
    return l2 * sum(jnp.sum(jnp.square(params[node][name])) for node, _, name in kernels_)
