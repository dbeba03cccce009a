"""One network with two outputs on MNIST: the digit, and how much ink it has."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import r2_score

from learned.frame import Effort, Found, first, trained
from netspec.data import Split

__all__ = ["SPECS", "TEXT", "TITLE", "measure"]

TITLE = "Two outputs: the digit and its ink"
TEXT = (
    "Which digit is it, and how bright is the image in the mean? The brightness is standardized with the mean and the "
    "deviation of the training part. One network learns both from 20,000 training images of MNIST, two others one of "
    "them each; the test images are all 10,000."
)
_TRUNK = "input 1x28x28\nconv 16 5x5 relu; pool 2; conv 32 5x5 relu; pool 2; fc 64 relu"
_RECIPE = "train { optimizer adam lr=0.001; schedule cosine; batch 64; epochs 4 }"
SPECS = {
    "both": f"""{_TRUNK} as trunk
fc 10 softmax as digit
from trunk; fc 1 as ink
output digit
output ink loss=mse

{_RECIPE}""",
    "the digit alone": f"{_TRUNK}\nfc 10 softmax as digit\n\n{_RECIPE}",
    "the ink alone": f"{_TRUNK}\nfc 1 as ink\n\n{_RECIPE.replace('train {', 'train { loss mse;')}",
}


def measure(effort: Effort) -> Found:
    """Return the accuracy of the digit and R² of the ink, of each network."""
    digits = effort.digits()
    count, tested = effort.of(20_000, 64), effort.of(10_000, 64)
    ink = _ink(digits.train, count)
    found: dict[str, dict[str, tuple[float, ...]]] = {}
    targets = {"both": ("digit", "ink"), "the digit alone": ("digit",), "the ink alone": ("ink",)}
    for name, wanted in targets.items():
        arrays: dict[str, NDArray[Any]] = {}
        for part, split, n in (("train", digits.train, count), ("test", digits.test, tested)):
            images, labels = first(split, n)
            values = {"digit": labels, "ink": (_ink(split, n) - ink.mean()) / ink.std()}
            arrays |= {f"x_{part}": images, **{f"{target}_{part}": values[target] for target in wanted}}
        end = trained(SPECS[name], arrays, effort.seed, name=name, epochs=1 if effort.short else None)
        answers = end.model.forward(end.variables, arrays["x_test"])
        outputs = answers if isinstance(answers, dict) else {wanted[0]: answers}
        found[name] = {}
        if "digit" in wanted:
            right = np.asarray(outputs["digit"]).argmax(axis=1) == arrays["digit_test"]
            found[name]["accuracy of the digit"] = (float(right.mean()),)
        if "ink" in wanted:
            r2 = r2_score(arrays["ink_test"], np.asarray(outputs["ink"])[:, 0])
            found[name]["R² of the ink"] = (float(r2),)
        found[name]["parameters"] = (float(end.result.parameters),)
    return Found(figures=found)


def _ink(part: Split, count: int) -> NDArray[np.float32]:
    images, _ = first(part, count)
    return images.mean(axis=(1, 2, 3), dtype=np.float32) / 255
