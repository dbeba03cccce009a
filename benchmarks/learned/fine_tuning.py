"""Fine-tuning against training from nothing: digits 5 to 9 from few examples, after digits 0 to 4 from all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from learned.frame import Effort, Found, trained
from netspec.data import Split

__all__ = ["SPECS", "TEXT", "TITLE", "measure", "of_digits"]

TITLE = "Fine-tuning with little data"
TEXT = (
    "The base network learns MNIST's digits 0 to 4 from all of their 30,596 training images. The digits 5 to 9 are "
    "then learned from the first tenth of theirs, and from the first hundredth: from nothing; from the base network's "
    "weights; and from these with its convolutions frozen. The recipe is the same for all three; only the lines "
    "`weights` and `freeze` differ. Accuracy on the 4,861 test images of these digits, after the last epoch."
)
_LAYERS = """block stage(c) { conv c 5x5; batchnorm; relu; pool 2 }
input 1x28x28
stage 16 as one
stage 32 as two
fc 64 relu as body
fc 5 softmax as head
"""
_RECIPE = "train { optimizer adam lr=0.001; schedule cosine; batch 32; epochs 20 }"
SPECS = {
    "base": f"{_LAYERS}\ntrain {{ optimizer adam lr=0.001; schedule cosine; batch 64; epochs 2 }}",
    "from nothing": f"{_LAYERS}\n{_RECIPE}",
    "from the base": f'{_LAYERS}\nweights "runs/base"\n{_RECIPE}',
    "from the base, convolutions frozen": f'{_LAYERS}\nweights "runs/base"\nfreeze one two\n{_RECIPE}',
}


def measure(effort: Effort) -> Found:
    """Return the test accuracies over three seeds, of each way and each share of the data."""
    digits = effort.digits()
    x, y = of_digits(digits.train, range(5))
    few, names = of_digits(digits.train, range(5, 10))
    test, right = of_digits(digits.test, range(5, 10))
    shares = {"a tenth": 10, "a hundredth": 100}
    found: dict[str, dict[str, list[float]]] = {
        name: {share: [] for share in shares} for name in SPECS if name != "base"
    }
    for seed in range(effort.seed, effort.seed + effort.of(3, 1)):
        base = effort.folder / f"base_{seed}"
        whole = {"x_train": x, "y_train": y}
        whole |= dict(zip(("x_test", "y_test"), of_digits(digits.test, range(5)), strict=True))
        trained(SPECS["base"], whole, seed, name="base", epochs=1 if effort.short else None, out=base)
        for name, accuracies in found.items():
            for share, parts in shares.items():
                count = len(few) // (parts if not effort.short else 10)
                arrays = {"x_train": few[:count], "y_train": names[:count], "x_test": test, "y_test": right}
                accuracies[share].append(_accuracy(name, arrays, seed, base, effort))
    return Found(figures={name: {share: tuple(a) for share, a in row.items()} for name, row in found.items()})


def of_digits(part: Split, digits: range) -> tuple[NDArray[np.uint8], NDArray[np.str_]]:
    """Return the images of some digits, and the digits as names."""
    labels = np.asarray(part.labels)
    chosen = np.isin(labels, list(digits))
    return np.asarray(part.images)[chosen], labels[chosen].astype(str)


def _accuracy(name: str, arrays: dict[str, Any], seed: int, base: Path, effort: Effort) -> float:
    weights = base if "weights" in SPECS[name] else None
    end = trained(SPECS[name], arrays, seed, name=name, epochs=1 if effort.short else None, weights=weights)
    assert end.result.test_accuracy is not None
    return end.result.test_accuracy
