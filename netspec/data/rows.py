"""Rows of examples that are read when they are asked for, where all of them would not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from netspec.data.prefetch import read_ahead
from netspec.sources.draws import drawn

__all__ = ["ArraySource", "Rows", "Source"]

_PIECE = 32 * 2**20
"""Bytes that are read at a time where all rows are gone through."""


class Source(Protocol):
    """Where rows come from, each by its number.

    Attributes:
        shape: of one example.
        dtype: of its numbers.
        key: what it holds, as a text: equal keys are equal rows.
    """

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    key: str

    def read(self, number: int, out: NDArray[Any]) -> None:
        """Write one example into an array; called in many threads. Raises DataError where it cannot be read."""

    def places(self, numbers: NDArray[np.int64]) -> list[float]:
        """Return where examples lie in the draw for validation, as `drawn("validation")` of their bytes says."""

    def remembered(self, key: str) -> str | None:
        """Return a text that was kept; None where there is none."""

    def remember(self, key: str, text: str) -> None:
        """Keep a text beside the rows, as far as that is possible."""


class Rows:
    """Some rows of a source in some order, (N, ...), with as much of the interface of an array as is needed.

    `rows[2:5]` and `rows[[7, 1]]` are rows too, and nothing is read for them; `rows[3]` and `numpy.asarray(rows)` read.

    Args:
        source: where they come from.
        numbers: of the rows in it.
    """

    def __init__(self, source: Source, numbers: NDArray[np.integer[Any]]) -> None:
        self.source = source
        self.numbers = np.asarray(numbers, np.int64)
        self.dtype = source.dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """(N, ...), as that of an array."""
        return (len(self.numbers), *self.source.shape)

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return 1 + len(self.source.shape)

    @property
    def nbytes(self) -> int:
        """The bytes of all rows, were they in memory."""
        return len(self.numbers) * self.row_bytes

    @property
    def row_bytes(self) -> int:
        """The bytes of one row."""
        return int(np.prod(self.source.shape)) * self.dtype.itemsize

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, int | np.integer):
            return self.read([int(at)])[0]
        return Rows(self.source, self.numbers[at])

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        del copy
        return self.read(range(len(self))).astype(dtype or self.dtype, copy=False)

    def __repr__(self) -> str:
        return f"Rows: {len(self):,} of {'x'.join(map(str, self.source.shape))} ({self.dtype}), read when asked for"

    def reshape(self, *shape: int) -> Any:
        """Return these rows where that is their shape, else an array in that shape."""
        rest = shape[1:] if shape[0] == -1 else None
        return self if rest == self.source.shape else np.asarray(self).reshape(*shape)

    def read(self, at: Sequence[int] | NDArray[np.integer[Any]]) -> NDArray[Any]:
        """Return some rows as an array."""
        return next(read_ahead(self, [np.asarray(at, np.int64)], depth=1))

    def fill(self, at: int, out: NDArray[Any]) -> None:
        """Write one row into an array."""
        self.source.read(int(self.numbers[at]), out)

    def pieces(self) -> Iterator[NDArray[Any]]:
        """Yield all rows in their order, as many at a time as fill some memory; the next ones are read meanwhile."""
        size = max(1, _PIECE // max(1, self.row_bytes))
        batches = (np.arange(i, min(i + size, len(self))) for i in range(0, len(self), size))
        yield from read_ahead(self, batches, depth=2)

    def min(self) -> Any:
        """Return the least number in any row."""
        return min(piece.min() for piece in self.pieces())

    def max(self) -> Any:
        """Return the largest number in any row."""
        return max(piece.max() for piece in self.pieces())

    def places(self) -> list[float]:
        """Return where each lies in the draw for validation."""
        return self.source.places(self.numbers)


class ArraySource:
    """An array as a source of rows, such as one that is mapped from a file.

    Args:
        array: (N, ...).
        key: what it holds; without one nothing is remembered of it.
    """

    def __init__(self, array: NDArray[Any], key: str = "") -> None:
        self._array, self.key = array, key
        self.shape: tuple[int, ...] = array.shape[1:]
        self.dtype: np.dtype[Any] = array.dtype

    def read(self, number: int, out: NDArray[Any]) -> None:
        """Write one example into an array."""
        out[...] = self._array[number]

    def places(self, numbers: NDArray[np.int64]) -> list[float]:
        """Return where examples lie in the draw for validation."""
        place = drawn("validation")
        return [place(np.ascontiguousarray(self._array[number]).tobytes()) for number in numbers]

    def remembered(self, key: str) -> str | None:
        """Return nothing."""
        del key
        return None

    def remember(self, key: str, text: str) -> None:
        """Keep nothing."""
