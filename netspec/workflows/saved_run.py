"""A run read back from its folder: what it was started with, its data, its plans, and what would change its bits."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax

from netspec.backends.jax.autotune import Tuning
from netspec.backends.jax.devices import resolve
from netspec.backends.jax.model import Model
from netspec.data.for_network import Data, load_data
from netspec.data.labels import check_hold_out
from netspec.data.run_data import as_recorded, data_path, known_names, known_preparation, require_same
from netspec.data.types import Dataset, DownloadProgress
from netspec.diagnostics.diagnostic import RunError
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.recipe.class_names import are_numbers
from netspec.runs import files as run_files
from netspec.runs.environment import differences, here
from netspec.runs.manifest import Origin, digest, recorded_strategies, strategies
from netspec.system.files import read_text
from netspec.workflows.compiling import compile_for_training
from netspec.workflows.read_network import read_network

__all__ = ["SavedRun", "compile_as_recorded", "environment_changes", "read_saved_run", "same_data"]

_NEEDED = {"overrides", "lets", "sets", "data_path", "log_every", "autotune", "resumed"}
"""Keys that the manifest must have; the others are compared where they are there."""


@dataclass(frozen=True, eq=False, slots=True)
class SavedRun:
    """A run that was saved.

    Attributes:
        folder: the run folder.
        manifest: its manifest.
        network: the network it trains.
        graph: of the network.
        origin: what it was started with.
        pinned_loss: whether it was started before the data decided about a loss that is not stated; its own loss stays.
    """

    folder: Path
    manifest: Mapping[str, Any]
    network: Network
    graph: Graph
    origin: Origin
    pinned_loss: bool = False


def read_saved_run(folder: Path) -> SavedRun:
    """Return the run in a folder, finished or not.

    Raises:
        RunError: when the folder is no run, or one of its files is missing, damaged, or of a newer netspec.
    """
    manifest = run_files.read_manifest(folder)
    network, graph = read_network(folder)
    text = read_text(folder / run_files.NETWORK)
    if digest(text) not in {manifest.get("network_sha256"), manifest.get("next_network_sha256")}:
        raise RunError(
            f"{folder / run_files.NETWORK} is not the one the run was begun with",
            "put it back; to change what is trained, use --set, or edit spec.net",
        )
    if not manifest.keys() >= _NEEDED:
        raise RunError(
            f"{folder / run_files.MANIFEST} lacks what it takes to go on",
            "it is of an older netspec: train again",
        )
    try:
        origin = Origin(
            text=read_text(folder / run_files.SPEC),
            settings=dict(manifest["overrides"]),
            lets=dict(manifest["lets"]),
            sets=dict(manifest["sets"]),
            data_path=manifest["data_path"],
            log_every=manifest["log_every"],
            autotune=manifest["autotune"],
            device=manifest.get("asked_device"),
            weights=manifest.get("weights"),
        )
    except (OSError, ValueError) as error:
        raise RunError(
            f"{folder / run_files.SPEC} cannot be read: {error}", "copy it again from where it was whole"
        ) from None
    pinned_loss = network.recipe.loss is not None and json.loads(text)["recipe"]["loss"] is None
    return SavedRun(folder, manifest, network, graph, origin, pinned_loss)


def same_data(
    saved: SavedRun,
    network: Network,
    graph: Graph,
    data: Data | None,
    progress: DownloadProgress | None = None,
    *,
    accept_changes: bool = False,
) -> Dataset:
    """Return the data of a run, from where it was or where it is now.

    Raises:
        DataError: when it cannot be had, or is not the same.
    """
    if data is None:
        data = data_path(saved.folder, network, saved.manifest, arrays="give them again: resume(folder, data=…)")
    dataset = load_data(
        network,
        data,
        graph=graph,
        progress=progress,
        known=known_names(graph, saved.manifest),
        preparation=known_preparation(saved.manifest),
    )
    dataset = as_recorded(saved.manifest, dataset)
    check_hold_out(network.data.held_out if network.data else 0, dataset)
    if not accept_changes:
        fix = "give the same data, or say that it is meant: --accept-changes"
        require_same(saved.folder, saved.manifest, dataset, fix=fix, network=network)
    labels = saved.manifest.get("labels", ())
    if are_numbers(dataset.labels) and len(labels) >= len(dataset.labels) > 0:
        # Numbers do not say what their classes are called; the run does.
        dataset = replace(dataset, labels=tuple(labels))
    return dataset


def compile_as_recorded(
    saved: SavedRun,
    network: Network,
    graph: Graph,
    dataset: Dataset,
    device: str | jax.Device | None,
    *,
    tuning: Callable[[Tuning], None] | None = None,
) -> Model:
    """Return a network compiled with the plans that its run recorded, whatever would be chosen now.

    Args:
        saved: the run.
        network: what is trained from here on.
        graph: of the network.
        dataset: what it learns from.
        device: what computes; for another platform than before, the plans are made anew.
        tuning: called with how far autotuning is, where a plan is not recorded.
    """
    recorded = recorded_strategies(saved.manifest)
    platforms = {name.partition(":")[0] for name in saved.manifest.get("devices", ())}
    # Other overrides than the run was begun with ask for other plans.
    if resolve(device).platform not in platforms or network.compile != saved.network.compile:
        recorded = replace(recorded, plans={})
    return compile_for_training(
        network, graph, dataset, device, autotune=saved.origin.autotune, tuning=tuning, recorded=recorded
    )


def environment_changes(saved: SavedRun, model: Model, dataset: Dataset) -> list[str]:
    """Return why the bits may not be those of an uninterrupted run, if there is a reason."""
    device = model.device
    now = {**here(), "device": device.device_kind if device.platform != "cpu" else "cpu"}
    found = list(differences(saved.manifest, now))
    planned = strategies(model, dataset, len(saved.manifest.get("devices") or ["one"]))
    # Older runs recorded fewer of their plans.
    if any(planned.get(mode) != plan for mode, plan in (saved.manifest.get("choices") or {}).items()):
        found.append("operations are computed in other ways than before")
    return [f"not to the same bits, since these differ: {'; '.join(found)}"] if found else []
