"""Values, names and calls as Python writes them."""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np

from netspec.formats.program import Input

__all__ = [
    "CLOSE",
    "OPEN",
    "atom",
    "bare",
    "base_of",
    "defaulted",
    "identifier",
    "literal",
    "node_of",
    "number",
    "options",
    "scaled",
    "short",
    "unless",
]

OPEN, CLOSE = "\u2039", "\u203a"
"""Between these stands an argument that is what it would be anyway."""

_NUMBERS = re.compile(r"(_\d+)+$")
_UNSAID = re.compile(rf", \w+={OPEN}[^{CLOSE}]*{CLOSE}")


def defaulted(text: str, default: str) -> str:
    """Return an argument; marked where it is what it would be anyway: it is written only if that of others differs."""
    return f"{OPEN}{text}{CLOSE}" if text == default else text


def bare(text: str) -> str:
    """Return a text without the arguments that are what they would be anyway."""
    return _UNSAID.sub("", text)


def base_of(name: str) -> str:
    """Return a name without the numbers that tell several apart."""
    return _NUMBERS.sub("", name) or name


def identifier(name: str) -> str:
    """Return a name of the language as one of Python."""
    made = re.sub(r"\W", "_", name, flags=re.ASCII)
    made = made if made[:1].isalpha() else f"v_{made}"
    return f"{made}_" if keyword.iskeyword(made) else made


@cache
def atom(text: str) -> str:
    """Return an expression so that an operator or a method can stand behind it."""
    whole = ast.parse(bare(text).replace(OPEN, "").replace(CLOSE, ""), mode="eval").body
    return text if isinstance(whole, ast.Name | ast.Attribute | ast.Call | ast.Subscript) else f"({text})"


def short(sizes: Sequence[object]) -> str:
    """Return sizes as Python has them: one number where all are equal."""
    if sizes and all(size == sizes[0] for size in sizes):
        first = sizes[0]
        if isinstance(first, tuple):
            return repr(first[0]) if first[0] == first[1] else repr(tuple(sizes))
        return repr(first)
    return repr(tuple(sizes))


def number(value: float) -> str:
    """Return a number as people write it, no less exact than float32."""
    near = float(f"{value:.8g}")
    if np.float32(near) != np.float32(value):
        near = float(value)
    return repr(int(near)) if near == int(near) and abs(near) < 1e6 else repr(near)


def literal(values: np.ndarray) -> str:
    """Return an array of few numbers as nested lists."""
    if values.ndim == 0:
        return number(float(values))
    return "[" + ", ".join(literal(each) for each in values) + "]"


def scaled(given: Input, x: str, channels: Callable[[str], str]) -> str:
    """Return bytes as floats that the network reads.

    Args:
        given: the input.
        x: its expression, in floats.
        channels: returns an expression of a list of numbers, one for each channel, as it meets pictures.
    """
    factor, offset = given.factor, given.offset
    if factor.ndim:
        text = f"{x} * {channels(literal(factor.reshape(-1)))}"
        return f"{text} + {channels(literal(offset.reshape(-1)))}" if offset.any() else text
    divisor = round(1 / float(factor)) if float(factor) else 0
    exact = divisor and np.float32(1) / np.float32(divisor) == factor
    text = f"{x} / {divisor}" if exact else f"{x} * {number(float(factor))}"
    if not offset:
        return text
    return f"{text} + {number(float(offset))}" if offset > 0 else f"{text} - {number(-float(offset))}"


def node_of(path: str) -> str:
    """Return the node that an array belongs to."""
    return path.rpartition("/")[0]


def options(**given: str) -> list[str]:
    """Return the arguments that have a value, by their names."""
    return [f"{name}={value}" for name, value in given.items() if value]


def unless(text: str, default: str) -> str:
    """Return an argument; nothing where it is the default."""
    return "" if text == default else text
