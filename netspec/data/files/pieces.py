"""The connected pieces of a mask, and which of them are what is drawn in a picture."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Piece", "chosen", "pieces"]


@dataclass(slots=True)
class Piece:
    """Pixels that touch each other, be it at a corner.

    Attributes:
        mass: the sum of their weights.
        runs: where they are: row, first column, and the column behind the last.
    """

    mass: float = 0.0
    runs: list[tuple[int, int, int]] = field(default_factory=list)

    @property
    def box(self) -> tuple[int, int, int, int]:
        """First row and column, and those behind the last."""
        rows = [run[0] for run in self.runs]
        return min(rows), min(run[1] for run in self.runs), max(rows) + 1, max(run[2] for run in self.runs)

    def sides(self, shape: tuple[int, ...]) -> int:
        """Return how many sides of an image of that shape it reaches."""
        top, left, bottom, right = self.box
        return (top == 0) + (left == 0) + (bottom == shape[0]) + (right == shape[1])

    def frames(self, other: Piece) -> bool:
        """Return whether it is a frame around another piece: empty but for its own border."""
        top, left, bottom, right = self.box
        first_row, first_column, last_row, last_column = other.box
        inside = top < first_row and left < first_column and last_row < bottom and last_column < right
        if not inside or last_row - first_row < 0.3 * (bottom - top):
            return False
        high, wide = 0.15 * (bottom - top), 0.15 * (right - left)
        return not any(
            top + high < row < bottom - high and first < right - wide and stop > left + wide
            for row, first, stop in self.runs
        )

    def mask(self, shape: tuple[int, ...]) -> NDArray[np.bool_]:
        """Return where it is in an image of that shape."""
        mask = np.zeros(shape, bool)
        for row, first, stop in self.runs:
            mask[row, first:stop] = True
        return mask


def pieces(mask: NDArray[np.bool_], weights: NDArray[Any]) -> list[Piece]:
    """Return the connected pieces of a mask, (H, W), in no particular order."""
    runs: list[tuple[int, int, int]] = []
    parents: list[int] = []

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    above: list[int] = []
    for row, line in enumerate(mask):
        steps = np.flatnonzero(np.diff(line.astype(np.int8), prepend=0, append=0)).tolist()
        here = []
        for first, stop in zip(steps[::2], steps[1::2], strict=True):
            index = len(runs)
            runs.append((row, first, stop))
            parents.append(index)
            here.append(index)
            for other in above:
                if runs[other][1] <= stop and first <= runs[other][2]:
                    parents[root(other)] = root(index)
        above = here
    found: dict[int, Piece] = {}
    sums = np.cumsum(np.pad(weights, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    for index, (row, first, stop) in enumerate(runs):
        piece = found.setdefault(root(index), Piece())
        piece.runs.append((row, first, stop))
        piece.mass += float(sums[row, stop] - sums[row, first])
    return list(found.values())


def chosen(found: list[Piece], shape: tuple[int, ...]) -> list[Piece]:
    """Return the pieces that are drawn: no specks, no frames, nothing that runs off the picture unless that is all.

    Args:
        found: all of them.
        shape: of the picture.
    """
    inner = max((piece.mass for piece in found if not piece.sides(shape)), default=0.0)
    # What reaches several sides is the table under the paper, a shadow or a line; what reaches one may well be drawn.
    share = (0.0, 0.1, 0.01, 0.01, 0.01)
    found = [piece for piece in found if inner <= share[piece.sides(shape)] * piece.mass or not piece.sides(shape)]
    heaviest = max((piece.mass for piece in found), default=0.0)
    found = [piece for piece in found if piece.mass > 0.06 * heaviest]
    return [piece for piece in found if not any(piece.frames(other) for other in found)]
