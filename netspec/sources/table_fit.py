"""Fitting to a table: which rows are for what, which columns are read, and what is fitted to the training part."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import fsum, sqrt
from pathlib import Path, PurePath
from typing import Literal

from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT
from netspec.recipe.class_names import in_order
from netspec.sources.cells import class_name, is_missing, shown, truth_of
from netspec.sources.columns import MOST_LEVELS, Column, column_of, written
from netspec.sources.draws import RULE, Rule
from netspec.sources.kinds import PICTURES
from netspec.sources.table_files import (
    missing_files,
    picture_column,
    require_files,
    with_files,
)
from netspec.sources.table_inputs import text_input
from netspec.sources.table_notices import notices_of
from netspec.sources.table_parts import could_be_classes, parts_of_table
from netspec.sources.table_preparation import Feature, TableInput
from netspec.sources.table_texts import text_column
from netspec.sources.tables import Table

__all__ = ["NUMBERS", "Fitted", "divided_for", "fit_table", "moments", "targets_of"]

NUMBERS = "numbers"
"""In place of columns: all that are numbers and that no other input names."""

_SHOWN = 5

LOG = "log"
"""Behind the columns that are learned: their logarithms are."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """What is fitted to a table, apart from its targets, which a network decides about too.

    Attributes:
        table: its rows that have all targets.
        rows: the places of those of each part: `train`, `validation` and `test`.
        inputs: what each input reads.
        targets: what is in the columns that are learned, over all rows.
        log: whether their logarithms are learned.
        notices: what the user should know.
    """

    table: Table
    rows: Mapping[str, Sequence[int]]
    inputs: Mapping[str, TableInput]
    targets: Mapping[str, Column] = field(default_factory=dict)
    log: bool = False
    notices: tuple[str, ...] = ()

    @property
    def classes(self) -> int | None:
        """How many classes the one target has; None where it has none, or there are several."""
        if len(self.targets) != 1:
            return None
        (target,) = self.targets.values()
        if self.log or not could_be_classes(target):
            return None
        return len({class_name(value) for value in target.counts})


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
            fix = f'say which column is learned: `data "{own}" {{ target {said} }}`'
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
    _require_settings(table, data, targets)
    notices = list(table.notices)
    table, left_out = _with_targets(table, targets)
    notices += left_out
    said: dict[str, Literal["category", "number"]] = dict.fromkeys(data.category, "category")
    said |= dict.fromkeys(data.number, "number")
    columns = {name: column_of(table, name, said=said.get(name)) for name in table.columns}
    columns = with_files(table, columns)
    columns, asked = _with_pictures(table, columns, asked)
    files = [
        name for names in (asked or {}).values() for name in names if name in columns and columns[name].kind == "file"
    ]
    table, notes = _with_pictures_there(table, data, files)
    if notes:
        kinds = {name: column.kind for name, column in columns.items()}
        columns = {name: column_of(table, name, said=said.get(name)) for name in table.columns}
        columns = {name: replace(column, kind=kinds[name]) for name, column in columns.items()}
        notices += notes
    known = {name: columns[name] for name in targets}
    for target in known.values():
        _require_learnable(table, target)
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
        return Fitted(table, rows, given, known, log, tuple(notices))
    chosen, left_out = _chosen(table, data, targets, columns, asked)
    notices += left_out
    notices += notices_of(table, columns, chosen, known)
    train = rows["train"]
    inputs = {}
    for name, named in (asked or {INPUT: ()}).items():
        read = [columns[c] for c in _of_input(table, name, named, chosen, columns, asked or {})]
        if len(read) == 1 and read[0].kind == "file":
            inputs[name] = TableInput(form="picture", text=read[0].name, size=(sizes or {}).get(name, (1, 1, 1)))
            continue
        inputs[name] = _input(table, data, read, train, named=bool(named) and NUMBERS not in named, folder=folder)
        if not inputs[name].columns:
            raise DataError(*_nothing_read(table, name, left_out))
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

    Raises:
        DataError: a column is missing, or has no value in any row; or pictures are not there.
    """
    for name in targets:
        table.require(name, "")
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
    chosen, _ = _chosen(table, data, targets, columns, {INPUT: (text,)})
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
    for name in dict.fromkeys(columns):
        lost = missing_files(table, name)
        if data.on_bad != "skip" or len(lost) == len(table):
            require_files(table, name, lost)
        if lost:
            gone = set(lost)
            shown = f"{table.cells[name][lost[0]]!r} (line {table.lines[lost[0]]:,})"
            rows = plural(len(lost), "row")
            notices.append(
                f"{rows} of {table.name} {_are(len(lost))} left out: no picture of {name} is there, as {shown}"
            )
            table = table.take([row for row in range(len(table)) if row not in gone])
    return table, notices


# --- which columns ------------------------------------------------------------------------------------------------


def _require_settings(table: Table, data: DataSource, targets: Sequence[str]) -> None:
    """Raise DataError where a setting names a column that is not there, or one that is learned."""
    settings: dict[str, Sequence[str]] = {
        "columns": data.columns,
        "drop": data.drop,
        "group": (data.group,) if data.group else (),
        "category": data.category,
        "number": data.number,
    }
    for setting, names in settings.items():
        for name in names:
            table.require(name, f", which `{setting}` names")
            if name in targets and setting in {"columns", "drop"}:
                raise DataError(f"{name} is learned, and `{setting}` names it too", f"leave it out of `{setting}`")
    for one, other in (("columns", "drop"), ("drop", "category"), ("drop", "number"), ("category", "number")):
        both = next((name for name in settings[one] if name in settings[other]), None)
        if both:
            raise DataError(f"`{one}` and `{other}` both name {both}", "keep one")


def _require_learnable(table: Table, target: Column) -> None:
    if target.kind == "date":
        message = f"{table.name}: {target.name} is a date, which is no class and no amount"
        raise DataError(message, "write it as a number, such as days since the first")
    if len(target.counts) == 1:
        value = next(iter(target.counts))
        message = f"{table.name}: {target.name} is {shown(value)} in every row: there is nothing to learn"
        raise DataError(message, "learn another column")
    if target.odd:
        row, value = target.odd
        but = f"line {table.lines[row]:,} has {shown(value)}"
        message = f"{table.name}: nearly all values of {target.name} are numbers, but {but}"
        raise DataError(message, "write a number there, or leave the cell empty: rows without a target are left out")
    count = sum(target.counts.values())
    if target.kind in {"id", "text"} and len(target.counts) > MOST_LEVELS and len(target.counts) > count / 2:
        every = f"has {plural(len(target.counts), 'value')} in {plural(count, 'row')}"
        raise DataError(f"{table.name}: {target.name} {every}: it names the rows", "learn a column that says something")


def _chosen(
    table: Table,
    data: DataSource,
    targets: Sequence[str],
    columns: Mapping[str, Column],
    asked: Mapping[str, Sequence[str]] | None,
) -> tuple[list[str], list[str]]:
    """Return the columns that can be read, and what to say of those that are left out."""
    named = {name for names in (asked or {}).values() for name in names}
    kept, notices = [], []
    for name in data.columns or table.columns:
        column = columns[name]
        if name in targets or name in data.drop or (name == data.group and name not in data.columns):
            continue
        number = column.kind == "id" and column.low is not None
        if (name in named and column.kind != "empty") or (number and name in data.columns):
            kept.append(name)
        elif why := _left_out(table, column):
            if not named or NUMBERS in named:
                notices.append(f"{name} is left out: {why}")
        else:
            kept.append(name)
    return kept, notices


def _left_out(table: Table, column: Column) -> str:
    """Return why a column is left out; empty where it is not."""
    if column.kind == "empty":
        return "it is missing in every row"
    if column.is_constant:
        return f"it is {shown(next(iter(column.counts)))} in every row"
    if column.kind == "id":
        return "it names the rows"
    if column.kind == "date":
        return "it is a date"
    if column.kind == "file":
        return f"it names pictures; `input {written(column.name)} 3x64x64 as picture` reads them"
    if column.kind == "text":
        if column.odd:
            row, value = column.odd
            return f"nearly all its values are numbers, but line {table.lines[row]:,} has {shown(value)}"
        return f"it is text, with {plural(len(column.counts), 'value')}"
    return ""


def _of_input(
    table: Table,
    name: str,
    named: Sequence[str],
    chosen: Sequence[str],
    columns: Mapping[str, Column],
    asked: Mapping[str, Sequence[str]],
) -> list[str]:
    """Return the columns that an input reads; raises DataError where it names one that cannot be read."""
    if not named:
        return list(chosen)
    found = []
    others = {column for names in asked.values() for column in names}
    for word in named:
        if word == NUMBERS and word not in table.cells:
            found += [c for c in chosen if columns[c].kind in {"number", "id"} and c not in others]
            continue
        table.require(word, f", which the input `{name}` names")
        if word not in chosen:
            raise DataError(
                f"the input `{name}` names {word}, which is learned, or left out of what is read",
                "name another column, or leave it out of `drop`",
            )
        found.append(word)
    return list(dict.fromkeys(found))


def _nothing_read(table: Table, name: str, left_out: Sequence[str]) -> tuple[str, str]:
    what = "" if name == INPUT else f" for the input `{name}`"
    why = f": {'; '.join(left_out[:3])}{'; …' if len(left_out) > 3 else ''}" if left_out else ""
    return f"{table.name} has no column to learn from{what}{why}", "it takes a column of numbers or of categories"


# --- what is fitted -----------------------------------------------------------------------------------------------


def _input(
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
    mean, std = moments(list(map(float, cells)))
    return Feature(column=column.name, kind="number", mean=mean, std=std, missing=missing)


def moments(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and the standard deviation of some numbers; 1 where they are all equal."""
    mean = fsum(values) / len(values)
    std = sqrt(fsum((value - mean) ** 2 for value in values) / len(values))
    return mean, std if std > 1e-12 * max(abs(mean), 1e-300) else 1.0


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
