"""What a spec takes from its data: the words `classes` and `tokens`, and the input where none is declared."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import takewhile
from pathlib import Path
from types import MappingProxyType
from typing import Any

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.elaborate.context import Context
from netspec.elaborate.declarations import Declarations
from netspec.elaborate.evaluate import UNKNOWN, Unanswered, ValueProblem, evaluate_word
from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT
from netspec.recipe.array_files import ARRAY_ENDINGS
from netspec.recipe.catalog import find, last_part
from netspec.recipe.file_names import is_text_name
from netspec.recipe.settings import Text
from netspec.sources.kinds import PICTURES, require_kind
from netspec.sources.missing import missing_data
from netspec.sources.places import require_inside
from netspec.sources.survey import Survey, survey
from netspec.syntax import ast
from netspec.system.files import expanded, kind_of

__all__ = ["WORDS", "DataWords", "data_words", "other_data", "undeclared"]

WORDS = ("classes", "tokens")
"""They stand for what the data has, unless the file gives them another meaning by `let`."""

_KEYS = {"tokens", "mask"}
"""Arguments of `input` that have a key, and are no columns where that is missing."""

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
    asked: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of a table the columns that each input names."""

    @property
    def notices(self) -> tuple[str, ...]:
        """What the user should know of the data."""
        return self.survey.notices if self.survey else ()


def data_words(
    file: ast.File, given: str | Path | None = None, lets: Mapping[str, Any] = MappingProxyType({})
) -> DataWords:
    """Return what the data of a file says, where the file asks for it: by a word, or by declaring no input.

    Args:
        file: the parsed text.
        given: a dataset's name or a path from outside, in place of what the file names.
        lets: values from outside, in place of those that the file gives its names.

    Raises:
        DataError: what is given is not there, or cannot be read.
    """
    command = next((c for c in file.commands if c.name.text == "data"), None)
    used = _USED.search(_without(file.source.text, command)) is not None
    asked = asked_columns(file)
    named_by_nobody = command is None and undeclared(file, given) is None
    if not used and not asked and (named_by_nobody or any(c.name.text == "input" for c in file.commands)):
        return DataWords(None, {})
    write = "write the number"
    if command is None and given is None:
        unanswered = Unanswered("the spec names no data", f"{write}, or name the data: `data mnist`")
        return DataWords(None, dict.fromkeys(WORDS, unanswered))
    data = _declared(command, _values_before(command, file, lets)) if command else undeclared(file, given)
    data = data or (None if command else DataSource.model_construct(name=str(given)))
    if data is None:
        return DataWords(None, dict.fromkeys(WORDS, UNKNOWN), asked=asked)
    asked = asked if data.is_table else {}
    looked = {**asked, **_file_inputs(file, data)} if data.is_table else {}
    other = other_data(data, given)
    named = str(given) if other else data.name
    if command and other:
        require_kind(data, Path(other.name), str(given))
    try:
        found = _surveyed(data, other, file.source.folder or Path(), looked)
    except DataError as error:
        if other:
            raise
        return DataWords(None, dict.fromkeys(WORDS, UNKNOWN), error, asked)
    if found is None and (used or (other or data).is_arrays):
        path = (file.source.folder or Path()) / (other or data).name
        if kind_of(path, DataError) is None:
            if other:
                raise missing_data(path, str(given), "give a path that is there")
            beside = "paths begin at the spec's folder: put it there, or train with --data PATH"
            missing_file = missing_data(path, data.name, beside)
            return DataWords(None, dict.fromkeys(WORDS, UNKNOWN), missing_file, asked)
    if found is None:
        unanswered = Unanswered(f"{named} is looked at in training only", write)
        return DataWords(None, dict.fromkeys(WORDS, unanswered), asked=asked)
    if other:
        found = replace(found, data=found.data.model_copy(update={"name": data.name}))
    values = {"classes": found.classes, "tokens": found.tokens}
    missing = {
        word: Unanswered(f"{named} has no {word}", f"{write}, or `{other}`" if values[other] else write)
        for word, other in zip(WORDS, reversed(WORDS), strict=True)
        if values[word] is None
    }
    if (found.data.is_table or found.of_arrays) and found.classes is None:
        missing["classes"] = _no_classes(found)
    return DataWords(found, {**values, **missing}, asked=asked)


def _surveyed(
    data: DataSource, other: DataSource | None, folder: Path, looked: Mapping[str, tuple[str, ...]]
) -> Survey | None:
    """Return what the data is; what a spec names by a link out of its folder is not looked at.

    Raises:
        DataError: it is not there, cannot be read, or lies outside the folder.
    """
    for name in () if other else (data.name, data.fallback):
        if name:
            require_inside(name, folder)
    return survey(other or data, folder, looked)


def _file_inputs(file: ast.File, data: DataSource) -> dict[str, tuple[str, ...]]:
    """Return the inputs whose size is that of a picture or a sound, which of a table is in a file; by their names."""
    found = {}
    axes = {2, 3} if data.sound else {3}
    for command in file.commands:
        sizes = [a for a in command.arguments if isinstance(a.value, ast.Size) and a.key is None]
        if command.name.text != "input" or len(sizes) != 1 or len(sizes[0].value.extents) not in axes:  # type: ignore[union-attr]
            continue
        named = [
            _word(a) for a in command.arguments if a is not sizes[0] and (a.key is None or a.key.text == "columns")
        ]
        found[command.label.text if command.label else INPUT] = (PICTURES, *(n for n in named if n))
    return found


def _word(argument: ast.Argument) -> str | None:
    value = argument.value
    return value.value if isinstance(value, ast.String) else value.text if isinstance(value, ast.Word) else None


def asked_columns(file: ast.File) -> dict[str, tuple[str, ...]]:
    """Return the columns that inputs name, by the names of the inputs: `input numbers as facts`.

    A word that is a `let` is that number.
    """
    lets = dict(_lets(file.commands))
    found = {}
    for command in file.commands:
        if command.name.text != "input" or not command.arguments:
            continue
        # Behind a column of files stands the size that pictures get: `input photo 3x64x64 as picture`.
        arguments = [a for a in command.arguments if not isinstance(a.value, ast.Size)]
        words = [_column(argument, lets) for argument in arguments]
        if words and all(word is not None for word in words):
            found[command.label.text if command.label else INPUT] = tuple(word for word in words if word is not None)
    return found


def _column(argument: ast.Argument, lets: Collection[str]) -> str | None:
    """Return the column that an argument names; None where it is a size, or has a key."""
    value = argument.value
    if argument.key is not None:
        return None
    if isinstance(value, ast.String):
        return value.value
    return value.text if isinstance(value, ast.Word) and value.text not in {*lets, *_KEYS} else None


def _without(text: str, command: ast.Command | None) -> str:
    """Return a text without a command: a column of the data may be called `classes`."""
    if command is None:
        return text
    lines = text.split("\n")
    span = command.span
    before, after = lines[span.line - 1][: span.column - 1], lines[span.end_line - 1][span.end_column - 1 :]
    return "\n".join([*lines[: span.line - 1], before, after, *lines[span.end_line :]])


def _no_classes(found: Survey) -> Unanswered:
    """Return why a table, or arrays, have no number of classes."""
    if found.of_arrays:
        why = f"{found.data.name} does not say it: its targets are numbers, too many to be read here, or not there"
        return Unanswered(why, "write the number")
    name, targets = found.data.name, found.data.target_columns
    if found.data.target == "input":
        width = found.inputs[0].shape[0]
        return Unanswered("`target input` learns the input again, and no classes", f"end with `fc {width}`")
    if found.amounts:
        return Unanswered(f"{found.amounts[0]} of {name} is a number", "end with `fc 1`, which learns numbers")
    several = f"{name} has several columns that are learned: {listing(targets, 'and')}"
    return Unanswered(several, "write the number of the classes of each")


def _values_before(command: ast.Command, file: ast.File, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of the names that a file itself gives before a command; those that are wrong are left out."""
    values: dict[str, Any] = {}
    for let in takewhile(lambda each: each is not command, file.commands):
        named = next(_lets([let]), None)
        if named:
            name, value = named
            with suppress(ValueProblem):
                values[name] = given[name] if name in given else evaluate_word(value, values)
    return values


def _lets(commands: Iterable[ast.Command]) -> Iterator[tuple[str, ast.Value]]:
    """Yield the names that `let` gives values at the top of a file, and these."""
    for command in commands:
        for argument in command.arguments[:1]:
            if command.name.text == "let" and argument.key and argument.relation == "=":
                yield argument.key.text, argument.value


def _declared(command: ast.Command, values: Mapping[str, Any]) -> DataSource | None:
    """Return what a command `data` says; None where that is wrong, which is reported when it is reached."""
    declarations = Declarations(Context(values), {})
    declarations.once["data"](command)
    data = declarations.data
    # A path that leads outside the spec's folder is not followed.
    return None if declarations.context.diagnostics else data


def undeclared(file: ast.File, given: str | Path | None) -> DataSource | None:
    """Return the text that is given from outside to a spec that names no data; None where it does, or it is none."""
    text = str(given or "")
    if not is_text_name(text) or any(c.name.text == "data" for c in file.commands):
        return None
    # Of a path from outside only the last part stays: a model names no folder of the machine it was made on.
    name = re.sub(r'["\x00-\x1f\x7f]', "_", last_part(text))
    return DataSource(name=name, text=Text())


def other_data(data: DataSource, given: str | Path | None) -> DataSource | None:
    """Return the data with what is given from outside in place of what the file names."""
    text = str(given or "")
    if not text or "://" in text or "\0" in text:
        return None
    if data.is_text and (text.lower().endswith(ARRAY_ENDINGS) or find(text)):
        # Token numbers must have the form of the text that the file names; whatever is no text is refused later.
        return None
    if find(text):
        return data.model_copy(update={"name": text, "fallback": None})
    if data.is_text and not data.is_tagged and is_text_name(data.name):
        # What is written for one text learns what follows in several too.
        data = data.model_copy(update={"target": "next"})
    if data.is_tagged:
        # So is what is given, by whatever name.
        tagged = (data.text or Text(unit="words")).model_copy(update={"tagged": True})
        data = data.model_copy(update={"text": tagged})
    # A path from outside is one from where the program runs, and the user's own.
    return data.model_copy(update={"name": str(expanded(text, DataError).absolute()), "fallback": None})
