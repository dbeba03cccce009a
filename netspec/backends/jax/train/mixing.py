"""Mixed examples in a training step: which targets become shares of classes, and which are mixed as they are."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp

from netspec.backends.jax.emit import Batch
from netspec.backends.jax.inputs import mix
from netspec.backends.jax.inputs.prepare import at_each_pixel
from netspec.graph.graph import Graph, GraphOutput
from netspec.ir.network import Network
from netspec.recipe.losses import CrossEntropy

__all__ = ["as_mixed", "graded_outputs", "mixed_batch"]


def as_mixed(network: Network, graph: Graph, labels: Batch) -> Any:
    """Return targets in a form that can be mixed: class numbers as shares, (N, K, ...), all others as they are.

    Class numbers at each pixel stay what they are where cutmix alone pastes some of them.

    Args:
        network: says how examples are mixed.
        graph: of it.
        labels: of one output, or by the names of the targets.
    """
    if network.reconstructs:
        return labels
    if not isinstance(labels, dict):
        return _as_shares(network, graph, graph.outputs[0], labels)
    found: dict[str, jax.Array] = dict(labels)
    for output in graph.outputs:
        if output.loss.compares:
            found[output.target] = _as_shares(network, graph, output, labels[output.target])
    return found


def _as_shares(network: Network, graph: Graph, output: GraphOutput, y: jax.Array) -> jax.Array:
    """Return the targets of one output."""
    augment = network.data.augment if network.data else None
    assert augment is not None
    if not output.loss.compares or not jnp.issubdtype(y.dtype, jnp.integer):
        return y
    shape = graph.shape(output.logits)
    if at_each_pixel(y.shape, _size(network)) and not augment.mixup:
        return y
    if shape[0] == 1 or y.ndim > len(shape) or "class" not in output.loss.targets:
        return y.astype(jnp.float32)
    return jax.nn.one_hot(y, shape[0], dtype=jnp.float32, axis=1)


def graded_outputs(network: Network, graph: Graph, labels: Batch, mixed: Batch) -> frozenset[str]:
    """Return the outputs whose targets became shares of classes, by their names.

    Args:
        network: says how examples are mixed.
        graph: of it.
        labels: before they were mixed.
        mixed: afterwards.
    """
    augment = network.data.augment if network.data else None
    if augment is None or not augment.mixes or network.reconstructs:
        return frozenset()
    found = []
    for output in graph.outputs:
        before, after = (y[output.target] if isinstance(y, dict) else y for y in (labels, mixed))
        if jnp.issubdtype(after.dtype, jnp.integer) or not output.loss.compares:
            continue
        shape = graph.shape(output.logits)
        of_classes = jnp.issubdtype(before.dtype, jnp.integer) and before.ndim == len(shape)
        if (of_classes and "class" in output.loss.targets) or isinstance(output.loss, CrossEntropy):
            found.append(output.name)
    return frozenset(found)


def mixed_batch(
    network: Network,
    x: jax.Array,
    y: Batch,
    key: jax.Array,
    *,
    first: jax.Array | int,
    batch: jax.Array | int,
    done: jax.Array | float,
    axis_name: str | None,
) -> tuple[jax.Array, Any]:
    """Return inputs and targets of a step, mixed with those of others.

    Args:
        network: says how.
        x: images as the network reads them, (N, C, H, W).
        y: targets as `as_mixed` returns them.
        key: of the step.
        first: the place of the first of them in the batch.
        batch: how many examples the batch has.
        done: the share of the training that lies behind.
        axis_name: of the devices that share the batch.
    """
    how = network.data.augment if network.data else None
    assert how is not None
    goes_on = True if how.until == 1 else done < how.until
    places = first + jnp.arange(len(x))
    mixture = mix.drawn(how, key, places, batch=batch, size=_size(network), goes_on=goes_on)

    def mixed(target: jax.Array) -> jax.Array:
        is_image = at_each_pixel(target.shape, _size(network))
        return mix.mixed_targets(target, mixture, how, is_image=is_image, axis_name=axis_name)

    images = mix.mixed_images(x, mixture, how, axis_name)
    return images, y if network.reconstructs else jax.tree.map(mixed, y)


def _size(network: Network) -> tuple[int, int]:
    """Return height and width of the images; of waveforms 1 and the samples."""
    height, width = (1, 1, *network.input)[-2:]
    return height, width
