"""Which columns of a table are read and learned, as settings and inputs name them, and why others are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.ir.data_source import DataSource
from netspec.ir.network import INPUT
from netspec.sources.tables.cells import shown
from netspec.sources.tables.columns import MOST_LEVELS, Column, written
from netspec.sources.tables.file_columns import where_pictures_go
from netspec.sources.tables.notices import counts_rows
from netspec.sources.tables.table import Table

__all__ = ["NUMBERS", "chosen_columns", "columns_of_input", "nothing_read", "require_learnable", "require_settings"]

NUMBERS = "numbers"
"""In place of columns: all that are numbers and that no other input names."""


_MOST = 12
"""So many columns are named that nothing is learned from."""


def require_settings(table: Table, data: DataSource, targets: Sequence[str]) -> None:
    """Raise DataError where a setting names a column that is not there, or one that is learned."""
    settings: dict[str, Sequence[str]] = {
        "columns": data.columns,
        "drop": data.drop,
        "group": (data.group,) if data.group else (),
        "order": (data.order,) if data.order else (),
        "category": data.category,
        "number": data.number,
    }
    for setting, names in settings.items():
        for name in names:
            table.require(name, f", which `{setting}` names")
            past = data.window is not None and data.window.first > 0
            if name in targets and setting in {"columns", "drop"} and not (past and setting == "columns"):
                fix = f"leave it out of `{setting}`"
                fix += "; `columns` names all that is read, where its own past is not to be" if past else ""
                raise DataError(f"{name} is learned, and `{setting}` names it too", fix)
    pairs = (("columns", "drop"), ("drop", "category"), ("drop", "number"), ("drop", "order"), ("category", "number"))
    for one, other in pairs:
        both = next((name for name in settings[one] if name in settings[other]), None)
        if both:
            raise DataError(f"`{one}` and `{other}` both name {both}", "keep one")


def require_learnable(table: Table, target: Column) -> None:
    """Raise DataError where a column cannot be learned, and say why."""
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
    if target.amount and len(target.counts) > MOST_LEVELS and len(target.counts) > count / 2:
        message = f"{table.name}: {target.name} has numbers such as {shown(target.amount.cell)}, which are read as text"
        raise DataError(message, f"{target.how_read}, without signs, units and marks between thousands")
    if target.kind in {"id", "text"} and len(target.counts) > MOST_LEVELS and len(target.counts) > count / 2:
        every = f"has {plural(len(target.counts), 'value')} in {plural(count, 'row')}"
        raise DataError(f"{table.name}: {target.name} {every}: it names the rows", "learn a column that says something")


def chosen_columns(
    table: Table,
    data: DataSource,
    targets: Sequence[str],
    columns: Mapping[str, Column],
    asked: Mapping[str, Sequence[str]] | None,
    past: Sequence[str] = (),
) -> tuple[list[str], list[str]]:
    """Return the columns that can be read, and what to say of those that are left out.

    Args:
        table: it.
        data: says which are to be read.
        targets: the columns that are learned.
        columns: what is in each.
        asked: the columns that each input names.
        past: those of the targets that are read too, for what is learned stands in later rows.
    """
    targets = [name for name in targets if name not in past]
    by = {data.group, data.order}
    named = {name for names in (asked or {}).values() for name in names}
    kept, notices = [], []
    for name in data.columns or table.columns:
        column = columns[name]
        if name in targets or name in data.drop or (name in by and name not in data.columns):
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


def _said_of_dropped(table: Table, column: Column) -> str:
    why = "it counts the rows" if counts_rows(table, column) else _left_out(table, column)
    return f"{column.name} is dropped" + (f": {why}" if why else "")


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
        if column.how_written:
            return f"its {column.how_written}"
        if column.odd:
            row, value = column.odd
            return f"nearly all its values are numbers, but line {table.lines[row]:,} has {shown(value)}"
        return f"it is text, with {plural(len(column.counts), 'value')}"
    return ""


def columns_of_input(
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


def nothing_read(table: Table, name: str, left_out: Sequence[str], dropped: Sequence[Column] = ()) -> tuple[str, str]:
    """Return the message and the fix for an input that no column is left for.

    Args:
        table: it.
        name: of the input.
        left_out: what is said of each column that cannot be read.
        dropped: the columns that `drop` names.
    """
    left_out = [*left_out, *(_said_of_dropped(table, column) for column in dropped)]
    what = "" if name == INPUT else f" for the input `{name}`"
    why = f": {'; '.join(left_out[:_MOST])}" if left_out else ""
    why += f"; and {len(left_out) - _MOST:,} more" if len(left_out) > _MOST else ""
    fix = where_pictures_go(table) or "it takes a column of numbers or of categories"
    return f"{table.name} has no column to learn from{what}{why}", fix
