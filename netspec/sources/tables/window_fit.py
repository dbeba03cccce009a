"""Fitting to a table whose rows are examples together: their order, which part each is for, and what is read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT
from netspec.sources.kinds import PICTURES
from netspec.sources.tables.columns import column_of
from netspec.sources.tables.features import fitted_input
from netspec.sources.tables.fitted import Fitted
from netspec.sources.tables.notices import notices_of
from netspec.sources.tables.order import Series, in_time, in_time_again
from netspec.sources.tables.preparation import TableInput, Windows
from netspec.sources.tables.read_columns import (
    NUMBERS,
    chosen_columns,
    columns_of_input,
    nothing_read,
    require_learnable,
)
from netspec.sources.tables.table import Table
from netspec.sources.tables.windows import WindowRows, windows_asked, windows_by_part

__all__ = ["divided_windows", "fit_windows"]


def fit_windows(
    table: Table,
    data: DataSource,
    targets: Sequence[str],
    asked: Mapping[str, Sequence[str]] | None,
    folder: Path | None,
    *,
    log: bool,
) -> Fitted:
    """Return what is fitted to a table of which `window` rows are an example.

    Args:
        table: all of it.
        data: says which columns are learned, read and left out, and which rows are for the test.
        targets: the columns that are learned; where they stand ahead of the window, their own past is read too.
        asked: the columns that each input names; one input reads all unless given.
        folder: of the spec, for what it names beside the table.
        log: whether logarithms are learned.

    Raises:
        DataError: a column is not there, or cannot be learned or read; or a part has no window.
    """
    windows = windows_asked(data)
    assert windows is not None
    said: dict[str, Literal["category", "number"]] = dict.fromkeys(data.category, "category")
    said |= dict.fromkeys(data.number, "number")
    columns = {name: column_of(table, name, said=said.get(name)) for name in table.columns}
    for name in targets:
        if columns[name].kind == "empty":
            raise DataError(f"{table.name}: {name} is missing in every row", "learn another column")
        require_learnable(table, columns[name])
    series = in_time(table, windows, columns, data.drop)
    found = windows_by_part(series, data, targets)
    notices = [*table.notices, *series.notices, *_said_of_rows(series, found, data)]
    past = targets if windows.first else ()
    data = data.model_copy(update={"order": series.windows.order or None})
    chosen, left_out = chosen_columns(table, data, targets, columns, asked, past=past)
    notices += left_out
    # That a column says the target again is no mistake where what is learned comes later.
    again = {} if past else {name: columns[name] for name in targets}
    notices += notices_of(table, columns, [name for name in chosen if name not in targets], again)
    inputs: dict[str, TableInput] = {}
    for name, named in (asked or {INPUT: ()}).items():
        if PICTURES in named and PICTURES not in table.cells:
            _refuse(f"the input {name} is of pictures")
        read = [columns[each] for each in columns_of_input(table, name, named, chosen, columns, asked or {})]
        token = bool(named) and NUMBERS not in named
        given = fitted_input(series.table, data, read, found.rows["train"], named=token, folder=folder)
        if given.form in {"text", "picture"}:
            _refuse(f"{given.text} is text")
        if not given.columns:
            raise DataError(*nothing_read(table, name, left_out, [columns[c] for c in data.drop]))
        inputs[name] = given.model_copy(update={"window": windows.length})
    known = {name: columns[name] for name in targets}
    return Fitted(series.table, found.rows, inputs, known, log, tuple(notices), found)


def divided_windows(table: Table, data: DataSource, targets: Sequence[str], windows: Windows) -> Fitted:
    """Return the windows of a table that a model is looked at with, in the parts that its training would have had.

    Nothing is fitted to them.

    Args:
        table: all of it.
        data: as the model's spec declares it.
        targets: the columns that it has learned.
        windows: as it has learned them.

    Raises:
        DataError: no series is as long as a window, or rows cannot be sorted.
    """
    series = in_time_again(table, windows)
    found = windows_by_part(series, data, targets, learned=True)
    if not any(found.last.values()):
        message = f"{table.name} has no window whose target is known: there is nothing to compare with"
        raise DataError(message, "`netspec predict RUN FILE` answers rows without it")
    said = _said_of_missing(series, found)
    return Fitted(series.table, found.rows, {}, notices=(*table.notices, *series.notices, *said), windows=found)


def _refuse(what: str) -> None:
    raise DataError(f"{what}, and a window has numbers and categories", "leave it out, or leave `window` out")


def _said_of_rows(series: Series, found: WindowRows, data: DataSource) -> list[str]:
    """Return what the user should know of the parts, and of rows that are in no window or have no target."""
    if data.test is not None:
        return _said_of_missing(series, found)
    each = f" of each {series.windows.group}" if series.windows.group else ""
    said = f"the last 20% of the rows{each} of {series.table.name} are for the test: `test 20%`"
    return [said, *_said_of_missing(series, found)]


def _said_of_missing(series: Series, found: WindowRows) -> list[str]:
    notices, name = [], series.table.name
    needed = series.windows.length + series.windows.last
    short = [stop - start for start, stop in series.spans if stop - start < needed]
    if short:
        has = f"{len(short):,} of {len(series.spans):,} series of {name}, {plural(sum(short), 'row')},"
        are = "is" if len(short) == 1 else "are"
        notices.append(f"{has} {are} too short for a window with its target, {needed:,} rows")
    lost = sum(not there for there in found.labelled)
    if lost:
        are = "is" if lost == 1 else "are"
        notices.append(f"{plural(lost, 'row')} of {name} without a target {are} read, and not learned")
    return notices
