"""Labels, ways that part and meet, repetitions, blocks: which nodes they make, what those read, and their names."""

from __future__ import annotations

from pathlib import Path

import pytest

import netspec as ns
from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import Source, SpecError
from netspec.ir.text import resolved_text


def wires(text: str) -> dict[str, tuple[str, ...]]:
    """Return what each node reads."""
    net = ns.parse(f"input 8x6x6\n{text}\ntrain {{ loss mse }}")
    return {node.name: node.inputs for node in net.nodes}


def codes(text: str) -> list[str]:
    return [d.code for d in analyze(Source("t.net", text)).diagnostics]


# --- labels --------------------------------------------------------------------------------------------------------


def test_a_label_names_a_node_and_add_reads_it() -> None:
    assert wires("relu as a; tanh; add a") == {"a": ("input",), "tanh_1": ("a",), "add_1": ("tanh_1", "a")}


def test_concat_reads_what_flows_in_first() -> None:
    assert wires("relu as a; tanh as b; sigmoid; concat a b")["concat_1"] == ("sigmoid_1", "a", "b")


def test_from_goes_on_elsewhere() -> None:
    found = wires("relu as a; tanh as b; from a; sigmoid; multiply b")
    assert found["sigmoid_1"] == ("a",)
    assert found["multiply_1"] == ("sigmoid_1", "b")


def test_the_input_has_a_label() -> None:
    assert wires("relu; add input")["add_1"] == ("relu_1", "input")


def test_the_number_of_a_kind_does_not_take_a_label() -> None:
    assert list(wires("relu; relu as relu_2; relu")) == ["relu_1", "relu_2", "relu_3"]


def test_a_line_of_another_kind_renames_nothing() -> None:
    before = set(wires("conv 8 1; conv 8 1"))
    assert before < set(wires("conv 8 1; relu; conv 8 1"))


@pytest.mark.parametrize("label", ["first", "relu", "conv", "as_1"])
def test_a_label_may_be_a_word_of_the_language(label: str) -> None:
    # Where a label is read only labels are looked for.
    assert wires(f"tanh as {label}; sigmoid; add {label}")["add_1"] == ("sigmoid_1", label)


def test_a_value_from_outside_is_blamed_once() -> None:
    text = "input 1x28x28\nlet n = 3\nconv n 3\nconv (n * 2) 3\nfc n"
    with pytest.raises(SpecError, match="--let n=relu") as caught:
        ns.parse(text, let={"n": "relu"})
    assert len(caught.value.diagnostics) == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "relu as a; tanh as b; concat a b",
            "`b` flows in from the line above, and is taken a second time; `concat a`",
        ),
        ("relu as a; tanh as b; multiply b a", "`multiply a` takes it once"),
        ("relu as a; add a", "is taken a second time"),
        ("block b(skip) { add skip }; relu as a; b a", "`skip` flows in"),
        ("relu as a; multiply a", ""),  # a square
        ("relu as a; tanh as b; concat a", ""),
        ("relu as a; tanh as b; from a; concat b", ""),
    ],
)
def test_that_what_flows_in_is_taken_twice_is_noted(text: str, said: str) -> None:
    notes = [n.message for n in analyze(Source("t.net", f"input 8x6x6\n{text}\nfc 3 softmax")).notes]
    assert len(notes) == bool(said)
    assert said in "".join(notes)


# --- ways ----------------------------------------------------------------------------------------------------------


def test_a_residual_adds_its_input() -> None:
    assert wires("relu; residual { tanh; sigmoid }")["add_1"] == ("sigmoid_1", "relu_1")


def test_a_residual_with_a_shortcut() -> None:
    found = wires("residual { relu } { tanh }")
    assert found == {"relu_1": ("input",), "tanh_1": ("input",), "add_1": ("relu_1", "tanh_1")}


def test_an_empty_way_is_the_identity() -> None:
    assert wires("relu; branch { tanh } { } concat")["concat_1"] == ("tanh_1", "relu_1")


@pytest.mark.parametrize("word", ["add", "concat", "multiply"])
def test_branches_meet(word: str) -> None:
    assert wires(f"branch {{ relu }} {{ tanh }} {{ sigmoid }} {word}")[f"{word}_1"] == (
        "relu_1",
        "tanh_1",
        "sigmoid_1",
    )


def test_ways_in_ways() -> None:
    found = wires("residual { branch { relu } { residual { tanh } } add; sigmoid }")
    assert found["add_1"] == ("tanh_1", "input")
    assert found["add_2"] == ("relu_1", "add_1")
    assert found["add_3"] == ("sigmoid_1", "input")


def test_a_label_on_a_residual_names_the_sum() -> None:
    assert wires("residual { relu } as sum; tanh; add sum")["add_1"] == ("tanh_1", "sum")


def test_a_label_in_a_way_is_seen_behind_it() -> None:
    assert wires("residual { relu as r }; concat r")["concat_1"] == ("add_1", "r")


# --- repetitions ---------------------------------------------------------------------------------------------------


def test_a_repetition_is_as_if_written_out() -> None:
    assert wires("repeat 3 { conv 8 1; relu }") == wires("conv 8 1; relu; conv 8 1; relu; conv 8 1; relu")


def test_repetitions_multiply() -> None:
    assert len(wires("repeat 3 { repeat 4 { relu } }")) == 12


def test_none_at_all() -> None:
    assert wires("repeat 0 { relu }; tanh") == {"tanh_1": ("input",)}
    assert wires("repeat 1000000000 { }; tanh") == {"tanh_1": ("input",)}


def test_a_label_in_a_repetition_is_that_of_the_round() -> None:
    found = wires("repeat 2 { relu as r; tanh; add r }")
    assert found["add_1"] == ("tanh_1", "r_1")
    assert found["add_2"] == ("tanh_2", "r_2")


# --- blocks --------------------------------------------------------------------------------------------------------


def test_a_block_prefixes_the_names_in_it() -> None:
    found = wires("block b { relu; tanh }; b; b")
    assert list(found) == ["b_1/relu_1", "b_1/tanh_1", "b_2/relu_1", "b_2/tanh_1"]
    assert found["b_2/relu_1"] == ("b_1/tanh_1",)


def test_a_label_names_a_use_and_its_output() -> None:
    found = wires("block b { relu; tanh }; b as stem; sigmoid; add stem")
    assert list(found) == ["stem/relu_1", "stem/tanh_1", "sigmoid_1", "add_1"]
    assert found["add_1"] == ("sigmoid_1", "stem/tanh_1")


def test_input_in_a_block_is_what_flows_into_it() -> None:
    found = wires("relu; block more { tanh; concat input }; more; more")
    assert found["more_1/concat_1"] == ("more_1/tanh_1", "relu_1")
    assert found["more_2/concat_1"] == ("more_2/tanh_1", "more_1/concat_1")


def test_blocks_in_blocks() -> None:
    text = "block a(n) { conv n 1 }; block b(n) { a n; a (n*2) }; b 4"
    net = ns.parse(f"input 8x6x6\n{text}\ntrain {{ loss mse }}")
    assert [(n.name, n.layer.filters) for n in net.nodes] == [("b_1/a_1/conv_1", 4), ("b_1/a_2/conv_1", 8)]  # type: ignore[attr-defined]


def test_defaults_may_use_earlier_parameters_and_lets() -> None:
    text = "let k = 3; block a(n, m=(n+k)) { conv n 1; conv m 1 }; a 4; a 4 m=1"
    net = ns.parse(f"input 8x6x6\n{text}\ntrain {{ loss mse }}")
    assert [n.layer.filters for n in net.nodes] == [4, 7, 4, 1]  # type: ignore[attr-defined]


def test_a_parameter_may_be_a_word() -> None:
    text = "block a(act, start) { conv 4 1 act init=start }; a relu normal(0.5); a leaky_relu(0.2) zeros"
    first, second = ns.parse(f"input 8x6x6\n{text}\ntrain {{ loss mse }}").nodes
    assert first.layer == ns.parse("input 1x2x2\nconv 4 1 relu init=normal(0.5)").nodes[0].layer
    assert second.layer == ns.parse("input 1x2x2\nconv 4 1 leaky_relu(0.2) init=zeros").nodes[0].layer


def test_a_let_may_be_a_word() -> None:
    given = ns.parse("let act = gelu\ninput 4\nfc 3 act", let={"act": "tanh"})
    assert given.nodes == ns.parse("input 4\nfc 3 tanh").nodes


def test_a_let_in_a_body_ends_with_it() -> None:
    assert codes("input 4\nrepeat 1 { let n = 3; fc n }\nfc n") == ["E0210"]
    assert codes("input 4\nlet n = 3\nrepeat 2 { let n = 5; fc n }\nfc n") == []


AROUND = ["repeat 2 {{ {} }}", "branch {{ {} }} {{ fc 5 }} concat", "block b {{ {} }}; b; b"]


@pytest.mark.parametrize(
    "body",
    [
        "let m = (n * 2); fc m",
        "let n = 5; fc n",
        "fc 4; let n = 5; fc n",
        "let n = 5; repeat 2 { fc n }",
        "relu as n; add n; let n = 5; fc n",
        "let m = 2; fc m; let m = 3; fc m",
    ],
)
@pytest.mark.parametrize("around", AROUND)
def test_a_let_of_a_body_that_is_read_there_is_well(body: str, around: str) -> None:
    assert codes(f"input 4\nlet n = 3\n{around.format(body)}\nfc n") == []


@pytest.mark.parametrize(
    ("text", "noted"),
    [
        ("let n = 3\nrepeat 2 { let n = 5; fc n }\nfc n", 1),
        ("let n = 3\nrepeat 2 { residual { let n = 5; fc n } { fc 5 }; fc n }\nfc 4", 1),
        ("let n = 3\nrepeat 2 { let n = 5; fc n }\nfc 3", 0),
        ("let n = 3\nblock b { let n = 5; fc n }\nb; fc n", 0),
        ("let n = 3\nrepeat 2 { let m = 5; fc m }\nfc n", 0),
    ],
)
def test_that_a_name_is_again_what_it_was_is_noted(text: str, noted: int) -> None:
    found = analyze(Source("t.net", f"input 4\n{text}"))
    assert (found.diagnostics, len(found.notes)) == ((), noted)
    assert [str(r.span) for note in found.notes for r in note.related] == ["t.net:2:5"] * noted


@pytest.mark.parametrize("body", ["fc n; let n = 5", "fc 4; let n = 5"])
@pytest.mark.parametrize("around", AROUND)
def test_a_let_that_a_body_would_lose_is_a_mistake(body: str, around: str) -> None:
    (mistake,) = analyze(Source("t.net", f"input 4\nlet n = 3\n{around.format(body)}\nfc n")).diagnostics
    assert mistake.code == "E0209"
    assert str(mistake.related[0].span) == "t.net:2:5"


@pytest.mark.parametrize("body", ["let n = (n * 2); fc n", "fc n; let n = 5; fc n"])
@pytest.mark.parametrize("around", AROUND)
def test_a_let_from_the_value_outside_is_lost_in_a_repeat_alone(body: str, around: str) -> None:
    """Each round would begin again with the value outside; a body that runs once goes on with its own."""
    found = codes(f"input 4\nlet n = 3\n{around.format(body)}\nfc 4")
    assert found == (["E0209"] if around.startswith("repeat") else [])


def test_what_an_included_file_reads_is_the_value_of_its_place(tmp_path: Path) -> None:
    (tmp_path / "part.net").write_text("fc n", encoding="utf-8")
    (tmp_path / "spec.net").write_text(
        'input 4\nresidual { let n = 8; include "part.net"; let n = 4; include "part.net" }\n', encoding="utf-8"
    )
    assert [n.layer.units for n in ns.load(tmp_path / "spec.net").nodes[:2]] == [8, 4]  # type: ignore[attr-defined]


def test_a_block_sees_the_labels_of_none_but_itself() -> None:
    assert codes("input 4\nfc 4 as a\nblock b { relu; add a }\nb") == ["E0215"]


def test_a_mistake_in_a_block_is_said_once_with_its_use() -> None:
    found = analyze(Source("t.net", "input 4\nblock b { fc 4 rleu }\nb\nb\nb")).diagnostics
    assert [d.code for d in found] == ["E0203"]
    assert [r.span.line for r in found[0].related] == [3]


# --- the whole -----------------------------------------------------------------------------------------------------

NETS = [
    "relu as a; conv 8 3x3 pad=same; add a",
    "relu as a; tanh as b; from a; sigmoid; multiply b; residual { relu } { }; branch { } { tanh } concat",
    "block res(n) { residual { conv n 3x3 pad=same; batchnorm relu } { conv n 1x1 } }; repeat 2 { res 4; res 6 }",
]


@pytest.mark.parametrize("text", NETS)
def test_the_resolved_text_says_the_same(text: str) -> None:
    net = ns.parse(f"input 8x6x6\n{text}\nglobalpool; fc 3 softmax")
    assert ns.parse(resolved_text(net)) == net


def test_a_network_from_json_must_be_whole() -> None:
    net = ns.parse("input 4\nfc 4 as a; relu; add a; fc 2")
    form = net.model_dump(mode="json")
    form["nodes"][2]["inputs"] = ["a", "a"]
    with pytest.raises(ValueError, match="no node reads 'relu_1'"):
        ns.Network.model_validate(form)
    form["nodes"][2]["inputs"] = ["relu_1"]
    with pytest.raises(ValueError, match="merges several"):
        ns.Network.model_validate(form)
    form["nodes"][2]["inputs"] = ["relu_1", "a"]
    form["nodes"][3]["inputs"] = ["add_1", "a"]
    with pytest.raises(ValueError, match="reads several"):
        ns.Network.model_validate(form)


def test_attention_reads_one_more_at_most() -> None:
    net = ns.parse("input 4x5\nlstm 4 as a\nattention 2 memory=a\nglobalpool\nfc 2")
    form = net.model_dump(mode="json")
    assert form["nodes"][1]["inputs"] == ["a", "a"]
    # What came after the format is not in it where it is the default.
    assert form["nodes"][1]["layer"].keys() == {"kind", "heads", "causal", "dropout", "bias", "init", "bias_init"}
    assert ns.Network.model_validate(form) == net
    form["nodes"][1]["inputs"] = ["a", "a", "input"]
    with pytest.raises(ValueError, match="attention reads one, and one as memory"):
        ns.Network.model_validate(form)


def test_the_expansion_has_a_limit() -> None:
    assert codes("input 4\nrepeat 100001 { relu }") == ["E0218"]
    assert codes("input 4\nrepeat 1000000000 { let a = 1 }\nrelu") == ["E0218"]


def test_an_exponential_expansion_is_refused() -> None:
    lines = ["input 4", "block b0 { relu }"]
    lines += [f"block b{i} {{ b{i - 1}; b{i - 1} }}" for i in range(1, 40)]
    assert codes("\n".join([*lines, "b39"])) == ["E0218"]


def test_errors_are_spec_errors() -> None:
    with pytest.raises(SpecError, match="E0310"):
        ns.parse("input 8x6x6\nconv 4 1 as a; conv 8 1; add a; fc 3")
