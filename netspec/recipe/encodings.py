"""Encodings of texts that a spec may name."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

__all__ = ["CODECS", "ENCODINGS", "SPELLINGS", "Encoding", "encoding_named"]

Encoding: TypeAlias = Literal[
    "utf8",
    "utf16",
    "latin1",
    "latin2",
    "latin9",
    "windows_1250",
    "windows_1251",
    "windows_1252",
    "windows_1253",
    "windows_1254",
    "windows_1255",
    "windows_1256",
    "windows_1257",
    "koi8_r",
    "mac_roman",
    "cp437",
    "cp850",
    "shift_jis",
    "euc_jp",
    "gb18030",
    "big5",
    "euc_kr",
]

ENCODINGS: tuple[str, ...] = get_args(Encoding)

# Excel writes UTF-16 with a mark for its order; without one it is this. What is called Shift JIS, Big5 and EUC-KR on
# Windows are these, which have more characters.
_OTHERWISE = {"utf16": "utf-16-le", "latin9": "iso8859-15", "shift_jis": "cp932", "big5": "cp950", "euc_kr": "cp949"}

CODECS = {name: _OTHERWISE.get(name, name.replace("windows_", "cp")) for name in ENCODINGS}
"""What Python calls each."""

SPELLINGS = {
    "utf-8": "utf8",
    "utf_8": "utf8",
    "utf-16": "utf16",
    "utf_16": "utf16",
    "latin-1": "latin1",
    "iso-8859-1": "latin1",
    "iso-8859-2": "latin2",
    "iso-8859-15": "latin9",
    **{f"windows-125{n}": f"windows_125{n}" for n in range(8)},
    **{f"cp125{n}": f"windows_125{n}" for n in range(8)},
    "ansi": "windows_1252",
    "koi8-r": "koi8_r",
    "shift-jis": "shift_jis",
    "sjis": "shift_jis",
    "cp932": "shift_jis",
    "euc-jp": "euc_jp",
    "gbk": "gb18030",
    "gb2312": "gb18030",
    "cp936": "gb18030",
    "cp950": "big5",
    "euc-kr": "euc_kr",
    "cp949": "euc_kr",
}
"""Other names of them; those with a hyphen stand in quotes."""


def encoding_named(word: object) -> object:
    """Return what a spec calls the encoding of another name; what is no name of one as it is."""
    if not isinstance(word, str) or word in ENCODINGS:
        return word
    small = word.lower()
    return small if small in ENCODINGS else SPELLINGS.get(small, word)
