"""Keras' own format of today: a zip with the network as JSON, and its weights as HDF5."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass

from netspec.formats.keras.reader.config import MAX_CONFIG
from netspec.formats.reading import ModelImportError
from netspec.formats.zips import require_few_entries

__all__ = ["Archive", "read_archive"]

_BEGINNING = b"PK\x03\x04"
_MAX_ENTRIES = 10_000
_PACKED = 10
"""So many times larger than the whole file what is in it may become; Keras does not pack."""
_FREE = 10_000_000
_MOST = 4_000_000_000
_CHUNK = 1 << 20
_WANTED = ("config.json", "metadata.json", "model.weights.h5")


@dataclass(frozen=True, slots=True)
class Archive:
    """What is in a `.keras` file: the network, what says which Keras wrote it, and its weights; empty for none."""

    config: bytes
    metadata: bytes
    weights: bytes


def read_archive(data: bytes, file: str) -> Archive:
    """Return what is in a `.keras` file; raises ModelImportError for a damaged or hostile one.

    Args:
        data: all of the file.
        file: its name, for messages.
    """
    if not data.startswith(_BEGINNING):
        what = "is an HDF5 file" if data.startswith(b"\x89HDF") else "does not begin as a .keras file does"
        fix = "name it so that it ends in .h5" if data.startswith(b"\x89HDF") else "is it a model that Keras saved?"
        raise ModelImportError(f"{file} {what}", fix)
    require_few_entries(data, _MAX_ENTRIES, file)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            found = _checked(opened, file)
            return Archive(
                *(_read(opened, found[name], _most(data, name), file) if name in found else b"" for name in _WANTED)
            )
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError) as error:
        raise ModelImportError(
            f"{file} is damaged: {str(error)[:200]}", "copy it again from where it was whole"
        ) from None


def _checked(opened: zipfile.ZipFile, file: str) -> Mapping[str, zipfile.ZipInfo]:
    """Return the entries that are read; all names must be plain, and each there once."""
    entries = opened.infolist()
    found: dict[str, zipfile.ZipInfo] = {}
    for entry in entries:
        name = entry.filename
        if name.startswith(("/", "\\")) or ".." in name.replace("\\", "/").split("/") or ":" in name:
            raise ModelImportError(f"{file}: {name[:200]!r} leads out of the archive", "this was not saved by Keras")
        if name in found:
            raise ModelImportError(f"{file} has {name[:200]!r} twice", "this was not saved by Keras")
        if entry.flag_bits & 1:
            raise ModelImportError(f"{file} is encrypted", "decrypt it first")
        found[name] = entry
    if "config.json" not in found:
        raise ModelImportError(f"{file} has no config.json", "is it a model that Keras saved?")
    if "model.weights.h5" not in found:
        others = sorted(name for name in found if name.startswith("model.weights"))
        if others:
            raise ModelImportError(
                f"{file} has its weights in {others[0][:200]!r}", "save the model where h5py is installed, as one file"
            )
    return {name: found[name] for name in _WANTED if name in found}


def _most(data: bytes, name: str) -> int:
    """Return how many bytes an entry may have; a text of the network is packed well, but no longer than one alone."""
    return MAX_CONFIG if name.endswith(".json") else max(min(len(data) * _PACKED, _MOST), _FREE)


def _read(opened: zipfile.ZipFile, entry: zipfile.ZipInfo, most: int, file: str) -> bytes:
    """Return what an entry holds, piece by piece: what it says of its size is not trusted."""
    if entry.file_size > most:
        raise ModelImportError(
            f"{file}: {entry.filename} says that it has {entry.file_size:,} bytes; at most {most:,} can be",
            "this was not saved by Keras",
        )
    parts: list[bytes] = []
    size = 0
    with opened.open(entry) as stream:
        while part := stream.read(_CHUNK):
            size += len(part)
            if size > most:
                raise ModelImportError(f"{file}: {entry.filename} is larger than {most:,} bytes")
            parts.append(part)
    if size != entry.file_size:
        raise ModelImportError(f"{file}: {entry.filename} has {size:,} bytes, and says {entry.file_size:,}")
    return b"".join(parts)
