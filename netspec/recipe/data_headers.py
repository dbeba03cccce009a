"""What data files say of the arrays in them, read without NumPy: names, types, shapes, and labels where they are few.

Nothing that a file says of itself is believed to be true or small: what is read of one is bounded, and what cannot be
understood is no fact. Whether the values are what they should be is seen when the data is loaded.
"""

from __future__ import annotations

import gzip
import re
import sys
import zipfile
import zlib
from array import array
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import IO, BinaryIO, TypeAlias, cast

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.recipe.array_facts import KEYS, ArrayFacts, Wrong, shape_text
from netspec.recipe.array_files import array_folder, array_paths
from netspec.recipe.array_names import CLASS_NAMES, SPLITS, VALIDATION, ArrayNames, Keys
from netspec.recipe.group_names import group_arrays
from netspec.recipe.label_values import TEXTS, Labels, Values, labels_of
from netspec.system.files import kind_of, open_to_read

__all__ = ["IDX_NAMES", "Contents", "all_arrays", "array_contents", "find_idx", "idx_contents"]

IDX_NAMES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
"""The four files of MNIST, and of every dataset that follows it: images and labels, training and test."""

_DIRECTORY = 2**18
"""Bytes of a `.npz` file's directory: those of thousands of arrays."""
_HEADER = 10_000
"""Bytes of an array's header; NumPy itself reads no longer one."""
_LABELS = 2**20
"""Bytes of labels that are read: in a blink."""

_Numbers: TypeAlias = "array[int] | array[float]"

_PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_IDX_TYPES = {0x08: ("u", 1), 0x09: ("i", 1), 0x0B: ("i", 2), 0x0C: ("i", 4), 0x0D: ("f", 4), 0x0E: ("f", 8)}
_TYPES = {"u": "uint", "i": "int", "f": "float", "c": "complex"}
_CODES = {("u", 1): "B", ("i", 1): "b", ("u", 2): "H", ("i", 2): "h", ("u", 4): "I", ("i", 4): "i"}
_CODES |= {("u", 8): "Q", ("i", 8): "q", ("f", 4): "f", ("f", 8): "d", ("b", 1): "B"}
"""Type codes of Python's own arrays."""


@dataclass(frozen=True, slots=True)
class Contents:
    """What a dataset's files say of it.

    Attributes:
        wrong: what is wrong with them as files, and what would be right; then nothing else is known.
        arrays: what is known of the arrays, by the name of the input or target and the part; those that cannot be
            understood are missing.
        labels: what is known of the labels of each target, by its name.
        names: how many class names there are, where there are some.
        keys: what the arrays are called, likewise by input or target and part.
    """

    wrong: Wrong | None = None
    arrays: Mapping[tuple[str, str], ArrayFacts] = field(default_factory=dict)
    labels: Mapping[str, Labels] = field(default_factory=dict)
    names: int | None = None
    keys: Keys = field(default_factory=dict)


def array_contents(
    path: Path, name: str, wanted: ArrayNames, held_out: int = 0, *, needs_targets: bool = True, group: str = ""
) -> Contents:
    """Return what a `.npz` file, or `.npy` files in a folder, say of themselves.

    Args:
        path: of the file or folder.
        name: as a spec names it.
        wanted: what the arrays may be called that the network takes.
        held_out: so many of the training examples are for validation.
        needs_targets: whether targets are needed; else the input is learned again, or a loss compares with nothing.
        group: the array that says which examples stay together; empty where there is none.
    """
    fix = "write it with np.savez"
    try:
        folder = array_folder(path, DataError)
        if folder is not None:
            files = {key: _File(file, file.stat().st_size) for key, file in array_paths(folder).items()}
            return _of_members(name, files, wanted, held_out, needs_targets=needs_targets, group=group)
        with open_to_read(path) as stream, zipfile.ZipFile(cast("BinaryIO", _Bounded(stream))) as archive:
            infos = sorted(archive.infolist(), key=lambda info: -info.file_size)
            members = {i.filename.removesuffix(".npy"): _Zipped(archive, i, i.file_size) for i in infos}
            return _of_members(name, members, wanted, held_out, needs_targets=needs_targets, group=group)
    except _TooLongError:
        return Contents()
    except OSError as error:
        return Contents((f"{name} cannot be read: {error.strerror or error}", "give a file that can be read"))
    except Exception as error:  # zipfile raises whatever a damaged file leads it to
        return Contents((f"{name} cannot be read as a .npz file: {error}", fix))


def all_arrays(path: Path, name: str) -> dict[str, ArrayFacts]:
    """Return what the headers of all arrays in a `.npz` file, or of `.npy` files in a folder, say; largest first.

    Raises:
        DataError: they cannot be read.
    """
    try:
        folder = array_folder(path, DataError)
        if folder is not None:
            files = array_paths(folder)
            return {key: _facts_of(_File(file, file.stat().st_size), key) for key, file in files.items()}
        with open_to_read(path) as stream, zipfile.ZipFile(cast("BinaryIO", _Bounded(stream))) as archive:
            infos = sorted(archive.infolist(), key=lambda info: -info.file_size)
            named = {info.filename.removesuffix(".npy"): info for info in infos}
            return {key: _facts_of(_Zipped(archive, info, info.file_size), key) for key, info in named.items()}
    except Exception as error:  # zipfile raises whatever a damaged file leads it to
        raise DataError(f"{name} cannot be read as a .npz file: {error}", "write it with np.savez") from error


def _facts_of(member: _File | _Zipped, key: str) -> ArrayFacts:
    header = None if member.packed_oddly else _npy(member, key)
    return header.facts(key) if header else ArrayFacts(key, (), "?", "unknown")


def idx_contents(folder: Path, called: str, wanted: ArrayNames) -> Contents:
    """Return what the four IDX files in a folder say of themselves.

    Args:
        folder: it.
        called: as a spec names it.
        wanted: the names of the input and of the target.

    Raises:
        DataError: they cannot be looked for there.
    """
    arrays: dict[str, ArrayFacts] = {}
    labels: dict[str, Values | None] = {}
    for key, name in zip(KEYS, IDX_NAMES, strict=True):
        path = find_idx(folder, name)
        if path is None:
            return Contents((f"{called} lacks {name}", f"a dataset folder holds {listing(IDX_NAMES, 'and')}"))
        try:
            arrays[key], values = _idx(path, key, 3 if "images" in name else 1)
        except (OSError, EOFError, zlib.error) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else error
            return Contents((f"{called}: {path.name} cannot be read: {reason}", "give the file as it was made"))
        except ValueError as error:
            fix = "images have 3 dimensions (count, height, width), labels 1"
            return Contents((f"{called}: {path.name} {error}", fix))
        if key.startswith("y_"):
            labels[key] = values
    order = [(own, split) for split in SPLITS for own in wanted.shorts]
    return _with_labels(dict(zip(order, arrays.values(), strict=True)), labels, wanted)


def find_idx(folder: Path, name: str) -> Path | None:
    """Return where a folder keeps the IDX file `name`, with or without `.gz`, or with a dot before `idx`.

    Raises:
        DataError: it cannot be looked for there.
    """
    spellings = (name, name.replace("-idx", ".idx"))
    paths = (folder / (spelling + suffix) for spelling in spellings for suffix in ("", ".gz"))
    return next((path for path in paths if kind_of(path, DataError) == "file"), None)


# --- zip files of arrays ------------------------------------------------------------------------------------------


class _TooLongError(Exception):
    """What would have to be read takes more than a blink; the data is looked at when it is loaded."""


class _Bounded:
    """A file of which only short pieces can be read: the whole directory of a `.npz` file is one."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.seek, self.tell = stream.seek, stream.tell

    def seekable(self) -> bool:
        """Return that it can be read in any order."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes; raises _TooLongError where they are many."""
        if size > _LABELS:
            raise _TooLongError
        found = self._stream.read(size if size >= 0 else _DIRECTORY + 1)
        if size < 0 and len(found) > _DIRECTORY:
            raise _TooLongError
        return found


@dataclass(frozen=True, slots=True)
class _File:
    """An array in a file of its own."""

    path: Path
    file_size: int

    @property
    def packed_oddly(self) -> str:
        """What the file is called where it is packed in a way that NumPy does not use; else nothing."""
        return ""

    def open(self) -> IO[bytes]:
        """Open it to be read."""
        return open_to_read(self.path)


@dataclass(frozen=True, slots=True)
class _Zipped:
    """An array in an archive."""

    archive: zipfile.ZipFile
    info: zipfile.ZipInfo
    file_size: int

    @property
    def packed_oddly(self) -> str:
        """As of `_File`."""
        return "" if self.info.compress_type in _PACKINGS else self.info.filename

    def open(self) -> IO[bytes]:
        """Open it to be read."""
        return self.archive.open(self.info)


def _of_members(
    name: str,
    members: Mapping[str, _File | _Zipped],
    wanted: ArrayNames,
    held_out: int,
    *,
    needs_targets: bool,
    group: str,
) -> Contents:
    fix = "write it with np.savez"
    chosen, missing = wanted.chosen(members)
    if missing and not needs_targets:
        chosen, missing = wanted.without_targets().chosen(members)
    if missing:
        return Contents(wanted.lacks(missing, members, name, sayable=True))
    ungrouped = group_arrays(group, members, name)[1] if group else None
    if ungrouped:
        return Contents(ungrouped)
    keys = [*chosen.values()]
    packed = next((odd for key in keys if (odd := members[key].packed_oddly)), None)
    if packed:
        return Contents((f"{name}: {packed} is packed in a way that np.savez does not use", fix))
    listed = next((key for each in CLASS_NAMES for key in members if key.lower() == each), "")
    headers = {key: _npy(members[key], key) for key in (*keys, listed) if key}
    known = {key: header for key, header in headers.items() if header}
    for key, header in known.items():
        size = members[key].file_size - header.begin
        if key in keys and header.kind in "buifcmMUS" and prod(header.shape) * header.size != size:
            claim = f"{shape_text(header.shape)} values of {header.facts(key).type}"
            return Contents((f"{name}: {key}.npy claims {claim}, but holds {size:,} bytes of them", fix))
    targets = [key for (own, _), key in chosen.items() if own in wanted.targets and key in known]
    small = [key for key in targets if members[key].file_size <= _LABELS]
    labels = {key: _values(members[key], known[key]) for key in small}
    facts = {each: known[key].facts(key) for each, key in chosen.items() if key in known}
    names = known.get(listed)
    count = names.shape[0] if names and names.kind == "U" and len(names.shape) == 1 else None
    parts = Counter(own for own, _ in chosen)
    made = _with_labels(facts, labels, wanted, held_out if "test" in {s for _, s in chosen} else 0, count, parts)
    return replace(made, keys=chosen)


@dataclass(frozen=True, slots=True)
class _Header:
    """What a `.npy` header says, and where it ends."""

    kind: str
    size: int
    swapped: bool
    shape: tuple[int, ...]
    begin: int

    def facts(self, name: str) -> ArrayFacts:
        """Return it as facts about an array."""
        bits = str(8 * self.size) if self.kind in "uifc" else ""
        word = {"b": "bool", "O": "object", "U": "<U", "S": "|S", "M": "datetime64", "m": "timedelta64", "V": "void"}
        length = str(self.size // 4) if self.kind == "U" else str(self.size) if self.kind == "S" else ""
        type_ = _TYPES[self.kind] + bits if bits else word.get(self.kind, self.kind) + length
        return ArrayFacts(name, self.shape, self.kind, type_, self.size)


def _npy(member: _File | _Zipped, name: str) -> _Header | None:
    """Return the header of an array; None where it is not understood."""
    with member.open() as stream:
        start = stream.read(12)
        if start[:6] != b"\x93NUMPY" or len(start) < 12:
            raise ValueError(f"{name}.npy is no array of NumPy")
        wide = start[6] > 1
        length = int.from_bytes(start[8:12] if wide else start[8:10], "little")
        if length > _HEADER:
            return None
        begin = (12 if wide else 10) + length
        text = (start + stream.read(begin - len(start)))[12 if wide else 10 :].decode("latin-1")
    order = re.search(r"""["']fortran_order["']\s*:\s*(True|False)""", text)
    shape = re.search(r"""["']shape["']\s*:\s*\(([\d,\s]*)\)""", text)
    structured = re.search(r"""["']descr["']\s*:\s*\[""", text)
    descr = re.search(r"""["']descr["']\s*:\s*["']([<>=|]?)([a-zA-Z])(\d*)[^"']*["']""", text)
    if not (order and shape and (descr or structured)):
        return None
    extents = tuple(int(word) for word in shape[1].replace(",", " ").split() if len(word) < 20)
    if structured or descr is None:
        return _Header("V", 0, swapped=False, shape=extents, begin=begin)
    kind, size = descr[2], int(descr[3][:9] or 0) * (4 if descr[2] == "U" else 1)
    swapped = {"<": "little", ">": "big"}.get(descr[1], sys.byteorder) != sys.byteorder
    return _Header(kind, 8 if kind in "mM" else size, swapped, extents, begin)


def _values(member: _File | _Zipped, header: _Header) -> Values | None:
    """Return the labels in a small array; None where they are of a type that labels do not have."""
    code = _CODES.get((header.kind, header.size))
    if code is None and (header.kind not in TEXTS or not header.size):
        return None
    with member.open() as stream:
        stream.read(header.begin)
        data = stream.read(_LABELS)
    if code is not None:
        return _numbers(code, data, swapped=header.swapped)
    order = "le" if (sys.byteorder == "little") is not header.swapped else "be"
    decoding = f"utf-32-{order}" if header.kind == "U" else "utf-8"
    try:
        return [
            data[i : i + header.size].decode(decoding).rstrip("\0")
            for i in range(0, len(data) - header.size + 1, header.size)
        ]
    except UnicodeDecodeError:
        return None


# --- IDX files ----------------------------------------------------------------------------------------------------


def _idx(path: Path, key: str, dimensions: int) -> tuple[ArrayFacts, _Numbers | None]:
    """Return what an IDX file says of its array, and its values where these are labels, and few.

    Raises:
        ValueError: it is no such file, or has another number of dimensions.
        OSError: it cannot be read.
    """
    with open_to_read(path) as raw:
        packed = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        read: Callable[[int], bytes] = gzip.GzipFile(fileobj=raw).read if packed else raw.read
        magic = read(4)
        if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _IDX_TYPES:
            raise ValueError(f"is not an IDX file: it begins with {magic.hex(' ') or 'nothing'}")
        if magic[3] != dimensions:
            raise ValueError(f"has {magic[3]} dimensions, but should have {dimensions}")
        sizes = read(4 * dimensions)
        if len(sizes) < 4 * dimensions:
            raise ValueError("ends within its header")
        shape = tuple(int.from_bytes(sizes[i : i + 4], "big") for i in range(0, 4 * dimensions, 4))
        kind, size = _IDX_TYPES[magic[2]]
        facts = ArrayFacts(key, shape, kind, f"{_TYPES[kind]}{8 * size}", size)
        claimed = prod(shape) * size
        if not packed and path.stat().st_size != claimed + 4 + 4 * dimensions:
            raise ValueError(f"should hold {claimed:,} bytes of values, but is {path.stat().st_size:,} bytes long")
        if dimensions > 1 or claimed > _LABELS:
            return facts, None
        return facts, _numbers(_CODES[kind, size], read(claimed), swapped=sys.byteorder == "little")


def _numbers(code: str, data: bytes, *, swapped: bool) -> _Numbers:
    found = array(code)
    found.frombytes(data[: len(data) // found.itemsize * found.itemsize])
    if swapped:
        found.byteswap()
    return found


# --- labels -------------------------------------------------------------------------------------------------------


def _with_labels(
    facts: Mapping[tuple[str, str], ArrayFacts],
    values: Mapping[str, Values | None],
    wanted: ArrayNames,
    held_out: int = 0,
    names: int | None = None,
    parts: Mapping[str, int] | None = None,
) -> Contents:
    """Return what is known of arrays, and of those labels whose values were read."""
    labels = {}
    for target in wanted.targets:
        own = [facts[target, split] for split in (*SPLITS, VALIDATION) if (target, split) in facts]
        if (target, "train") in facts:
            # Where one part is not understood, nothing is said of all.
            known = values if parts is None or len(own) == parts.get(target) else {}
            labels[target] = labels_of(own, known, held_out, lists=names is not None)
    return Contents(None, facts, labels, names)
