"""What "agrees" means: the one measure and the one tolerance of the comparisons with PyTorch.

netspec computes in float32, the PyTorch twin in float64 from the same float32 weights and inputs. The twin's own
rounding is then far below the tolerance, and what is measured is netspec's error alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

TOLERANCE = 1e-5
"""Largest relative error in float32, `max|a − b| / max|b|` over all values of one array."""


def relative_error(ours: ArrayLike, theirs: ArrayLike) -> float:
    """Return `max|a − b| / max|b|`; where the reference is all zeros, only zeros agree with it."""
    a, b = np.asarray(ours, np.float64), np.asarray(theirs, np.float64)
    assert a.shape == b.shape, f"shapes differ: {a.shape} here, {b.shape} in the reference"
    if not np.isfinite(a).all():
        return float("inf")
    largest = float(np.abs(a - b).max())
    return largest / float(np.abs(b).max()) if largest else 0.0


def assert_agree(ours: ArrayLike, theirs: ArrayLike, what: str, tolerance: float = TOLERANCE) -> None:
    """Fail, saying what and by how much, where an array is further than the tolerance from its reference."""
    with np.errstate(divide="ignore"):
        error = relative_error(ours, theirs)
    assert error <= tolerance, f"{what}: relative error {error:.2e}, allowed {tolerance:.0e}"


def assert_trees_agree(ours: Any, theirs: Mapping[str, Any], what: str, tolerance: float = TOLERANCE) -> None:
    """Compare two trees of arrays by node and name; both must have the same entries."""
    names = {node: set(arrays) for node, arrays in theirs.items()}
    assert {node: set(arrays) for node, arrays in ours.items()} == names
    for node, arrays in theirs.items():
        for name, array in arrays.items():
            assert_agree(ours[node][name], array, f"{what} of {node}/{name}", tolerance)


def assert_slopes_agree(ours: Mapping[Any, Any], theirs: Mapping[Any, Any], tolerance: float) -> None:
    """Compare the gradients of a network as one vector: how long the difference is, in lengths of the reference."""
    assert {at: a.shape for at, a in ours.items()} == {at: a.shape for at, a in theirs.items()}
    apart, length = (
        np.sqrt(sum(np.square(a).sum() for a in arrays))
        for arrays in ([ours[at] - theirs[at] for at in theirs], theirs.values())
    )
    assert apart <= tolerance * length, f"gradients are {apart / length:.1e} of their norm apart"
