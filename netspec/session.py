"""Floor 7: from a network to a trained model and back: which data, which device, which folder."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import jax
import numpy as np
from numpy.typing import ArrayLike, NDArray

from netspec import data as datasets
from netspec import model_file, report, runs
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.step import Trainer
from netspec.data.types import Dataset, Progress
from netspec.diagnostics import DataError, NetspecError, plural
from netspec.graph import trace
from netspec.ir import DataSource, Network
from netspec.model_file import ModelFile
from netspec.overrides import replace_setting
from netspec.passes import optimize
from netspec.recipe.datasets import find
from netspec.recipe.losses import BinaryCrossEntropy, CrossEntropy
from netspec.training import Event, Finished
from netspec.training.loop import check_labels
from netspec.training.loop import train as train_loop

__all__ = ["Data", "Evaluation", "Prediction", "Run", "compile_network", "load_data", "open_run", "train"]

Data: TypeAlias = "str | Path | Dataset | tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]"
"""A dataset's name or path, one already loaded, or the arrays (x_train, y_train, x_test, y_test)."""

_BATCH = 1000


def compile_network(network: Network, device: str | jax.Device | None = None) -> Model:
    """Return a network compiled for a device; raises SpecError and DeviceError."""
    return Model(network, optimize(trace(network)), device)


def load_data(
    network: Network, data: Data | None = None, *, base: Path | None = None, progress: Progress | None = None
) -> Dataset:
    """Return the dataset to use with a network.

    Args:
        network: what it must fit.
        data: instead of what the network names.
        base: the folder that paths in the network's spec are relative to.
        progress: called while a dataset is downloaded.

    Raises:
        DataError: when it cannot be had, or does not fit the network.
    """
    if isinstance(data, Dataset):
        dataset = data
    elif isinstance(data, tuple | list):
        if len(data) != 4:
            raise DataError(f"data has {plural(len(data), 'array')}", "give four: (x_train, y_train, x_test, y_test)")
        dataset = datasets.from_arrays(*data, shape=network.input)
    elif data is not None and not isinstance(data, str | Path):
        raise DataError(f"data cannot be a {type(data).__name__}", "give a name, a path, or four arrays")
    else:
        dataset = datasets.load(_names(network, data, base), shape=network.input, progress=progress)
    check_labels(trace(network), dataset)
    held_out = network.data.validation if network.data else 0
    if held_out >= len(dataset.train):
        raise DataError(
            f"validation {held_out:,} leaves nothing to train on: {dataset.name} has {len(dataset.train):,} examples",
            "hold out fewer",
        )
    return dataset


def _names(network: Network, data: str | Path | None, base: Path | None) -> list[str]:
    if data is not None:
        return [str(data)]
    if network.data is None:
        raise DataError(
            "the spec names no dataset", "add `data mnist` or `data digits` to it, or give one: --data digits"
        )
    return [_inside(name, base) for name in (network.data.name, network.data.fallback) if name]


def _inside(name: str, base: Path | None) -> str:
    """Return a name as it is, and a path of a spec as one inside the spec's own folder."""
    if find(name) or base is None:
        return name
    path = (base / name).resolve()
    if not path.is_relative_to(base.resolve()):
        raise DataError(
            f"the spec's data path {name} leads outside the spec's folder",
            "name other files with --data PATH",
        )
    return str(path)


def train(
    network: Network,
    data: Data | None = None,
    *,
    out: Path | None = None,
    numbered: Path | None = None,
    settings: Mapping[str, str] | None = None,
    device: str | jax.Device | None = None,
    text: str | None = None,
    base: Path | None = None,
    log_every: int | None = None,
    progress: Progress | None = None,
) -> Iterator[Event]:
    """Train a network; see `netspec.train` for the arguments it shares.

    Args:
        network: what to train.
        data: instead of what the network names.
        out: the run folder; none is written without.
        numbered: make a fresh numbered run folder under this one instead.
        settings: replaced settings of the recipe as texts, by name: `{"epochs": "3"}`.
        device: what computes.
        text: the spec as given, for the run folder.
        base: the folder that paths in the spec are relative to.
        log_every: steps between two Step events.
        progress: called while a dataset is downloaded.
    """
    if log_every is not None and log_every < 1:
        raise DataError(f"log_every must be a positive number of steps, not {log_every}", "leave it out, or say 1")
    for key, value in (settings or {}).items():
        if value in {"nan", "inf", "-inf"}:
            raise NetspecError(f"{key} {value}: this is no finite number", f"for example {key} 0.001")
        path = "train.optimizer.lr" if key == "lr" else f"train.{key}"
        network = replace_setting(network, path, value, said=f"{key} {value}")
    dataset = load_data(network, data, base=base, progress=progress)
    network = _with_source(network, dataset, given=data is not None)
    model = compile_network(network, device)
    folder = runs.named_folder(out) if out else runs.fresh_folder(numbered) if numbered else None
    overrides = {**(settings or {}), **({"data": dataset.name} if data is not None else {})}
    recorder = runs.RunFolder(folder, model, text=text, overrides=overrides) if folder else None
    for event in train_loop(model, dataset, log_every=log_every, recorder=recorder):
        if isinstance(event, Finished) and folder:
            report.draw_curves(runs.read_metrics(folder), folder / "curves.png", title=network.name)
        yield event


def _with_source(network: Network, dataset: Dataset, *, given: bool) -> Network:
    """Return the network naming the dataset that is really used; how its examples are prepared stays.

    A path given from outside is kept by its last part only: a model file tells nothing of the folders it was made in.
    """
    source = network.data
    if source and not given and (dataset.name == source.name or find(source.name) is None):
        return network
    name = dataset.name if find(dataset.name) else re.sub(r'["\x00-\x1f\x7f]', "_", Path(dataset.name).name) or "data"
    source = source or DataSource(name=name)
    return network.model_copy(update={"data": source.model_copy(update={"name": name, "fallback": None})})


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
        loss: mean loss, l2 penalty included.
        accuracy: share classified right; None without classes.
        confusion: (K, K) counts, a row for each true class, a column for each predicted one.
        labels: the class names.
        predicted: (N,) the predicted class of each test example.
        probability: (N,) the probability of the predicted class.
    """

    dataset: str
    loss: float
    accuracy: float | None
    confusion: NDArray[np.int64]
    labels: tuple[str, ...]
    predicted: NDArray[np.int64]
    probability: NDArray[np.float32]


class Run:
    """A trained model, from a run folder or a model file.

    Attributes:
        path: what was opened.
        file: the model file that was read.
        network: the declared network.
        model: compiled for the device.
        variables: the trained arrays.
        labels: the class names.
    """

    def __init__(self, path: Path, device: str | jax.Device | None = None) -> None:
        self.path = path
        self.file = runs.model_path(path)
        self._content: ModelFile = model_file.read(self.file)
        self.network = self._content.network
        self.labels = self._content.labels
        self.model = Model(self.network, optimize(self._content.graph), device)
        self.variables: Variables = runs.variables_of(self._content, self.model)

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
        """The shape of one picture, (C, H, W): the input, or the dataset's images where they are read as a row."""
        if len(self.network.input) == 1 and self.network.data:
            info = find(self.network.data.name)
            if info and np.prod(info.shape) == self.network.input[0]:
                return info.shape
        return self.network.input

    def read(self, file: Path, *, invert: bool | None = None) -> NDArray[Any]:
        """Return the examples in a file, (N, …): one for a picture, as many as there are in an `.npy`.

        Args:
            file: PNG, JPEG …, or `.npy`.
            invert: swap light and dark in pictures; recognized from the border of grey ones unless given.

        Raises:
            DataError: when the file is missing, damaged, or does not fit.
        """
        if file.suffix.lower() == ".npy":
            return datasets.read_examples(file, self.network.input)
        return datasets.read_image(file, self.image_shape, invert=invert)[None]

    def probabilities(self, images: ArrayLike) -> NDArray[np.float32]:
        """Return the probability of each class, (N, K), for (N, C, H, W), (N, H, W) or (N, F); bytes or floats."""
        images = self._checked(images)
        parts = []
        for start in range(0, len(images), _BATCH):
            part = images[start : start + _BATCH]
            # All batches but a lone small one have the same size, so that one program serves them.
            fill = _BATCH - len(part) if start else 0
            padded = np.concatenate([part, np.repeat(part[-1:], fill, axis=0)]) if fill else part
            parts.append(np.asarray(self.model.logits(self.variables, padded))[: len(part)])
        logits = np.concatenate(parts) if parts else np.zeros((0, len(self.labels)), np.float32)
        return self._as_probabilities(logits.reshape(len(images), logits.shape[-1]))

    def _checked(self, images: ArrayLike) -> NDArray[Any]:
        """Return images as an array with a batch axis and only finite values; raises DataError otherwise."""
        try:
            array = np.asarray(images)
        except ValueError:
            raise DataError("the images have different shapes", "give one array, (N, C, H, W)") from None
        if array.ndim < 2:
            raise DataError(f"images of shape {array.shape} have no batch axis", "one image is x[None]")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            wrong = int(np.flatnonzero(~np.isfinite(array.reshape(len(array), -1)).all(axis=1))[0])
            raise DataError(f"image {wrong} holds values that are not finite (NaN or infinite)", "clean them first")
        return array

    def predict(self, images: ArrayLike) -> list[Prediction]:
        """Return a prediction for each image; shapes as for `probabilities`."""
        return [self._prediction(row) for row in self.probabilities(images)]

    def evaluate(self, data: Data | None = None, *, progress: Progress | None = None) -> Evaluation:
        """Return how the model does on a test set: that of the dataset it was trained on unless another is given."""
        dataset = load_data(self.network, data, progress=progress)
        trainer = Trainer(self.model, steps_per_epoch=1, epochs=1, seed=0)
        loss, accuracy, logits = trainer.evaluate(self.variables, trainer.place(dataset.test), _BATCH)
        probabilities = self._as_probabilities(logits)
        classes = probabilities.shape[1]
        predicted = probabilities.argmax(axis=1)
        confusion = np.zeros((classes, classes), np.int64)
        np.add.at(confusion, (dataset.test.labels, predicted), 1)
        labels = (*dataset.labels, *(str(i) for i in range(len(dataset.labels), classes)))
        return Evaluation(
            dataset=dataset.name,
            loss=loss,
            accuracy=accuracy,
            confusion=confusion,
            labels=labels,
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

    def _prediction(self, row: NDArray[np.float32]) -> Prediction:
        names = [*self.labels, *(str(i) for i in range(len(self.labels), len(row)))]
        order = np.argsort(-row, kind="stable")
        ranked = {names[i]: float(row[i]) for i in order}
        label = names[order[0]]
        return Prediction(label, ranked[label], ranked)


def open_run(path: str | Path, device: str | jax.Device | None = None) -> Run:
    """Open a run folder or a model file.

    Raises:
        RunError: when there is none.
        ModelFileError: when the model file is damaged or does not fit its own spec.
    """
    return Run(Path(path), device)
