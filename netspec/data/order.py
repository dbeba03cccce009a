"""The order of an epoch's examples: a pure function of seed and epoch, for runs that resume."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["batch_indices", "epoch_order"]


def epoch_order(count: int, *, seed: int, epoch: int, shuffle: bool | int) -> NDArray[np.int32]:
    """Return the order in which one epoch visits the examples.

    Args:
        count: number of examples.
        seed: of the run, at least 0.
        epoch: number of the epoch, at least 0.
        shuffle: True for a permutation of the whole set; False for the order of the file; a number N for a
            shuffle buffer, which takes the next N examples, gives them out in random order, and begins again.

    Returns:
        (count,) int32, every index once.

    Raises:
        ValueError: an argument is out of range.
    """
    if count < 0 or seed < 0 or epoch < 0:
        raise ValueError(f"count, seed and epoch must be at least 0, not {count}, {seed} and {epoch}")
    positions = np.arange(count, dtype=np.int32)
    if shuffle is False:
        return positions
    buffer = max(count, 1) if shuffle is True else shuffle
    if buffer < 1:
        raise ValueError(f"a shuffle buffer must hold at least 1 example, not {buffer}")
    # Sorting by raw random words, rather than Generator.permutation, because NumPy promises that the words
    # of a bit generator never change between its versions, and promises no such thing for permutation.
    stream = np.random.Philox(np.random.SeedSequence(seed, spawn_key=(epoch,)))
    return np.lexsort((stream.random_raw(count), positions // buffer)).astype(np.int32)


def batch_indices(order: NDArray[np.int32], step: int, batch: int) -> NDArray[np.int32]:
    """Return the examples of one step: (batch,) int32, fewer in the last step of an epoch.

    Args:
        order: of the epoch, from `epoch_order`.
        step: within the epoch, from 0.
        batch: examples in a step.

    Raises:
        IndexError: the epoch has no such step.
    """
    if batch < 1 or step < 0 or step * batch >= len(order):
        raise IndexError(f"an epoch of {len(order)} examples in batches of {batch} has no step {step}")
    return order[step * batch : (step + 1) * batch]
