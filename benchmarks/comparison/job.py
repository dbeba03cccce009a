"""What every worker is handed, on disk: the recipe in plain numbers, the examples, and netspec's initial weights.

Only NumPy is needed to read it, so that a worker holds nothing but its own library.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

__all__ = ["Array", "Job", "Layer", "Program", "Queues", "cores", "evaluation_loss"]

Array: TypeAlias = NDArray[Any]

_FACTS, _ARRAYS = "job.json", "arrays.npz"
EVALUATED = 64
"""Test examples that the trained network is compared on."""


@dataclass(frozen=True)
class Layer:
    """The arrays of one layer, as netspec names and shapes them, and the shape of its input per example."""

    kind: str
    input: tuple[int, ...]
    arrays: Mapping[str, Array]

    def dense(self) -> Array:
        """Return the kernel of a fully connected layer as (inputs, outputs), an image's inputs in the order H, W, C."""
        kernel = self.arrays["kernel"]
        if len(self.input) == 3:
            kernel = kernel.reshape(len(kernel), *self.input).transpose(0, 2, 3, 1).reshape(kernel.shape)
        return np.ascontiguousarray(kernel.T)


Queues: TypeAlias = Mapping[str, "deque[Layer]"]
"""Layers by kind, in the order of the spec: the n-th convolution of a program gets the n-th of the spec."""


@dataclass(frozen=True)
class Job:
    """One network to be run."""

    spec: str
    settings: dict[str, str]
    """What differs from the spec."""
    name: str
    batch: int
    batches: int
    optimizer: dict[str, Any]
    clip: float | None
    l2: float
    classes: int
    softmax: bool
    """Whether the outputs are probabilities."""
    factor: float
    offset: float
    has_dropout: bool
    scanned: bool
    """Whether several steps in one call pay off on a CPU: there is no convolution."""
    images: Array
    """(batches x batch, C, H, W) bytes, or token numbers (batches x batch, length)."""
    labels: Array
    test_images: Array
    test_labels: Array
    layers: tuple[Layer, ...]

    @property
    def tokens(self) -> bool:
        """Whether the inputs are token numbers."""
        return self.images.ndim == 2

    def prepared(self, images: Array, *, channels_last: bool) -> Array:
        """Return what the network reads of these images: float32, channels first or last; token numbers stay."""
        if self.tokens:
            return images
        values = images.astype(np.float32) * np.float32(self.factor) + np.float32(self.offset)
        return np.ascontiguousarray(values.transpose(0, 2, 3, 1)) if channels_last else values

    def test_inputs(self, batch: int, *, channels_last: bool) -> Array:
        """Return that many prepared test examples, from the first again where there are too few."""
        rows = np.arange(batch) % len(self.test_images)
        return self.prepared(self.test_images[rows], channels_last=channels_last)

    def queues(self) -> Queues:
        """Return the layers by kind, to be taken out one by one."""
        queues: dict[str, deque[Layer]] = defaultdict(deque)
        for layer in self.layers:
            queues[layer.kind].append(layer)
        return queues

    def write(self, folder: Path) -> None:
        """Write the job into a folder."""
        facts = {k: v for k, v in asdict(self).items() if not isinstance(v, np.ndarray) and k != "layers"}
        facts["layers"] = [{"kind": layer.kind, "input": layer.input} for layer in self.layers]
        arrays = {k: getattr(self, k) for k in ("images", "labels", "test_images", "test_labels")}
        for index, layer in enumerate(self.layers):
            arrays |= {f"{index}/{name}": array for name, array in layer.arrays.items()}
        (folder / _FACTS).write_text(json.dumps(facts), encoding="utf-8")
        np.savez(folder / _ARRAYS, **arrays)

    @classmethod
    def read(cls, folder: Path) -> Job:
        """Read the job of a folder."""
        facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
        with np.load(folder / _ARRAYS) as stored:
            arrays = {name: stored[name] for name in stored.files}
        owned: dict[int, dict[str, Array]] = defaultdict(dict)
        for path in [path for path in arrays if "/" in path]:
            index, _, name = path.partition("/")
            owned[int(index)][name] = arrays.pop(path)
        described = enumerate(facts.pop("layers"))
        layers = tuple(Layer(d["kind"], tuple(d["input"]), owned[i]) for i, d in described)
        return cls(**facts, **arrays, layers=layers)


class Program(Protocol):
    """A network with its training in one library, on a job's data."""

    def reset(self) -> None:
        """Go back to the initial weights and a fresh optimizer."""

    def train(self, steps: int) -> Any:
        """Take steps and wait until they are done; returns what `mean_loss` reads."""

    def mean_loss(self, losses: Any) -> float:
        """Return the mean loss of the steps that `train` took."""
        ...

    def predict(self, batch: int) -> Array:
        """Return the outputs for the first test examples, as an array on the host."""
        ...


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def evaluation_loss(job: Job, program: Program) -> float:
    """Return the mean cross-entropy of a program's outputs on test examples."""
    outputs = np.asarray(program.predict(EVALUATED), np.float64)
    if job.softmax:
        logs = np.log(np.maximum(outputs, 1e-30))
    else:
        shifted = outputs - outputs.max(1, keepdims=True)
        logs = shifted - np.log(np.exp(shifted).sum(1, keepdims=True))
    labels = job.test_labels[np.arange(EVALUATED) % len(job.test_labels)]
    return float(-logs[np.arange(EVALUATED), labels].mean())
