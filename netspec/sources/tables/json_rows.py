"""Rows in JSON: an object on each line, a list of objects, or an object of columns as pandas writes it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeAlias

from netspec.diagnostics.diagnostic import DataError, plural
from netspec.system.json_text import TwiceError, unique_keys

__all__ = ["Rows", "begins_json", "rows_of_json", "rows_of_lines"]

Rows: TypeAlias = "list[tuple[int, Mapping[str, Any]]]"
"""Each with the line at which it begins."""

_ROW = '{"height": 1.8, "color": "red"}'
_LINE = f"each line is a row: {_ROW}"
_LIST = f"give a list of rows, [{_ROW}, …]; pandas writes one with to_json(orient='records')"

_BLANK = re.compile(r"[ \t\r\n]*")
_TWO_OBJECTS = re.compile(r"\s*\{.*\}[ \t\r]*\n\s*\{")
_BEGINS = re.compile(r"\s*\[\s*\{")


def begins_json(text: str) -> bool:
    """Return whether a text of which the name says nothing is a list of JSON objects."""
    return _BEGINS.match(text) is not None


def rows_of_lines(text: str, name: str) -> Rows:
    """Return the objects of a text that has one on each line.

    Raises:
        DataError: a line is no JSON object, or has a key twice.
    """
    rows: Rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line, object_pairs_hook=unique_keys)
        except TwiceError as error:
            raise _twice(name, number, error) from None
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            whole = number == 1 and text.lstrip()[:1] == "["
            fix = "name it .json: a list of rows is read from such files" if whole else _LINE
            raise DataError(f"{name}: line {number:,} is no JSON object", fix)
        rows.append((number, row))
    return rows


def rows_of_json(text: str, name: str) -> Rows:
    """Return the rows of a text that is one JSON value: a list of objects, or an object of columns.

    Columns are lists of equal length, or objects by the numbers of the rows; `{"columns": …, "data": …}` is what pandas
    calls split. Where several rows are on one line, each has its number in place of the line.

    Raises:
        DataError: it is no JSON, is another value, or has a key twice.
    """
    if text[_space(text, 0) : _space(text, 0) + 1] == "[":
        rows = _listed(text, name)
        lines = [line for line, _ in rows]
        return rows if len(set(lines)) == len(lines) else [(i, row) for i, (_, row) in enumerate(rows, 1)]
    if _TWO_OBJECTS.match(text):
        # JSON Lines by another name.
        return rows_of_lines(text, name)
    decoder = json.JSONDecoder(object_pairs_hook=unique_keys)
    value, end = _value(decoder, text, _space(text, 0), name, 1)
    if _space(text, end) < len(text):
        _refuse(text, _space(text, end), name)
    return list(enumerate(_of_columns(value, name), 1))


def _listed(text: str, name: str) -> Rows:
    """Return the objects of a list, one after the other: so that each has its line, and nothing else is made of it."""
    decoder = json.JSONDecoder(object_pairs_hook=unique_keys)
    rows: Rows = []
    at, line = _space(text, 0), 1
    line += text.count("\n", 0, at)
    at, seen = at + 1, at
    begin = _space(text, at)
    if text[begin : begin + 1] == "]":
        raise DataError(f"{name} has no rows", "give at least one")
    while True:
        begin = _space(text, at)
        line, seen = line + text.count("\n", seen, begin), begin
        row, end = _value(decoder, text, begin, name, line)
        if not isinstance(row, dict):
            raise DataError(f"{name}: value {len(rows) + 1:,} of the list, in line {line:,}, is no object", _LIST)
        rows.append((line, row))
        after = _space(text, end)
        mark = text[after : after + 1]
        if mark == "]":
            if _space(text, after + 1) < len(text):
                _refuse(text, after + 1, name)
            return rows
        if mark != ",":
            _refuse(text, after, name)
        at = after + 1


def _of_columns(value: Any, name: str) -> list[dict[str, Any]]:
    """Return the rows of an object of columns."""
    if not isinstance(value, dict):
        raise DataError(f"{name} is no list of rows", _LIST)
    if {"columns", "data"} <= set(value) <= {"columns", "data", "index"}:
        return _of_split(value["columns"], value["data"], name)
    own = list(value.values())
    if own and all(isinstance(column, list) and not any(map(_is_nested, column)) for column in own):
        if len(set(map(len, own))) > 1:
            raise DataError(f"the columns of {name} are of different lengths", "give each a value for every row")
        return [dict(zip(value, cells, strict=True)) for cells in zip(*own, strict=True)]
    numbers = [str(i) for i in range(len(own[0]))] if own and isinstance(own[0], dict) else []
    if numbers and all(isinstance(column, dict) and list(column) == numbers for column in own):
        return [{key: column[number] for key, column in value.items()} for number in numbers]
    has = f"an object of {plural(len(value), 'key')}" if len(value) != 1 else f"an object of {next(iter(value))!r}"
    raise DataError(f"{name} is {has}, and no list of rows", _LIST)


def _of_split(columns: Any, data: Any, name: str) -> list[dict[str, Any]]:
    """Return the rows of names and lists of values beside each other."""
    if not (isinstance(columns, list) and all(isinstance(key, str) for key in columns) and isinstance(data, list)):
        raise DataError(f"{name} has `columns` and `data`, which are no lists of names and of rows", _LIST)
    wrong = next((i for i, row in enumerate(data, 1) if not isinstance(row, list) or len(row) != len(columns)), None)
    if wrong is not None:
        raise DataError(f"{name}: row {wrong:,} has no value for each of {plural(len(columns), 'column')}", _LIST)
    if len(set(columns)) < len(columns):
        raise DataError(f"{name} has columns of the same name", "rename one")
    return [dict(zip(columns, row, strict=True)) for row in data]


def _is_nested(value: Any) -> bool:
    return isinstance(value, dict | list)


def _value(decoder: json.JSONDecoder, text: str, at: int, name: str, line: int) -> tuple[Any, int]:
    try:
        return decoder.raw_decode(text, at)
    except TwiceError as error:
        raise _twice(name, line, error) from None
    except RecursionError:
        raise DataError(f"{name}: what is in line {line:,} is nested too deeply", _LIST) from None
    except ValueError as error:
        _refuse(text, error.pos if isinstance(error, json.JSONDecodeError) else at, name)


def _space(text: str, at: int) -> int:
    """Return the next place that is no blank."""
    found = _BLANK.match(text, at)
    assert found is not None
    return found.end()


def _refuse(text: str, at: int, name: str) -> NoReturn:
    message = f"{name} is no JSON in line {text.count(chr(10), 0, at) + 1:,}"
    raise DataError(f"{message}: it ends too early" if at >= len(text.rstrip()) else message, _LIST)


def _twice(name: str, line: int, error: TwiceError) -> DataError:
    return DataError(f"{name}: line {line:,} has {error.args[0]!r} twice", "give each column of a row one value")
