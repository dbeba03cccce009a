"""Network → text: everything written out, and read back as an equal Network."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec as ns
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.ir.recipe import Recipe
from netspec.ir.text import layer_text, resolved_text
from netspec.layers import LAYERS
from netspec.schema.definition import parameters
from netspec.system.resources import specs_folder

SPECS = sorted(specs_folder().rglob("*.net"))


def survives(net: Network) -> str:
    text = resolved_text(net)
    read = ns.parse(text, name=net.name)
    assert read == net
    assert resolved_text(read) == text
    return text


@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_the_shipped_specs_survive(path: Path) -> None:
    survives(ns.load(path))


@pytest.mark.parametrize("cls", LAYERS.entries, ids=lambda c: c.canonical())
def test_every_layer_survives(cls: type) -> None:
    survives(ns.parse(f"input {cls.example_input}\n{cls.example}\nfc 3"))


@pytest.mark.parametrize(
    "text",
    [
        "input 4\nfc 3 as out",
        "input 4\nfc 3 leaky_relu(0.25)",
        "input 4\nfc 3 gelu(approximate) init=normal(1e-8, mean=-0.5) bias_init=constant(-1e20)",
        "input 4\nfc 3 init=uniform(-0.1..0.1)",
        "input 4\ngelu approximate\nleaky_relu 0\nfc 3",
        "input 4\nclamp max=6\nclamp 0\nfc 3 clamp(max=2)",
        "input 1x9x9\nconv 3 3x5 same stride=2x1 dilation=1x2 nobias\nfc 3",
        "input 1x9x9\nconv 3 3 pad=1x2 relu\npool 2 ceil\navgpool 2 stride=1 pad=1\nglobalpool max",
        "fc 10\ndata mnist else digits { scale -1..1; shuffle off; validation 7 }",
        "fc 10\ndata mnist { normalize mean=0.13 std=0.31; shuffle buffer=5 }",
        'input 3x8x8\nfc 10\ndata "photos" { normalize imagenet; test 20%; resize fit; on_bad skip; validation 5 }',
        'input 3x8x8\nfc 10\ndata "photos.zip" { normalize means="0.5 0.4 -1e-3" stds="0.1 0.2 0.3"; test 7 }',
        'input 1x8x8\nfc 10\ndata "a folder/of pictures"',
        'input 1x8x8\nfc 10\ndata mnist else "my folder"',
        "input 4\nfc 3\ntrain { clip 0.5; loss mse; schedule step every=0.5 warmup=1; optimizer sgd nesterov }",
        "input 4\nfc 3\ntrain { clip value=0.5; schedule onecycle; l2 1e-4; seed 99; evaluate every=5 batch=10 }",
    ],
)
def test_everything_survives(text: str) -> None:
    survives(ns.parse(text))


@pytest.mark.parametrize("name", ["mydata", "donn\u00e9es", "else", "shuffle", "as"])
def test_a_path_that_looks_like_a_word_stays_in_quotes(name: str) -> None:
    survives(ns.parse(f'input 1x8x8\nfc 10\ndata "{name}"'))


def test_every_setting_is_written_out() -> None:
    text = survives(
        ns.parse(
            "fc 10 softmax\ndata digits { scale 0..1; augment flip; views flip; validation 10 }\n"
            "train { clip 1; loss mse; evaluate every=3; steps_per_call 2; ema; metrics f1; best val_loss; early_stop; "
            "time_limit hours=1 }"
        )
    )
    words = text.replace("(", " ").replace("=", " ").split()
    for cls in (Recipe, DataSource):
        for p in parameters(cls):
            if p.name not in {"name", "fallback", "normalize", *DataSource.later}:
                assert p.name in words, p.name
    assert {"beta1", "epsilon", "warmup", "magnitude", "bias"} <= set(words)


@pytest.mark.parametrize(
    ("line", "short"),
    [
        ("conv 20 5x5 relu", "conv 20 5 relu"),
        ("Conv2d filters=20 kernel=5 activation=ReLU stride=1", "conv 20 5 relu"),
        ("conv 20 5 nobias stride=2 same", "conv 20 5 stride=2 pad=same nobias"),
        ("fc 10 leaky_relu(0.2)", "fc 10 leaky_relu(slope=0.2)"),
        ("pool 2 ceil", "pool 2 ceil"),
        ("dropout", "dropout 0.5"),
        ("dropout 0.25", "dropout 0.25"),
    ],
)
def test_layer_text_is_as_a_person_would_write_it(line: str, short: str) -> None:
    layer = ns.parse(f"input 1x9x9\n{line}\nfc 3").nodes[0].layer
    assert layer_text(layer) == short
    assert ns.parse(f"input 1x9x9\n{short}\nfc 3").nodes[0].layer == layer


def test_token_numbers_are_part_of_the_input() -> None:
    net = ns.parse("input 64 tokens=1000\nembedding 8\nlstm 5 last bidirectional\nfc 3 softmax")
    survives(net)
    assert resolved_text(net).startswith("input 64 tokens=1000\n")


def test_a_name_through_many_blocks_can_be_read_again() -> None:
    inner = "".join(f"block b{i} {{ b{i + 1} }}\n" for i in range(74, 0, -1))
    network = ns.parse(f"input 4\nblock b75 {{ relu }}\n{inner}b1")
    assert len(network.nodes[-1].name) > 400
    assert ns.parse(resolved_text(network), name=network.name) == network
