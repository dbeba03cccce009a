"""The text form of protocol buffers, `.prototxt`, read with a grammar of its own and the schema."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

from lark import Lark, Token, Transformer, UnexpectedInput
from lark.exceptions import VisitError

from netspec.diagnostics.suggest import nearest
from netspec.formats.caffe.message import Message
from netspec.formats.caffe.schema import ENUMS, MESSAGES
from netspec.formats.reading import ModelImportError, Place, Unknown

__all__ = ["MAX_TEXT", "read_text"]

MAX_TEXT = 2_000_000
"""Bytes of a text: ten times that of the longest network that people have written by hand."""

_MAX_DEPTH = 16
_MAX_TOKENS = 400_000

_ESCAPE = re.compile(r"\\(?:([0-7]{1,3})|[xX]([0-9a-fA-F]{1,2})|([abfnrtv])|(.))", re.DOTALL)
"""What stands for a character; any other one behind a backslash is itself."""
_LETTERS = dict(zip("abfnrtv", "\a\b\f\n\r\t\v", strict=True))


def _unescaped(found: re.Match[str]) -> str:
    octal, hexadecimal, letter, other = found.groups()
    if octal or hexadecimal:
        return chr(int(octal, 8) if octal else int(hexadecimal, 16))
    return _LETTERS[letter] if letter else other


def read_text(text: str, kind: str, file: str, problems: list[Unknown]) -> Message:
    """Return the message of a text.

    Args:
        text: what is in the file.
        kind: the message that it is, `Net` or `Solver`.
        file: its name, for places.
        problems: gets the fields and values that the message does not have.

    Raises:
        ModelImportError: it is not in that form.
    """
    _require_flat(text, file)
    try:
        fields = _parser().parse(text)
    except UnexpectedInput as error:
        line = getattr(error, "line", 0)
        where = f"line {line}" if line and line > 0 else "at its end"
        raise ModelImportError(f"{file}, {where}: this is no prototxt", _near(text, line)) from None
    except VisitError as error:
        raise ModelImportError(f"{file}: {error.orig_exc}") from None
    return _message(fields, kind, Place(file), problems)


def _near(text: str, line: int) -> str:
    lines = text.splitlines()
    if 0 < line <= len(lines):
        return f"look at `{lines[line - 1].strip()[:80]}`"
    return "a brace may be missing"


def _require_flat(text: str, file: str) -> None:
    """Raise ModelImportError for braces within braces deeper than any network, and for a flood of words."""
    depth = 0
    for tokens, found in enumerate(_TOKENS.finditer(text)):
        sign = found[0]
        depth += (sign in "{<") - (sign in "}>")
        if depth > _MAX_DEPTH:
            line = text.count("\n", 0, found.start()) + 1
            raise ModelImportError(f"{file}, line {line}: more than {_MAX_DEPTH} braces in each other")
        if tokens > _MAX_TOKENS:
            raise ModelImportError(f"{file} has more than {_MAX_TOKENS:,} words")


_TOKENS = re.compile(
    r"""#[^\n]*|"[^"\\\n]*+(?:\\.[^"\\\n]*+)*+"|'[^'\\\n]*+(?:\\.[^'\\\n]*+)*+'|[{}<>]|[:,;\[\]]|[^\s{}<>"'#:,;\[\]]+"""
)


@cache
def _parser() -> Any:
    grammar = Path(__file__).with_name("prototxt.lark").read_text(encoding="utf-8")
    return Lark(grammar, parser="lalr", transformer=_Values(), propagate_positions=False)


class _Values(Transformer[Any, Any]):
    """Makes (name, line, value) of each field; a message is the list of its fields."""

    def start(self, fields: list[Any]) -> Any:
        return fields

    def scalar(self, children: list[Any]) -> Any:
        name, value = children
        return (str(name), name.line, value)

    def message(self, children: list[Any]) -> Any:
        name, *fields = children
        return (str(name), name.line, fields)

    def value(self, children: list[Any]) -> Any:
        # One atom, or those of a list; a message's fields are a list, so these are not.
        return tuple(child for child in children if child is not None)

    def text(self, parts: list[Token]) -> Any:
        return ("text", _ESCAPE.sub(_unescaped, "".join(part[1:-1] for part in parts)))

    def number(self, parts: list[Token]) -> Any:
        return ("number", str(parts[0]))

    def word(self, parts: list[Token]) -> Any:
        return ("word", str(parts[0]))

    def negative(self, parts: list[Token]) -> Any:
        return ("word", f"-{parts[0]}")


def _message(fields: list[Any], kind: str, place: Place, problems: list[Unknown]) -> Message:
    made = Message(kind, place)
    known = {field.name: field for field in MESSAGES.get(kind, {}).values()}
    for name, line, value in fields:
        at = Place(place.file, f"line {line}")
        if kind == "Opaque":
            made.fields.setdefault(name, []).append(None)
            continue
        if name not in known:
            near = nearest(name, known)
            fix = f"did you mean {near}?" if near else "only Caffe's own layers are known"
            problems.append(Unknown(at, f"{_NOUNS.get(kind, kind)} has no field `{name[:100]}`", fix))
            continue
        wanted = known[name].type
        is_message = wanted in MESSAGES or wanted == "Opaque"
        if is_message != isinstance(value, list):
            form = "braces and fields" if is_message else "one value, without braces"
            problems.append(Unknown(at, f"`{name}` cannot be read", f"it has {form}"))
            continue
        values = made.fields.setdefault(name, [])
        if isinstance(value, list):
            values.append(_message(value, wanted, at, problems))
            continue
        for each in value:
            try:
                values.append(_scalar(wanted, *each))
            except ValueError:
                problems.append(Unknown(at, f"`{name}` cannot be {each[1][:60]!r}"))
    return made


_NOUNS = {"Net": "a network", "Layer": "a layer", "V1Layer": "a layer", "Solver": "a solver"}


def _scalar(wanted: str, form: str, text: str) -> Any:
    """Return a value of a field; raises ValueError where it cannot be one."""
    if wanted == "s":
        if form != "text":
            raise ValueError
        return text[:1000]
    if wanted == "b":
        return {"true": True, "false": False, "t": True, "f": False, "1": True, "0": False}.get(text) or _false(text)
    if wanted.startswith("e:"):
        return _word(wanted[2:], form, text)
    if form == "text":
        raise ValueError
    if wanted == "i":
        number = int(text, 16) if "0x" in text.lower() else int(text)
        if abs(number) >= 2**63:
            raise ValueError
        return number
    return float(text.lower().removesuffix("f") if not text.lower().endswith("inf") else text)


def _false(text: str) -> bool:
    if text in {"false", "f", "0"}:
        return False
    raise ValueError


def _word(enum: str, form: str, text: str) -> str:
    """Return a word of an enumeration, as it is called today; a number is looked up."""
    words = ENUMS.get(enum)
    if words is None:
        return text
    if form == "number":
        return words[int(text)] if int(text) in words else _raise()
    if enum == "V1Type":
        return _V1_WORDS.get(text.upper().replace("_", "")) or _raise()
    return text if text in words.values() else _raise()


def _raise() -> str:
    raise ValueError


_V1_WORDS = {
    **{name.upper(): name for name in ENUMS["V1Type"].values()},
    "SOFTMAXLOSS": "SoftmaxWithLoss",
}
