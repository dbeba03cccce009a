"""HDF5 files, of which nothing is followed that leads out of them, and nothing read that is larger than they are."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from netspec.formats.reading import Array, ModelImportError

if TYPE_CHECKING:
    import h5py

__all__ = ["Group", "opened"]

_BEGINNING = b"\x89HDF\r\n\x1a\n"
_MAX_NODES = 200_000
"""More groups and arrays than any file of a network has."""
_MAX_TEXT = 100_000_000
_PACKED = 50
"""So many times smaller than its numbers an array may be packed; weights are hardly smaller than they are."""
_FREE = 1_000_000
"""An array of so many bytes is read however it is packed."""
_FILTERS = {1: "gzip", 2: "shuffle", 3: "fletcher32", 32000: "lzf"}


@contextmanager
def _guarded(file: str) -> Iterator[None]:
    """Turn what h5py raises of a damaged file into one error."""
    try:
        yield
    except ModelImportError:
        raise
    except Exception as error:
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise ModelImportError(
            f"{file} is damaged: HDF5 says {reason!r}", "copy it again from where it was whole"
        ) from None


@contextmanager
def opened(data: bytes, file: str) -> Iterator[Group]:
    """Open the bytes of a file; raises ModelImportError for what is damaged or no HDF5.

    Args:
        data: all of the file.
        file: its name, for messages.
    """
    try:
        import h5py  # noqa: PLC0415
    except ImportError:
        raise ModelImportError(
            f"{file} is an HDF5 file, and reading it needs h5py", 'install it: pip install "netspec[keras]"'
        ) from None
    if not data.startswith(_BEGINNING):
        raise ModelImportError(f"{file} does not begin as an HDF5 file does", "is it a model that Keras saved?")
    with _guarded(file):
        found = h5py.File(io.BytesIO(data), "r")
    try:
        yield Group(found, file, len(data), [0])
    finally:
        with suppress(Exception):
            found.close()


class Group:
    """A group of an HDF5 file.

    Attributes:
        file: the name of the file.
        path: of the group in it.
    """

    def __init__(self, group: h5py.Group, file: str, size: int, seen: list[int]) -> None:
        self._group, self.file, self._size, self._seen = group, file, size, seen
        self.path = str(group.name)

    def __contains__(self, name: str) -> bool:
        return self._found(name) is not None

    def names(self) -> list[str]:
        """Return the names of what is in the group, in the order of the file."""
        with _guarded(self.file):
            names = list(self._group)
        self._count(len(names))
        return names

    def group(self, path: str) -> Group | None:
        """Return a group below this one; None where there is none."""
        import h5py  # noqa: PLC0415

        found = self._found(path)
        return Group(found, self.file, self._size, self._seen) if isinstance(found, h5py.Group) else None

    def has_array(self, path: str) -> bool:
        """Return whether there is an array at a path."""
        import h5py  # noqa: PLC0415

        return isinstance(self._found(path), h5py.Dataset)

    def array(self, path: str) -> Array:
        """Return an array; raises ModelImportError for one that is none, or whose numbers are not in the file."""
        with _guarded(self.file):
            return self._array(path)

    def _array(self, path: str) -> Array:
        import h5py  # noqa: PLC0415

        found = self._found(path)
        where = f"{self.file}: the array {f'{self.path}/{path}'[:200]!r}"
        if not isinstance(found, h5py.Dataset):
            raise ModelImportError(f"{where} is missing", "copy the file again from where it was whole")
        if found.is_virtual or found.external:
            raise ModelImportError(f"{where} lies in another file, which is not read", "save the model as one file")
        if found.dtype.kind not in "fiub" or found.dtype.itemsize > 8:
            raise ModelImportError(f"{where} holds no plain numbers", "save the model in float32")
        if found.shape is None:
            raise ModelImportError(f"{where} is empty", "copy the file again from where it was whole")
        bytes_of = prod(found.shape) * found.dtype.itemsize
        stored = int(found.id.get_storage_size())
        plist = found.id.get_create_plist()
        used = [plist.get_filter(i)[0] for i in range(plist.get_nfilters())]
        unknown = [number for number in used if number not in _FILTERS]
        if unknown:
            raise ModelImportError(f"{where} is packed in a way that is not read ({unknown[0]})", "save it unpacked")
        most = stored * _PACKED if used else stored
        if stored > self._size or (bytes_of > most and (bytes_of > _FREE or not stored)):
            raise ModelImportError(
                f"{where} says that it has {bytes_of:,} bytes, and {min(stored, self._size):,} are there",
                "copy the file again from where it was whole",
            )
        return np.asarray(found[()])

    def text(self, name: str) -> str | None:
        """Return an attribute that is a text; None where there is none."""
        value = self._attribute(name)
        if value is None:
            return None
        if isinstance(value, np.ndarray) and value.size == 1:
            value = value.reshape(-1)[0]
        if isinstance(value, bytes):
            return value.decode("utf-8", "replace")
        if isinstance(value, str):
            return value
        raise ModelImportError(f"{self.file}: {name} of {self.path} is no text", "is it a model that Keras saved?")

    def texts(self, name: str) -> list[str] | None:
        """Return an attribute that is a list of texts, which Keras splits where it is long; None for none."""
        whole = self._attribute(name)
        parts = [whole]
        if whole is None:
            parts = []
            while (part := self._attribute(f"{name}{len(parts)}")) is not None:
                parts.append(part)
            if not parts:
                return None
        found: list[str] = []
        for part in parts:
            values = np.asarray(part).reshape(-1)
            if values.size and values.dtype.kind not in "SUO":
                raise ModelImportError(f"{self.file}: {name} of {self.path} are no names", "is it a file of Keras?")
            found += [v.decode("utf-8", "replace") if isinstance(v, bytes) else str(v) for v in values.tolist()]
        self._count(len(found))
        return found

    def _attribute(self, name: str) -> Any:
        """Return an attribute of plain texts or numbers; None where there is none."""
        with _guarded(self.file):
            return self._plain(name)

    def _plain(self, name: str) -> Any:
        import h5py  # noqa: PLC0415

        if not h5py.h5a.exists(self._group.id, name.encode()):
            return None
        attribute = h5py.h5a.open(self._group.id, name.encode())
        kind = attribute.dtype
        plain = kind.kind in "SUfiub" or h5py.check_string_dtype(kind) is not None
        size = prod(attribute.shape or ()) * kind.itemsize
        if not plain or size > min(self._size, _MAX_TEXT):
            raise ModelImportError(
                f"{self.file}: {name} of {self.path} cannot be read", "copy the file again from where it was whole"
            )
        return self._group.attrs[name]

    def _found(self, path: str) -> Any:
        """Return what a path leads to within the file, by no link but hard ones; None where there is nothing."""
        with _guarded(self.file):
            return self._followed(path)

    def _followed(self, path: str) -> Any:
        import h5py  # noqa: PLC0415

        at: Any = self._group
        for name in filter(None, path.split("/")):
            self._count(1)
            if name in {".", ".."} or not isinstance(at, h5py.Group) or name not in at.keys():  # noqa: SIM118
                return None
            link = at.get(name, getlink=True)
            if not isinstance(link, h5py.HardLink):
                raise ModelImportError(
                    f"{self.file}: {f'{self.path}/{path}'[:200]!r} is a link to another place, which is not followed",
                    "save the model again as one file",
                )
            at = at[name]
        return at

    def _count(self, more: int) -> None:
        self._seen[0] += more
        if self._seen[0] > _MAX_NODES:
            raise ModelImportError(f"{self.file} has more than {_MAX_NODES:,} groups and arrays", "is it a model?")
