"""Several inputs, several outputs and shared weights, as a text declares them."""

from __future__ import annotations

import pytest

import netspec as ns
from netspec.compiler import analyze
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import Source
from netspec.ir.network import Input, Network
from netspec.ir.text import resolved_text
from netspec.layers import LAYERS, Layer
from netspec.recipe.losses import MeanSquaredError
from netspec.schema.definition import parameters

TWINS = """\
input 1x8x8 as left
input 1x8x8 as right
block tower { conv 4 3x3 relu; pool 2; fc 6 }
from left; tower as a
from right; tower share=a as b
concat a as both
fc 3 softmax as kind
from both; fc 1 as age
output kind
output age loss=mse weight=0.1 target=years
"""

TIED = """\
input 12 tokens=30
embedding 8 as words
lstm 8
fc 30 softmax pointwise nobias share=words
train { loss mse }
"""

IN_A_LOOP = """\
input 6
fc 6 as first
for i in 1..3 { fc 6 relu share=first as next }
block twice(from_layer) { fc 6; concat from_layer; fc 6 }
twice first as one
twice first share=one
fc 2 softmax
"""


@pytest.mark.parametrize("text", [TWINS, TIED, IN_A_LOOP], ids=["twins", "tied", "loop"])
def test_it_survives_the_formatter_being_resolved_and_json(text: str) -> None:
    net = ns.parse(text)
    assert ns.parse(format_source(Source("t.net", text))) == net
    assert ns.parse(resolved_text(net)) == net
    assert Network.model_validate_json(net.model_dump_json()) == net
    assert ns.parse(resolved_text(net)).graph().parameters == net.graph().parameters


def test_inputs_and_outputs_have_names() -> None:
    net = ns.parse(TWINS)
    assert net.inputs == (Input(name="left", shape=(1, 8, 8)), Input(name="right", shape=(1, 8, 8)))
    kind, age = net.outputs
    assert (kind.name, kind.node, kind.loss, kind.weight, kind.target_name) == ("kind", "kind", None, 1.0, "kind")
    assert (age.name, age.loss, age.weight, age.target_name) == ("age", MeanSquaredError(), 0.1, "years")


def test_shared_weights_count_once() -> None:
    tower = 4 * (9 + 1) + 6 * (4 * 9 + 1)
    heads = 3 * (12 + 1) + (12 + 1)
    assert ns.parse(TWINS).graph().parameter_count == tower + heads
    assert {n.name: n.share for n in ns.parse(TWINS).nodes if n.share} == {
        f"b/{part}": f"a/{part}" for part in ("conv_1", "fc_1")
    }
    tied = ns.parse(TIED).graph().parameters
    assert tied["words/weight"].shape == (30, 8)
    assert not any(path.startswith("fc_1/") for path in tied)


def test_one_named_input_flows_on_by_itself() -> None:
    net = ns.parse("input 4 as row\nfc 3 as a\nfrom input; fc 3; add a")
    assert [n.inputs for n in net.nodes] == [("row",), ("row",), ("fc_1", "a")]
    assert ns.parse(resolved_text(net)) == net


def test_an_output_may_be_read_further_and_stand_before_its_layer() -> None:
    net = ns.parse("output deep as code\noutput end\ninput 4\nfc 3 as deep\nfc 2 as end")
    assert [(o.name, o.node) for o in net.outputs] == [("code", "deep"), ("end", "end")]


def test_a_label_of_a_block_is_its_last_layer() -> None:
    net = ns.parse(
        "block head(n) { fc 8 relu; fc n }\ninput 4\nfc 8 as trunk\n"
        "head 2 as x\nfrom trunk; head 3 as y\noutput x\noutput y"
    )
    assert [(o.name, o.node) for o in net.outputs] == [("x", "x/fc_2"), ("y", "y/fc_2")]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        # One mistake is said once, and what follows from it is not.
        ("input -1 as left\ninput 4 as right\nfrom left; fc 3; concat right", ["E0207"]),
        ("input 0 as left\ninput 4 as right\nfrom left; fc 3; concat right", ["E0207"]),
        ("input 4 as init\nfc 3", ["E0214"]),
        ("input 4\nfc 3 as a\noutput a loss=huger\nfc 2", ["E0204"]),
        ("input 4\nfc 3 as a\noutput a weight=0", ["E0207"]),
        ("input 4\nfc 3 as a\nfc 2 share=a bias=maybe", ["E0203"]),
        ("input 4\nblock b(n) { fc n }\nb 4 as x\nb 4 5 share=x", ["E0205"]),
        ("input 4\nadd a share=b", ["E0207", "E0215"]),
    ],
)  # fmt: skip
def test_mistakes(text: str, codes: list[str]) -> None:
    assert sorted(d.code for d in analyze(Source("t.net", text)).diagnostics) == codes


@pytest.mark.parametrize("cls", LAYERS.entries, ids=lambda c: c.canonical())
def test_a_layer_says_whether_it_has_weights(cls: type[Layer]) -> None:
    affine = " affine" if any(p.name == "affine" for p in parameters(cls)) else ""
    net = ns.parse(f"input {cls.example_input}\n{cls.example}{affine}\ntrain {{ loss mse }}")
    own = {n.name for n in net.nodes if isinstance(n.layer, cls)}
    assert any(path.rpartition("/")[0] in own for path in net.graph().parameters) == cls.has_weights


@pytest.mark.parametrize(
    ("heads", "said"),
    [
        ("fc 3 softmax as kind; fc 1 as age", "`from trunk` before it"),
        ("fc 3 as scores; sigmoid as kind; fc 1 as age", "behind its sigmoid; `from scores` before it"),
        ("fc 3 softmax as kind; from trunk; fc 1 as age", ""),
        ("fc 3 softmax as kind; from kind; fc 1 as age", ""),  # that is meant
        ("fc 3 as kind; fc 1 as age", ""),
    ],
)
def test_that_an_output_reads_another_ones_probabilities_is_noted(heads: str, said: str) -> None:
    found = analyze(Source("t.net", f"input 4\nfc 8 relu as trunk\n{heads}\noutput kind\noutput age loss=mse"))
    assert found.diagnostics == ()
    assert len(found.notes) == bool(said)
    assert said in "".join(note.message for note in found.notes)
