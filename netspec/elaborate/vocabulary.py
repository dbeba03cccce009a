"""The words of the language: what a user may take as a name, and what a name may stand for."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain
from typing import Any

from netspec.elaborate import commands
from netspec.ir.network import Compile, DataSource, Init, Recipe
from netspec.layers import ACTIVATIONS, LAYERS
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.settings import Augment, Shuffle, Views
from netspec.schema.definition import Definition, parameters
from netspec.schema.registry import Registry

__all__ = ["CHOICES", "COMMANDS", "RESERVED", "WORDS", "meaning"]

COMMANDS = tuple(command.name for command in commands.COMMANDS)
"""The commands that are no layers."""

# Settings whose words stand on a line with sizes and numbers, as those of layers do.
_OF_LINES = (Init, Shuffle, Augment, Views)


def _words(classes: Iterable[type[Definition]]) -> set[str]:
    """Return the words that the arguments of some classes may be."""
    return {word for cls in classes for parameter in parameters(cls) for word in parameter.choices}


def _reachable(roots: Iterable[type[Definition]]) -> set[type[Definition]]:
    """Return some classes, and all that their arguments are chosen from."""
    found: set[type[Definition]] = set()
    waiting = list(roots)
    while waiting:
        cls = waiting.pop()
        if cls not in found:
            found.add(cls)
            waiting += chain.from_iterable(parameter.members.entries for parameter in parameters(cls))
    return found


RESERVED = frozenset({"as", "else", "in", "and", "or", "not", "true", "false"})
"""What a `let`, a block or a parameter may not take as its name: the words that hold the language together."""

WORDS = frozenset({*_words([*LAYERS.entries, *_OF_LINES]), *LAYERS, *COMMANDS})
"""What else has a meaning on the lines of a spec; a name of the file's own wins over it."""

CHOICES = frozenset(_words(_reachable([*LAYERS.entries, Init, DataSource, Recipe, Compile])) | {"true", "false"})
"""What an argument of anything may be."""


def meaning(word: str) -> str:
    """Return what a reserved word is: "another name of the layer `fc`", "a word of `take`"."""
    registries: tuple[tuple[str, Registry[Any]], ...] = (
        ("activation", ACTIVATIONS),
        ("layer", LAYERS),
        ("initializer", INITIALIZERS),
    )
    for what, registry in registries:
        if word in registry:
            kind = registry.canonical(word)
            return f"the name of {_a(what)}" if kind == word else f"another name of the {what} `{kind}`"
    if word in COMMANDS:
        return "the name of a command"
    classes: list[type[Definition]] = [*LAYERS.entries, *_OF_LINES]
    owners = [(cls.canonical(), p) for cls in classes for p in parameters(cls) if word in p.choices and not p.members]
    if not owners:
        return "a word of the language"
    owner, p = owners[0]
    others = " and others" if len(owners) > 1 else ""
    return f"an argument of `{owner}`{others}" if p.name == word else f"a word for `{p.name}` of `{owner}`{others}"


def _a(what: str) -> str:
    return f"{'an' if what[0] in 'aio' else 'a'} {what}"
