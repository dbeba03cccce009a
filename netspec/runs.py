"""Floor 6: a run folder: making a fresh one, what is in it, reading it back."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import jax
import numpy as np

from netspec import model_file
from netspec.backends.jax.group import rows
from netspec.backends.jax.model import Model, Variables
from netspec.backends.jax.pace import by_batch
from netspec.data.types import Dataset
from netspec.diagnostics import RunError
from netspec.files import atomic_write
from netspec.model_file import ModelFile
from netspec.resolve import resolved_text
from netspec.training.events import Epoch, Event, Result, Saved, Started, plain, record

__all__ = [
    "BEST",
    "LAST",
    "RunFolder",
    "arrays_of",
    "fresh_folder",
    "model_path",
    "named_folder",
    "read_metrics",
    "read_result",
    "variables_of",
]

BEST, LAST = "best.safetensors", "last.safetensors"
_METRICS, _RESULT = "metrics.jsonl", "result.json"

_PACKAGES = ("netspec", "jax", "jaxlib", "optax", "numpy", "pydantic", "lark", "safetensors")


def fresh_folder(parent: Path) -> Path:
    """Make the next numbered folder under `parent`: 001, 002 ….

    Raises:
        RunError: when it cannot be made.
    """
    try:
        parent.mkdir(parents=True, exist_ok=True)
        numbers = [int(p.name) for p in parent.iterdir() if p.name.isdecimal()]
        number = max(numbers, default=0) + 1
        while True:
            folder = parent / f"{number:03d}"
            try:
                folder.mkdir()
            except FileExistsError:  # another process was faster
                number += 1
            else:
                return folder
    except OSError as error:
        raise RunError(
            f"{parent}: no run folder can be made there: {error.strerror}", "choose another with -o"
        ) from None


def named_folder(folder: Path) -> Path:
    """Make a folder of a given name.

    Raises:
        RunError: when it holds something already, or cannot be made.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise RunError(f"{folder} is a file, not a folder", "choose a new folder")
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise RunError(f"{folder} holds something already", "choose a new folder: nothing is overwritten")
    except OSError as error:
        raise RunError(f"{folder} cannot be used as a run folder: {error.strerror}") from None
    return folder


class RunFolder:
    """Keeps one training in a folder; the training loop calls it.

    Args:
        folder: an empty folder.
        model: what is trained.
        text: the spec as given; the resolved one where there is no text.
        overrides: what replaced settings of the spec, for the lock file.
    """

    def __init__(
        self,
        folder: Path,
        model: Model,
        *,
        text: str | None = None,
        overrides: Mapping[str, Any] | None = None,
    ) -> None:
        self.folder = folder
        self.model = model
        self.text = text or resolved_text(model.network)
        self.overrides = dict(overrides or {})
        self.labels: tuple[str, ...] = ()
        self.last: Epoch | None = None

    def begin(self, event: Started, dataset: Dataset) -> None:
        """Write what is known before the first step."""
        self.labels = dataset.labels
        network = self.model.network
        self._write("spec.net", self.text)
        self._write("network.json", network.model_dump_json(indent=2) + "\n")
        lock = {
            "format": 1,
            "spec_sha256": hashlib.sha256(self.text.encode()).hexdigest(),
            "network_sha256": hashlib.sha256(network.model_dump_json().encode()).hexdigest(),
            "dataset": dataset.name,
            "data_sha256": dataset.sha256,
            "seed": event.seed,
            "overrides": self.overrides,
            "steps_per_call": event.steps_per_call,
            "device": event.device,
            "devices": list(event.devices),
            "choices": self._choices(dataset, len(event.devices)),
            "platform": platform.platform(),
            "python": platform.python_version(),
            "packages": {name: v for name in _PACKAGES if (v := _version(name))},
        }
        self._write("lock.json", json.dumps(lock, indent=2) + "\n")
        self._write(_METRICS, "")

    def _choices(self, dataset: Dataset, devices: int) -> dict[str, Any]:
        """Return how each device computes each operation, in training and in evaluation: rounding depends on it."""
        recipe = self.model.network.recipe
        training = rows(recipe.batch, devices, whole=by_batch(self.model.graph))
        evaluation = rows(min(recipe.evaluate.batch, len(dataset.test)), devices)
        modes = {"training": (training, True), "evaluation": (evaluation, False)}
        found = {}
        for mode, (batch, gradient) in modes.items():
            lines = self.model.explain(batch, gradient=gradient)
            told = [f"{x.node} {x.operation}: {', '.join(filter(None, (x.strategy, x.layout, x.why)))}" for x in lines]
            found[mode] = {"batch": batch, "operations": told}
        return found

    def add(self, event: Event) -> None:
        """Append a measurement to metrics.jsonl."""
        line = record(event)
        if isinstance(event, Epoch):
            self.last = event
        if line is None:
            return
        try:
            with (self.folder / _METRICS).open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(line) + "\n")
        except OSError as error:
            raise self._unwritable(_METRICS, error) from None

    def save(self, variables: Variables, epoch: Epoch) -> list[Saved]:
        """Write last.safetensors, and best.safetensors when the epoch is the best so far."""
        training = {k: v for k, v in asdict(epoch).items() if k not in {"seconds", "best"} and v is not None}
        arrays = arrays_of(variables)
        whole = ModelFile(self.model.network, self.model.graph, arrays, self.labels, training)
        saved = []
        for name in (LAST, BEST) if epoch.best else (LAST,):
            try:
                model_file.write(self.folder / name, whole)
            except OSError as error:
                raise self._unwritable(name, error) from None
            saved.append(Saved(self.folder / name))
        return saved

    def end(self, result: Result) -> None:
        """Write the result."""
        self._write(_RESULT, json.dumps(plain(asdict(result)), indent=2) + "\n")

    def _write(self, name: str, text: str) -> None:
        try:
            atomic_write(self.folder / name, text)
        except OSError as error:
            raise self._unwritable(name, error) from None

    def _unwritable(self, name: str, error: OSError) -> RunError:
        reason = error.strerror or str(error)
        return RunError(f"{self.folder / name} cannot be written: {reason}", "what was saved before is untouched")


def arrays_of(variables: Variables) -> dict[str, np.ndarray]:
    """Return the arrays of a model by path, on the host."""
    trees = (variables.params, variables.state)
    return {f"{node}/{name}": np.asarray(a) for tree in trees for node, own in tree.items() for name, a in own.items()}


def variables_of(file: ModelFile, model: Model) -> Variables:
    """Return a file's arrays as the variables of a model, on its device."""
    trees: tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]] = ({}, {})
    for p in file.graph.parameters.values():
        node, _, name = p.path.rpartition("/")
        trees[0 if p.trainable else 1].setdefault(node, {})[name] = file.arrays[p.path]
    return jax.device_put(Variables(*trees), model.device)


def model_path(path: Path) -> Path:
    """Return the model file that a run folder or a model file stands for.

    Raises:
        RunError: when it is neither.
    """
    try:
        folder, exists = path.is_dir(), path.exists()
    except OSError as error:
        raise RunError(f"{path} cannot be opened: {error.strerror}") from None
    if folder:
        for name in (BEST, LAST):
            if (path / name).is_file():
                return path / name
        raise RunError(f"{path} has no model in it", "give a run folder such as runs/lenet/001, or a .safetensors file")
    if not exists:
        raise RunError(f"{path}: there is no such run or model", "`ls runs` shows the runs of this folder")
    return path


def read_metrics(folder: Path) -> list[dict[str, Any]]:
    """Return the lines of metrics.jsonl; a last line cut short by a crash is left out.

    Raises:
        RunError: when there is no such file.
    """
    try:
        lines = (folder / _METRICS).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        raise RunError(f"{folder} has no {_METRICS}", "give a run folder such as runs/lenet/001") from None
    records = []
    for line in lines:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return [r for r in records if isinstance(r, dict)]


def read_result(folder: Path) -> dict[str, Any] | None:
    """Return result.json, or None where the run has not ended."""
    try:
        found = json.loads((folder / _RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
