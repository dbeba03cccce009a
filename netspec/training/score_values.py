"""Values of metrics from numbers: probabilities of logits, how well scores rank, and mean errors from sums."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["Moments", "auroc", "average_precision", "log_probabilities", "probabilities"]

_Floats = NDArray[np.float64]


def probabilities(outputs: NDArray[np.floating], function: str | None) -> NDArray[np.float32]:
    """Return the probability of each class, (N, K, ...); one output x of two classes becomes (1 - x, x).

    Args:
        outputs: (N, K, ...), the logits.
        function: what makes probabilities of them; None where they are taken as they are.
    """
    rows = np.moveaxis(np.asarray(outputs, np.float64), 1, -1)
    if function is None:
        found = np.concatenate([1 - rows, rows], axis=-1) if rows.shape[-1] == 1 else rows
    else:
        found = np.exp(log_probabilities(rows, function))
    return np.moveaxis(found, -1, 1).astype(np.float32)


def log_probabilities(z: _Floats, function: str | None) -> _Floats:
    """Return logarithms of probabilities of classes, along the last axis; scores as they are where they are none."""
    if function == "softmax":
        shifted = z - z.max(axis=-1, keepdims=True)
        return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))
    one = z.shape[-1] == 1
    if function == "sigmoid":
        yes = -np.logaddexp(0, -z)
        return np.concatenate([-np.logaddexp(0, z), yes], axis=-1) if one else yes
    return np.concatenate([1 - z, z], axis=-1) if one else z


def auroc(scores: NDArray[np.float32], yes: NDArray[np.bool_]) -> float | None:
    """Return the chance that one of the class has a higher score than another; of equal scores half of them count."""
    positive, negative = int(yes.sum()), int((~yes).sum())
    if not positive or not negative:
        return None
    _, at, counts = np.unique(scores, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks = last - (counts - 1) / 2
    return float((ranks[at][yes].sum() - positive * (positive + 1) / 2) / positive / negative)


def average_precision(scores: NDArray[np.float32], yes: NDArray[np.bool_]) -> float | None:
    """Return the mean precision at each new example of the class, the highest first; None where there is none."""
    if not yes.any():
        return None
    values, at = np.unique(-scores, return_inverse=True)
    right = np.cumsum(np.bincount(at, yes, len(values)))
    taken = np.cumsum(np.bincount(at, minlength=len(values)))
    gained = np.diff(right, prepend=0)
    return float((gained * right / taken).sum() / right[-1])


class Moments:
    """Sums over numbers, from which mean errors and the variance of the targets follow."""

    def __init__(self, outputs: int) -> None:
        self.count = 0
        self.absolute, self.square, self.mean, self.spread = (np.zeros(outputs) for _ in range(4))

    def add(self, outputs: _Floats, targets: _Floats) -> None:
        """Add a batch, (N, K) of each."""
        if not len(targets):
            return
        self.absolute += np.abs(outputs - targets).sum(axis=0)
        self.square += np.square(outputs - targets).sum(axis=0)
        # Chan et al. 1979: the spread about a mean, of two parts, without taking squares of large numbers apart.
        mean, count = targets.mean(axis=0), len(targets)
        apart = mean - self.mean
        self.spread += np.square(targets - mean).sum(axis=0) + apart**2 * self.count * count / (self.count + count)
        self.count += count
        self.mean += apart * count / self.count

    def value(self, name: str) -> float | None:
        """Return the mean over the outputs; None where there is no value."""
        found = self.each(name)
        return None if found is None else float(found.mean())

    def each(self, name: str) -> _Floats | None:
        """Return the value of each output."""
        if name == "mae":
            return self.absolute / self.count
        if name == "rmse":
            return np.sqrt(self.square / self.count)
        if self.count < 2:
            return None
        # Of targets that are all the same, 0; 1 where they are met: as scikit-learn says it.
        share = np.divide(self.square, self.spread, out=(self.square > 0).astype(np.float64), where=self.spread > 0)
        each: _Floats = 1 - share
        return each
