"""What a spec takes from its data: the words `classes` and `tokens`, and the input where none is declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import DataError
from netspec.elaborate.context import Context
from netspec.elaborate.declarations import Declarations
from netspec.elaborate.evaluate import UNKNOWN, Unanswered
from netspec.ir.network import DataSource
from netspec.sources.survey import Survey, survey
from netspec.syntax import ast
from netspec.system.files import expanded

__all__ = ["WORDS", "DataWords", "data_words"]

WORDS = ("classes", "tokens")
"""They stand for what the data has, unless the file gives them another meaning by `let`."""

_USED = re.compile(rf"\b({'|'.join(WORDS)})\b(?!\s*=)")
"""They as values: `tokens=` is an argument of `input`."""


@dataclass(frozen=True, slots=True)
class DataWords:
    """What the data says.

    Attributes:
        survey: what it is; None where that was not asked for, or is not known.
        values: of `classes` and `tokens`: a number, or why there is none; unknown where `data` is wrong itself.
        error: why it could not be looked at.
    """

    survey: Survey | None
    values: Mapping[str, Any]
    error: DataError | None = None


def data_words(file: ast.File, given: str | Path | None = None) -> DataWords:
    """Return what the data of a file says, where the file asks for it: by a word, or by declaring no input.

    Args:
        file: the parsed text.
        given: what is learned from in place of the data that it names. It counts where both are texts: any other data
            must have the form of what the file names.

    Raises:
        DataError: the given text is not there, or cannot be read.
    """
    command = next((c for c in file.commands if c.name.text == "data"), None)
    used = _USED.search(file.source.text) is not None
    if not used and (command is None or any(c.name.text == "input" for c in file.commands)):
        return DataWords(None, {})
    write = "write the number"
    if command is None:
        unanswered = Unanswered("the spec names no data", f"{write}, or name the data: `data mnist`")
        return DataWords(None, dict.fromkeys(WORDS, unanswered))
    data = _declared(command)
    if data is None:
        return DataWords(None, dict.fromkeys(WORDS, UNKNOWN))
    other = _other_text(data, given)
    try:
        found = survey(other or data, file.source.folder or Path())
    except DataError as error:
        if other:
            raise
        return DataWords(None, dict.fromkeys(WORDS, UNKNOWN), error)
    if found is None:
        return DataWords(None, dict.fromkeys(WORDS, Unanswered(f"{data.name} is looked at in training only", write)))
    if other:
        found = replace(found, data=found.data.model_copy(update={"name": data.name}))
    values = {"classes": found.classes, "tokens": found.tokens}
    missing = {
        word: Unanswered(f"{data.name} has no {word}", f"{write}, or `{other}`" if values[other] else write)
        for word, other in zip(WORDS, reversed(WORDS), strict=True)
        if values[word] is None
    }
    return DataWords(found, {**values, **missing})


def _declared(command: ast.Command) -> DataSource | None:
    """Return what a command `data` says; None where that is wrong, which is reported when it is reached."""
    declarations = Declarations(Context({}), {})
    declarations.once["data"](command)
    data = declarations.data
    # A path that leads outside the spec's folder is not followed.
    return None if declarations.context.diagnostics else data


def _other_text(data: DataSource, given: str | Path | None) -> DataSource | None:
    """Return the data with another text in place of its own, where one is given."""
    text = str(given or "")
    if not data.is_text or not text.lower().endswith(".txt") or "://" in text or "\0" in text:
        return None
    return data.model_copy(update={"name": str(expanded(text, DataError).absolute())})
