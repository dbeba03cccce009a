"""Texts of blocks that differ in numbers only as one text, in which these are arguments with names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from netspec.formats.python.expressions import CLOSE, OPEN

__all__ = ["Definition", "unified"]

_NUMBER = re.compile(rf"{OPEN}[^{CLOSE}]*{CLOSE}|(?<![\w.])(?:\d+\.\d+|\d+)(?:e[+-]?\d+)?(?![\w.])")

_CHANNELS = ("in_channels", "out_channels", "kernel_size")
_FEATURES = ("in_features", "out_features")
_ROLES: Mapping[str, Sequence[str]] = {
    **{f"nn.Conv{n}d": _CHANNELS for n in (1, 2)},
    **{f"nn.ConvTranspose{n}d": _CHANNELS for n in (1, 2)},
    **{f"nn.BatchNorm{n}d": ("channels",) for n in (1, 2)},
    **{f"F.{kind}_pool{n}d": ("", "kernel_size", "stride") for n in (1, 2) for kind in ("max", "avg")},
    "max_pool": ("", "kernel_size", "stride"),
    "avg_pool": ("", "kernel_size", "stride"),
    "nn.Linear": _FEATURES,
    "nn.LayerNorm": ("features",),
    "nn.GroupNorm": ("groups", "channels"),
    "nn.PReLU": ("channels",),
    "nn.Embedding": ("tokens", "features"),
    **{f"nn.{cell}": ("in_features", "units") for cell in ("LSTM", "GRU", "RNN", "LSTMCell", "GRUCell", "RNNCell")},
    "attention": ("", "heads"),
    "range": ("rounds", "stop"),
    "window_attention": ("", "", "heads"),
}
"""What the numbers of a call are, in their order, where they are not given by name."""

_SIZES = {f"{way}{what}" for way in ("", "in_", "out_") for what in ("channels", "features", "units")}
_MOST_TIMES = 8
"""Numbers that are so many times others, at most, are written so."""


@dataclass(frozen=True, slots=True)
class Definition:
    """What several blocks are written as.

    Attributes:
        text: of the definition, with its arguments in place of numbers.
        arguments: their names.
        values: of the arguments, for each block.
        members: which of the blocks, by their places.
    """

    text: str
    arguments: tuple[str, ...]
    values: tuple[tuple[str, ...], ...]
    members: tuple[int, ...]

    def typed(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the arguments, each with its values."""
        return list(zip(self.arguments, zip(*self.values, strict=True), strict=True))


def unified(texts: Sequence[str], roles: Mapping[str, Sequence[str]], taken: Iterable[str]) -> list[Definition]:
    """Return the definitions of blocks.

    Args:
        texts: of the blocks.
        roles: the names of the arguments of other definitions.
        taken: names that no argument may have.
    """
    groups: dict[str, list[int]] = {}
    for i, text in enumerate(texts):
        groups.setdefault(_NUMBER.sub("#", text), []).append(i)
    return [_definition([texts[i] for i in members], members, roles, set(taken)) for members in groups.values()]


def _definition(
    texts: Sequence[str], members: Sequence[int], roles: Mapping[str, Sequence[str]], taken: set[str]
) -> Definition:
    spans = [m.span() for m in _NUMBER.finditer(texts[0])]
    found = [[_said(m[0]) for m in _NUMBER.finditer(text)] for text in texts]
    columns = list(zip(*found, strict=True))
    varied = dict.fromkeys(column for column in columns if len(set(column)) > 1)
    places = {column: [i for i, each in enumerate(columns) if each == column] for column in varied}
    known = {column: [_role(texts[0], spans[i], roles) for i in at] for column, at in places.items()}
    main = _main(known)
    inside = {column for column, at in places.items() if all(_is_argument(texts[0], spans[i][0]) for i in at)}
    derived = {column: times for column in varied if main and column in inside and (times := _times(column, main))}
    own = {column: said for column, said in known.items() if column not in derived}
    names = _names(own, main, taken)
    written = {**names, **{column: times.format(names[main]) for column, times in derived.items() if main}}
    text = _replaced(texts[0], spans, lambda at, said: written.get(columns[at], said))
    return Definition(text, tuple(names.values()), tuple(zip(*names, strict=True)), tuple(members))


def _is_argument(text: str, begin: int) -> bool:
    """Return whether a number stands where any expression may."""
    return text[:begin].rstrip().endswith(("(", "[", ",", "=", ":"))


def _main(columns: Mapping[tuple[str, ...], list[tuple[str, str]]]) -> tuple[str, ...] | None:
    """Return the numbers that others are made of: the channels or features that are read or given most often."""
    sizes = {column: roles for column, roles in columns.items() if _common([r for r, _ in roles]) in _SIZES}
    return max(sizes, key=lambda column: len(sizes[column]), default=None)


def _times(column: Sequence[str], main: Sequence[str]) -> str:
    """Return how numbers follow from others, with `{}` in their place; nothing where they do not."""
    if column == main or not all(value.isdigit() for value in (*column, *main)) or "0" in main:
        return ""
    for k in range(2, _MOST_TIMES + 1):
        if all(int(a) == k * int(b) for a, b in zip(column, main, strict=True)):
            return f"{k} * {{}}"
        if all(k * int(a) == int(b) for a, b in zip(column, main, strict=True)):
            return f"{{}} // {k}"
    return ""


def _said(number: str) -> str:
    return number.strip(OPEN + CLOSE)


def _replaced(text: str, spans: Sequence[tuple[int, int]], write: Callable[[int, str], str]) -> str:
    """Return a text with its numbers written anew; those that keep what is the default anyway stay marked."""
    parts, end = [], 0
    for at, (begin, stop) in enumerate(spans):
        said = text[begin:stop]
        parts += [text[end:begin], write(at, said)]
        end = stop
    return "".join([*parts, text[end:]])


def _names(
    columns: Mapping[tuple[str, ...], list[tuple[str, str]]], main: tuple[str, ...] | None, taken: set[str]
) -> dict[tuple[str, ...], str]:
    """Return a name for each column of numbers: what they are, and where that is not enough, of what."""
    wanted = {column: _common([role for role, _ in roles]) for column, roles in columns.items()}
    if main in wanted:
        plain = _plain(wanted[main])
        others = {name for column, name in wanted.items() if column != main}
        wanted[main] = f"out_{plain}" if f"in_{plain}" in others else plain
    names: dict[tuple[str, ...], str] = {}
    for column, roles in columns.items():
        name = wanted[column]
        if column != main and (name in {wanted.get(main or ()), "channels", "features"} or name.startswith("out_")):
            owner = next((owner for role, owner in reversed(roles) if owner and not role.startswith("in_")), "")
            name = f"{owner}_{_plain(name)}" if owner else name
        found, count = name, 1
        while found in taken:
            count += 1
            found = f"{name}_{count}"
        taken.add(found)
        names[column] = found
    return names


def _plain(name: str) -> str:
    return name.removeprefix("in_").removeprefix("out_")


def _common(roles: Sequence[str]) -> str:
    """Return a name for numbers that are several things at once."""
    known = [role for role in dict.fromkeys(roles) if role] or ["size"]
    plain = {_plain(role) for role in known}
    if len(known) == 1:
        return known[0]
    for name in ("channels", "features", "units"):
        if name in plain:
            ways = {role for role in known if _plain(role) == name}
            return ways.pop() if len(ways) == 1 else name
    return known[0]


def _role(text: str, span: tuple[int, int], roles: Mapping[str, Sequence[str]]) -> tuple[str, str]:
    """Return what a number is, and the name of the layer that it belongs to."""
    begin = text.rfind("\n", 0, span[0]) + 1
    line = text[begin : span[0]]
    owner = re.match(r"\s*self\.(\w+) = ", line) or re.search(
        r'params\["(\w+)"\]', text[begin : text.find("\n", begin)]
    )
    layer = owner[1] if owner else ""
    if named := re.search(r"(\w+)=$", line):
        return named[1], layer
    if line.endswith(":") or text[span[1] : span[1] + 1] == ":":
        return ("stop" if line.endswith(":") else "start"), layer
    depth, index = 0, 0
    for at in range(len(line) - 1, -1, -1):
        letter = line[at]
        depth += (letter in ")]}") - (letter in "([{")
        if depth == 0 and letter == ",":
            index += 1
        if depth < 0:
            if re.search(r"\bpad\([^)]*$", line):
                return "padding", layer
            call = re.search(r"([\w.]+)$", line[:at])
            known = {**_ROLES, **roles}.get(call[1].removeprefix("self."), ()) if call and letter == "(" else ()
            return (known[index] if index < len(known) else ""), layer
    return "", layer
