"""A small U-Net on the membranes of ISBI 2012, and the same network in PyTorch, trained by the same recipe."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

import netspec as ns
from learned.frame import Effort, Found, trained

__all__ = ["SPECS", "TEXT", "TITLE", "measure", "overlap", "tiles"]

TITLE = "Segmentation: membranes of cells"
TEXT = (
    "Which pixels are membrane? 30 sections under the electron microscope (ISBI 2012), halved to 256x256 and cut into "
    "four tiles each; the tiles of the first 24 sections are for training (96), those of the last 6 for the test (24). "
    "The network in PyTorch is written by hand: the same layers, initial values, batches, Adam and schedule. Dice and "
    "IoU are of the membrane, of all test pixels together, after the last epoch."
)
SPECS = {
    "unet": """block double(c) { repeat 2 { conv c 3x3 pad=same nobias; batchnorm; relu } }
block up(skip, c) { deconv c 2 stride=2; concat skip; double c }

input 1x128x128
double 8 as top
pool 2; double 16 as middle
pool 2; double 32
up middle 16
up top 8
conv 1 1x1 sigmoid

train { optimizer adam lr=0.003; schedule cosine; batch 8; epochs 30 }"""
}

_SIDE = 128
_SECTIONS, _TRAINED = 30, 24


def measure(effort: Effort) -> Found:
    """Return Dice and IoU of both."""
    from learned.segmentation_twin import twin  # noqa: PLC0415  PyTorch is imported only where it is measured

    sections = effort.of(_SECTIONS, 2)
    x, y = tiles(effort.file("membrane"), sections)
    train = 4 * effort.of(_TRAINED, 1)
    arrays: dict[str, NDArray[Any]] = {
        "x_train": x[:train],
        "y_train": y[:train],
        "x_test": x[train:],
        "y_test": y[train:],
    }
    epochs = effort.of(30, 1)
    ours = trained(SPECS["unet"], arrays, effort.seed, name="unet", epochs=epochs)
    answers = np.asarray(ours.model.forward(ours.variables, x[train:]))
    initial = ns.compile(ns.parse(SPECS["unet"])).init(effort.seed).params
    theirs = twin(arrays, initial, epochs=epochs, seed=effort.seed)
    return Found(
        figures={
            "netspec": _row(answers > 0.5, y[train:]),
            "PyTorch": _row(theirs > 0.5, y[train:]),
        }
    )


def tiles(folder: Path, sections: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return the tiles of the first sections, (N, 1, 128, 128), and 1 where they are membrane."""
    x = [_quarters(_halved(folder / "images" / f"{n}.png")) for n in range(sections)]
    y = [_quarters(_halved(folder / "masks" / f"{n}.png") < 128) for n in range(sections)]
    return np.concatenate(x)[:, None], np.concatenate(y)[:, None].astype(np.float32)


def overlap(found: NDArray[np.bool_], right: NDArray[np.float32]) -> tuple[float, float]:
    """Return Dice and IoU of all positions together."""
    both, either = float((found & (right > 0)).sum()), float((found | (right > 0)).sum())
    return 2 * both / (both + either), both / either


def _halved(path: Path) -> NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("L").resize((2 * _SIDE, 2 * _SIDE), Image.Resampling.BOX))


def _quarters(picture: NDArray[np.generic]) -> NDArray[np.generic]:
    return picture.reshape(2, _SIDE, 2, _SIDE).transpose(0, 2, 1, 3).reshape(4, _SIDE, _SIDE)


def _row(found: NDArray[np.bool_], right: NDArray[np.float32]) -> dict[str, tuple[float, ...]]:
    dice, iou = overlap(found, right)
    accuracy = float((found == (right > 0)).mean())
    return {"Dice": (dice,), "IoU": (iou,), "accuracy": (accuracy,)}
