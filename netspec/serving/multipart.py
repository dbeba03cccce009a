"""Bodies of the type `multipart/form-data`, as `curl -F` and HTML forms send them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from netspec.serving.errors import RequestError

__all__ = ["Part", "parts_of"]

_MOST_PARTS, _MOST_HEAD = 1000, 8192
_NAME = re.compile(r'(?:^|[;\s])name="((?:[^"\\]|\\.)*)"')
_FILE = re.compile(r"[;\s]filename\*?=")


@dataclass(frozen=True, slots=True)
class Part:
    """One part of a form.

    Attributes:
        name: of the field.
        media: its content type, in small letters; empty where it has none.
        is_file: whether it was a file.
        content: its bytes.
    """

    name: str
    media: str
    is_file: bool
    content: bytes


def parts_of(body: bytes, boundary: str) -> list[Part]:
    """Return the parts of a form; raises RequestError where it is none."""
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(mark, _MOST_PARTS + 2)
    if not boundary or len(pieces) < 3 or not pieces[-1].startswith(b"--"):
        raise _damaged("its boundary does not enclose parts")
    if len(pieces) > _MOST_PARTS + 2:
        raise RequestError(413, f"the form has more than {_MOST_PARTS:,} parts", "send several requests")
    return [_part(piece) for piece in pieces[1:-1]]


def _part(piece: bytes) -> Part:
    # What follows a boundary on its line is white space.
    head, empty, content = piece.lstrip(b" \t").removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not empty or len(head) > _MOST_HEAD:
        raise _damaged("a part has no headers")
    headers = {}
    for line in head.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        headers[key.strip().lower()] = value.strip()
    said = headers.get("content-disposition", "")
    name = _NAME.search(said)
    if name is None:
        raise _damaged("a part has no name")
    media = headers.get("content-type", "").partition(";")[0].strip().lower()
    return Part(re.sub(r"\\(.)", r"\1", name[1]), media, _FILE.search(said) is not None, content)


def _damaged(why: str) -> RequestError:
    return RequestError(400, f"the form is damaged: {why}", "send it as curl -F does")
