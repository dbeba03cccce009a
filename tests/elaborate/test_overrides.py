"""`--let` and `--set`: values from outside, in the language's words, and what is said when they do not fit."""

from __future__ import annotations

from typing import Any

import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import NetspecError
from netspec.elaborate.overrides import apply_sets, parse_values
from netspec.recipe.initializers import HeNormal
from netspec.recipe.losses import MeanSquaredError
from netspec.recipe.optimizers import Adam, Sgd
from netspec.recipe.settings import Clip, Scale, Shuffle

NET = ns.parse("let w = 8\nfc w\nfc 10 softmax\ndata digits\ntrain { optimizer adam lr=0.5 beta1=0.8; epochs 7 }")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("32", 32), ("-1", -1), ("0.5", 0.5), ("3x5", (3, 5)), ("-1..1", (-1.0, 1.0)), ("(3*4)", 12), ("100k", 10**5)],
)
def test_values(text: str, expected: Any) -> None:
    assert parse_values({"w": text}) == {"w": expected}


@pytest.mark.parametrize(
    "text", ["", "rleu", "1;2", "1\n2", "}", "(1/0)", "1 +", "#", '"', "f(1)", "\0", "wide(", "x" * 9]
)
def test_no_values(text: str) -> None:
    with pytest.raises(NetspecError, match=r"is no value\n  fix: for example --let width=32"):
        parse_values({"w": text})


def test_a_number_that_is_too_long_says_so() -> None:
    with pytest.raises(NetspecError, match=r"--let w=1{30}: this number has more than 18 digits"):
        parse_values({"w": "1" * 30})
    with pytest.raises(NetspecError, match=r"--set train.epochs=1{30}: this number has more than 18 digits"):
        apply_sets(NET, {"train.epochs": "1" * 30})


@pytest.mark.parametrize("text", ["3 4", "3 { }", "3 as x"])
def test_more_than_one_value_is_no_value(text: str) -> None:
    with pytest.raises(NetspecError):
        parse_values({"w": text})


def test_let_replaces() -> None:
    net = ns.parse("let w = 8\ninput 4\nfc w", let={"w": 32})
    assert net.graph().shape(net.graph().output) == (32,)
    with pytest.raises(ns.SpecError, match="no `let widht`"):
        ns.parse("let width = 8\ninput 4\nfc width", let={"widht": 32})
    with pytest.raises(ns.SpecError, match="positive whole number"):
        ns.parse("let w = 8\ninput 4\nfc w", let={"w": -3})


def test_sets() -> None:
    sets = {
        "train.epochs": "3",
        "train.optimizer.lr": "0.25",
        "train.loss": "mse",
        "train.clip": "1 value=2",
        "train.clip.norm": "3",
        "data.scale": "-1..1",
        "data.name": "mnist",
        "data.shuffle.buffer": "5",
        "init.kernel": "he",
    }
    net = apply_sets(NET, sets)
    assert net.recipe.epochs == 3
    assert net.recipe.optimizer == Adam(lr=0.25, beta1=0.8)
    assert net.recipe.loss == MeanSquaredError()
    assert net.recipe.clip == Clip(norm=3.0, value=2.0)
    assert net.data is not None
    assert (net.data.name, net.data.scale) == ("mnist", Scale(range=(-1.0, 1.0)))
    assert net.data.shuffle == Shuffle(buffer=5)
    assert net.init.kernel == HeNormal()
    assert net.nodes == NET.nodes


def test_a_family_is_replaced_as_a_whole() -> None:
    assert apply_sets(NET, {"train.optimizer": "sgd momentum=0.9"}).recipe.optimizer == Sgd(momentum=0.9)


def test_nothing_is_changed_in_place() -> None:
    before = NET.model_dump_json()
    apply_sets(NET, {"train.epochs": "3"})
    assert NET.model_dump_json() == before


@pytest.mark.parametrize(
    ("path", "text", "message"),
    [
        ("train.epoch", "3", "did you mean `epochs`?"),
        ("train.zebra", "3", "there are optimizer, schedule"),
        ("trian.epochs", "3", "did you mean train"),
        ("epochs", "3", "a path begins with train., data., init. or compile."),
        ("train", "3", "a path begins with"),
        ("", "3", "there is no setting"),
        ("train.", "3", "has no setting ``"),
        ("train.epochs.x", "3", "no settings of its own"),
        ("train.optimizer.lrr", "3", "did you mean `lr`?"),
        ("train.epochs", "0", "must be a positive whole number"),
        ("train.epochs", "", "`epochs` needs"),
        ("train.epochs", "3 4", "takes one value"),
        ("train.epochs", "{", "is no value"),
        ("train.epochs", "1" + "0" * 30, "this number has more than 18 digits"),
        ("train.epochs", "(1/0)", "division by zero"),
        ("train.optimizer", "adm", "unknown optimizer `adm`"),
        ("train.optimizer.lr", "-1", "must be a positive number"),
        ("data.scale", "1..0", "the smaller number first"),
        ("train.steps_per_call.norm", "1", "no settings of its own"),
    ],
)
def test_mistakes_name_what_the_user_said(path: str, text: str, message: str) -> None:
    with pytest.raises(NetspecError) as caught:
        apply_sets(NET, {path: text})
    assert f"--set {path}={text}: " in str(caught.value)
    assert message in str(caught.value)


def test_a_part_of_a_setting_that_is_not_there() -> None:
    with pytest.raises(NetspecError, match="the spec has no `time_limit`") as caught:
        apply_sets(NET, {"train.time_limit.hours": "1"})
    assert caught.value.fix == "give it as a whole: --set 'train.time_limit=hours=1'"
    assert apply_sets(NET, {"train.time_limit": "hours=1"}).recipe.time_limit is not None
    # Where a part alone does not make the whole, it says what else that needs.
    with pytest.raises(NetspecError, match="the spec has no `augment`") as caught:
        apply_sets(NET, {"data.augment.until": "0.5"})
    assert caught.value.fix.startswith(
        "give it as a whole: --set 'data.augment=until=0.5 …' (augment: say what to vary"
    )


def test_a_section_that_is_not_there() -> None:
    with pytest.raises(NetspecError, match="the spec has no `data`"):
        apply_sets(ns.parse("input 4\nfc 3"), {"data.name": "mnist"})


def test_the_network_is_checked_after_the_overrides() -> None:
    with pytest.raises(ns.SpecError, match="E0402"):
        ns.parse("input 4\nfc 3 softmax", set={"train.loss": "bce"})
