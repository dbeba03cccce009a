"""Datasets that people bring: arrays in memory, a `.npz` file of four, or a folder of four IDX files."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec.data import idx, npz
from netspec.data.checks import as_labels, as_pixels, as_tokens, facts, require, require_range
from netspec.data.class_names import numbered, require_takes_names
from netspec.data.fitting import fit
from netspec.data.targets import Wanted, as_target
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.recipe.array_facts import KEYS, KEYS_VAL, NAMES_KEY, examples_wrong, unlike
from netspec.recipe.array_names import SPLITS, VALIDATION, ArrayNames
from netspec.system.files import kind_of

__all__ = ["KEYS", "Reading", "from_arrays", "read_idx_folder", "read_npz"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a network reads the arrays of a dataset.

    Attributes:
        names: what the arrays of its input and its target may be called beside `x` and `y`.
        keys: what they are called, as KEYS and KEYS_VAL are; those unless given.
        known: the names of the classes that a model has learned.
        held_out: so many of the training examples are for validation.
    """

    names: ArrayNames = field(default_factory=lambda: ArrayNames.of(("x",), ("y",)))
    keys: tuple[str, ...] | None = None
    known: tuple[str, ...] | None = None
    held_out: int = 0

    def keys_in(self, there: Collection[str], where: str) -> tuple[str, ...]:
        """Return the keys of the arrays in a file; those that are missing too, but for validation.

        Raises:
            DataError: of the arrays for validation one is there and the other is not.
        """
        found, missing = self.names.chosen(there)
        lone = [name for name in missing if name in KEYS_VAL]
        if lone:
            raise DataError(*self.names.lacks(lone[0], there, where))
        order = [(own, split) for split in (*SPLITS, VALIDATION) for own in self.names.shorts]
        usual = dict(zip(order, KEYS, strict=False))
        return tuple(key for each in order if (key := found.get(each) or usual.get(each)))


def from_arrays(
    x_train: ArrayLike,
    y_train: ArrayLike,
    x_test: ArrayLike,
    y_test: ArrayLike,
    *,
    x_val: ArrayLike | None = None,
    y_val: ArrayLike | None = None,
    shape: tuple[int, ...] | None = None,
    tokens: int | None = None,
    labels: Sequence[str] | None = None,
    name: str = "arrays",
    want: Wanted | None = None,
    reading: Reading | None = None,
) -> Dataset:
    """Return a dataset of arrays in memory.

    Args:
        x_train: (N, C, H, W) images, (N, H, W) images of one channel, (N, F) vectors, or, where `shape` says so,
            (N, F, L) sequences; uint8 or float. Token numbers are (N, L), of an integer type.
        y_train: (N,) whole numbers from 0, or names of classes, texts.
        x_test: as `x_train`.
        y_test: as `y_train`; of names only those that `y_train` has.
        x_val: as `x_test`, for validation.
        y_val: as `y_test`, likewise.
        shape: of one example, where the network states it: (C, H, W), (F, L) or (F,).
        tokens: how many there are, where the examples are token numbers.
        labels: the class names; those of `y_train`, or "0", "1", … up to the largest label, when left out.
        name: what to call the dataset.
        want: what the output takes, where targets may be other than a class number for each example.
        reading: how a network reads them, where there is more to it.

    Raises:
        DataError: an array has a wrong type, shape, length or value, or does not fit `shape`; or the class names are
            no texts, or not all different.
    """
    reading = reading or Reading()
    given = [x_train, y_train, x_test, y_test]
    _require_order(given)
    if (x_val is None) != (y_val is None):
        there, missing = KEYS_VAL if y_val is None else reversed(KEYS_VAL)
        raise DataError(f"{there} is given without {missing}", "give both, or neither")
    given += [] if x_val is None or y_val is None else [x_val, y_val]
    keys = reading.keys or (*KEYS, *KEYS_VAL)
    names = None if labels is None else _class_names(labels)
    wants = () if want is None else (want,)
    ys = dict(zip(keys[1::2], given[1::2], strict=False))
    found = numbered(ys, wants, all_names=names, known=reading.known, held_out=reading.held_out)
    if found and want:
        require_takes_names(want, keys[1], found.names, name)
    splits = [
        _split(x, found.arrays[key[1]] if found else y, key, tokens, None if found else want)
        for x, y, key in zip(given[::2], given[1::2], zip(keys[::2], keys[1::2], strict=True), strict=False)
    ]
    if want and len({(split.labels.dtype.kind, split.labels.ndim) for split in splits}) > 1:
        splits = [_alike(split, want) for split in splits]
    for split, key in zip(splits[1:], keys[2::2], strict=False):
        require(unlike(facts(splits[0].images, keys[0]), facts(split.images, key)))
    if found:
        names = found.names
    elif want and not _named_classes(splits[0], want):
        names = names or ()
    elif names is None:
        ignore = want.ignore if want else None
        largest = max(int(split.labels[split.labels != ignore].max(initial=0)) for split in splits)
        names = tuple(str(label) for label in range(largest + 1))
    if not found and names and not (want and (want.ignore is not None or not _named_classes(splits[0], want))):
        for split, key in zip(splits, keys[1::2], strict=False):
            require_range(split.labels, key, len(names))
    notices = found.notices if found else ()
    dataset = Dataset.of(name, splits[0], splits[1], names, notices, validation=splits[2] if splits[2:] else None)
    return fit(dataset, shape, resizable=False)


def read_npz(
    path: Path, tokens: int | None = None, want: Wanted | None = None, reading: Reading | None = None
) -> Dataset:
    """Return the dataset in a `.npz` file with the arrays x_train, y_train, x_test and y_test.

    Class names, where the file has them, are in a fifth one, class_names; examples for validation in x_val and y_val.

    Args:
        path: of the file.
        tokens: as for `from_arrays`.
        want: likewise.
        reading: likewise; the arrays may have the names of the network's input and target.

    Raises:
        DataError: the file cannot be read, lacks an array, or holds one that `from_arrays` refuses.
    """
    kind = kind_of(path, DataError)
    if kind != "file":
        raise DataError(f"{path} {'is not a file' if kind else 'does not exist'}", "give the path of a .npz file")
    reading = reading or Reading()
    try:
        with zipfile.ZipFile(path) as archive:
            keys = reading.keys_in({info.filename.removesuffix(".npy") for info in archive.infolist()}, str(path))
            members = npz.members(path, archive, keys, optional=(NAMES_KEY,))
            arrays = [npz.unpacked(path, archive, member) for member in members[: len(keys)]]
            names, notices = _names_in(path, archive, members[len(keys) :])
    except DataError:
        raise
    except Exception as error:  # zipfile and NumPy raise whatever a damaged file leads them to
        raise DataError(f"{path} cannot be read as a .npz file: {error}", "write it with np.savez") from error
    made = _named(path, arrays, tokens, names, want, replace(reading, keys=keys))
    return replace(made, notices=(*notices, *made.notices))


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
    reading: Reading | None = None,
) -> Dataset:
    val: dict[str, Any] = dict(zip(KEYS_VAL, arrays[4:], strict=False))
    try:
        return from_arrays(*arrays[:4], **val, tokens=tokens, labels=names, name=str(path), want=want, reading=reading)
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
