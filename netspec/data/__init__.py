"""Datasets and pictures as NumPy arrays on the host, and the order in which an epoch visits them."""

from netspec.data.arrays.arrays import Reading, from_arrays
from netspec.data.arrays.examples import checked_examples, read_examples
from netspec.data.arrays.named import read_arrays
from netspec.data.files.decoding import picture_endings
from netspec.data.files.images import read_image, read_picture
from netspec.data.loading import fetch, load, locate
from netspec.data.order import batch_indices, epoch_order
from netspec.data.types import Dataset, DownloadProgress, Split

__all__ = [
    "Dataset",
    "DownloadProgress",
    "Reading",
    "Split",
    "batch_indices",
    "checked_examples",
    "epoch_order",
    "fetch",
    "from_arrays",
    "load",
    "locate",
    "picture_endings",
    "read_arrays",
    "read_examples",
    "read_image",
    "read_picture",
]
