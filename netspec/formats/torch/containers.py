"""The files that `torch.save` writes: a zip of a pickle and of storages, or, before PyTorch 1.6, pickles in a row."""

from __future__ import annotations

import io
import zipfile
import zlib
from functools import cache
from typing import Any

from netspec.formats.reading import ModelImportError
from netspec.formats.torch.pickle_names import storage_dtype
from netspec.formats.torch.pickles import MAX_BYTES, read_pickle
from netspec.formats.torch.tensors import Storage, TensorError
from netspec.formats.zips import require_few_entries

__all__ = ["read_container"]

_ZIP = b"PK\x03\x04"
_PROTOCOL = 1001
_LEGACY = b"\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19."
"""The pickle of the number that begins a file of before PyTorch 1.6."""

_MOST_ENTRIES = 100_000
_SMALL = 100_000_000
_TIMES = 10
"""So many times as large as the file may be what is compressed in it, where that is more than `_SMALL`."""

_AGAIN = "copy it again from where it was whole"


def read_container(data: bytes, file: str) -> Any:
    """Return what a file of `torch.save` holds; raises ModelImportError where it is damaged, or is none."""
    if data.startswith(_ZIP):
        return _zipped(data, file)
    if data.startswith(_LEGACY):
        return _legacy(memoryview(data), file)
    if data[257:262] == b"ustar":
        raise ModelImportError(f"{file} is of PyTorch before 0.2", "load it and save it with a newer PyTorch")
    raise ModelImportError(f"{file} is no file of PyTorch", "it is what torch.save(model.state_dict(), …) writes")


# --- a zip ----------------------------------------------------------------------------------------------------------


def _zipped(data: bytes, file: str) -> Any:
    require_few_entries(data, _MOST_ENTRIES, file)
    try:
        return _read_zip(zipfile.ZipFile(io.BytesIO(data)), len(data), file)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise ModelImportError(f"{file} is damaged: {str(error)[:200]}", _AGAIN) from None


def _read_zip(archive: zipfile.ZipFile, size: int, file: str) -> Any:
    entries = archive.infolist()
    if sum(e.file_size for e in entries) > max(_SMALL, _TIMES * size):
        raise ModelImportError(f"{file} would be unpacked to many times its size", "save it uncompressed")
    if any(e.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} for e in entries):
        raise ModelImportError(f"{file} is packed in an unusual way", "save it again with torch.save")
    by_name = {e.filename: e for e in entries}
    pickles = [name for name in by_name if name == "data.pkl" or (name.count("/") == 1 and name.endswith("/data.pkl"))]
    if len(pickles) != 1 or len(by_name) != len(entries):
        raise ModelImportError(f"{file} is a zip, and none of PyTorch", "it has one data.pkl in it")
    folder = pickles[0].removesuffix("data.pkl")
    if by_name[pickles[0]].file_size > MAX_BYTES:
        raise ModelImportError(f"{file} has a pickle of more than {MAX_BYTES:,} bytes", "is it a file of weights?")
    order = by_name.get(f"{folder}byteorder")
    big = order is not None and order.file_size <= len("little") and archive.read(order).strip() == b"big"
    outside = _Zipped(archive, f"{folder}data/", file, big_endian=big)
    return read_pickle(memoryview(archive.read(pickles[0])), file, outside.storage)[0]


class _Zipped:
    """The storages of a zip, each an entry of its own."""

    def __init__(self, archive: zipfile.ZipFile, folder: str, file: str, *, big_endian: bool) -> None:
        self.archive, self.folder, self.file, self.big_endian = archive, folder, file, big_endian
        self.entries = {entry.filename: entry for entry in archive.infolist()}
        self.known: dict[str, Storage] = {}

    def storage(self, given: Any) -> Storage:
        """Return the storage that an id names; its entry is as large as the id says."""
        kind, key, count = _stated(given, self.file)
        if key in self.known:
            return self.known[key]
        entry = self.entries.get(f"{self.folder}{key}")
        if entry is None:
            # TorchScript keeps some under the name of the pickle.
            raise TensorError(f"it has no storage {key[:40]}")
        dtype = storage_dtype(kind)
        if entry.file_size != count * dtype.size:
            raise TensorError(f"its storage {key[:40]} has {entry.file_size:,} bytes, and {count:,} numbers are stated")

        @cache
        def load() -> memoryview:
            try:
                return memoryview(self.archive.read(entry))
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError) as error:
                raise ModelImportError(f"{self.file} is damaged: {str(error)[:200]}", _AGAIN) from None

        self.known[key] = Storage(key, dtype, count, load, self.big_endian)
        return self.known[key]


def _stated(given: Any, file: str) -> tuple[Any, str, int]:
    """Return the class, the key and the count of numbers of an id."""
    if isinstance(given, tuple) and given and given[0] == "module":
        raise ModelImportError(
            f"{file} holds a whole module, which is code",
            "save its weights alone: torch.save(model.state_dict(), 'weights.pth')",
        )
    if not isinstance(given, tuple) or len(given) < 5 or given[0] != "storage":
        raise TensorError("what lies outside of its pickle is no storage")
    _, kind, key, _, count, *_ = given
    if not isinstance(key, str) or type(count) is not int or not 0 <= count < 2**48:
        raise TensorError("a storage has no size")
    return kind, key, count


# --- pickles in a row -----------------------------------------------------------------------------------------------


def _legacy(data: memoryview, file: str) -> Any:
    try:
        return _Row(data, file).read()
    except TensorError as error:
        raise ModelImportError(f"{file} is damaged: {error}", _AGAIN) from None


class _Row:
    """A number, a version, facts of the machine, the object, the names of its storages, and these themselves."""

    def __init__(self, data: memoryview, file: str) -> None:
        self.data, self.file = data, file
        self.at = len(_LEGACY)
        self.known: dict[str, Storage] = {}
        self.places: dict[str, tuple[int, int]] = {}
        self.big_endian = False

    def read(self) -> Any:
        version = self.pickle()
        machine = self.pickle()
        if version != _PROTOCOL or not isinstance(machine, dict):
            raise TensorError(f"its version is not {_PROTOCOL}")
        self.big_endian = machine.get("little_endian") is False
        made = self.pickle()
        keys = self.pickle()
        named = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
        if not named or set(keys) != self.known.keys() or len(set(keys)) != len(keys):
            raise TensorError("the names of its storages are others than those of its tensors")
        for key in keys:
            storage = self.known[key]
            count = int.from_bytes(self.data[self.at : self.at + 8], "big" if self.big_endian else "little")
            if count != storage.count:
                raise TensorError(f"its storage {key[:40]} has {count:,} numbers, and {storage.count:,} are stated")
            begin = self.at + 8
            self.at = begin + storage.bytes
            if self.at > len(self.data):
                raise TensorError(f"it ends within the storage {key[:40]}")
            self.places[key] = (begin, self.at)
        if self.at != len(self.data):
            raise TensorError(f"{len(self.data) - self.at:,} bytes are left over")
        return made

    def pickle(self) -> Any:
        found, size = read_pickle(self.data[self.at :], self.file, self.storage)
        self.at += size
        return found

    def storage(self, given: Any) -> Storage:
        """Return the storage that an id names, whose place is known when all pickles are read."""
        kind, key, count = _stated(given, self.file)
        view = given[5] if len(given) > 5 else None
        if view is not None:
            raise ModelImportError(
                f"{self.file} has views of storages, as PyTorch before 0.4 wrote them",
                "load it and save it with a newer PyTorch",
            )
        if key not in self.known:

            def load() -> memoryview:
                begin, end = self.places[key]
                return self.data[begin:end]

            self.known[key] = Storage(key, storage_dtype(kind), count, load, self.big_endian)
        return self.known[key]
