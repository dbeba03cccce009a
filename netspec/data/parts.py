"""The parts of a dataset that a training learns from and is validated on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from netspec.data.rows import Rows
from netspec.data.types import Arrays, Dataset, Split, each_array, fingerprint
from netspec.ir.network import Network

__all__ = ["changed_parts", "divided", "sizes", "split_facts", "whole_of"]


def sizes(network: Network, dataset: Dataset) -> tuple[int, int]:
    """Return how many examples a network is trained on, and how many are for validation."""
    if dataset.validation is not None:
        return len(dataset.train), len(dataset.validation)
    count = network.data.held_out if network.data else 0
    return len(dataset.train) - count, count


def whole_of(dataset: Dataset) -> Split:
    """Return all examples of a dataset, those of all its parts."""
    parts = [part for part in (dataset.train, dataset.validation, dataset.test) if part is not None]

    def together(arrays: list[Arrays]) -> Arrays:
        first = arrays[0]
        if isinstance(first, Mapping):
            return {name: np.concatenate([each[name] for each in arrays]) for name in first}
        return np.concatenate(arrays)  # type: ignore[arg-type]

    return Split(together([part.images for part in parts]), together([part.labels for part in parts]))


def divided(network: Network, dataset: Dataset) -> tuple[Split, Split | None]:
    """Return the examples to train on, and those for validation: given ones, or the last of the training set."""
    if dataset.validation is not None:
        return dataset.train, dataset.validation
    keep, count = sizes(network, dataset)
    return (dataset.train.rows(stop=keep), dataset.train.rows(start=keep)) if count else (dataset.train, None)


def split_facts(network: Network, dataset: Dataset) -> dict[str, Any]:
    """Return what a record says of the parts: how many examples of which classes each has; of drawn ones their hash."""
    train, validation = divided(network, dataset)
    rule = dataset.preparation.draw if dataset.preparation else 1
    parts = {"training": train, "validation": validation, "test": dataset.test}
    return {
        "rule": rule,
        "parts": {
            name: {
                "examples": len(part),
                **_classes(part, dataset),
                **({"sha256": digest} if rule > 1 and (digest := _digest(part)) else {}),
            }
            for name, part in parts.items()
            if part is not None
        },
    }


def _digest(part: Split) -> str:
    """Return the SHA-256 of a part; none of what is read batch by batch, which would take as long as an epoch."""
    if isinstance(part.images, Rows):
        return ""
    return fingerprint(*each_array(part.images), *each_array(part.labels))


def _classes(part: Split, dataset: Dataset) -> dict[str, dict[str, int]]:
    """Return how many examples a part has of each class, where each example has one."""
    labels = part.labels
    if isinstance(labels, Mapping) or labels.ndim != 1 or labels.dtype.kind != "i" or not dataset.labels:
        return {}
    counts = np.bincount(labels[labels >= 0], minlength=len(dataset.labels))
    return {"classes": dict(zip(dataset.labels, counts.tolist(), strict=False))}


def changed_parts(before: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    """Return in which parts two records of `split_facts` differ, in words; empty where that cannot be told."""
    said = []
    for name, own in now.get("parts", {}).items():
        was = before.get("parts", {}).get(name)
        if was is None or was == own:
            continue
        if was.get("examples") != own["examples"]:
            said.append(f"its {name} part has {own['examples']:,} examples, and had {was.get('examples', 0):,}")
        elif "sha256" in was and "sha256" in own and was["sha256"] != own["sha256"]:
            said.append(f"its {name} part has as many examples, {own['examples']:,}, but not the same")
    return "; ".join(said)
