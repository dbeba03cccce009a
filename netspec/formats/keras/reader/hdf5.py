"""HDF5 files as groups, arrays and texts: no link is followed out of them, and nothing is larger than they are."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from math import prod

import numpy as np

from netspec.formats.keras.reader.hdf5_records import UNDEFINED, Message, Records
from netspec.formats.keras.reader.hdf5_types import Type
from netspec.formats.reading import Array, ModelImportError

__all__ = ["Group", "opened"]

_PACKED = 20
"""So many times smaller than its numbers an array may be packed; weights are hardly smaller than they are."""
_FREE = 1_000_000
"""An array of so many bytes is read however it is packed."""
_MOST = 4_000_000_000
_GZIP, _SHUFFLE, _CHECKSUM = 1, 2, 3
_AGAIN = "copy the file again from where it was whole"


def opened(data: bytes, file: str) -> Group:
    """Return the root of a file; raises ModelImportError for what is damaged or no HDF5.

    Args:
        data: all of the file.
        file: its name, for messages.
    """
    records = Records(data, file)
    return Group(records, records.root, "")


class Group:
    """A group of an HDF5 file.

    Attributes:
        file: the name of the file.
        path: of the group in it.
    """

    def __init__(self, records: Records, address: int, path: str) -> None:
        self._records, self.file, self.path = records, records.file, path
        self._own, self._messages = address, records.messages(address)
        self._known: Mapping[str, int] | None = None
        self._said: Mapping[bytes, bytes] | None = None

    @property
    def _links(self) -> Mapping[str, int]:
        if self._known is None:
            self._known = self._records.links(self._own)
        return self._known

    def names(self) -> list[str]:
        """Return the names of what is in the group, in the order of the file."""
        return list(self._links)

    def group(self, path: str) -> Group | None:
        """Return a group below this one; None where there is none."""
        found: Group | None = self
        for name in filter(None, path.split("/")):
            assert found is not None
            address = found._address(name)
            if address is None:
                return None
            found = Group(self._records, address, f"{found.path}/{name}")
            if found._is_array:
                return None
        return found

    @property
    def _is_array(self) -> bool:
        return any(message.kind == 0x08 for message in self._messages)

    def _address(self, name: str) -> int | None:
        """Return where an object of a name is; None where there is none."""
        address = self._links.get(name)
        if address in {0, UNDEFINED}:
            raise ModelImportError(
                f"{self.file}: {f'{self.path}/{name}'[:200]!r} is a link to another place, which is not followed",
                "save the model again as one file",
            )
        return address

    def _array_at(self, path: str) -> list[Message] | None:
        """Return the messages of an array; None where there is none."""
        above, _, name = path.rpartition("/")
        group = self.group(above)
        address = group._address(name) if group is not None else None
        if address is None:
            return None
        messages = self._records.messages(address)
        return messages if any(message.kind == 0x08 for message in messages) else None

    def has_array(self, path: str) -> bool:
        """Return whether there is an array at a path."""
        return self._array_at(path) is not None

    def array(self, path: str) -> Array:
        """Return an array; raises ModelImportError for one that is none, or whose numbers are not in the file."""
        where = f"{self.file}: the array {f'{self.path}/{path}'[:200]!r}"
        messages = self._array_at(path)
        if messages is None:
            raise ModelImportError(f"{where} is missing", _AGAIN)
        found = {message.kind: message.data for message in messages}
        if 0x07 in found:
            raise ModelImportError(f"{where} lies in another file, which is not read", "save the model as one file")
        if 0x01 not in found or 0x03 not in found:
            raise ModelImportError(f"{where} says no shape or no type", _AGAIN)
        shape, kind = self._records.shape(found[0x01]), self._records.type(found[0x03])
        if shape is None:
            raise ModelImportError(f"{where} is empty", _AGAIN)
        if kind.numpy is None:
            raise ModelImportError(f"{where} holds no plain numbers", "save the model in float32")
        data = _Stored(self._records, where, shape, kind, found.get(0x0B)).read(found[0x08])
        return np.frombuffer(data, kind.numpy, prod(shape)).reshape(shape)

    def text(self, name: str) -> str | None:
        """Return an attribute that is a text; None where there is none."""
        found = self._attribute(name)
        if found is not None and len(found) != 1:
            raise ModelImportError(f"{self.file}: {name} of {self.path or '/'} is no text", "is it a file of Keras?")
        return found[0] if found else None

    def texts(self, name: str) -> list[str] | None:
        """Return an attribute that is a list of texts, which Keras splits where it is long; None for none."""
        whole = self._attribute(name)
        if whole is not None:
            return whole
        parts: list[str] = []
        index = 0
        while (part := self._attribute(f"{name}{index}")) is not None:
            parts += part
            index += 1
        return parts if index else None

    @property
    def _attributes(self) -> Mapping[bytes, bytes]:
        """The messages of the attributes by their names."""
        if self._said is None:
            made: dict[bytes, bytes] = {}
            for message in self._messages:
                if message.kind == 0x15:
                    at = 2 + (2 if self._records.unpacked("<BB", message.data)[1] & 1 else 0)
                    if self._records.unpacked("<Q", message.data[at:])[0] != UNDEFINED:
                        raise self._records.newer("a group with a heap of attributes")
                elif message.kind == 0x0C:
                    version, _, size = self._records.unpacked("<BBH", message.data)
                    at = 9 if version == 3 else 8
                    made.setdefault(message.data[at : at + size].rstrip(b"\0"), message.data)
            self._said = made
        return self._said

    def _attribute(self, name: str) -> list[str] | None:
        """Return the texts of an attribute; None where there is none."""
        records, data = self._records, self._attributes.get(name.encode())
        if data is None:
            return None
        version, flags, *sizes = records.unpacked("<BBHHH", data)
        if version not in {1, 2, 3} or (version > 1 and flags):
            raise records.newer("attributes of another kind")
        at = 9 if version == 3 else 8
        parts = []
        for size in sizes:
            parts.append(data[at : at + size])
            at += -(-size // 8) * 8 if version == 1 else size
        shape = records.shape(parts[2])
        found = records.texts(records.type(parts[1]), shape, data[at:]) if shape is not None else []
        if found is None:
            raise ModelImportError(f"{self.file}: {name} of {self.path or '/'} are no names", "is it of Keras?")
        return found


class _Stored:
    """How the numbers of an array lie in the file."""

    def __init__(self, records: Records, where: str, shape: tuple[int, ...], kind: Type, filters: bytes | None) -> None:
        self.records, self.where, self.shape, self.size = records, where, shape, kind.size
        self.bytes = prod(shape) * kind.size
        self.filters = self._filters(filters) if filters is not None else []

    def read(self, layout: bytes) -> bytes:
        """Return all bytes of the array."""
        version, kind = self.records.unpacked("<BB", layout)
        if version not in {3, 4}:
            raise self.records.newer(f"arrays of version {version}")
        if kind == 3:
            raise ModelImportError(
                f"{self.where} lies in another file, which is not read", "save the model as one file"
            )
        if kind == 2:
            if version == 4:
                raise self.records.newer("chunks of another kind")
            return self._chunks(layout)
        if self.filters:
            raise self.records.damaged("an array is packed that is no chunks")
        if kind == 0:
            (size,) = self.records.unpacked("<H", layout[2:])
            self._require(min(size, len(layout) - 4), 1)
            return layout[4 : 4 + self.bytes]
        if kind != 1:
            raise self.records.damaged("an array lies nowhere")
        address, size = self.records.unpacked("<QQ", layout[2:])
        if not self.bytes:
            return b""
        self._require(size if address != UNDEFINED else 0, 1)
        return self.records.cut(address, self.bytes)

    def _require(self, stored: int, factor: int) -> None:
        """Raise ModelImportError where the array says that it has more bytes than are there."""
        there = min(stored, len(self.records.data), _MOST // factor)
        if self.bytes > there * factor and (self.bytes > _FREE or factor == 1 or not there):
            raise ModelImportError(
                f"{self.where} says that it has {self.bytes:,} bytes, and {there:,} are there", _AGAIN
            )
        self.records.take(self.bytes // factor)

    def _chunks(self, layout: bytes) -> bytes:
        rank, tree, *sides = self.records.unpacked(f"<BQ{len(self.shape) + 1}I", layout[2:])
        if rank != len(self.shape) + 1 or not all(sides) or sides[-1] != self.size:
            raise self.records.damaged("an array is of chunks that do not fit")
        if not self.bytes:
            return b""
        key = 8 + 8 * rank
        places = list(self.records.leaves(tree, 1, key)) if tree != UNDEFINED else []
        self._require(sum(self.records.number(at, 4) for at in places), _PACKED if self.filters else 1)
        whole = prod(sides)
        if whole > max(_FREE, len(self.records.data) * _PACKED):
            raise ModelImportError(f"{self.where} has chunks of {whole:,} bytes", _AGAIN)
        made = np.zeros((*self.shape, self.size), np.uint8)
        filled = 0
        for at in places:
            size, mask = self.records.unpacked("<II", self.records.cut(at, 8))
            offsets = self.records.unpacked(f"<{rank}Q", self.records.cut(at + 8, 8 * rank))[:-1]
            chunk = self._unpacked(self.records.cut(self.records.number(at + key), size), mask, whole)
            area = tuple(slice(o, o + s) for o, s in zip(offsets, sides, strict=False))
            part = made[area]
            kept = tuple(slice(0, n) for n in part.shape[:-1])
            part[...] = np.frombuffer(chunk, np.uint8).reshape(*sides)[kept]
            filled += part.size
        if filled != self.bytes:
            raise ModelImportError(f"{self.where} is not all there", _AGAIN)
        return made.tobytes()

    def _filters(self, data: bytes) -> list[int]:
        """Return the numbers of the ways in which chunks are packed, in the order of packing."""
        version, count = self.records.unpacked("<BB", data)
        at = 8 if version == 1 else 2
        made = []
        for _ in range(count):
            (number,) = self.records.unpacked("<H", data[at:])
            name = self.records.unpacked("<H", data[at + 2 :])[0] if version == 1 or number >= 256 else 0
            at += 4 if version == 1 or number >= 256 else 2
            values = self.records.unpacked("<HH", data[at:])[1]
            at += 4 + (-(-name // 8) * 8 if version == 1 else name) + 4 * values
            at += 4 if version == 1 and values % 2 else 0
            made.append(number)
        if unknown := [n for n in made if n not in {_GZIP, _SHUFFLE, _CHECKSUM}]:
            raise ModelImportError(
                f"{self.where} is packed in a way that is not read ({unknown[0]})", "save it unpacked"
            )
        return made

    def _unpacked(self, chunk: bytes, mask: int, whole: int) -> bytes:
        """Return a chunk as it was before it was packed."""
        for index, number in reversed(list(enumerate(self.filters))):
            if mask & (1 << index):
                continue
            if number == _CHECKSUM:
                chunk = chunk[:-4]
            elif number == _SHUFFLE:
                rest = len(chunk) % self.size
                body = np.frombuffer(chunk[: len(chunk) - rest], np.uint8).reshape(self.size, -1)
                chunk = body.T.tobytes() + chunk[len(chunk) - rest :]
            else:
                try:
                    chunk = zlib.decompressobj().decompress(chunk, whole + 8)
                except zlib.error as error:
                    raise self.records.damaged(f"an array cannot be unpacked ({error})") from None
        if len(chunk) != whole:
            raise self.records.damaged("a chunk of an array is of another size")
        return chunk
