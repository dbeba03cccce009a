"""The text of a Darknet network: sections of `key=value`, of which many have the same name."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from netspec.formats.reading import ModelImportError, Place, Unknown

__all__ = ["Section", "read_sections"]

MAX_TEXT = 2_000_000


@dataclass(eq=False, slots=True)
class Section:
    """One section.

    Attributes:
        name: without its brackets, in small letters.
        place: the line of its name.
        options: the values by their keys, as they stand; of a key that stands twice the first, as Darknet has it.
        lines: where each stands.
        comments: what stands behind `#` in it.
        problems: values that were asked for and are no numbers.
        read: the keys that were asked for.
    """

    name: str
    place: Place
    options: dict[str, str] = field(default_factory=dict)
    lines: dict[str, int] = field(default_factory=dict)
    comments: list[str] = field(default_factory=list)
    problems: list[Unknown] = field(default_factory=list)
    read: set[str] = field(default_factory=set)

    def text(self, key: str, default: str = "") -> str:
        """Return a value as it stands."""
        self.read.add(key)
        return self.options.get(key, default)

    def at(self, key: str) -> Place:
        """Return the place of a value."""
        return Place(self.place.file, f"line {self.lines[key]}") if key in self.lines else self.place

    def whole(self, key: str, default: int) -> int:
        """Return a whole number; one that is none is noted, and the default stands for it."""
        number = self.number(key, default)
        if number == int(number) and abs(number) < 10**9:
            return int(number)
        self.problems.append(Unknown(self.at(key), f"`{key}={self.options[key][:60]}` is no whole number"))
        return default

    def number(self, key: str, default: float) -> float:
        """Return a number; what is none is noted, and the default stands for it."""
        self.read.add(key)
        text = self.options.get(key)
        if text is None:
            return default
        if _NUMBER.fullmatch(text) and abs(float(text)) < 1e30:
            return float(text)
        self.problems.append(Unknown(self.at(key), f"`{key}={text[:60]}` is no number"))
        return default

    def numbers(self, key: str) -> list[float]:
        """Return numbers between commas; what is none is noted."""
        found = []
        for word in filter(None, self.text(key).split(",")):
            if _NUMBER.fullmatch(word) and abs(float(word)) < 1e30:
                found.append(float(word))
            else:
                self.problems.append(Unknown(self.at(key), f"{word[:60]!r} in `{key}` is no number"))
        return found

    def said(self, *keys: str) -> str:
        """Return those of some values that are there as the text says them, for a remark."""
        self.read.update(keys)
        return " ".join(f"{key}={self.options[key]}" for key in keys if key in self.options)[:200]

    def unread(self) -> list[str]:
        """Return the keys that nothing asked for, in the order of the text."""
        return [key for key in self.options if key not in self.read]


_NUMBER = re.compile(r"[-+]?([0-9]{1,40}(\.[0-9]{0,40})?|\.[0-9]{1,40})([eE][-+]?[0-9]{1,3})?")


def read_sections(data: bytes, file: str) -> list[Section]:
    """Return the sections of a text.

    Raises:
        ModelImportError: it is no such text.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = "\0"
    if "\0" in text:
        raise ModelImportError(f"{file} is no text", "the weights of Darknet end in .weights")
    made: list[Section] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.sub(r"\s+", "", raw)
        if not line:
            continue
        if line[0] in "#;":
            if made:
                made[-1].comments.append(line[1:].lstrip("#"))
            continue
        if line[0] == "[":
            name = line[1:].partition("]")[0].lower()
            made.append(Section(name, Place(file, f"line {number}")))
            continue
        key, sign, value = line.partition("=")
        if not made or not sign or not key:
            raise ModelImportError(
                f"{file}, line {number}: neither `[section]` nor `key=value`", f"look at `{raw.strip()[:80]}`"
            )
        value = re.split("[#;]", value, maxsplit=1)[0]
        made[-1].options.setdefault(key, value)
        made[-1].lines.setdefault(key, number)
    if not made or made[0].name not in {"net", "network"}:
        raise ModelImportError(f"{file} does not begin with [net]", "is it the .cfg of a network of Darknet?")
    return made
