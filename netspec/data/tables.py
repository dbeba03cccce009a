"""Tables as arrays: each row an example, prepared as what is fitted to the training part says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.picture_files import Resize
from netspec.data.table_pictures import ColumnPictures, read_column_files
from netspec.data.table_targets import labels_of, targets_for
from netspec.data.types import Dataset, DownloadProgress, Split
from netspec.diagnostics.diagnostic import DataError, listing, plural
from netspec.graph.graph import Graph
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.ops import format_shape
from netspec.recipe.class_names import in_order
from netspec.sources.cells import class_name, is_missing, number_of, shown, zero_or_one
from netspec.sources.draws import RULE, Rule
from netspec.sources.kinds import PICTURES
from netspec.sources.preparation import Preparation
from netspec.sources.table_fit import Fitted, divided_for, fit_table
from netspec.sources.table_preparation import Feature, TableInput, TablePreparation, TargetColumn
from netspec.sources.table_survey import read_once
from netspec.sources.tables import Table

__all__ = [
    "asked_of",
    "columns_in_memory",
    "divided_table",
    "examples_of",
    "load_table",
    "load_table_file",
    "require_shapes",
    "table_matrix",
]


def load_table_file(
    path: Path,
    network: Network,
    graph: Graph,
    data: DataSource,
    preparation: Preparation | None = None,
    *,
    folder: Path | None = None,
    progress: DownloadProgress | None = None,
) -> Dataset:
    """Return the dataset in the file of a table; arguments as for `load_table`."""
    table = read_once(path)
    return load_table(table, network, graph, data, preparation, name=str(path), folder=folder, progress=progress)


def load_table(
    table: Table,
    network: Network,
    graph: Graph,
    data: DataSource,
    preparation: Preparation | None = None,
    *,
    name: str = "",
    folder: Path | None = None,
    progress: DownloadProgress | None = None,
) -> Dataset:
    """Return the dataset of a table.

    Args:
        table: all of it.
        network: what it is for.
        graph: of it.
        data: how it is read and divided.
        preparation: of a trained model, by which it is then read.
        name: what the dataset is called; as the table unless given.
        folder: of the spec, for what it names beside the data.
        progress: called while pictures are decoded.

    Raises:
        DataError: a column is missing, cannot be learned, or does not fit the network.
    """
    learns = not network.reconstructs
    known = preparation.table if preparation else None
    rule = preparation.draw if preparation else RULE
    resize = preparation.resize if preparation and preparation.resize else data.resize or "crop"
    if known:
        # What the model learned from is not looked at again.
        _require_columns(table, known)
    found, pictures = divided_table(
        table, network, data, known, folder=folder, rule=rule, resize=resize, progress=progress
    )
    inputs = known.inputs if known else found.inputs
    columns: tuple[TargetColumn, ...] = known.targets if known else ()
    if learns and not known:
        columns = tuple(targets_for(found, network, graph))
    table, rows, notices = found.table, found.rows, list(found.notices)
    require_shapes(table, network, inputs, in_memory=name == "arrays")
    prepared = TablePreparation(inputs=inputs, texts=known is not None and known.texts)
    images, said = examples_of(table, prepared, pictures)
    notices = [*notices, *pictures.notices, *pictures.said_of_parts(table, rows)]
    # What no row of the training part has is said by the rows themselves.
    notices += said if known else []
    labels = labels_of(table, graph, columns) if learns else np.zeros(len(table), np.int32)
    parts = {name: _rows(images, labels, rows.get(name, ())) for name in ("train", "test", "validation")}
    names = {target.column: target.classes for target in columns if target.classes}
    several = len(graph.outputs) > 1
    return Dataset.of(
        name or table.name,
        parts["train"],
        parts["test"],
        () if several or len(columns) != 1 else columns[0].classes,
        tuple(dict.fromkeys(notices)),
        validation=parts["validation"] if len(parts["validation"]) else None,
        target_labels=names if several else {},
        preparation=Preparation(
            table=TablePreparation(inputs=inputs, targets=columns),
            resize=resize if pictures.columns else None,
            draw=rule,
        ),
        cut=True,
    )


def divided_table(
    table: Table,
    network: Network,
    data: DataSource,
    known: TablePreparation | None = None,
    *,
    folder: Path | None = None,
    rule: Rule = RULE,
    resize: Resize = "crop",
    progress: DownloadProgress | None = None,
) -> tuple[Fitted, ColumnPictures]:
    """Return a table in its parts, without rows whose pictures are left out, and the pictures of the others.

    Args:
        table: all of it.
        network: what it is for.
        data: how it is read and divided.
        known: what a model has learned from a table; nothing is fitted to this one then.
        folder: of the spec, for what it names beside the data.
        rule: how rows are drawn for the parts.
        resize: how pictures get the size of their input.
        progress: called while pictures are decoded.

    Raises:
        DataError: as of `load_table`.
    """
    asked, sizes = asked_of(network)
    learns = not network.reconstructs

    def divided(rows: Table) -> Fitted:
        if known is None:
            return fit_table(rows, data, asked, learns=learns, folder=folder, sizes=sizes, rule=rule)
        alone = data.text is not None and not any(asked.values())
        column = (known.text_column or None) if alone else None
        return divided_for(rows, data, [target.column for target in known.targets], column, known.pictures, rule)

    found = divided(table)
    prepared = TablePreparation(inputs=known.inputs if known else found.inputs)
    pictures = read_column_files(found.table, prepared, resize, skip_bad=data.on_bad == "skip", progress=progress)
    if pictures.bad:
        # Which rows are drawn depends on the others: those that are left out are none of them.
        bad = {found.table.lines[row] for row in pictures.bad}
        found = divided(table.take([row for row, line in enumerate(table.lines) if line not in bad]))
    return found, pictures


def asked_of(network: Network) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[int, ...]]]:
    """Return the columns that each input of a network names, and the sizes of those that are pictures."""
    sizes: dict[str, tuple[int, ...]] = {given.name: given.shape for given in network.inputs if len(given.shape) == 3}
    return {i.name: (*((PICTURES,) if i.name in sizes else ()), *i.columns) for i in network.inputs}, sizes


def columns_in_memory(data: Any, *, named: bool) -> Mapping[str, Any] | None:
    """Return the columns of a table of a program, by their names; None where it is something else.

    It is a frame of pandas or Polars, rows that are dictionaries, or a dictionary of columns.

    Args:
        data: it.
        named: whether a dictionary is one of columns, and not of arrays by the names of inputs and targets.
    """
    if isinstance(data, Mapping):
        return data if named else None
    if isinstance(data, list) and data and all(isinstance(row, Mapping) for row in data):
        keys = dict.fromkeys(key for row in data for key in row)
        return {str(key): [row.get(key) for row in data] for key in keys}
    if hasattr(data, "collect_schema") and hasattr(data, "collect") and not hasattr(data, "rows"):
        raise DataError("data is a LazyFrame, whose rows are not there yet", "give frame.collect()")
    names = getattr(data, "columns", None)
    if names is None or isinstance(data, type) or not hasattr(data, "__getitem__"):
        return None
    names = list(names)
    if len(set(map(str, names))) < len(names):
        raise DataError("the frame has two columns of one name", "give each a name of its own")
    columns = {str(name): data[name] for name in names}
    return {name: column.to_list() if hasattr(column, "to_list") else list(column) for name, column in columns.items()}


def _rows(images: Any, labels: Any, rows: Sequence[int]) -> Split:
    at = np.asarray(rows, np.int64)
    return Split(
        {name: array[at] for name, array in images.items()} if isinstance(images, Mapping) else images[at],
        {name: array[at] for name, array in labels.items()} if isinstance(labels, Mapping) else labels[at],
    )


# --- inputs -------------------------------------------------------------------------------------------------------


def examples_of(
    table: Table, prepared: TablePreparation, pictures: ColumnPictures | None = None
) -> tuple[Any, list[str]]:
    """Return the rows of a table as a network reads them, and what to say of values that it has never seen.

    Args:
        table: it.
        prepared: says how its columns are read.
        pictures: those that its columns of files name; decoded here unless given.

    Raises:
        DataError: a column is missing, or has a value that is no number where the model reads numbers.
    """
    _require_columns(table, prepared)
    notices: list[str] = []
    # A text in a file may well be a word that stands for nothing in the cell of a table.
    lost = _is_empty if prepared.texts else is_missing
    if prepared.pictures and pictures is None:
        pictures = read_column_files(table, prepared, "crop")
    made = {
        name: pictures.of(table, given) if pictures and given.form == "picture" else _input(table, given, notices, lost)
        for name, given in prepared.inputs.items()
    }
    return (next(iter(made.values())) if len(made) == 1 else made), notices


def table_matrix(table: Table, features: Sequence[Feature]) -> NDArray[np.float32]:
    """Return the rows of a table as vectors of numbers."""
    return _matrix(table, features, [])


def _require_columns(table: Table, prepared: TablePreparation) -> None:
    lost = [name for name in prepared.columns if name not in table.cells]
    if lost:
        has = "column" if len(lost) == 1 else "columns"
        some = listing([*lost[:5], *(["…"] if len(lost) > 5 else [])], "and")
        raise DataError(
            f"{table.name} lacks the {has} {some}, which the model reads",
            "give it, with empty cells where a value is not known",
        )


def _input(
    table: Table, given: TableInput, notices: list[str], lost: Callable[[str], bool] = is_missing
) -> NDArray[Any]:
    if given.form == "text":
        return _tokens_of_text(table, given, lost)
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
    found = map(number_of if feature.kind == "number" else zero_or_one, cells)
    values = np.array([feature.mean if lost else v for v, lost in zip(found, missing, strict=True)], object)
    wrong = np.array([v is None for v in values], bool)
    if wrong.any():
        row = int(wrong.argmax())
        what = "a number" if feature.kind == "number" else "true or false"
        line = table.lines[row]
        raise DataError(
            f"{table.name}: {feature.column} in line {line:,} is {shown(cells[row])}, and the model reads {what}",
            f"write {what} there, or leave the cell empty",
        )
    numbers = values.astype(np.float64)
    if not np.isfinite(numbers).all():
        row = int((~np.isfinite(numbers)).argmax())
        message = f"{table.name}: {feature.column} in line {table.lines[row]:,} is {cells[row]}, which is not finite"
        raise DataError(message, "leave the cell empty where the value is not known")
    return numbers, missing


def _levels(table: Table, feature: Feature, notices: list[str]) -> NDArray[np.int64]:
    """Return the number of each category: behind the levels a missing one, behind that an unknown one."""
    number = {level: i for i, level in enumerate(feature.levels)}
    unknown = len(feature.levels) + feature.missing
    lost = len(feature.levels) if feature.missing else unknown
    cells = table.cells[feature.column]
    of = {cell: number.get(cell, number.get(class_name(cell), unknown)) for cell in set(cells)}
    found = [lost if is_missing(cell) else of[cell] for cell in cells]
    new = in_order({cell for cell, n in zip(cells, found, strict=True) if n == unknown and not is_missing(cell)})
    if new:
        some = listing([*map(shown, new[:5]), *(["…"] if len(new) > 5 else [])], "and")
        notices.append(f"{feature.column} is {some}, which the model has never seen: read as unknown")
    return np.asarray(found, np.int64)


def _tokens_of_levels(table: Table, feature: Feature, notices: list[str]) -> NDArray[np.int32]:
    return _levels(table, feature, notices).astype(np.int32)[:, None]


def _is_empty(cell: str) -> bool:
    """Return whether a text is empty."""
    return not cell


def _tokens_of_text(table: Table, given: TableInput, lost: Callable[[str], bool]) -> NDArray[np.int32]:
    assert given.vocabulary is not None
    made = np.zeros((len(table), given.length), np.int32)
    for row, cell in enumerate(table.cells[given.text]):
        if not lost(cell):
            numbers = given.vocabulary.encode(cell)[: given.length]
            made[row, : len(numbers)] = np.asarray(numbers, np.int32) + 1
    return made


def require_shapes(
    table: Table, network: Network, inputs: Mapping[str, TableInput], *, in_memory: bool = False
) -> None:
    """Raise DataError where an input is declared otherwise than the table has it."""
    for given in network.inputs:
        has = inputs[given.name]
        if has.shape != given.shape or (has.tokens or None) != given.tokens:
            what = "token" if has.tokens else "number"
            rows = f"a row of {table.name} becomes {plural(has.shape[0], what)}"
            rows += f" below {has.tokens}" if has.tokens else ""
            of = "the input" if len(network.inputs) == 1 else f"the input {given.name}"
            fix = "leave `input` out: it follows from the table; columns are left out in the spec, not by --set"
            if in_memory:
                fix = f"write `input {format_shape(has.shape)}`, or leave columns out: `drop`"
            if len(network.inputs) > 1 or given.columns:
                fix = f"name its columns, from which its shape follows: `input COLUMN… as {given.name}`"
            declared = format_shape(given.shape) + (f" tokens={given.tokens}" if given.tokens else "")
            raise DataError(f"{rows}, but {of} is {declared}", fix)
