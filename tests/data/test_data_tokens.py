"""Sequences that people bring: token numbers, checked one by one, and features x length."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec.data.arrays.arrays import from_arrays, read_npz
from netspec.data.arrays.examples import read_examples
from netspec.data.loading import load
from netspec.diagnostics.diagnostic import DataError

X = np.arange(24).reshape(4, 6) % 9
Y = np.array([0, 1, 0, 1])


def changed(value: Any) -> np.ndarray:
    x = X.copy()
    x[2, 3] = value
    return x


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.int64, np.uint64])
def test_token_numbers_of_any_whole_type_are_int32(dtype: type) -> None:
    found = from_arrays(X.astype(dtype), Y, X[:2].astype(dtype), Y[:2], shape=(6,), tokens=9)
    assert found.train.images.dtype == np.int32
    np.testing.assert_array_equal(found.train.images, X)
    assert found.shape == (6,)


def test_one_token_more_than_the_largest_is_enough_and_needed() -> None:
    assert len(from_arrays(X, Y, X, Y, tokens=9).train) == 4
    with pytest.raises(DataError, match=r"x_train\[1, 2\] is 8, but with tokens=8 they go from 0 to 7") as caught:
        from_arrays(X, Y, X, Y, tokens=8)
    assert caught.value.fix == "write `tokens=9` or more"


BAD: dict[str, tuple[np.ndarray, str]] = {
    "too large": (changed(9), r"x_train\[2, 3\] is 9, but with tokens=9"),
    "huge": (changed(2**40), r"x_train\[2, 3\] is 1099511627776"),
    "huge, unsigned": (changed(2**40).astype(np.uint64), r"x_train\[2, 3\] is 1099511627776"),
    "negative": (changed(-1), r"x_train\[2, 3\] is -1"),
    "floats": (X.astype(float), "x_train has the type float64, but token numbers are whole numbers"),
    "booleans": (X > 3, "x_train has the type bool"),
    "texts": (X.astype(str), "which is not numbers"),
    "a row": (X.ravel(), r"x_train has the shape \(24,\)"),
    "images": (X.reshape(4, 1, 2, 3), r"x_train has the shape \(4, 1, 2, 3\)"),
    "of another length": (X[:, :5], "x_train holds 5 examples, x_test 6 ones"),
    "fewer": (X[:3], "y_train has 4 labels for 3 examples"),
    "none": (X[:0], "x_train is empty"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_no_token_number_is_refused_by_its_place(case: str) -> None:
    x, message = BAD[case]
    with pytest.raises(DataError, match=message) as caught:
        from_arrays(x, Y, X, Y, shape=(6,), tokens=9)
    assert caught.value.fix


def test_the_test_part_is_checked_too() -> None:
    with pytest.raises(DataError, match=r"x_test\[2, 3\] is 9"):
        from_arrays(X, Y, changed(9), Y, tokens=9)


def test_another_length_than_the_networks() -> None:
    with pytest.raises(DataError, match="holds examples of 6, but the network takes 7"):
        from_arrays(X, Y, X, Y, shape=(7,), tokens=9)


def test_a_file_of_token_numbers(tmp_path: Path) -> None:
    path = tmp_path / "text.npz"
    np.savez(path, x_train=X, y_train=Y, x_test=X, y_test=Y)
    assert read_npz(path, 9).train.images.dtype == np.int32
    assert load([str(path)], shape=(6,), tokens=9).shape == (6,)
    with pytest.raises(DataError, match=r"text.npz: x_train\[1, 2\] is 8"):
        read_npz(path, 8)
    with pytest.raises(DataError, match="int64") as caught:
        read_npz(path)
    assert "tokens=" in caught.value.fix


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_built_in_images_are_no_tokens(name: str) -> None:
    with pytest.raises(DataError, match="holds images, but the network takes token numbers"):
        load([name], shape=(64,), tokens=9)


def test_a_folder_of_images_is_no_tokens(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds images"):
        load([str(tmp_path)], shape=(64,), tokens=9)


def test_examples_to_predict(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, X.astype(np.int16))
    assert read_examples(path, (6,), 9).dtype == np.int32
    np.testing.assert_array_equal(read_examples(path, (6,), 9), X)
    with pytest.raises(DataError, match=r"x.npy\[1, 2\] is 8"):
        read_examples(path, (6,), 8)
    np.save(path, X[0])
    assert read_examples(path, (6,), 9).shape == (1, 6)
    np.save(path, X / 2)
    with pytest.raises(DataError, match="float64"):
        read_examples(path, (6,), 9)


# --- features x length ----------------------------------------------------------------------------------------------

S = np.arange(4 * 3 * 5, dtype=np.float32).reshape(4, 3, 5)


def test_three_axes_are_a_sequence_where_the_network_takes_one() -> None:
    found = from_arrays(S, Y, S[:2], Y[:2], shape=(3, 5))
    assert found.shape == (3, 5)
    np.testing.assert_array_equal(found.train.images, S)
    assert from_arrays(S, Y, S[:2], Y[:2], shape=(1, 3, 5)).shape == (1, 3, 5)


def test_a_sequence_with_time_first_is_transposed() -> None:
    found = from_arrays(S, Y, S, Y, shape=(5, 3))
    np.testing.assert_array_equal(found.train.images, S.transpose(0, 2, 1))
    assert found.notices == ("x_train: examples are length x features (3x5), and are transposed to 5x3",)
    with pytest.raises(DataError, match="network takes 3x6"):
        from_arrays(S, Y, S, Y, shape=(3, 6))


def test_images_of_one_channel_are_sequences_of_their_columns() -> None:
    images = load(["digits"], shape=(1, 8, 8))
    columns = load(["digits"], shape=(8, 8))
    np.testing.assert_array_equal(columns.train.images, images.train.images[:, 0])


def test_a_sequence_to_predict(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    np.save(path, S)
    assert read_examples(path, (3, 5)).shape == (4, 3, 5)
    np.save(path, S[0])
    assert read_examples(path, (3, 5)).shape == (1, 3, 5)
