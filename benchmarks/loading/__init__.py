"""How fast pictures are read, by netspec and by others: the rows, and what each of them compares."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

__all__ = ["ROWS", "Measure"]


class Measure(NamedTuple):
    """A row of the page: one set of pictures, read in several ways.

    Attributes:
        title: of its section.
        text: what is measured.
        pictures: which set: `cifar` or `photos`.
        shape: of the input.
        ways: what reads, by the name of the function in `ways.py` and its argument.
        first: the way that the others are compared with.
    """

    title: str
    text: str
    pictures: str
    shape: tuple[int, int, int]
    ways: Mapping[str, tuple[str, str]]
    first: str


_READERS = {
    "netspec, decoding each time": ("netspec_reads", "off"),
    "netspec, from its cache": ("netspec_reads", ""),
    "PyTorch's DataLoader, 2 workers": ("torch_reads", ""),
    "grain's DataLoader, 2 workers": ("grain_reads", ""),
}
_TRAININGS = {"from memory": ("netspec_trains", "off"), "streamed, from the cache": ("netspec_trains", "on")}
_PHOTOS = "20,000 pieces of 256x256 of two photographs, JPEG files in folders"

ROWS: Mapping[str, Measure] = {
    "cifar": Measure(
        "CIFAR-10 as JPEG in a .zip",
        "The 50,000 training pictures in random order, in batches of 128, as arrays of bytes.",
        "cifar",
        (3, 32, 32),
        _READERS,
        "PyTorch's DataLoader, 2 workers",
    ),
    "photos": Measure(
        "Photographs",
        f"{_PHOTOS}, at 3x224x224 in random order, in batches of 64, as arrays of bytes.",
        "photos",
        (3, 224, 224),
        _READERS,
        "PyTorch's DataLoader, 2 workers",
    ),
    "training": Measure(
        "A training from memory and streamed",
        f"A small convolutional network learns from {_PHOTOS}, at 3x128x128: the epochs behind the first one.",
        "photos",
        (3, 128, 128),
        _TRAININGS,
        "from memory",
    ),
    "large": Measure(
        "Eight gigabytes of pictures",
        f"One epoch of a small network on {_PHOTOS}, enlarged to 3x366x366: 8.0 GB once they are decoded.",
        "photos",
        (3, 366, 366),
        {"streamed, decoding once": ("netspec_trains", "on")},
        "streamed, decoding once",
    ),
}
