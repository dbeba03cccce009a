"""Families: every name leads to its class, which is imported when it is asked for and not before."""

from __future__ import annotations

import json
import pkgutil
from importlib import import_module
from typing import Any, Literal

import pytest
from pydantic import BaseModel, ValidationError

import netspec.layers
import netspec.recipe
from netspec.layers import ACTIVATIONS, LAYERS
from netspec.layers.base import Broken
from netspec.layers.rectifier import Relu
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.recipe.settings import Clip
from netspec.schema.definition import Definition
from netspec.schema.family import Family, Lazy, OneOf

FAMILIES: list[Family[Any]] = [LAYERS, ACTIVATIONS, INITIALIZERS, OPTIMIZERS, SCHEDULES, LOSSES]

families = pytest.mark.parametrize("family", FAMILIES, ids=lambda f: f.word)


class Cone(Definition):
    """An example."""

    kind: Literal["cone"] = "cone"


class Ball(Definition):
    """Another."""

    kind: Literal["ball"] = "ball"


THINGS: Family[Definition] = Family("thing", {"cone spike": Cone, "ball": Ball})


def test_names_lead_to_classes() -> None:
    assert dict(THINGS) == {"cone": Cone, "spike": Cone, "ball": Ball}
    assert THINGS.kinds == ("cone", "ball")
    assert THINGS.classes() == (Cone, Ball)
    assert THINGS.canonical("spike") == "cone"
    assert (THINGS.aliases("cone"), THINGS.aliases("ball")) == (("spike",), ())
    assert dict(THINGS.only("cone")) == {"cone": Cone, "spike": Cone}
    assert "globe" not in THINGS
    assert THINGS.get("globe") is None
    with pytest.raises(KeyError):
        THINGS.canonical("globe")


def test_two_members_may_not_share_a_name() -> None:
    with pytest.raises(ValueError, match="'spike' names both cone and spike"):
        Family("thing", {"cone spike": Cone, "spike": Ball})


@families
def test_every_member_is_found_under_its_canonical_name(family: Family[Any]) -> None:
    assert [cls.canonical() for cls in family.classes()] == list(family.kinds)
    assert len(set(family.classes())) == len(family.kinds)


@families
def test_every_class_that_can_be_a_member_is_one(family: Family[Any]) -> None:
    for package in (netspec.layers, netspec.recipe):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            import_module(module.name)
    base = _common(family)
    found = {c for c in _below(base) if "kind" in c.__annotations__ and c.__module__.startswith("netspec.")}
    assert found - {Broken} == set(family.classes())


def _common(family: Family[Any]) -> type:
    """Return the nearest class that all members are made from."""
    first, *rest = family.classes()
    return next(c for c in first.__mro__ if all(issubclass(other, c) for other in rest))


def _below(cls: type) -> set[type]:
    return {c for sub in cls.__subclasses__() for c in (sub, *_below(sub))}


def test_one_of_takes_members_and_their_json_and_nothing_else() -> None:
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


def test_a_lazy_field_takes_what_it_would_take_otherwise() -> None:
    class Eager(BaseModel):
        """With the schema of the other in its own."""

        clip: Clip | None = None

    class Late(BaseModel):
        """Without."""

        clip: Lazy[Clip] | None = None

    for good in (None, Clip(norm=2.0), {"norm": 2.0}, {"kind": "clip", "norm": 2.0}):
        eager, late = Eager.model_validate({"clip": good}), Late.model_validate({"clip": good})
        assert (eager.clip, eager.model_dump_json()) == (late.clip, late.model_dump_json())
    for bad in ("clip", 2, [], {"norm": -1}, {"nrm": 1}, {"norm": "x"}, {"norm": 1, "value": 0}, {}, Relu()):
        places = []
        for model in (Eager, Late):
            with pytest.raises(ValidationError) as refused:
                model.model_validate({"clip": bad})
            places.append([problem["loc"] for problem in refused.value.errors()])
        assert places[0] == places[1], bad
    # What is of another kind has no fields to look at.
    with pytest.raises(ValidationError) as refused:
        Late.model_validate({"clip": {"kind": "ema", "decay": 0.9}})
    assert refused.value.errors()[0]["loc"] == ("clip",)
    assert "must be of the kind clip, and is 'ema'" in str(refused.value)


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
