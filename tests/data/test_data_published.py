"""The datasets that are downloaded: MNIST and its kind, EMNIST, CIFAR."""

import gzip
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from data_helpers import Server
from published_helpers import (
    CIFAR,
    FORMS,
    LABELS,
    Small,
    cifar_of,
    idx_bytes,
    named,
    pictures,
    put,
    small,
    tarred,
    zipped,
)

import netspec as ns
from netspec import data
from netspec.data.arrays import idx
from netspec.data.builtin.mnist import MNIST
from netspec.data.loading import READERS, Reader
from netspec.diagnostics.diagnostic import DataError, DatasetUnavailableError
from netspec.recipe.catalog import DATASETS, DatasetInfo, find

KINDS = ("mnist", "fashion_mnist", "emnist_letters", "cifar10", "cifar100")
"""One of each kind: pinned unpacked and packed, in a zip and in a tar file."""


@pytest.mark.mnist
def test_the_real_one(mnist_folder: Path) -> None:
    assert MNIST.locate() == mnist_folder
    assert MNIST.fetch() == mnist_folder
    train, test = MNIST.load()
    assert (train.images.shape, test.images.shape) == ((60_000, 1, 28, 28), (10_000, 1, 28, 28))
    assert train.images.dtype == np.uint8
    assert np.bincount(train.labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert np.bincount(test.labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert train.labels[:5].tolist() == [5, 0, 4, 1, 9]


@pytest.fixture(params=KINDS)
def tiny(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Small:
    found = small(request.param)
    install(found, monkeypatch)
    return found


def install(tiny: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a tiny dataset stand for the published one of its name."""
    published = tiny.published
    monkeypatch.setitem(READERS, published.name, Reader(published.load, published.locate, published.fetch))


@pytest.fixture
def mirror(server: Server, tiny: Small, monkeypatch: pytest.MonkeyPatch) -> Server:
    """A server with two mirrors, of which the first has nothing."""
    files = []
    for file in tiny.published.files:
        content = tiny.contents[file.name]
        sent = file.urls[0].rpartition("/")[2]
        good = server.url(f"/good/{sent}", gzip.compress(content) if file.unpacked else content)
        files.append(replace(file, urls=(good.replace("/good/", "/bad/"), good)))
    tiny.published = replace(tiny.published, files=tuple(files))
    install(tiny, monkeypatch)
    return server


def damaged(path: Path) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    return path


def test_all_of_them_are_told_apart() -> None:
    assert set(FORMS) == {info.name for info in DATASETS} - {"digits", "digits_by_writer"}
    pins = [file for published in FORMS.values() for file in published.files]
    assert {len(file.sha256) for file in pins} == {64}
    assert len({file.sha256 for file in pins}) == 4 * 3 + 1 + 2
    assert all(len(file.urls) > 1 and all(url.startswith("http") for url in file.urls) for file in pins)
    assert {name: FORMS[name].read.__self__.sizes for name in CIFAR} == CIFAR  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", FORMS)
def test_what_is_read_is_what_was_published(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = small(name)
    install(tiny, monkeypatch)
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path))
    folder = put(tmp_path / tiny.published.folder, tiny.contents)
    assert data.locate(name) == data.fetch(name) == folder
    dataset, info = data.load([name]), find(name)
    assert info is not None
    assert (dataset.name, dataset.labels, dataset.shape) == (name, info.labels, info.shape)
    for part in (dataset.train, dataset.test):
        np.testing.assert_array_equal(part.images, tiny.images)
        assert part.labels.tolist() == tiny.labels


def test_the_classes_have_the_published_names() -> None:
    labels = {name: find(name).labels for name in FORMS}  # type: ignore[union-attr]
    assert {name: len(found) for name, found in labels.items() if len(found) != 10} == {
        "emnist": 47,
        "emnist_letters": 26,
        "cifar100": 100,
    }
    assert (labels["fashion_mnist"][0], labels["fashion_mnist"][9]) == ("T-shirt/top", "Ankle boot")
    assert labels["cifar10"] == (
        "airplane",
        "automobile",
        "bird",
        "cat",
        "deer",
        "dog",
        "frog",
        "horse",
        "ship",
        "truck",
    )
    assert [labels["cifar100"][at] for at in (0, 1, 49, 98, 99)] == [
        "apple",
        "aquarium_fish",
        "mountain",
        "woman",
        "worm",
    ]
    assert labels["cifar100"] == tuple(sorted(labels["cifar100"]))
    assert [labels["emnist"][at] for at in (9, 10, 35, 36, 46)] == ["9", "A", "Z", "a", "t"]
    assert find("emnist_balanced") is find("emnist")


def test_fetched_once_and_kept(mirror: Server, tiny: Small, tmp_path: Path) -> None:
    published = tiny.published
    cache = tmp_path / "cache" / "data" / published.folder
    assert published.locate() is None
    names: list[str] = []
    train, _ = published.load(lambda name, *_: names.append(name))
    np.testing.assert_array_equal(train.images, tiny.images)
    assert set(names) == set(tiny.contents)
    assert published.locate() == cache
    asked = len(mirror.requests)
    published.load()
    assert published.fetch() == cache
    assert len(mirror.requests) == asked


def test_a_damaged_cache_is_put_right(mirror: Server, tiny: Small) -> None:
    file = tiny.published.files[-1]
    path = damaged(tiny.published.fetch() / file.name)
    mirror.requests.clear()
    tiny.published.load()
    assert path.read_bytes() == tiny.contents[file.name]
    sent = file.urls[0].rpartition("/")[2]
    assert mirror.requests == [f"/bad/{sent}", f"/good/{sent}"]


def test_a_mirror_that_sends_other_content_is_passed_over(mirror: Server, tiny: Small) -> None:
    for file in tiny.published.files:
        other = tiny.contents[file.name][:-1] + b"x"
        mirror.url(f"/bad/{file.urls[0].rpartition('/')[2]}", other)
    tiny.published.load()
    assert all("/good/" in path for path in mirror.requests[1::2])


def test_a_damaged_cache_without_a_network_is_named_and_never_used(
    mirror: Server, tiny: Small, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = damaged(tiny.published.fetch() / tiny.published.files[0].name)
    monkeypatch.setenv("NETSPEC_OFFLINE", "1")
    for attempt in (tiny.published.load, tiny.published.fetch):
        with pytest.raises(DatasetUnavailableError, match=f"the copy of {tiny.published.name} is damaged") as caught:
            attempt()
        assert str(path) in caught.value.message


@pytest.mark.parametrize("sub", ["mnist", "."])
def test_found_under_netspec_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sub: str) -> None:
    tiny = small("mnist")
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path / "given"))
    put(tmp_path / "given" / sub, tiny.contents)
    assert tiny.published.locate() == tmp_path / "given" / sub
    assert len(tiny.published.load()[1]) == 3


def test_what_is_damaged_under_netspec_data_is_never_replaced(
    mirror: Server, tiny: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path))
    path = damaged(put(tmp_path / tiny.published.folder, tiny.contents) / tiny.published.files[-1].name)
    for attempt in (tiny.published.load, tiny.published.fetch):
        with pytest.raises(DataError, match="does not have the content") as caught:
            attempt()
        assert str(path) in caught.value.message
        assert not isinstance(caught.value, DatasetUnavailableError)
    assert mirror.requests == []


def test_the_ways_out_are_named(tiny: Small, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    published = tiny.published

    def unavailable() -> DatasetUnavailableError:
        with pytest.raises(DatasetUnavailableError) as caught:
            published.load()
        return caught.value

    error = unavailable()
    assert error.message.startswith(f"{published.name} is not on this machine and could not be downloaded: ")
    assert "NETSPEC_OFFLINE" in error.message
    place = f"into {published.folder}/ of the folder that NETSPEC_DATA names"
    for way in (*tiny.contents, place, f"netspec data fetch {published.name}"):
        assert way in error.fix
    assert ("else digits" in error.fix) == (published.name == "mnist")
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path / "typo"))
    assert f"NETSPEC_DATA is {tmp_path / 'typo'}, which is not a folder" in unavailable().message
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path))
    *others, last = tiny.contents
    put(tmp_path / published.folder, {name: tiny.contents[name] for name in others})
    assert f"({tmp_path / published.folder} lacks {last})" in unavailable().message


# --- archives whose hash is right, and whose content is not --------------------------------------------------------


def refused(tiny: Small, folder: Path, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    """Require that files of the right hash are refused, and named."""
    monkeypatch.setenv("NETSPEC_DATA", str(folder))
    place = put(folder / tiny.published.folder, tiny.contents)
    with pytest.raises(DataError, match=said) as caught:
        tiny.published.load()
    assert str(place) in caught.value.message
    assert sorted(path.name for path in place.iterdir()) == sorted(tiny.contents)


TRAIN, TEST = CIFAR["cifar100"]
RECORD = bytes(3074)


def link(name: str, to: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, to
    return info


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({TRAIN: RECORD}, f"lacks {TEST}"),
        ({f"../{TRAIN}": RECORD, f"/{TEST}": RECORD}, f"lacks {TRAIN}"),
        ({TRAIN: RECORD[:-1], TEST: RECORD}, "train.bin of 3,073 bytes, not a file of 3,074 bytes"),
        ({TRAIN: RECORD * 2, TEST: RECORD}, "train.bin of 6,148 bytes"),
        ({TRAIN: link(TRAIN, "/etc/passwd"), TEST: RECORD}, "train.bin that is no regular file"),
        ({TEST: RECORD, TRAIN: link(TRAIN, TEST, tarfile.LNKTYPE)}, "train.bin that is no regular file"),
        ({TRAIN: RECORD, TEST: b"\0d" + RECORD[2:]}, "other labels than the 100 of cifar100"),
    ],
    ids=["lacking", "climbing", "short", "long", "symbolic link", "hard link", "labels"],
)
def test_a_tar_file_of_something_else(
    members: dict[str, bytes | tarfile.TarInfo], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = dict.fromkeys((TRAIN, TEST), len(RECORD))
    refused(cifar_of("cifar100", tarred(members), sizes), tmp_path, monkeypatch, said)


def test_what_else_a_tar_file_holds_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    others: dict[str, bytes | tarfile.TarInfo] = {
        "../../climbing": b"x",
        "cifar-100-binary": link("cifar-100-binary", "/"),
    }
    archive = tarred({**others, TRAIN: RECORD, TEST: RECORD})
    tiny = cifar_of("cifar100", archive, dict.fromkeys((TRAIN, TEST), len(RECORD)))
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path / "data"))
    put(tmp_path / "data" / "cifar100", tiny.contents)
    assert len(tiny.published.load()[0]) == 1
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cifar-100-binary.tar.gz", "cifar100", "data"]


@pytest.mark.parametrize("name", ["cifar10", "emnist", "kmnist"])
@pytest.mark.parametrize("how", ["cut", "empty", "text"])
def test_a_file_that_is_no_archive(name: str, how: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = small(name)
    instead = {"empty": b"", "text": b"<html>"}
    contents = {key: instead.get(how, content[: len(content) // 2]) for key, content in tiny.contents.items()}
    refused(named(tiny.published, contents, None, []), tmp_path, monkeypatch, "damaged|is not an IDX file|lacks")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"test-labels-idx1": None}, "lacks gzip/emnist-letters-test-labels"),
        ({"train-labels-idx1": idx_bytes(LABELS)}, "other labels than the 26 of emnist_letters"),
        ({"train-labels-idx1": idx_bytes(LABELS + 18)}, "other labels than the 26 of emnist_letters"),
        ({"test-images-idx3": idx_bytes(pictures((28, 27)))}, "which is not emnist_letters"),
        ({"test-images-idx3": idx_bytes(pictures((28, 28), 2))}, "which is not emnist_letters"),
        ({"test-images-idx3": b"\0\0\x08\x03" + bytes([255] * 12)}, "claims .* more than it can hold"),
        ({"test-images-idx3": gzip.compress(idx_bytes(pictures((28, 28))))[:-9]}, "damaged gzip file"),
    ],
    ids=["lacking", "from 0", "too high", "shape", "count", "claims", "cut"],
)
def test_a_zip_file_of_something_else(
    change: dict[str, bytes | None], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = small("emnist_letters")
    ((key, content),) = tiny.contents.items()
    path = tmp_path / key
    path.write_bytes(content)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    for part, new in change.items():
        name = next(name for name in members if part in name)
        members.pop(name)
        if new is not None:
            members[name] = new
    broken = named(tiny.published, {key: zipped(members)}, None, [])
    refused(broken, tmp_path / "data", monkeypatch, said)


def test_a_member_too_large_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.data.builtin.emnist._LARGEST", 100)
    refused(small("emnist_digits"), tmp_path, monkeypatch, "cannot be the published one")


def test_the_sets_of_emnist_share_an_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = small("emnist_digits")
    refused(named(FORMS["emnist"], tiny.contents, None, []), tmp_path, monkeypatch, "lacks gzip/emnist-balanced-train")
    assert len({FORMS[name].files for name in FORMS if name.startswith("emnist")}) == 1


# --- as a spec names them --------------------------------------------------------------------------------------------


def test_a_fallback_to_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tiny = small("kmnist")
    install(tiny, monkeypatch)
    monkeypatch.setenv("NETSPEC_DATA", str(tmp_path))
    put(tmp_path / "kmnist", tiny.contents)
    dataset = data.load(["fashion_mnist", "kmnist"], shape=(1, 14, 14))
    assert (dataset.name, dataset.shape) == ("kmnist", (1, 14, 14))
    assert dataset.notices[0] == "fashion_mnist is not on this machine and could not be downloaded: using kmnist"


@pytest.mark.parametrize("info", DATASETS, ids=lambda info: info.name)
def test_input_and_classes_follow_from_the_name(info: DatasetInfo) -> None:
    for name in (info.name, *info.aliases):
        network = ns.parse(f"data {name} {{ augment shift=1; normalize mean=0.5 std=0.5 }}; fc classes softmax")
        assert network.input == info.shape
        with pytest.raises(ns.SpecError, match=f"{info.name} has {len(info.labels)} classes"):
            ns.parse(f"data {name}; fc 11 softmax")


def test_the_names_are_words_behind_data_only() -> None:
    net = ns.parse("let kmnist = 4; input 2; fc kmnist as cifar10; fc 2 softmax as emnist")
    assert [output.node for output in net.all_outputs] == ["emnist"]


def test_idx_names_stay_the_same() -> None:
    assert [file.name for file in MNIST.files] == list(idx.NAMES)
