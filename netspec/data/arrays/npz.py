"""Arrays of `.npz` and `.npy` files, none of which is believed to be as large as it claims."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError, listing
from netspec.recipe.array_facts import shape_text
from netspec.recipe.array_files import array_folder, array_paths
from netspec.sources.missing import missing_data
from netspec.system.files import kind_of

__all__ = ["arrays_of", "members", "read_npy", "unpacked"]

_LARGEST = 16 * 2**30  # bytes of all arrays
_DEFLATE = 1040  # deflate packs at most 1,032 bytes into one; a directory that claims more is wrong
_PACKINGS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}  # those of np.savez and np.savez_compressed
_SHOWN = 10  # names of arrays in a message
_FIX = "write it with np.savez"


def arrays_of(
    source: Path | IO[bytes],
    name: str,
    choose: Callable[[Collection[str]], Sequence[str]],
    optional: Collection[str] = (),
) -> dict[str, NDArray[Any]]:
    """Return some arrays of a `.npz` file, of a folder of `.npy` files, or of a `.npy` file and those beside it.

    Args:
        source: the path, or what is in a `.npz` file.
        name: what messages call it.
        choose: takes the names of all that are there, the largest first, and returns those that are wanted.
        optional: names, in small letters, of arrays that are left out where they cannot be read.

    Raises:
        DataError: it cannot be read, or one of the arrays cannot.
    """
    path = Path(name)
    folder = array_folder(source, DataError) if isinstance(source, Path) else None
    if folder is not None:
        files = array_paths(folder)
        return _read_all(list(dict.fromkeys(choose(list(files)))), optional, lambda key: read_npy(files[key]))
    kind = kind_of(source, DataError) if isinstance(source, Path) else "file"
    if kind != "file":
        fix = "give the path of a .npz file"
        if isinstance(source, Path) and kind is None:
            raise missing_data(source, name, fix)
        raise DataError(f"{name} is not a file", fix)
    try:
        with zipfile.ZipFile(source) as archive:
            infos = sorted(archive.infolist(), key=lambda info: -info.file_size)
            names = list(dict.fromkeys(choose([info.filename.removesuffix(".npy") for info in infos])))
            found = {m.filename.removesuffix(".npy"): m for m in members(path, archive, names)}
            return _read_all(names, optional, lambda key: unpacked(path, archive, found[key]))
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise whatever a damaged file leads them to
        raise DataError(f"{name} cannot be read as a .npz file: {error}", "write it with np.savez") from error


def _read_all(
    names: Sequence[str], optional: Collection[str], read: Callable[[str], NDArray[Any]]
) -> dict[str, NDArray[Any]]:
    found = {}
    for name in names:
        try:
            found[name] = read(name)
        except DataError:
            if name.lower() not in optional:
                raise
            found[name] = np.zeros(())
    return found


def read_npy(path: Path) -> NDArray[Any]:
    """Return the array in a `.npy` file, mapped: a header that claims more than the file has is found out.

    Raises:
        DataError: it cannot be read, or holds Python objects.
    """
    try:
        return npy.open_memmap(path, mode="r")
    except Exception as error:  # the header is a Python literal: NumPy raises whatever a damaged one leads to
        if "Python objects" in str(error):
            raise DataError(
                f"{path} holds Python objects, which would run code when read",
                f"give {path.stem}.astype(str) for names of classes, or numbers: {path.stem}.astype('float32')",
            ) from error
        raise DataError(f"{path} cannot be read as a .npy file: {error}", "write it with np.save") from error


def members(
    path: Path, archive: zipfile.ZipFile, names: Sequence[str], optional: Sequence[str] = ()
) -> list[zipfile.ZipInfo]:
    """Return where the arrays of these names are in a file, in this order; nothing is unpacked yet.

    Args:
        path: of the file.
        archive: the file.
        names: arrays that must be there.
        optional: arrays that may be, behind them.

    Raises:
        DataError: one is missing or there twice, or they claim to unpack to more than they can, or than is sensible.
    """
    order = [*names, *optional]
    found = [info for info in archive.infolist() if info.filename.removesuffix(".npy") in order]
    there = [info.filename.removesuffix(".npy") for info in found]
    missing = [name for name in names if name not in there]
    if missing:
        holds = sorted({info.filename.removesuffix(".npy")[:50] for info in archive.infolist()})
        raise DataError(
            f"{path} lacks {listing(missing, 'and')}; it holds {listing(holds[:_SHOWN], 'and') or 'nothing'}",
            f"name its arrays {listing(names, 'and')}",
        )
    twice = next((name for name in order if there.count(name) > 1), None)
    if twice:
        raise DataError(f"{path} holds {twice} more than once", _FIX)
    size = sum(info.file_size for info in found)
    if size > _LARGEST:
        raise DataError(f"{path} would unpack to {size / 2**30:.0f} GiB", f"{_LARGEST // 2**30} GiB are the most")
    for info in found:
        if info.compress_type not in _PACKINGS or info.file_size > _DEFLATE * info.compress_size:
            raise DataError(f"{path}: {info.filename} is packed in a way that np.savez does not use", _FIX)
    return sorted(found, key=lambda info: order.index(info.filename.removesuffix(".npy")))


def unpacked(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    """Return the array in one member, which must be as large as its own header says.

    Raises:
        DataError: it is not, or it holds Python objects.
    """
    with archive.open(member) as stream:
        version = npy.read_magic(stream)
        read_header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, _, dtype = read_header(stream)
        stem = member.filename.removesuffix(".npy")
        if dtype.hasobject:
            raise DataError(
                f"{path}: {member.filename} holds Python objects, which would run code when read",
                f"give {stem}.astype(str) for names of classes, or numbers: {stem}.astype('float32')",
            )
        claimed = math.prod(shape) * dtype.itemsize
        if claimed != member.file_size - stream.tell():
            raise DataError(
                f"{path}: {member.filename} claims {shape_text(shape)} values of {dtype}, "
                f"but holds {member.file_size - stream.tell():,} bytes of them",
                _FIX,
            )
    with archive.open(member) as stream:
        return npy.read_array(stream, allow_pickle=False)
