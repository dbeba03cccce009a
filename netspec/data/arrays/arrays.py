"""Datasets that people bring: arrays in memory, in `.npz` or `.npy` files, or a folder of four IDX files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec.data.arrays import idx, npz
from netspec.data.arrays.forms import in_form
from netspec.data.arrays.groups import Groups, divided_by_group, groups_of_arrays
from netspec.data.arrays.parts import drawn_test
from netspec.data.checks import as_labels, as_pixels, as_tokens, as_values, facts, require, require_range
from netspec.data.class_names import numbered, require_takes_names
from netspec.data.fitting import fit
from netspec.data.targets import Wanted, as_target
from netspec.data.types import Dataset, Split
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.ir.data_source import DataSource
from netspec.recipe.array_facts import KEYS, KEYS_VAL, examples_wrong, unlike
from netspec.recipe.array_names import CLASS_NAMES, SPLITS, VALIDATION, ArrayNames, Keys
from netspec.recipe.group_names import group_arrays
from netspec.sources.draws import RULE
from netspec.sources.missing import missing_data
from netspec.sources.preparation import Preparation
from netspec.system.files import kind_of

__all__ = ["KEYS", "Reading", "dataset_of", "from_arrays", "read_idx_folder", "read_npz"]


@dataclass(frozen=True, slots=True)
class Reading:
    """How a network reads the arrays of a dataset.

    Attributes:
        names: what the arrays of its input and its target may be called beside `x` and `y`.
        keys: what they are called, as KEYS and KEYS_VAL are; those unless given.
        known: the names of the classes that a model has learned.
        held_out: so many of the training examples are for validation.
        shape: of the network's input, into which examples are brought.
        test: how much is for the test, as the spec says it.
        learns: whether targets are needed; else the input is learned again, or a loss compares with nothing.
        grouped: what says by which array examples stay together; None where nothing does.
        learned: whether a trained model is looked at.
    """

    names: ArrayNames = field(default_factory=lambda: ArrayNames.of(("x",), ("y",)))
    keys: tuple[str, ...] | None = None
    known: tuple[str, ...] | None = None
    held_out: int = 0
    shape: tuple[int, ...] | None = None
    test: float | None = None
    learns: bool = True
    grouped: DataSource | None = None
    learned: bool = False

    def group_keys(self, there: Collection[str], where: str) -> dict[str, str]:
        """Return what the array of the groups of each part is called; nothing where none is asked for.

        Raises:
            DataError: it is missing, and no trained model is looked at.
        """
        if self.grouped is None:
            return {}
        keys, wrong = group_arrays(self.grouped.group_array, there, where)
        if wrong and not self.learned:
            raise DataError(*wrong)
        return keys

    def found_in(self, there: Collection[str], where: str) -> Keys:
        """Return the keys of the arrays in a file, whose names are given with the largest array first.

        Raises:
            DataError: one is missing.
        """
        found, missing = self.names.chosen(there)
        if missing and not self.learns:
            found, missing = self.names.without_targets().chosen(there)
        if missing:
            raise DataError(*self.names.lacks(missing, there, where, sayable=True))
        return found


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
    pairs = dict(zip((*SPLITS, VALIDATION), zip(given[::2], given[1::2], strict=True), strict=False))
    called = dict(zip(pairs, zip(keys[::2], keys[1::2], strict=True), strict=False))
    reading = replace(reading, shape=reading.shape or shape)
    names = None if labels is None else _class_names(labels)
    return fit(dataset_of(pairs, called, reading, tokens, names, want, name), shape, resizable=False)


def dataset_of(
    pairs: Mapping[str, tuple[Any, Any]],
    called: Mapping[str, tuple[str, str]],
    reading: Reading,
    tokens: int | None = None,
    names: tuple[str, ...] | None = None,
    want: Wanted | None = None,
    name: str = "arrays",
    groups: Groups | None = None,
) -> Dataset:
    """Return the dataset of examples and targets, by their parts: `train`, `test`, `val`; a test part may be missing.

    Args:
        pairs: the examples and the targets of each part.
        called: what they are called, likewise.
        reading: how a network reads them.
        tokens: how many there are, where the examples are token numbers.
        names: of all classes, where they are given.
        want: what the output takes, where targets may be other than a class number for each example.
        name: what to call the dataset.
        groups: of the examples, where they stay together.

    Raises:
        DataError: as for `from_arrays`.
    """
    parts = list(pairs)
    xs = [as_values(pairs[part][0], called[part][0]) for part in parts]
    ys = {called[part][1]: as_values(pairs[part][1], called[part][1]) for part in parts}
    wants = () if want is None else (want,)
    held_out = reading.held_out if "test" in pairs else 0
    found = numbered(ys, wants, all_names=names, known=reading.known, held_out=held_out)
    if found and want:
        require_takes_names(want, called["train"][1], found.names, name)
    notices: list[str] = list(found.notices) if found else []
    formed = None if tokens else reading.shape
    if reading.shape is not None:
        xs, said = in_form(xs, [called[part][0] for part in parts], reading.shape, tokens)
        notices += said
    given = {key: found.arrays[key] for key in ys} if found else ys
    splits = [
        _split(x, given[called[part][1]], called[part], tokens, None if found else want, formed)
        for x, part in zip(xs, parts, strict=True)
    ]
    notices += _said_of_targets(ys, splits) if want else []
    if want and len({(split.labels.dtype.kind, split.labels.ndim) for split in splits}) > 1:
        splits = [_alike(split, want) for split in splits]
    for split, part in zip(splits[1:], parts[1:], strict=True):
        require(unlike(facts(splits[0].images, called["train"][0]), facts(split.images, called[part][0])))
    if found:
        names = found.names
    elif want and not _named_classes(splits[0], want):
        names = names or ()
    elif names is None:
        ignore = want.ignore if want else None
        largest = max(int(split.labels[split.labels != ignore].max(initial=0)) for split in splits)
        names = tuple(str(label) for label in range(largest + 1))
    if not found and names and not (want and (want.ignore is not None or not _named_classes(splits[0], want))):
        for split, part in zip(splits, parts, strict=True):
            require_range(split.labels, called[part][1], len(names))
    made = dict(zip(parts, splits, strict=True))
    cut = "test" not in made
    places: Mapping[str, tuple[tuple[str, str], ...]] = {}
    if "test" in made and reading.test is not None:
        notices.append(f"`test` is not used: {name} has a test part of its own")
    if reading.grouped:
        made, drawing, places = divided_by_group(made, groups, reading.grouped, name, learned=reading.learned)
        notices += [drawing] if drawing else []
    elif cut:
        made["train"], made["test"], drawing = drawn_test(made["train"], reading.test, name)
        notices += [drawing] if drawing else []
    validation = made.get(VALIDATION)
    fitted = Preparation(draw=RULE) if reading.grouped else None
    dataset = Dataset.of(
        name, made["train"], made["test"], names, tuple(notices), preparation=fitted, validation=validation, cut=cut
    )
    return replace(dataset, groups=places)


def _said_of_targets(ys: Mapping[str, NDArray[Any]], splits: Sequence[Split]) -> list[str]:
    """Return what to say of targets that are taken for something else than what they look like."""
    key, given = next(iter(ys.items()))
    labels = splits[0].labels
    if labels.ndim == given.ndim - 1 and labels.dtype.kind == "i" and given.ndim > 1 and given.shape[1] > 1:
        return [f"{key} has one-hot rows: they are read as classes 0 to {given.shape[1] - 1}"]
    if labels.dtype.kind == "i" and given.dtype.kind == "f":
        return [f"{key} has whole numbers as floats: they are read as classes"]
    return []


def read_npz(
    path: Path, tokens: int | None = None, want: Wanted | None = None, reading: Reading | None = None
) -> Dataset:
    """Return the dataset in a `.npz` file, or in `.npy` files of a folder: x_train, y_train, x_test, y_test; or x, y.

    Class names, where the file has them, are in one more, class_names; examples for validation in x_val and y_val.

    Args:
        path: of the file.
        tokens: as for `from_arrays`.
        want: likewise.
        reading: likewise; the arrays may have the names of the network's input and target.

    Raises:
        DataError: the file cannot be read, lacks an array, or holds one that `from_arrays` refuses.
    """
    reading = reading or Reading()
    keys: Keys = {}
    over: list[str] = []
    grouped: dict[str, str] = {}

    def choose(there: Collection[str]) -> list[str]:
        keys.update(reading.found_in(there, str(path)))
        grouped.update(reading.group_keys(there, str(path)))
        said = reading.names.passed_over(keys, there)
        over.extend([f"{path}: {said}; the spec may say which: `columns`, `target`"] if said else [])
        listed = next((key for name in CLASS_NAMES for key in there if key.lower() == name), None)
        return [*keys.values(), *grouped.values(), *([listed] if listed else [])]

    arrays = npz.arrays_of(path, str(path), choose, optional=CLASS_NAMES)
    others = {key: a for key, a in arrays.items() if key not in {*keys.values(), *grouped.values()}}
    names, notices = _names_in(path, others)
    parts = list(dict.fromkeys(split for _, split in keys))
    (own_x,), own_y = reading.names.inputs, next(iter(reading.names.targets), "")
    pairs, called = {}, {}
    for part in parts:
        x, y = keys[own_x, part], keys.get((own_y, part), "")
        pairs[part] = (arrays[x], arrays[y] if y else np.zeros(len(arrays[x]) if arrays[x].ndim else 0, np.int32))
        called[part] = (x, y or x)
    try:
        all_names = None if names is None else _class_names(names)
        if all_names is None and not any(own == own_y for own, _ in keys):
            all_names = ()
        groups = groups_of_arrays(arrays, grouped) if grouped else None
        made = dataset_of(pairs, called, reading, tokens, all_names, want, str(path), groups)
        made = fit(made, reading.shape, resizable=False)
    except DataError as error:
        raise DataError(f"{path}: {error.message}", error.fix) from error
    return replace(made, notices=(*over, *notices, *made.notices))


def _names_in(path: Path, others: Mapping[str, NDArray[Any] | None]) -> tuple[list[str] | None, tuple[str, ...]]:
    """Return the class names in a file, if it has them, and what to say where they cannot be read."""
    for key, names in others.items():
        # A file may hold more than netspec reads: only a row of texts is taken for class names.
        if names is not None and names.ndim == 1 and names.dtype.kind == "U":
            return names.tolist(), ()
        return None, (f"{path}: {key} is no row of texts, and is not read: give np.array(names, dtype=str)",)
    return None, ()


def read_idx_folder(folder: Path) -> Dataset:
    """Return the dataset in a folder that holds the four IDX files, named as those of MNIST are.

    Raises:
        DataError: a file is missing or damaged, or images and labels do not belong together.
    """
    kind = kind_of(folder, DataError)
    if kind != "folder":
        fix = "give a folder with the four IDX files, or a .npz file"
        if kind is None:
            raise missing_data(folder, str(folder), fix)
        raise DataError(f"{folder} is neither a .npz file nor a folder", fix)
    arrays = []
    for name in idx.NAMES:
        path = idx.find(folder, name)
        if path is None:
            raise DataError(f"{folder} lacks {name}", f"a dataset folder holds {listing(idx.NAMES, 'and')}")
        arrays.append(idx.read_idx(path, dimensions=3 if "images" in name else 1))
    try:
        return from_arrays(*arrays, name=str(folder))
    except DataError as error:
        raise DataError(f"{folder}: {error.message}", error.fix) from error


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


def _split(
    x: ArrayLike,
    y: ArrayLike,
    names: tuple[str, ...],
    tokens: int | None,
    want: Wanted | None,
    formed: tuple[int, ...] | None,
) -> Split:
    """Return a part; `formed` is the shape of the network's input, where its examples are in its form already."""

    def targets(examples: NDArray[Any]) -> NDArray[Any]:
        return as_target(y, names[1], examples, want) if want else as_labels(y, names[1], examples)

    if tokens:
        numbers = as_tokens(x, names[0], tokens)
        require(examples_wrong(facts(numbers, names[0]), tokens))
        return Split(numbers, targets(numbers))
    images = np.asarray(x) if formed else as_pixels(x, names[0])
    return Split(images[:, None] if images.ndim == 3 and not (formed and len(formed) == 2) else images, targets(images))


def _require_order(arrays: Sequence[ArrayLike]) -> None:
    """Raise DataError where the second array has examples too, and the third labels, as other libraries order them."""
    shapes = [np.shape(array) if isinstance(array, np.ndarray) else () for array in arrays]
    if len(shapes[0]) > 1 and len(shapes[1]) > 1 and shapes[0][1:] == shapes[1][1:] and len(shapes[2]) == 1:
        raise DataError("y_train has examples, and x_test labels", f"the order is {listing(KEYS, 'and')}")
