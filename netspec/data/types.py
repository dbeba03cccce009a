"""Dataset and Split: images, labels, class names and a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec.data.originals import Originals
from netspec.data.rows import Rows
from netspec.diagnostics.diagnostic import DataError
from netspec.sources.preparation import Preparation
from netspec.system.arguments import require_kind

__all__ = ["Arrays", "Dataset", "Decoding", "DownloadProgress", "Split", "by_array", "each_array", "fingerprint"]

DownloadProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called during a download with the file's name, the bytes received and, if known, the bytes in all; while pictures are
decoded with the name of the data as `Decoding`, and with how many are done and how many there are."""


class Decoding(str):
    """The name of data that is being decoded: the counts that stand beside it are of pictures."""

    __slots__ = ()


Arrays: TypeAlias = "NDArray[Any] | Mapping[str, NDArray[Any]]"
"""What there is one of for each example: one array, or, of several inputs or targets, each by its name."""


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """Examples with their labels; all arrays are read-only.

    Attributes:
        images: (N, C, H, W), or (N, F) for vectors; uint8 where the source is bytes, else float32. For a network of
            several inputs each by its name. Pictures that do not fit in memory are `Rows`, which are read when they are
            needed.
        labels: (N,) int32, each an index into the class names of the dataset, or (N, ...) with one for each position;
            or float32 of the outputs' shape: shares of classes, several labels at once, or numbers. For a network of
            several outputs each by the name of the target.
        originals: what the examples were made of, for people to look at; None where nobody can say.
    """

    images: Any
    labels: Any
    originals: Originals | None = None

    def __post_init__(self) -> None:
        for name in ("images", "labels"):
            given = getattr(self, name)
            arrays = given if isinstance(given, Mapping) else {name: given}
            for key, array in arrays.items():
                if isinstance(array, Rows) and name == "images":
                    continue
                require_kind(array, np.ndarray, key, "an array of NumPy", f"give numpy.asarray({key})", DataError)
            object.__setattr__(self, name, by_array(_read_only, given))
        shapes = [array.shape for array in (*each_array(self.images), *each_array(self.labels))]
        if not all(shapes) or len({shape[0] for shape in shapes}) != 1:
            said = f"{_shapes(self.images)} images and {_shapes(self.labels)} labels"
            raise DataError(said, "give a label for each image")

    def __len__(self) -> int:
        return len(next(each_array(self.labels)))

    def rows(self, start: int | None = None, stop: int | None = None) -> Split:
        """Return the examples from one place to another."""
        return self._at(slice(start, stop))

    def take(self, at: NDArray[np.integer[Any]]) -> Split:
        """Return the examples at some places, in that order."""
        return self._at(at)

    def _at(self, at: Any) -> Split:
        images, labels = (by_array(lambda array: array[at], arrays) for arrays in (self.images, self.labels))
        return Split(images, labels, self.originals and self.originals.take(at))

    def __repr__(self) -> str:
        return f"Split: {len(self):,} examples of {_shape(self.images)}"


@dataclass(frozen=True, eq=False, slots=True)
class Dataset:
    """A dataset in memory, ready to train on.

    Attributes:
        name: as the user called it.
        train: the training examples.
        test: the test examples.
        labels: the class names; none where the targets are numbers.
        notices: what was done that the user should know, a line each, such as a fallback or a resizing.
        sha256: of the arrays, in hexadecimal; lock files record it.
        preparation: what was fitted to the training part, such as the vocabulary of a text; None where nothing was.
        validation: the examples for validation, where they were given; else `validation` in a spec takes some out of
            the training examples.
        target_labels: of several outputs the names of the classes of those targets that have some, by their names.
        cut: whether the test part was taken out of the examples here: the data itself has none.
        groups: of arrays whose examples stay together the place and the group of each example of each part.
        naive: of windows of a table how good the last known value is as the forecast, of each part.
    """

    name: str
    train: Split
    test: Split
    labels: tuple[str, ...]
    notices: tuple[str, ...]
    sha256: str
    preparation: Preparation | None = None
    validation: Split | None = None
    target_labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    cut: bool = False
    groups: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    naive: Mapping[str, Mapping[str, float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        fix = "data=(x_train, y_train, x_test, y_test) is all that ns.train needs"
        for name in ("train", "test"):
            require_kind(getattr(self, name), Split, name, "a Split of images and labels", fix, DataError)
        if self.validation is not None:
            require_kind(self.validation, Split, "validation", "a Split of images and labels", fix, DataError)
        for name, kind, what in (("name", str, "a text"), ("labels", tuple, "the names of the classes, a tuple")):
            require_kind(getattr(self, name), kind, name, what, fix, DataError)

    def __repr__(self) -> str:
        classes = ", ".join(map(str, self.labels[:_FEW])) + (", …" if len(self.labels) > _FEW else "")
        given = f", {len(self.validation):,} validation" if self.validation else ""
        counts = f"{len(self.train):,} training{given} and {len(self.test):,} test examples"
        named = f"{len(self.labels)} classes: {classes}" if self.labels else f"targets of {_shape(self.train.labels)}"
        return f"Dataset {self.name}: {counts} of {_shape(self.train.images)}\n  {named[:_WIDTH]}"

    def _repr_html_(self) -> str:
        from netspec.notebook.show import dataset_html  # noqa: PLC0415

        return dataset_html(self)

    @classmethod
    def of(
        cls,
        name: str,
        train: Split,
        test: Split,
        labels: tuple[str, ...],
        notices: tuple[str, ...] = (),
        *,
        preparation: Preparation | None = None,
        validation: Split | None = None,
        target_labels: Mapping[str, tuple[str, ...]] | None = None,
        cut: bool = False,
    ) -> Dataset:
        """Return the dataset of these parts, with its fingerprint."""
        if not (isinstance(train, Split) and isinstance(test, Split)):
            return cls(name, train, test, labels, notices, "")  # which says what is wrong
        parts = tuple(each for s in (train, test, validation) if s is not None for each in (s.images, s.labels))
        digest = fingerprint(*(array for part in parts for array in each_array(part)))
        names = [name for part in parts if isinstance(part, Mapping) for name in part]
        if names:
            digest = hashlib.sha256(f"{digest} {names}".encode()).hexdigest()
        return cls(name, train, test, labels, notices, digest, preparation, validation, target_labels or {}, cut)

    @property
    def splits(self) -> dict[str, Split]:
        """The parts that there are, by their names: `training`, `test` and `validation`."""
        given = {"validation": self.validation} if self.validation is not None else {}
        return {"training": self.train, "test": self.test, **given}

    def by_split(self, function: Callable[[Split], Split]) -> Dataset:
        """Return what a function makes of each part, as a dataset of its own fingerprint."""
        validation = None if self.validation is None else function(self.validation)
        return self.divided(function(self.train), function(self.test), validation)

    def without_validation(self) -> Dataset:
        """Return the dataset without examples that were given for validation."""
        return self if self.validation is None else self.divided(self.train, self.test, None)

    def divided(self, train: Split, test: Split, validation: Split | None) -> Dataset:
        """Return the dataset with other parts, of a fingerprint of their own."""
        return Dataset.of(
            self.name,
            train,
            test,
            self.labels,
            self.notices,
            validation=validation,
            target_labels=self.target_labels,
            preparation=self.preparation,
            cut=self.cut,
        )

    def names_of(self, target: str) -> tuple[str, ...]:
        """Return the names of the classes of a target; none where it has none."""
        return self.target_labels.get(target, () if isinstance(self.train.labels, Mapping) else self.labels)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (C, H, W), or (F,) for vectors; of several inputs that of the first."""
        return tuple(next(each_array(self.train.images)).shape[1:])


def each_array(arrays: Arrays) -> Iterator[NDArray[Any]]:
    """Yield one array, or each of several."""
    yield from arrays.values() if isinstance(arrays, Mapping) else (arrays,)


def by_array(function: Callable[[NDArray[Any]], NDArray[Any]], arrays: Arrays) -> Arrays:
    """Return what a function makes of one array, or of each of several by its name."""
    return {name: function(a) for name, a in arrays.items()} if isinstance(arrays, Mapping) else function(arrays)


def fingerprint(*arrays: Any) -> str:
    """Return the SHA-256 of types, shapes and values, in hexadecimal, whatever the layout in memory.

    Of rows that are read for it once it is kept beside them.
    """
    rows = [array for array in arrays if isinstance(array, Rows)]
    key = _selection(arrays) if rows else ""
    known = rows[0].source.remembered(key) if rows else None
    if known:
        return known
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.dtype.name}{list(array.shape)}".encode())
        for piece in array.pieces() if isinstance(array, Rows) else (array,):
            digest.update(np.ascontiguousarray(piece, dtype=array.dtype.newbyteorder("<")).data)
    if rows:
        rows[0].source.remember(key, digest.hexdigest())
    return digest.hexdigest()


def _selection(arrays: Iterable[NDArray[Any] | Rows]) -> str:
    """Return a hash of which rows these are, without reading them, and of the other arrays."""
    found = hashlib.sha256()
    for array in arrays:
        if isinstance(array, Rows):
            found.update(array.source.key.encode() + array.numbers.astype("<i8").tobytes())
        else:
            found.update(f"{array.dtype.name}{list(array.shape)}".encode() + np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


_FEW, _WIDTH = 10, 100
"""Of what an interpreter shows: class names, and characters of them."""


def _shapes(arrays: Arrays) -> str:
    return ", ".join(str(array.shape) for array in each_array(arrays))


def _shape(images: Arrays) -> str:
    if isinstance(images, Mapping):
        return ", ".join(f"{name} {_shape(array)}" for name, array in images.items())
    return f"{'x'.join(map(str, images.shape[1:])) or 'one number'} ({images.dtype})"


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written through; the caller's own array stays as it is."""
    if isinstance(array, Rows):
        return array
    view = array.view()
    view.flags.writeable = False
    return view
