"""`weights`, `freeze`, `unfreeze` and `rate`: what they become, and that text and JSON have them."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

import netspec as ns
from netspec.describe.diff import compare
from netspec.ir.network import Freeze, Network, Rate
from netspec.ir.text import resolved_text

LINES = 'weights "base/x.safetensors"; freeze stem two until=2; unfreeze "two/batchnorm_1"; rate head 0.5'
TEXT = f"""
include blocks
{LINES}
input 8x12x12
conv 4 3x3 as stem
conv_bn 4 as two
globalpool; fc 3 softmax as head
"""


def test_they_stand_anywhere_at_the_top() -> None:
    net = ns.parse(TEXT)
    assert net.weights == "base/x.safetensors"
    assert net.freeze == (Freeze(part="stem", until=2), Freeze(part="two", until=2))
    assert net.unfreeze == ("two/batchnorm_1",)
    assert net.rates == (Rate(part="head", factor=0.5),)


@pytest.mark.parametrize(
    "lines", [LINES, 'freeze all; unfreeze two head; freeze "two/conv_1"', "rate all 2; rate two 1"]
)
def test_text_and_json_say_the_same(lines: str) -> None:
    net = ns.parse(TEXT.replace(LINES, lines))
    assert ns.parse(resolved_text(net)) == net
    assert Network.model_validate_json(net.model_dump_json()) == net


def test_networks_of_before_are_read() -> None:
    dump = json.loads(ns.parse("input 4; fc 2").model_dump_json())
    for key in ("weights", "freeze", "unfreeze", "rates"):
        del dump[key]
    assert Network.model_validate(dump).freeze == ()


def test_a_layer_named_all() -> None:
    text = 'input 4; fc 3 as "all"; fc 2 as b; freeze "all"'
    net = ns.parse(text.replace('as "all"', "as all"))
    assert net.freeze == (Freeze(part="all"),)
    assert ns.parse(resolved_text(net)) == net


def test_a_let_gives_the_factor_and_the_epochs() -> None:
    net = ns.parse("let slow = 0.1; let n = 1; input 4; fc 3 as a; fc 2 as b; rate a slow; freeze a until=(n + 1)")
    assert net.rates == (Rate(part="a", factor=0.1),)
    assert net.freeze == (Freeze(part="a", until=2),)


def test_only_the_decay_that_is_asked_for_is_written() -> None:
    plain = ns.parse("input 4; fc 2; train { optimizer adamw }")
    assert "decays" not in plain.model_dump_json() + resolved_text(plain)
    net = ns.parse("input 4; fc 2; train { optimizer adamw kernels }")
    assert net.recipe.optimizer.decays == "kernels"  # type: ignore[attr-defined]
    assert ns.parse(resolved_text(net)) == net


@pytest.mark.parametrize(
    "update",
    [
        {"freeze": [{"part": "nothing"}]},
        {"freeze": [{"part": "a"}, {"part": "a", "until": 3}]},
        {"freeze": [{"part": "a"}], "unfreeze": ["a"]},
        {"rates": [{"part": "a", "factor": 0}]},
        {"rates": [{"part": "a", "factor": 2}, {"part": "a", "factor": 3}]},
    ],
)
def test_json_is_checked_too(update: dict[str, object]) -> None:
    dump = json.loads(ns.parse("input 4; fc 3 as a; fc 2 as b").model_dump_json())
    with pytest.raises(ValidationError):
        Network.model_validate_json(json.dumps({**dump, **update}))


def test_diff_says_what_differs() -> None:
    one, other = ns.parse(TEXT.replace(LINES, "freeze stem")), ns.parse(TEXT)
    found = {s.path: (s.before, s.after) for s in compare((one, one.graph()), (other, other.graph())).settings}
    assert found == {
        "weights": (None, "base/x.safetensors"),
        "freeze stem": ("yes", "until=2"),
        "freeze two": (None, "until=2"),
        'unfreeze "two/batchnorm_1"': (None, "yes"),
        "rate head": (None, "0.5"),
    }
