"""The binary form of protocol buffers, `.caffemodel`: a small decoder that trusts no size a file states.

It reads from one buffer and copies nothing: arrays are views of it. What a length states is compared with what is left
before anything is taken; messages nest as deeply as the schema does.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from netspec.formats.caffe.message import Message
from netspec.formats.caffe.schema import ENUMS, MESSAGES
from netspec.formats.reading import ModelImportError, Place

__all__ = ["read_wire"]

_VARINT, _FIXED64, _BYTES, _GROUP, _END, _FIXED32 = range(6)
_MAX_DEPTH = 16
_MAX_FIELDS = 200_000
_MAX_PACKED = 1_000_000
"""Bytes of packed numbers that are no weights: a list of them takes many times that."""


def read_wire(data: bytes, kind: str, file: str) -> Message:
    """Return the message of a buffer; raises ModelImportError where it is damaged or none."""
    return _Decoder(memoryview(data), file).message(0, len(data), kind, 0)


class _Decoder:
    def __init__(self, data: memoryview, file: str) -> None:
        self.data, self.file = data, file
        self.fields = 0

    def damaged(self, at: int, what: str) -> ModelImportError:
        fix = "copy it again from where it was whole"
        return ModelImportError(f"{self.file}, byte {at:,}: {what}: it is damaged, or no caffemodel", fix)

    def varint(self, at: int, end: int) -> tuple[int, int]:
        """Return a whole number of at most 64 bits, and where it ends."""
        value = shift = 0
        start = at
        while at < end and shift < 70:
            byte = self.data[at]
            value |= (byte & 0x7F) << shift
            at, shift = at + 1, shift + 7
            if not byte & 0x80:
                if value >> 64:
                    break
                return value, at
        raise self.damaged(start, "a number does not end")

    def message(self, at: int, end: int, kind: str, depth: int) -> Message:  # noqa: PLR0912  # one branch a wire type
        """Return the message between two places."""
        if depth > _MAX_DEPTH:
            raise self.damaged(at, f"more than {_MAX_DEPTH} messages in each other")
        made = Message(kind, Place(self.file, f"byte {at:,}"))
        schema = MESSAGES.get(kind, {})
        while at < end:
            start = at
            self.fields += 1
            if self.fields > _MAX_FIELDS:
                raise ModelImportError(f"{self.file} has more than {_MAX_FIELDS:,} fields")
            key, at = self.varint(at, end)
            number, wire = key >> 3, key & 7
            if not number:
                raise self.damaged(start, "a field has the number 0")
            field = schema.get(number)
            if wire == _BYTES:
                length, at = self.varint(at, end)
                if length > end - at:
                    left = end - at
                    raise self.damaged(start, f"{length:,} bytes are announced, and {left:,} are left")
                if field is not None:
                    self.inside(made, field.name, field.type, at, at + length, depth)
                at += length
            elif wire in (_VARINT, _FIXED32, _FIXED64):
                size = {_FIXED32: 4, _FIXED64: 8}.get(wire, 0)
                if size > end - at:
                    raise self.damaged(start, "it ends within a number")
                if size:
                    raw: Any = bytes(self.data[at : at + size])
                    at += size
                else:
                    raw, at = self.varint(at, end)
                if field is not None:
                    made.fields.setdefault(field.name, []).append(self.scalar(field.type, raw, start))
            else:
                raise self.damaged(start, "a field of no known kind")
        return made

    def inside(self, made: Message, name: str, kind: str, at: int, end: int, depth: int) -> None:
        """Add what a length and so many bytes are: a text, packed numbers, an array, a message."""
        values = made.fields.setdefault(name, [])
        if end - at > _MAX_PACKED and kind not in {"s", "F", "D", "Opaque"} and kind not in MESSAGES:
            raise self.damaged(at, f"{end - at:,} bytes of numbers that describe a layer")
        if kind == "s":
            values.append(bytes(self.data[at : min(end, at + 1000)]).decode("utf-8", "replace"))
        elif kind in {"F", "D"}:
            width = 4 if kind == "F" else 8
            if (end - at) % width:
                raise self.damaged(at, f"{end - at:,} bytes are no whole numbers")
            values.append(np.frombuffer(self.data[at:end], "<f4" if kind == "F" else "<f8"))
        elif kind == "f":
            if (end - at) % 4:
                raise self.damaged(at, f"{end - at:,} bytes are no whole numbers")
            values += struct.unpack(f"<{(end - at) // 4}f", self.data[at:end])
        elif kind in MESSAGES:
            values.append(self.message(at, end, kind, depth + 1))
        elif kind == "Opaque":
            values.append(None)
        else:
            while at < end:
                number, at = self.varint(at, end)
                values.append(self.scalar(kind, number, at))

    def scalar(self, kind: str, raw: Any, at: int) -> Any:
        """Return a single number as its field has it."""
        if isinstance(raw, bytes):
            if kind in {"f", "F"} and len(raw) == 4:
                value = struct.unpack("<f", raw)[0]
                return np.array([value], np.float32) if kind == "F" else value
            if kind == "D" and len(raw) == 8:
                return np.array(struct.unpack("<d", raw))
            raise self.damaged(at, "a field is of another kind than Caffe's")
        if kind == "b":
            return bool(raw)
        if kind == "i":
            return raw - (1 << 64) if raw >> 63 else raw
        if kind.startswith("e:"):
            return ENUMS.get(kind[2:], {}).get(raw, str(raw))
        raise self.damaged(at, "a field is of another kind than Caffe's")
