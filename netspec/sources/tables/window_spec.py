"""A commented spec that forecasts a column of a table from the rows before, and what tells that a table is for one."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.ir.data_source import DataSource
from netspec.recipe.settings import Window
from netspec.sources.tables.columns import Column, written
from netspec.sources.tables.dates import days_first, moment_of
from netspec.sources.tables.facts import class_counts, facts_of, likely_target
from netspec.sources.tables.fit import fit_table
from netspec.sources.tables.notices import counts_rows
from netspec.sources.tables.order import is_time
from netspec.sources.tables.spec_lines import commented, of_training
from netspec.sources.tables.table import Table

__all__ = ["LENGTH", "ascending_date", "forecasting_hint", "spec_for_windows"]

LENGTH = 14
"""Rows of the window that a comment names."""

_CLASSES = 20
"""A column of whole numbers with more of them is learned as an amount."""


def forecasting_hint(table: Table, path: str, columns: Mapping[str, Column], target: Column) -> list[str]:
    """Return the comment that rows which follow each other in time can be forecast; none where they do not."""
    date = ascending_date(table, columns)
    if not date or target.kind != "number":
        return []
    asked = f"netspec new --data {path} --target {written(target.name)} --window {LENGTH}"
    return [
        f"# The rows stand in the order of {date}, so {target.name} can be forecast from the rows before:",
        f"#   {asked}",
    ]


def ascending_date(table: Table, columns: Mapping[str, Column]) -> str:
    """Return the column of dates in whose order the rows stand, each later than the one before; empty without one."""
    date, group = _time_of(table, columns)
    if not date or group:
        return ""
    first = days_first(table.cells[date]) is not False
    moments = [moment_of(cell, day_first=first) for cell in table.cells[date]]
    return "" if any(a is None or b is None or a >= b for a, b in pairwise(moments)) else date


def spec_for_windows(table: Table, path: str, target: str | None, length: int) -> tuple[str, str, list[str]]:
    """Return the text of a spec that forecasts a column of a table, that column, and what the user should know.

    Args:
        table: it.
        path: of the file, as the spec is to name it.
        target: the column; the one that is likely to be meant unless given.
        length: how many rows are read.

    Raises:
        DataError: there is no such column, it cannot be learned, or the table has not so many rows.
    """
    columns = facts_of(table).columns
    name = target or likely_target(table, columns)
    if "," in name and name not in table.cells:
        raise DataError("--window forecasts one column, and --target names several", "name one")
    table.require(name, ", which --target names")
    date, group = _time_of(table, columns)
    dropped = [c for c in columns if c not in {name, date, group} and counts_rows(table, columns[c])]
    data = DataSource(
        name=path,
        target=(name,),
        window=Window(length=length),
        order=date or None,
        group=group or None,
        drop=tuple(dropped),
        validation=0.15,
        test=0.2,
    )
    fitted = fit_table(table, data)
    classes = class_counts(columns[name])
    classes = [] if columns[name].kind == "number" and len(classes) > _CLASSES else classes
    settings = [
        (f"  target {written(name)}", "what is forecast: that of the next row; its own past is read too"),
        (f"  window {length}", "so many rows, one after the other, are an example; `window 14 ahead=7` looks further"),
    ]
    settings += [(f"  order {written(date)}", "sorts the rows")] if date else []
    settings += [(f"  group {written(group)}", "no window spans two of them")] if group else []
    settings += [(f"  drop {' '.join(map(written, dropped))}", "counts the rows")] if dropped else []
    settings += [
        ("  validation 15%", "the rows before those for the test, to see when to stop"),
        ("  test 20%", "the last rows" + (f" of each {group}" if group else "")),
    ]
    width = fitted.inputs["input"].shape[0]
    layers = [
        ("lstm 32; take last", f"reads the {length} rows in their order, {plural(width, 'number')} each"),
        ("dropout 0.2", "in training only"),
        ("fc classes softmax", "a probability for each class") if classes else ("fc 1", "a number"),
    ]
    lines = [f"# {path.rpartition('/')[2]}: {plural(len(table), 'row')} of {plural(len(table.columns), 'column')}."]
    lines += ["", f'data "{path}" {{', *commented(settings), "}", "", *commented(layers)]
    assert fitted.windows is not None
    lines += ["", "train {", *of_training(len(fitted.windows.last["train"])), "}"]
    return "\n".join(lines) + "\n", written(name), [*table.notices, *fitted.notices]


def _time_of(table: Table, columns: Mapping[str, Column]) -> tuple[str, str]:
    """Return the column of dates that orders the rows, and the one of the series; empty where there is none."""
    date = next((name for name, c in columns.items() if is_time(c) and not c.missing and len(c.counts) > 1), "")
    if not date or len(columns[date].counts) == len(table):
        return date, ""
    for name, column in columns.items():
        if column.kind not in {"category", "text"} or is_time(column) or not 1 < len(column.counts) <= len(table) / 2:
            continue
        if len(set(zip(table.cells[date], table.cells[name], strict=True))) == len(table):
            return date, name
    return date, ""
