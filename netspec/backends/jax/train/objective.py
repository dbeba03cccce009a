"""The loss of a batch: which kernel each loss is, how labels become targets, what counts, and the l2 penalty."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import jax
import jax.numpy as jnp

from netspec.backends.jax.emit import Batch, Tree
from netspec.backends.jax.kernels import loss as kernels
from netspec.backends.jax.kernels import loss_vectors as vectors
from netspec.backends.jax.kernels import masks
from netspec.backends.jax.kernels.shared import average
from netspec.graph.graph import Graph, GraphOutput
from netspec.recipe import losses as of
from netspec.recipe.class_weights import weights_of
from netspec.recipe.losses import Loss, link

__all__ = [
    "Counted",
    "OutputBatch",
    "each_output",
    "example_losses",
    "hits",
    "loss_of",
    "mean_of",
    "measured_losses",
    "penalty",
    "weighs",
]


class Counted(NamedTuple):
    """Something measured of each example, so that parts of a batch can be added up.

    The mean over any examples is the sum of their `sums` divided by that of their `counts`.

    Attributes:
        sums: (N,), over the positions of each example that count, times how much they count.
        counts: (N,), how much they count together; None where every example counts 1.
    """

    sums: jax.Array
    counts: jax.Array | None


class OutputBatch(NamedTuple):
    """One output of a batch: the graph of it alone, its logits, its targets, and which of its positions count."""

    output: GraphOutput
    graph: Graph
    logits: jax.Array
    targets: jax.Array
    mask: jax.Array | None
    """(N, L), 0 at padding; None where all positions count."""


def each_output(graph: Graph, x: Batch, logits: Batch, y: Batch) -> Iterator[OutputBatch]:
    """Yield what a batch says of each output.

    Args:
        graph: that was run.
        x: on what, as the network reads it.
        logits: of one output, or of several by their names.
        y: targets, of one output or by the names of the targets.
    """
    for output in graph.outputs:
        own = logits[output.name] if isinstance(logits, dict) else logits
        targets = y[output.target] if isinstance(y, dict) else y
        yield OutputBatch(output, graph.only(output), own, targets, _mask_of(graph, output, x))


def _mask_of(graph: Graph, output: GraphOutput, x: Batch) -> jax.Array | None:
    if output.mask is None:
        return None
    tokens = x[graph.inputs[output.mask.source].name] if isinstance(x, dict) else x
    return masks.valid_positions(tokens, output.mask.token, output.mask.before)[..., 0]


def loss_of(
    graph: Graph,
    x: Batch,
    logits: Batch,
    y: Batch,
    counted: jax.Array | None = None,
    axis_name: str | None = None,
) -> jax.Array:
    """Return the mean loss of a batch: of several outputs the sum of theirs, each times its weight.

    Args:
        graph: that was run.
        x: as for `each_output`.
        logits: as for `each_output`.
        y: as for `each_output`.
        counted: as for `mean_of`.
        axis_name: as for `mean_of`.
    """
    means = []
    for output, alone, own, targets, mask in each_output(graph, x, logits, y):
        losses = measured_losses(alone.loss, own, targets, absorbed=alone.absorbed, mask=mask)
        mean = mean_of(losses, counted, axis_name)
        means.append(mean if output.weight == 1 else output.weight * mean)
    first, *others = means
    return sum(others, start=first)


def measured_losses(
    loss: Loss, logits: jax.Array, y: jax.Array, *, absorbed: str | None = None, mask: jax.Array | None = None
) -> Counted:
    """Return the loss of each example of one output.

    Args:
        loss: which one.
        logits: (N, K), or (N, K, ...) with positions: what the loss reads.
        y: class labels (N, ...) of an integer type, or targets of the logits' shape; whatever the loss compares with.
        absorbed: the last activation, where the logits are what went into it.
        mask: 1 for what counts, 0 for what does not, or weights: of examples (N,), or of their positions (N, ...).
    """
    # Labels are checked where they come in. Inside a program of somebody else's nothing can be raised: there the loss
    # of one that is no class is no number, and so are its gradients.
    if _labels(loss, y):
        known = (y >= 0) & (y < max(logits.shape[1], 2)) | ignored(loss, y)
        factor = jnp.where(known, 1, jnp.nan).astype(logits.dtype)
        # The gradients of what is only multiplied afterwards may be 0.
        marked = (factor[:, None] if factor.ndim == logits.ndim - 1 else _spread(factor, logits)) * logits
        found = _measured(loss, marked, y, absorbed, mask)
        return found._replace(sums=found.sums * _flat(factor).mean(-1))
    return _measured(loss, logits, y, absorbed, mask)


def example_losses(
    loss: Loss, logits: jax.Array, y: jax.Array, *, absorbed: str | None = None, mask: jax.Array | None = None
) -> jax.Array:
    """Return the mean loss of each example over what counts of it, (N,), 0 where nothing does; as `measured_losses`."""
    sums, counts = measured_losses(loss, logits, y, absorbed=absorbed, mask=mask)
    return sums if counts is None else sums / jnp.where(counts > 0, counts, 1)


def mean_of(measured: Counted, counted: jax.Array | None = None, axis_name: str | None = None) -> jax.Array:
    """Return the mean over a batch; 0 where nothing of it counts.

    Args:
        measured: of the examples.
        counted: 1 for those that count, 0 for those that only fill a batch up, (N,); all count where it is None.
        axis_name: of the devices that share the batch: the mean over them of what each returns is that of the batch.
    """
    sums, counts = measured
    if counts is None:
        return jnp.mean(sums) if counted is None else jnp.sum(sums * counted) / average(counted.sum(), axis_name)
    if counted is not None:
        sums, counts = sums * counted, counts * counted
    whole = average(counts.sum(), axis_name)
    return jnp.sum(sums) / jnp.where(whole > 0, whole, 1)


def weighs(output: GraphOutput) -> bool:
    """Return whether examples may count more or less than others, by their labels or their padding."""
    loss = output.loss
    by_label = isinstance(loss, of.CrossEntropy) and (loss.ignore is not None or loss.class_weights is not None)
    return by_label or output.mask is not None


def ignored(loss: Loss, y: jax.Array) -> jax.Array:
    """Return which labels do not count, of the shape of `y`."""
    ignore = loss.ignore if isinstance(loss, of.CrossEntropy) else None
    return jnp.zeros(y.shape, bool) if ignore is None else y == ignore


def _labels(loss: Loss, y: jax.Array) -> bool:
    """Return whether targets are class numbers."""
    return "class" in loss.targets and bool(jnp.issubdtype(y.dtype, jnp.integer))


def _spread(values: jax.Array, like: jax.Array) -> jax.Array:
    """Return a number for each example, (N,), in as many axes as there are values of it."""
    return jnp.expand_dims(values, tuple(range(1, like.ndim)))


def _measured(loss: Loss, z: jax.Array, y: jax.Array, absorbed: str | None, mask: jax.Array | None) -> Counted:
    """Return the losses of examples whose labels are classes, or do not count."""
    places = (z.shape[0], *z.shape[2:])
    if mask is not None:
        # A number for each example counts for all its positions.
        at = mask.astype(jnp.float32).reshape(*mask.shape, *(1,) * (len(places) - mask.ndim))
        mask = jnp.broadcast_to(at, places)
    weights = None
    if isinstance(loss, of.CrossEntropy):
        values, mask, weights = _cross_entropy(loss, z, y, mask)
    elif isinstance(loss, of.Dice):
        values = _dice(loss, z, y, link(loss, z.shape[1], absorbed), mask)
        mask = None if mask is None else mask.reshape(len(mask), -1).max(-1)
    elif isinstance(loss, of.Ctc):
        values = vectors.ctc(z, y, blank=loss.blank, counted=mask)
        mask = None if mask is None else mask.reshape(len(mask), -1).max(-1)
    else:
        values = _at_positions(loss, z, y, absorbed)
    if mask is None and weights is None:
        return Counted(_flat(values).mean(-1), None)
    values = values.mean(1) if values.shape == z.shape else values
    counts = mask if weights is None else weights if mask is None else weights * mask
    assert counts is not None
    # What was made of padding may be no number.
    values = values if mask is None else jnp.where(mask > 0, values * mask, 0)
    return Counted(_flat(values).sum(-1), _flat(counts).sum(-1))


def _flat(values: jax.Array) -> jax.Array:
    return values.reshape(values.shape[0], -1)


def _cross_entropy(
    loss: of.CrossEntropy, z: jax.Array, y: jax.Array, mask: jax.Array | None
) -> tuple[jax.Array, jax.Array | None, jax.Array | None]:
    """Return the loss at each position times the weight of its class, what counts, and these weights."""
    stated = weights_of(loss.class_weights) if loss.class_weights else None
    weights = None if stated is None else jnp.asarray(stated, jnp.promote_types(z.dtype, jnp.float32))
    if not jnp.issubdtype(y.dtype, jnp.integer):
        return kernels.softmax_cross_entropy_of_shares(z, y, smoothing=loss.smoothing, weights=weights), mask, None
    if loss.ignore is not None:
        counts = (~ignored(loss, y)).astype(jnp.float32)
        mask = counts if mask is None else mask * counts
        y = jnp.where(y == loss.ignore, 0, y)
    values = kernels.softmax_cross_entropy(z, y, smoothing=loss.smoothing, weights=weights)
    return values, mask, None if weights is None else kernels.picked(weights, y)


def _dice(loss: of.Dice, z: jax.Array, y: jax.Array, function: str | None, mask: jax.Array | None) -> jax.Array:
    p = (
        jax.nn.softmax(z.astype(jnp.promote_types(z.dtype, jnp.float32)), axis=1)
        if function == "softmax"
        else jax.nn.sigmoid(z)
    )
    return kernels.dice(p, _targets(z, y), smooth=loss.smooth, counted=mask)


def _at_positions(loss: Loss, z: jax.Array, y: jax.Array, absorbed: str | None) -> jax.Array:
    """Return the loss at each position, (N, ...), or of each output, (N, K, ...)."""
    match loss:
        case of.Triplet():
            return vectors.triplet(z, margin=loss.margin)
        case of.KullbackLeibler():
            return vectors.kl_of_normal(z)
        case of.Contrastive():
            return vectors.contrastive(z, y.reshape(z.shape[0], *z.shape[2:]), margin=loss.margin)
    t = _targets(z, y)
    match loss:
        case of.BinaryCrossEntropy():
            return kernels.sigmoid_binary_cross_entropy(z, t, pos_weight=loss.pos_weight)
        case of.Focal():
            focal = kernels.softmax_focal if link(loss, z.shape[1], absorbed) == "softmax" else kernels.sigmoid_focal
            return focal(z, t, gamma=loss.gamma, alpha=loss.alpha)
        case of.Hinge():
            return kernels.hinge(z, t, margin=loss.margin)
        case of.MeanAbsoluteError():
            return kernels.absolute_error(z, t)
        case of.Huber():
            return kernels.huber(z, t, delta=loss.delta)
        case of.Quantile():
            return kernels.quantile(z, t, q=loss.q)
        case of.Poisson():
            return kernels.poisson(z, t)
        case of.CosineDistance():
            return vectors.cosine_distance(z, t)
        case _:
            return kernels.squared_error(z, t)


def _targets(logits: jax.Array, y: jax.Array) -> jax.Array:
    """Return targets of the shape of the logits: as they are, or class numbers as one-hot rows."""
    if not jnp.issubdtype(y.dtype, jnp.integer) or y.size == logits.size:
        return y.astype(logits.dtype).reshape(logits.shape)
    return jax.nn.one_hot(y, logits.shape[1], dtype=logits.dtype, axis=1)


def hits(
    loss: Loss, logits: jax.Array, y: jax.Array, *, mask: jax.Array | None = None, graded: bool = False
) -> Counted | None:
    """Return how much of each example is classified right; None where the targets are not classes.

    Args:
        loss: which one.
        logits: what it reads.
        y: the targets.
        mask: as for `measured_losses`; the mean over positions where there are any.
        graded: the targets are shares of classes, as of mixed examples: how much is right is the share of the class
            that is given.
    """
    if graded:
        return Counted(_flat(_share_of_given(loss, logits, y)).mean(-1), None)
    if isinstance(loss, of.CrossEntropy) and not jnp.issubdtype(y.dtype, jnp.integer) and y.shape == logits.shape:
        y = jnp.argmax(y, axis=1)
    if not _labels(loss, y) or y.ndim != logits.ndim - 1:
        return None
    if logits.shape[1] == 1:
        boundary = 0 if loss.absorbs else 0.5
        right = (logits[:, 0] > boundary) == (y == 1)
    else:
        right = jnp.argmax(logits, axis=1) == y
    counts = None if mask is None else jnp.broadcast_to(_spread(mask, y) if mask.ndim < y.ndim else mask, y.shape)
    if isinstance(loss, of.CrossEntropy) and loss.ignore is not None:
        own = (~ignored(loss, y)).astype(jnp.float32)
        counts = own if counts is None else counts * own
    if counts is None:
        return Counted(right if right.ndim == 1 else _flat(right).mean(-1), None)
    return Counted(_flat(right * counts).sum(-1), _flat(counts).sum(-1))


def _share_of_given(loss: Loss, logits: jax.Array, y: jax.Array) -> jax.Array:
    """Return the share that the class which is given has in the target, (N, ...)."""
    shares = y.reshape(logits.shape)
    if logits.shape[1] == 1:
        boundary = 0 if loss.absorbs else 0.5
        return jnp.where(logits[:, 0] > boundary, shares[:, 0], 1 - shares[:, 0])
    return kernels.picked_shares(shares, jnp.argmax(logits, axis=1))


def penalty(graph: Graph, params: Tree, l2: float) -> jax.Array | float:
    """Return λ·‖W‖² summed over all kernels."""
    if not l2:
        return 0.0
    kernels_ = [p.path.rpartition("/") for p in graph.parameters.values() if p.role == "kernel"]
    return l2 * sum(jnp.sum(jnp.square(params[node][name])) for node, _, name in kernels_)
