"""Which weights are frozen, until when, and how fast the others move: the closest name holds."""

from __future__ import annotations

import pytest

import netspec as ns
from netspec.graph.parts import Parts, learning_values, parts
from netspec.graph.recipe_checks import normalized_alone

NETWORK = """
input 8x12x12
block unit(c) { conv c 3x3 pad=same nobias; batchnorm as norm; relu }
block stage(c) { unit c as first; unit c as second }
stage 4 as one
stage 4 as two
globalpool
fc 3 softmax as head
train { epochs 9 }
"""


def found(lines: str, network: str = NETWORK) -> Parts:
    net = ns.parse(f"{network}\n{lines}")
    return parts(net, net.graph())


def frozen(lines: str, network: str = NETWORK) -> set[str]:
    return {path.rpartition("/")[0] for path in found(lines, network).frozen}


UNIT = {"one/first/conv_1", "one/first/norm"}
ONE = UNIT | {"one/second/conv_1", "one/second/norm"}
TWO = {name.replace("one", "two") for name in ONE}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("freeze one", ONE),
        ('freeze "one/first"', UNIT),
        ('freeze "one/first/norm"', {"one/first/norm"}),
        ("freeze one two", ONE | TWO),
        ("freeze all; unfreeze head", ONE | TWO),
        ("unfreeze head; freeze all", ONE | TWO),
        ('freeze one; unfreeze "one/first"', ONE - UNIT),
        ('freeze all; unfreeze two head; freeze "two/first/norm"', ONE | {"two/first/norm"}),
        ("", set()),
    ],
)
def test_the_closest_holds_in_whichever_order(lines: str, expected: set[str]) -> None:
    assert frozen(lines) == expected


def test_until_and_phases() -> None:
    made = found('freeze all until=4; freeze one; freeze "two/first" until=2; unfreeze head')
    assert made.ends() == (2, 4)
    assert [made.phase(epoch) for epoch in range(1, 7)] == [0, 0, 1, 1, 2, 2]
    assert "two/first/norm/mean" in made.frozen_in(0) - made.frozen_in(1)
    assert "two/second/norm/mean" in made.frozen_in(1) - made.frozen_in(2)
    assert made.frozen_in(2) == made.forever
    assert {path.partition("/")[0] for path in made.forever} == {"one"}


def test_rates() -> None:
    made = found('rate all 0.1; rate head 1; rate "two/first" 0.5')
    assert made.frozen == {}
    assert "head/kernel" not in made.factors
    assert made.factors["two/first/norm/scale"] == 0.5
    assert made.factors["one/first/norm/scale"] == 0.1
    assert not any(path.endswith(("mean", "variance")) for path in made.factors)


TWINS = """
input 4 as left; input 4 as right
from left; fc 3 tanh as a
from right; fc 3 tanh share=a as b
concat a; fc 2 softmax as head
"""


@pytest.mark.parametrize("line", ["freeze a", "freeze b", "freeze all; unfreeze head"])
def test_shared_weights_are_frozen_by_either_name(line: str) -> None:
    assert frozen(line, TWINS) == {"a"}


def test_an_embedding_that_an_fc_shares() -> None:
    network = "input 5 tokens=9; embedding 4 as words; lstm 4; fc 9 pointwise share=words softmax as last"
    made = found("freeze words", network)
    assert set(made.frozen) == {"words/weight"}
    # Its own bias is the layer's, and the vectors are shared.
    assert set(found("freeze last", network).frozen) == {"words/weight", "last/bias"}


def test_the_backward_pass_ends_where_nothing_below_is_trained() -> None:
    net = ns.parse(f"{NETWORK}\nfreeze one")
    graph = net.graph()
    learning = learning_values(graph, parts(net, graph).forever)
    nodes = {o.node for o in graph.operations if o.output in learning}
    assert {node.partition("/")[0] for node in nodes} == {"two", "globalpool_1", "head"}


def test_frozen_normalization_takes_a_batch_of_one() -> None:
    text = "input 4; fc 3 as a; batchnorm as n; fc 2 softmax; train { batch 1 }"
    with pytest.raises(ns.SpecError, match="statistics of a batch"):
        ns.parse(text)
    net = ns.parse(f"{text}\nfreeze n")
    assert normalized_alone(net, net.graph()) is None


def test_less_memory_and_the_counts() -> None:
    plain, still = ns.parse(NETWORK), ns.parse(f"{NETWORK}\nfreeze one two")
    (before, after) = (text.partition("frozen")[0] for text in (repr(plain), repr(still)))
    assert "of them" in after
    assert "of them" not in before
    with pytest.raises(ns.SpecError, match="memory"):
        ns.parse(f"{NETWORK}\nassert memory < 1M")
    ns.parse(f"{NETWORK}\nfreeze one two\nassert memory < 1M")
