"""The records of an HDF5 file, as h5py writes them: object headers, groups, types, texts. Each byte is checked first.

This is a reader of our own, as the library waits without end for some damaged files. What is newer than what h5py
writes by default is refused: fractal heaps, B-trees of version 2, virtual arrays.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod

from netspec.formats.keras.reader.hdf5_types import Type, shape_of, type_of
from netspec.formats.reading import ModelImportError

__all__ = ["UNDEFINED", "Message", "Records"]

BEGINNING = b"\x89HDF\r\n\x1a\n"
UNDEFINED = 0xFFFFFFFFFFFFFFFF
_MAX_NODES = 300_000
"""More records than any file of a network has."""
_TWICE = 5_000_000
"""So many bytes more than a file has are read of it: names may lead to the same array, or to the same text."""
_NEWER = "Keras' own `model.save` writes a form that is read"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of an object header: its kind and what it holds."""

    kind: int
    data: bytes


class Records:
    """The bytes of a file.

    Attributes:
        data: all of them.
        file: the name, for messages.
    """

    def __init__(self, data: bytes, file: str) -> None:
        self.data, self.file = data, file
        self._count = 0
        self._taken = 0
        self._objects: dict[int, list[Message]] = {}
        self._groups: dict[int, dict[str, int]] = {}
        self._heaps: dict[int, dict[int, tuple[int, int]]] = {}
        if not data.startswith(BEGINNING):
            raise ModelImportError(f"{file} does not begin as an HDF5 file does", "is it a model that Keras saved?")
        version = self.cut(8, 1)[0]
        if version in {0, 1}:
            sizes, base, end = self.cut(13, 2), 24 + 4 * version, 40 + 4 * version
            self.root = self.number(64 + 4 * version)
        elif version in {2, 3}:
            sizes, base, end = self.cut(9, 2), 12, 28
            self.root = self.number(36)
        else:
            raise self.newer(f"version {version} of the whole")
        if bytes(sizes) != b"\x08\x08" or self.number(base):
            raise self.newer("addresses of another kind")
        if self.number(end) > len(data):
            raise self.damaged(f"it says that it has {self.number(end):,} bytes, and {len(data):,} are there")

    # --- bytes --------------------------------------------------------------------------------------------------

    def damaged(self, why: str) -> ModelImportError:
        """Return the error of a damaged file."""
        return ModelImportError(f"{self.file} is damaged: {why}", "copy it again from where it was whole")

    def newer(self, what: str) -> ModelImportError:
        """Return the error of a form that is not read."""
        return ModelImportError(f"{self.file} is HDF5 in a form that is not read: {what}", _NEWER)

    def cut(self, at: int, size: int) -> bytes:
        """Return some bytes; raises ModelImportError where the file has none there."""
        return self.data[at : self.end(at, size)]

    def end(self, at: int, size: int) -> int:
        """Return where some bytes end; raises ModelImportError where the file has none there."""
        if at < 0 or size < 0 or at + size > len(self.data):
            raise self.damaged(f"{size:,} bytes at {at:,} are not there")
        return at + size

    def number(self, at: int, size: int = 8) -> int:
        """Return a whole number."""
        return int.from_bytes(self.cut(at, size), "little")

    def count(self, more: int = 1) -> None:
        """Count what was looked at; raises ModelImportError where that is more than a network has."""
        self._count += more
        if self._count > _MAX_NODES:
            raise ModelImportError(f"{self.file} has more than {_MAX_NODES:,} groups and arrays", "is it a model?")

    def take(self, size: int) -> None:
        """Count bytes of arrays and texts; raises ModelImportError where the same are read again and again."""
        self._taken += size
        if self._taken > len(self.data) + _TWICE:
            raise ModelImportError(f"{self.file} has many names for the same numbers or texts", "is it a model?")

    # --- objects ------------------------------------------------------------------------------------------------

    def messages(self, address: int) -> list[Message]:
        """Return the messages of the object header at an address."""
        if address not in self._objects:
            modern = self.cut(address, 4) == b"OHDR"
            self._objects[address] = self._messages_2(address) if modern else self._messages_1(address)
        return self._objects[address]

    def _messages_1(self, address: int) -> list[Message]:
        """Return the messages of an object header of version 1."""
        if self.cut(address, 1) != b"\x01":
            raise self.damaged(f"there is no object at {address:,}")
        made: list[Message] = []
        blocks = [(address + 16, self.number(address + 8, 4))]
        seen: set[int] = set()
        while blocks:
            at, size = blocks.pop(0)
            if at in seen:
                raise self.damaged(f"the object at {address:,} leads back to itself")
            seen.add(at)
            end = self.end(at, size)
            while at + 8 <= end:
                kind, length, flags = struct.unpack("<HHB", self.cut(at, 5))
                body = self.cut(at + 8, length)
                at += 8 + length
                self._add(made, blocks, kind, flags, body)
        return made

    def _add(self, made: list[Message], blocks: list[tuple[int, int]], kind: int, flags: int, body: bytes) -> None:
        """Add a message, or note where the header goes on."""
        self.count()
        if kind == 0x10:
            if len(body) < 16:
                raise self.damaged("an object does not say where it goes on")
            blocks.append(struct.unpack("<QQ", body[:16]))
        elif kind:
            if flags & 2:
                raise self.newer("shared messages")
            made.append(Message(kind, body))

    def _messages_2(self, address: int) -> list[Message]:
        """Return the messages of an object header of version 2."""
        flags = self.cut(address + 5, 1)[0]
        at = address + 6 + (16 if flags & 0x20 else 0) + (4 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        blocks = [(at + width, self.number(at, width))]
        made: list[Message] = []
        seen: set[int] = set()
        head = 6 if flags & 4 else 4
        first = True
        while blocks:
            at, size = blocks.pop(0)
            if at in seen:
                raise self.damaged(f"the object at {address:,} leads back to itself")
            seen.add(at)
            end = self.end(at, size)
            if not first:
                # A block behind the first has a name before it and a sum behind it.
                at, end = at + 4, end - 4
            first = False
            while at + head <= end:
                kind, length, own = struct.unpack("<BHB", self.cut(at, 4))
                body = self.cut(at + head, length)
                at += head + length
                self._add(made, blocks, kind, own, body)
        return made

    # --- groups -------------------------------------------------------------------------------------------------

    def links(self, address: int) -> dict[str, int]:
        """Return what is in the group at an address: by its name an address, 0 for a place elsewhere."""
        if address not in self._groups:
            self._groups[address] = dict(self._links(self.messages(address)))
        return self._groups[address]

    def _links(self, messages: list[Message]) -> Iterator[tuple[str, int]]:
        for message in messages:
            if message.kind == 0x11:
                tree, heap = self.unpacked("<QQ", message.data)
                yield from self._old_links(tree, heap)
            elif message.kind == 0x06:
                yield self._link(message.data)
            elif message.kind == 0x02 and self.unpacked("<BB", message.data)[1] < 4:
                at = 2 + (8 if message.data[1] & 1 else 0)
                if self.unpacked("<Q", message.data[at:])[0] != UNDEFINED:
                    raise self.newer("a group with a heap of links")

    def _old_links(self, tree: int, heap: int) -> Iterator[tuple[str, int]]:
        """Yield the links of a group as h5py writes them: a tree of nodes, and the names in a heap."""
        if self.cut(heap, 4) != b"HEAP":
            raise self.damaged("the names of a group are missing")
        begin = self.number(heap + 24)
        limit = self.end(begin, self.number(heap + 8))
        for node in self.leaves(tree, 0, 8):
            if self.cut(node, 4) != b"SNOD":
                raise self.damaged("a part of a group is missing")
            for i in range(self.number(node + 6, 2)):
                self.count()
                at = node + 8 + 40 * i
                start, address, kind = struct.unpack("<QQI", self.cut(at, 20))
                end = self.data.find(b"\0", begin + start, limit)
                if end < 0:
                    raise self.damaged("a name in a group is missing")
                yield self.data[begin + start : end].decode("utf-8", "replace"), 0 if kind == 2 else address

    def _link(self, data: bytes) -> tuple[str, int]:
        """Return the link of a message."""
        flags = self.unpacked("<BB", data)[1]
        at = 2
        kind = 0
        if flags & 8:
            (kind,) = self.unpacked("<B", data[at:])
            at += 1
        at += (8 if flags & 4 else 0) + (1 if flags & 0x10 else 0)
        width = 1 << (flags & 3)
        length = int.from_bytes(data[at : at + width], "little")
        name = data[at + width : at + width + length]
        address = self.unpacked("<Q", data[at + width + length :])[0] if kind == 0 else 0
        return name.decode("utf-8", "replace"), address

    def leaves(self, address: int, kind: int, key: int) -> Iterator[int]:
        """Yield the children of the leaves of a tree; of a tree of chunks (1) where their keys begin.

        Args:
            address: of the tree.
            kind: 0 for groups, 1 for chunks.
            key: bytes of a key.
        """
        seen: set[int] = set()
        todo = [address]
        while todo:
            at = todo.pop()
            if at in seen:
                raise self.damaged("a tree leads back to itself")
            seen.add(at)
            self.count()
            if self.cut(at, 4) != b"TREE" or self.cut(at + 4, 1)[0] != kind:
                raise self.damaged("a tree is missing")
            level, used = self.cut(at + 5, 1)[0], self.number(at + 6, 2)
            places = [at + 24 + (key + 8) * i for i in range(used)]
            self.end(at, 24 + (key + 8) * used)
            if level:
                todo += [self.number(place + key) for place in reversed(places)]
            else:
                self.count(used)
                yield from places if kind else [self.number(place + key) for place in places]

    # --- values -------------------------------------------------------------------------------------------------

    def unpacked(self, form: str, data: bytes) -> tuple[int, ...]:
        """Return numbers from the beginning of some bytes."""
        try:
            return struct.unpack_from(form, data)
        except struct.error:
            raise self.damaged("a record is too short") from None

    def shape(self, data: bytes) -> tuple[int, ...] | None:
        """Return the shape that a message says; None for nothing at all."""
        try:
            return shape_of(data)
        except struct.error:
            raise self.damaged("a shape is none") from None

    def type(self, data: bytes) -> Type:
        """Return the type that a message says; its kind is empty for one that is not read."""
        try:
            return type_of(data)
        except struct.error:
            raise self.damaged("a type is none") from None

    def texts(self, kind: Type, shape: tuple[int, ...], data: bytes) -> list[str] | None:
        """Return texts; None where the values are none."""
        count = prod(shape)
        if count == 0:
            return []
        if kind.kind not in {"text", "heap"}:
            return None
        if count * kind.size > len(data):
            raise self.damaged("a text is cut off")
        self.count(count)
        parts = [data[kind.size * i : kind.size * (i + 1)] for i in range(count)]
        if kind.kind == "heap":
            parts = [self._in_heap(part) for part in parts]
        return [part.rstrip(b"\0").decode("utf-8", "replace") for part in parts]

    def _in_heap(self, reference: bytes) -> bytes:
        """Return a text that lies in a heap."""
        length, heap, index = self.unpacked("<IQI", reference)
        if not length:
            return b""
        at, size = self._heap(heap).get(index, (0, 0))
        if not at:
            raise self.damaged("a text is missing")
        self.take(min(size, length))
        return self.cut(at, min(size, length))

    def _heap(self, address: int) -> dict[int, tuple[int, int]]:
        """Return what is in a heap: by its number where it begins, and its size."""
        if address not in self._heaps:
            if self.cut(address, 4) != b"GCOL":
                raise self.damaged("a text is missing")
            found: dict[int, tuple[int, int]] = {}
            at, end = address + 16, self.end(address, self.number(address + 8))
            while at + 16 <= end:
                self.count()
                number, size = self.number(at, 2), self.number(at + 8)
                if not number:
                    break
                found[number] = at + 16, size
                at += 16 + -(-size // 8) * 8
            self._heaps[address] = found
        return self._heaps[address]
