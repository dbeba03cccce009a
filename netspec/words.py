"""Floor 4: the words of the language: what a user may not take as a name, and what a name may stand for."""

from __future__ import annotations

from functools import cache

from netspec import commands
from netspec.ir import Compile, DataSource, Init, Recipe
from netspec.layers import LAYER_NAMES
from netspec.recipe.settings import Augment, Shuffle, Views
from netspec.signature import Definition, parameters

__all__ = ["COMMANDS", "choices", "is_choice", "reserved"]

COMMANDS = tuple(command.name for command in commands.COMMANDS)
"""The commands that are no layers."""


@cache
def reserved() -> frozenset[str]:
    """Return the words that a `let`, a block or a parameter may not take: other lines would change their meaning."""
    words = {
        w for cls in {*LAYER_NAMES.values(), Init, Shuffle, Augment, Views} for p in parameters(cls) for w in p.choices
    }
    return frozenset(words | set(LAYER_NAMES) | {*COMMANDS, "as", "else", "true", "false"})


@cache
def choices() -> frozenset[str]:
    """Return the words that an argument of anything may be."""
    seen: set[type[Definition]] = set()
    words: set[str] = set()
    waiting: list[type[Definition]] = [*LAYER_NAMES.values(), Init, DataSource, Recipe, Compile]
    while waiting:
        cls = waiting.pop()
        if cls not in seen:
            seen.add(cls)
            for p in parameters(cls):
                words |= set(p.choices)
                waiting += p.members.values()
    return frozenset(words | {"true", "false"})


def is_choice(word: str) -> bool:
    """Return whether an argument of anything may be this word."""
    return word in choices()
