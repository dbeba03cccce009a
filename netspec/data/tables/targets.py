"""What the columns of a table that are learned are to the outputs of a network: classes, or numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.arrays.named import targets as compared
from netspec.data.checks import require
from netspec.data.class_names import require_takes_names
from netspec.data.tables.examples import plain_numbers
from netspec.data.targets import Wanted, wanted
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.ops import format_shape
from netspec.recipe.class_names import in_order
from netspec.sources.tables.cells import class_name, number_of, shown, zero_or_one
from netspec.sources.tables.columns import written
from netspec.sources.tables.features import moments
from netspec.sources.tables.fit import Fitted
from netspec.sources.tables.parts import could_be_classes
from netspec.sources.tables.preparation import TargetColumn
from netspec.sources.tables.table import Table
from netspec.sources.tables.target_misfit import NAMES, not_numbers, range_misfit, range_unanswered

__all__ = ["labels_of", "targets_for"]

_STANDARDIZED = {"mse", "mae", "huber", "quantile"}
"""Losses of amounts, for which it does not matter in what unit these are."""


def targets_for(fitted: Fitted, network: Network, graph: Graph) -> list[TargetColumn]:
    """Return what each column that is learned is to the outputs that are compared with it."""
    if len(graph.outputs) == 1:
        graphs = {name: [graph] for name in fitted.targets}
        want = wanted(network, graph)
        together = len(fitted.targets) > 1
        _require_answers(fitted, want)
        if together and want.shape != (len(fitted.targets),):
            raise DataError(
                f"{listing(list(fitted.targets), 'and')} are learned, but the network ends in "
                f"{format_shape(want.shape)}",
                f"let it end in `fc {len(fitted.targets)}`, or give each an output of its own: `output LABEL`",
            )
    else:
        _require_answers(fitted, None)
        outputs = compared(graph)
        lost = [name for name in outputs if name not in fitted.targets]
        if lost:
            have = listing(list(fitted.targets), "and")
            both = " ".join(map(written, dict.fromkeys([*fitted.targets, *lost])))
            raise DataError(
                f"the output {lost[0]} is compared with a column of that name, and `target` names {have}",
                f"write `target {both}`, or `output … target=COLUMN`",
            )
        graphs = {name: [graph.only(o) for o in outputs.get(name, ())] for name in fitted.targets}
        together = False
        unused = [name for name, of in graphs.items() if not of]
        if unused:
            raise DataError(f"no output is compared with {unused[0]}", "leave it out of `target`, or add `output`")
    return [_target(fitted, name, [(g, wanted(network, g)) for g in of], together) for name, of in graphs.items()]


def _require_answers(fitted: Fitted, want: Wanted | None) -> None:
    """Raise DataError where a network does not end in one number for each row of a range ahead.

    Args:
        fitted: says which rows are learned.
        want: what its output is; None where it has several.
    """
    windows = fitted.windows.windows if fitted.windows else None
    if windows is None or len(windows.ahead) == 1:
        return
    if want is None:
        fix = "say one number of rows, or keep one output"
        raise DataError("`ahead` is a range, and the network has several outputs", fix)
    require(range_unanswered(listing(list(fitted.targets), "and"), windows, want.shape))


def _target(fitted: Fitted, name: str, of: Sequence[tuple[Graph, Wanted]], together: bool) -> TargetColumn:
    column = fitted.targets[name]
    learned = fitted.learned_rows
    cells = [fitted.table.cells[name][i] for i in learned]
    kinds = {_is_classes(fitted, name, want, together) for _, want in of}
    if len(kinds) > 1:
        raise DataError(f"{name} is classes to one output and a number to another", "give each a target of its own")
    if kinds == {True}:
        if fitted.log:
            raise DataError(f"`log` is of amounts, and {name} is classes", "leave `log` out")
        classes = in_order({class_name(cell) for cell in cells})
        for _, want in of if column.kind != "number" else ():
            require_takes_names(want, f"the target {name}", classes, fitted.table.name)
        return TargetColumn(column=name, classes=classes)
    if column.kind in NAMES and not (together and column.kind == "boolean"):
        require(not_numbers(column))
    for _, want in of:
        require(range_misfit(column, want.loss, of_log=fitted.log, columns=len(fitted.targets) if together else 1))
    plain = plain_numbers(fitted.table, TargetColumn(column=name, amount=column.form))[0]
    numbers = [_amount(fitted.table, name, i, plain[i], log=fitted.log) for i in learned]
    binary = set(numbers) <= {0.0, 1.0}
    open_end = all(graph.ends_in is None and want.loss.canonical() in _STANDARDIZED for graph, want in of)
    if fitted.log or (open_end and not binary):
        logs = [float(np.log(v)) for v in numbers] if fitted.log else numbers
        mean, std = moments(logs) if open_end else (0.0, 1.0)
        return TargetColumn(column=name, mean=mean, std=std, log=fitted.log, amount=column.form)
    return TargetColumn(column=name, amount=column.form)


def _is_classes(fitted: Fitted, name: str, want: Wanted, together: bool) -> bool:
    """Return whether a column is classes to an output."""
    column = fitted.targets[name]
    ahead = len(fitted.windows.windows.ahead) if fitted.windows else 1
    if together or ahead > 1 or len(want.shape) != 1 or "class" not in want.loss.targets:
        return False
    if column.kind in NAMES:
        return True
    if want.shape[0] > 1:
        if not could_be_classes(column):
            many = " that the spec says is an amount" if column.said else ""
            raise DataError(
                f"{name} is a number with {plural(len(column.counts), 'value')}{many}, and the network ends in "
                f"{plural(want.shape[0], 'output')}",
                "end with `fc 1`, which learns numbers",
            )
        return True
    if column.said:
        return False
    binary = {class_name(value) for value in column.counts} <= {"0", "1"}
    if want.stated and want.loss.absorbs:
        # One probability: of two classes.
        return len({class_name(value) for value in column.counts}) == 2
    return binary and not fitted.log


def _amount(table: Table, name: str, row: int, plain: str, *, log: bool) -> float:
    """Return the number that a row has in a column; `plain` is what it is without its unit."""
    cell = table.cells[name][row]
    value = number_of(plain)
    value = zero_or_one(plain) if value is None else value
    if value is None or not np.isfinite(value) or abs(value) > np.finfo(np.float32).max:
        message = f"{table.name}: {name} in line {table.lines[row]:,} is {shown(cell)}, which is no number to learn"
        raise DataError(message, "write a number there, or leave the cell empty: the row is left out then")
    if log and value <= 0:
        message = f"{table.name}: {name} in line {table.lines[row]:,} is {cell}, which has no logarithm"
        raise DataError(message, "leave `log` out, or the row")
    return value


def labels_of(table: Table, graph: Graph, columns: Sequence[TargetColumn]) -> Any:
    """Return the targets of all rows, as the outputs are compared with them."""
    by_name = {target.column: _label(table, target) for target in columns}
    if len(graph.outputs) > 1:
        return by_name
    arrays = list(by_name.values())
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)


def _label(table: Table, target: TargetColumn) -> NDArray[Any]:
    rows = range(len(table))
    if not target.classes:
        plain = plain_numbers(table, target)[0]
        values = [target.learned(_amount(table, target.column, i, plain[i], log=target.log)) for i in rows]
        return np.asarray(values, np.float32)[:, None]
    number = {name: i for i, name in enumerate(target.classes)}
    found = [number.get(class_name(cell), -1) for cell in table.cells[target.column]]
    if -1 in found:
        row = found.index(-1)
        known = listing([*target.classes[:8], *(["…"] if len(target.classes) > 8 else [])], "and")
        raise DataError(
            f"{table.name}: {target.column} in line {table.lines[row]:,} is {shown(table.cells[target.column][row])}, "
            f"a class that the training part does not have; it has {known}",
            "leave such rows out, or train on some of them",
        )
    return np.asarray(found, np.int32)
