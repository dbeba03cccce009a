"""A column of texts as an input of its own: tokens, filled up with padding."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Text
from netspec.sources.tables.preparation import TableInput
from netspec.sources.tables.table import Table
from netspec.sources.texts import bpe
from netspec.sources.texts.vocabulary import Vocabulary

__all__ = ["text_input", "tokenizer_of"]

_LONGEST = 128
"""Tokens that are read of a text at most, where nothing else is said."""


def text_input(
    table: Table,
    data: DataSource,
    column: str,
    train: Sequence[int],
    folder: Path | None = None,
    *,
    longest: int = _LONGEST,
) -> TableInput:
    """Return how a column of texts is read: by the vocabulary of the training part, token 0 as padding.

    Args:
        table: that has it.
        data: says how texts are cut into tokens.
        column: its name.
        train: the rows that are learned from.
        folder: of the spec, for a tokenizer that it names.
        longest: tokens that are read of a text at most, where nothing is said.

    Raises:
        DataError: the tokenizer cannot be read.
    """
    settings = data.text or Text()
    cells = [table.cells[column][i] for i in train]
    tokenizer = tokenizer_of(settings, folder)
    vocabulary = Vocabulary.of(settings.unit, "\n".join(cells), size=settings.size, tokenizer=tokenizer)
    if settings.unit == "chars" and not vocabulary.unknown:
        # Rows that are predicted later may have characters that none of these has.
        vocabulary = vocabulary.model_copy(update={"unknown": True})
    length = settings.length or min(max(map(len, map(vocabulary.encode, cells)), default=1) or 1, longest)
    return TableInput(form="text", text=column, vocabulary=vocabulary, length=length)


def tokenizer_of(settings: Text, folder: Path | None) -> str:
    """Return the tokenizer that a spec names, as JSON; empty where it names none.

    Raises:
        DataError: it is not there, no tokenizer, or outside the spec's folder.
    """
    if settings.file is None:
        return ""
    base = (folder or Path()).resolve()
    path = (base / settings.file).resolve()
    if not path.is_relative_to(base):
        raise DataError(
            f"the spec's tokenizer {settings.file} leads outside the spec's folder", "put the file beside the spec"
        )
    return bpe.read(path, settings.file)
