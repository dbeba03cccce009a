"""Several inputs and outputs and shared weights, before anything is computed: declared, traced, described."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ir.several_networks import node, output, siamese, tied
from pydantic import ValidationError

import netspec as ns
from netspec.cli.dot import dot
from netspec.cli.operations import operations_text
from netspec.describe.diff import compare
from netspec.describe.outline import outline
from netspec.graph.graph import Graph
from netspec.graph.losses import loss_text
from netspec.graph.memory import inference_bytes, training_bytes
from netspec.ir.network import Input, Network, Output
from netspec.ir.text import resolved_text
from netspec.passes import Mode, optimize
from netspec.planning import make_plan

NET = siamese()


def changed(**update: Any) -> Network:
    return Network.model_validate({**NET.model_dump(), **update})


def test_json_there_and_back() -> None:
    assert Network.model_validate_json(NET.model_dump_json()) == NET
    assert Network.model_validate(NET.model_dump()) == NET
    assert json.loads(NET.model_dump_json())["format"] == 2


@pytest.mark.parametrize(
    ("update", "said"),
    [
        ({"inputs": (Input(name="left", shape=(1, 8, 8)),)}, "reads 'right'"),
        ({"inputs": (*NET.inputs, Input(name="more", shape=(4,)))}, "no node reads the input 'more'"),
        ({"inputs": (*NET.inputs, Input(name="both", shape=(4,)))}, "a node and an input are named 'both'"),
        ({"inputs": (*NET.inputs, NET.inputs[0])}, "two inputs are named 'left'"),
        ({"outputs": NET.outputs[:1]}, "no node reads 'age'"),
        ({"outputs": ()}, "no node reads 'kind'"),
        ({"outputs": (*NET.outputs, output("left", "both"))}, "an input and an output are named 'left'"),
        ({"outputs": (*NET.outputs, NET.outputs[0])}, "two outputs are named 'kind'"),
        ({"outputs": (*NET.outputs, output("more"))}, "no node is named"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_network_that_is_wired_wrongly_is_refused(update: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        changed(**update)


def test_what_is_asked_of_the_only_one_names_all_where_there_are_several() -> None:
    graph = NET.graph()
    for ask in (lambda: NET.input, lambda: NET.tokens, lambda: graph.input, lambda: graph.tokens):
        with pytest.raises(ns.NetspecError, match="several inputs: left and right"):
            ask()
    for of in (lambda: graph.output, lambda: graph.logits, lambda: graph.loss):
        with pytest.raises(ns.NetspecError, match="several outputs: kind and age"):
            of()


def test_the_graph_has_all_of_them() -> None:
    graph = NET.graph()
    assert [(i.name, graph.shape(at)) for at, i in enumerate(graph.inputs)] == [
        ("left", (1, 8, 8)),
        ("right", (1, 8, 8)),
    ]
    assert [(o.name, graph.shape(o.index), o.loss.canonical(), o.weight, o.target) for o in graph.outputs] == [
        ("kind", (3,), "cross_entropy", 1.0, "kind"),
        ("age", (1,), "mse", 0.1, "years"),
    ]
    # What is shared counts once, where it was declared.
    assert graph.parameter_count == (4 * 9 + 4) + 8 + (288 * 3 + 3) + (288 + 1)
    assert sum(cost.parameters for cost in graph.costs(NET)) == graph.parameter_count
    assert [cost.parameters for cost in graph.costs(NET)[:4]] == [40, 8, 0, 0]


@pytest.mark.parametrize("mode", Mode)
def test_passes_keep_every_output_and_what_its_loss_reads(mode: Mode) -> None:
    graph = NET.graph()
    found = optimize(graph, mode)
    made = {0, 1, *(o.output for o in found.operations)}
    kind, age = found.outputs
    assert {kind.index, kind.logits, age.index, age.logits} <= made
    # The softmax is absorbed by its own loss alone.
    assert kind.logits != kind.index
    assert age.logits == age.index
    assert len(make_plan(found, platform="cpu", batch=4, gradient=True).decisions) == len(found.operations)


def test_an_output_that_is_read_further_is_not_fused_away() -> None:
    net = Network(
        input=(1, 8, 8),
        nodes=(
            node("a", "conv", "input", filters=4, kernel=3),
            node("b", "relu", "a"),
            node("c", "pool", "b", kernel=2),
            node("d", "fc", "c", units=2),
            node("e", "softmax", "d"),
        ),
        outputs=(output("conv", "a"), output("relu", "b"), output("logits", "d"), output("end", "e")),
    )
    for mode in Mode:
        found = optimize(net.graph(), mode)
        assert {o.index for o in found.outputs} <= {o.output for o in found.operations}
        assert [o.index for o in found.outputs] == [o.index for o in net.graph().outputs]


def test_memory_and_flops_are_of_all_of_them() -> None:
    one = ns.parse("input 1x8x8\nconv 4 3; batchnorm; fc 3 softmax\ntrain { batch 16 }")
    graph = NET.graph()
    assert graph.flops == sum(cost.flops for cost in graph.costs(NET))
    assert graph.activation_bytes == 4 * (2 * 64 + sum(o.size for o in graph.operations))
    assert training_bytes(NET, graph) > 2 * training_bytes(one, one.graph()) * 0.5
    assert inference_bytes(NET, graph) > inference_bytes(one, one.graph())


# --- shared weights -----------------------------------------------------------------------------------------------


def shared(first: Any, second: Any, shape: tuple[int, ...] = (8,)) -> Graph:
    """Return the graph of two layers, the second of which shares with the first; what they read may differ."""
    merge = node("m", "concat", "a", "b")
    return Network(input=shape, nodes=(first, second, merge)).graph()


def test_a_chain_of_sharing_ends_at_the_first() -> None:
    nodes = (
        node("a", "fc", "input", units=8),
        node("b", "fc", "a", units=8, share="a"),
        node("c", "fc", "b", units=8, share="b"),
    )
    graph = Network(input=(8,), nodes=nodes).graph()
    assert set(graph.parameters) == {"a/kernel", "a/bias"}
    assert [o.parameters for o in graph.operations if "kernel" in o.parameters[0]] == [("a/kernel",)] * 3


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        (
            node("a", "fc", "input", units=4),
            node("b", "fc", "input", units=5, share="a"),
            "needs a kernel of 5x8, and that is 4x8",
        ),
        (
            node("a", "fc", "input", units=4),
            node("b", "fc", "a", units=4, share="a"),
            "needs a kernel of 4x4, and that is 4x8",
        ),
        (
            node("a", "fc", "input", units=4),
            node("b", "fc", "input", units=4, bias=False, share="a"),
            "has no use for its bias",
        ),
        (
            node("a", "fc", "input", units=4, bias=False),
            node("b", "fc", "input", units=4, share="a"),
            "which has no bias",
        ),
        (node("a", "fc", "input", units=4), node("b", "prelu", "input", share="a"), "which is `fc`"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_weights_that_do_not_fit_are_refused(first: Any, second: Any, said: str) -> None:
    with pytest.raises(ns.SpecError, match=said) as error:
        shared(first, second)
    assert [d.code for d in error.value.diagnostics] == ["E0315"]


@pytest.mark.parametrize("layer", ["relu", "add"])
def test_a_layer_without_weights_shares_none(layer: str) -> None:
    reads = ("a", "input") if layer == "add" else ("a",)
    nodes = (node("a", "fc", "input", units=8), node("b", layer, *reads, share="a"))
    with pytest.raises(ValidationError, match="has none"):
        Network(input=(8,), nodes=nodes)


def test_an_fc_is_tied_to_an_embedding() -> None:
    graph = tied().graph()
    assert set(graph.parameters) == {"words/weight", "mix/kernel", "mix/bias"}
    assert set(tied(bias=True).graph().parameters) == {"words/weight", "mix/kernel", "mix/bias", "next/bias"}
    net = tied()
    wrong = replace_node(net, "next", node("next", "fc", "mix", units=12, pointwise=True, bias=False, share="words"))
    with pytest.raises(ns.SpecError, match="needs a weight of 12x5, and that is 11x5"):
        wrong.graph()


def replace_node(net: Network, name: str, new: Any) -> Network:
    return net.model_copy(update={"nodes": tuple(new if n.name == name else n for n in net.nodes)})


# --- as text ------------------------------------------------------------------------------------------------------


def test_the_resolved_text_says_all_of_it() -> None:
    lines = resolved_text(NET).splitlines()
    assert lines[:2] == ["input 1x8x8 as left", "input 1x8x8 as right"]
    assert 'batchnorm epsilon=1e-05 momentum=0.9 share="a/norm" as "b/norm"' in lines
    assert lines[lines.index("from right") - 1].endswith('as "a/norm"')
    assert [line for line in lines if line.startswith("output")] == [
        "output kind weight=1.0",
        "output age loss=mse weight=0.1 target=years",
    ]
    named = changed(outputs=(Output(name="class", node="kind"), NET.outputs[1]))
    assert "output kind weight=1.0 as class" in resolved_text(named).splitlines()
    masked = Network(inputs=(Input(shape=(6,), tokens=9, mask=0),), nodes=tied().nodes[:1])
    assert resolved_text(masked).splitlines()[0] == "input 6 tokens=9 mask=0"


def test_tables_and_drawings_show_all_of_it() -> None:
    graph = NET.graph()
    shown = repr(NET)
    assert "outputs kind and age" in shown
    assert "left" in shown
    assert 'share="a/conv"' in shown
    assert "right" in repr(graph)
    rows = outline(NET, graph)
    assert rows[0].text() == "conv 4 3 ← input"
    drawn = dot(NET, rows)
    for edge in ('"left" -> "a/conv"', '"right" -> "b/conv"', '"kind" -> "output kind"', '"age" -> "output age"'):
        assert edge in drawn
    assert 'share=\\"a/conv\\"' in drawn
    assert '"b" -> "output age"' not in dot(NET, outline(NET, graph, 0))
    lines = operations_text(graph).splitlines()
    assert lines[1] == "%1 = input 1x8x8 as right"
    assert lines[-1].endswith("as age; mse reads %15")


def test_what_differs_is_named() -> None:
    def difference(other: Network) -> list[str]:
        found = compare((NET, NET.graph()), (other, other.graph()))
        paths = [s.path for s in found.settings]
        return paths + [f"{c.after.name}.{a.path}" for c in found.layers if c.after for a in c.arguments]

    assert difference(NET) == []
    assert difference(changed(outputs=(NET.outputs[0], output("age", loss="mse")))) == [
        "output age.target",
        "output age.weight",
    ]
    apart = replace_node(NET, "b/norm", node("b/norm", "batchnorm", "b/conv"))
    assert difference(apart) == ["b/norm.share"]


def test_the_loss_in_words_says_what_targets_decide() -> None:
    plain = replace_node(NET, "kind", node("kind", "fc", "both", units=3))
    assert loss_text(NET, NET.graph()) == "cross_entropy of kind + 0.1·mse of age"
    either = "mse of kind (cross_entropy where its targets are classes) + 0.1·mse of age"
    assert loss_text(plain, plain.graph()) == either


def test_only_one_input_is_given_again() -> None:
    data = ns.parse('input 4\nfc 4\ndata "x.npz" { target input }').data
    with pytest.raises(ns.SpecError, match="a network of one input"):
        NET.model_copy(update={"data": data}).graph()


def test_a_value_keeps_its_number_where_inputs_come_first() -> None:
    graph = NET.graph()
    assert [o.output for o in graph.operations] == list(range(2, 2 + len(graph.operations)))
    assert graph.nodes["left"] == 0
    assert graph.nodes["right"] == 1
    assert replace(graph).only(graph.outputs[1]).loss.canonical() == "mse"
