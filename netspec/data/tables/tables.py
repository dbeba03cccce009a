"""Tables as datasets: each row an example, in the part that it is drawn for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from netspec.data.files.forms import FileForms
from netspec.data.originals import Originals
from netspec.data.tables.examples import examples_of, require_columns, require_shapes
from netspec.data.tables.file_columns import ColumnPictures, read_column_files
from netspec.data.tables.targets import labels_of, targets_for
from netspec.data.tables.windows import naive_scores, parts_of_windows, said_of_naive
from netspec.data.types import Dataset, DownloadProgress, Split
from netspec.data.units import units_of
from netspec.diagnostics.diagnostic import DataError
from netspec.graph.graph import Graph
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.sources.draws import RULE, Rule
from netspec.sources.how_read import HowRead
from netspec.sources.kinds import PICTURES
from netspec.sources.preparation import Preparation
from netspec.sources.tables.fit import Fitted, divided_for, fit_table
from netspec.sources.tables.preparation import TablePreparation, TargetColumn
from netspec.sources.tables.survey import read_once
from netspec.sources.tables.table import Table

__all__ = ["asked_of", "columns_in_memory", "divided_table", "load_table", "load_table_file"]


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
    table = read_once(path, HowRead.of(data, like=preparation is not None))
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
    learns = network.needs_targets
    known = preparation.table if preparation else None
    rule = preparation.draw if preparation else RULE
    forms = FileForms.of(data, preparation)
    if known:
        # What the model learned from is not looked at again.
        require_columns(table, known)
    found, pictures = divided_table(
        table, network, data, known, folder=folder, rule=rule, forms=forms, progress=progress
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
    if found.windows:
        labelled = [row for row, there in enumerate(found.windows.labelled) if there]
        labels = labels_of(table.take(labelled), graph, columns)
        parts = parts_of_windows(images, labels, found.windows, table)
    else:
        labels = labels_of(table, graph, columns) if learns else np.zeros(len(table), np.int32)
        parts = {name: _rows(images, labels, table, rows.get(name, ())) for name in ("train", "test", "validation")}
    names = {target.column: target.classes for target in columns if target.classes}
    several = len(graph.outputs) > 1
    made = Preparation(
        table=TablePreparation(inputs=inputs, targets=columns, windows=found.windows and found.windows.windows),
        resize=forms.resize if pictures.columns and not forms.sound else None,
        draw=rule,
    )
    dataset = Dataset.of(
        name or table.name,
        parts["train"],
        parts["test"],
        () if several or len(columns) != 1 else columns[0].classes,
        tuple(dict.fromkeys(notices)),
        validation=parts["validation"] if len(parts["validation"]) else None,
        target_labels=names if several else {},
        preparation=made,
        cut=True,
    )
    if found.windows is None or found.windows.windows.first == 0 or several or len(columns) != 1:
        return dataset
    naive = naive_scores(labels, found.windows, units_of(graph, made).get(graph.outputs[0].name))
    said = [] if known else said_of_naive(naive.get("test", {}))
    return replace(dataset, naive=naive, notices=(*dataset.notices, *said))


def divided_table(
    table: Table,
    network: Network,
    data: DataSource,
    known: TablePreparation | None = None,
    *,
    folder: Path | None = None,
    rule: Rule = RULE,
    forms: FileForms | None = None,
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
        forms: how files become what their input reads; as the data says unless given.
        progress: called while pictures are decoded.

    Raises:
        DataError: as of `load_table`.
    """
    asked, sizes = asked_of(network)
    learns = network.needs_targets

    def divided(rows: Table) -> Fitted:
        if known is None:
            return fit_table(rows, data, asked, learns=learns, folder=folder, sizes=sizes, rule=rule)
        alone = data.text is not None and not any(asked.values())
        column = (known.text_column or None) if alone else None
        targets = [target.column for target in known.targets]
        return divided_for(rows, data, targets, column, known.pictures, rule, known.windows)

    found = divided(table)
    prepared = TablePreparation(inputs=known.inputs if known else found.inputs)
    pictures = read_column_files(
        found.table, prepared, forms or FileForms.of(data, None), skip_bad=data.on_bad == "skip", progress=progress
    )
    if pictures.bad:
        # Which rows are drawn depends on the others: those that are left out are none of them.
        bad = {found.table.lines[row] for row in pictures.bad}
        found = divided(table.take([row for row, line in enumerate(table.lines) if line not in bad]))
    return found, pictures


def asked_of(network: Network) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[int, ...]]]:
    """Return the columns that each input of a network names, and the sizes of those that are pictures or sounds."""
    sizes: dict[str, tuple[int, ...]] = {i.name: i.shape for i in network.inputs if network.reads_file(i)}
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


def _rows(images: Any, labels: Any, table: Table, rows: Sequence[int]) -> Split:
    at = np.asarray(rows, np.int64)
    return Split(
        {name: array[at] for name, array in images.items()} if isinstance(images, Mapping) else images[at],
        {name: array[at] for name, array in labels.items()} if isinstance(labels, Mapping) else labels[at],
        Originals.of_table(table, rows),
    )
