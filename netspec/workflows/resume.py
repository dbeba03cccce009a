"""Resuming of a run from its newest checkpoint, to the bits of one that was never stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import jax

from netspec.backends.jax.autotune import Tuning
from netspec.compiler import analyze, require
from netspec.data.for_network import Data
from netspec.data.types import DownloadProgress
from netspec.describe.diff import Comparison, compare
from netspec.diagnostics.diagnostic import ModelFileError, RunError, Source
from netspec.elaborate.overrides import apply_sets, setting_path, with_settings
from netspec.graph.graph import Graph
from netspec.graph.losses import with_class_loss, with_loss, with_losses
from netspec.graph.trace import trace
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.recipe.class_weights import weights_of
from netspec.recipe.losses import CrossEntropy, MeanSquaredError
from netspec.runs import files as run_files
from netspec.runs.checkpoints import Checkpoints, with_best
from netspec.runs.completeness import is_finished, lacks_curves_only, lacks_models, require_own
from netspec.runs.listing import newest
from netspec.runs.lock import RunLock
from netspec.runs.manifest import Origin, digest
from netspec.runs.recorder import RunFolder
from netspec.training.events import Event, Notice
from netspec.training.loop import train as train_loop
from netspec.training.progress import Snapshot
from netspec.workflows.end_of_run import draw_run_curves, with_curves
from netspec.workflows.saved_run import SavedRun, compile_as_recorded, environment_changes, read_saved_run, same_data
from netspec.workflows.used_data import data_source_path, with_source
from netspec.workflows.weights import same_weights

__all__ = ["resume"]


def resume(
    folder: Path,
    data: Data | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    sets: Mapping[str, str] | None = None,
    accept_changes: bool = False,
    device: str | jax.Device | None = None,
    progress: DownloadProgress | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Event]:
    """Resume a run.

    Args:
        folder: the run folder.
        data: where its data is now; where it was unless given. It must be the same.
        settings: settings of the recipe that change from here on, as texts by name: `{"epochs": "20"}`.
        sets: likewise, by path.
        accept_changes: take a spec.net that was edited, or other data.
        device: what computes.
        progress: called while a dataset is downloaded.
        tuning: called with the progress of autotuning.
        stop: asked again and again whether to save and stop.

    Raises:
        RunError: when there is nothing to go on with: it is no run, it is complete, its spec was changed, another
            process trains there.
        DataError: when the data cannot be had, or is not that of the run.
        ModelFileError: when the checkpoint does not fit what is to be trained.
    """
    folder = newest(folder)
    saved = read_saved_run(folder)
    run_lock = RunLock(folder)
    try:
        network, graph, changes = _changed(saved, settings or {}, sets or {}, accept_changes=accept_changes)
        snapshot, wrong = Checkpoints(folder, saved.manifest.get("run")).newest(own=True)
        require_own(folder, saved.manifest, snapshot)
        _require_same_steps(saved, network)
        if not changes and lacks_curves_only(folder, network.recipe, snapshot):
            yield Notice(f"{folder} is complete, but for its {run_files.CURVES}: they are drawn now")
            yield from draw_run_curves(network, folder)
            run_lock.release()
            return
        _require_unfinished(saved, network, snapshot, changes)
        dataset = same_data(saved, network, graph, data, progress, accept_changes=accept_changes)
        if dataset.sha256 != saved.manifest.get("data_sha256"):
            changes.append(f"data: SHA-256 {str(saved.manifest.get('data_sha256'))[:12]}… → {dataset.sha256[:12]}…")
            if data is not None:
                network = with_source(network, dataset, data_source_path(data), given=True)
        device = saved.origin.device if device is None else device
        model = compile_as_recorded(saved, network, graph, dataset, device, tuning=tuning)
        # A checkpoint has all that the training started from.
        start = None if snapshot else same_weights(folder, graph, saved.origin.weights)
        snapshot, lost = with_best(folder, snapshot, saved.manifest, changed=bool(changes))
        others = environment_changes(saved, model, dataset)
        origin = _origin(saved, settings or {}, sets or {}, data)
        recorder = RunFolder(
            folder,
            model,
            origin,
            lock=run_lock,
            resumed=snapshot,
            before=saved.manifest,
            changes=tuple(changes),
            differences=tuple(others),
        )
    except BaseException:
        run_lock.release()
        raise
    log_every = saved.origin.log_every
    initial = start.arrays if start else None
    events = train_loop(
        model, dataset, log_every=log_every, recorder=recorder, resumed=snapshot, stop=stop, initial=initial
    )
    try:
        nameless = [] if "run" in saved.manifest else [f"{folder} was begun before runs said which files are theirs"]
        for text in (*nameless, *wrong, *lost, *others, *(f"from here on {change}" for change in changes)):
            yield Notice(text)
        yield from with_curves(events, network, folder, dataset, model.device)
    except ModelFileError as error:
        said = f": {'; '.join(changes)}" if changes else ""
        raise ModelFileError(f"{folder} cannot go on with this network{said}: {error.message}", error.fix) from None
    finally:
        recorder.close()


def _changed(
    saved: SavedRun, settings: Mapping[str, str], sets: Mapping[str, str], *, accept_changes: bool
) -> tuple[Network, Graph, list[str]]:
    """Return the network to train on, its graph, and what differs from before, in words.

    Raises:
        RunError: when spec.net was edited, and that was not said to be meant.
    """
    network, graph = saved.network, saved.graph
    assert saved.origin.text is not None
    if digest(saved.origin.text) != saved.manifest.get("spec_sha256"):
        edited, edited_graph = _edited(saved)
        found = _differences(saved, edited, edited_graph)
        if found and not accept_changes:
            raise RunError(
                f"{saved.folder / run_files.SPEC} was changed since the run was begun: {'; '.join(found)}",
                "undo that, or say that it is meant: --accept-changes",
            )
        network, graph = edited, edited_graph
    if network.weights != saved.network.weights:
        raise RunError(
            f"{saved.folder} started from other weights, {saved.network.weights or 'none'}, which it keeps: "
            f"it cannot go on with {network.weights or 'none'}",
            "undo that in spec.net, or train again with the other ones",
        )
    # What is a flag changes no operation; what --set changes may.
    network = with_settings(network, settings)
    if sets:
        network = apply_sets(network, sets)
        graph = trace(network)
    return network, graph, _differences(saved, network, graph)


def _edited(saved: SavedRun) -> tuple[Network, Graph]:
    """Return the network of the run's spec.net as it is now, with the run's own overrides, and its graph."""
    origin = saved.origin
    assert origin.text is not None
    source = Source(str(saved.folder / run_files.SPEC), origin.text, saved.folder)
    found = analyze(source, lets=origin.lets, sets=origin.sets, name=saved.network.name, data=origin.data_path)
    settings = {key: value for key, value in origin.settings.items() if key != "data"}
    declared, graph = require(found)
    network = with_settings(declared, settings)
    if (origin.weights or {}).get("given"):
        network = network.model_copy(update={"weights": saved.network.weights})
    if saved.network.data:
        # The data that is really used has its own check, and a spec may leave it to whoever trains.
        named = {"name": saved.network.data.name, "fallback": saved.network.data.fallback}
        data = network.data or DataSource(name=saved.network.data.name)
        network = network.model_copy(update={"data": data.model_copy(update=named)})
    # Where the data is new to the network, it may decide its loss.
    known = graph if declared.data or network.data is None else None
    return _with_its_loss(saved, network, known)


def _with_its_loss(saved: SavedRun, network: Network, graph: Graph | None) -> tuple[Network, Graph]:
    """Return an edited network with its loss in this run where neither spec nor flag states one, and its graph."""
    found = _its_loss(saved, network)
    if found is not None:
        return found, trace(found)
    graph = trace(network) if graph is None else graph
    before, now = (each.stated_loss(each.all_outputs[0].name) for each in (saved.network, network))
    # A loss of numbers may follow from the targets.
    if len(graph.outputs) == 1 and now is None and isinstance(before, MeanSquaredError) and not graph.ends_in:
        network = with_loss(network, before)
        return network, trace(network)
    return with_class_loss(network, graph), graph


def _its_loss(saved: SavedRun, network: Network) -> Network | None:
    """Return the network with the loss that its run stated where it is open; None where the run stated none."""
    if len(network.all_outputs) > 1:
        stated = {o.name: o.loss for o in saved.network.outputs if o.loss}
        unstated = [o.name for o in network.outputs if network.stated_loss(o.name) is None]
        losses = {name: stated[name] for name in unstated if name in stated}
        return with_losses(network, losses) if losses else None
    before, now = (each.stated_loss(each.all_outputs[0].name) for each in (saved.network, network))
    if saved.pinned_loss and now is None:
        assert before is not None
        return with_loss(network, before)
    if isinstance(before, CrossEntropy) and isinstance(now, CrossEntropy) and before.class_weights:
        # Weights that follow from the labels are in numbers there.
        open_ = now.class_weights is not None and weights_of(now.class_weights) is None
        if open_ and before == now.model_copy(update={"class_weights": before.class_weights}):
            return with_loss(network, before)
    return None


def _differences(saved: SavedRun, network: Network, graph: Graph) -> list[str]:
    """Return how a network differs from that of a run, in words."""
    found = compare((saved.network, saved.graph), (network, graph))
    return [*_layers(found), *(f"{s.path}: {s.before or 'nothing'} → {s.after or 'nothing'}" for s in found.settings)]


def _layers(found: Comparison) -> Iterator[str]:
    for layer in found.layers:
        old, new = layer.before, layer.after
        if layer.status in {"same", "affected"}:
            continue
        if old and new:
            yield f"{old.name}: {old.text()} → {new.text()}"
        elif row := old or new:
            yield f"{row.name} {layer.status}"


def _require_same_steps(saved: SavedRun, network: Network) -> None:
    """Raise RunError when what a step learns from would be cut in another way: it decides what an epoch is."""

    def sizes(network: Network) -> tuple[int, float]:
        return network.recipe.batch, network.data.validation if network.data else 0

    for name, before, after in zip(("batch", "validation"), sizes(saved.network), sizes(network), strict=True):
        if before != after:
            raise RunError(
                f"{saved.folder} was begun with {name} {before:,}, which it keeps: it cannot go on with {after:,}",
                "train again with the other one",
            )


def _require_unfinished(saved: SavedRun, network: Network, snapshot: Snapshot | None, changes: list[str]) -> None:
    """Raise RunError when a run has nothing left to do."""
    result, epochs = run_files.read_result(saved.folder), network.recipe.epochs
    begun_epochs = snapshot.progress.epoch - (not snapshot.progress.taken) if snapshot else 0
    if epochs < begun_epochs:
        raise RunError(
            f"{saved.folder} is in epoch {begun_epochs} already, so it cannot end after {epochs}",
            f"a run goes on, never back: --epochs {max(begun_epochs, saved.network.recipe.epochs)}",
        )
    if result is None:
        return
    if snapshot is None:
        raise RunError(f"{saved.folder} is complete, and kept no checkpoint to go on from", "train again")
    progress, recipe = snapshot.progress, network.recipe
    if is_finished(progress, recipe) and (changes or not lacks_models(saved.folder, progress)):
        why = {"early_stop": ", by early stopping", "time_limit": ", by its time limit"}.get(progress.stopped, "")
        ends = "" if changes else f"it ended after epoch {result.get('epochs')}{why}"
        raise RunError(
            f"{saved.folder} is complete" + (f": {ends}" if ends else ""),
            f"to train on, say how far: --epochs {recipe.epochs * 2}" if not why else "raise that limit with --set",
        )


def _origin(saved: SavedRun, settings: Mapping[str, str], sets: Mapping[str, str], data: Data | None) -> Origin:
    """Return the origin of the run from here on: the last value of a setting holds."""
    origin = saved.origin
    replaced = {setting_path(name) for name in settings} | set(sets)

    def holds(path: str) -> bool:
        return not any(path == other or path.startswith(f"{other}.") for other in replaced)

    return replace(
        origin,
        settings={**{k: v for k, v in origin.settings.items() if holds(setting_path(k))}, **settings},
        sets={**{k: v for k, v in origin.sets.items() if holds(k)}, **sets},
        data_path=origin.data_path if data is None else data_source_path(data),
    )
