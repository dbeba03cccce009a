"""The cache of decoded pictures: whatever happened to it, what is read is what is in the files."""

from __future__ import annotations

import errno
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from test_data_pictures import classes, load, png, put, tarred, zipped

from netspec.data.files import forms as file_forms
from netspec.data.files import picture_cache, pictures
from netspec.data.files.picture_cache import cache_limit, pictures_folder
from netspec.data.rows import Rows
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import DataError, NetspecError

SETTINGS = "streaming on; validation 20%"


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the pictures that were decoded."""
    names: list[str] = []
    real = file_forms.picture_of

    def counted(content: Any, name: str, *how: Any, **more: Any) -> Any:
        names.append(name)
        return real(content, name, *how, **more)

    monkeypatch.setattr(file_forms, "picture_of", counted)
    return names


def same(found: Dataset, expected: Dataset) -> bool:
    """Return whether two datasets have the same examples, read again."""
    pairs = zip(found.splits.values(), expected.splits.values(), strict=True)
    return found.sha256 == expected.sha256 and all(
        np.array_equal(np.asarray(a.images), np.asarray(b.images)) and np.array_equal(a.labels, b.labels)
        for a, b in pairs
    )


def kept() -> Path:
    (folder,) = pictures_folder().iterdir()
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return put(tmp_path / "set", classes("cat", "dog", each=20))


@pytest.fixture
def expected(folder: Path) -> Dataset:
    return load(folder, "streaming off; validation 20%")


def test_pictures_are_decoded_once(folder: Path, expected: Dataset, decoded: list[str]) -> None:
    in_memory = load(folder, "streaming off; test 3").sha256
    decoded.clear()
    found = load(folder, SETTINGS)
    assert isinstance(found.train.images, Rows)
    assert same(found, expected)
    assert len(decoded) == 40
    assert same(load(folder, SETTINGS), expected)
    assert load(folder, "streaming on; test 3").sha256 == in_memory
    assert len(decoded) == 40
    assert (kept() / "rows").stat().st_size == 40 * 48
    load(folder, "streaming on; resize fit")
    assert len(decoded) == 80


def cut(path: Path) -> None:
    with path.open("r+b") as stream:
        stream.truncate(path.stat().st_size // 2 - 3)


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    content[-1] ^= 128
    path.write_bytes(content)


DAMAGE: dict[str, Callable[[Path], Any]] = {
    "cut off": cut,
    "bits that flipped": flip,
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "of something else": lambda path: path.write_bytes(os.urandom(path.stat().st_size)),
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "rows in another order": lambda path: path.write_bytes(path.read_bytes()[::-1]),
}


@pytest.mark.parametrize("name", ["index", "rows"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_what_is_damaged_is_decoded_again(
    folder: Path, expected: Dataset, decoded: list[str], name: str, damage: Callable[[Path], Any]
) -> None:
    load(folder, SETTINGS)
    damage(kept() / name)
    assert same(load(folder, SETTINGS), expected)
    before = len(decoded)
    assert before > 40 or damage is DAMAGE["longer"]
    assert same(load(folder, SETTINGS), expected)
    assert len(decoded) == before  # mended


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b"\xff"])
def test_hashes_that_cannot_be_read_are_made_anew(folder: Path, expected: Dataset, content: bytes) -> None:
    load(folder, SETTINGS)
    (kept() / "kept.json").write_bytes(content)
    assert same(load(folder, SETTINGS), expected)


def test_it_may_be_damaged_while_it_is_read(folder: Path, expected: Dataset) -> None:
    found = load(folder, SETTINGS)
    cut(kept() / "rows")
    assert same(found, expected)
    shutil.rmtree(kept())
    assert same(found, expected)


def test_other_pictures_are_not_taken_for_those_that_are_kept(folder: Path, expected: Dataset) -> None:
    load(folder, SETTINGS)
    path = folder / "cat" / "3.png"
    times, size = path.stat(), path.stat().st_size
    other = next(content for seed in range(500, 900) if len(content := png(seed)) == size)
    path.write_bytes(other)
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    found = load(folder, SETTINGS)
    assert found.sha256 != expected.sha256
    assert same(found, load(folder, "streaming off; validation 20%"))


def test_a_picture_that_changes_while_it_is_learned_from_is_named(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETSPEC_PICTURE_CACHE", "off")
    found = load(folder, SETTINGS)
    for path in folder.rglob("*.png"):
        path.write_bytes(png(77))
    with pytest.raises(DataError, match=r"set/(cat|dog)/\d+\.png is not what it was"):
        np.asarray(found.train.images[:3])


def test_a_folder_that_cannot_be_written_is_no_error(
    folder: Path, expected: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NETSPEC_CACHE", str(tmp_path / "file"))
    found = load(folder, SETTINGS)
    assert same(found, expected)
    assert "pictures are decoded anew in each epoch: " in " ".join(found.notices)
    assert "cannot be written" in " ".join(found.notices)


def test_a_full_disk_is_no_error(folder: Path, expected: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def full(stream: int, content: Any, offset: int) -> None:
        nonlocal count
        count += 1
        if count > 15:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(stream, content, offset)

    real = picture_cache._write_at
    monkeypatch.setattr(picture_cache, "_write_at", full)
    found = load(folder, SETTINGS)
    assert same(found, expected)
    assert "No space left on device" in " ".join(found.notices)
    monkeypatch.setattr(picture_cache, "_write_at", real)
    assert same(load(folder, SETTINGS), expected)


def test_a_disk_with_little_room_is_not_filled(
    folder: Path, expected: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(folder)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=10**9))
    found = load(folder, SETTINGS)
    assert same(found, expected)
    assert "1.0 GB are free on the disk" in " ".join(found.notices)
    assert not (kept() / "rows").exists()


def test_what_was_used_longest_ago_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_PICTURE_CACHE", str(20_000 / 10**9))
    sets = [put(tmp_path / name, classes("a", "b", each=20, first=at)) for at, name in enumerate("xyz")]
    for at, one in enumerate(sets):
        load(one, "streaming on")
        for known in pictures_folder().iterdir():
            if known.stat().st_mtime > 10:
                os.utime(known, (at, at))
    found = sorted(path.stat().st_mtime for path in pictures_folder().iterdir())
    assert 0 not in found
    assert 2 in found
    monkeypatch.setenv("NETSPEC_PICTURE_CACHE", str(1000 / 10**9))
    assert "more than 0.0 GB" in " ".join(load(sets[0], "streaming on").notices)


@pytest.mark.parametrize(
    ("said", "bytes_"),
    [("", 64 * 10**9), ("on", 64 * 10**9), ("off", 0), ("0", 0), ("200GB", 200 * 10**9), ("1.5 gb", 1.5e9)],
)
def test_how_much_is_kept(said: str, bytes_: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_PICTURE_CACHE", said)
    assert cache_limit() == bytes_


@pytest.mark.parametrize("said", ["much", "-3", "1e999", "nan", "3TB"])
def test_how_much_must_be_a_number(said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NETSPEC_PICTURE_CACHE", said)
    with pytest.raises(NetspecError, match="NETSPEC_PICTURE_CACHE is"):
        cache_limit()


def test_archives_are_read_in_any_order(tmp_path: Path, decoded: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    files = classes("cat", "dog")
    archives = [zipped(tmp_path / "set.zip", files), tarred(tmp_path / "set.tar", files, "w")]
    archives.append(tarred(tmp_path / "set.tar.gz", files, "w:gz"))
    in_memory = [load(archive, "streaming off; validation 20%") for archive in archives]
    decoded.clear()
    for archive, expected in zip(archives, in_memory, strict=True):
        assert same(load(archive, SETTINGS), expected)
        assert same(load(archive, SETTINGS), expected)
    assert len(decoded) == 72
    monkeypatch.setenv("NETSPEC_PICTURE_CACHE", "off")
    for archive in archives[:2]:
        assert same(load(archive, SETTINGS), load(archive, "streaming off; validation 20%"))
    with pytest.raises(DataError, match="can only be read from its beginning to its end") as caught:
        load(archives[2], SETTINGS)
    assert "unpack it" in str(caught.value.fix)


def test_damaged_pictures_are_left_out_alike(folder: Path) -> None:
    put(folder, {"cat/0.png": b"no", "dog/7.png": png(3)[:40]})
    with pytest.raises(DataError, match=r"2 of 40 pictures of .* cannot be read"):
        load(folder, SETTINGS)
    for _ in range(2):
        found = load(folder, f"{SETTINGS}; on_bad skip")
        assert same(found, load(folder, "streaming off; validation 20%; on_bad skip"))
        assert "2 pictures of" in " ".join(found.notices)


def test_masks_stay_beside_their_pictures(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    files = {f"images/{i}.png": png(i) for i in range(9)}
    for i in range(9):
        stream = io.BytesIO()
        Image.fromarray((255 * rng.integers(0, 2, (4, 4))).astype(np.uint8)).save(stream, "PNG")
        files[f"masks/{i}.png"] = stream.getvalue()
    folder = put(tmp_path / "set", files)
    net = 'data "DATA" { SETTINGS }\ninput 3x4x4\nconv 1 1x1 sigmoid\n'
    for _ in range(2):
        assert same(load(folder, "streaming on; test 2", net), load(folder, "streaming off; test 2", net))


def test_what_does_not_fit_is_streamed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(load(folder).train.images, np.ndarray)
    monkeypatch.setattr(pictures, "free_memory", lambda: 2 * 40 * 48)
    assert isinstance(load(folder, "streaming auto").train.images, np.ndarray)
    monkeypatch.setattr(pictures, "free_memory", lambda: 2 * 40 * 48 - 1)
    assert isinstance(load(folder).train.images, Rows)
    monkeypatch.setattr("netspec.data.files.decode_files.free_memory", lambda: 100)
    with pytest.raises(DataError, match="they take") as caught:
        load(folder, "streaming off")
    assert "streaming on" in str(caught.value.fix)


def test_rows_are_like_an_array(folder: Path) -> None:
    rows = load(folder, "streaming on").train.images
    whole = np.asarray(rows)
    assert (rows.shape, rows.ndim, rows.dtype, len(rows), rows.nbytes) == (
        whole.shape,
        4,
        whole.dtype,
        len(whole),
        whole.nbytes,
    )
    assert np.array_equal(rows[3], whole[3])
    assert np.array_equal(np.asarray(rows[2:9][[1, 0]]), whole[2:9][[1, 0]])
    assert np.array_equal(np.concatenate(list(rows.pieces())), whole)
    assert (rows.min(), rows.max()) == (whole.min(), whole.max())
    assert rows.reshape(-1, 3, 4, 4) is rows
    assert rows.reshape(-1, 48).shape == (len(whole), 48)
    assert "read when asked for" in repr(rows)


_LOOK = """
import resource, sys
import numpy as np
from pathlib import Path
import netspec as ns
from netspec.data.for_network import load_data
from netspec.data.prefetch import Ring

def resident():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)

network = ns.load(sys.argv[1])
before = resident()
rows = load_data(network, base=Path(sys.argv[1]).parent).train.images
order = np.random.default_rng(0).permutation(len(rows))
ring = Ring(rows, (order[i : i + 8] for i in range(0, len(order), 8)), 4, lambda array, at: array)
while len(ring):
    ring.take()
print(rows.nbytes / 2**20, resident() - before)
"""


@pytest.mark.parametrize("cache", ["", pytest.param("off", marks=pytest.mark.slow)])
def test_memory_does_not_grow_with_the_pictures(tmp_path: Path, cache: str) -> None:
    """Decoded they would be 300 MiB: what is read at a time are two pieces of 32, and batches of 6."""
    content = io.BytesIO()
    Image.new("RGB", (512, 512), (3, 70, 200)).save(content, "PNG")
    files = {f"train/{name}/{i}.png": content.getvalue() for name in "ab" for i in range(200)}
    put(tmp_path / "set", files | {f"test/{name}/0.png": content.getvalue() for name in "ab"})
    (tmp_path / "s.net").write_text('data "set" { streaming on }\ninput 3x512x512\nglobalpool; fc classes softmax\n')
    done = subprocess.run(
        [sys.executable, "-c", _LOOK, str(tmp_path / "s.net")],
        env={**os.environ, "NETSPEC_PICTURE_CACHE": cache},
        check=True,
        capture_output=True,
        text=True,
    )
    decoded, grown = map(float, done.stdout.split())
    assert decoded == 300
    assert grown < 200
