"""CIFAR-10 and CIFAR-100 in their binary version: records of labels and pixels, read out of a tar file in place."""

from __future__ import annotations

import tarfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from netspec.data.builtin.published import Found, Published, PublishedFile, part
from netspec.data.types import Split
from netspec.diagnostics.diagnostic import DataError

__all__ = ["CIFAR10", "CIFAR100", "Records"]

_SHAPE = (3, 32, 32)
_PIXELS = 3 * 32 * 32


@dataclass(frozen=True, slots=True)
class Records:
    """How an archive holds its examples.

    Attributes:
        dataset: its name.
        train: the files with training examples, in their order.
        test: the file with test examples.
        sizes: bytes of each of these files.
        labels: bytes of labels in front of the pixels; the last of them is the class.
    """

    dataset: str
    train: tuple[str, ...]
    test: str
    sizes: dict[str, int]
    labels: int

    def read(self, found: Found) -> tuple[Split, Split]:
        """Return training and test part of the archive; raises DataError where it is damaged."""
        ((file, path),) = found
        with file.opened(path) as stream:
            contents = _members(stream, path, self.sizes)
        return self._part([contents[name] for name in self.train], path), self._part([contents[self.test]], path)

    def _part(self, contents: Sequence[bytes], path: Path) -> Split:
        records: NDArray[np.uint8] = np.frombuffer(b"".join(contents), np.uint8).reshape(-1, self.labels + _PIXELS)
        images = records[:, self.labels :].reshape(-1, *_SHAPE)
        return part(self.dataset, images, records[:, self.labels - 1], path)


def _members(stream: BinaryIO, path: Path, sizes: dict[str, int]) -> dict[str, bytes]:
    """Return the content of some files in a packed tar file; nothing is extracted, and no link is followed."""
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=stream, mode="r:gz") as archive:
        for member in archive:
            if member.name not in sizes:
                continue
            if not member.isreg() or member.size != sizes[member.name]:
                what = f"of {member.size:,} bytes" if member.isreg() else "that is no regular file"
                raise DataError(
                    f"{path} holds a {member.name} {what}, not a file of {sizes[member.name]:,} bytes",
                    "fetch the file again",
                )
            content = archive.extractfile(member)
            assert content is not None
            found[member.name] = content.read()
            if len(found) == len(sizes):
                return found
    lacking = next(name for name in sizes if name not in found)
    raise DataError(f"{path} lacks {lacking}", "fetch the file again")


def _set(records: Records, urls: tuple[str, ...], size: int, sha256: str) -> Published:
    file = PublishedFile(urls[0].rpartition("/")[2], urls, size, sha256)
    return Published(records.dataset, records.dataset, (file,), records.read)


_BATCHES = tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6))
_TEST_BATCH = "cifar-10-batches-bin/test_batch.bin"

# Sizes and SHA-256: TensorFlow Datasets 4.9.10, url_checksums/cifar10.txt and cifar100.txt. MXNet pins the files of its
# mirror by SHA-1, under the same names.
CIFAR10 = _set(
    Records("cifar10", _BATCHES, _TEST_BATCH, dict.fromkeys((*_BATCHES, _TEST_BATCH), 10_000 * (1 + _PIXELS)), 1),
    (
        "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/cifar10/cifar-10-binary.tar.gz",
        "https://storage.googleapis.com/s4tf-hosted-binaries/datasets/CIFAR10/cifar-10-binary.tar.gz",
    ),
    170_052_171,
    "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
)

CIFAR100 = _set(
    Records(
        "cifar100",
        ("cifar-100-binary/train.bin",),
        "cifar-100-binary/test.bin",
        {
            "cifar-100-binary/train.bin": 50_000 * (2 + _PIXELS),
            "cifar-100-binary/test.bin": 10_000 * (2 + _PIXELS),
        },
        2,
    ),
    (
        "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        "https://apache-mxnet.s3-accelerate.dualstack.amazonaws.com/gluon/dataset/cifar100/cifar-100-binary.tar.gz",
    ),
    168_513_733,
    "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
)
