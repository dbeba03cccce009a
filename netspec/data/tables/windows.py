"""Windows of the rows of a table as examples: cut out of the prepared rows, each when it is needed."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from netspec.data.originals import Originals
from netspec.data.rows import ArraySource, Rows
from netspec.data.tables.examples import examples_of
from netspec.data.types import Arrays, Split, by_array
from netspec.data.units import Unit
from netspec.diagnostics.diagnostic import DataError, plural
from netspec.sources.tables.order import in_time_again
from netspec.sources.tables.preparation import TablePreparation
from netspec.sources.tables.table import Table
from netspec.sources.tables.windows import WindowRows, last_rows

__all__ = ["IN_MEMORY", "naive_scores", "parts_of_windows", "said_of_naive", "windows_of_rows"]

IN_MEMORY = 256 * 2**20
"""Bytes of windows that are copied at once; more are cut out batch by batch while a network is trained."""


def parts_of_windows(rows: Any, labels: Arrays, found: WindowRows, table: Table) -> dict[str, Split]:
    """Return the examples of each part.

    Args:
        rows: the rows of the table in the order of time as the inputs read them, (n, F) or, of tokens, (n, 1).
        labels: the targets of those rows that have all.
        found: says which windows are for which part.
        table: those rows; what a window was is shown by its last one.
    """
    windows = found.windows
    at = {part: np.asarray(last, np.int64) for part, last in found.last.items()}
    # Of many windows of one input alone: those of several are views of the rows where all are there.
    copied = None if isinstance(rows, Mapping) else rows.nbytes // max(1, len(rows)) * windows.length
    large = copied is not None and copied * sum(map(len, at.values())) > IN_MEMORY
    return {
        part: Split(
            by_array(partial(_windows, length=windows.length, last=last, large=large), rows),
            by_array(partial(_behind, found=found, last=last), labels),
            Originals.of_table(table, last.tolist(), windows=True),
        )
        for part, last in at.items()
    }


def _windows(rows: NDArray[Any], length: int, last: NDArray[np.int64], *, large: bool = False) -> Any:
    """Return the windows that end in some rows, (N, F, length) or, of tokens, (N, length)."""
    each = sliding_window_view(rows, length, axis=0)
    each = each[:, 0] if rows.dtype.kind == "i" else each
    first = last - (length - 1)
    if large:
        return Rows(ArraySource(each), first)
    if len(first) and np.array_equal(first, np.arange(first[0], first[0] + len(first))):
        return each[first[0] : first[0] + len(first)]
    return each[first]


def _behind(labels: NDArray[Any], found: WindowRows, last: NDArray[np.int64]) -> NDArray[Any]:
    """Return the targets of the windows that end in some rows: one each, or a row of several."""
    ahead = found.windows.ahead
    place = np.cumsum(np.asarray(found.labelled, np.int64)) - 1
    made = labels[place[last[:, None] + np.asarray(ahead)]]
    return made[:, 0] if len(ahead) == 1 else made[:, :, 0]


def naive_scores(labels: NDArray[Any], found: WindowRows, unit: Unit | None = None) -> dict[str, dict[str, float]]:
    """Return how good the last known value is as the forecast, of each part that has windows and of `all`.

    A forecast that is no better is worth nothing.

    Args:
        labels: the targets of the rows that have all.
        found: says which windows are for which part.
        unit: brings numbers into their own unit.
    """
    place = np.maximum(np.cumsum(np.asarray(found.labelled, np.int64)) - 1, 0)
    parts = {part: np.asarray(last, np.int64) for part, last in found.last.items()}
    made = {}
    for part, last in {**parts, "all": np.concatenate(list(parts.values()))}.items():
        if not len(last):
            continue
        true, known = _behind(labels, found, last), labels[place[last]]
        if labels.dtype.kind == "i":
            made[part] = {"accuracy": float((true == known).mean())}
            continue
        true, known = (unit(each) if unit else np.asarray(each, np.float64) for each in (true, known))
        error = true - known
        made[part] = {"mae": float(np.abs(error).mean()), "rmse": float(np.sqrt((error**2).mean()))}
    return made


def said_of_naive(scores: Mapping[str, float]) -> list[str]:
    """Return what to say of the test part before a network learns."""
    if not scores:
        return []
    shown = [
        f"{name} {100 * score:.2f} %" if name == "accuracy" else f"{name} {score:.4f}" for name, score in scores.items()
    ]
    return [f"the last known value as the forecast has {' and '.join(shown)} on the test part"]


def windows_of_rows(table: Table, prepared: TablePreparation) -> tuple[Any, list[int], list[str]]:
    """Return a window that ends in each row of a table, these rows, and what the user should know.

    A row that has not as many before it as a window takes is none of them.

    Args:
        table: it, in any order.
        prepared: how its rows are read.

    Raises:
        DataError: a column is missing or cannot be read, or no series is as long as a window.
    """
    assert prepared.windows is not None
    length, group = prepared.windows.length, prepared.windows.group
    series = in_time_again(table, prepared.windows)
    made, said = examples_of(series.table, prepared)
    last = np.asarray(last_rows(series), np.int64)
    if not len(last):
        has = f"{table.name} has {plural(len(table), 'row')}"
        has = f"no {group} of {table.name} has as many rows as a window" if len(series.spans) > 1 else has
        raise DataError(
            f"{has}, and the model reads {length:,} rows, one after the other",
            f"give the {length - 1:,} rows before the one to forecast from, too",
        )
    places = np.asarray(series.places, np.int64)[last]
    order = np.argsort(places)
    arrays = by_array(lambda array: _windows(array, length, last[order]), made)
    short = len(table) - len(last)
    notices = [*series.notices, *said]
    if short:
        has, them = ("has", "it") if short == 1 else ("have", "them")
        within = f" in the same {group}" if len(series.spans) > 1 else ""
        why = f"a window is {length:,} rows, and fewer than {length - 1:,} stand before {them}{within}"
        notices.append(f"{plural(short, 'row')} of {table.name} {has} no answer: {why}")
    return arrays, places[order].tolist(), notices
