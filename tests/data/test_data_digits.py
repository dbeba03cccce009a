from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.data.builtin import digits
from netspec.data.types import fingerprint
from netspec.diagnostics.diagnostic import DataError


def test_the_stratified_split() -> None:
    train, test = digits.load()
    assert train.images.shape == (1437, 1, 8, 8)
    assert test.images.shape == (360, 1, 8, 8)
    assert np.bincount(test.labels).tolist() == [36, 37, 35, 37, 36, 36, 36, 36, 35, 36]
    whole = np.bincount(np.concatenate([train.labels, test.labels]))
    assert whole.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert np.abs(np.bincount(test.labels) - whole * 360 / 1797).max() < 1


def test_the_split_by_writer_is_the_order_of_the_file() -> None:
    train, test = digits.load_by_writer()
    assert train.labels[:10].tolist() == list(range(10))
    assert np.bincount(test.labels).tolist() == [35, 36, 35, 37, 37, 37, 37, 36, 33, 37]
    assert (len(train), len(test)) == (1437, 360)


def test_the_splits_share_their_images() -> None:
    def sorted_rows(splits: tuple[digits.Split, digits.Split]) -> np.ndarray:
        rows = np.concatenate([s.images.reshape(len(s), -1) for s in splits])
        return rows[np.lexsort(rows.T)]

    np.testing.assert_array_equal(sorted_rows(digits.load()), sorted_rows(digits.load_by_writer()))


def test_pixels_are_bytes_over_the_whole_range() -> None:
    train, _ = digits.load()
    assert train.images.dtype == np.uint8
    values = np.unique(train.images)
    assert (values[0], values[8], values[-1], len(values)) == (0, 128, 255, 17)


def test_the_splits_never_change() -> None:
    assert [fingerprint(s.images, s.labels)[:16] for s in (*digits.load(), *digits.load_by_writer())] == GOLDEN


GOLDEN = ["642cc60dd5af5e3b", "577307979f776d01", "fee921fcfa39871d", "2860b6dcc83b56f9"]


def test_a_damaged_file_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    content = digits.FILE.read_bytes()
    damaged = tmp_path / "digits.npz"
    monkeypatch.setattr(digits, "FILE", damaged)
    # The dates of the archive too: no bit of the file is left unchecked.
    flipped = [content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :] for at in (10, 9000, len(content) - 1)]
    for bad in (b"", content[:1000], *flipped, b"x" * 100, content + b"x"):
        damaged.write_bytes(bad)
        with pytest.raises(DataError, match=r"digits\.npz"):
            digits.load()
    damaged.unlink()
    with pytest.raises(DataError, match="install netspec again"):
        digits.load()


def test_other_content_is_found_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = tmp_path / "digits.npz"
    np.savez(other, images=np.zeros((3, 8, 8), np.uint8), labels=np.zeros(3, np.uint8))
    monkeypatch.setattr(digits, "FILE", other)
    with pytest.raises(DataError, match="does not have the content"):
        digits.load()


@given(st.lists(st.integers(0, 5), min_size=1, max_size=80), st.data())
def test_every_class_gets_its_share(labels: list[int], data: st.DataObject) -> None:
    count = data.draw(st.integers(0, len(labels)))
    array = np.array(labels, np.int32)
    chosen = digits.stratified(array, count, seed=data.draw(st.integers(0, 2**32)))
    assert chosen.sum() == count
    share = np.bincount(array) * count / len(labels)
    assert np.all(np.abs(np.bincount(array[chosen], minlength=len(share)) - share) < 1)
