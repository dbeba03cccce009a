"""Answers in a file: a table of them as CSV, or the outputs of a network as one array."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO, TypeAlias

import typer

from netspec.diagnostics.diagnostic import DataError, RunError
from netspec.system.files import atomic_path, kind_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from netspec.workflows.example_files import Examples
    from netspec.workflows.trained import Run

__all__ = ["answers_file", "require_name", "row_writer"]

Write: TypeAlias = "Callable[[Sequence[str], Examples], None]"
"""Takes the names of some examples and the examples."""

_FIRST = ("file", "predicted", "probability")


def require_name(out: Path | None) -> None:
    """Refuse a name that does not say what to write; raises typer.BadParameter."""
    if out is not None and out.suffix.lower() not in {".csv", ".json", ".npy"}:
        masks = f"; masks of pictures go into a folder: -o {out}/" if out.suffix == "" else ""
        raise typer.BadParameter(f"{out} is neither a .csv, a .json nor an .npy file{masks}", param_hint="-o")


@contextmanager
def answers_file(out: Path, run: Run, threshold: float | None = None) -> Iterator[Write]:
    """Give what writes examples' answers to a file, which appears when the block ends well.

    A table has a row for each example: its file and, where there are classes, the one that is predicted and how
    probable it is, then the probability or the output of each class by name; else what is predicted, or each output by
    number. Where each pixel or position has a class, it has that of most of them, then the share of each. Of the rows
    of a table it has their own columns, then what is predicted. Of several outputs it has what each predicts.

    Args:
        out: the .csv, .json or .npy file.
        run: the model that answers.
        threshold: from which probability on the second of two classes, or one of several labels, is taken.

    Raises:
        RunError: the file cannot be written.
    """
    if kind_of(out, RunError) == "folder":
        raise RunError(f"cannot write {out}: it is a folder", f"name a file, such as {out / 'answers.csv'}")
    try:
        with atomic_path(out) as temporary:
            if out.suffix.lower() == ".npy":
                if len(run.model.graph.outputs) > 1 and not run.input_again:
                    raise RunError("the network has several outputs: they are not one array", "write a .csv file")
                with _array(temporary, run) as write:
                    yield write
            else:
                with temporary.open("w", newline="", encoding="utf-8") as stream:
                    writer = row_writer(out, stream)
                    yield _table(writer, run, threshold)
                    writer.end()
    except BrokenPipeError:
        raise  # of what is printed meanwhile
    except OSError as error:
        raise RunError(
            f"cannot write {out}: {error.strerror or error}", "choose a folder that can be written to"
        ) from error


def row_writer(out: Path, stream: TextIO) -> _Writer:
    """Return what writes rows into a file, as its name says: objects of JSON, or lines of CSV."""
    return _Objects(stream) if out.suffix.lower() == ".json" else _Rows(stream)


@contextmanager
def _array(path: Path, run: Run) -> Iterator[Write]:
    import numpy as np  # noqa: PLC0415

    parts: list[NDArray[Any]] = []
    yield lambda names, examples: parts.append(_rows(run, examples.array, flat=False))
    with path.open("wb") as stream:
        np.save(stream, np.concatenate(parts) if parts else np.zeros(0, np.float32))


class _Writer(Protocol):
    """Takes a heading, then rows of values."""

    def head(self, names: Sequence[str]) -> None:
        """Take the heading."""

    def row(self, values: Sequence[Any]) -> None:
        """Take a row of values."""

    def end(self) -> None:
        """Write what ends the file."""


class _Rows:
    """Writes CSV."""

    def __init__(self, stream: TextIO) -> None:
        self._writer = csv.writer(stream)

    def head(self, names: Sequence[str]) -> None:
        self._writer.writerow(names)

    def row(self, values: Sequence[Any]) -> None:
        self._writer.writerow([f"{value:.8g}" if isinstance(value, float) else value for value in values])

    def end(self) -> None:
        pass


class _Objects:
    """Writes JSON: a list of an object for each row."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._count = stream, 0
        self._names: tuple[str, ...] = ()

    def head(self, names: Sequence[str]) -> None:
        self._names = tuple(names)

    def row(self, values: Sequence[Any]) -> None:
        values = [float(f"{value:.8g}") if isinstance(value, float) else value for value in values]
        text = json.dumps(dict(zip(self._names, values, strict=True)), ensure_ascii=False)
        self._stream.write(("[\n" if not self._count else ",\n") + text)
        self._count += 1

    def end(self) -> None:
        self._stream.write("\n]\n" if self._count else "[]\n")


def _table(writer: _Writer, run: Run, threshold: float | None) -> Write:
    several = len(run.model.graph.outputs) > 1 and not run.input_again
    if several or (run.preparation and run.preparation.table):
        return _table_of_columns(writer, run, threshold)
    single = len(run.model.graph.outputs) == 1
    positions = single and len(run.model.graph.shape(run.model.graph.output)) > 1
    # A class at each position of a sequence is as one at each pixel; of a text it is the next token.
    pixels = positions and run.gives_probabilities and run.vocabulary is None
    names = () if positions and not pixels else run.output_names
    likeliest = bool(names) and run.gives_probabilities and not run.several_labels and not pixels
    headed = False

    def write(examples: Sequence[str], given: Examples) -> None:
        nonlocal headed
        rows = _shares(run, given.array) if pixels else _rows(run, given.array, flat=True)
        if not headed:
            writer.head(_heading(names, rows.shape[1], likeliest=likeliest))
            headed = True
        for name, row in zip(examples, rows, strict=True):
            values = row.tolist()
            label = [_label(names, values, threshold, several=run.several_labels)] if names else []
            sure = [max(values)] if likeliest else []
            writer.row([name, *label, *sure, *values])

    return write


def _table_of_columns(writer: _Writer, run: Run, threshold: float | None) -> Write:
    """Return what writes a row for each example: its file or its own columns, then what each output predicts."""
    from netspec.workflows.row_answers import columns_of_answers  # noqa: PLC0415

    heading: tuple[str, ...] = ()

    def write(examples: Sequence[str], given: Examples) -> None:
        nonlocal heading
        # What is no table, such as an `.npy` of rows that are numbers already, has no columns.
        own = {"file": list(examples)} if given.columns is None else given.columns
        # A column of the name of an answer is one of an earlier prediction.
        answers = columns_of_answers(run, given.array, threshold)
        columns = {**own, **{name: given.by_row(each) for name, each in answers.items()}}
        if heading and tuple(columns) != heading:
            raise DataError(
                "the files have other columns than the first", "predict each of them into a file of its own"
            )
        if not heading:
            heading = tuple(columns)
            writer.head(heading)
        for row in zip(*columns.values(), strict=True):
            writer.row(row)

    return write


def _shares(run: Run, examples: NDArray[Any]) -> NDArray[Any]:
    """Return the share of each class in the pixels of each picture, (N, K)."""
    import numpy as np  # noqa: PLC0415

    found = run.probabilities(examples)
    classes = found.argmax(axis=1).reshape(len(found), -1)
    return np.stack([(classes == number).mean(axis=1) for number in range(found.shape[1])], axis=1)


def _label(names: Sequence[str], row: Sequence[float], threshold: float | None, *, several: bool) -> str:
    """Return the class of an example, or of several at once all those that are more likely than not."""
    if several:
        return " ".join(
            name
            for name, value in zip(names, row, strict=True)
            if (value > 0.5 if threshold is None else value >= threshold)
        )
    if threshold is not None and len(names) == 2:
        return names[int(row[1] >= threshold)]
    return names[max(range(len(row)), key=row.__getitem__)]


def _heading(names: Sequence[str], outputs: int, *, likeliest: bool) -> list[str]:
    if not names:
        return ["file", *(["predicted"] if outputs == 1 else [f"output_{i}" for i in range(outputs)])]
    # A class may be called `file`.
    first = _FIRST if likeliest else _FIRST[:2]
    return [*first, *(f"class {name}" if name in first else name for name in names)]


def _rows(run: Run, examples: NDArray[Any], *, flat: bool) -> NDArray[Any]:
    """Return the probabilities of classes, or else what the network gives."""
    found = run.probabilities(examples) if run.gives_probabilities else run.outputs(examples)
    # Beside the input again, an autoencoder may give what it makes of it.
    found = found[run.input_again] if isinstance(found, Mapping) else found
    return found.reshape(len(found), -1) if flat else found
