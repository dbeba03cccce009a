"""Families: every name leads to its class, which is imported when it is asked for and not before."""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from typing import Any, Literal

import pytest

import netspec.layers
import netspec.recipe
from netspec.layers import ACTIVATIONS, LAYERS
from netspec.layers.activation import Relu
from netspec.layers.base import Broken
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.schema.definition import Definition
from netspec.schema.registry import OneOf, Registry

REGISTRIES: list[Registry[Any]] = [LAYERS, ACTIVATIONS, INITIALIZERS, OPTIMIZERS, SCHEDULES, LOSSES]

registries = pytest.mark.parametrize("registry", REGISTRIES, ids=lambda f: f.word)


class Cone(Definition):
    """An example."""

    kind: Literal["cone"] = "cone"
    aliases = ("spike",)


class Ball(Definition):
    """Another."""

    kind: Literal["ball"] = "ball"


THINGS: Registry[Definition] = Registry("thing", [Cone, Ball])


def test_names_lead_to_classes() -> None:
    assert dict(THINGS) == {"cone": Cone, "spike": Cone, "ball": Ball}
    assert THINGS.names == ("cone", "ball")
    assert THINGS.entries == (Cone, Ball)
    assert THINGS.canonical("spike") == "cone"
    assert dict(THINGS.only("cone")) == {"cone": Cone, "spike": Cone}
    assert "globe" not in THINGS
    assert THINGS.get("globe") is None
    with pytest.raises(KeyError):
        THINGS.canonical("globe")


def test_two_classes_may_not_share_a_name() -> None:
    class Spike(Definition):
        """Named as an alias of another."""

        kind: Literal["spike"] = "spike"

    with pytest.raises(ValueError, match="'spike' names both cone and spike"):
        Registry("thing", [Cone, Spike])


@registries
def test_every_entry_is_found_under_its_canonical_name(registry: Registry[Any]) -> None:
    assert [cls.canonical() for cls in registry.entries] == list(registry.names)
    assert len(set(registry.entries)) == len(registry.names)


@registries
def test_every_class_that_can_be_a_entry_is_one(registry: Registry[Any]) -> None:
    for package in (netspec.layers, netspec.recipe):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    base = _common(registry)
    found = {c for c in _below(base) if "kind" in c.__annotations__ and c.__module__.startswith("netspec.")}
    assert found - {Broken} == set(registry.entries)


def _common(registry: Registry[Any]) -> type:
    """Return the nearest class that all members are made from."""
    first, *rest = registry.entries
    return next(c for c in first.__mro__ if all(issubclass(other, c) for other in rest))


def _below(cls: type) -> set[type]:
    return {c for sub in cls.__subclasses__() for c in (sub, *_below(sub))}


def test_one_of_takes_entries_and_their_json_and_nothing_else() -> None:
    one = OneOf(ACTIVATIONS.only("relu", "tanh"))
    assert one.check(Relu()) == one.check({"kind": "relu"}) == Relu()
    # `ReLU` is for specs: what is saved has the canonical name.
    for wrong in (
        {"kind": "ReLU"},
        {"kind": "conv"},
        {"kind": ["relu"]},
        {},
        "relu",
        None,
        ACTIVATIONS["gelu"](),
        Broken(),
    ):
        with pytest.raises(ValueError, match="must be one of the kinds relu, tanh, and "):
            one.check(wrong)


@pytest.mark.parametrize(
    "options",
    [
        {"exclude_defaults": True},
        {"exclude_none": True},
        {"exclude": {"recipe": {"seed", "optimizer"}, "nodes": {0}}},
        {"include": {"recipe": {"optimizer": {"lr"}}, "name": True}},
        {"mode": "json"},
    ],
)
def test_what_is_asked_of_a_dump_holds_for_what_is_in_it(options: dict[str, Any]) -> None:
    network = netspec.parse("input 4; fc 3 relu; fc 2; train { clip 1; optimizer sgd lr=0.5; seed 3 }")
    found: Any = network.model_dump(**options)
    if "exclude_defaults" in options:
        assert found["recipe"] == {"optimizer": {"lr": 0.5}, "clip": {"norm": 1.0}, "seed": 3}
    if "exclude_none" in options:
        assert "early_stop" not in found["recipe"]
        assert "value" not in found["recipe"]["clip"]
    if "exclude" in options:
        assert not {"seed", "optimizer"} & set(found["recipe"])
        assert len(found["nodes"]) == 1
    if "include" in options:
        assert found == {"name": "network", "recipe": {"optimizer": {"lr": 0.5}}}
    if "mode" in options:
        assert found == json.loads(network.model_dump_json())
