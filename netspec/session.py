"""Floor 7: from a network to a training: which data, which device, which folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import TypeAlias

import jax
from numpy.typing import ArrayLike

from netspec import data as datasets
from netspec import report, runs
from netspec.backends.jax.autotune import Autotuner, Tuning
from netspec.backends.jax.model import Model
from netspec.data.checks import as_tokens
from netspec.data.places import timings_folder
from netspec.data.types import Dataset, Progress
from netspec.diagnostics import DataError, NetspecError, plural
from netspec.ir import DataSource, Network
from netspec.overrides import replace_setting
from netspec.passes import optimize
from netspec.recipe.datasets import find
from netspec.tracing import trace
from netspec.training import Event, Finished
from netspec.training.loop import check_hold_out, check_labels
from netspec.training.loop import train as train_loop

__all__ = ["Data", "compile_network", "load_data", "train"]

Data: TypeAlias = "str | Path | Dataset | tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike]"
"""A dataset's name or path, one already loaded, or the arrays (x_train, y_train, x_test, y_test)."""


def compile_network(
    network: Network,
    device: str | jax.Device | None = None,
    *,
    autotune: bool | None = None,
    batches: Collection[int] | None = None,
    tuning: Callable[[Tuning], None] | None = None,
) -> Model:
    """Return a network compiled for a device.

    Args:
        network: what is compiled.
        device: what computes.
        autotune: whether the ways to compute are measured; as the network says unless given.
        batches: the batch sizes for which they are; all unless given.
        tuning: told how far that is.

    Raises:
        SpecError: when shapes do not fit.
        DeviceError: when there is no such device.
    """
    wanted = network.compile.autotune == "on" if autotune is None else autotune
    tune = Autotuner(timings_folder(), batches=batches, progress=tuning) if wanted else None
    return Model(network, optimize(trace(network)), device, tune)


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
        _require_kind(network, dataset)
    elif isinstance(data, tuple | list):
        if len(data) != 4:
            raise DataError(f"data has {plural(len(data), 'array')}", "give four: (x_train, y_train, x_test, y_test)")
        dataset = datasets.from_arrays(*data, shape=network.input, tokens=network.tokens)
    elif data is not None and not isinstance(data, str | Path):
        raise DataError(f"data cannot be a {type(data).__name__}", "give a name, a path, or four arrays")
    else:
        names = _names(network, data, base)
        dataset = datasets.load(names, shape=network.input, tokens=network.tokens, progress=progress)
    if not network.reconstructs:
        check_labels(trace(network), dataset)
    return dataset


def _require_kind(network: Network, dataset: Dataset) -> None:
    """Raise DataError where a loaded dataset has token numbers and the network takes none, or the other way round."""
    if network.tokens:
        for what, split in (("x_train", dataset.train), ("x_test", dataset.test)):
            as_tokens(split.images, f"{dataset.name}: {what}", network.tokens)
    elif dataset.train.images.dtype.kind == "i":
        raise DataError(
            f"{dataset.name} holds token numbers, but the network takes plain ones",
            "write how many there are: `input 64 tokens=1000`",
        )


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
    autotune: bool | None = None,
    tuning: Callable[[Tuning], None] | None = None,
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
        autotune: whether the ways to compute are measured; as the network says unless given.
        tuning: told how far that is.
    """
    if log_every is not None and log_every < 1:
        raise DataError(f"log_every must be a positive number of steps, not {log_every}", "leave it out, or say 1")
    for key, value in (settings or {}).items():
        if value in {"nan", "inf", "-inf"}:
            raise NetspecError(f"{key} {value}: this is no finite number", f"for example {key} 0.001")
        path = "train.optimizer.lr" if key == "lr" else f"train.{key}"
        network = replace_setting(network, path, value, said=f"{key} {value}")
    dataset = load_data(network, data, base=base, progress=progress)
    check_hold_out(network.data.validation if network.data else 0, dataset)
    network = _with_source(network, dataset, given=data is not None)
    batches = _batches(network, dataset)
    model = compile_network(network, device, autotune=autotune, batches=batches, tuning=tuning)
    folder = runs.named_folder(out) if out else runs.fresh_folder(numbered) if numbered else None
    overrides = {**(settings or {}), **({"data": dataset.name} if data is not None else {})}
    recorder = runs.RunFolder(folder, model, text=text, overrides=overrides) if folder else None
    for event in train_loop(model, dataset, log_every=log_every, recorder=recorder):
        if isinstance(event, Finished) and folder:
            report.draw_curves(runs.read_metrics(folder), folder / "curves.png", title=network.name)
        yield event


def _batches(network: Network, dataset: Dataset) -> set[int]:
    """Return the batch sizes that most of a training is spent on: not that of the rest of an epoch."""
    recipe, held_out = network.recipe, network.data.validation if network.data else 0
    return {recipe.batch, *(min(recipe.evaluate.batch, n) for n in (len(dataset.test), held_out) if n)}


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
