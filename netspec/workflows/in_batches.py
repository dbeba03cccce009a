"""A function of a model, of any number of examples: batch by batch, as the memory of the device has room."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.exhausted import enough_memory
from netspec.backends.jax.model import Model, Variables
from netspec.data.types import Arrays, by_array, each_array
from netspec.graph.memory import answered_at_once

__all__ = ["in_batches"]


def in_batches(model: Model, variables: Variables, images: Arrays, function: Callable[[Variables, Any], Any]) -> Any:
    """Return what a function of a model gives for all examples; of several outputs each by its name.

    Args:
        model: whose function it is.
        variables: the trained arrays.
        images: the examples, checked.
        function: such as `model.forward`.

    Raises:
        DeviceError: when the memory of the device does not suffice.
    """
    count = len(next(each_array(images)))
    parts, batch = [], answered_at_once(model.network, model.graph)
    for start in range(0, count, batch):
        # All batches but a lone small one have the same size, so that one program serves them.
        size = min(batch, count - start)
        fill = batch - size if start else 0

        def padded(array: NDArray[Any], start: int = start, size: int = size, fill: int = fill) -> NDArray[Any]:
            part = array[start : start + size]
            return np.concatenate([part, np.repeat(part[-1:], fill, axis=0)]) if fill else part

        with enough_memory("close what else computes there"):
            made = function(variables, by_array(padded, images))
            parts.append(jax.tree.map(lambda array, size=size: np.asarray(array)[:size], made))
    graph = model.graph
    if len(graph.outputs) == 1:
        return np.concatenate(parts) if parts else np.zeros((0, *graph.shape(graph.output)), np.float32)
    return {
        o.name: np.concatenate([p[o.name] for p in parts])
        if parts
        else np.zeros((0, *graph.shape(o.index)), np.float32)
        for o in graph.outputs
    }
