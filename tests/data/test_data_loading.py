from pathlib import Path

import numpy as np
import pytest

from netspec import data
from netspec.data.builtin import digits
from netspec.data.loading import READERS
from netspec.diagnostics.diagnostic import DataError, DatasetUnavailableError
from netspec.recipe.catalog import DATASETS, DatasetInfo


def test_every_known_dataset_has_a_source() -> None:
    assert set(READERS) == {info.name for info in DATASETS}


@pytest.mark.parametrize("info", DATASETS, ids=lambda info: info.name)
@pytest.mark.mnist
def test_what_is_said_of_a_dataset_is_true(mnist_folder: Path, info: DatasetInfo) -> None:
    if data.locate(info.name) is None:
        pytest.skip(f"NETSPEC_DATA holds no {info.name}")
    check(info)


@pytest.mark.parametrize("info", [i for i in DATASETS if i.name.startswith("digits")], ids=lambda info: info.name)
def test_what_is_said_of_a_bundled_dataset_is_true(info: object) -> None:
    check(info)


def check(info: object) -> None:
    dataset = data.load([info.name])  # type: ignore[attr-defined]
    told = (info.shape, info.train, info.test, info.labels)  # type: ignore[attr-defined]
    assert (dataset.shape, len(dataset.train), len(dataset.test), dataset.labels) == told
    assert max(dataset.train.labels.max(), dataset.test.labels.max()) < len(dataset.labels)
    assert dataset.notices == ()


def test_digits_for_any_network() -> None:
    native = data.load(["Digits"])
    larger = data.load(["digits"], shape=(1, 28, 28))
    flat = data.load(["digits"], shape=(64,))
    assert larger.train.images.shape == (1437, 1, 28, 28)
    assert larger.test.images.dtype == np.uint8
    assert larger.notices == ("digits: 8x8 images resized to 28x28 (bicubic)",)
    np.testing.assert_array_equal(flat.test.images, native.test.images.reshape(360, 64))
    assert flat.notices == ()
    assert len({native.sha256, larger.sha256, flat.sha256}) == 3
    assert native.sha256 == data.load(["digits"]).sha256


def test_the_fallback_is_noticed() -> None:
    dataset = data.load(["mnist", "digits"], shape=(1, 28, 28))
    assert dataset.name == "digits"
    assert dataset.notices == (
        "mnist is not on this machine and could not be downloaded: "
        "using the bundled digits (1,437 training and 360 test images)",
        "digits: 8x8 images resized to 28x28 (bicubic)",
    )


def test_a_fallback_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "mine.npz"
    split = digits.load()[1]
    np.savez(path, x_train=split.images, y_train=split.labels, x_test=split.images, y_test=split.labels)
    dataset = data.load(["mnist", str(path)])
    assert dataset.name == str(path)
    assert dataset.notices == (f"mnist is not on this machine and could not be downloaded: using {path}",)
    with pytest.raises(DataError, match="1x8x8, but the network takes 1x28x28"):
        data.load([str(path)], shape=(1, 28, 28))


def test_only_what_is_unavailable_falls_back() -> None:
    with pytest.raises(DatasetUnavailableError):
        data.load(["mnist"])
    with pytest.raises(DataError, match="does not exist"):
        data.load(["no/such/folder", "digits"])


@pytest.mark.parametrize(
    ("names", "shape", "said"),
    [
        ([], None, "no dataset is named"),
        (["minst"], None, "did you mean mnist"),
        (["imagenet"], None, "there is no dataset called 'imagenet'"),
        (["mnist", "digitz"], None, "did you mean digits"),
        (["none.npz"], None, "none.npz does not exist"),
        (["digits"], (3, 28, 28), "1x8x8, but the network takes 3x28x28"),
        (["digits"], (784,), "1x8x8, but the network takes 784"),
        (["digits"], (1, 10**6, 10**6), "would fill .* GiB"),
    ],
)
def test_mistakes(names: list[str], shape: tuple[int, ...] | None, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        data.load(names, shape=shape)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("b" * 300, "cannot be opened: File name too long"),
        ("b" * 300 + ".npz", "cannot be opened: File name too long"),
        ("./" + "b" * 300, "cannot be opened: File name too long"),
        ("a\0b/", "cannot be opened"),
        ("~no-such-user/x.npz", "there is no user whose folder is ~no-such-user"),
        ("/dev/null", "/dev/null is neither a .npz file nor a folder"),
    ],
)
def test_paths_that_nothing_can_be_at(name: str, said: str) -> None:
    with pytest.raises(DataError, match=said) as caught:
        data.load([name])
    assert caught.value.fix
    if "/dev" not in name:
        with pytest.raises(DataError, match=said):
            data.locate(name)


def test_a_folder_of_data_that_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    for value, said in (("~no-such-user", "there is no user"), ("a" * 300, "cannot be opened: File name too long")):
        monkeypatch.setenv("NETSPEC_DATA", value)
        for call in (data.locate, data.fetch, lambda name: data.load([name])):
            with pytest.raises(DataError, match=said):
                call("mnist")


def test_a_built_in_name_wins_over_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    (tmp_path / "mine").mkdir()
    assert data.load(["digits"]).name == "digits"
    for folder in ("./digits", "mine"):
        with pytest.raises(DataError, match="lacks train-images-idx3-ubyte"):
            data.load([folder])


def test_locate(tmp_path: Path) -> None:
    assert data.locate("digits") == digits.FILE
    assert data.locate("mnist") is None
    assert data.locate(str(tmp_path)) == tmp_path
    assert data.locate(str(tmp_path / "none.npz")) is None
    with pytest.raises(DataError, match="did you mean"):
        data.locate("digit")


def test_fetch(tmp_path: Path) -> None:
    assert data.fetch("digits_by_writer") == digits.FILE
    with pytest.raises(DatasetUnavailableError, match="NETSPEC_OFFLINE"):
        data.fetch("mnist")
    with pytest.raises(DataError, match="nothing to fetch"):
        data.fetch(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "fix"),
    [
        ("rows.xlsx", "target COLUMN"),
        ("rows.NDJSON", ".jsonl"),
        ("rows.gz", "unpack"),
        ("x.pkl", "np.savez"),
        ("x.mat", "loadmat"),
    ],
)
def test_a_file_in_a_form_that_is_not_read_is_no_unknown_dataset(
    name: str, fix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(b"something")
    with pytest.raises(DataError) as caught:
        data.load([name])
    assert caught.value.message == f"{name} is in a form that is not read"
    assert fix in (caught.value.fix or "")
