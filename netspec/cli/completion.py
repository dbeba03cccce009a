"""Completion in a shell, beside verbs, options and file names: the names that an argument is chosen from.

Nothing heavy is imported: a shell asks at each press of the tabulator.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable

__all__ = [
    "FORMATS",
    "PICTURES",
    "codes",
    "datasets",
    "devices",
    "encodings",
    "formats",
    "names",
    "pictures",
    "templates",
    "wanted_verb",
]


def wanted_verb() -> str | None:
    """Return the verb on the line that a shell asks about; None where it does not ask, or there is none yet."""
    line = os.environ.get("COMP_WORDS") or os.environ.get("_TYPER_COMPLETE_ARGS") or ""
    words = line.split() if "_NETSPEC_COMPLETE" in os.environ else []
    return words[1] if len(words) > 1 else None


def _chosen_from(names: Callable[[], Iterable[str]]) -> Callable[[str], list[str]]:
    """Return the function that Typer calls with the beginning of a name."""

    def complete(incomplete: str) -> list[str]:
        return [name for name in names() if name.startswith(incomplete)]

    return complete


def _templates() -> Iterable[str]:
    from netspec.system.resources import ready_made  # noqa: PLC0415

    return list(ready_made())


def _names() -> Iterable[str]:
    from netspec.describe.reference import all_names  # noqa: PLC0415

    return sorted(set(all_names()))


def _codes() -> Iterable[str]:
    from netspec.diagnostics.codes import CODES  # noqa: PLC0415

    return CODES


def _datasets() -> Iterable[str]:
    from netspec.recipe.catalog import DATASETS  # noqa: PLC0415

    return [info.name for info in DATASETS]


def _encodings() -> Iterable[str]:
    from netspec.recipe.encodings import ENCODINGS  # noqa: PLC0415

    return ENCODINGS


PICTURES = (
    *("curves", "confusion", "kernels", "features", "network", "mistakes", "scatter", "examples"),
    *("saliency", "embeddings", "learning_rate", "roc"),
)
"""As `pictures.PICTURES`, which needs JAX; a test compares them."""

FORMATS = ("onnx", "stablehlo", "torch", "keras", "jax", "safetensors", "npz")
"""As `formats.FORMATS`, which needs JAX; likewise."""

templates = _chosen_from(_templates)
names = _chosen_from(_names)
codes = _chosen_from(_codes)
datasets = _chosen_from(_datasets)
encodings = _chosen_from(_encodings)
pictures = _chosen_from(lambda: PICTURES)
formats = _chosen_from(lambda: FORMATS)
devices = _chosen_from(lambda: ("cpu", "gpu"))
