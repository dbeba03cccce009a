"""The manifest of a run, `lock.json`: what a training was started with, and what its bits depend on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from netspec.backends.jax.model import Model
from netspec.backends.jax.train.device_group import rows_per_device
from netspec.backends.jax.train.step_chunks import depends_on_batch
from netspec.data.parts import sizes, split_facts
from netspec.data.types import Dataset
from netspec.graph.memory import evaluated_at_once
from netspec.ir.network import Network
from netspec.planning.rates import FIRST, rates_here, rates_of_version
from netspec.planning.record import Recorded
from netspec.runs.environment import here
from netspec.training.events import Started

__all__ = ["Origin", "digest", "manifest_facts", "network_text", "recorded_strategies", "strategies"]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a training was started with, for whoever repeats or resumes it.

    Attributes:
        text: the spec as given; the resolved one is written where there is none.
        settings: replaced settings of the recipe by name, and `data`, the dataset given instead of the spec's.
        lets: what replaced values of `let` in the text.
        sets: what replaced settings in the text, by path.
        data_path: where data that is no built-in dataset lies; None where it is one, or came from memory.
        log_every: steps between two Step events, where that was given.
        autotune: whether the strategies to compute were measured.
        device: the device that was asked for, in words.
        weights: what it started from: the file, its SHA-256, and which of its arrays were taken.
    """

    text: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    lets: Mapping[str, str] = field(default_factory=dict)
    sets: Mapping[str, str] = field(default_factory=dict)
    data_path: str | None = None
    log_every: int | None = None
    autotune: bool = False
    device: str | None = None
    weights: Mapping[str, Any] | None = None


def manifest_facts(model: Model, dataset: Dataset, origin: Origin, event: Started) -> dict[str, Any]:
    """Return what the manifest holds of a training that begins, except for its files and sessions."""
    return {
        "dataset": dataset.name,
        "labels": list(dataset.labels),
        **({"target_labels": {k: list(v) for k, v in dataset.target_labels.items()}} if dataset.target_labels else {}),
        **({"given_validation": len(dataset.validation)} if dataset.validation is not None else {}),
        **({"preparation": dataset.preparation.model_dump(mode="json")} if dataset.preparation else {}),
        "data_path": origin.data_path,
        "data_sha256": dataset.sha256,
        "split": split_facts(model.network, dataset),
        "seed": event.seed,
        "overrides": dict(origin.settings),
        "lets": dict(origin.lets),
        "sets": dict(origin.sets),
        "log_every": origin.log_every,
        "autotune": origin.autotune,
        "asked_device": origin.device,
        **({"weights": dict(origin.weights)} if origin.weights else {}),
        "steps_per_call": event.steps_per_call,
        "device": event.device,
        "devices": list(event.devices),
        "rates": model.rates.version,
        "choices": strategies(model, dataset, len(event.devices)),
        **here(),
    }


def network_text(network: Network) -> str:
    """Return what network.json says."""
    return network.model_dump_json(indent=2) + "\n"


def digest(text: str) -> str:
    """Return the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def strategies(model: Model, dataset: Dataset, devices: int) -> dict[str, Any]:
    """Return how each device computes each operation, at each batch size of a training: rounding depends on it."""
    recipe, never_pad = model.network.recipe, depends_on_batch(model.graph)
    examples, held_out = sizes(model.network, dataset)
    batch = min(recipe.batch, examples)
    # A smaller last batch is padded where that makes no difference.
    trained = {"training": batch, "training, last batch": examples % batch if never_pad else 0}
    evaluated = {"evaluation": len(dataset.test), "evaluation, validation": held_out}
    at_once = evaluated_at_once(model.network, model.graph)
    found: dict[str, Any] = {}
    for mode, count in trained.items():
        if count:
            found[mode] = _planned(model, rows_per_device(count, devices, never_pad=never_pad), gradient=True)
    for mode, count in evaluated.items():
        if count:
            found[mode] = _planned(model, rows_per_device(min(at_once, count), devices), gradient=False)
    return found


def _planned(model: Model, batch: int, *, gradient: bool) -> dict[str, Any]:
    return {"batch": batch, "operations": model.plan_lines(batch, gradient=gradient)}


def recorded_strategies(manifest: Mapping[str, Any]) -> Recorded:
    """Return the plans that the manifest of a run records, and the rates they were made with."""
    found = manifest.get("choices") or {}
    plans = {(own["batch"], mode.startswith("training")): tuple(own["operations"]) for mode, own in found.items()}
    # Runs that record no version were planned with the first one; an unknown version is that of a newer netspec.
    return Recorded(rates_of_version(manifest.get("rates", FIRST.version)) or rates_here(), plans)
