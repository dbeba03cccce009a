"""Training of a network: its data, its device and its run folder, put together."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np

from netspec.backends.jax.autotune import Tuning
from netspec.backends.jax.devices import is_leader, require_agreement
from netspec.backends.jax.model import Model
from netspec.backends.jax.variables import with_arrays
from netspec.data.for_network import Data, load_data
from netspec.data.labels import check_classes, check_hold_out, check_operations, check_target_range
from netspec.data.parts import sizes
from netspec.data.rows import Rows
from netspec.data.types import Dataset, DownloadProgress
from netspec.diagnostics.diagnostic import DataError, RunError
from netspec.elaborate.overrides import with_settings
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.ir.network import Network
from netspec.recipe.class_names import are_numbers
from netspec.recipe.settings import Normalize
from netspec.runs import files as run_files
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.manifest import Origin
from netspec.runs.model_file import ModelFile
from netspec.runs.recorder import RunFolder
from netspec.training.events import Event, Notice
from netspec.training.loop import train as train_loop
from netspec.workflows.compiling import autotunes, compile_for_training
from netspec.workflows.end_of_run import with_curves
from netspec.workflows.losses_of_data import losses_noticed, with_loss_of
from netspec.workflows.used_data import data_source_path, named_path, with_source
from netspec.workflows.weights import INITIAL, StartWeights, notices_of, start_weights, weights_name

__all__ = ["Data", "load_data", "train"]


def train(
    network: Network,
    data: Data | None = None,
    *,
    graph: Graph | None = None,
    out: Path | None = None,
    numbered: Path | None = None,
    origin: Origin | None = None,
    settings: Mapping[str, str] | None = None,
    device: str | jax.Device | None = None,
    base: Path | None = None,
    log_every: int | None = None,
    progress: DownloadProgress | None = None,
    loaded: Callable[[], Dataset] | None = None,
    autotune: bool | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    stop: Callable[[], bool] | None = None,
    weights: str | Path | None = None,
    variables: Any = None,
) -> Iterator[Event]:
    """Train a network; see `netspec.train` for the arguments it shares.

    Args:
        network: what to train.
        data: instead of what the network names.
        graph: of the network; traced here unless given.
        out: the run folder; none is written without.
        numbered: make a fresh numbered run folder under this one instead.
        origin: for the run folder: the spec's text, and what replaced values in it.
        settings: replaced settings of the recipe as texts, by name: `{"epochs": "3"}`; `devices` last.
        device: what computes.
        base: the folder that paths in the spec are relative to.
        log_every: steps between two Step events.
        progress: called while a dataset is downloaded.
        loaded: returns what `load_data` does for these arguments, where that is under way already.
        autotune: whether the strategies are measured; as the network says unless given.
        tuning: called with how far that is.
        stop: asked again and again whether to save and stop.
        weights: a run folder or a file to start from, in place of what the network names.
        variables: variables to start from, in place of both.
    """
    if log_every is not None and (not isinstance(log_every, int) or log_every < 1):
        raise DataError(f"log_every must be a positive number of steps, not {log_every}", "leave it out, or say 1")
    network = with_settings(network, settings or {})
    # No setting changes an operation: the graph is that of the network with them too.
    graph = trace(network) if graph is None else graph
    start = start_weights(network, graph, weights, variables, base)
    if start and (weights is not None or variables is not None):
        network = network.model_copy(update={"weights": None if weights is None else weights_name(weights)})
    dataset = loaded() if loaded else load_data(network, data, graph=graph, base=base, progress=progress)
    check_hold_out(network.data.held_out if network.data else 0, dataset)
    path = data_source_path(data) if data is not None else named_path(network, dataset, base)
    # Names that the data has for its classes are those of all of them.
    named = data is not None and not isinstance(data, Dataset) and not are_numbers(dataset.labels)
    # Where it is one of two, the outputs may be for the other; and of arrays in memory some classes may be missing.
    chosen = (
        isinstance(data, str | Path)
        or (data is None and network.data is not None and not network.data.fallback)
        or named
    )
    without_data = network.data is None
    network = with_source(network, dataset, path, given=data is not None)
    if without_data and any(network.stated_loss(output.name) is None for output in graph.outputs):
        # The loss that is not stated follows from the last layer and the data, which is known only now.
        graph = trace(network)
    network = _with_channels_of(network, dataset)
    declared = network
    network, graph = with_loss_of(network, graph, dataset)
    notices = _check_dataset(network, graph, dataset, chosen=chosen)
    model = compile_for_training(network, graph, dataset, device, autotune=autotune, tuning=tuning)
    if start:
        require_agreement(str(start.record["sha256"]))
    folder = _folder(out, numbered) if is_leader() else None
    recorder = None
    if folder:
        overrides = {**(settings or {}), **({"data": dataset.name} if data is not None else {})}
        origin = replace(
            origin or Origin(),
            settings=overrides,
            data_path=path,
            log_every=log_every,
            autotune=autotunes(network, autotune),
            device=device if isinstance(device, str) else None,
            weights=_recorded(start, folder, model) if start else None,
        )
        recorder = RunFolder(folder, model, origin)
    notices += losses_noticed(declared, network, model.graph, dataset.train.labels)
    notices += notices_of(network, model.graph, start)
    if start:
        yield start.event
    yield from map(Notice, notices)
    yield from with_curves(
        train_loop(
            model,
            dataset,
            log_every=log_every,
            recorder=recorder,
            stop=stop,
            initial=start.arrays if start else None,
        ),
        network,
        folder,
        dataset,
        model.device,
    )


def _recorded(start: StartWeights, folder: Path, model: Model) -> Mapping[str, Any]:
    """Return what a run folder says of the weights that it starts from; those from memory are written into it."""
    if not start.from_memory:
        return start.record
    arrays = run_folders.arrays_of(with_arrays(model.init(), start.arrays))
    file = folder / INITIAL
    try:
        model_file.write(file, ModelFile(model.network, model.graph, arrays, (), {}))
    except OSError as error:
        raise RunError(f"{file} cannot be written: {error.strerror}", "choose another folder") from None
    return {**start.record, "sha256": run_files.digest_of(file)}


def _with_channels_of(network: Network, dataset: Dataset) -> Network:
    """Return a network with the means and deviations of the training images stated, where it normalizes by them."""
    data = network.data
    if data is None or data.normalize is None or data.normalize.of != "channels":
        return network
    count, _ = sizes(network, dataset)
    images = dataset.train.images
    if isinstance(images, Mapping) or images.ndim != 4 or images.dtype != np.uint8:
        raise DataError("`normalize channels` is for images of bytes", "leave it out: what is no byte is not scaled")
    # Sums of whole numbers are exact whatever the order; the squares of bytes fit into 64 bits many times over.
    values = np.zeros((images.shape[1], 256), np.int64)
    for piece in images[:count].pieces() if isinstance(images, Rows) else (images[:count],):
        for channel in range(images.shape[1]):
            values[channel] += np.bincount(piece[:, channel].reshape(-1), minlength=256)
    levels, each = np.arange(256) / 255, values / values.sum(axis=1, keepdims=True)
    means = (each * levels).sum(axis=1)
    stds = np.sqrt((each * np.square(levels - means[:, None])).sum(axis=1))
    stated = Normalize(
        means=" ".join(f"{mean:.6f}" for mean in means), stds=" ".join(f"{max(std, 1e-3):.6f}" for std in stds)
    )
    return network.model_copy(update={"data": data.model_copy(update={"normalize": stated})})


def _check_dataset(network: Network, graph: Graph, dataset: Dataset, *, chosen: bool) -> list[str]:
    """Return notices about a dataset and a network whose training begins; raises DataError where they do not fit.

    Args:
        network: what is trained.
        graph: of the network.
        dataset: what it learns from.
        chosen: whether this dataset, and no other, is the one that it is to learn: then their classes are the same.
    """
    check_target_range(network, graph, dataset)
    check_operations(network, dataset)
    notice = check_classes(graph, dataset, strict=chosen) if network.needs_targets else None
    return [notice] if notice else []


def _folder(out: Path | None, numbered: Path | None) -> Path | None:
    """Make the run folder, if there is to be one."""
    return run_folders.named_folder(out) if out else run_folders.fresh_folder(numbered) if numbered else None
