"""Training of a network: its data, its device and its run folder, put together."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from netspec import report
from netspec.backends.jax.autotune import Autotuner, Tuning
from netspec.backends.jax.devices import is_leader, require_agreement, resolve, shared_devices
from netspec.backends.jax.model import Model
from netspec.backends.jax.train.device_group import rows_per_device
from netspec.backends.jax.variables import with_arrays
from netspec.data.for_network import Data, load_data
from netspec.data.labels import check_classes, check_hold_out, check_operations, check_steps, check_target_range
from netspec.data.parts import sizes
from netspec.data.rows import Rows
from netspec.data.targets import class_weights, loss_for, wanted
from netspec.data.types import Arrays, Dataset, DownloadProgress
from netspec.diagnostics.diagnostic import DataError, NetspecError, RunError
from netspec.elaborate.overrides import with_settings
from netspec.graph.graph import Graph
from netspec.graph.losses import with_class_loss, with_loss, with_losses
from netspec.graph.memory import evaluated_at_once
from netspec.graph.trace import trace
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.planning import Recorded
from netspec.recipe.array_facts import looks_numeric
from netspec.recipe.array_files import ARRAY_ENDINGS
from netspec.recipe.catalog import find, last_part
from netspec.recipe.class_names import are_numbers
from netspec.recipe.class_weights import weights_of, weights_text
from netspec.recipe.losses import CrossEntropy, Loss, MeanSquaredError, class_loss
from netspec.recipe.settings import Normalize
from netspec.runs import files as run_files
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.manifest import Origin
from netspec.runs.model_file import ModelFile
from netspec.runs.recorder import RunFolder
from netspec.system.background import Background
from netspec.system.files import expanded, kind_of
from netspec.system.places import timings_folder
from netspec.training.events import Event, Finished, Notice, Stopped
from netspec.training.loop import train as train_loop
from netspec.workflows import own_report
from netspec.workflows.weights import INITIAL, StartWeights, notices_of, start_weights, weights_name

__all__ = [
    "Data",
    "compile_for_training",
    "compile_network",
    "data_source_path",
    "draw_run_curves",
    "load_data",
    "train",
    "with_curves",
    "with_source",
]


def compile_network(
    network: Network,
    device: str | jax.Device | None = None,
    precision: str = "float32",
    *,
    autotune: bool | None = None,
    graph: Graph | None = None,
    batches: Collection[int] | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    recorded: Recorded | None = None,
) -> Model:
    """Return a network compiled for a device.

    Args:
        network: what is compiled.
        device: what computes.
        precision: of inference.
        autotune: whether the strategies are measured; as the network says unless given.
        graph: of the network; traced here unless given.
        batches: the batch sizes for which they are; all unless given.
        tuning: called with how far that is.
        recorded: the plans of a run that is resumed or replayed, which come before measured and expected ones.

    Raises:
        SpecError: when shapes do not fit.
        DeviceError: when there is no such device.
        NetspecError: when there is no such precision.
    """
    tunes = _autotunes(network, autotune)
    tune = Autotuner(timings_folder(), batches=batches, progress=tuning) if tunes else None
    return Model(network, trace(network) if graph is None else graph, device, precision, tune, recorded)


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
    path = data_source_path(data) if data is not None else _named_path(network, dataset, base)
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
    network, graph = _with_loss_of(network, graph, dataset)
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
            autotune=_autotunes(network, autotune),
            device=device if isinstance(device, str) else None,
            weights=_recorded(start, folder, model) if start else None,
        )
        recorder = RunFolder(folder, model, origin)
    notices += _losses_noticed(declared, network, model.graph, dataset.train.labels)
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


def _with_loss_of(network: Network, graph: Graph, dataset: Dataset) -> tuple[Network, Graph]:
    """Return a network with its losses stated where they follow from the data, and its graph.

    The weights of classes are then in numbers.

    Raises:
        DataError: a class that is named has no weight, for there is none of that name.
    """
    if network.reconstructs:
        return network, graph
    labels = dataset.train.labels
    if len(graph.outputs) == 1:
        loss = _loss_of(network, graph, labels, dataset)
        if loss is None:
            return with_class_loss(network, graph), graph
        network = with_loss(network, loss)
        return network, trace(network)
    found = {o.name: _loss_of(network, graph.only(o), labels[o.target], dataset) for o in graph.outputs}
    losses = {name: loss for name, loss in found.items() if loss}
    network = with_losses(network, losses)
    return network, trace(network) if losses else graph


def _loss_of(network: Network, graph: Graph, labels: NDArray[Any], dataset: Dataset) -> Loss | None:
    """Return the loss of an output as it follows from the data; None where that says nothing of it."""
    (output,) = graph.outputs
    want = wanted(network, graph)
    loss = network.stated_loss(output.name)
    if loss is None:
        plain = not want.stated and labels.dtype.kind == "i" and want.shape[0] > 1 and labels.ndim == len(want.shape)
        if len(network.all_outputs) > 1 and plain and isinstance(want.loss, MeanSquaredError):
            # Whole numbers of several outputs are classes: those of one are known for them before.
            return class_loss(want.shape[0])
        found = loss_for(want, labels)
        return found if found != graph.loss else None
    if not isinstance(loss, CrossEntropy) or loss.class_weights is None or weights_of(loss.class_weights):
        return None
    count, _ = sizes(network, dataset)
    weights = class_weights(loss, labels[:count], dataset.names_of(output.target), want.shape[0])
    return loss.model_copy(update={"class_weights": weights_text(weights)})


def _possible_classes(targets: NDArray[Any]) -> int:
    """Return how many classes numbers may be, where they are whole and look like some; else 0."""
    flat = targets.reshape(-1)
    if targets.shape[1:] not in {(), (1,)} or not (flat == np.floor(flat)).all() or flat.min(initial=0) < 0:
        return 0
    different = len(np.unique(flat))
    return 0 if looks_numeric(different, flat.size) else max(int(flat.max(initial=0)) + 1, 2)


def _losses_noticed(declared: Network, network: Network, graph: Graph, labels: Arrays) -> list[str]:
    """Return what to say of losses that follow from the data."""
    said = []
    for output in graph.outputs:
        if declared.stated_loss(output.name) is None and network.stated_loss(output.name) is not None:
            loss = output.loss.canonical()
            if len(graph.outputs) == 1:
                what = "the targets are numbers" if loss == "mse" else "the outputs are taken as logits of the classes"
            else:
                numbers = f"the targets of {output.name} are numbers"
                what = numbers if loss == "mse" else f"{output.name} is taken as logits of classes"
            classes = _possible_classes(labels[output.target] if isinstance(labels, Mapping) else labels)
            doubt = f"; if they are {classes} classes, end with `fc {classes} softmax`" if loss == "mse" else ""
            said.append(f"no loss is stated: {what}, with the loss {loss}{doubt if classes else ''}")
    return said


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
    notice = None if network.reconstructs else check_classes(graph, dataset, strict=chosen)
    return [notice] if notice else []


def with_curves(
    events: Iterator[Event], network: Network, folder: Path | None, dataset: Dataset, device: jax.Device
) -> Iterator[Event]:
    """Yield the events of a training; with a run folder, draw its curves and write its report at the end.

    Args:
        events: of the training.
        network: what is trained.
        folder: of the run, if there is one.
        dataset: what it learns from.
        device: what computes.
    """
    if folder:
        # What draws them takes long to import, and the processor waits for the compiler anyway.
        Background(lambda: report.draw_curves)
    for event in events:
        if isinstance(event, Finished | Stopped) and folder:
            yield from draw_run_curves(network, folder)
        if isinstance(event, Finished) and folder and (why := own_report.write_own_report(folder, dataset, device)):
            yield Notice(why)
        yield event


def draw_run_curves(network: Network, folder: Path) -> Iterator[Notice]:
    """Draw the curves of a run; yield why not, where that is not possible."""
    try:
        metrics = run_files.read_metrics(folder)
        if metrics:
            report.draw_curves(metrics, folder / run_files.CURVES, title=network.name)
    except RunError as error:
        # The training itself has succeeded: a missing picture is no error.
        yield Notice(f"no curves are drawn: {error.message}")


def compile_for_training(
    network: Network,
    graph: Graph,
    dataset: Dataset,
    device: str | jax.Device | None,
    *,
    autotune: bool | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    recorded: Recorded | None = None,
) -> Model:
    """Return a network compiled for its training on a dataset; arguments and errors as for `compile_network`."""
    devices = shared_devices(resolve(device), network.recipe.devices, network.recipe.batch)
    require_agreement(f"{network.model_dump_json()}{dataset.sha256}{dataset.labels}{dataset.target_labels}")
    if jax.process_count() > 1 and _autotunes(network, autotune):
        # They must all come to the same program.
        raise NetspecError("processes that train together cannot autotune: each measures other times", "leave it out")
    batches = _batches(network, graph, dataset, len(devices))
    model = compile_network(
        network, device, autotune=autotune, graph=graph, batches=batches, tuning=tuning, recorded=recorded
    )
    check_steps(network, graph, dataset)
    return model


def data_source_path(data: Data) -> str | None:
    """Return the path of data that was named; None where it is a built-in dataset, or comes from memory.

    Raises:
        DataError: when it begins with the name of a user that there is not.
    """
    path = expanded(data, DataError) if isinstance(data, str | Path) and not find(str(data)) else None
    return str(path.resolve()) if path else None


def _named_path(network: Network, dataset: Dataset, base: Path | None) -> str | None:
    """Return where the data lies that the network names and that was loaded; None where it is a built-in dataset."""
    for name in (network.data.name, network.data.fallback) if network.data else ():
        info = find(name) if name else None
        if info and info.name == dataset.name:
            return None
        # A spec names paths below its own folder only: a ~ in one is no user.
        path = (base or Path()) / name if name and not info else None
        if path and kind_of(path, DataError):
            return str(path.resolve())
    return None


def _autotunes(network: Network, autotune: bool | None) -> bool:
    """Return whether the ways to compute are measured: as asked for, else as the network says."""
    return network.compile.autotune == "on" if autotune is None else autotune


def _folder(out: Path | None, numbered: Path | None) -> Path | None:
    """Make the run folder, if there is to be one."""
    return run_folders.named_folder(out) if out else run_folders.fresh_folder(numbered) if numbered else None


def _batches(network: Network, graph: Graph, dataset: Dataset, devices: int) -> set[int]:
    """Return the batch sizes that most of a training is spent on, on each device: not that of the rest of an epoch."""
    recipe, (train, held_out) = network.recipe, sizes(network, dataset)
    at_once = evaluated_at_once(network, graph)
    evaluated = (min(at_once, n) for n in (len(dataset.test), held_out) if n)
    batches = {min(recipe.batch, train), *evaluated}
    return {rows_per_device(batch, devices) for batch in batches}


def with_source(network: Network, dataset: Dataset, path: str | None, *, given: bool) -> Network:
    """Return the network naming the dataset that is really used; how its examples are prepared stays.

    Of a path given from outside only the last part stays: a model file names no folder of the machine it was made on.
    """
    source = network.data
    if source and not given:
        used = source.fallback if source.fallback and _is(dataset, source.fallback) else source.name
        info = find(used)
        used = info.name if info else used
        return network if used == source.name else _with_name(network, used)
    builtin = find(dataset.name) and path is None
    name = dataset.name if builtin else re.sub(r'["\x00-\x1f\x7f]', "_", last_part(dataset.name))
    if source and source.is_arrays and not (find(name) or name.lower().endswith(ARRAY_ENDINGS)):
        # By another name what the spec says of arrays would be said of a table.
        name += ".npz" if source.columns or source.target_arrays or source.group else ""
    return _with_name(network.model_copy(update={"data": source or DataSource(name=name)}), name)


def _is(dataset: Dataset, name: str) -> bool:
    """Return whether a loaded dataset is the one of this name in a spec."""
    info, parts = find(name), Path(name).parts
    return dataset.name == info.name if info else Path(dataset.name).parts[-len(parts) :] == parts


def _with_name(network: Network, name: str) -> Network:
    """Return a network that names one dataset, which is there."""
    assert network.data is not None
    changed: dict[str, Any] = {"name": name, "fallback": None}
    if network.data.is_tagged and network.data.text:
        # By another name it would be another kind of data.
        changed["text"] = network.data.text.model_copy(update={"tagged": True})
    if network.data.is_table and network.data.target == "label":
        # By another name it would be no table unless it says which column it learns.
        changed["target"] = network.data.target_columns
    return network.model_copy(update={"data": network.data.model_copy(update=changed)})
