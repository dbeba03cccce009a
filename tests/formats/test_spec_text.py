"""Descriptions as specs: what is written is what was described, whatever the graph, and reads as people write."""

from __future__ import annotations

import random
from typing import Any

import pytest

from netspec.compiler import analyze, require
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import Source
from netspec.formats.reading import Description, Output, Place
from netspec.formats.sketch import Sketch, make
from netspec.formats.spec_text import matched, written

HERE = Place("here")


def text_of(made: Description, *, flat: bool = False) -> str:
    """Return the text of a description, which must be the network that was described."""
    found = written(made, flat=flat)
    source = Source("a.net", found.text)
    network, _ = require(analyze(source, name="a"))
    assert matched(found, network) is not None, found.text
    return format_source(source)


def drawn(chosen: random.Random) -> Description:
    """Return a random graph of layers that keep the shape, with merges, forks, repetitions and several ends."""
    sketch = Sketch("drawn")
    values = [sketch.input("input", (4, 6, 6))]
    made = 0

    def add(layer: Any, *inputs: str) -> str:
        nonlocal made
        made += 1
        return sketch.add(layer, inputs, f"part{made % 5}/l_{made}", HERE).name

    for _ in range(chosen.randrange(1, 14)):
        x = chosen.choice(values[-3:])
        match chosen.randrange(6):
            case 0:
                for _ in range(chosen.randrange(1, 5)):
                    k = chosen.choice([1, 3])
                    x = add(make("conv", filters=4, kernel=(k, k), pad=(k // 2, k // 2), bias=False), x)
                    x = add(make("batchnorm"), x)
                    x = add(make("relu"), x)
            case 1:
                for _ in range(chosen.randrange(1, 4)):
                    y = add(make("conv", filters=4, kernel=(3, 3), pad=(1, 1)), x)
                    y = add(make("relu"), y) if chosen.random() < 0.5 else y
                    x = add(make("relu"), add(make("add"), *chosen.sample([x, y], 2)))
            case 2:
                for _ in range(chosen.randrange(1, 3)):
                    sizes = [chosen.choice([1, 2, 3]) for _ in range(3)]
                    ways = [add(make("conv", filters=c, kernel=(1, 1)), x) for c in sizes]
                    x = add(make("conv", filters=4, kernel=(1, 1)), add(make("concat"), *ways, x))
            case 3:
                x = add(make(chosen.choice(["add", "multiply", "maximum"])), x, chosen.choice(values))
            case 4:
                x = add(make("subtract"), x, chosen.choice(values))
            case 5:
                x = add(make("dropout", rate=0.5), add(make("pool", kernel=(3, 3), stride=(1, 1), pad=(1, 1)), x))
        if x not in values:
            values.append(x)
    read = {source for piece in sketch.made.pieces for source in piece.inputs}
    ends = [piece.name for piece in sketch.made.pieces if piece.name not in read]
    if len(ends) > 1:
        sketch.made.outputs = [Output(name, loss="mse") for name in ends]
    return sketch.made


@pytest.mark.parametrize("seed", range(60))
def test_any_graph_is_what_its_text_says(seed: int) -> None:
    for flat in (False, True):
        text_of(drawn(random.Random(seed)), flat=flat)


def chain(*layers: Any, shape: tuple[int, ...] = (3, 16, 16)) -> Description:
    sketch = Sketch("chain")
    value = sketch.input("input", shape)
    for layer in layers:
        value = sketch.add(layer, [value], "", HERE).name
    return sketch.made


def conv(c: int, k: int = 3, s: int = 1, **fields: Any) -> Any:
    return make("conv", filters=c, kernel=(k, k), stride=(s, s), pad=(k // 2, k // 2), **fields)


def test_what_repeats_is_written_once() -> None:
    layers = [conv(8), make("relu"), conv(8), make("relu"), make("pool", kernel=(2, 2), stride=(2, 2), ceil=True)]
    made = chain(*layers, make("flatten"), make("fc", units=5), make("relu"), make("fc", units=5), make("softmax"))
    assert text_of(made) == (
        "# chain: 3,403 parameters.\ninput 3x16x16\n\n"
        "repeat 2 { conv 8 3x3 pad=same relu }\npool 2\nfc 5 relu\nfc 5 softmax\n"
    )


def test_normalized_convolutions_become_a_block() -> None:
    layers = []
    for c, s in ((8, 1), (8, 2), (16, 1), (16, 2), (32, 1)):
        layers += [conv(c, 3, s, bias=False), make("batchnorm"), make("relu6")]
    assert text_of(chain(*layers)).split("\n\n", 1)[1] == (
        "block conv_bn(c, s=1) { conv c 3x3 stride=s pad=1 nobias; batchnorm relu6 }\n\n"
        "conv_bn 8\nconv_bn 8 s=2\nconv_bn 16\nconv_bn 16 s=2\nconv_bn 32\n"
    )


def test_names_are_made_to_labels() -> None:
    sketch = Sketch("names")
    value = sketch.input("input", (4, 6, 6))
    for name in ("conv_1", "3x3", "data", "relu", "a b/ü", "conv_1!"):
        head = sketch.add(conv(4), [value], name, HERE).name
        sketch.made.outputs.append(Output(sketch.add(conv(2), [head], f"out {name}", HERE).name, loss="mse"))
        value = head
    sketch.made.outputs.append(Output(sketch.add(make("tanh"), [value], "end", HERE).name, loss="mse"))
    text = text_of(sketch.made)
    for label in ("conv1", "layer_3x3", "data_layer", "relu_layer", "a_b", "conv1_v2"):
        assert f" as {label}\n" in text


def test_a_text_that_says_something_else_is_no_match() -> None:
    def chain(*layers: Any) -> Description:
        sketch = Sketch("a")
        value = sketch.input("input", (4, 6, 6))
        for index, layer in enumerate(layers):
            value = sketch.add(layer, [value], f"l{index}", HERE).name
        return sketch.made

    conv, pool = make("conv", filters=4, kernel=(3, 3), pad=(1, 1)), make("pool", kernel=(2, 2))
    described = written(chain(conv, pool, make("fc", units=3)))
    for other in (
        chain(conv, pool),
        chain(conv, make("avgpool", kernel=(2, 2)), make("fc", units=3)),
        chain(conv.model_copy(update={"pad": (0, 0)}), pool, make("fc", units=3)),
    ):
        network, _ = require(analyze(Source("a.net", written(other).text), name="a"))
        assert matched(described, network) is None


def test_shared_weights_tokens_and_a_memory_are_written() -> None:
    sketch = Sketch("several")
    words = sketch.input("words", (6,))
    sketch.made.tokens["words"], sketch.made.masks["words"] = 50, 0
    more = sketch.input("more", (4, 6))
    x = sketch.add(make("embedding", width=4), [words], "lookup", HERE)
    shape = x.weights
    first = sketch.add(make("lstm", units=4), [x.name], "first", HERE)
    second = sketch.add(make("lstm", units=4), [first.name], "second", HERE, "first")
    other = sketch.add(make("lstm", units=4), [more], "other", HERE, "first")
    both = sketch.add(make("attention", heads=2), [second.name, other.name], "both", HERE)
    sketch.add(make("globalpool"), [both.name], "mean", HERE)
    assert shape == {"weight": (50, 4)}
    assert not second.weights
    for flat in (False, True):
        text = text_of(sketch.made, flat=flat)
        assert "input 6 tokens=50 mask=0 as words" in text
        assert "lstm 4 share=first" in text
        assert "attention 2 memory=other" in text


def test_weights_that_do_not_fit_are_not_shared() -> None:
    sketch = Sketch("several")
    x = sketch.add(make("fc", units=5), [sketch.input("input", (4,))], "a", HERE)
    assert not sketch.add(make("fc", units=5), [x.name], "b", HERE, "a").shape
    assert "b does not fit the weights of a, which it shares" in sketch.made.unknown[0].what


def test_layers_that_share_weights_are_not_folded() -> None:
    sketch = Sketch("several")
    x = sketch.input("input", (4,))
    x = first = sketch.add(make("fc", units=4), [x], "a", HERE).name
    for _ in range(3):
        x = sketch.add(make("relu"), [x], "r", HERE).name
        x = sketch.add(make("fc", units=4), [x], "a", HERE, first).name
    text = text_of(sketch.made)
    assert text.count("share=a") == 3
    assert "repeat" not in text
