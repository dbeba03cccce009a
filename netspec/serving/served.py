"""A model as clients see it: what it reads and answers, how many examples at once, and an example of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from netspec.data.types import Arrays
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.tables.preparation import Feature, TableInput, TablePreparation
from netspec.sources.texts.tagged import WORDS
from netspec.workflows.answer_facts import by_example, facts_of
from netspec.workflows.tagging import facts_of_tagged, likeliest
from netspec.workflows.trained import Run

__all__ = ["INSTANCES", "Served"]

INSTANCES = "instances"
"""The key under which other servers expect the examples."""

Schema = dict[str, Any]

_MOST_EXAMPLES, _MOST_NUMBERS = 10_000, 50_000_000
"""Of a request: examples, and the numbers that they are and that are answered."""

_ARRAYS = {"application/x-npy": "an .npy file: an example, or many"}
_PICTURES = {"image/png": "a picture", "image/jpeg": "a picture; likewise image/webp and others"}
_SOUNDS = {"audio/wav": "a sound, as a WAV file; likewise audio/flac, audio/mpeg, audio/ogg and others"}
_ROWS = {"text/csv": "a table: a line with the names of its columns, then rows", "application/x-ndjson": "a row a line"}
_ROWS |= {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "a spreadsheet, .xlsx or another"}

_SENTENCES = {
    "text/plain": "a sentence on each line, in UTF-8",
    "application/x-ndjson": "on each line an object with the list `tokens`",
}
_SENTENCE = "Ada lives in Rome"


class Served:
    """A model that is served.

    Attributes:
        run: the opened model.
        most_examples: how many a request may have.
    """

    def __init__(self, run: Run) -> None:
        if run.network.reconstructs:
            raise DataError(
                "the model gives its input again: there are no answers to serve",
                f"`netspec predict {run.path} FILE -o again.npy` keeps what it gives",
            )
        self.run = run
        graph = run.model.graph
        numbers = sum(prod(i.shape) for i in graph.inputs) + sum(prod(graph.shape(o.index)) for o in graph.outputs)
        self.most_examples = max(1, min(_MOST_EXAMPLES, _MOST_NUMBERS // numbers))

    @property
    def name(self) -> str:
        """What the model is called."""
        return self.run.network.name

    @property
    def table(self) -> TablePreparation | None:
        """How rows of a table become what the network reads; None where it reads none."""
        return self.run.preparation.table if self.run.preparation else None

    @property
    def window(self) -> int:
        """How many rows, one after the other, are an example together; 0 where each is one."""
        return self.table.windows.length if self.table and self.table.windows else 0

    @property
    def reads_pictures(self) -> bool:
        """Whether a picture alone is an example."""
        return not self.reads_sounds and (self.table.is_picture if self.table else self.run.network.reads_images)

    @property
    def reads_sounds(self) -> bool:
        """Whether a sound alone is an example."""
        return self.run.network.reads_sounds and (self.table is None or self.table.is_picture)

    @property
    def media(self) -> dict[str, str]:
        """What a body may be, by its content type, beside forms and JSON."""
        if self.run.tags:
            return _SENTENCES
        several = len(self.run.network.inputs) > 1
        arrays = {"application/octet-stream": "an .npz file: an array for each input"} if several else _ARRAYS
        texts = {"text/plain": "a text, in UTF-8"} if self.run.text_column else {}
        rows = _ROWS if self.table else {}
        sounds = _SOUNDS if self.reads_sounds else {}
        return {**(_PICTURES if self.reads_pictures else {}), **sounds, **texts, **rows, **arrays}

    def zeros(self, count: int) -> Arrays:
        """Return so many examples of zeros, of the types that are most often asked."""
        made = {i.name: np.zeros((count, *i.shape), self._type(i.name)) for i in self.run.network.inputs}
        return made if len(made) > 1 else next(iter(made.values()))

    def _type(self, name: str) -> Any:
        given = next(i for i in self.run.network.inputs if i.name == name)
        if given.tokens:
            return np.int32
        network = self.run.network
        file = self.table.inputs[name].form == "picture" if self.table else network.reads_images
        of_sound = network.data is not None and network.data.sound is not None
        return np.uint8 if file and not of_sound else np.float32

    # --- what is read ---------------------------------------------------------------------------------------------

    @cached_property
    def example(self) -> Any:
        """An example as JSON; of pictures, sounds and long arrays none: None."""
        if self.run.tags:
            return _SENTENCE
        if self.table:
            if self.run.text_column:
                return "a text"
            row = {name: value for given in self.table.inputs.values() for name, value in _row(given).items()}
            return [row] * self.window if self.window else row
        inputs = self.run.network.inputs
        if self.reads_pictures or self.reads_sounds or sum(prod(i.shape) for i in inputs) > 64:
            return None
        made = {i.name: np.zeros(i.shape, np.int32 if i.tokens else np.float32).tolist() for i in inputs}
        return made if len(made) > 1 else next(iter(made.values()))

    @cached_property
    def schema(self) -> Schema:
        """The JSON schema of a body: one example, or a list of them."""
        forms: list[Schema] = []
        if self.run.tags:
            return _schema_of_sentences(self.most_examples)
        if self.table:
            row = {key: value for given in self.table.inputs.values() for key, value in _columns(given).items()}
            forms.append({"type": "object", "properties": row, "required": list(self.table.columns)})
            if self.run.text_column:
                forms.append({"type": "string", "description": "a text"})
        elif len(self.run.network.inputs) > 1:
            arrays = {i.name: _array(i.shape, i.tokens) for i in self._inputs}
            together = {name: _one_or_many(one, self.most_examples) for name, one in arrays.items()}
            one_by_one = _many(_object(arrays), self.most_examples)
            return {"anyOf": [_object(together), one_by_one, _object({INSTANCES: one_by_one})]}
        else:
            (only,) = self._inputs
            forms.append(_array(only.shape, only.tokens))
        if self.reads_pictures or self.reads_sounds:
            one = "picture" if self.reads_pictures else "sound"
            forms.append({"type": "string", "contentEncoding": "base64", "description": f"a {one}'s file in base64"})
        many = [_many(one, self.most_examples, max(1, self.window)) for one in forms]
        forms = [] if self.window else forms
        return {"anyOf": [*forms, *many, _object({INSTANCES: {"anyOf": many}})]}

    @property
    def _inputs(self) -> Sequence[Any]:
        return self.run.network.inputs

    # --- what is answered -----------------------------------------------------------------------------------------

    def predict(self, array: Arrays) -> Any:
        """Return what `run.predict` does; of a model that gives each word a label, the likeliest at each position."""
        return likeliest(self.run, np.asarray(array)) if self.run.tags else self.run.predict(array)

    @cached_property
    def answer(self) -> dict[str, Any]:
        """An answer, to an example of zeros."""
        if self.run.tags:
            return facts_of_tagged(self.run.tag(_SENTENCE)[0])
        return facts_of(by_example(self.run.predict(self.zeros(1)))[0], 3)

    @cached_property
    def answer_schema(self) -> Schema:
        """The JSON schema of the answer for one example."""
        found = _schema_of(self.answer)
        if self.reads_pictures:
            said = "the dataset as whose images what is drawn in the picture was framed"
            found["properties"]["framed_as"] = {"type": "string", "description": said}
        return found


def _schema_of_sentences(most: int) -> Schema:
    words: Schema = {"type": "array", "items": {"type": "string", "minLength": 1}, "minItems": 1}
    listed = {**_object({WORDS: words}), "additionalProperties": True, "description": "a sentence by its words"}
    text: Schema = {"type": "string", "description": "a sentence, which is cut into words and marks of punctuation"}
    each = {"anyOf": [text, {**words, "description": "the words of a sentence"}, listed]}
    many = _many(each, most)
    return {"anyOf": [text, listed, many, _object({INSTANCES: many})]}


def _row(given: TableInput) -> dict[str, Any]:
    if given.form == "picture":
        return {given.text: "base64 of a picture's file"}
    if given.form == "text":
        return {given.text: "a text"}
    return {feature.column: _value(feature) for feature in given.features}


def _value(feature: Feature) -> Any:
    if feature.kind == "category":
        return feature.levels[0] if feature.levels else ""
    if feature.amount:
        return feature.amount.written(f"{float(f'{feature.mean:.3g}'):f}".rstrip("0").rstrip("."))
    return feature.mean >= 0.5 if feature.kind == "boolean" else float(f"{feature.mean:.3g}")


def _columns(given: TableInput) -> dict[str, Schema]:
    if given.form == "picture":
        return {given.text: {"type": "string", "contentEncoding": "base64", "description": "a picture's file"}}
    if given.form == "text":
        return {given.text: {"type": ["string", "null"], "description": "a text"}}
    return {feature.column: _column(feature) for feature in given.features}


def _column(feature: Feature) -> Schema:
    if feature.kind == "category":
        levels = list(feature.levels)
        shown = ", ".join(levels[:10]) + (", …" if levels[10:] else "")
        # A class may be written as a number; one that is not known is read as unknown.
        return {"type": ["string", "number", "boolean", "null"], "description": f"a category: {shown}"}
    if feature.kind == "boolean":
        return {"type": ["boolean", "string", "number", "null"], "description": "true or false"}
    if feature.amount:
        said = f"a number, written as in training, such as {feature.amount.written('12.5')}"
        return {"type": ["string", "number", "null"], "description": f"{said}; null where it is not known"}
    return {"type": ["number", "string", "null"], "description": "a number; null where it is not known"}


def _array(shape: Sequence[int], tokens: int | None) -> Schema:
    inner: Schema = {"type": "integer", "minimum": 0, "maximum": tokens - 1} if tokens else {"type": "number"}
    for size in reversed(shape):
        inner = {"type": "array", "items": inner, "minItems": size, "maxItems": size}
    return inner


def _many(one: Schema, most: int, least: int = 1) -> Schema:
    return {"type": "array", "items": one, "minItems": least, "maxItems": most}


def _object(properties: Mapping[str, Schema]) -> Schema:
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


def _one_or_many(one: Schema, most: int) -> Schema:
    return {"anyOf": [one, _many(one, most)]}


def _schema_of(value: Any) -> Schema:
    """Return the schema of answers like this one."""
    if isinstance(value, Mapping):
        if value and all(isinstance(inner, float) for inner in value.values()):
            # The shares of the classes that are there.
            return {"type": "object", "additionalProperties": {"type": "number"}}
        each = {key: _schema_of(inner) for key, inner in value.items()}
        return {"type": "object", "properties": each, "required": list(each)}
    if isinstance(value, list):
        return {"type": "array", "items": _schema_of(value[0]) if value else {}}
    if isinstance(value, str):
        return {"type": "string"}
    return {"type": ["number", "null"]}
