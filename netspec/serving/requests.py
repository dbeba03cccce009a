"""The examples of a request: JSON, pictures, tables, texts, arrays, or a form of them, by its content type."""

from __future__ import annotations

import base64
import io
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from netspec.data.arrays.examples import array_in
from netspec.data.files.decoding import MOST_PIXELS, stated_size
from netspec.data.files.forms import FileForms
from netspec.data.types import Arrays, by_array, each_array
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.serving.errors import RequestError
from netspec.serving.given import NAME, Given, require_few, wrong_type
from netspec.serving.json_body import json_value
from netspec.serving.multipart import Part, parts_of
from netspec.serving.options import Options
from netspec.serving.sentences import read_sentences
from netspec.serving.served import INSTANCES, Served
from netspec.sources.files.embedded import BASE64_FIX, embedded_bytes
from netspec.sources.files.libsndfile import is_other_sound
from netspec.sources.how_read import HowRead
from netspec.sources.tables.table import Table, read_table, table_of_objects
from netspec.sources.tables.workbook import is_workbook
from netspec.sources.texts.reading import text_of
from netspec.workflows import example_files
from netspec.workflows.example_files import Examples

__all__ = ["read_request"]

_MOST_UNPACKED = 256 * 2**20
"""Bytes of the arrays of an `.npz` file."""

_TABLES = {"text/csv", "text/tab-separated-values", "application/csv", "application/jsonl", "application/x-ndjson"}
_WORKBOOKS = {
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel.sheet.macroenabled.12",
    "application/vnd.ms-excel.sheet.binary.macroenabled.12",
    "application/vnd.oasis.opendocument.spreadsheet",
    # What browsers on Windows call CSV, too.
    "application/vnd.ms-excel",
}
_TABLES |= _WORKBOOKS
_FILES = {"", "application/octet-stream", "application/x-npy", "application/npy", "application/zip"}


def read_request(served: Served, body: bytes, media: str, boundary: str, options: Options) -> Given:
    """Return the examples in a body.

    Args:
        served: the model that is asked.
        body: what was sent.
        media: its content type, in small letters; empty where none was given.
        boundary: of a form.
        options: how pictures are read.

    Raises:
        DataError: an example does not fit the model.
        RequestError: the body is no such thing, or too large.
    """
    if not body:
        raise RequestError(400, "the request has no body", "send an example; GET /docs shows how")
    form = parts_of(body, boundary) if media == "multipart/form-data" else None
    if served.run.tags:
        return read_sentences(served, [(body, media, NAME)] if form is None else _each(form), options)
    reader = _Reader(served, options)
    return reader.checked(reader.one(body, media) if form is None else reader.form(form))


def _each(parts: Sequence[Part]) -> Iterator[tuple[bytes, str, str]]:
    """Yield what is in each part of a form: a field is a text; its content type; and what messages call it."""
    for number, part in enumerate(parts, 1):
        media = part.media or ("" if part.is_file else "text/plain")
        yield part.content, media, f"{NAME}: {part.name or 'part'} {number}"


@dataclass(slots=True)
class _Reader:
    """Reads the examples of one request."""

    served: Served
    options: Options
    pixels: int = field(default=0)

    # --- bodies ---------------------------------------------------------------------------------------------------

    def one(self, body: bytes, media: str, name: str = NAME) -> list[Examples]:
        """Return what is in a body, or in the part of a form, by its content type."""
        run, table = self.served.run, self.served.table
        if media == "application/json" or media.endswith("+json"):
            return self._json(body, name)
        if media.startswith("image/") and not self.served.reads_sounds:
            return [self._picture(body, name)]
        if media.startswith("audio/") and self.served.reads_sounds:
            return [example_files.of_sound(run.network, body, name=name)]
        if media == "text/plain" and run.text_column:
            return self._texts([text_of(body, name)], name)
        if media in _TABLES and table:
            return [self._rows(self._read(body, name))]
        if media in _FILES:
            return [self._file(body, name)]
        raise wrong_type(media, self.served)

    def _file(self, body: bytes, name: str) -> Examples:
        """Return what is in a file of whatever kind."""
        if self.served.table and is_workbook(body):
            return self._rows(self._read(body, name))
        if body.startswith((b"\x93NUMPY", b"PK")):
            if body.startswith(b"PK"):
                _require_small(body, name)
            return self.served.run.examples(body, name=name)
        if self.served.reads_sounds and is_other_sound(body):
            return example_files.of_sound(self.served.run.network, body, name=name)
        if self.served.reads_pictures and not (self.served.table and stated_size(body) is None):
            return self._picture(body, name)
        if self.served.table:
            return self._rows(self._read(body, name))
        return self.served.run.examples(body, name=name)

    def _read(self, body: bytes, name: str) -> Table:
        return read_table(body, name, HowRead.of(self.served.run.network.data, like=True))

    def form(self, parts: Sequence[Part]) -> list[Examples]:
        """Return what is in a form: a row by its columns, arrays by the inputs, or an example in each part."""
        table, inputs = self.served.table, [i.name for i in self.served.run.network.inputs]
        if table and not table.is_picture and any(p.name in table.columns and p.media not in _TABLES for p in parts):
            row = {part.name: _cell(part, part.name in table.pictures) for part in _of_different_names(parts)}
            return [self._rows(table_of_objects([row], NAME))]
        if inputs[1:] and not table and any(part.name in inputs for part in parts):
            return [self._by_input(_of_different_names(parts))]
        found = []
        for number, part in enumerate(parts, 1):
            found += self.one(part.content, part.media, f"{NAME}: {part.name or 'part'} {number}")
        return found

    def _by_input(self, parts: Sequence[Part]) -> Examples:
        values = {}
        for part in parts:
            name = f"{NAME}: {part.name}"
            values[part.name] = array_in(part.content, name) if part.is_file else json_value(part.content, name)
        return example_files.of_arrays(self.served.run.network, values, NAME)

    # --- JSON -----------------------------------------------------------------------------------------------------

    def _json(self, body: bytes, name: str) -> list[Examples]:
        value = json_value(body, name)
        inputs = [i.name for i in self.served.run.network.inputs]
        own = self.served.table.columns if self.served.table else inputs
        if isinstance(value, Mapping) and list(value) == [INSTANCES] and INSTANCES not in own:
            # As clients of other servers write it.
            value = value[INSTANCES]
        if isinstance(value, str) or (isinstance(value, list) and value and all(isinstance(v, str) for v in value)):
            return self._strings([value] if isinstance(value, str) else value, name, alone=isinstance(value, str))
        if self.served.table:
            rows = value if isinstance(value, list) else [value]
            wrong = next((number for number, row in enumerate(rows, 1) if not isinstance(row, Mapping)), None)
            if wrong is not None:
                shown = f"row {wrong:,} of {name}" if isinstance(value, list) else name
                raise DataError(f"{shown} is no JSON object", f"give {self._example()}, or a list of such")
            require_few(self.served, len(rows))
            return [self._rows(table_of_objects(rows, name))]
        if value is None or isinstance(value, bool | int | float):
            raise DataError(f"{name} is no example", f"give {self._example()}")
        if inputs[1:] and isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
            require_few(self.served, len(value))
            value = _columns(value, inputs, name)
        return [example_files.of_arrays(self.served.run.network, value, name)]

    def _example(self) -> str:
        if self.served.table:
            first = next(iter(self.served.table.columns))
            return f'an object of columns, {{"{first}": …}}'
        shapes = {i.name: list(i.shape) for i in self.served.run.network.inputs}
        if len(shapes) > 1:
            return f"an object with an array for each of {listing(list(shapes), 'and')}"
        return f"an array of the shape {next(iter(shapes.values()))}, or many of them"

    def _strings(self, texts: Sequence[str], name: str, *, alone: bool) -> list[Examples]:
        """Return texts, or pictures or sounds in base64."""
        require_few(self.served, len(texts))
        if self.served.run.text_column:
            return self._texts(texts, name)
        if not self.served.reads_pictures and not self.served.reads_sounds:
            raise DataError(f"{name} is a text, which the model does not read", f"give {self._example()}")
        one = "picture" if self.served.reads_pictures else "sound"
        found = []
        for number, text in enumerate(texts, 1):
            shown = name if alone else f"{one} {number:,} of {name}"
            content = embedded_bytes(text)
            if not content:
                raise DataError(f"{shown} is no {one} in base64", BASE64_FIX)
            sound = self.served.reads_sounds
            found.append(
                example_files.of_sound(self.served.run.network, content, name=shown)
                if sound
                else self._picture(content, shown)
            )
        return found

    # --- examples -------------------------------------------------------------------------------------------------

    def _texts(self, texts: Sequence[str], name: str) -> list[Examples]:
        assert self.served.table is not None
        return [example_files.of_texts(self.served.table, texts, name)]

    def _picture(self, content: bytes, name: str) -> Examples:
        run, table = self.served.run, self.served.table
        if table and not table.is_picture:
            fix = "give a table with its columns, such as a .csv file"
            raise DataError(f"{name} is a picture, but the model reads rows of a table", fix)
        if not table and len(run.network.inputs) > 1:
            raise DataError(f"{name} is a picture, but the model has several inputs", f"give {self._example()}")
        self._spend(content, name)
        return example_files.of_picture(
            run.network,
            content,
            invert=self.options.invert,
            like=None if self.options.as_is else run.learned_from,
            name=name,
            preparation=run.preparation,
        )

    def _rows(self, table: Table) -> Examples:
        prepared, preparation = self.served.table, self.served.run.preparation
        assert prepared is not None
        assert preparation is not None
        require_few(self.served, len(table))
        for column in prepared.pictures:
            for text in dict.fromkeys(table.cells.get(column, ())):
                if content := embedded_bytes(text):
                    self._spend(content, f"{table.name}: a picture of {column}")
        # What a client names is no file of this machine.
        found = example_files.of_table(
            prepared, table, FileForms.of(self.served.run.network.data, preparation), embedded=True
        )
        return replace(found, columns=None)

    def _spend(self, content: bytes, name: str) -> None:
        """Count the pixels of a picture before it is decoded."""
        width, height = stated_size(content) or (0, 0)
        self.pixels += width * height
        if self.pixels > MOST_PIXELS:
            with_others = " with those before it" if width * height < self.pixels else ""
            fix = f"{MOST_PIXELS:,} are the most of a request: make it smaller first"
            raise RequestError(413, f"{name} has {width:,}x{height:,} pixels, too many{with_others}", fix)

    def checked(self, found: Sequence[Examples]) -> Given:
        """Return all examples as the network takes them."""
        run = self.served.run
        arrays = [run.checked(examples.array) for examples in found]
        counts = [len(next(each_array(array))) for array in arrays]
        require_few(self.served, sum(counts))
        if not sum(counts):
            raise DataError(f"{NAME} has no examples", "give at least one")
        framed = [each.framed_as for each, n in zip(found, counts, strict=True) for _ in range(n)]
        notes = dict.fromkeys(note for examples in found for note in examples.notes)
        return Given(_joined(arrays), tuple(framed), tuple(notes))


def _joined(arrays: Sequence[Arrays]) -> Arrays:
    if len(arrays) == 1:
        return arrays[0]
    forms = {tuple((one.dtype.str, one.shape[1:]) for one in each_array(array)) for array in arrays}
    if len(forms) > 1:
        raise DataError(f"{NAME} has parts of different types", "send pictures and arrays one by one")
    if isinstance(arrays[0], Mapping):
        return {name: np.concatenate([a[name] for a in arrays]) for name in arrays[0]}
    return by_array(np.asarray, np.concatenate(arrays))  # type: ignore[arg-type]


def _columns(rows: Sequence[Mapping[str, Any]], inputs: Sequence[str], name: str) -> dict[str, list[Any]]:
    """Return the arrays of each input, from examples that have one for each."""
    for number, row in enumerate(rows, 1):
        if set(row) != set(inputs):
            has = listing(list(map(repr, row)), "and") or "nothing"
            raise DataError(
                f"example {number:,} of {name} has {has}", f"give {listing(inputs, 'and')} for each example"
            )
    return {key: [row[key] for row in rows] for key in inputs}


def _of_different_names(parts: Sequence[Part]) -> Sequence[Part]:
    """Return the fields of a form; raises DataError where one is there twice."""
    names = [part.name for part in parts]
    twice = next((name for number, name in enumerate(names) if name in names[:number]), None)
    if twice is not None:
        raise DataError(f"{NAME} has the field {twice!r} twice", "give each field once: a form has one example")
    return parts


def _cell(part: Part, picture: bool) -> str:
    """Return the field of a form as the cell of a row."""
    return base64.b64encode(part.content).decode() if picture and part.is_file else text_of(part.content, part.name)


def _require_small(body: bytes, name: str) -> None:
    """Raise RequestError where an archive would unpack to very much."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            size = sum(member.file_size for member in archive.infolist())
    except Exception:  # it is damaged, which its reader says
        return
    if size > _MOST_UNPACKED:
        raise RequestError(413, f"{name} unpacks to {size:,} bytes", f"{_MOST_UNPACKED:,} are the most")
