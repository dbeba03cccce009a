"""Tables as arrays: each row an example, prepared as what is fitted to the training part says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.named import targets as compared
from netspec.data.targets import Wanted, wanted
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.graph.graph import Graph, GraphOutput
from netspec.ir.network import DataSource, Network
from netspec.ops import format_shape
from netspec.recipe.class_names import in_order
from netspec.sources.columns import class_name, is_missing, number_of, truth_of
from netspec.sources.preparation import Preparation
from netspec.sources.table_fit import Fitted, could_be_classes, fit_table, moments, targets_of
from netspec.sources.table_preparation import Feature, TableInput, TablePreparation, TargetColumn
from netspec.sources.table_survey import read_once
from netspec.sources.tables import Table

__all__ = ["examples_of", "load_table", "load_table_file", "table_matrix"]

_STANDARDIZED = {"mse", "mae", "huber", "quantile"}
"""Losses of amounts, for which it does not matter in what unit these are."""


def load_table_file(
    path: Path, network: Network, graph: Graph, data: DataSource, preparation: Preparation | None = None
) -> Dataset:
    """Return the dataset in the file of a table; arguments as for `load_table`."""
    return load_table(read_once(path), network, graph, data, preparation, name=str(path))


def load_table(
    table: Table,
    network: Network,
    graph: Graph,
    data: DataSource,
    preparation: Preparation | None = None,
    *,
    name: str = "",
) -> Dataset:
    """Return the dataset of a table.

    Args:
        table: all of it.
        network: what it is for.
        graph: of it.
        data: how it is read and divided.
        preparation: of a trained model, by which it is then read.
        name: what the dataset is called; as the table unless given.

    Raises:
        DataError: a column is missing, cannot be learned, or does not fit the network.
    """
    learns = not network.reconstructs
    known = preparation.table if preparation else None
    asked = {given.name: given.columns for given in network.inputs}
    fitted = fit_table(table, data, asked, learns=learns)
    notices = list(fitted.notices)
    if known:
        # What the model learned from is not looked at again.
        notices = [n for n in table.notices]
        _require_columns(table, known)
        columns: tuple[TargetColumn, ...] = known.targets
        inputs: Mapping[str, TableInput] = known.inputs
    else:
        inputs = fitted.inputs
        columns = tuple(_targets(fitted, network, graph)) if learns else ()
    _require_shapes(fitted.table, network, inputs)
    images, said = examples_of(fitted.table, TablePreparation(inputs=inputs))
    # What no row of the training part has is said by the rows themselves.
    notices += said if known else []
    labels = _labels(fitted.table, graph, columns) if learns else np.zeros(len(fitted.table), np.int32)
    parts = {name: _rows(images, labels, rows) for name, rows in fitted.rows.items() if rows}
    names = {target.column: target.classes for target in columns if target.classes}
    several = len(graph.outputs) > 1
    return Dataset.of(
        name or table.name,
        parts["train"],
        parts["test"],
        () if several or len(columns) != 1 else columns[0].classes,
        tuple(dict.fromkeys(notices)),
        validation=parts.get("validation"),
        target_labels=names if several else {},
        preparation=Preparation(table=TablePreparation(inputs=inputs, targets=columns)),
    )


def _rows(images: Any, labels: Any, rows: Sequence[int]) -> Split:
    at = np.asarray(rows)
    return Split(
        {name: array[at] for name, array in images.items()} if isinstance(images, Mapping) else images[at],
        {name: array[at] for name, array in labels.items()} if isinstance(labels, Mapping) else labels[at],
    )


# --- inputs -------------------------------------------------------------------------------------------------------


def examples_of(table: Table, prepared: TablePreparation) -> tuple[Any, list[str]]:
    """Return the rows of a table as a network reads them, and what to say of values that it has never seen.

    Raises:
        DataError: a column is missing, or has a value that is no number where the model reads numbers.
    """
    _require_columns(table, prepared)
    notices: list[str] = []
    made = {name: _input(table, given, notices) for name, given in prepared.inputs.items()}
    return (next(iter(made.values())) if len(made) == 1 else made), notices


def table_matrix(table: Table, features: Sequence[Feature]) -> NDArray[np.float32]:
    """Return the rows of a table as vectors of numbers."""
    return _matrix(table, features, [])


def _require_columns(table: Table, prepared: TablePreparation) -> None:
    lost = [name for name in prepared.columns if name not in table.cells]
    if lost:
        has = "column" if len(lost) == 1 else "columns"
        shown = listing([*lost[:5], *(["…"] if len(lost) > 5 else [])], "and")
        raise DataError(
            f"{table.name} lacks the {has} {shown}, which the model reads",
            "give it, with empty cells where a value is not known",
        )


def _input(table: Table, given: TableInput, notices: list[str]) -> NDArray[Any]:
    if given.form == "text":
        return _tokens_of_text(table, given)
    if given.form == "category":
        return _tokens_of_levels(table, given.features[0], notices)
    return _matrix(table, given.features, notices)


def _matrix(table: Table, features: Sequence[Feature], notices: list[str]) -> NDArray[np.float32]:
    made = np.zeros((len(table), sum(feature.width for feature in features)), np.float32)
    at = 0
    for feature in features:
        if feature.kind == "category":
            numbers = _levels(table, feature, notices)
            rows = np.flatnonzero(numbers < feature.width)
            made[rows, at + numbers[rows]] = 1
        else:
            values, missing = _values(table, feature)
            made[:, at] = (values - feature.mean) / feature.std if feature.kind == "number" else values
            if feature.missing:
                made[:, at + 1] = missing
            elif missing.any():
                notices.append(
                    f"{feature.column} is missing in {plural(int(missing.sum()), 'row')}: the mean is taken, for the "
                    "model has seen none without it"
                )
        at += feature.width
    return made


def _values(table: Table, feature: Feature) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the numbers of a column, the mean where one is missing, and where that is."""
    cells = table.cells[feature.column]
    missing = np.fromiter(map(is_missing, cells), bool, len(cells))
    found = map(number_of if feature.kind == "number" else _truth, cells)
    values = np.array([feature.mean if lost else v for v, lost in zip(found, missing, strict=True)], object)
    wrong = np.array([v is None for v in values], bool)
    if wrong.any():
        row = int(wrong.argmax())
        what = "a number" if feature.kind == "number" else "true or false"
        raise DataError(
            f"{table.name}: {feature.column} in line {table.lines[row]:,} is {cells[row]!r}, and the model reads {what}",
            f"write {what} there, or leave the cell empty",
        )
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        row = int((~np.isfinite(numbers)).argmax())
        message = f"{table.name}: {feature.column} in line {table.lines[row]:,} is {cells[row]}, which is not finite"
        raise DataError(message, "leave the cell empty where the value is not known")
    return numbers, missing


def _truth(cell: str) -> float | None:
    value = truth_of(cell)
    if value is None:
        number = number_of(cell)
        return number if number in {0.0, 1.0} else None
    return float(value)


def _levels(table: Table, feature: Feature, notices: list[str]) -> NDArray[np.int64]:
    """Return the number of each category: behind the levels a missing one, behind that an unknown one."""
    number = {level: i for i, level in enumerate(feature.levels)}
    unknown = len(feature.levels) + feature.missing
    lost = len(feature.levels) if feature.missing else unknown
    cells = table.cells[feature.column]
    found = [lost if is_missing(cell) else number.get(cell, unknown) for cell in cells]
    new = in_order({cell for cell, n in zip(cells, found, strict=True) if n == unknown and not is_missing(cell)})
    if new:
        shown = listing([*map(repr, new[:5]), *(["…"] if len(new) > 5 else [])], "and")
        notices.append(f"{feature.column} is {shown}, which the model has never seen: read as unknown")
    return np.asarray(found, np.int64)


def _tokens_of_levels(table: Table, feature: Feature, notices: list[str]) -> NDArray[np.int32]:
    return _levels(table, feature, notices).astype(np.int32)[:, None]


def _tokens_of_text(table: Table, given: TableInput) -> NDArray[np.int32]:
    assert given.vocabulary is not None
    made = np.zeros((len(table), given.length), np.int32)
    for row, cell in enumerate(table.cells[given.text]):
        if not is_missing(cell):
            numbers = given.vocabulary.encode(cell)[: given.length]
            made[row, : len(numbers)] = np.asarray(numbers, np.int32) + 1
    return made


def _require_shapes(table: Table, network: Network, inputs: Mapping[str, TableInput]) -> None:
    """Raise DataError where an input is declared otherwise than the table has it."""
    for given in network.inputs:
        has = inputs[given.name]
        if has.shape != given.shape or (has.tokens or None) != given.tokens:
            what = "token" if has.tokens else "number"
            rows = f"a row of {table.name} becomes {plural(has.shape[0], what)}"
            rows += f" below {has.tokens}" if has.tokens else ""
            of = "the input" if len(network.inputs) == 1 else f"the input {given.name}"
            fix = "leave `input` out: it follows from the table"
            if len(network.inputs) > 1 or given.columns:
                fix = f"name its columns, from which its shape follows: `input COLUMN… as {given.name}`"
            declared = format_shape(given.shape) + (f" tokens={given.tokens}" if given.tokens else "")
            raise DataError(f"{rows}, but {of} is {declared}", fix)


# --- targets ------------------------------------------------------------------------------------------------------


def _targets(fitted: Fitted, network: Network, graph: Graph) -> list[TargetColumn]:
    """Return what each column that is learned is to the outputs that are compared with it."""
    if len(graph.outputs) == 1:
        graphs = {name: [graph] for name in fitted.targets}
        want = wanted(network, graph)
        together = len(fitted.targets) > 1
        if together and want.shape != (len(fitted.targets),):
            raise DataError(
                f"{listing(list(fitted.targets), 'and')} are learned, but the network ends in "
                f"{format_shape(want.shape)}",
                f"let it end in `fc {len(fitted.targets)}`, or give each an output of its own: `output LABEL`",
            )
    else:
        outputs = compared(graph)
        lost = [name for name in outputs if name not in fitted.targets]
        if lost:
            have = listing(list(fitted.targets), "and")
            raise DataError(
                f"the output {lost[0]} is compared with a column of that name, and `target` names {have}",
                f"write `target {' '.join(dict.fromkeys([*fitted.targets, *lost]))}`, or `output … target=COLUMN`",
            )
        graphs = {name: [graph.only(o) for o in outputs.get(name, ())] for name in fitted.targets}
        together = False
        unused = [name for name, of in graphs.items() if not of]
        if unused:
            raise DataError(f"no output is compared with {unused[0]}", f"leave it out of `target`, or add `output`")
    return [_target(fitted, name, [(g, wanted(network, g)) for g in of], together) for name, of in graphs.items()]


def _target(fitted: Fitted, name: str, of: Sequence[tuple[Graph, Wanted]], together: bool) -> TargetColumn:
    column = fitted.targets[name]
    cells = [fitted.table.cells[name][i] for i in fitted.rows["train"]]
    kinds = {_is_classes(fitted, name, graph, want, together) for graph, want in of}
    if len(kinds) > 1:
        raise DataError(f"{name} is classes to one output and a number to another", "give each a target of its own")
    if kinds == {True}:
        if fitted.log:
            raise DataError(f"`log` is of amounts, and {name} is classes", "leave `log` out")
        classes = in_order({class_name(cell) for cell in cells})
        return TargetColumn(column=name, classes=classes)
    if column.kind in {"category", "text", "boolean"} and not (together and column.kind == "boolean"):
        values = listing([*map(repr, column.levels[:3]), *(["…"] if len(column.counts) > 3 else [])], "and")
        raise DataError(
            f"{name} is {values}, which are classes, and the network learns numbers",
            "end with `fc classes softmax`",
        )
    numbers = [_amount(fitted.table, name, i, log=fitted.log) for i in fitted.rows["train"]]
    binary = set(numbers) <= {0.0, 1.0}
    open_end = all(graph.ends_in is None and want.loss.canonical() in _STANDARDIZED for graph, want in of)
    if fitted.log or (open_end and not binary):
        logs = [float(np.log(v)) for v in numbers] if fitted.log else numbers
        mean, std = moments(logs) if open_end else (0.0, 1.0)
        return TargetColumn(column=name, mean=mean, std=std, log=fitted.log)
    return TargetColumn(column=name)


def _is_classes(fitted: Fitted, name: str, graph: Graph, want: Wanted, together: bool) -> bool:
    """Return whether a column is classes to an output."""
    column = fitted.targets[name]
    if together or len(want.shape) != 1 or "class" not in want.loss.targets:
        return False
    if column.kind in {"category", "text", "boolean"}:
        return True
    if want.shape[0] > 1:
        if not could_be_classes(column):
            raise DataError(
                f"{name} is a number with {plural(len(column.counts), 'value')}, and the network ends in "
                f"{plural(want.shape[0], 'output')}",
                "end with `fc 1`, which learns numbers",
            )
        return True
    binary = {class_name(value) for value in column.counts} <= {"0", "1"}
    if want.stated and want.loss.absorbs:
        # One probability: of two classes.
        return len({class_name(value) for value in column.counts}) == 2
    return binary and not fitted.log


def _amount(table: Table, name: str, row: int, *, log: bool) -> float:
    cell = table.cells[name][row]
    value = number_of(cell)
    value = _truth(cell) if value is None else value
    if value is None or not np.isfinite(value) or abs(value) > np.finfo(np.float32).max:
        message = f"{table.name}: {name} in line {table.lines[row]:,} is {cell!r}, which is no number to learn"
        raise DataError(message, "write a number there, or leave the cell empty: the row is left out then")
    if log and value <= 0:
        message = f"{table.name}: {name} in line {table.lines[row]:,} is {cell}, which has no logarithm"
        raise DataError(message, "leave `log` out, or the row")
    return value


def _labels(table: Table, graph: Graph, columns: Sequence[TargetColumn]) -> Any:
    """Return the targets of all rows, as the outputs are compared with them."""
    by_name = {target.column: _label(table, target) for target in columns}
    if len(graph.outputs) > 1:
        return by_name
    arrays = list(by_name.values())
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays, axis=1)


def _label(table: Table, target: TargetColumn) -> NDArray[Any]:
    rows = range(len(table))
    if not target.classes:
        values = [target.learned(_amount(table, target.column, i, log=target.log)) for i in rows]
        return np.asarray(values, np.float32)[:, None]
    number = {name: i for i, name in enumerate(target.classes)}
    found = [number.get(class_name(cell), -1) for cell in table.cells[target.column]]
    if -1 in found:
        row = found.index(-1)
        known = listing([*target.classes[:8], *(["…"] if len(target.classes) > 8 else [])], "and")
        raise DataError(
            f"{table.name}: {target.column} in line {table.lines[row]:,} is {table.cells[target.column][row]!r}, "
            f"a class that the training part does not have; it has {known}",
            "leave such rows out, or train on some of them",
        )
    return np.asarray(found, np.int32)
