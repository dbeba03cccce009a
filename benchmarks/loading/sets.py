"""The pictures that are read: CIFAR-10 as JPEG, and pieces of two photographs that come with scikit-learn."""

from __future__ import annotations

import os
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

__all__ = ["cifar", "photos"]


def cifar(folder: Path, *, short: bool) -> Path:
    """Return the archive `cifar10-images.zip`; in the short form a small one made of noise.

    Raises:
        ValueError: it is not in NETSPEC_DATA.
    """
    if not short:
        path = Path(os.environ.get("NETSPEC_DATA", "")) / "cifar10-images.zip"
        if not path.is_file():
            raise ValueError(f"there is no {path}: NETSPEC_DATA must name a folder with cifar10-images.zip")
        return path
    path, rng = folder / "cifar.zip", np.random.default_rng(0)
    if not path.exists():
        with ZipFile(path, "w") as archive:
            for number in range(60):
                part = "train" if number % 6 else "test"
                file = folder / "one.jpg"
                Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8)).save(file)
                archive.write(file, f"{part}/{'ab'[number % 2]}/{number}.jpg")
    return path


def photos(folder: Path, *, short: bool) -> Path:
    """Return a folder of pieces of two photographs, each tenth of them for the test; they are made once."""
    from sklearn.datasets import load_sample_images  # noqa: PLC0415

    count, whole = (60, 20_000)[not short], folder / f"photos-{'short' if short else 'long'}"
    made = whole.with_suffix(".made")
    if made.exists():
        return whole
    images, rng = load_sample_images().images, np.random.default_rng(0)
    for number in range(count):
        image = images[number % 2]
        top, left = (int(rng.integers(0, side - 256)) for side in image.shape[:2])
        part = whole / ("test" if number % 10 == 9 or number < 2 else "train") / ("china", "flower")[number % 2]
        part.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[top : top + 256, left : left + 256]).save(part / f"{number:05}.jpg", quality=90)
    made.write_text("")
    return whole
