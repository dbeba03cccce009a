"""A run that goes on where it stopped, to the same bits; and what speaks against that."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax

from netspec.backends.jax.autotune import Tuning
from netspec.backends.jax.devices import resolve
from netspec.backends.jax.model import Model
from netspec.compiler import analyze, require
from netspec.data.for_network import Data, data_path, load_data, require_same
from netspec.data.types import Dataset, Progress
from netspec.describe.diff import Comparison, compare
from netspec.diagnostics.diagnostic import ModelFileError, RunError, Source
from netspec.elaborate.overrides import apply_sets, setting_path, with_settings
from netspec.graph.trace import trace, with_class_loss, with_loss
from netspec.ir.network import DataSource, Network
from netspec.runs import folder as runs
from netspec.runs.checkpoints import Checkpoints, with_best
from netspec.runs.completeness import lacks_curves_only, lacks_models, over, require_own
from netspec.runs.environment import differences, here
from netspec.runs.listing import newest
from netspec.runs.lock import RunLock
from netspec.runs.recorder import Origin, RunFolder, choices, digest, recorded_choices
from netspec.system.files import read_text
from netspec.training.events import Event, Notice
from netspec.training.loop import train as train_loop
from netspec.training.progress import Snapshot
from netspec.workflows.read_network import read_network
from netspec.workflows.train import compiled_for, drawn, given_path, run, with_source

__all__ = ["Begun", "compiled_as_begun", "elsewhere", "read_begun", "resume", "same_data"]

_NEEDED = {"overrides", "lets", "sets", "data_path", "log_every", "autotune", "resumed"}
"""Of lock.json; the rest is compared where it is there."""


@dataclass(frozen=True, eq=False, slots=True)
class Begun:
    """A run that was begun.

    Attributes:
        folder: the run folder.
        lock: its lock.json.
        network: the network it trains.
        origin: what it was asked for with.
        older: whether it was begun before the data had a say in which loss follows; its own stays.
    """

    folder: Path
    lock: Mapping[str, Any]
    network: Network
    origin: Origin
    older: bool = False


def read_begun(folder: Path) -> Begun:
    """Return what a run was begun with.

    Raises:
        RunError: when the folder is no run, or one of its files is missing, damaged, or of a newer netspec.
    """
    lock = runs.read_lock(folder)
    network, _ = read_network(folder)
    kept = read_text(folder / runs.NETWORK)
    if digest(kept) not in {lock.get("network_sha256"), lock.get("next_network_sha256")}:
        raise RunError(
            f"{folder / runs.NETWORK} is not the one the run was begun with",
            "put it back; to change what is trained, use --set, or edit spec.net",
        )
    if not lock.keys() >= _NEEDED:
        raise RunError(f"{folder / runs.LOCK} lacks what it takes to go on", "it is of an older netspec: train again")
    try:
        origin = Origin(
            text=read_text(folder / runs.SPEC),
            settings=dict(lock["overrides"]),
            lets=dict(lock["lets"]),
            sets=dict(lock["sets"]),
            data_path=lock["data_path"],
            log_every=lock["log_every"],
            autotune=lock["autotune"],
            device=lock.get("asked_device"),
        )
    except (OSError, ValueError) as error:
        raise RunError(
            f"{folder / runs.SPEC} cannot be read: {error}", "copy it again from where it was whole"
        ) from None
    older = network.recipe.loss is not None and json.loads(kept)["recipe"]["loss"] is None
    return Begun(folder, lock, network, origin, older)


def resume(
    folder: Path,
    data: Data | None = None,
    *,
    settings: Mapping[str, str] | None = None,
    sets: Mapping[str, str] | None = None,
    accept_changes: bool = False,
    device: str | jax.Device | None = None,
    progress: Progress | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Event]:
    """Go on with a run.

    Args:
        folder: the run folder.
        data: where its data is now; where it was unless given. It must be the same.
        settings: settings of the recipe that change from here on, as texts by name: `{"epochs": "20"}`.
        sets: likewise, by path.
        accept_changes: take a spec.net that was edited, or other data.
        device: what computes.
        progress: called while a dataset is downloaded.
        tuning: told how far measuring the ways to compute is.
        stop: asked again and again whether to save and stop.

    Raises:
        RunError: when there is nothing to go on with: it is no run, it is complete, its spec was changed, another
            process trains there.
        DataError: when the data cannot be had, or is not that of the run.
        ModelFileError: when the checkpoint does not fit what is to be trained.
    """
    folder = newest(folder)
    begun = read_begun(folder)
    held = RunLock(folder)
    try:
        network, changes = _changed(begun, settings or {}, sets or {}, accept_changes=accept_changes)
        snapshot, wrong = Checkpoints(folder, begun.lock.get("run")).newest(own=True)
        require_own(folder, begun.lock, snapshot)
        _require_same_steps(begun, network)
        if not changes and lacks_curves_only(folder, network.recipe, snapshot):
            yield Notice(f"{folder} is complete, but for its {runs.CURVES}: they are drawn now")
            yield from drawn(network, folder)
            held.release()
            return
        _require_unfinished(begun, network, snapshot, changes)
        dataset = same_data(begun, network, data, progress, accept_changes=accept_changes)
        if dataset.sha256 != begun.lock.get("data_sha256"):
            changes.append(f"data: SHA-256 {str(begun.lock.get('data_sha256'))[:12]}… → {dataset.sha256[:12]}…")
            if data is not None:
                network = with_source(network, dataset, given_path(data), given=True)
        device = begun.origin.device if device is None else device
        model = compiled_as_begun(begun, network, dataset, device, tuning)
        snapshot, lost = with_best(folder, snapshot, begun.lock, changed=bool(changes))
        others = elsewhere(begun, model, dataset)
        origin = _origin(begun, settings or {}, sets or {}, data)
        recorder = RunFolder(
            folder,
            model,
            origin,
            held=held,
            resumed=snapshot,
            before=begun.lock,
            changes=tuple(changes),
            elsewhere=tuple(others),
        )
    except BaseException:
        held.release()
        raise
    log_every = begun.origin.log_every
    events = train_loop(model, dataset, log_every=log_every, recorder=recorder, resumed=snapshot, stop=stop)
    try:
        nameless = [] if "run" in begun.lock else [f"{folder} was begun before runs said which files are theirs"]
        for text in (*nameless, *wrong, *lost, *others, *(f"from here on {change}" for change in changes)):
            yield Notice(text)
        yield from run(events, network, folder)
    except ModelFileError as error:
        said = f": {'; '.join(changes)}" if changes else ""
        raise ModelFileError(f"{folder} cannot go on with this network{said}: {error.message}", error.fix) from None
    finally:
        recorder.close()


def _changed(
    begun: Begun, settings: Mapping[str, str], sets: Mapping[str, str], *, accept_changes: bool
) -> tuple[Network, list[str]]:
    """Return the network to go on with, and what differs from before, in words.

    Raises:
        RunError: when spec.net was edited, and that was not said to be meant.
    """
    network = begun.network
    assert begun.origin.text is not None
    if digest(begun.origin.text) != begun.lock.get("spec_sha256"):
        edited = _edited(begun)
        found = _differences(network, edited)
        if found and not accept_changes:
            raise RunError(
                f"{begun.folder / runs.SPEC} was changed since the run was begun: {'; '.join(found)}",
                "undo that, or say that it is meant: --accept-changes",
            )
        network = edited
    network = apply_sets(with_settings(network, settings), sets)
    return network, _differences(begun.network, network)


def _edited(begun: Begun) -> Network:
    """Return the network of the run's spec.net as it is now, with all that was said when the run was begun."""
    origin = begun.origin
    assert origin.text is not None
    source = Source(str(begun.folder / runs.SPEC), origin.text, begun.folder)
    found = analyze(source, lets=origin.lets, sets=origin.sets, name=begun.network.name)
    settings = {key: value for key, value in origin.settings.items() if key != "data"}
    network = with_settings(require(found)[0], settings)
    if begun.network.data:
        # The data that is really used has its own check, and a spec may leave it to whoever trains.
        named = {"name": begun.network.data.name, "fallback": begun.network.data.fallback}
        data = network.data or DataSource(name=begun.network.data.name)
        network = network.model_copy(update={"data": data.model_copy(update=named)})
    return _with_its_loss(begun, network)


def _with_its_loss(begun: Begun, network: Network) -> Network:
    """Return an edited network with the loss that it has in this run, where neither its spec nor a flag says one."""
    if begun.older and network.recipe.loss is None:
        assert begun.network.recipe.loss is not None
        return with_loss(network, begun.network.recipe.loss)
    return with_class_loss(network)


def _differences(before: Network, after: Network) -> list[str]:
    found = compare((before, trace(before)), (after, trace(after)))
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


def _require_same_steps(begun: Begun, network: Network) -> None:
    """Raise RunError when what a step learns from would be cut in another way: it decides what an epoch is."""

    def sizes(network: Network) -> tuple[int, int]:
        return network.recipe.batch, network.data.validation if network.data else 0

    for name, before, after in zip(("batch", "validation"), sizes(begun.network), sizes(network), strict=True):
        if before != after:
            raise RunError(
                f"{begun.folder} was begun with {name} {before:,}, which it keeps: it cannot go on with {after:,}",
                "train again with the other one",
            )


def _require_unfinished(begun: Begun, network: Network, snapshot: Snapshot | None, changes: list[str]) -> None:
    """Raise RunError when a run has nothing left to do."""
    result, epochs = runs.read_result(begun.folder), network.recipe.epochs
    begun_epochs = snapshot.progress.epoch - (not snapshot.progress.taken) if snapshot else 0
    if epochs < begun_epochs:
        raise RunError(
            f"{begun.folder} is in epoch {begun_epochs} already, so it cannot end after {epochs}",
            f"a run goes on, never back: --epochs {max(begun_epochs, begun.network.recipe.epochs)}",
        )
    if result is None:
        return
    if snapshot is None:
        raise RunError(f"{begun.folder} is complete, and kept no checkpoint to go on from", "train again")
    progress, recipe = snapshot.progress, network.recipe
    if over(progress, recipe) and (changes or not lacks_models(begun.folder, progress)):
        why = {"early_stop": ", by early stopping", "time_limit": ", by its time limit"}.get(progress.stopped, "")
        ends = "" if changes else f"it ended after epoch {result.get('epochs')}{why}"
        raise RunError(
            f"{begun.folder} is complete" + (f": {ends}" if ends else ""),
            f"to train on, say how far: --epochs {recipe.epochs * 2}" if not why else "raise that limit with --set",
        )


def same_data(
    begun: Begun,
    network: Network,
    data: Data | None,
    progress: Progress | None = None,
    *,
    accept_changes: bool = False,
) -> Dataset:
    """Return the data of a run, from where it was or where it is now.

    Raises:
        DataError: when it cannot be had, or is not the same.
    """
    if data is None:
        data = data_path(begun.folder, network, begun.lock, arrays="give them again: resume(folder, data=…)")
    dataset = load_data(network, data, progress=progress)
    if not accept_changes:
        fix = "give the same data, or say that it is meant: --accept-changes"
        require_same(begun.folder, begun.lock, dataset, fix=fix)
    labels = begun.lock.get("labels", ())
    if isinstance(data, tuple | list) and len(labels) >= len(dataset.labels):
        # Arrays do not say what their classes are called; the run does.
        dataset = replace(dataset, labels=tuple(labels))
    return dataset


def compiled_as_begun(
    begun: Begun,
    network: Network,
    dataset: Dataset,
    device: str | jax.Device | None,
    tuning: Callable[[Tuning], None] | None,
) -> Model:
    """Return the network of a run compiled as it was when the run was begun, whatever would be chosen now.

    Args:
        begun: the run.
        network: what is trained from here on.
        dataset: what it learns from.
        device: what computes; another platform than before has ways of its own.
        tuning: told how far measuring the ways to compute is, where some are still to be found.
    """
    recorded = recorded_choices(begun.lock)
    platforms = {name.partition(":")[0] for name in begun.lock.get("devices", ())}
    # What is asked for now is not what the run was begun with.
    if resolve(device).platform not in platforms or network.compile != begun.network.compile:
        recorded = replace(recorded, plans={})
    return compiled_for(network, dataset, device, autotune=begun.origin.autotune, tuning=tuning, recorded=recorded)


def elsewhere(begun: Begun, model: Model, dataset: Dataset) -> list[str]:
    """Return why the bits may not be those of an uninterrupted run, if there is a reason."""
    device = model.device
    now = {**here(), "device": device.device_kind if device.platform != "cpu" else "cpu"}
    found = list(differences(begun.lock, now))
    ways = choices(model, dataset, len(begun.lock.get("devices") or ["one"]))
    # Earlier runs recorded fewer of their plans.
    if any(ways.get(mode) != plan for mode, plan in (begun.lock.get("choices") or {}).items()):
        found.append("operations are computed in other ways than before")
    return [f"not to the same bits, since these differ: {'; '.join(found)}"] if found else []


def _origin(begun: Begun, settings: Mapping[str, str], sets: Mapping[str, str], data: Data | None) -> Origin:
    """Return what the run is asked for with from here on: what is said last of a setting holds."""
    origin = begun.origin
    said = {setting_path(name) for name in settings} | set(sets)

    def holds(path: str) -> bool:
        return not any(path == other or path.startswith(f"{other}.") for other in said)

    return replace(
        origin,
        settings={**{k: v for k, v in origin.settings.items() if holds(setting_path(k))}, **settings},
        sets={**{k: v for k, v in origin.sets.items() if holds(k)}, **sets},
        data_path=origin.data_path if data is None else given_path(data),
    )
