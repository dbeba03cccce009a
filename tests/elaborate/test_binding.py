"""Arguments as written → definitions: which field an argument is for, and what is said when there is none."""

from __future__ import annotations

from typing import Any

import pytest

from netspec.diagnostics.diagnostic import Source
from netspec.elaborate.binder import bind, bind_settings
from netspec.elaborate.context import Context
from netspec.ir.data_source import DataSource
from netspec.ir.network import Init
from netspec.ir.recipe import Recipe
from netspec.layers import LAYERS
from netspec.layers.activation import Gelu, LeakyRelu, Relu, Softmax
from netspec.layers.conv import Conv
from netspec.layers.dense import Dense
from netspec.layers.norm import BatchNorm
from netspec.layers.pool import GlobalPool
from netspec.recipe.initializers import HeNormal, Normal, Uniform, XavierUniform, Zeros
from netspec.recipe.losses import CrossEntropy
from netspec.recipe.optimizers import Adam, Sgd
from netspec.recipe.schedules import OneCycle
from netspec.recipe.settings import Clip, Evaluate, Scale, Shuffle
from netspec.syntax.parser import parse

SCOPE = {"w": 64, "k": (5, 3), "r": 0.25}


def bound(text: str) -> tuple[Any, list[tuple[str, int]]]:
    (command,) = parse(Source("t.net", text)).commands
    context = Context(SCOPE)
    made = bind(LAYERS[command.name.text], command.name, command.arguments, context)
    assert (made is None) == bool(context.diagnostics)
    return made, [(d.code, d.span.column if d.span else 0) for d in context.diagnostics]


def settings(cls: type[Any], text: str, base: Any = None) -> tuple[Any, list[str]]:
    (command,) = parse(Source("t.net", text)).commands
    context = Context(SCOPE)
    made = bind_settings(cls, command.name, command.arguments, command.bodies, context, base=base)
    return made, [d.code for d in context.diagnostics]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("conv 20 5x5", Conv(filters=20, kernel=(5, 5))),
        ("conv 20 5", Conv(filters=20, kernel=(5, 5))),
        ("conv kernel=5 20", Conv(filters=20, kernel=(5, 5))),
        ("conv filters=20 5", Conv(filters=20, kernel=(5, 5))),
        ("conv 20 5x3 relu same", Conv(filters=20, kernel=(5, 3), activation=Relu(), pad="same")),
        ("conv relu 20 5x3", Conv(filters=20, kernel=(5, 3), activation=Relu())),
        ("conv w k", Conv(filters=64, kernel=(5, 3))),
        ("conv (w/2) 3 pad=1x2", Conv(filters=32, kernel=(3, 3), pad=(1, 2))),
        ("conv 8 3 nobias", Conv(filters=8, kernel=(3, 3), bias=False)),
        ("conv 8 3 bias", Conv(filters=8, kernel=(3, 3))),
        ("conv 8 3 bias=false", Conv(filters=8, kernel=(3, 3), bias=False)),
        ("conv 8 3 bias=nobias", Conv(filters=8, kernel=(3, 3), bias=False)),
        ("conv 8 3 init=normal(0.01)", Conv(filters=8, kernel=(3, 3), init=Normal(std=0.01))),
        ("conv 8 3 init=uniform(-1..1)", Conv(filters=8, kernel=(3, 3), init=Uniform(range=(-1.0, 1.0)))),
        ("fc 10 leaky_relu", Dense(units=10, activation=LeakyRelu())),
        ("fc 10 leaky_relu(0.2)", Dense(units=10, activation=LeakyRelu(slope=0.2))),
        ("fc 10 leaky_relu(slope=r)", Dense(units=10, activation=LeakyRelu(slope=0.25))),
        ("fc 10 gelu(approximate)", Dense(units=10, activation=Gelu(approximate=True))),
        ("fc 10 gelu(noapproximate)", Dense(units=10, activation=Gelu())),
        ("fc 10 activation=swish", Dense(units=10, activation=LAYERS["silu"]())),
        ("dense 10 Softmax", Dense(units=10, activation=Softmax())),
        ("globalpool max", GlobalPool(mode="max")),
        ("globalpool", GlobalPool(mode="avg")),
        ("batchnorm relu momentum=0.5", BatchNorm(activation=Relu(), momentum=0.5)),
        ("leaky_relu 1", LeakyRelu(slope=1.0)),
    ],
)
def test_layers(text: str, expected: Any) -> None:
    assert bound(text) == (expected, [])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("conv", [("E0206", 1)]),
        ("conv 20", [("E0206", 1)]),
        ("conv 20 5 6", [("E0205", 11)]),
        ("conv 20 5 strid=2", [("E0202", 11)]),
        ("conv 20 5 rleu", [("E0203", 11)]),
        ("conv 20 5 pad=sme", [("E0203", 11 + 4)]),
        ("conv 20 5 activation=rleu", [("E0204", 22)]),
        ("conv 20 5 rleu(1)", [("E0203", 11)]),
        ("conv 20 5 init=normal", [("E0206", 16)]),
        ("conv 20 5 xavier", [("E0208", 11)]),
        ("conv 20 5 relu tanh", [("E0209", 16)]),
        ("conv 20 5 filters=3", [("E0209", 11)]),
        ("conv 0 5", [("E0207", 6)]),
        ("conv 20 5 stride=wide", [("E0210", 18)]),
        ("conv (1/0) 5", [("E0212", 7)]),
        ("conv 0 0 stride=0 groups=0", [("E0207", 6), ("E0207", 8), ("E0207", 10), ("E0207", 19)]),
        ("conv ten 5", [("E0210", 6)]),
        ("relu 3", [("E0205", 6)]),
        ("fc 10 nosuch=1 norelu rleu", [("E0202", 7), ("E0203", 16), ("E0203", 23)]),
    ],
)
def test_mistakes(text: str, found: list[tuple[str, int]]) -> None:
    assert sorted(bound(text)[1]) == sorted(found)


@pytest.mark.parametrize("text", ["conv 20 kernl=5", "fc units<10", "fc unit=10", "fc 9 init=normal(stdd=3)"])
def test_a_misspelt_required_argument_is_one_mistake(text: str) -> None:
    assert len(bound(text)[1]) == 1


def test_settings_of_a_recipe() -> None:
    text = (
        "train {\n optimizer sgd lr=0.1 momentum=0.9 nesterov\n schedule onecycle rise=0.2\n loss nll\n batch w\n"
        " epochs (w//8)\n seed 7\n l2 0.5\n clip 1 value=2\n evaluate every=50 batch=10\n}"
    )
    assert settings(Recipe, text) == (
        Recipe(
            optimizer=Sgd(lr=0.1, momentum=0.9, nesterov=True),
            schedule=OneCycle(rise=0.2),
            loss=CrossEntropy(),
            batch=64,
            epochs=8,
            seed=7,
            l2=0.5,
            clip=Clip(norm=1.0, value=2.0),
            evaluate=Evaluate(every=50, batch=10),
        ),
        [],
    )


def test_settings_may_stand_on_the_line() -> None:
    assert settings(Recipe, "train epochs=3 adam { batch 5 }") == (Recipe(epochs=3, batch=5), [])


def test_settings_of_data() -> None:
    text = "data mnist {\n scale -1..1\n shuffle buffer=500\n validation 100\n}"
    expected = DataSource(name="mnist", scale=Scale(range=(-1.0, 1.0)), shuffle=Shuffle(buffer=500), validation=100)
    assert settings(DataSource, text) == (expected, [])
    assert settings(DataSource, "data mnist { shuffle off }")[0].shuffle == Shuffle(mode="off")


def test_init() -> None:
    assert settings(Init, "init he") == (Init(kernel=HeNormal()), [])
    assert settings(Init, "init xavier(magnitude=2.24) bias=zeros") == (
        Init(kernel=XavierUniform(magnitude=2.24), bias=Zeros()),
        [],
    )


def test_a_base_gives_what_is_not_mentioned() -> None:
    base = Recipe(epochs=9, optimizer=Adam(lr=0.5))
    assert settings(Recipe, "train { batch 5 }", base)[0] == Recipe(epochs=9, optimizer=Adam(lr=0.5), batch=5)


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("train { epoch 3 }", ["E0202"]),
        ("train { epochs }", ["E0206"]),
        ("train { epochs 3 4 }", ["E0205"]),
        ("train { epochs 3; epochs 4 }", ["E0209"]),
        ("train { epochs 0 }", ["E0207"]),
        ("train { optimizer }", ["E0206"]),
        ("train { optimizer lr=3 }", ["E0206"]),
        ("train { optimizer adm }", ["E0204"]),
        ("train { optimizer adam lr=0 beta1=2 }", ["E0207", "E0207"]),
        ("train { optimizer adam { } }", ["E0211"]),
        ("train { batch 3 as x }", ["E0211"]),
        ("train { clip }", ["E0207"]),
        ("train { evaluate { } }", ["E0211"]),
        ("train { epochs 0; batch 0; seed -1 }", ["E0207"] * 3),
        ("train 5", ["E0205"]),
    ],
)
def test_mistakes_in_settings(text: str, codes: list[str]) -> None:
    assert settings(Recipe, text) == (None, codes)


def test_a_label_under_the_caret_describes_the_argument() -> None:
    (command,) = parse(Source("t.net", "conv 0 5")).commands
    context = Context({})
    bind(Conv, command.name, command.arguments, context)
    (problem,) = context.diagnostics
    assert "number of output channels" in problem.label
    assert problem.message == "`filters` must be a positive whole number, not `0`"


def test_a_proposal_is_the_canonical_word() -> None:
    (command,) = parse(Source("t.net", "fc 10 rleu")).commands
    context = Context({})
    bind(Dense, command.name, command.arguments, context)
    assert context.diagnostics[0].fix == "did you mean `relu`?"
