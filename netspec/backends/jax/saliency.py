"""What an answer hangs on: gradients at the input, along a line to it, and at a layer; answers without a part of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary, ref

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.model import Model
from netspec.backends.jax.variables import Variables
from netspec.graph.graph import Graph, GraphOutput

__all__ = ["Score", "grad_cam", "gradient", "integrated_gradients", "passed_by_all", "score_of", "windows"]


@dataclass(frozen=True, slots=True)
class Score:
    """One number of what the loss reads: what is explained.

    Attributes:
        output: the name of the output, where there are several.
        index: which of its numbers.
        sign: -1 where a smaller number speaks for the answer: the first of two classes of one number.
    """

    output: str
    index: int
    sign: float = 1.0


def score_of(graph: Graph, output: GraphOutput, index: int, *, of_classes: bool) -> Score:
    """Return the number of what the loss reads that stands for a class, or for a number, of an output."""
    if of_classes and math.prod(graph.shape(output.logits)) == 1:
        return Score(output.name, 0, 1.0 if index else -1.0)
    return Score(output.name, index)


def _numbers(logits: Any, output: str) -> jax.Array:
    """Return what the loss reads of an output as rows, (N, K)."""
    values = logits[output] if isinstance(logits, dict) else logits
    made: jax.Array = values.reshape(len(values), -1)
    return made


class _Rises:
    """By how much the sum of a batch's scores rises with each value of the inputs: compiled once for all scores."""

    def __init__(self, model: Model) -> None:
        # Weakly: what is kept for a model goes with it.
        owner = ref(model)

        def total(variables: Variables, x: Any, index: Any, output: str) -> Any:
            alive = owner()
            assert alive is not None
            return _numbers(alive.logits_of(variables, x), output)[:, index].sum()

        self._compiled = jax.jit(jax.grad(total, argnums=1), static_argnames="output")

    def of(self, variables: Variables, x: NDArray[Any], score: Score) -> NDArray[np.float32]:
        made: NDArray[np.float32] = np.asarray(self._compiled(variables, x, score.index, output=score.output))
        return score.sign * made


_RISES: WeakKeyDictionary[Model, _Rises] = WeakKeyDictionary()


def _rises(model: Model) -> _Rises:
    if model not in _RISES:
        _RISES[model] = _Rises(model)
    return _RISES[model]


def gradient(model: Model, variables: Variables, x: NDArray[Any], score: Score) -> NDArray[np.float32]:
    """Return by how much the score rises with each value of the inputs, (N, *shape). Simonyan et al. 2014."""
    return _rises(model).of(variables, x, score)


def integrated_gradients(
    model: Model, variables: Variables, x: NDArray[Any], baseline: NDArray[Any], score: Score, steps: int = 64
) -> NDArray[np.float32]:
    """Return the share of each value in how much higher the score is than at the baseline. Sundararajan et al. 2017.

    The shares add up to that difference, but for the error of the sum that stands for an integral.

    Args:
        model: the model.
        variables: its variables.
        x: (1, *shape), floats.
        baseline: of the same shape: where there is nothing to see.
        score: what is explained.
        steps: points on the line between both, in the middle of as many equal parts.
    """
    rises = _rises(model)
    places = ((np.arange(steps) + 0.5) / steps).astype(np.float32)
    total = np.zeros_like(x, np.float64)
    for part in np.array_split(places, max(1, steps // 16)):
        line = baseline + part.reshape(-1, *[1] * (x.ndim - 1)) * (x - baseline)
        total += rises.of(variables, line.astype(np.float32), score).astype(np.float64).sum(axis=0)
    made: NDArray[np.float32] = ((x - baseline) * total / steps).astype(np.float32)
    return made


def grad_cam(model: Model, variables: Variables, x: NDArray[Any], node: str, score: Score) -> NDArray[np.float32]:
    """Return how much each place of a layer's maps speaks for the score, (h, w). Selvaraju et al. 2017.

    The maps are added up, each times the mean of its gradient; what speaks against the score is 0.

    Args:
        model: the model.
        variables: its variables.
        x: (1, *shape), floats.
        node: the layer; all that follows reads it alone, as `passed_by_all` says, and it makes (C, h, w).
        score: what is explained.
    """
    index = model.graph.nodes[node]
    maps = model.features(variables, x, nodes=(node,))[node]

    def total(v: Variables, at: jax.Array) -> Any:
        return score.sign * _numbers(model.behind(v, index, at), score.output)[:, score.index].sum()

    weights = jax.jit(jax.grad(total, argnums=1))(variables, maps).mean(axis=(2, 3), keepdims=True)
    made: NDArray[np.float32] = np.asarray(jnp.maximum((weights * maps).sum(axis=1), 0)[0])
    return made


def passed_by_all(graph: Graph) -> Iterator[str]:
    """Yield the layers from which alone the outputs follow: nothing goes around them, and no input is read behind."""
    nodes = {index: name for name, index in graph.nodes.items()}
    for at, operation in enumerate(graph.operations):
        name = nodes.get(operation.output)
        if name is None:
            continue
        known = {operation.output}
        for each in graph.operations[at + 1 :]:
            if not known.issuperset(each.inputs):
                break
            known.add(each.output)
        else:
            yield name


def windows(shape: tuple[int, int], side: int, stride: int) -> list[tuple[slice, slice]]:
    """Return squares that cover a picture, some over its edge; the last row and column end where it does."""
    height, width = shape
    return [
        (slice(max(0, top), top + side), slice(max(0, left), left + side))
        for top in range(-(side - stride) // 2, height, stride)
        for left in range(-(side - stride) // 2, width, stride)
        if top + side > 0 and left + side > 0
    ]
