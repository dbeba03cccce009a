"""Fitting to a table: its rows, which part each is for, and what its inputs read, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Literal

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.diagnostics.suggest import nearest
from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT
from netspec.sources.draws import RULE, Rule
from netspec.sources.files.kinds import PICTURES as FILES
from netspec.sources.files.kinds import SOUNDS
from netspec.sources.kinds import PICTURES
from netspec.sources.tables.cells import is_missing
from netspec.sources.tables.columns import Column, column_of, written
from netspec.sources.tables.features import fitted_input
from netspec.sources.tables.file_columns import (
    missing_files,
    picture_column,
    require_files,
    with_files,
)
from netspec.sources.tables.fitted import Fitted
from netspec.sources.tables.inputs import text_input
from netspec.sources.tables.notices import notices_of, said_of_amounts
from netspec.sources.tables.parts import parts_of_table
from netspec.sources.tables.preparation import TableInput, Windows
from netspec.sources.tables.read_columns import (
    NUMBERS,
    chosen_columns,
    columns_of_input,
    nothing_read,
    require_learnable,
    require_settings,
)
from netspec.sources.tables.sound_columns import require_sound
from netspec.sources.tables.table import Table
from netspec.sources.tables.text_columns import text_column
from netspec.sources.tables.window_fit import divided_windows, fit_windows

__all__ = ["Fitted", "divided_for", "fit_table", "targets_of"]


_SHOWN = 5

LOG = "log"
"""Behind the columns that are learned: their logarithms are."""


def without_log(table: Table, data: DataSource) -> tuple[tuple[str, ...], bool]:
    """Return the columns that are learned, and whether their logarithms are."""
    names = data.target_columns
    log = len(names) > 1 and names[-1] == LOG and LOG not in table.cells
    return (names[:-1] if log else names), log


def targets_of(table: Table, data: DataSource) -> tuple[tuple[str, ...], bool]:
    """Return what `without_log` does; raises DataError where a column is not there, or there is none to learn."""
    names, log = without_log(table, data)
    for name in names:
        if data.target == "label" and name not in table.cells:
            example = table.columns[-1]
            said = written(example)
            own = _named(table, data)
            fix = f'say which column is learned: `data "{own}" {{ target {said} }}`; `target input` if none is'
            raise DataError(f"the spec does not say what is to be learned of {table.name}", fix)
        table.require(name, "")
    return names, log


def _named(table: Table, data: DataSource) -> str:
    """Return how a spec names a table: as it does, else as one beside the table would."""
    own, path = (name.replace("\\", "/") for name in (data.name, table.name))
    last = path.rpartition("/")[2]
    return own if own.rpartition("/")[2] == last and not PurePath(data.name).is_absolute() else last


def fit_table(
    table: Table,
    data: DataSource,
    asked: Mapping[str, Sequence[str]] | None = None,
    *,
    learns: bool = True,
    folder: Path | None = None,
    sizes: Mapping[str, tuple[int, ...]] | None = None,
    rule: Rule = RULE,
) -> Fitted:
    """Return what is fitted to a table.

    Args:
        table: all of it.
        data: says which columns are learned, read and left out, and which rows are for the test.
        asked: the columns that each input names; one input reads all unless given.
        learns: whether a column is learned; with `target input` none is.
        folder: of the spec, for what it names beside the table.
        sizes: of inputs that are pictures; those that read a column of files are, of a size not known unless given.
        rule: how rows are drawn for the parts.

    Raises:
        DataError: a column is not there, or cannot be learned; or a part has no rows.
    """
    targets, log = targets_of(table, data) if learns else ((), False)
    require_settings(table, data, targets)
    if data.window is not None:
        return fit_windows(table, data, targets, asked, folder, log=log)
    notices = list(table.notices)
    said: dict[str, Literal["category", "number"]] = dict.fromkeys(data.category, "category")
    said |= dict.fromkeys(data.number, "number")
    table, left_out = _with_targets(table, targets)
    notices += left_out
    columns = {name: column_of(table, name, said=said.get(name)) for name in table.columns}
    columns = with_files(table, columns)
    columns, asked = _with_pictures(table, columns, asked)
    files = [
        name for names in (asked or {}).values() for name in names if name in columns and columns[name].kind == "file"
    ]
    for name in files:
        require_sound(table, data, name)
    table, notes = _with_pictures_there(table, data, files)
    if notes:
        kinds = {name: column.kind for name, column in columns.items()}
        columns = {name: column_of(table, name, said=said.get(name)) for name in table.columns}
        columns = {name: replace(column, kind=kinds[name]) for name, column in columns.items()}
        notices += notes
    notices += [note for column in columns.values() if (note := said_of_amounts(column))]
    known = {name: columns[name] for name in targets}
    for target in known.values():
        require_learnable(table, target)
    text = text_column(table, data, targets, columns, asked)
    rows = parts_of_table(table, data, targets, known, text, rule)
    if data.test is None:
        notices.append(
            f"{plural(len(rows['test']), 'row')} of {table.name}, drawn by a hash of each, "
            f"{_are(len(rows['test']))} for the test: `test 20%`"
        )
    if text is not None:
        given = {next(iter(asked or {INPUT: ()})): text_input(table, data, text, rows["train"], folder)}
        notices += _beside_text(table, data, targets, columns, text)
        notices += notices_of(table, columns, (), known)
        return Fitted(table, rows, given, known, log, tuple(notices))
    chosen, left_out = chosen_columns(table, data, targets, columns, asked)
    notices += left_out
    notices += notices_of(table, columns, chosen, known)
    train = rows["train"]
    inputs = {}
    for name, named in (asked or {INPUT: ()}).items():
        read = [columns[c] for c in columns_of_input(table, name, named, chosen, columns, asked or {})]
        if len(read) == 1 and read[0].kind == "file":
            inputs[name] = TableInput(form="picture", text=read[0].name, size=(sizes or {}).get(name, (1, 1, 1)))
            continue
        inputs[name] = fitted_input(table, data, read, train, named=bool(named) and NUMBERS not in named, folder=folder)
        if not inputs[name].columns:
            raise DataError(*nothing_read(table, name, left_out, [columns[c] for c in data.drop]))
    return Fitted(table, rows, inputs, known, log, tuple(notices))


def _with_targets(table: Table, targets: Sequence[str]) -> tuple[Table, list[str]]:
    """Return the rows that have all targets, and what to say of others; raises DataError where there is none."""
    whole = len(table)
    lost = [[is_missing(cell) for cell in table.cells[t]] for t in targets]
    labelled = [i for i, gone in enumerate(zip(*lost, strict=True)) if not any(gone)] if lost else list(range(whole))
    if not labelled:
        empty = [t for t in targets if all(map(is_missing, table.cells[t]))] or targets
        raise DataError(f"{table.name}: {listing(empty, 'or')} is missing in every row", "learn another column")
    if len(labelled) == whole:
        return table, []
    without = whole - len(labelled)
    said = f"{plural(without, 'row')} of {table.name} without {listing(targets, 'or')} {_are(without)} left out"
    return table.take(labelled), [said]


def divided_for(
    table: Table,
    data: DataSource,
    targets: Sequence[str],
    text: str | None,
    pictures: Sequence[str] = (),
    rule: Rule = RULE,
    windows: Windows | None = None,
) -> Fitted:
    """Return the rows of a table that a model is looked at with, in the parts that its training would have had.

    Nothing is fitted to them.

    A table that is too small to be divided, or lacks the column that `group` names, is all for the test.

    Args:
        table: all of it.
        data: as the model's spec declares it.
        targets: the columns that it has learned.
        text: the column of texts that alone it reads; None where it reads others.
        pictures: the columns of picture files that it reads.
        rule: how rows are drawn for the parts.
        windows: which rows are an example together; None where each is one.

    Raises:
        DataError: a column is missing, or has no value in any row; or pictures are not there.
    """
    for name in targets:
        if name not in table.cells:
            raise DataError(*_no_target(table, name))
    if windows is not None:
        return divided_windows(table, data, targets, windows)
    notices = list(table.notices)
    table, said = _with_targets(table, targets)
    table, gone = _with_pictures_there(table, data, pictures)
    said_kinds: dict[str, Literal["category", "number"]] = dict.fromkeys(data.category, "category")
    said_kinds |= dict.fromkeys(data.number, "number")
    known = {name: column_of(table, name, said=said_kinds.get(name)) for name in targets}
    try:
        if data.group:
            table.require(data.group, ", which `group` names")
        rows: Mapping[str, Sequence[int]] = parts_of_table(table, data, targets, known, text, rule)
    except DataError:
        rows = {"train": (), "test": range(len(table))}
    return Fitted(table, rows, {}, notices=(*notices, *said, *gone))


def _beside_text(
    table: Table, data: DataSource, targets: Sequence[str], columns: Mapping[str, Column], text: str
) -> list[str]:
    """Return what to say of columns that are not read beside a text."""
    chosen, _ = chosen_columns(table, data, targets, columns, {INPUT: (text,)})
    others = [name for name in chosen if name != text]
    said = list(notices_of(table, columns, chosen, {}))
    if others:
        shown = listing([*others[:_SHOWN], *(["…"] if len(others) > _SHOWN else [])], "and")
        are = "is" if len(others) == 1 else "are"
        own = f"`input {written(text)} as text`, `input {' '.join(map(written, others[:2]))} as facts`"
        said.append(f"{shown} {are} not read: the text is; to read all, give them inputs: {own}")
    return said


def _with_pictures(
    table: Table, columns: Mapping[str, Column], asked: Mapping[str, Sequence[str]] | None
) -> tuple[dict[str, Column], Mapping[str, Sequence[str]] | None]:
    """Return the columns, and those that inputs name, with the one of files in place of `pictures`."""
    found = {
        name: (picture_column(table, columns, [n for n in names if n != PICTURES], name),)
        for name, names in (asked or {}).items()
        if PICTURES in names and PICTURES not in table.cells
    }
    read = {name: replace(columns[name], kind="file") for (name,) in found.values()}
    return {**columns, **read}, None if asked is None else {**asked, **found}


def _with_pictures_there(table: Table, data: DataSource, columns: Sequence[str]) -> tuple[Table, list[str]]:
    """Return the rows whose pictures are there, and what to say of others.

    Args:
        table: it.
        data: says whether others are left out.
        columns: those of the names of pictures.

    Raises:
        DataError: some are not there, and `on_bad` does not leave them out.
    """
    notices = []
    kind = SOUNDS if data.sound else FILES
    for name in dict.fromkeys(columns):
        lost = missing_files(table, name)
        if data.on_bad != "skip" or len(lost) == len(table):
            require_files(table, name, lost, kind)
        if lost:
            gone = set(lost)
            shown = f"{table.cells[name][lost[0]]!r} (line {table.lines[lost[0]]:,})"
            rows = plural(len(lost), "row")
            notices.append(
                f"{rows} of {table.name} {_are(len(lost))} left out: no {kind.one} of {name} is there, as {shown}"
            )
            table = table.take([row for row in range(len(table)) if row not in gone])
    return table, notices


def _no_target(table: Table, name: str) -> tuple[str, str]:
    """Return the message and the fix for a table that a model is compared with, without what it has learned."""
    near = nearest(name, table.columns)
    fix = "`netspec predict RUN FILE` answers rows without it"
    fix = f"did you mean `{near}`? Then rename it; {fix}" if near else fix
    return f"{table.name} has no column {name!r}, which the model has learned: there is nothing to compare with", fix


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
