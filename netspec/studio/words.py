"""The words of the language for completion: commands, layers with their arguments, settings."""

from __future__ import annotations

from functools import cache
from typing import Any

from netspec.describe.reference import REGISTRIES, library_blocks, signature, summary
from netspec.elaborate.vocabulary import COMMANDS
from netspec.ir.data_source import DataSource
from netspec.ir.recipe import Recipe
from netspec.layers import ACTIVATIONS, LAYERS
from netspec.recipe import catalog
from netspec.schema.definition import parameters

__all__ = ["words"]


@cache
def words() -> dict[str, Any]:
    """Return what may begin a command, and what may stand within one, each with a line that explains it."""
    layers = {
        cls.canonical(): {
            "signature": signature(cls),
            "summary": summary(cls),
            "arguments": [_argument(p) for p in parameters(cls) if not p.positional],
        }
        for cls in LAYERS.entries
    }
    kinds = {
        name: [cls.canonical() for cls in registry.entries] for name, registry in REGISTRIES.items() if name != "layers"
    }
    return {
        "commands": {
            name: {"signature": c.usage, "summary": c.meaning.splitlines()[0]} for name, c in COMMANDS.items()
        },
        "layers": layers,
        "blocks": {b.name: {"signature": b.name, "summary": "a block of the library"} for b in library_blocks()},
        "activations": list(ACTIVATIONS),
        "settings": {"train": [p.name for p in parameters(Recipe)], "data": [p.name for p in parameters(DataSource)]},
        "kinds": kinds,
        "meanings": _meanings(),
        "datasets": {d.name: d.title for d in catalog.DATASETS},
    }


def _meanings() -> dict[str, str]:
    """Return what the words say that stand within a command: settings, and what is chosen from a list."""
    chosen = {
        cls.canonical(): summary(cls)
        for name, registry in REGISTRIES.items()
        if name != "layers"
        for cls in registry.entries
    }
    settings = {p.name: p.description for cls in (DataSource, Recipe) for p in parameters(cls)}
    return {**{cls.canonical(): summary(cls) for cls in ACTIVATIONS.entries}, **chosen, **settings}


def _argument(p: Any) -> str:
    return p.name if p.is_flag or p.members else f"{p.name}="
