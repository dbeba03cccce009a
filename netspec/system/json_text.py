"""JSON as it is written and read strictly: no NaN, no key twice."""

from __future__ import annotations

import json
from collections import Counter
from math import isfinite
from typing import Any, NoReturn

__all__ = ["TwiceError", "json_text", "read_json", "unique_keys"]


class TwiceError(ValueError):
    """An object has a key twice."""


def json_text(value: Any) -> str:
    """Return a value as JSON on one line; numbers that are not finite, which JSON cannot hold, become null."""
    return json.dumps(_finite(value), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs of a JSON object as a dictionary; raises TwiceError with the key that is there twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise TwiceError(next(key for key, count in Counter(key for key, _ in pairs).items() if count > 1))
    return found


def read_json(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        TwiceError: with the key that an object has twice.
        ValueError: it is no JSON, is nested too deeply, or has a number that is none.
    """
    try:
        return json.loads(text, object_pairs_hook=unique_keys, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def _refuse(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON")
