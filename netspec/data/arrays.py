"""Datasets that people bring: arrays in memory, a `.npz` file of four, or a folder of four IDX files."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike, NDArray

from netspec.data import idx, npz
from netspec.data.checks import as_labels, as_pixels, as_tokens, require_range, shape_text
from netspec.data.fitting import fit
from netspec.data.types import Dataset, Split
from netspec.diagnostics import DataError, listing
from netspec.files import kind_of

__all__ = ["KEYS", "from_arrays", "read_idx_folder", "read_npz"]

KEYS = ("x_train", "y_train", "x_test", "y_test")
"""The arrays of a `.npz` dataset, as Keras names them."""


def from_arrays(
    x_train: ArrayLike,
    y_train: ArrayLike,
    x_test: ArrayLike,
    y_test: ArrayLike,
    *,
    shape: tuple[int, ...] | None = None,
    tokens: int | None = None,
    labels: Sequence[str] | None = None,
    name: str = "arrays",
) -> Dataset:
    """Return a dataset of arrays in memory.

    Args:
        x_train: (N, C, H, W) images, (N, H, W) images of one channel, (N, F) vectors, or, where `shape` says so,
            (N, F, L) sequences; uint8 or float. Token numbers are (N, L), of an integer type.
        y_train: (N,) whole numbers from 0.
        x_test: as `x_train`.
        y_test: as `y_train`.
        shape: of one example, where the network states it: (C, H, W), (F, L) or (F,).
        tokens: how many there are, where the examples are token numbers.
        labels: the class names; "0", "1", … up to the largest label when left out.
        name: what to call the dataset.

    Raises:
        DataError: an array has a wrong type, shape, length or value, or does not fit `shape`; or the class names are
            no texts, or not all different.
    """
    train, test = _split(x_train, y_train, KEYS[:2], tokens), _split(x_test, y_test, KEYS[2:], tokens)
    _require_alike(train.images, test.images)
    if labels is None:
        largest = max(int(train.labels.max()), int(test.labels.max()))
        names = tuple(str(label) for label in range(largest + 1))
    else:
        names = _class_names(labels)
    require_range(train.labels, "y_train", len(names))
    require_range(test.labels, "y_test", len(names))
    return fit(Dataset.of(name, train, test, names), shape, resizable=False)


def read_npz(path: Path, tokens: int | None = None) -> Dataset:
    """Return the dataset in a `.npz` file with the arrays x_train, y_train, x_test and y_test.

    Args:
        path: of the file.
        tokens: as for `from_arrays`.

    Raises:
        DataError: the file cannot be read, lacks an array, or holds one that `from_arrays` refuses.
    """
    kind = kind_of(path, DataError)
    if kind != "file":
        raise DataError(f"{path} {'is not a file' if kind else 'does not exist'}", "give the path of a .npz file")
    try:
        with zipfile.ZipFile(path) as archive:
            arrays = [npz.unpacked(path, archive, member) for member in npz.members(path, archive, KEYS)]
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise whatever a damaged file leads them to
        raise DataError(f"{path} cannot be read as a .npz file: {error}", "write it with np.savez") from error
    return _named(path, arrays, tokens)


def read_idx_folder(folder: Path) -> Dataset:
    """Return the dataset in a folder that holds the four IDX files, named as those of MNIST are.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not belong together.
    """
    kind = kind_of(folder, DataError)
    if kind != "folder":
        wrong = "is neither a .npz file nor a folder" if kind else "does not exist"
        raise DataError(f"{folder} {wrong}", "give a folder with the four IDX files, or a .npz file")
    arrays = []
    for name in idx.NAMES:
        path = idx.find(folder, name)
        if path is None:
            raise DataError(f"{folder} lacks {name}", f"a dataset folder holds {listing(idx.NAMES, 'and')}")
        arrays.append(idx.read_idx(path, dimensions=3 if "images" in name else 1))
    return _named(folder, arrays)


def _named(path: Path, arrays: list[NDArray[Any]], tokens: int | None = None) -> Dataset:
    try:
        return from_arrays(*arrays, tokens=tokens, name=str(path))
    except DataError as error:
        raise DataError(f"{path}: {error.message}", error.fix) from error


def _class_names(labels: Any) -> tuple[str, ...]:
    """Return class names as they were given; raises DataError where they are no texts, or not all different."""
    try:
        names = list(labels)
    except TypeError:
        raise DataError(f"labels cannot be a {type(labels).__name__}", "give a list of class names") from None
    for i, name in enumerate(names):
        if not isinstance(name, str):
            raise DataError(
                f"labels[{i}] is of the type {type(name).__name__}, but class names are texts",
                f"where classes have numbers for names: labels=[str(i) for i in range({len(names)})]",
            )
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(f"two classes have the same name, {str(name)!r}", "give each class a name of its own")
    return tuple(map(str, names))


def _split(x: ArrayLike, y: ArrayLike, names: tuple[str, ...], tokens: int | None) -> Split:
    if tokens:
        numbers = as_tokens(x, names[0], tokens)
        if numbers.ndim != 2:
            raise DataError(f"{names[0]} has the shape {numbers.shape}", "give token numbers as (N, length)")
        return Split(numbers, as_labels(y, names[1], len(numbers)))
    images = as_pixels(x, names[0])
    if images.ndim not in (2, 3, 4):
        raise DataError(
            f"{names[0]} has the shape {images.shape}",
            "give images as (N, channels, height, width) or (N, height, width), or vectors as (N, features)",
        )
    if images.ndim == 3:
        images = images[:, None]
    return Split(images, as_labels(y, names[1], len(images)))


def _require_alike(train: NDArray[Any], test: NDArray[Any]) -> None:
    if train.shape[1:] != test.shape[1:]:
        raise DataError(
            f"x_train holds {shape_text(train.shape[1:])} examples, x_test {shape_text(test.shape[1:])} ones",
            "give both the same shape",
        )
    if train.dtype != test.dtype:
        raise DataError(
            f"x_train is {train.dtype}, x_test is {test.dtype}",
            "give both the same type: uint8 is scaled to 0..1, float is used as it is",
        )
