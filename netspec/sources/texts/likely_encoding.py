"""Which encoding bytes that are no UTF-8 seem to have, by what they would say in each: to be proposed, not taken."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

from netspec.recipe.encodings import CODECS

__all__ = ["Likely", "likely_encoding"]

Likely = tuple[str, str]
"""An encoding, and a word as it reads it."""

_LOOKED_AT = 200_000

_ALPHABETS = ("windows_1252", "windows_1250", "windows_1251", "koi8_r", "windows_1253", "mac_roman", "cp850")
"""Encodings with one byte a character, the most frequent first."""

_SIGNS = {
    "euc_jp": r"[\u3040-\u30ff]",
    "shift_jis": r"[\u3040-\u30ff]",
    "euc_kr": r"[\uac00-\ud7a3]",
    "gb18030": r"[\u4e00-\u9fff]",
    "big5": r"[\u4e00-\u9fff]",
}
"""Encodings with two bytes a character, and what most texts in them have."""

_FREQUENT = {"euc_kr": (0xB0, 0xC8), "gb18030": (0xB0, 0xD7), "big5": (0xA4, 0xC6)}
"""The first bytes of the characters that are in use."""


def likely_encoding(content: bytes) -> Likely | None:
    """Return the encoding that bytes seem to have, and the first word that needs it; None where none fits."""
    if _is_wide(content):
        return "utf16", ""
    some = b"\n".join(line for line in content[:_LOOKED_AT].split(b"\n")[:-1] if not line.isascii())
    some = some or content[: content.find(b"\n") + 1 if len(content) > _LOOKED_AT else len(content)]
    for name in _SIGNS:
        text = _decoded(some, name)
        if text and _is_of_signs(some, text, name):
            return name, _word(text)
    found = [(name, text) for name in _ALPHABETS if (text := _decoded(some, name)) is not None]
    if not found:
        return ("latin1", _word(some.decode("latin-1"))) if not _has_controls(some.decode("latin-1")) else None
    name, text = max(found, key=lambda each: _plausible(each[1]))
    return name, _word(text)


def _is_wide(content: bytes) -> bool:
    """Return whether every second byte of most is 0, as in UTF-16 of Latin letters."""
    begins = content[:1000]
    return len(begins) > 3 and begins[1::2].count(0) > len(begins) / 3 and not begins[::2].count(0)


def _decoded(content: bytes, name: str) -> str | None:
    try:
        text = content.decode(CODECS[name])
    except UnicodeDecodeError:
        return None
    return None if _has_controls(text) else text


def _has_controls(text: str) -> bool:
    return re.search(r"[\x00-\x08\x0e-\x1a\x7f-\x9f\ue000-\uf8ff]", text) is not None


def _is_of_signs(content: bytes, text: str, name: str) -> bool:
    """Return whether a text in an encoding of two bytes has what such texts have."""
    others = [character for character in text if not character.isascii()]
    signs = len(re.findall(_SIGNS[name], text))
    if name in {"euc_jp", "shift_jis"}:
        return signs > len(others) / 5
    low, high = _FREQUENT[name]
    codec = CODECS[name]
    leads = [character.encode(codec)[0] for character in others if re.match(_SIGNS[name], character)]
    used = sum(low <= lead <= high for lead in leads)
    return signs > max(1, len(others) / 2) and used > 0.8 * len(others) and _in_rows(content)


def _in_rows(content: bytes) -> bool:
    """Return whether bytes above 127 stand beside each other, as where two or more are a character."""
    runs = re.findall(rb"[\x80-\xff][\x40-\xff]*", content)
    return sum(len(run) > 1 for run in runs) > 0.9 * len(runs)


def _plausible(text: str) -> float:
    """Return how much a text looks like words: letters within words, of one alphabet each, in small letters."""
    return sum(map(_word_value, _words(text)))


_MARKS = "\u20ac\u2018\u2019\u201c\u201d\u201e\u2013\u2014\u2026"
"""The euro sign, quotes, dashes and dots."""


def _word_value(word: str) -> float:
    others = [c for c in word if not c.isascii()]
    value = sum(1.0 if c.isalpha() else 0.5 if c in _MARKS else -1.0 for c in others)
    latin = [c for c in word if c.isalpha() and (c.isascii() or "\u00c0" <= c <= "\u024f")]
    beyond = [c for c in others if c.isalpha() and c > "\u036f"]
    if latin and beyond:
        value -= 3 * min(len(latin), len(beyond))
    if re.search(r"[\u00c0-\u024f]{3}", word):
        # Nearly no word of Latin letters has three with an accent beside each other.
        value -= len(others)
    value -= sum(before.islower() and after.isupper() for before, after in pairwise(word))
    return value + (len(beyond) == len(word) > 1) * 0.5


def _words(text: str) -> Iterable[str]:
    return (word for word in re.findall(r"[^\s,;\t|\"'.:()0-9!?-]+", text) if not word.isascii())


def _word(text: str) -> str:
    return next(iter(_words(text)), "")[:30]
