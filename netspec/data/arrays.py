"""Datasets that people bring: arrays in memory, a `.npz` file of four, or a folder of four IDX files."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec.data import idx, npz
from netspec.data.checks import as_labels, as_pixels, as_tokens, facts, require, require_range
from netspec.data.fitting import fit
from netspec.data.targets import Wanted, as_target
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.recipe.array_facts import KEYS, NAMES_KEY, examples_wrong, unlike
from netspec.system.files import kind_of

__all__ = ["KEYS", "from_arrays", "read_idx_folder", "read_npz"]


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
    want: Wanted | None = None,
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
        want: what the output takes, where targets may be other than a class number for each example.

    Raises:
        DataError: an array has a wrong type, shape, length or value, or does not fit `shape`; or the class names are
            no texts, or not all different.
    """
    _require_order((x_train, y_train, x_test, y_test))
    train, test = (
        _split(x_train, y_train, KEYS[:2], tokens, want),
        _split(x_test, y_test, KEYS[2:], tokens, want),
    )
    if want and (train.labels.dtype.kind, train.labels.ndim) != (test.labels.dtype.kind, test.labels.ndim):
        train, test = _alike(train, want), _alike(test, want)
    require(unlike(facts(train.images, "x_train"), facts(test.images, "x_test")))
    if want and not _named_classes(train, want):
        return fit(Dataset.of(name, train, test, tuple(_class_names(labels)) if labels else ()), shape, resizable=False)
    if labels is None:
        ignore = want.ignore if want else None
        largest = max(int(y[y != ignore].max(initial=0)) for y in (train.labels, test.labels))
        names = tuple(str(label) for label in range(largest + 1))
    else:
        names = _class_names(labels)
    if want is None or want.ignore is None:
        require_range(train.labels, "y_train", len(names))
        require_range(test.labels, "y_test", len(names))
    return fit(Dataset.of(name, train, test, names), shape, resizable=False)


def read_npz(path: Path, tokens: int | None = None, want: Wanted | None = None) -> Dataset:
    """Return the dataset in a `.npz` file with the arrays x_train, y_train, x_test and y_test.

    Class names, where the file has them, are in a fifth one, class_names.

    Args:
        path: of the file.
        tokens: as for `from_arrays`.
        want: likewise.

    Raises:
        DataError: the file cannot be read, lacks an array, or holds one that `from_arrays` refuses.
    """
    kind = kind_of(path, DataError)
    if kind != "file":
        raise DataError(f"{path} {'is not a file' if kind else 'does not exist'}", "give the path of a .npz file")
    try:
        with zipfile.ZipFile(path) as archive:
            members = npz.members(path, archive, KEYS, optional=(NAMES_KEY,))
            arrays = [npz.unpacked(path, archive, member) for member in members[: len(KEYS)]]
            names, notices = _names_in(path, archive, members[len(KEYS) :])
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise whatever a damaged file leads them to
        raise DataError(f"{path} cannot be read as a .npz file: {error}", "write it with np.savez") from error
    return replace(_named(path, arrays, tokens, names, want), notices=notices)


def _names_in(
    path: Path, archive: zipfile.ZipFile, members: Sequence[zipfile.ZipInfo]
) -> tuple[list[str] | None, tuple[str, ...]]:
    """Return the class names in a file, if it has them, and what to say where they cannot be read."""
    for member in members:
        try:
            names = npz.unpacked(path, archive, member)
        except DataError:
            names = None
        # A file may hold more than netspec reads: only a row of texts is taken for class names.
        if names is not None and names.ndim == 1 and names.dtype.kind == "U":
            return names.tolist(), ()
        return None, (f"{path}: {NAMES_KEY} is no row of texts, and is not read: give np.array(names, dtype=str)",)
    return None, ()


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


def _named(
    path: Path,
    arrays: list[NDArray[Any]],
    tokens: int | None = None,
    names: list[str] | None = None,
    want: Wanted | None = None,
) -> Dataset:
    try:
        return from_arrays(*arrays, tokens=tokens, labels=names, name=str(path), want=want)
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


def _named_classes(split: Split, want: Wanted) -> bool:
    """Return whether targets are class numbers."""
    return split.labels.dtype.kind == "i" and "class" in want.loss.targets


def _alike(split: Split, want: Wanted) -> Split:
    """Return a split whose targets are as those of the other are: numbers, rows of them."""
    if split.labels.dtype.kind == "f":
        return split
    whole = split.labels.astype(np.float32)
    if want.shape[0] > 1:
        whole = np.moveaxis(np.eye(want.shape[0], dtype=np.float32)[split.labels], -1, 1)
    return Split(split.images, whole.reshape(len(whole), *want.shape))


def _split(x: ArrayLike, y: ArrayLike, names: tuple[str, ...], tokens: int | None, want: Wanted | None) -> Split:
    def targets(examples: NDArray[Any]) -> NDArray[Any]:
        return as_target(y, names[1], examples, want) if want else as_labels(y, names[1], examples)

    if tokens:
        numbers = as_tokens(x, names[0], tokens)
        require(examples_wrong(facts(numbers, names[0]), tokens))
        return Split(numbers, targets(numbers))
    images = as_pixels(x, names[0])
    return Split(images[:, None] if images.ndim == 3 else images, targets(images))


def _require_order(arrays: Sequence[ArrayLike]) -> None:
    """Raise DataError where the second array has examples too, and the third labels, as other libraries order them."""
    shapes = [np.shape(array) if isinstance(array, np.ndarray) else () for array in arrays]
    if len(shapes[0]) > 1 and len(shapes[1]) > 1 and shapes[0][1:] == shapes[1][1:] and len(shapes[2]) == 1:
        raise DataError("y_train has examples, and x_test labels", f"the order is {listing(KEYS, 'and')}")
