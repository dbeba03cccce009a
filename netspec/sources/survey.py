"""A look at the data that a spec names: what it says of the network that is to learn from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from netspec.ir.network import DataSource, Input
from netspec.recipe.catalog import find
from netspec.recipe.settings import Text
from netspec.sources.texts import divided, read_text
from netspec.sources.vocabulary import Vocabulary

__all__ = ["LENGTH", "Survey", "completed", "survey", "vocabulary_of"]

LENGTH = 128
"""Tokens in an example of a text, where neither the data nor the input says it."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of data before it is loaded.

    Attributes:
        data: as declared, with what follows from the file written out.
        inputs: what an example is, where the network need not say it.
        tokens: how many tokens there are; None where there are none.
        classes: how many classes there are; None where that is not known.
        vocabulary: of a text.
        notices: what the user should know of it.
        amounts: of a table the columns that are learned and are no classes.
    """

    data: DataSource
    inputs: tuple[Input, ...] = ()
    tokens: int | None = None
    classes: int | None = None
    vocabulary: Vocabulary | None = None
    notices: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()


def survey(data: DataSource, folder: Path, asked: Mapping[str, Sequence[str]] | None = None) -> Survey | None:
    """Return what the data of a spec is; None where nothing can be told of it here.

    Args:
        data: as declared.
        folder: of the spec.
        asked: of a table the columns that each input names.

    Raises:
        DataError: it is not there, or cannot be read.
    """
    info = find(data.name)
    if info:
        return Survey(data, (Input(shape=info.shape),), classes=len(info.labels))
    if data.is_table:
        # What reads tables is imported by those alone who have one.
        from netspec.sources.table_survey import survey_table  # noqa: PLC0415

        return survey_table(data, folder, asked)
    if not data.is_text:
        return None
    data = completed(data)
    assert data.text is not None
    assert data.text.length is not None
    vocabulary = vocabulary_of(data, read_text(folder / data.name, data.name))
    tokens = len(vocabulary)
    return Survey(data, (Input(shape=(data.text.length,), tokens=tokens),), tokens, None, vocabulary)


def completed(data: DataSource, length: int | None = None) -> DataSource:
    """Return the settings of a text with what goes without saying: it is cut into characters, and learned onward.

    Args:
        data: as declared.
        length: of the network's input, where that is declared.
    """
    text = data.text or Text()
    text = text if text.length else text.model_copy(update={"length": length or LENGTH})
    return data.model_copy(update={"text": text, "target": "next"})


def vocabulary_of(data: DataSource, text: str) -> Vocabulary:
    """Return the vocabulary of a text, as the settings say."""
    assert data.text is not None
    return divided(text, data.text, data.test).vocabulary(data.text.unit, data.text.size)
