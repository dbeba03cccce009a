"""What a request asks for beside its examples: the parameters of its query."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import isfinite

from netspec.diagnostics.diagnostic import listing
from netspec.diagnostics.suggest import nearest
from netspec.serving.errors import RequestError

__all__ = ["MOST_TOP", "Options", "options_of"]

MOST_TOP = 1000
_SWITCH = {"true": True, "1": True, "false": False, "0": False}


@dataclass(frozen=True, slots=True)
class Options:
    """The options of `netspec predict` that a request may give.

    Attributes:
        top: how many classes are named.
        threshold: from which probability on the second of two classes, or one of several labels, is taken.
        invert: swap light and dark in pictures; recognized from the picture where None.
        as_is: do not look for what is drawn in a picture.
    """

    top: int = 3
    threshold: float | None = None
    invert: bool | None = None
    as_is: bool = False


def options_of(query: Iterable[tuple[str, str]]) -> Options:
    """Return the options that the parameters of a query say; raises RequestError for others."""
    found: dict[str, object] = {}
    for key, text in query:
        if key not in _READ:
            near = nearest(key, _READ)
            fix = f"did you mean {near}?" if near else f"there are {listing(list(_READ), 'and')}"
            raise RequestError(400, f"there is no parameter {key[:100]!r}", fix)
        if key in found:
            raise RequestError(400, f"{key} is given twice", "give it once")
        found[key] = _READ[key](key, text)
    return Options(**found)  # type: ignore[arg-type]


def _top(key: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MOST_TOP):
        raise RequestError(400, f"{key}={text[:100]!r} is no whole number of 1 to {MOST_TOP:,}", f"{key}=3")
    return int(text)


def _threshold(key: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not (isfinite(value) and 0 <= value <= 1):
        raise RequestError(400, f"{key}={text[:100]!r} is no number of 0 to 1", f"{key}=0.5")
    return value


def _switch(key: str, text: str) -> bool:
    if text.lower() not in _SWITCH:
        raise RequestError(400, f"{key}={text[:100]!r} is neither true nor false", f"{key}=true")
    return _SWITCH[text.lower()]


_READ = {"top": _top, "threshold": _threshold, "invert": _switch, "as_is": _switch}
