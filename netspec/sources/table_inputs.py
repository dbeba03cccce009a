"""A column of texts as an input of its own: tokens, filled up with padding."""

from __future__ import annotations

from collections.abc import Sequence

from netspec.ir.network import DataSource
from netspec.recipe.settings import Text
from netspec.sources.table_preparation import TableInput
from netspec.sources.tables import Table
from netspec.sources.vocabulary import Vocabulary, pieces

__all__ = ["text_input"]

_LONGEST = 128
"""Tokens that are read of a text at most, where nothing else is said."""


def text_input(table: Table, data: DataSource, column: str, train: Sequence[int]) -> TableInput:
    """Return how a column of texts is read: by the vocabulary of the training part, token 0 as padding."""
    settings = data.text or Text()
    cells = [table.cells[column][i] for i in train]
    vocabulary = Vocabulary.of(settings.unit, "\n".join(cells), size=settings.size)
    if settings.unit == "chars" and not vocabulary.unknown:
        # Rows that are predicted later may have characters that none of these has.
        vocabulary = vocabulary.model_copy(update={"unknown": True})
    longest = max(
        (len(cell.encode()) if settings.unit == "bytes" else len(pieces(settings.unit, cell)) for cell in cells),
        default=1,
    )
    length = settings.length or min(max(longest, 1), _LONGEST)
    return TableInput(form="text", text=column, vocabulary=vocabulary, length=length)
