"""Characters that deceive the eye: that turn text around, cannot be seen, or look like others."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["BIDI", "BREAKS", "CONTROLS", "INVISIBLE", "ascii_twin", "described", "harmless", "visible"]

# Each is the inside of a character class of a regular expression.
BIDI = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
"""What turns the direction of text around: with it a line reads otherwise than it is compiled (CVE-2021-42574)."""

BREAKS = "\x0b\x85\u2028\u2029"
"""What many editors show as the end of a line, which it is not in a spec: a comment would look like a command."""

CONTROLS = "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff"
"""What steers a terminal, and halves of characters. A tab and a form feed are blanks."""

INVISIBLE = (
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200d\u2060-\u2065\u206a-\u206f\u2800\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
"""What takes no room, or only room: two names that look the same would differ."""

_HIDDEN = f"[{BIDI}{BREAKS}{CONTROLS}{INVISIBLE}]"

# The letters of other alphabets that are drawn like one of ASCII. Those that Unicode itself takes apart into an ASCII
# letter, such as the fullwidth, the mathematical and the accented ones, need no entry.
_TWINS = str.maketrans(
    "абекопрсухьѕіјһԁԛԝӏғқАВЕЗКМНОРСТУХЅІЈҺԚԜӀαβγεηικμνορςτυχωΑΒΕΖΗΙΚΜΝΟΡΤΥΧօոսհցգıɑɡɩɪʟøłđƒ",
    "a6ekonpcyxbsijhdqwlfkABE3KMHOPCTYXSIJHQWIaByenikuvopctuxwABEZHIKMNOPTYXonuhgqiagiiloldf",
)


def visible(text: str) -> str:
    """Return a text with a replacement for what cannot be seen or would disturb what stands around it."""
    if text.isascii() and text.isprintable():
        return text
    hidden = re.compile(_HIDDEN).match
    return "".join(c if c.isprintable() and not hidden(c) else "\N{REPLACEMENT CHARACTER}" for c in text)


def harmless(text: str) -> str:
    """Return a text of several lines with a replacement for what would steer a terminal or turn the text around.

    Unlike `visible` it keeps what belongs to a text, though it cannot be seen: tabs, spaces that do not break, joiners.
    """
    return re.sub(f"[\f\r{BIDI}{BREAKS}{CONTROLS}]", "\N{REPLACEMENT CHARACTER}", text)


def described(char: str) -> str:
    """Return `U+202E RIGHT-TO-LEFT OVERRIDE`."""
    # Control characters have no name of their own in Unicode, only the aliases that ASCII gave them.
    name = unicodedata.name(char, "") or {"\r": "CARRIAGE RETURN", "\x0b": "LINE TABULATION"}.get(char, "")
    return f"U+{ord(char):04X} {name or 'CONTROL CHARACTER'}".rstrip()


def ascii_twin(word: str) -> str | None:
    """Return the name or number in ASCII that a word looks like, or None where there is none."""
    # Digits first: those of Arabic or Devanagari have a value, but nothing in ASCII is drawn like them.
    digits = "".join(str(unicodedata.decimal(c)) if unicodedata.decimal(c, None) is not None else c for c in word)
    apart = unicodedata.normalize("NFKD", _hidden_dropped(digits).translate(_TWINS)).translate(_TWINS)
    plain = "".join(c for c in apart if not unicodedata.combining(c))
    return plain if re.fullmatch("[A-Za-z0-9_]+", plain) else None


def _hidden_dropped(text: str) -> str:
    return re.sub(_HIDDEN, "", text)
