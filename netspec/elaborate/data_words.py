"""What a spec takes from its data: the words `classes` and `tokens`, and the input where none is declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.elaborate.context import Context
from netspec.elaborate.declarations import Declarations
from netspec.elaborate.evaluate import UNKNOWN, Unanswered
from netspec.ir.network import DataSource
from netspec.sources.survey import Survey, survey
from netspec.syntax import ast

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

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of the data."""
        return self.survey.notices if self.survey else ()


def data_words(file: ast.File) -> DataWords:
    """Return what the data of a file says, where the file asks for it: by a word, or by declaring no input."""
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
    try:
        found = survey(data, file.source.folder or Path())
    except DataError as error:
        return DataWords(None, dict.fromkeys(WORDS, UNKNOWN), error)
    if found is None:
        return DataWords(None, dict.fromkeys(WORDS, Unanswered(f"{data.name} is looked at in training only", write)))
    values = {"classes": found.classes, "tokens": found.tokens}
    missing = {
        word: Unanswered(f"{data.name} has no {word}", f"{write}, or `{other}`" if values[other] else write)
        for word, other in zip(WORDS, reversed(WORDS), strict=True)
        if values[word] is None
    }
    if found.data.is_table and found.classes is None:
        missing["classes"] = _no_classes(found)
    return DataWords(found, {**values, **missing})


def _no_classes(found: Survey) -> Unanswered:
    """Return why a table has no number of classes."""
    name, targets = found.data.name, found.data.target_columns
    if found.amounts:
        return Unanswered(f"{found.amounts[0]} of {name} is a number", "end with `fc 1`, which learns numbers")
    several = f"{name} has several columns that are learned: {listing(targets, 'and')}"
    return Unanswered(several, "write the number of the classes of each")


def _declared(command: ast.Command) -> DataSource | None:
    """Return what a command `data` says; None where that is wrong, which is reported when it is reached."""
    declarations = Declarations(Context({}), {})
    declarations.once["data"](command)
    data = declarations.data
    # A path that leads outside the spec's folder is not followed.
    return None if declarations.context.diagnostics else data
