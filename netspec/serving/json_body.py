"""The JSON of a body, of which no more is taken than fits in memory."""

from __future__ import annotations

from typing import Any

from netspec.diagnostics.diagnostic import DataError
from netspec.serving.errors import RequestError
from netspec.system.json_text import TwiceError, read_json

__all__ = ["json_value"]

_MOST_VALUES = 4_000_000
"""Of JSON: each is some 100 bytes in memory, however short it is written."""


def json_value(body: bytes, name: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        DataError: it is none.
        RequestError: it has too many values.
    """
    if sum(body.count(mark) for mark in (b",", b"[", b"{")) > _MOST_VALUES:
        fix = f"{_MOST_VALUES:,} are the most: send an .npy file, or several requests"
        raise RequestError(413, f"{name} has very many values", fix)
    try:
        return read_json(body.decode("utf-8-sig"))
    except TwiceError as error:
        raise DataError(f"{name} has {error.args[0]!r} twice", "give each column of a row one value") from None
    except UnicodeDecodeError:
        raise DataError(f"{name} is no UTF-8", "write the JSON in UTF-8") from None
    except ValueError as error:
        raise DataError(
            f"{name} is no JSON: {error}", "write it as JSON, or say what it is by its Content-Type"
        ) from None
