"""What an input reads of the columns of a table, fitted to the training part."""

from __future__ import annotations

from collections.abc import Sequence
from math import fsum, sqrt
from pathlib import Path

from netspec.diagnostics.diagnostic import DataError
from netspec.ir.data_source import DataSource
from netspec.recipe.class_names import in_order
from netspec.sources.tables.cells import class_name, truth_of
from netspec.sources.tables.columns import Column, written
from netspec.sources.tables.inputs import text_input
from netspec.sources.tables.preparation import Feature, TableInput
from netspec.sources.tables.table import Table

__all__ = ["fitted_input", "moments"]


def fitted_input(
    table: Table, data: DataSource, read: Sequence[Column], train: Sequence[int], *, named: bool, folder: Path | None
) -> TableInput:
    """Return what an input reads, fitted to the training part; one category that is named is a token."""
    plain = [column for column in read if not _is_text(column)]
    if len(read) == 1 and not plain:
        return text_input(table, data, read[0].name, train, folder)
    if len(plain) < len(read):
        name = next(column.name for column in read if _is_text(column))
        fix = f"give it an input of its own: `input {written(name)} as text`; or leave it out"
        raise DataError(f"{name} is text, and is not read together with other columns", fix)
    features = tuple(f for column in plain if (f := _feature(table, column, train)))
    token = named and len(features) == 1 and features[0].kind == "category"
    return TableInput(form="category" if token else "numbers", features=features)


def _is_text(column: Column) -> bool:
    return column.kind in {"text", "date", "file"} or (column.kind == "id" and column.low is None)


def _feature(table: Table, column: Column, train: Sequence[int]) -> Feature | None:
    """Return how a column becomes numbers; None where the training part has no value of it."""
    every, absent = table.cells[column.name], column.absent
    cells = [cell for i in train if (cell := every[i]) not in absent]
    missing = len(cells) < len(train)
    if not cells:
        return None
    if column.kind == "category":
        if column.said:
            cells = list(map(class_name, cells))
        return Feature(column=column.name, kind="category", levels=in_order(cells), missing=missing)
    if column.kind == "boolean":
        share = sum(1 for cell in cells if truth_of(cell)) / len(cells)
        return Feature(column=column.name, kind="boolean", mean=share, missing=missing)
    plain = column.form.plain(cells)[0] if column.form else cells
    mean, std = moments(list(map(float, plain)))
    return Feature(column=column.name, kind="number", mean=mean, std=std, missing=missing, amount=column.form)


def moments(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation of some numbers; 1 where they are all equal."""
    mean = fsum(values) / len(values)
    std = sqrt(fsum((value - mean) ** 2 for value in values) / len(values))
    return mean, std if std > 1e-12 * max(abs(mean), 1e-300) else 1.0
