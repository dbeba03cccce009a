"""What a spec takes from its data: the words `classes` and `tokens`, and the input where none is declared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import DataError
from netspec.elaborate.context import Context
from netspec.elaborate.declarations import Declarations
from netspec.elaborate.evaluate import UNKNOWN, Unanswered
from netspec.ir.network import DataSource
from netspec.sources.survey import Survey, survey
from netspec.syntax import ast
from netspec.system.files import kind_of

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
        given: whether it was given from outside, in place of what the file names.
    """

    survey: Survey | None
    values: Mapping[str, Any]
    error: DataError | None = None
    given: bool = False


def data_words(file: ast.File, given: str | None = None) -> DataWords:
    """Return what the data of a file says, where the file asks for it: by a word, or by declaring no input.

    Args:
        file: the spec.
        given: a dataset's name or a path from outside, in place of what the file names.
    """
    command = next((c for c in file.commands if c.name.text == "data"), None)
    used = _USED.search(file.source.text) is not None
    if not used and (command is None or any(c.name.text == "input" for c in file.commands)):
        return DataWords(None, {})
    write = "write the number"
    if command is None and given is None:
        unanswered = Unanswered("the spec names no data", f"{write}, or name the data: `data mnist`")
        return DataWords(None, dict.fromkeys(WORDS, unanswered))
    data = _declared(command) if command else DataSource.model_construct(name=given or "")
    if data is None:
        return DataWords(None, dict.fromkeys(WORDS, UNKNOWN))
    folder = file.source.folder or Path()
    if given is not None:
        # A path from outside is one from where the program runs, and the user's own.
        data, folder = data.model_copy(update={"name": given}), Path()
    try:
        found = survey(data, folder)
    except DataError as error:
        return DataWords(None, dict.fromkeys(WORDS, UNKNOWN), error, given is not None)
    # Files of arrays are not looked at here, whether they are there or not.
    arrays = given is None and data.name.lower().endswith(".npz")
    if found is None and used and not arrays and kind_of(folder / data.name, DataError) is None:
        beside = "paths begin at the spec's folder: put it there, or train with --data PATH"
        missing = DataError(f"{data.name} does not exist", beside if given is None else "give a path that is there")
        return DataWords(None, dict.fromkeys(WORDS, UNKNOWN), missing, given is not None)
    if found is None:
        return DataWords(None, dict.fromkeys(WORDS, Unanswered(f"{data.name} is looked at in training only", write)))
    values = {"classes": found.classes, "tokens": found.tokens}
    lacking = {
        word: Unanswered(f"{data.name} has no {word}", f"{write}, or `{other}`" if values[other] else write)
        for word, other in zip(WORDS, reversed(WORDS), strict=True)
        if values[word] is None
    }
    return DataWords(found, {**values, **lacking}, given=given is not None)


def _declared(command: ast.Command) -> DataSource | None:
    """Return what a command `data` says; None where that is wrong, which is reported when it is reached."""
    declarations = Declarations(Context({}), {})
    declarations.once["data"](command)
    data = declarations.data
    # A path that leads outside the spec's folder is not followed.
    return None if declarations.context.diagnostics else data
