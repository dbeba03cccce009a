"""The words of the language are what its classes say."""

from __future__ import annotations

from netspec.elaborate import vocabulary as words
from netspec.ir.network import Compile, DataSource, Init, Recipe
from netspec.layers import LAYERS
from netspec.recipe.settings import Augment, Shuffle, Views
from netspec.schema.definition import Definition, parameters


def test_reserved_are_all_words_that_may_stand_beside_a_name() -> None:
    classes: list[type[Definition]] = [*LAYERS.classes(), Init, Shuffle, Augment, Views]
    said = {word for cls in classes for p in parameters(cls) for word in p.choices}
    assert said | {*LAYERS, *words.COMMANDS, "as", "else", "true", "false"} == words.RESERVED


def test_choices_are_the_words_of_all_arguments() -> None:
    seen: set[type[Definition]] = set()
    said: set[str] = {"true", "false"}
    waiting: list[type[Definition]] = [*LAYERS.classes(), Init, DataSource, Recipe, Compile]
    while waiting:
        cls = waiting.pop()
        if cls not in seen:
            seen.add(cls)
            for p in parameters(cls):
                said |= set(p.choices)
                waiting += p.members.classes()
    assert said == words.CHOICES
    assert "conv" not in said
