"""Archives of pictures made to do harm: names that climb, links, sizes that lie, bombs, archives within archives."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import numpy as np
from PIL import Image

__all__ = ["GOOD", "archive", "corpus", "good_files", "picture"]

Write: TypeAlias = Callable[[Path], object]
"""Puts an archive at a path."""

GOOD = 24
"""So many good pictures are in each archive beside what is bad."""


def picture(seed: int, kind: str = "PNG", side: int = 12) -> bytes:
    """Return a picture of noise."""
    stream = io.BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8)
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def good_files() -> dict[str, bytes]:
    """Return pictures of two classes by their names."""
    return {f"photos/{name}/{i}.png": picture(100 * n + i) for n, name in enumerate("ab") for i in range(GOOD // 2)}


def archive(files: Mapping[str, bytes], ending: str) -> bytes:
    """Return an archive: `.zip`, `.tar`, `.tar.gz`, `.tar.bz2` or `.tar.xz`."""
    stream = io.BytesIO()
    if ending == ".zip":
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as made:
            for name, content in files.items():
                made.writestr(name, content)
        return stream.getvalue()
    packing = ending.removeprefix(".tar").removeprefix(".")
    with tarfile.open(fileobj=stream, mode=f"w:{packing}") as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def corpus() -> Iterator[tuple[str, str, Write]]:
    """Yield what is bad about an archive, how its name ends, and how it is written."""
    good = good_files()
    for ending in (".zip", ".tar", ".tar.gz"):
        whole = archive(good, ending)
        yield f"an empty {ending}", ending, _content(b"")
        yield f"a {ending} that is a text", ending, _content(b"hello\n" * 100)
        yield f"half a {ending}", ending, _content(whole[: len(whole) // 2])
        yield f"a {ending} without its end", ending, _content(whole[:-30])
        for name in (
            "../up.png",
            "photos/a/../../../up.png",
            "/tmp/up.png",
            "C:\\up.png",
            "..\\up.png",
            "photos/a/\0.png",
        ):
            yield f"a {ending} with {name!r}", ending, _content(archive({**good, name: picture(1)}, ending))
        for what, name in {
            "a name of 60,000 letters": "photos/a/" + "x" * 60_000 + ".png",
            "10,000 folders in one another": "photos/a/" + "d/" * 10_000 + "x.png",
            "control characters": "photos/a/\x1b[2J.png",
            "a name turned around": "photos/a/\u202egnp.x.png",
        }.items():
            yield f"a {ending} with {what}", ending, _content(archive({**good, name: picture(1)}, ending))
        bomb = _bomb()
        yield (
            f"a {ending} with a picture of 30,000x30,000",
            ending,
            _content(archive({**good, "photos/a/bomb.png": bomb}, ending)),
        )
        inner = {"photos/a/more.zip": archive(good, ".zip"), "photos/b/more.tar": archive(good, ".tar")}
        yield f"archives within a {ending}", ending, _content(archive({**good, **inner}, ending))
        yield f"a {ending} of archives alone", ending, _content(archive(inner, ending))
        many = {f"photos/a/{i}.txt": b"" for i in range(20_000)}
        yield f"a {ending} of 20,000 texts", ending, _content(archive(many, ending))
    yield from _zips(good)
    yield from _tars(good)


def _content(data: bytes) -> Write:
    return lambda path: path.write_bytes(data)


def _bomb() -> bytes:
    stream = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(stream, "PNG")
    return stream.getvalue()


def _zips(good: Mapping[str, bytes]) -> Iterator[tuple[str, str, Write]]:
    whole = archive(good, ".zip")
    central = whole.index(b"PK\x01\x02")

    def with_central(offset: int, value: bytes) -> bytes:
        return whole[: central + offset] + value + whole[central + offset + len(value) :]

    yield "a password", ".zip", _content(with_central(8, struct.pack("<H", 1)))
    yield "a packing that nobody knows", ".zip", _content(with_central(10, struct.pack("<H", 77)))
    yield "a size said to be 4 GiB", ".zip", _content(with_central(24, struct.pack("<I", 2**32 - 2)))
    yield "a size said to be 1", ".zip", _content(with_central(24, struct.pack("<I", 1)))
    yield "a packed size said to be 4 GiB", ".zip", _content(with_central(20, struct.pack("<I", 2**32 - 2)))
    yield "a place beyond the end", ".zip", _content(with_central(42, struct.pack("<I", 2**31)))
    yield "a wrong checksum", ".zip", _content(with_central(16, bytes(4)))
    yield "a gigabyte of zeros called a picture", ".zip", _zeros
    twice = io.BytesIO()
    with zipfile.ZipFile(twice, "w") as made, warnings.catch_warnings():
        # The library says that the name is there already, which is the point.
        warnings.simplefilter("ignore")
        for name in ("photos/a/0.png", *good, "photos/a/0.png"):
            made.writestr(name, picture(5))
    yield "a name twice", ".zip", _content(twice.getvalue())
    link = io.BytesIO()
    with zipfile.ZipFile(link, "w") as made:
        for name, content in good.items():
            made.writestr(name, content)
        info = zipfile.ZipInfo("photos/a/link.png")
        info.create_system, info.external_attr = 3, 0o120777 << 16
        made.writestr(info, "../../secret.png")
    yield "a link in a zip", ".zip", _content(link.getvalue())


def _zeros(path: Path) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in good_files().items():
            made.writestr(name, content)
        with made.open("photos/a/zeros.png", "w", force_zip64=True) as stream:
            for _ in range(1024):
                stream.write(bytes(2**20))


def _tars(good: Mapping[str, bytes]) -> Iterator[tuple[str, str, Write]]:
    kinds = {
        "a link": tarfile.SYMTYPE,
        "a hard link": tarfile.LNKTYPE,
        "a device": tarfile.CHRTYPE,
        "a pipe": tarfile.FIFOTYPE,
    }
    for what, kind in kinds.items():
        stream = io.BytesIO()
        with tarfile.open(fileobj=stream, mode="w") as tar:
            member = tarfile.TarInfo("photos/a/special.png")
            member.type, member.linkname = kind, "../../../secret.png"
            tar.addfile(member)
            for name, content in good.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                tar.addfile(member, io.BytesIO(content))
        yield f"{what} in a tar", ".tar", _content(stream.getvalue())
    whole = archive(good, ".tar")
    for what, size in {"8 GiB": b"77777777777\0", "nothing": b"00000000000\0", "no number": b"abcdefghijk\0"}.items():
        yield f"a size said to be {what} in a tar", ".tar", _content(_first_size(whole, size))
    yield "a gigabyte of zeros called a picture in a tar", ".tar.gz", _packed_zeros


def _first_size(whole: bytes, size: bytes) -> bytes:
    header = bytearray(whole[:512])
    header[124:136] = size
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + whole[512:]


def _packed_zeros(path: Path) -> None:
    member = tarfile.TarInfo("photos/a/zeros.png")
    member.size = 2**30
    with gzip.open(path, "wb", compresslevel=1) as stream:
        stream.write(member.tobuf())
        for _ in range(1024):
            stream.write(bytes(2**20))
        stream.write(archive(good_files(), ".tar"))
