"""A siamese network on pairs of digits: the same digit, or two different ones?"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from learned.frame import Effort, Found, trained
from netspec.data import Split

__all__ = ["SPECS", "TEXT", "TITLE", "drawn", "measure"]

TITLE = "Pairs: the same digit or not"
TEXT = (
    "Two images of MNIST: are they the same digit? 30,000 pairs of training images and 5,000 of test images, half of "
    "them the same digit. The network learns a distance with the contrastive loss and the margin 1. Pairs closer than "
    "half the margin are taken for the same digit. `clamp` keeps the slope of the square root finite where two images "
    "are equal."
)
SPECS = {
    "siamese": """block tower { conv 8 5x5 relu; pool 2; conv 16 5x5 relu; pool 2; fc 32 }

input 1x28x28 as left
input 1x28x28 as right
from left; tower as a
from right; tower share=a
subtract a as difference
dot difference; clamp min=1e-6; sqrt

train { loss contrastive; optimizer adam lr=0.001; schedule cosine; batch 64; epochs 8 }"""
}


def measure(effort: Effort) -> Found:
    """Return the accuracy and the AUROC of the distances over three seeds."""
    digits = effort.digits()
    accuracies, areas = [], []
    for seed in range(effort.seed, effort.seed + effort.of(3, 1)):
        random = np.random.default_rng(seed)
        train = drawn(digits.train, effort.of(30_000, 64), random)
        test = drawn(digits.test, effort.of(5_000, 64), random)
        names = ("left", "right", "y")
        arrays = {f"{name}_train": array for name, array in zip(names, train, strict=True)}
        arrays |= {f"{name}_test": array for name, array in zip(names, test, strict=True)}
        end = trained(SPECS["siamese"], arrays, seed, name="siamese", epochs=1 if effort.short else None)
        left, right, same = test
        distances = np.asarray(end.model.forward(end.variables, {"left": left, "right": right}))[:, 0]
        accuracies.append(float(((distances < 0.5) == same).mean()))
        areas.append(float(roc_auc_score(same, -distances)))
    return Found(figures={"siamese": {"accuracy": tuple(accuracies), "AUROC": tuple(areas)}})


def drawn(
    part: Split, count: int, random: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.float32]]:
    """Return pairs of images, and 1 for those of the same digit: every other pair."""
    images, labels = np.asarray(part.images), np.asarray(part.labels)
    of = [np.flatnonzero(labels == digit) for digit in range(10)]
    left = random.integers(10, size=count)
    same = np.arange(count) % 2
    right = np.where(same == 1, left, (left + random.integers(1, 10, size=count)) % 10)
    first, second = ([random.choice(of[digit]) for digit in side] for side in (left, right))
    return images[first], images[second], same.astype(np.float32)
