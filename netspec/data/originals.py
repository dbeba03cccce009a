"""What examples were before they became numbers, so that a person can be shown them: rows, texts, sentences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec.sources.tables.table import Table

__all__ = ["Cell", "Lines", "Originals"]

Cell: TypeAlias = "str | tuple[str, ...]"
"""The cell of a row, or the words of a sentence."""


@dataclass(frozen=True, eq=False, slots=True)
class Originals:
    """What the examples of a part were made of; nothing is copied.

    Attributes:
        columns: the cells of all that was read, by column.
        places: where each of those stands, such as `line 7`, or a file.
        rows: (N,) which of those each example is.
    """

    columns: Mapping[str, Sequence[Cell]]
    places: Sequence[str] | Lines
    rows: NDArray[np.int64]

    @classmethod
    def of_table(cls, table: Table, rows: Sequence[int], *, windows: bool = False) -> Originals:
        """Return the rows of a table that a part has, or the last ones of its windows."""
        word = "row" if table.folder is None else "line"
        places = Lines(f"up to {word}" if windows else word, table.lines)
        return cls(table.cells, places, np.asarray(rows, np.int64))

    def take(self, at: NDArray[np.integer[Any]] | slice) -> Originals:
        """Return those of some of the examples, in that order."""
        return replace(self, rows=self.rows[at])

    def place(self, example: int) -> str:
        """Return where an example stands."""
        return self.places[int(self.rows[example])]

    def cells(self, example: int) -> dict[str, Cell]:
        """Return what an example was, by column."""
        row = int(self.rows[example])
        return {name: column[row] for name, column in self.columns.items()}


@dataclass(frozen=True, slots=True)
class Lines:
    """The lines at which rows begin, as `line 7`, made when one is asked for."""

    word: str
    lines: Sequence[int]

    def __getitem__(self, row: int) -> str:
        return f"{self.word} {self.lines[row]:,}"
