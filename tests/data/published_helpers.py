"""Tiny datasets in the form of the published ones, which the readers take for them."""

import gzip
import hashlib
import io
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.data.builtin import cifar, emnist, mnist
from netspec.data.builtin.published import Published

COUNT = 3
LABELS = np.array([0, 9, 1], np.uint8)
FORMS = {
    "mnist": mnist.MNIST,
    "fashion_mnist": mnist.FASHION_MNIST,
    "kmnist": mnist.KMNIST,
    "emnist": emnist.EMNIST,
    "emnist_letters": emnist.EMNIST_LETTERS,
    "emnist_digits": emnist.EMNIST_DIGITS,
    "cifar10": cifar.CIFAR10,
    "cifar100": cifar.CIFAR100,
}
BATCHES = tuple(f"cifar-10-batches-bin/data_batch_{number}.bin" for number in range(1, 6))
CIFAR = {
    "cifar10": dict.fromkeys((*BATCHES, "cifar-10-batches-bin/test_batch.bin"), 10000 * 3073),
    "cifar100": {"cifar-100-binary/train.bin": 50_000 * 3074, "cifar-100-binary/test.bin": 10_000 * 3074},
}


@dataclass
class Small:
    """A tiny dataset: how it is published here, what its files hold, and what is to be read of it."""

    published: Published
    contents: dict[str, bytes]
    images: NDArray[np.uint8]
    labels: list[int]


def pictures(shape: tuple[int, ...], count: int = COUNT) -> NDArray[np.uint8]:
    """Pictures that none of their mirrored forms equals."""
    return np.random.default_rng(0).integers(0, 256, (count, *shape), dtype=np.uint8)


def idx_bytes(array: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape) + array.tobytes()


def small(name: str) -> Small:
    """Return a tiny dataset of that name, of three training and as many test images."""
    published = FORMS[name]
    if name.startswith("cifar"):
        return _cifar(name)
    images = pictures((28, 28))
    if name.startswith("emnist"):
        split = {"emnist": "balanced"}.get(name, name.removeprefix("emnist_"))
        first = 1 if split == "letters" else 0
        members = {}
        for which in ("train", "test"):
            prefix = f"gzip/emnist-{split}-{which}"
            members[f"{prefix}-images-idx3-ubyte.gz"] = gzip.compress(idx_bytes(images.transpose(0, 2, 1)))
            members[f"{prefix}-labels-idx1-ubyte.gz"] = gzip.compress(idx_bytes(LABELS + first))
        return named(published, {"gzip.zip": zipped(members)}, images[:, None], LABELS.tolist())
    contents = {}
    for file in published.files:
        content = idx_bytes(images if "images" in file.name else LABELS)
        contents[file.name] = content if file.unpacked else gzip.compress(content)
    return named(published, contents, images[:, None], LABELS.tolist())


def named(published: Published, contents: Mapping[str, bytes], images: Any, labels: list[int]) -> Small:
    """Return the dataset with other content, and its sizes and hashes."""
    files = []
    for file in published.files:
        content = contents[file.name]
        files.append(replace(file, size=len(content), sha256=hashlib.sha256(content).hexdigest()))
    return Small(replace(published, files=tuple(files)), dict(contents), images, labels)


def _cifar(name: str) -> Small:
    """A dataset of five files with an example each, or one with three."""
    fine = name == "cifar100"
    images = pictures((3, 32, 32), 3 if fine else 5)
    labels = [0, 99, 1] if fine else [0, 9, 1, 2, 3]
    records = [bytes([19, label] if fine else [label]) + i.tobytes() for i, label in zip(images, labels, strict=True)]
    every = b"".join(records)
    members = dict(zip(CIFAR[name], [every, every] if fine else [*records, every], strict=True))
    return cifar_of(name, tarred(members), {key: len(content) for key, content in members.items()}, images, labels)


def cifar_of(name: str, archive: bytes, sizes: dict[str, int], images: Any = None, labels: Any = ()) -> Small:
    """Return CIFAR of another archive, with files of other sizes."""
    published = FORMS[name]
    records = replace(published.read.__self__, sizes=sizes)  # type: ignore[attr-defined]
    return named(replace(published, read=records.read), {published.files[0].name: archive}, images, list(labels))


def zipped(members: Mapping[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def tarred(members: Mapping[str, bytes | tarfile.TarInfo]) -> bytes:
    """Return a packed tar file of files; or of what is no file, such as a link."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in members.items():
            if isinstance(content, tarfile.TarInfo):
                archive.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return stream.getvalue()


def put(folder: Path, contents: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    return folder
