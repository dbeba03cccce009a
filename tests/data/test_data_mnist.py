import gzip
import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from data_helpers import Server

from netspec.data import idx, mnist
from netspec.diagnostics.diagnostic import DataError, DatasetUnavailableError


@pytest.mark.mnist
def test_the_real_one(mnist_folder: Path) -> None:
    assert mnist.locate() == mnist_folder
    assert mnist.fetch() == mnist_folder
    train, test = mnist.load()
    assert (train.images.shape, test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert train.images.dtype == np.uint8
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Four tiny files that pass for MNIST: their content by name."""
    contents = {}
    files = {}
    for name, file in mnist._FILES.items():
        shape = (3, 2, 2) if file.dimensions == 3 else (3,)
        values = bytes(range(len(name) % 7, len(name) % 7 + int(np.prod(shape))))
        content = struct.pack(f">4B{len(shape)}I", 0, 0, 8, len(shape), *shape) + values
        contents[name] = content
        files[name] = mnist._File(file.dimensions, len(content), hashlib.sha256(content).hexdigest())
    monkeypatch.setattr(mnist, "_FILES", files)
    return contents


@pytest.fixture
def mirror(server: Server, small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Server:
    for name, content in small.items():
        server.url(f"/good/{name}.gz", gzip.compress(content))
    base = f"http://127.0.0.1:{server.server_port}/"
    monkeypatch.setattr(mnist, "MIRRORS", (f"{base}bad/", f"{base}good/"))
    return server


def put(folder: Path, contents: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder


def test_fetched_once_and_kept(mirror: Server, small: dict[str, bytes], tmp_path: Path) -> None:
    cache = tmp_path / "cache" / "data" / "mnist"
    assert mnist.locate() is None
    names: list[str] = []
    train, _ = mnist.load(lambda name, *_: names.append(name))
    assert train.images.shape == (3, 1, 2, 2)
    assert set(names) == set(small)
    assert mnist.locate() == cache
    asked = len(mirror.requests)
    mnist.load()
    assert mnist.fetch() == cache
    assert len(mirror.requests) == asked


def test_a_damaged_cache_is_put_right(mirror: Server, small: dict[str, bytes]) -> None:
    damaged = mnist.fetch() / idx.NAMES[2]
    damaged.write_bytes(small[idx.NAMES[2]][:-1] + b"x")
    mirror.requests.clear()
    mnist.load()
    assert damaged.read_bytes() == small[idx.NAMES[2]]
    assert mirror.requests == [f"/bad/{idx.NAMES[2]}.gz", f"/good/{idx.NAMES[2]}.gz"]


def test_a_damaged_cache_without_a_network_is_named_and_never_used(
    mirror: Server, small: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    damaged = mnist.fetch() / idx.NAMES[0]
    damaged.write_bytes(small[idx.NAMES[0]][:-1] + b"x")
    monkeypatch.setenv("NETSPEC_OFFLINE", "1")
    for attempt in (mnist.load, mnist.fetch):
        with pytest.raises(DatasetUnavailableError, match="the copy of mnist is damaged") as caught:
            attempt()
        assert str(damaged) in caught.value.message


@pytest.mark.parametrize("sub", ["mnist", "."])
def test_found_under_netspec_data(
    small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sub: str
) -> None:
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path / "given"))
    put(tmp_path / "given" / sub, small)
    assert mnist.locate() == tmp_path / "given" / sub
    assert len(mnist.load()[1]) == 3


def test_what_is_damaged_under_netspec_data_is_never_replaced(
    mirror: Server, small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path))
    folder = put(tmp_path / "mnist", {**small, idx.NAMES[1]: small[idx.NAMES[1]][:-1] + b"x"})
    for attempt in (mnist.load, mnist.fetch):
        with pytest.raises(DataError, match="does not have the content") as caught:
            attempt()
        assert str(folder / idx.NAMES[1]) in caught.value.message
        assert not isinstance(caught.value, DatasetUnavailableError)
    assert mirror.requests == []


def test_the_ways_out_are_named(small: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> DatasetUnavailableError:
        with pytest.raises(DatasetUnavailableError) as caught:
            mnist.load()
        return caught.value

    error = unavailable()
    assert error.message.startswith("mnist is not on this machine and could not be downloaded: ")
    assert "NETSPEC_OFFLINE" in error.message
    for way in ("NETSPEC_DATA", "netspec data fetch mnist", "data mnist else digits"):
        assert way in error.fix
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path / "typo"))
    assert f"NETSPEC_DATA is {tmp_path / 'typo'}, which is not a folder" in unavailable().message
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path))
    put(tmp_path / "mnist", {name: small[name] for name in idx.NAMES[:3]})
    assert f"({tmp_path / 'mnist'} lacks {idx.NAMES[3]})" in unavailable().message
