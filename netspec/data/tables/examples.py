"""The rows of a table as arrays of its inputs, by what was fitted to the training part."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.files.forms import FileForms
from netspec.data.tables.file_columns import ColumnPictures, read_column_files
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.network import Network
from netspec.ops import format_shape
from netspec.recipe.class_names import in_order
from netspec.sources.tables.amounts import UnreadableError
from netspec.sources.tables.cells import class_name, is_missing, number_of, shown, zero_or_one
from netspec.sources.tables.delimited import looks_headless
from netspec.sources.tables.preparation import Feature, TableInput, TablePreparation, TargetColumn
from netspec.sources.tables.table import Table

__all__ = ["examples_of", "plain_numbers", "require_columns", "require_shapes", "table_matrix"]


def examples_of(
    table: Table, prepared: TablePreparation, pictures: ColumnPictures | None = None
) -> tuple[Any, list[str]]:
    """Return the rows of a table as a network reads them, and what to say of values that it has never seen.

    Args:
        table: it.
        prepared: says how its columns are read.
        pictures: those that its columns of files name; decoded here unless given.

    Raises:
        DataError: a column is missing, or has a value that is no number where the model reads numbers.
    """
    require_columns(table, prepared)
    notices: list[str] = []
    # A text in a file may well be a word that stands for nothing in the cell of a table.
    lost = _is_empty if prepared.texts else is_missing
    if prepared.pictures and pictures is None:
        pictures = read_column_files(table, prepared, FileForms())
    made = {
        name: pictures.of(table, given) if pictures and given.form == "picture" else _input(table, given, notices, lost)
        for name, given in prepared.inputs.items()
    }
    return (next(iter(made.values())) if len(made) == 1 else made), notices


def table_matrix(table: Table, features: Sequence[Feature]) -> NDArray[np.float32]:
    """Return the rows of a table as vectors of numbers."""
    return _matrix(table, features, [])


def require_columns(table: Table, prepared: TablePreparation) -> None:
    """Raise DataError where a table lacks a column that the model reads."""
    lost = [name for name in prepared.columns if name not in table.cells]
    if lost:
        has = "column" if len(lost) == 1 else "columns"
        some = listing([*lost[:5], *(["…"] if len(lost) > 5 else [])], "and")
        raise DataError(
            f"{table.name} lacks the {has} {some}, which the model reads",
            "put a line with the names of the columns above the rows"
            if looks_headless(table.columns, list(table.cells.values()))
            else "give it, with empty cells where a value is not known",
        )


def _input(
    table: Table, given: TableInput, notices: list[str], lost: Callable[[str], bool] = is_missing
) -> NDArray[Any]:
    if given.form == "text":
        return _tokens_of_text(table, given, lost)
    if given.form == "category":
        return _tokens_of_levels(table, given.features[0], notices)
    return _matrix(table, given.features, notices)


def _matrix(table: Table, features: Sequence[Feature], notices: list[str]) -> NDArray[np.float32]:
    made = np.zeros((len(table), sum(feature.width for feature in features)), np.float32)
    at = 0
    for feature in features:
        if feature.kind == "category":
            numbers = _levels(table, feature, notices)
            rows = np.flatnonzero(numbers < feature.width)
            made[rows, at + numbers[rows]] = 1
        else:
            values, missing = _values(table, feature, notices)
            made[:, at] = (values - feature.mean) / feature.std if feature.kind == "number" else values
            if feature.missing:
                made[:, at + 1] = missing
            elif missing.any():
                notices.append(
                    f"{feature.column} is missing in {plural(int(missing.sum()), 'row')}: the mean is taken, for the "
                    "model has seen none without it"
                )
        at += feature.width
    return made


def plain_numbers(table: Table, column: Feature | TargetColumn) -> tuple[Sequence[str], str]:
    """Return the cells of a column as plain numbers, and what to say of it; raises DataError where one is none."""
    cells: Sequence[str] = table.cells[column.column]
    try:
        plain, note = column.plain(cells)
    except UnreadableError as error:
        line = table.lines[list(cells).index(error.cell)]
        said = f"{table.name}: {column.column} in line {line:,} is {shown(error.cell)}, which {error.why}"
        example = column.amount and column.amount.written("12.5")
        raise DataError(said, f"write it as in training, such as {example}, or leave the cell empty") from None
    return plain, f"{column.column}: {note}" if note else ""


def _values(table: Table, feature: Feature, notices: list[str]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the numbers of a column, the mean where one is missing, and where that is."""
    cells, note = plain_numbers(table, feature)
    notices += [note] if note else []
    missing = np.fromiter(map(is_missing, cells), bool, len(cells))
    found = map(number_of if feature.kind == "number" else zero_or_one, cells)
    values = np.array([feature.mean if lost else v for v, lost in zip(found, missing, strict=True)], object)
    wrong = np.array([v is None for v in values], bool)
    if wrong.any():
        row = int(wrong.argmax())
        what = "a number" if feature.kind == "number" else "true or false"
        line = table.lines[row]
        raise DataError(
            f"{table.name}: {feature.column} in line {line:,} is {shown(cells[row])}, and the model reads {what}",
            f"write {what} there, or leave the cell empty",
        )
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        row = int((~np.isfinite(numbers)).argmax())
        message = f"{table.name}: {feature.column} in line {table.lines[row]:,} is {cells[row]}, which is not finite"
        raise DataError(message, "leave the cell empty where the value is not known")
    return numbers, missing


def _levels(table: Table, feature: Feature, notices: list[str]) -> NDArray[np.int64]:
    """Return the number of each category: behind the levels a missing one, behind that an unknown one."""
    number = {level: i for i, level in enumerate(feature.levels)}
    unknown = len(feature.levels) + feature.missing
    lost = len(feature.levels) if feature.missing else unknown
    cells = table.cells[feature.column]
    of = {cell: number.get(cell, number.get(class_name(cell), unknown)) for cell in set(cells)}
    found = [lost if is_missing(cell) else of[cell] for cell in cells]
    strange = [cell for cell, n in zip(cells, found, strict=True) if n == unknown and not is_missing(cell)]
    new = in_order(set(strange))
    if new:
        some = listing([*map(shown, new[:5]), *(["…"] if len(new) > 5 else [])], "and")
        rows = plural(len(strange), "row")
        notices.append(f"{feature.column} is {some} in {rows}, which the model has never seen: read as unknown")
    return np.asarray(found, np.int64)


def _tokens_of_levels(table: Table, feature: Feature, notices: list[str]) -> NDArray[np.int32]:
    return _levels(table, feature, notices).astype(np.int32)[:, None]


def _is_empty(cell: str) -> bool:
    """Return whether a text is empty."""
    return not cell


def _tokens_of_text(table: Table, given: TableInput, lost: Callable[[str], bool]) -> NDArray[np.int32]:
    assert given.vocabulary is not None
    made = np.zeros((len(table), given.length), np.int32)
    for row, cell in enumerate(table.cells[given.text]):
        if not lost(cell):
            numbers = given.vocabulary.encode(cell)[: given.length]
            made[row, : len(numbers)] = np.asarray(numbers, np.int32) + 1
    return made


def require_shapes(
    table: Table, network: Network, inputs: Mapping[str, TableInput], *, in_memory: bool = False
) -> None:
    """Raise DataError where an input is declared otherwise than the table has it."""
    for given in network.inputs:
        has = inputs[given.name]
        if has.shape != given.shape or (has.tokens or None) != given.tokens:
            what = "token" if has.tokens else "number"
            rows = f"a row of {table.name} becomes {plural(has.shape[0], what)}"
            rows += f" below {has.tokens}" if has.tokens else ""
            if has.window:
                rows = f"a window of {table.name} is {format_shape(has.shape)}"
                rows += f", tokens below {has.tokens}" if has.tokens else ""
            of = "the input" if len(network.inputs) == 1 else f"the input {given.name}"
            fix = "leave `input` out: it follows from the table; columns are left out in the spec, not by --set"
            if has.window:
                fix = f"leave `input` out, or write `input {format_shape(has.shape)}`; "
                fix += "`window` and columns are changed in the spec, not by --set"
            if in_memory:
                fix = f"write `input {format_shape(has.shape)}`, or leave columns out: `drop`"
            if len(network.inputs) > 1 or given.columns:
                fix = f"name its columns, from which its shape follows: `input COLUMN… as {given.name}`"
            declared = format_shape(given.shape) + (f" tokens={given.tokens}" if given.tokens else "")
            raise DataError(f"{rows}, but {of} is {declared}", fix)
