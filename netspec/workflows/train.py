"""From a network to a training: which data, which device, which folder."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import jax

from netspec import report
from netspec.backends.jax.autotune import Autotuner, Tuning
from netspec.backends.jax.devices import agree, leads, resolve, sharing
from netspec.backends.jax.model import Model
from netspec.backends.jax.train.group import rows
from netspec.data.for_network import Data, load_data
from netspec.data.labels import check_classes, check_hold_out, check_steps, check_target_range
from netspec.data.types import Dataset, Progress
from netspec.diagnostics.diagnostic import DataError, NetspecError, RunError
from netspec.elaborate.overrides import with_settings
from netspec.graph.trace import trace, with_class_loss
from netspec.ir.network import DataSource, Network
from netspec.planning import Recorded
from netspec.recipe.catalog import find, last_part
from netspec.runs import folder as runs
from netspec.runs.recorder import Origin, RunFolder
from netspec.system.background import Background
from netspec.system.files import expanded, kind_of
from netspec.system.places import timings_folder
from netspec.training.events import Event, Finished, Notice, Stopped
from netspec.training.loop import train as train_loop

__all__ = [
    "Data",
    "compile_network",
    "compiled_for",
    "drawn",
    "given_path",
    "load_data",
    "run",
    "train",
    "with_source",
]


def compile_network(
    network: Network,
    device: str | jax.Device | None = None,
    precision: str = "float32",
    *,
    autotune: bool | None = None,
    batches: Collection[int] | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    recorded: Recorded | None = None,
) -> Model:
    """Return a network compiled for a device.

    Args:
        network: what is compiled.
        device: what computes.
        precision: of inference.
        autotune: whether the ways to compute are measured; as the network says unless given.
        batches: the batch sizes for which they are; all unless given.
        tuning: told how far that is.
        recorded: the ways of a run that goes on, which come before measured and expected ones.

    Raises:
        SpecError: when shapes do not fit.
        DeviceError: when there is no such device.
        NetspecError: when there is no such precision.
    """
    tunes = _tunes(network, autotune)
    tune = Autotuner(timings_folder(), batches=batches, progress=tuning) if tunes else None
    return Model(network, trace(network), device, precision, tune, recorded)


def train(
    network: Network,
    data: Data | None = None,
    *,
    out: Path | None = None,
    numbered: Path | None = None,
    origin: Origin | None = None,
    settings: Mapping[str, str] | None = None,
    device: str | jax.Device | None = None,
    base: Path | None = None,
    log_every: int | None = None,
    progress: Progress | None = None,
    loaded: Callable[[], Dataset] | None = None,
    autotune: bool | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Event]:
    """Train a network; see `netspec.train` for the arguments it shares.

    Args:
        network: what to train.
        data: instead of what the network names.
        out: the run folder; none is written without.
        numbered: make a fresh numbered run folder under this one instead.
        origin: for the run folder: the spec's text, and what replaced values in it.
        settings: replaced settings of the recipe as texts, by name: `{"epochs": "3"}`; `devices` last.
        device: what computes.
        base: the folder that paths in the spec are relative to.
        log_every: steps between two Step events.
        progress: called while a dataset is downloaded.
        loaded: returns what `load_data` does for these arguments, where that is under way already.
        autotune: whether the ways to compute are measured; as the network says unless given.
        tuning: told how far that is.
        stop: asked again and again whether to save and stop.
    """
    if log_every is not None and (not isinstance(log_every, int) or log_every < 1):
        raise DataError(f"log_every must be a positive number of steps, not {log_every}", "leave it out, or say 1")
    network = with_settings(network, settings or {})
    dataset = loaded() if loaded else load_data(network, data, base=base, progress=progress)
    check_hold_out(network.data.validation if network.data else 0, dataset)
    path = given_path(data) if data is not None else _named_path(network, dataset, base)
    # Where it is one of two, the outputs may be for the other; and of arrays in memory some classes may be missing.
    chosen = isinstance(data, str | Path) or (data is None and network.data is not None and not network.data.fallback)
    network = with_source(network, dataset, path, given=data is not None)
    declared, network = network, with_class_loss(network)
    notices = _judged(network, dataset, chosen=chosen)
    model = compiled_for(network, dataset, device, autotune=autotune, tuning=tuning)
    folder = _folder(out, numbered) if leads() else None
    recorder = None
    if folder:
        overrides = {**(settings or {}), **({"data": dataset.name} if data is not None else {})}
        asked = replace(
            origin or Origin(),
            settings=overrides,
            data_path=path,
            log_every=log_every,
            autotune=_tunes(network, autotune),
            device=device if isinstance(device, str) else None,
        )
        recorder = RunFolder(folder, model, asked)
    if network is not declared:
        loss = model.graph.loss.canonical()
        notices.append(f"no loss is stated: the outputs are taken as logits of the classes, with the loss {loss}")
    yield from map(Notice, notices)
    yield from run(train_loop(model, dataset, log_every=log_every, recorder=recorder, stop=stop), network, folder)


def _judged(network: Network, dataset: Dataset, *, chosen: bool) -> list[str]:
    """Return what to say of a dataset and a network whose training begins; raises DataError where they do not fit.

    Args:
        network: what is trained.
        dataset: what it learns from.
        chosen: whether this dataset, and no other, is the one that it is to learn: then their classes are the same.
    """
    check_target_range(network, dataset)
    graph = trace(network)
    said = None if network.reconstructs else check_classes(graph, dataset, strict=chosen)
    return [said] if said else []


def run(events: Iterator[Event], network: Network, folder: Path | None) -> Iterator[Event]:
    """Yield the events of a training; where it is kept in a folder, its curves are drawn at the end."""
    if folder:
        # What draws them takes long to import, and the processor waits for the compiler anyway.
        Background(lambda: report.draw_curves)
    for event in events:
        if isinstance(event, Finished | Stopped) and folder:
            yield from drawn(network, folder)
        yield event


def drawn(network: Network, folder: Path) -> Iterator[Notice]:
    """Draw the curves of a run; yield why not, where that is not possible."""
    try:
        metrics = runs.read_metrics(folder)
        if metrics:
            report.draw_curves(metrics, folder / runs.CURVES, title=network.name)
    except RunError as error:
        # The training itself is kept: its outcome is not withheld for want of a picture.
        yield Notice(f"no curves are drawn: {error.message}")


def compiled_for(
    network: Network,
    dataset: Dataset,
    device: str | jax.Device | None,
    *,
    autotune: bool | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    recorded: Recorded | None = None,
) -> Model:
    """Return a network compiled for its training on a dataset; arguments and errors as for `compile_network`."""
    devices = sharing(resolve(device), network.recipe.devices, network.recipe.batch)
    agree(network.model_dump_json() + dataset.sha256)
    if jax.process_count() > 1 and _tunes(network, autotune):
        # They must all come to the same program.
        raise NetspecError("processes that train together cannot autotune: each measures other times", "leave it out")
    batches = _batches(network, dataset, len(devices))
    model = compile_network(network, device, autotune=autotune, batches=batches, tuning=tuning, recorded=recorded)
    check_steps(network, model.graph, dataset)
    return model


def given_path(data: Data) -> str | None:
    """Return where data that was given lies; None where it is a built-in dataset, or comes from memory.

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


def _tunes(network: Network, autotune: bool | None) -> bool:
    """Return whether the ways to compute are measured: as asked for, else as the network says."""
    return network.compile.autotune == "on" if autotune is None else autotune


def _folder(out: Path | None, numbered: Path | None) -> Path | None:
    """Make the run folder, if there is to be one."""
    return runs.named_folder(out) if out else runs.fresh_folder(numbered) if numbered else None


def _batches(network: Network, dataset: Dataset, devices: int) -> set[int]:
    """Return the batch sizes that most of a training is spent on, on each device: not that of the rest of an epoch."""
    recipe, held_out = network.recipe, network.data.validation if network.data else 0
    looked_at = (min(recipe.evaluate.batch, n) for n in (len(dataset.test), held_out) if n)
    whole = {min(recipe.batch, len(dataset.train) - held_out), *looked_at}
    return {rows(batch, devices) for batch in whole}


def with_source(network: Network, dataset: Dataset, path: str | None, *, given: bool) -> Network:
    """Return the network naming the dataset that is really used; how its examples are prepared stays.

    A path given from outside is kept by its last part only: a model file tells nothing of the folders it was made in.
    """
    source = network.data
    if source and not given:
        used = source.fallback if source.fallback and _is(dataset, source.fallback) else source.name
        info = find(used)
        used = info.name if info else used
        return network if used == source.name else _with_name(network, used)
    builtin = find(dataset.name) and path is None
    name = dataset.name if builtin else re.sub(r'["\x00-\x1f\x7f]', "_", last_part(dataset.name))
    return _with_name(network.model_copy(update={"data": source or DataSource(name=name)}), name)


def _is(dataset: Dataset, name: str) -> bool:
    """Return whether a loaded dataset is the one of this name in a spec."""
    info, parts = find(name), Path(name).parts
    return dataset.name == info.name if info else Path(dataset.name).parts[-len(parts) :] == parts


def _with_name(network: Network, name: str) -> Network:
    """Return a network that names one dataset, which is there."""
    assert network.data is not None
    return network.model_copy(update={"data": network.data.model_copy(update={"name": name, "fallback": None})})
