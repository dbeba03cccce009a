"""Windows of the rows of a table: those whose targets stand in the part for training, for validation, for the test."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.ir.data_source import DataSource
from netspec.sources.draws import TEST_SHARE
from netspec.sources.tables.cells import is_missing
from netspec.sources.tables.order import Series
from netspec.sources.tables.preparation import Windows

__all__ = ["WindowRows", "last_rows", "windows_asked", "windows_by_part"]

Spans: TypeAlias = "list[tuple[int, int]]"
"""Of each series the first row of a part, and the one behind its last."""


@dataclass(frozen=True, slots=True)
class WindowRows:
    """The windows of a table in the order of time.

    Attributes:
        last: of each part the last row of each of its windows; the targets stand so many rows behind it.
        rows: of each part its rows, to which the training part is fitted.
        labelled: whether each row has all targets.
        windows: how long they are, and how far ahead the targets stand.
    """

    last: Mapping[str, Sequence[int]]
    rows: Mapping[str, Sequence[int]]
    labelled: Sequence[bool]
    windows: Windows


def windows_asked(data: DataSource) -> Windows | None:
    """Return the windows that a spec asks for; None where each row is an example."""
    if data.window is None:
        return None
    return Windows(
        length=data.window.length,
        first=data.window.first,
        last=data.window.last,
        order=data.order or "",
        group=data.group or "",
    )


def last_rows(series: Series) -> list[int]:
    """Return the last row of each window that there is, whatever stands behind it."""
    return [row for start, stop in series.spans for row in range(start + series.windows.length - 1, stop)]


def windows_by_part(series: Series, data: DataSource, targets: Sequence[str], *, learned: bool = False) -> WindowRows:
    """Return the windows of each part: the last rows of each series are for the test, those before for validation.

    All targets of a window stand in its part, so that no part is learned from, or looked at, before its time. What it
    reads may stand before it, as it does where something is forecast.

    Args:
        series: the table in the order of time.
        data: says how large the parts are.
        targets: the columns that are learned.
        learned: whether a model has learned from another table: then one that is too small to be divided is all for
            the test.

    Raises:
        DataError: a part that is asked for has no window.
    """
    _require_long_enough(series, learned=learned)
    spans = _divided(series, data)
    cells = [series.table.cells[name] for name in targets]
    labelled = [not any(map(is_missing, row)) for row in zip(*cells, strict=True)]
    found = {part: _ending_in(series, own, labelled) for part, own in spans.items()}
    if learned and not (found["train"] and found["test"]):
        none = [(start, start) for start, _ in series.spans]
        spans = {"train": none, "validation": none, "test": list(series.spans)}
        found = {part: _ending_in(series, own, labelled) for part, own in spans.items()}
    elif not learned:
        _require_some(series, data, spans, found)
    rows = {part: [row for start, stop in own for row in range(start, stop)] for part, own in spans.items()}
    return WindowRows(found, rows, labelled, series.windows)


def _divided(series: Series, data: DataSource) -> dict[str, Spans]:
    """Return which rows of each series are for each part."""
    found: dict[str, Spans] = {"train": [], "validation": [], "test": []}
    for start, stop in series.spans:
        test = _count(TEST_SHARE if data.test is None else data.test, stop - start)
        held = _count(data.validation, stop - start - test)
        found["train"].append((start, stop - test - held))
        found["validation"].append((stop - test - held, stop - test))
        found["test"].append((stop - test, stop))
    return found


def _count(part: float, rows: int) -> int:
    """Return how many of some rows a share, or a number, of them is."""
    return min(part, rows) if isinstance(part, int) else int(part * rows + 0.5)


def _ending_in(series: Series, spans: Spans, labelled: Sequence[bool]) -> list[int]:
    """Return the last row of each window whose targets all stand in a part, and are known."""
    windows, found = series.windows, list[int]()
    gaps = not all(labelled)
    for (start, _), (low, high) in zip(series.spans, spans, strict=True):
        rows = range(max(start + windows.length - 1, low - windows.first), high - windows.last)
        found += [row for row in rows if all(labelled[row + n] for n in windows.ahead)] if gaps else rows
    return found


def _require_long_enough(series: Series, *, learned: bool) -> None:
    """Raise DataError where no series has as many rows as a window and its targets take."""
    windows, name = series.windows, series.table.name
    needed = windows.length + windows.last
    longest = max(stop - start for start, stop in series.spans)
    if longest >= needed:
        return
    has = (
        f"no {windows.group} of {name} has more than {plural(longest, 'row')}"
        if windows.group
        else (f"{name} has {plural(longest, 'row')}")
    )
    fix = f"say a shorter one, such as `window {max(1, (longest - windows.last) // 2)}`, or give more rows"
    fix = "give more rows, one after the other" if learned else fix
    raise DataError(f"{has}, and {_takes(windows)}", fix)


def _require_some(
    series: Series, data: DataSource, spans: Mapping[str, Spans], found: Mapping[str, Sequence[int]]
) -> None:
    """Raise DataError where a part that is asked for has no window."""
    windows, name = series.windows, series.table.name
    for part, setting in (("train", 1), ("validation", data.validation), ("test", 1)):
        if found[part] or not setting:
            continue
        rows = sum(stop - start for start, stop in spans[part])
        of = "training" if part == "train" else part
        most = f" in any {windows.group}" if windows.group else ""
        longest = max((stop - start for start, stop in spans[part]), default=0)
        has = f"the {of} part of {name} has {plural(rows, 'row')}"
        has = f"the {of} part of {name} has at most {plural(longest, 'row')}{most}" if most else has
        if part == "train":
            fix = "say a shorter `window`, or smaller parts for the test and for validation"
            raise DataError(f"{has}, and {_takes(windows)}", fix)
        count = len(windows.ahead)
        needs = f"the {plural(count, 'target')} of a window" if count > 1 else "the target of a window"
        fix = f"say `{part} {count}`, or more"
        if longest >= count:
            has, fix = f"{has}, none of which has a target", "give rows with targets, or another part"
            raise DataError(has, fix)
        raise DataError(f"{has}, and {needs} {'take' if count > 1 else 'takes'} {plural(count, 'row')}", fix)


def _takes(windows: Windows) -> str:
    """Return how many rows a window takes, with its targets."""
    needed = windows.length + windows.last
    if not windows.last:
        return f"a window takes {plural(needed, 'row')}"
    targets = "its target" if len(windows.ahead) == 1 else "its targets"
    return f"a window of {windows.length:,} and {targets}, {windows.last:,} ahead, take {needed:,}"
