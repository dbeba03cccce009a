"""Floor 7: a trained model opened again, from a run folder or a model file: predictions and evaluation."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec import data as datasets
from netspec import model_file, runs
from netspec.arguments import as_function, as_path, as_switch
from netspec.backends.jax.exhausted import enough_memory
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.step import Trainer
from netspec.data.checks import as_float32, as_values
from netspec.data.types import Dataset, Progress
from netspec.diagnostics import DataError, RunError
from netspec.loading import Data, data_path, load_data, require_same
from netspec.model_file import ModelFile
from netspec.recipe.datasets import find
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy

__all__ = ["Evaluation", "Prediction", "Run", "open_run"]

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model says of one example.

    Attributes:
        label: the most probable class.
        probability: its probability.
        probabilities: of all classes by name, the most probable first. Outputs as they are where the loss is not one
            of probabilities.
    """

    label: str
    probability: float
    probabilities: Mapping[str, float]


@dataclass(frozen=True, eq=False, slots=True)
class Evaluation:
    """How a model does on a dataset's test set.

    Attributes:
        dataset: its name.
        examples: how many there are.
        loss: mean loss, l2 penalty included.
        accuracy: share classified right; None without classes, and then all below is empty.
        confusion: (K, K) counts, a row for each true class, a column for each predicted one.
        labels: the class names.
        predicted: (N,) the predicted class of each test example.
        probability: (N,) the probability of the predicted class.
    """

    dataset: str
    examples: int
    loss: float
    accuracy: float | None
    confusion: NDArray[np.int64]
    labels: tuple[str, ...]
    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]

    def __repr__(self) -> str:
        right = "" if self.accuracy is None else f", accuracy {100 * self.accuracy:.2f} %"
        classes = f", {len(self.labels)} classes" if self.labels else ""
        return f"Evaluation on {self.dataset}: {self.examples:,} examples{classes}, loss {self.loss:.4f}{right}"


class Run:
    """A trained model, from a run folder or a model file.

    `predict`, `probabilities` and `outputs` raise DataError for examples that do not fit, and DeviceError where the
    memory of the device does not suffice.

    Attributes:
        path: what was opened.
        file: the model file that was read.
        network: the declared network.
        model: compiled for the device.
        variables: the trained arrays.
        labels: the class names.
    """

    def __init__(self, path: str | Path, device: str | jax.Device | None = None) -> None:
        self.path = as_path(path, "path", "runs/lenet/001", RunError)
        self.file = runs.model_path(self.path)
        self._content: ModelFile = model_file.read(self.file)
        self.network = self._content.network
        self.labels = self._content.labels
        self.model = Model(self.network, self._content.graph, device)
        self.variables: Variables = runs.variables_of(self._content, self.model)

    def __repr__(self) -> str:
        told = self._content.training
        facts = [f"epoch {told['epoch']}"] if "epoch" in told else []
        if isinstance(accuracy := told.get("test_accuracy"), float):
            facts.append(f"test accuracy {100 * accuracy:.2f} %")
        return "\n".join([f"Run {self.path}: {', '.join([self.file.name, *facts])}", repr(self.model)])

    @property
    def training(self) -> Mapping[str, Any]:
        """What the model file says of its training: the epoch, the accuracies."""
        return self._content.training

    @property
    def metrics(self) -> list[dict[str, Any]]:
        """The lines of the run's metrics.jsonl; raises RunError for a lone model file."""
        return runs.read_metrics(self.path)

    @property
    def result(self) -> dict[str, Any] | None:
        """The run's result.json; None for a lone model file or a run that did not end."""
        return runs.read_result(self.path)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of one picture, (C, H, W): the input, or the images that are read as a row or a sequence."""
        if len(self.network.input) < 3 and self.network.data:
            info = find(self.network.data.name)
            if info and np.prod(info.shape) == np.prod(self.network.input):
                return info.shape
        return self.network.input

    def read(self, file: str | Path, *, invert: bool | None = None) -> NDArray[Any]:
        """Return the examples in a file, (N, …): one for a picture, as many as there are in an `.npy`.

        Args:
            file: PNG, JPEG …, or `.npy`.
            invert: swap light and dark in pictures; recognized from the border of grey ones unless given.

        Raises:
            DataError: when the file is missing, damaged, or does not fit.
        """
        file = as_path(file, "file", "digit.png", DataError)
        invert = None if invert is None else as_switch(invert, "invert")
        if file.suffix.lower() == ".npy":
            return datasets.read_examples(file, self.network.input, self.network.tokens)
        if self.network.tokens:
            raise DataError(
                f"{file}: the network reads token numbers", "give an .npy file of whole numbers (N, length)"
            )
        return datasets.read_image(file, self.image_shape, invert=invert)[None]

    def probabilities(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return the probability of each class, (N, K), for (N, C, H, W), (N, H, W), (N, F, L) or (N, F).

        They are bytes, floats, or token numbers (N, L).
        """
        if self.network.reconstructs:
            raise DataError(
                f"{self.file} gives its input again, not classes", "run.outputs(images) returns what it gives"
            )
        logits = self._in_batches(images, self.model.logits)
        return self._as_probabilities(logits.reshape(len(logits), logits.shape[-1]))

    def outputs(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return what the network gives, (N, …) in the shape of its last layer; images as for `probabilities`."""
        return self._in_batches(images, self.model.forward)

    def _in_batches(
        self, images: ArrayLike, function: Callable[[Variables, NDArray[Any]], jax.Array]
    ) -> NDArray[np.float32]:
        images = self._checked(images)
        parts = []
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            # All batches but a lone small one have the same size, so that one program serves them.
            fill = _BATCH - len(part) if start else 0
            padded = np.concatenate([part, np.repeat(part[-1:], fill, axis=0)]) if fill else part
            with enough_memory("close what else computes there"):
                parts.append(np.asarray(function(self.variables, padded))[: len(part)])
        shape = self.model.graph.shape(self.model.graph.output)
        return np.concatenate(parts) if parts else np.zeros((0, *shape), np.float32)

    def _checked(self, images: ArrayLike) -> NDArray[Any]:
        """Return images as an array with a batch axis, only finite values in float32; raises DataError otherwise."""
        if isinstance(images, str | os.PathLike):
            raise DataError("images are an array, not the name of a file", f"run.predict(run.read({str(images)!r}))")
        array = as_values(images, "images")
        if array.ndim < 2:
            raise DataError(f"images of shape {array.shape} have no batch axis", "one image is x[None]")
        if array.dtype.kind != "f":
            return array
        array = as_float32(array)
        if not np.isfinite(array).all():
            wrong = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            raise DataError(
                f"image {wrong} holds values that are not finite (NaN, infinite, or too large for float32)",
                "clean them first",
            )
        return array

    def predict(self, images: ArrayLike) -> list[Prediction]:
        """Return a prediction for each image; shapes as for `probabilities`."""
        rows = self.probabilities(images)
        names = _named(self.labels, rows.shape[1])
        return [_prediction(row, names) for row in rows]

    def evaluate(self, data: Data | None = None, *, progress: Progress | None = None) -> Evaluation:
        """Return how the model does on a test set: that of the dataset it was trained on unless another is given.

        Raises:
            DataError: as `dataset` does.
            DeviceError: when the memory of the device does not suffice.
        """
        dataset = self.dataset(data, progress=progress)
        with enough_memory("close what else computes there"):
            return self._evaluated(dataset)

    def dataset(self, data: Data | None = None, *, progress: Progress | None = None) -> Dataset:
        """Return the dataset that the model was trained on, unless another is given.

        Raises:
            DataError: when it cannot be had, does not fit the network, or is not the same any more.
        """
        if progress is not None:
            as_function(progress, "progress", "lambda file, received, total: None")
        lock = runs.read_lock(self.path) if data is None and (self.path / runs.LOCK).is_file() else None
        if lock is None:
            return load_data(self.network, data, progress=progress)
        path = data_path(self.path, self.network, lock, arrays="say what to look at: --data PATH")
        dataset = load_data(self.network, path, progress=progress)
        require_same(self.path, lock, dataset, fix="say that it is meant: --data PATH")
        return dataset

    def _evaluated(self, dataset: Dataset) -> Evaluation:
        trainer = Trainer(self.model, steps_per_epoch=1, epochs=1, seed=0)
        loss, accuracy, logits = trainer.evaluate(self.variables, trainer.place(dataset.test), _BATCH)
        if self.network.reconstructs:
            none = np.zeros(0)
            nothing = (np.zeros((0, 0), np.int64), (), none.astype(np.int64), none.astype(np.float32))
            return Evaluation(dataset.name, len(logits), loss, None, *nothing)
        probabilities = self._as_probabilities(logits)
        classes = probabilities.shape[1]
        predicted = probabilities.argmax(axis=1)
        confusion = np.zeros((classes, classes), np.int64)
        np.add.at(confusion, (dataset.test.labels, predicted), 1)
        return Evaluation(
            dataset=dataset.name,
            examples=len(predicted),
            loss=loss,
            accuracy=accuracy,
            confusion=confusion,
            labels=_named(dataset.labels, classes),
            predicted=predicted,
            probability=probabilities[np.arange(len(predicted)), predicted],
        )

    def _as_probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        loss = self.model.graph.loss
        if isinstance(loss, CrossEntropy):
            shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
            return shifted / shifted.sum(axis=1, keepdims=True)
        if isinstance(loss, BinaryCrossEntropy):
            logits = (0.5 * (1 + np.tanh(logits / 2))).astype(np.float32)
        # One output is the probability of the second of two classes.
        return np.concatenate([1 - logits, logits], axis=1) if logits.shape[1] == 1 else logits


def _prediction(row: NDArray[np.float32], names: Sequence[str]) -> Prediction:
    order = np.argsort(-row, kind="stable")
    ranked = {names[i]: float(row[i]) for i in order}
    return Prediction(names[order[0]], float(row[order[0]]), ranked)


def _named(labels: Sequence[str], classes: int) -> tuple[str, ...]:
    """Return a name for each class: that of the data, else its number, as `#3` where another class is called 3."""
    taken = set(labels)

    def free(name: str) -> str:
        return free(f"#{name}") if name in taken else name

    return (*labels, *(free(str(i)) for i in range(len(labels), classes)))


def open_run(path: str | Path, device: str | jax.Device | None = None) -> Run:
    """Open a run folder or a model file.

    Raises:
        RunError: when there is none.
        ModelFileError: when the model file is damaged or does not fit its own spec.
    """
    return Run(path, device)
