"""What a Python program hands in, checked: paths, numbers, switches, functions and texts by name.

Each mistake is one error that says which argument, what it is, and what would be right. Numbers of NumPy and JAX count
as numbers; nothing of these libraries is imported for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import NetspecError
from netspec.system.files import expanded

__all__ = [
    "as_finite",
    "as_function",
    "as_number",
    "as_path",
    "as_switch",
    "as_text",
    "as_texts",
    "as_whole",
    "described",
    "require_kind",
]


_MOST = 10**18
"""The language reads no longer numbers, and nothing that is counted or multiplied here comes near it."""


def described(value: object) -> str:
    """Return what a value is, in a few words: `the int 5`, `None`, `a list`."""
    value = _scalar(value)
    name = type(value).__name__
    if value is None or isinstance(value, bool):
        return str(value)
    if isinstance(value, int) and abs(value) >= _MOST:
        return "an int of more than 18 digits"
    if isinstance(value, int | float | str):
        text = repr(value)
        return f"the {name} {text if len(text) <= 60 else text[:60] + '…'}"
    return f"{'an' if name[0].lower() in 'aeiou' else 'a'} {name}"


def as_path(value: object, name: str, example: str, refusal: type[NetspecError] = NetspecError) -> Path:
    """Return a path, a leading `~` replaced by the user's folder.

    Args:
        value: what was given.
        name: of the argument.
        example: of what would be right.
        refusal: the error to raise.

    Raises:
        NetspecError: as `refusal`, when it is no path.
    """
    path = os.fspath(value) if isinstance(value, os.PathLike) else value
    if not isinstance(path, str):
        raise refusal(
            f"{name} must be a path, not {described(value)}", f"give a str or a pathlib.Path, such as {example}"
        )
    if not path or "\0" in path:
        wrong = "empty" if not path else "no path: it has a null character in it"
        raise refusal(f"{name} is {wrong}", f"give one such as {example}")
    return expanded(path, refusal)


def as_whole(value: object, name: str, example: int, least: int = 1, most: int = _MOST) -> int:
    """Return a whole number, from `least` to less than `most`; raises NetspecError where it is none."""
    scalar = _scalar(value)
    if isinstance(scalar, bool) or not isinstance(scalar, int) or not least <= scalar < most:
        what = "a positive whole number" if least == 1 else f"a whole number, {least} or more"
        raise NetspecError(f"{name} must be {what}, not {described(value)}", f"for example {name}={example}")
    return scalar


def as_number(value: object, name: str, example: float) -> float:
    """Return a finite number, positive; raises NetspecError where it is none."""
    scalar = _scalar(value)
    if isinstance(scalar, bool) or not isinstance(scalar, int | float) or not 0 < scalar < _MOST:
        raise NetspecError(f"{name} must be a positive number, not {described(value)}", f"for example {name}={example}")
    return scalar


def as_finite(value: object) -> float | None:
    """Return a finite number; None where it is none."""
    scalar = _scalar(value)
    if isinstance(scalar, bool) or not isinstance(scalar, int | float) or not -_MOST < scalar < _MOST:
        return None
    return float(scalar)


def as_switch(value: object, name: str) -> bool:
    """Return True or False; raises NetspecError where it is neither."""
    scalar = _scalar(value)
    if not isinstance(scalar, bool):
        raise NetspecError(f"{name} must be True or False, not {described(value)}", f"for example {name}=True")
    return scalar


def as_function(value: Any, name: str, example: str) -> Callable[..., Any]:
    """Return a function; raises NetspecError where it cannot be called."""
    if not callable(value):
        raise NetspecError(f"{name} must be a function, not {described(value)}", f"for example {name}={example}")
    function: Callable[..., Any] = value
    return function


def as_text(value: object, name: str, example: str) -> str:
    """Return a text that is not empty; raises NetspecError where it is none."""
    if not isinstance(value, str) or not value:
        what = described(value) if value != "" else "an empty one"
        raise NetspecError(f"{name} must be a text, not {what}", f"for example {name}={example!r}")
    return value


def as_texts(values: object, name: str, example: str) -> dict[str, str]:
    """Return values by name as the texts that the language writes them as.

    Args:
        values: numbers, texts as the spec would have them, paths, True and False by name, or None.
        name: of the argument.
        example: of what would be right.

    Raises:
        NetspecError: when it is no dictionary, a name is no text, or a value is neither number nor text.
    """
    if values is None:
        return {}
    if not isinstance(values, Mapping):
        raise NetspecError(f"{name} must be a dictionary, not {described(values)}", f"for example {name}={example}")
    texts = {}
    for key, value in values.items():
        if not isinstance(key, str):
            raise NetspecError(f"{name}: a name must be a str, not {described(key)}", f"for example {name}={example}")
        scalar = _scalar(value)
        texts[key] = _in_words(scalar)
        if not texts[key]:
            fix = f"for example {name}={example}"
            raise NetspecError(f"{name}: `{key}` must be a number or a str, not {described(value)}", fix)
    return texts


def _in_words(value: object) -> str:
    """Return a value as the language writes it: a path in quotes; "" where it has none."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, os.PathLike):
        path = os.fspath(value)
        return f'"{path}"' if isinstance(path, str) and '"' not in path else ""
    if isinstance(value, int) and abs(value) >= _MOST:
        return ""
    return str(value) if isinstance(value, int | float | str) else ""


def require_kind(
    value: object,
    kind: type,
    name: str,
    what: str,
    fix: str,
    refusal: type[NetspecError] = NetspecError,
) -> None:
    """Raise an error where a value is not of a class.

    Args:
        value: what was given.
        kind: the class.
        name: of the argument.
        what: the class, in words.
        fix: what would be right.
        refusal: the error to raise.
    """
    if not isinstance(value, kind):
        raise refusal(f"{name} must be {what}, not {described(value)}", fix)


def _scalar(value: Any) -> Any:
    """Return a number of NumPy or JAX as one of Python; anything else as it is."""
    if getattr(value, "shape", None) == () and getattr(getattr(value, "dtype", None), "kind", "") in set("biuf"):
        try:
            return value.item()
        except Exception:  # one that JAX traces has no value yet
            return value
    return value
