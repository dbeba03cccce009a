"""How many examples an evaluation takes at a time: as many as there is memory for, by what an example takes."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec as ns
from netspec.graph import memory
from netspec.graph.memory import answered_at_once, evaluated_at_once

SPECS = Path(__file__).parents[2] / "specs"
_BOUND = 512_000_000


def counts(net: ns.Network) -> tuple[int, int]:
    graph = net.graph()
    return evaluated_at_once(net, graph), answered_at_once(net, graph)


@pytest.mark.parametrize("name", ["lenet", "mnist_fast", "mnist_best", "cifar10", "models/resnet20", "own/masks"])
def test_small_examples_are_taken_1000_at_a_time(name: str) -> None:
    assert counts(ns.load(SPECS / f"{name}.net")) == (1000, 1000)


@pytest.mark.parametrize("shape", ["3x366x366", "64x64x64", "8x1000x1000"])
def test_larger_ones_as_far_as_memory_allows(shape: str) -> None:
    net = ns.parse(f"input {shape}; conv 16 3x3 relu; globalpool; fc 3 softmax")
    graph = net.graph()
    # The values of an example that live at once: what the convolution gives, and what its activation makes of it.
    channels, height, width = map(int, shape.split("x"))
    largest = 2 * 4 * 16 * (height - 2) * (width - 2)
    count = evaluated_at_once(net, graph)
    assert 1 < count < 1000
    assert count * largest <= _BOUND < (count + 2) * (largest + 4 * channels * height * width)


def test_one_at_least() -> None:
    assert counts(ns.parse("input 1x9000x9000; conv 8 1x1 relu; globalpool; fc 2 softmax")) == (1, 1)


@pytest.mark.parametrize("count", [1, 7, 999, 1000, 4000])
def test_what_the_recipe_says_wins(count: int) -> None:
    small = ns.parse(f"input 4; fc 2 softmax; train {{ evaluate batch={count} }}")
    large = ns.parse(f"input 1x900x900; conv 8 1x1 relu; globalpool; fc 2; train {{ evaluate batch={count} }}")
    assert counts(small) == (count, min(count, 1000))
    # A trained model takes no more than there is room for: runs of earlier versions all record 1000.
    assert counts(large) == (count, min(count, _BOUND // (4 * 2 * 8 * 900 * 900)))


def test_a_network_of_an_earlier_version_keeps_its_number() -> None:
    net = ns.parse("input 1x900x900; conv 8 1x1 relu; globalpool; fc 2; train { evaluate batch=1000 }")
    assert ns.Network.model_validate_json(net.model_dump_json()).recipe.evaluate.batch == 1000


def test_views_that_are_computed_together_count(monkeypatch: pytest.MonkeyPatch) -> None:
    net = ns.parse('data "mine" { views shift=1 }\ninput 1x10x10; conv 4 1x1 relu; globalpool; fc 2 softmax')
    graph = net.graph()
    monkeypatch.setattr(memory, "_MOST_BYTES", 40 * 4 * memory._peak(graph))
    assert evaluated_at_once(net, graph) == 4  # of 9 views each
    assert net.at_once(4) <= 40
