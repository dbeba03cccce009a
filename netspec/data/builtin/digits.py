"""The bundled digits: reading them, and their two fixed splits."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from netspec.data.order import epoch_order
from netspec.data.types import Split
from netspec.diagnostics.diagnostic import DataError

__all__ = ["FILE", "load", "load_by_writer", "stratified"]

FILE = Path(__file__).with_name("digits.npz")
_SHA256 = "b2dab7b501728c22e9119ad76740b2e17c77a231e42d1e592380d90886f1a05e"  # of the whole file
_TEST = 360


def load() -> tuple[Split, Split]:
    """Return training and test part of `digits`: (1437, 1, 8, 8) and (360, 1, 8, 8) uint8.

    Raises:
        DataError: the file is damaged.
    """
    images, labels = _read(FILE)
    test = stratified(labels, _TEST, seed=0)
    return Split(images[~test], labels[~test]), Split(images[test], labels[test])


def load_by_writer() -> tuple[Split, Split]:
    """Return the same images split in file order, where the last fifth comes from other writers.

    Raises:
        DataError: the file is damaged.
    """
    images, labels = _read(FILE)
    return Split(images[:-_TEST], labels[:-_TEST]), Split(images[-_TEST:], labels[-_TEST:])


def stratified(labels: NDArray[np.int32], count: int, *, seed: int) -> NDArray[np.bool_]:
    """Choose `count` examples with every class in its share of the whole, as exactly as whole numbers allow.

    Args:
        labels: (N,) class of each example.
        count: how many to choose, at most N.
        seed: at least 0; which ones of a class are chosen depends on it.

    Returns:
        (N,) True where an example is chosen.
    """
    totals = np.bincount(labels)
    wanted, remainders = np.divmod(totals * count, len(labels))
    # Largest remainder: what rounding down left over goes to the classes that lost most by it.
    wanted[np.argsort(-remainders, kind="stable")[: count - wanted.sum()]] += 1
    chosen = np.zeros(len(labels), np.bool_)
    for label, number in enumerate(wanted):
        members = np.flatnonzero(labels == label)
        chosen[members[epoch_order(len(members), seed=seed, epoch=label, shuffle=True)[:number]]] = True
    return chosen


def _read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """Return all images as (1797, 1, 8, 8) bytes of 0 to 255, and their labels."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}", "install netspec again") from error
    if hashlib.sha256(content).hexdigest() != _SHA256:
        raise DataError(f"{path} is damaged: it does not have the content it should have", "install netspec again")
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        values, labels = file["images"], file["labels"]
    pixels = np.rint(values * (255 / 16)).astype(np.uint8)
    return pixels[:, None], labels.astype(np.int32)
