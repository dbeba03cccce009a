"""The rows of a table in the order of time: sorted by a column of dates or numbers, each group by itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, TypeAlias

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.sources.tables.cells import class_name, is_missing, number_of, shown
from netspec.sources.tables.columns import Column, Kind, written
from netspec.sources.tables.dates import days_first, moment_of, name_months
from netspec.sources.tables.preparation import Windows
from netspec.sources.tables.table import Table

__all__ = ["Series", "in_time", "in_time_again", "is_time"]

_TRIED = 20
"""So many columns are looked at to see whether one tells several series apart."""

_KINDS: tuple[Kind, ...] = ("category", "number", "text")
"""What tells series apart."""

_MONTH, _YEAR = (timedelta(28), timedelta(31)), (timedelta(365), timedelta(366))
"""Steps within these are equal: those of a month, those of a year."""

Groups: TypeAlias = "list[list[int]]"
"""The rows of each series."""


@dataclass(frozen=True, slots=True)
class Series:
    """A table whose rows stand in the order of time, those of one group after those of another.

    Attributes:
        table: it.
        places: the place of each row in the table as it was given.
        spans: the first row of each series, and the one behind its last.
        windows: what is cut out of them; with the column that they are sorted by.
        notices: what the user should know.
    """

    table: Table
    places: Sequence[int]
    spans: Sequence[tuple[int, int]]
    windows: Windows
    notices: tuple[str, ...] = ()


def in_time(table: Table, windows: Windows, columns: Mapping[str, Column], dropped: Sequence[str]) -> Series:
    """Return a table to learn from in the order of time.

    Without `order` the rows stand as the file has them, which then must be that of its dates, if it has some.

    Args:
        table: it.
        windows: as the spec says.
        columns: what its columns hold.
        dropped: the columns that are not to be looked at.

    Raises:
        DataError: there is no such column, it does not say an order, or the rows do not stand in that of their dates.
    """
    groups = _groups(table, windows.group)
    if windows.order:
        groups, moments = _sorted(table, groups, windows.order, None)
        windows = windows.model_copy(update={"day_first": days_first(table.cells[windows.order])})
        return _series(table, groups, windows, _said_of_steps(table, groups, windows, moments, columns))
    dates = [c for name, c in columns.items() if is_time(c) and name not in dropped and len(c.counts) > 1]
    for date in dates:
        for day_first in (True, False):
            own = _moments(table, date.name, day_first)
            if own is None or not _ascends(own, groups):
                continue
            if None not in own:
                said = days_first(table.cells[date.name])
                windows = windows.model_copy(update={"order": date.name, "day_first": said})
            return _series(table, groups, windows, _said_of_steps(table, groups, windows, own, columns))
    if dates:
        raise DataError(*_not_ascending(table, dates[0], windows, columns))
    return _series(table, groups, windows)


def is_time(column: Column) -> bool:
    """Return whether a column says when its rows were; few months by their names are a category to all else."""
    return column.kind == "date" or (column.kind == "category" and not column.said and name_months(column.counts))


def in_time_again(table: Table, windows: Windows) -> Series:
    """Return another table in the order of time, as a model has learned it.

    A column that it lacks does not sort or group it, which a notice says.

    Raises:
        DataError: a value by which rows are sorted is missing, or is none.
    """
    lost = [name for name in (windows.order, windows.group) if name and name not in table.cells]
    notices = [
        f"{table.name} has no column {name!r}: its rows are taken "
        + ("as one series" if name == windows.group else "in the order of the file")
        for name in lost
    ]
    groups = _groups(table, "" if windows.group in lost else windows.group)
    if windows.order and windows.order not in lost:
        groups, _ = _sorted(table, groups, windows.order, windows.day_first)
    return _series(table, groups, windows, notices)


def _series(table: Table, groups: Groups, windows: Windows, notices: Sequence[str] = ()) -> Series:
    places = [row for rows in groups for row in rows]
    spans, at = [], 0
    for rows in groups:
        spans.append((at, at + len(rows)))
        at += len(rows)
    return Series(table.take(places), places, spans, windows, tuple(notices))


def _groups(table: Table, group: str) -> Groups:
    """Return the rows of each group, in the order of the table; of one series without `group`."""
    if not group:
        return [list(range(len(table)))]
    table.require(group, ", which `group` names")
    found: dict[str, list[int]] = {}
    for row, cell in enumerate(table.cells[group]):
        found.setdefault("" if is_missing(cell) else class_name(cell), []).append(row)
    return list(found.values())


def _sorted(table: Table, groups: Groups, order: str, day_first: bool | None) -> tuple[Groups, Sequence[Any]]:
    """Return the rows of each group sorted by a column, and what is in that.

    Args:
        table: it.
        groups: its rows.
        order: the column.
        day_first: whether days stand before months, where the dates of the table do not say it.
    """
    table.require(order, ", which `order` names")
    cells = table.cells[order]
    lost = next((row for row, cell in enumerate(cells) if is_missing(cell)), None)
    if lost is not None:
        message = f"{table.name}: {order} is missing in line {table.lines[lost]:,}, and rows are sorted by it"
        raise DataError(message, "write it there, or leave the row out")
    numbers = [value for cell in cells if (value := number_of(cell)) is not None]
    if len(numbers) == len(cells):
        return [sorted(rows, key=numbers.__getitem__) for rows in groups], numbers
    said = days_first(cells)
    said = day_first if said is None else said
    found: list[tuple[Groups, Sequence[Any]]] = []
    for first in (True, False) if said is None else (said,):
        moments: list[Any] | None = _moments(table, order, first)
        if moments is not None:
            found.append(([sorted(rows, key=moments.__getitem__) for rows in groups], moments))
    if not found:
        wrong = next(row for row, cell in enumerate(cells) if moment_of(cell, day_first=said is not False) is None)
        message = f"{table.name}: {order} in line {table.lines[wrong]:,} is {shown(cells[wrong])}, which is no date"
        raise DataError(
            f"{message} and no number", "`order` names a column of dates, such as 2026-01-31, or of numbers"
        )
    if any(each[0] != found[0][0] for each in found):
        message = f"{table.name}: {order} does not say which is the day and which the month, as {shown(cells[0])}"
        raise DataError(message, "write dates with the year first: 2026-01-31")
    return found[0]


def _moments(table: Table, column: str, day_first: bool) -> list[Any] | None:
    """Return the moments in a column, None where one is missing; None in place of all where one is no date."""
    made = {
        cell: None if is_missing(cell) else moment_of(cell, day_first=day_first) for cell in set(table.cells[column])
    }
    if any(moment is None and not is_missing(cell) for cell, moment in made.items()):
        return None
    return [made[cell] for cell in table.cells[column]]


def _ascends(moments: Sequence[Any], groups: Groups, *, strictly: bool = False) -> bool:
    """Return whether each group stands in the order of its moments."""
    for rows in groups:
        own = [moment for row in rows if (moment := moments[row]) is not None]
        if any(after < before or (strictly and after == before) for before, after in pairwise(own)):
            return False
    return True


def _not_ascending(table: Table, date: Column, windows: Windows, columns: Mapping[str, Column]) -> tuple[str, str]:
    """Return that rows do not stand in the order of their dates, and what would be right."""
    moments = _moments(table, date.name, days_first(table.cells[date.name]) is not False)
    name = written(date.name)
    as_it_is = f"`drop {name}` takes them as they stand"
    if moments is None:
        cells = table.cells[date.name]
        return f"{table.name}: {date.name} has {shown(cells[0])} and others that are not all dates", as_it_is
    group = "" if windows.group else _telling_apart(table, moments, columns)
    fix = f"`order {name}` sorts them"
    fix = f"they do for each {group}: `group {written(group)}` makes each a series" if group else fix
    row = next(
        (b for rows in _groups(table, windows.group) for a, b in pairwise(rows) if _before(moments[b], moments[a])), 0
    )
    said = f"{table.name}: its rows do not stand in the order of {date.name}: line {table.lines[row]:,} goes back"
    return said, f"{fix}; {as_it_is}"


def _telling_apart(
    table: Table, moments: Sequence[Any], columns: Mapping[str, Column], kinds: Sequence[Kind] = _KINDS
) -> str:
    """Return the column of whose values each has rows in the order of time; empty where there is none."""
    for column in list(columns.values())[:_TRIED]:
        if column.kind not in kinds or is_time(column) or not 1 < len(column.counts) <= len(table) / 2:
            continue
        if _ascends(moments, _groups(table, column.name), strictly=True):
            return column.name
    return ""


def _before(one: datetime | None, other: datetime | None) -> bool:
    return one is not None and other is not None and one < other


def _said_of_steps(
    table: Table, groups: Groups, windows: Windows, moments: Sequence[Any], columns: Mapping[str, Column]
) -> list[str]:
    """Return what to say of moments that are equal, or not evenly spaced, in one series."""
    steps: Counter[Any] = Counter()
    first: dict[Any, int] = {}
    for rows in groups:
        for before, after in pairwise(rows):
            if moments[before] is None or moments[after] is None:
                continue
            step = moments[after] - moments[before]
            steps[step] += 1
            first.setdefault(step, after)
    if not windows.order or not steps:
        return []
    same = next((step for step in steps if not step), None)
    if same is not None:
        rows_of = plural(steps[same], "row")
        apart = _telling_apart(table, moments, columns, ("category", "text"))
        fix = (
            ""
            if windows.group
            else f"; of several series `group {written(apart) if apart else 'COLUMN'}` makes windows of each"
        )
        line = table.lines[first[same]]
        return [f"{windows.order} is that of the row before in {rows_of}, first in line {line:,}{fix}"]
    usual = steps.most_common(1)[0][0]
    if not isinstance(usual, timedelta):
        return []
    other = {step: count for step, count in steps.items() if not _like(step, usual)}
    if not other:
        return []
    longest = max(other)
    count = sum(other.values())
    often = "once" if count == 1 else f"{count:,} times"
    return [
        f"rows are mostly {_days(usual)} apart, and {often} not, at most {_days(longest)} (line "
        f"{table.lines[first[longest]]:,}): a window is of rows, whatever time lies between them"
    ]


def _like(one: timedelta, other: timedelta) -> bool:
    """Return whether two steps are one, as those of months are."""
    return one == other or any(low <= one <= high and low <= other <= high for low, high in (_MONTH, _YEAR))


def _days(step: timedelta) -> str:
    days, seconds = divmod(step.total_seconds(), 86_400)
    if not seconds:
        return plural(int(days), "day")
    if not days and not seconds % 3600:
        return plural(int(seconds // 3600), "hour")
    return str(step)
