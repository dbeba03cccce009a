"""What an evaluation measured: the means over all examples, from what was seen of each batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import numpy as np
from numpy.typing import NDArray

from netspec.backends.jax.train.train_functions import Looked
from netspec.graph.graph import GraphOutput

__all__ = ["Add", "Measurement", "hand_on", "joined", "mean_of"]

Add: TypeAlias = "Callable[[NDArray[Any], NDArray[Any], NDArray[Any] | None], None]"
"""Takes the logits and the targets of some examples, and which of their positions count: all where that is None."""


class Measurement(NamedTuple):
    """What an evaluation measured.

    Attributes:
        loss: the mean loss, l2 penalty included; of several outputs the sum of theirs, each times its weight.
        accuracy: the share classified right; None without classes, and where there are several outputs.
        outputs: of several outputs the loss and the accuracy of each by its name, penalty and weight left out.
        logits: what the losses read, of one output or by name, where that was asked for.
    """

    loss: float
    accuracy: float | None
    outputs: Mapping[str, tuple[float, float | None]]
    logits: Any = None


def mean_of(outputs: Sequence[GraphOutput], parts: Mapping[str, list[Looked]], size: int, extra: float) -> Measurement:
    """Return the means over the examples of all batches.

    Args:
        outputs: of the network.
        parts: what was seen of each batch, by the names of the outputs.
        size: how many examples there are.
        extra: what the loss has beside those of the examples.
    """
    means = {}
    for output in outputs:
        looks = parts[output.name]
        losses, loss_counts, right, right_counts = (joined([p[i] for p in looks], size) for i in range(4))
        accuracy = None if np.isnan(right).any() else _mean(right, right_counts)
        means[output.name] = (_mean(losses, loss_counts), accuracy)
    loss = sum(output.weight * means[output.name][0] for output in outputs) + extra
    if len(outputs) == 1:
        return Measurement(loss, means[outputs[0].name][1], {})
    return Measurement(loss, None, means)


def hand_on(parts: list[Looked], size: int, add: Add) -> None:
    """Give the logits and targets of each batch, without the examples that the last one repeats."""
    left = size
    for part in parts:
        logits, targets, mask = np.asarray(part.logits), np.asarray(part.targets), np.asarray(part.mask)
        own = min(len(logits), left)
        first = len(logits) - own
        add(logits[first:], targets[first:], mask[first:] if mask.ndim > 1 else None)
        left -= own


def joined(parts: list[jax.Array], size: int) -> NDArray[np.float32]:
    """Return the rows of all batches, those that the last one repeats left out."""
    *whole, last = (np.asarray(part) for part in parts)
    rest = size - sum(len(part) for part in whole)
    return np.concatenate([*whole, last[len(last) - rest :]])


def _mean(sums: NDArray[np.float32], counts: NDArray[np.float32]) -> float:
    """Return the mean over examples of what was added up for each; 0 where none counts."""
    whole = counts.sum(dtype=np.float64)
    return float(sums.sum(dtype=np.float64) / whole) if whole else 0.0
