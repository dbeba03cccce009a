"""Dataset and Split: images, labels, class names and a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec.diagnostics.diagnostic import DataError
from netspec.system.arguments import require_kind

__all__ = ["Dataset", "DownloadProgress", "Split", "fingerprint"]

DownloadProgress: TypeAlias = Callable[[str, int, int | None], None]
"""Called during a download with the file's name, the bytes received and, if known, the bytes in all."""


@dataclass(frozen=True, eq=False, slots=True)
class Split:
    """Examples with their labels; both arrays are read-only.

    Attributes:
        images: (N, C, H, W), or (N, F) for vectors; uint8 where the source is bytes, else float32.
        labels: (N,) int32, each an index into the class names of the dataset.
    """

    images: NDArray[Any]
    labels: NDArray[np.int32]

    def __post_init__(self) -> None:
        for name in ("images", "labels"):
            array = getattr(self, name)
            require_kind(array, np.ndarray, name, "an array of NumPy", f"give numpy.asarray({name})", DataError)
        if self.images.ndim < 1 or len(self.images) != len(self.labels):
            raise DataError(f"{self.images.shape} images and {self.labels.shape} labels", "give a label for each image")
        object.__setattr__(self, "images", _read_only(self.images))
        object.__setattr__(self, "labels", _read_only(self.labels))

    def __len__(self) -> int:
        return len(self.labels)

    def __repr__(self) -> str:
        return f"Split: {len(self.images):,} examples of {_shape(self.images)}"


@dataclass(frozen=True, eq=False, slots=True)
class Dataset:
    """A dataset in memory, ready to train on.

    Attributes:
        name: as the user called it.
        train: the training examples.
        test: the test examples.
        labels: the class names.
        notices: what was done that the user should know, a line each, such as a fallback or a resizing.
        sha256: of the four arrays, in hexadecimal; lock files record it.
    """

    name: str
    train: Split
    test: Split
    labels: tuple[str, ...]
    notices: tuple[str, ...]
    sha256: str

    def __post_init__(self) -> None:
        fix = "data=(x_train, y_train, x_test, y_test) is all that ns.train needs"
        for name in ("train", "test"):
            require_kind(getattr(self, name), Split, name, "a Split of images and labels", fix, DataError)
        for name, kind, what in (("name", str, "a text"), ("labels", tuple, "the names of the classes, a tuple")):
            require_kind(getattr(self, name), kind, name, what, fix, DataError)

    def __repr__(self) -> str:
        classes = ", ".join(map(str, self.labels[:_FEW])) + (", …" if len(self.labels) > _FEW else "")
        counts = f"{len(self.train):,} training and {len(self.test):,} test examples"
        named = f"{len(self.labels)} classes: {classes}"
        return f"Dataset {self.name}: {counts} of {_shape(self.train.images)}\n  {named[:_WIDTH]}"

    @classmethod
    def of(
        cls, name: str, train: Split, test: Split, labels: tuple[str, ...], notices: tuple[str, ...] = ()
    ) -> Dataset:
        """Return the dataset of these parts, with its fingerprint."""
        if not (isinstance(train, Split) and isinstance(test, Split)):
            return cls(name, train, test, labels, notices, "")  # which says what is wrong
        digest = fingerprint(train.images, train.labels, test.images, test.labels)
        return cls(name, train, test, labels, notices, digest)

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one example: (C, H, W), or (F,) for vectors."""
        return self.train.images.shape[1:]


def fingerprint(*arrays: NDArray[Any]) -> str:
    """Return the SHA-256 of types, shapes and values, in hexadecimal, whatever the layout in memory."""
    digest = hashlib.sha256()
    for array in arrays:
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest.update(f"{array.dtype.name}{list(array.shape)}".encode())
        digest.update(little.data)
    return digest.hexdigest()


_FEW, _WIDTH = 10, 100
"""Of what an interpreter shows: class names, and characters of them."""


def _shape(images: NDArray[Any]) -> str:
    return f"{'x'.join(map(str, images.shape[1:])) or 'one number'} ({images.dtype})"


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written through; the caller's own array stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view
