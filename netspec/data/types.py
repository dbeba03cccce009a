"""What a loaded dataset is: two splits of images and labels, the class names and a fingerprint."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Dataset", "Progress", "Split", "fingerprint"]

Progress: TypeAlias = Callable[[str, int, int | None], None]
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
        object.__setattr__(self, "images", _read_only(self.images))
        object.__setattr__(self, "labels", _read_only(self.labels))

    def __len__(self) -> int:
        return len(self.labels)


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

    @classmethod
    def of(
        cls, name: str, train: Split, test: Split, labels: tuple[str, ...], notices: tuple[str, ...] = ()
    ) -> Dataset:
        """Return the dataset of these parts, with its fingerprint."""
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


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a view that cannot be written through; the caller's own array stays as it is."""
    view = array.view()
    view.flags.writeable = False
    return view
