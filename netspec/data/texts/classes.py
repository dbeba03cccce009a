"""Texts in folders of classes as arrays: each text an example, filled up with padding."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from netspec.data.originals import Originals
from netspec.data.tables.examples import examples_of, require_shapes
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError
from netspec.ir.network import Network
from netspec.sources.draws import RULE, Rule
from netspec.sources.how_read import HowRead
from netspec.sources.preparation import Preparation
from netspec.sources.tables.preparation import TablePreparation, TargetColumn
from netspec.sources.tables.survey import read_once
from netspec.sources.texts.classes import LABEL, TEXT, LabelledTexts, divided_texts, fit_texts, labelled_texts

__all__ = ["load_text_classes", "require_columns_of_texts"]


def load_text_classes(
    path: Path,
    network: Network,
    *,
    known: Sequence[str] = (),
    fitted: Preparation | None = None,
    folder: Path | None = None,
) -> Dataset:
    """Return the texts in a folder or an archive of classes as a network takes them.

    Args:
        path: of the folder or archive.
        network: says how they are cut into tokens, and which part is for the test.
        known: the classes that a model has learned.
        fitted: what a model was fitted to; texts are read by its vocabulary.
        folder: of the spec.

    Raises:
        DataError: they cannot be read, do not fit the network, or do not go together.
    """
    data = network.data
    assert data is not None
    name = network.inputs[0].name
    if len(network.inputs) > 1:
        raise DataError(f"{path} has texts, but the network has several inputs", "give it one")
    # A model is also looked at with texts that have a test part of their own, whatever it was trained on.
    how = HowRead.of(data, like=fitted is not None)
    found = labelled_texts(path, test=None if fitted else data.test, known=known, how=how)
    table = fitted.table if fitted else None
    rule = fitted.draw if fitted else RULE
    if table:
        rows = _rows(found, network, rule)
        inputs, notices = {name: table.inputs[name]}, list(found.notices)
    else:
        made = fit_texts(found, data, folder)
        rows, notices = made.rows, list(made.notices)
        inputs = {name: made.input}
        if network.inputs[0].mask is None:
            notices.append("the input is declared without `mask=0`: what texts are filled up with counts as a word")
    require_shapes(found.table, network, inputs)
    prepared = TablePreparation(inputs=inputs, targets=(TargetColumn(column=LABEL, classes=found.classes),), texts=True)
    images, _ = examples_of(found.table, prepared)
    number = {one: at for at, one in enumerate(found.classes)}
    labels = np.asarray([number[label] for label in found.table.cells[LABEL]], np.int32)

    def part(of: str) -> Split:
        at = np.asarray(rows.get(of, ()), np.int64)
        return Split(images[at], labels[at], Originals({TEXT: found.table.cells[TEXT]}, found.files, at))

    return Dataset.of(
        str(path),
        part("train"),
        part("test"),
        found.classes,
        tuple(notices),
        preparation=Preparation(table=prepared, draw=rule),
        validation=part("validation") if rows.get("validation") else None,
        cut="test" not in found.parts,
    )


def require_columns_of_texts(path: Path) -> None:
    """Raise DataError where a table has no columns of the names that texts and their classes have as one."""
    table = read_once(path)
    lost = [name for name in (TEXT, LABEL) if name not in table.cells]
    if lost:
        message = f"{path} has no column {lost[0]!r}, and the model has learned from texts in folders of classes"
        raise DataError(message, f"call the column of the texts `{TEXT}`, and that of their classes `{LABEL}`")


def _rows(found: LabelledTexts, network: Network, rule: Rule) -> Mapping[str, Sequence[int]]:
    """Return the parts of texts that a model is looked at with; what cannot be divided is all for the test."""
    assert network.data is not None
    try:
        return divided_texts(found, network.data, rule)
    except DataError:
        return found.parts if "test" in found.parts else {"test": range(len(found.table))}
