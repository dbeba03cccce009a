"""The data of a run, by what its lock.json records: where it is, whether it is the same, and what was learned of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from netspec.data.parts import changed_parts, split_facts
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import DataError, listing
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.recipe.catalog import find
from netspec.recipe.class_names import are_numbers
from netspec.sources.preparation import Preparation
from netspec.system.files import kind_of

__all__ = ["as_recorded", "data_path", "known_names", "known_preparation", "require_same"]


def data_path(folder: Path, network: Network, manifest: Mapping[str, Any], *, arrays: str) -> str | None:
    """Return where the data of a run is that does not come by the name in its spec; None where it does.

    Args:
        folder: the run folder.
        network: what was trained.
        manifest: the run's lock.json.
        arrays: what to do where there were arrays in memory, for the message.

    Raises:
        DataError: when it is not there any more, or cannot be looked for.
    """
    path: str | None = manifest.get("data_path")
    if path is None:
        if not network.data or not find(network.data.name):
            raise DataError(f"{folder} learned from arrays in memory", arrays)
    elif kind_of(Path(path), DataError) is None:
        raise DataError(f"the data of {folder} is no longer at {path}", "say where it is: --data PATH")
    return path


def require_same(
    folder: Path, manifest: Mapping[str, Any], dataset: Dataset, *, fix: str, network: Network | None = None
) -> None:
    """Raise DataError when a dataset is not the one that a run learned from, by its SHA-256 and its class names.

    Args:
        folder: of the run.
        manifest: its lock.json.
        dataset: what is there now.
        fix: what the user can do.
        network: that learns; with it the message says which part has changed.
    """
    if dataset.sha256 != manifest.get("data_sha256"):
        changed = changed_parts(manifest.get("split", {}), split_facts(network, dataset)) if network else ""
        raise DataError(
            f"{dataset.name} is not what {folder} learned from: its SHA-256 is {dataset.sha256[:12]}…, "
            f"that was {str(manifest.get('data_sha256'))[:12]}…" + (f"; {changed}" if changed else ""),
            fix,
        )
    learned, now = tuple(manifest.get("labels", ())), dataset.labels
    if now != learned and not are_numbers(learned) and not are_numbers(now):
        raise DataError(
            f"{dataset.name} is not what {folder} learned from: its classes are {listing(now, 'and')}, "
            f"those were {listing(learned, 'and')}",
            fix,
        )


def as_recorded(manifest: Mapping[str, Any], dataset: Dataset) -> Dataset:
    """Return the dataset of a run: one that was begun without arrays for validation goes on without them."""
    if dataset.validation is None or manifest.get("given_validation"):
        return dataset
    notice = f"{dataset.name} has arrays for validation, which this run was begun without: they are not used"
    return replace(dataset.without_validation(), notices=(*dataset.notices, notice))


def known_names(graph: Graph, manifest: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Return the names of the classes that a run learned, by the targets that have some."""
    found = {target: tuple(names) for target, names in manifest.get("target_labels", {}).items()}
    labels = tuple(manifest.get("labels", ()))
    if len(graph.outputs) == 1 and labels:
        found[graph.outputs[0].target] = labels
    return found


def known_preparation(manifest: Mapping[str, Any]) -> Preparation | None:
    """Return what a run fitted to its data; None where that was nothing."""
    found = manifest.get("preparation")
    return Preparation.model_validate(found) if found else None
