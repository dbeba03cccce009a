"""Columns of 0 and 1 of which one is 1 in every row: one class, written over several columns."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from netspec.sources.tables.cells import zero_or_one
from netspec.sources.tables.columns import Column
from netspec.sources.tables.table import Table

__all__ = ["one_hot_groups", "one_hot_with"]

_BEGINS = re.compile(r"[^\W_]+[_ .:=-]+")
"""The first word of a name, and what divides it from the next."""

_FEWEST = 3
"""Of two columns the one is the other again, which is said as such."""

_FEW = 10
"""Of fewer rows columns may go together by chance."""


def one_hot_groups(table: Table, columns: Mapping[str, Column]) -> list[tuple[str, ...]]:
    """Return the groups of columns of which one is 1 in every row: columns beside each other, or of names alike.

    Names are alike that begin alike: `is_cat` and `is_dog`.
    """
    if len(table) < _FEW:
        return []
    ones = {name: _ones(table, name) for name, column in columns.items() if _is_binary(column)}
    every = (1 << len(table)) - 1
    found = _beside_each_other(list(columns), ones, every)
    taken = {name for group in found for name in group}
    alike: dict[str, list[str]] = {}
    for name in ones:
        begins = _BEGINS.match(name)
        if begins and name not in taken:
            alike.setdefault(begins[0], []).append(name)
    return found + [tuple(group) for group in alike.values() if _is_one_class([ones[name] for name in group], every)]


def _is_one_class(ones: Sequence[int], every: int) -> bool:
    """Return whether in every row one column of some is 1, and no other."""
    seen = 0
    for own in ones:
        if own & seen:
            return False
        seen |= own
    return len(ones) >= _FEWEST and seen == every


def _beside_each_other(columns: Sequence[str], ones: Mapping[str, int], every: int) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    group: list[str] = []
    seen = 0
    for name in columns:
        own = ones.get(name)
        if own is None or own & seen:
            group, seen = [], 0
        if own is None:
            continue
        group, seen = [*group, name], seen | own
        if seen == every:
            if len(group) >= _FEWEST:
                found.append(tuple(group))
            group, seen = [], 0
    return found


def one_hot_with(table: Table, columns: Mapping[str, Column], target: str) -> tuple[str, ...]:
    """Return the group that a column is in; none where it is in no group."""
    return next((group for group in one_hot_groups(table, columns) if target in group), ())


def _is_binary(column: Column) -> bool:
    return (
        not column.missing and len(column.counts) == 2 and all(zero_or_one(cell) is not None for cell in column.counts)
    )


def _ones(table: Table, name: str) -> int:
    """Return the rows in which a column is 1, a bit each."""
    return int("".join("1" if zero_or_one(cell) else "0" for cell in table.cells[name]), 2)
