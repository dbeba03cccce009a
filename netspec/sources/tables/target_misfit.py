"""Which columns of a table an output cannot learn by its loss."""

from __future__ import annotations

from collections.abc import Sequence
from math import log

from netspec.diagnostics.diagnostic import listing
from netspec.recipe.array_facts import Wrong
from netspec.recipe.losses import Loss
from netspec.recipe.settings import Window
from netspec.sources.tables.cells import class_name, shown
from netspec.sources.tables.columns import Column
from netspec.sources.tables.parts import could_be_classes
from netspec.sources.tables.preparation import Windows

__all__ = ["NAMES", "not_numbers", "range_misfit", "range_unanswered", "target_misfit"]

NAMES = frozenset({"category", "text", "boolean"})
"""Kinds of columns that are classes, and no amounts."""

_SHOWN = 3


def target_misfit(column: Column, loss: Loss, *, table: str, of_log: bool) -> Wrong | None:
    """Return why one number cannot learn the one column that is learned, and what can be done; None where it can.

    Args:
        column: what is learned.
        loss: of the output.
        table: the name of the table.
        of_log: whether the logarithms of the column are learned.
    """
    classes = len({class_name(value) for value in column.counts})
    if column.kind not in NAMES:
        of_two = classes == 2 and bool(loss.absorbs) and not column.said
        return None if of_two else range_misfit(column, loss, of_log=of_log)
    if "class" not in loss.targets:
        return not_numbers(column)
    if classes > 2:
        return f"the network has 1 output, but {table} has {classes} classes", "write `fc classes softmax`"
    return None


def not_numbers(column: Column) -> Wrong:
    """Return why a column of classes cannot be learned as numbers, and what can be done."""
    values = listing([*map(shown, column.levels[:_SHOWN]), *(["…"] if len(column.counts) > _SHOWN else [])], "and")
    return (
        f"{column.name} is {values}, which are classes, and the network learns numbers",
        "end with `fc classes softmax`, and state no loss",
    )


def range_unanswered(target: str, window: Window | Windows, shape: Sequence[int]) -> Wrong | None:
    """Return that a network does not end in a number for each row of a range ahead; None where it does, or none is.

    Args:
        target: the column that is learned.
        window: which says how far ahead.
        shape: of the outputs.
    """
    count = window.last - window.first + 1
    if count == 1 or tuple(shape) == (count,):
        return None
    rows = f"`ahead={window.first}..{window.last}`"
    return (
        f"{rows} learns {target} of {count} rows, but the network ends in {'x'.join(map(str, shape))}",
        f"let it end in `fc {count}`",
    )


def range_misfit(column: Column, loss: Loss, *, of_log: bool, columns: int = 1) -> Wrong | None:
    """Return why the numbers of a column are no targets of a loss that takes 0 to 1, and what can be done.

    Args:
        column: what is learned.
        loss: of the output.
        of_log: whether the logarithms of the column are learned.
        columns: how many the output learns together.
    """
    low, high = column.low, column.high
    if "share" not in loss.targets or low is None or high is None or (of_log and low <= 0):
        return None
    what, first, last = (f"the logarithm of {column.name}", log(low), log(high)) if of_log else (column.name, low, high)
    if first >= 0 and last <= 1:
        return None
    classes = "; or learn classes: `fc classes softmax`" if columns == 1 and could_be_classes(column) else ""
    return (
        f"{what} is {first:g} to {last:g}, but {loss.canonical()} takes targets from 0 to 1",
        f"end with `fc {columns}`, and state no loss: numbers are learned then{classes}",
    )
