"""What a class says of itself: its parameters, their choices, what they expect, and strict values."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from netspec.ir.data_source import DataSource
from netspec.ir.network import Init
from netspec.ir.recipe import Compile, Recipe
from netspec.layers import LAYERS
from netspec.layers.activation import ACTIVATIONS, Relu
from netspec.layers.conv import Conv
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.recipe.settings import EarlyStop
from netspec.schema import types as sig
from netspec.schema.definition import Definition, option, parameters, positional
from netspec.schema.registry import Registry

REGISTRIES: list[Registry[Any]] = [LAYERS, INITIALIZERS, OPTIMIZERS, SCHEDULES, LOSSES]


class Cone(Definition):
    """An example."""

    kind: Literal["cone"] = "cone"
    size: sig.Size2 = positional("height x width")
    mode: Literal["up", "down"] = positional("which way", "up")
    bias: bool = option(True, "with a bias")
    rate: float = option(0.5, "a rate")
    what: str = option("x", "a word")


def test_parameters_are_the_fields_in_their_order() -> None:
    size, mode, bias, rate, what = parameters(Cone)
    assert [p.name for p in parameters(Cone)] == ["size", "mode", "bias", "rate", "what"]
    assert (size.positional, size.required, size.default) == (True, True, None)
    assert (mode.positional, mode.required, mode.default) == (True, False, "up")
    assert size.expects.startswith("a size such as")
    assert mode.expects == "one of up, down"
    assert mode.choices == {"up": "up", "down": "down"}
    assert bias.choices == {"bias": True, "nobias": False}
    assert (bias.is_flag, rate.is_flag) == (True, False)
    assert rate.expects == "a number"
    assert (what.takes_words, rate.takes_words, what.expects) == (True, False, "a word or a string")


def test_a_family_is_a_choice_of_all_its_names() -> None:
    activation = next(p for p in parameters(Conv) if p.name == "activation")
    assert activation.members is ACTIVATIONS
    assert activation.choices["relu"] is activation.choices["ReLU"] is Relu
    assert activation.default is None


@pytest.mark.parametrize("family", REGISTRIES, ids=lambda f: f.word)
def test_every_member_of_a_family_is_complete(family: Registry[Any]) -> None:
    for cls in family.entries:
        assert cls.__doc__
        assert cls.__doc__ != Definition.__doc__
        assert cls.canonical().isidentifier()
        assert sum(p.positional for p in parameters(cls)) <= 2, "two positionals at most"
        for p in parameters(cls):
            assert p.description.strip(), f"{cls.__name__}.{p.name} has no description"
            assert p.expects.strip()
            assert p.required is False or p.positional, "what must be given may stand without its key"


def test_every_default_is_a_value_that_would_be_accepted() -> None:
    # Defaults are not validated where they are used.
    waiting: list[type[BaseModel]] = [Init, DataSource, Recipe, Compile]
    waiting += [cls for family in REGISTRIES for cls in family.entries]
    seen: set[type[BaseModel]] = set()
    while waiting:
        cls = waiting.pop()
        if cls in seen:
            continue
        seen.add(cls)
        for p in parameters(cls):
            waiting += p.members.entries
            if not p.required:
                adapter: TypeAdapter[Any] = TypeAdapter(Annotated[p.field.annotation, p.field])
                assert adapter.validate_python(p.default) == p.default, (cls, p.name)
                if isinstance(p.default, Definition):
                    assert type(p.default)() == p.default
                    assert p.default.model_dump() == type(p.default)().model_dump()
    assert {EarlyStop, *LAYERS.entries} <= seen


def test_optional_positionals_come_after_required_ones() -> None:
    for family in REGISTRIES:
        for cls in family.entries:
            flags = [p.required for p in parameters(cls) if p.positional]
            assert flags == sorted(flags, reverse=True), cls


def test_words_of_one_layer_do_not_collide_with_layer_names_of_another_meaning() -> None:
    for name, cls in LAYERS.items():
        for p in parameters(cls):
            for word, meant in p.choices.items():
                if word in LAYERS:
                    assert meant is LAYERS[word], f"`{word}` on the line of `{name}`"


@pytest.mark.parametrize(
    ("kind", "good", "result"),
    [
        (sig.PositiveInt, 1, 1),
        (sig.PositiveInt, 10**9, 10**9),
        (sig.NonNegativeInt, 0, 0),
        (sig.PositiveFloat, 3, 3.0),
        (sig.Fraction, 0, 0.0),
        (sig.Size2, 3, (3, 3)),
        (sig.Size2, (3, 5), (3, 5)),
        (sig.Size2, [3, 5], (3, 5)),
        (sig.Padding, "same", "same"),
        (sig.Padding, 0, (0, 0)),
        (sig.Padding, (1, 2), (1, 2)),
        (sig.Range, (-1, 1), (-1.0, 1.0)),
        (sig.Range, [0, 0.5], (0.0, 0.5)),
        (sig.Shape, (1, 28, 28), (1, 28, 28)),
        (sig.Shape, [784], (784,)),
    ],
)
def test_values_that_fit(kind: Any, good: Any, result: Any) -> None:
    made = TypeAdapter(kind, config={"strict": True}).validate_python(good)
    assert made == result
    assert type(made) is type(result)


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        *((sig.PositiveInt, v) for v in (0, -1, 1.0, "3", True, None, 10**9 + 1)),
        *((sig.NonNegativeInt, v) for v in (-1, False, "0")),
        *((sig.PositiveFloat, v) for v in (0, -0.1, float("inf"), float("nan"), "1", True)),
        *((sig.NonNegativeFloat, v) for v in (-1e-9, float("inf"), float("nan"))),
        *((sig.Fraction, v) for v in (1, 1.0, -0.1, float("nan"))),
        *((sig.Size2, v) for v in (0, (3,), (3, 3, 3), (3, 0), "3", True, 3.0, (3, 2.0))),
        *((sig.Padding, v) for v in ("sames", -1, (1,), (1, -1), 1.5, None)),
        *((sig.Range, v) for v in ((1, 1), (1, 0), (0,), (0, 1, 2), "01", 1, ("a", "b"))),
        *((sig.Shape, v) for v in ((), (0,), (1, 2, 3, 4, 5), 3, "1x2", (1.0,))),
    ],
)
def test_values_that_do_not_fit(kind: Any, bad: Any) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(kind, config={"strict": True}).validate_python(bad)


@pytest.mark.parametrize("text", ["uniform(-1e999..1e999)", "normal(1, mean=1e999)", "constant(-1e999)"])
def test_infinite_numbers_are_refused_everywhere(text: str) -> None:
    from netspec.compiler import analyze  # noqa: PLC0415
    from netspec.diagnostics.diagnostic import Source  # noqa: PLC0415

    (problem,) = analyze(Source("t.net", f"input 4\nfc 3 init={text}\n")).diagnostics
    assert problem.code == "E0207"


def test_a_range_of_booleans_is_refused() -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(sig.Range, config={"strict": True}).validate_python((False, True))


def test_definitions_are_frozen_and_equal_by_value() -> None:
    cone = Cone(size=3)
    assert cone == Cone(size=(3, 3))
    assert cone != Cone(size=4)
    with pytest.raises(ValidationError):
        cone.rate = 0.1
    with pytest.raises(ValidationError):
        Cone(size=3, height=3)
