"""AST → Network: what each command means, the names of nodes, and where all of it was declared."""

from __future__ import annotations

from typing import Any

import pytest

from netspec.diagnostics.diagnostic import Source
from netspec.elaborate.elaborator import Elaboration, elaborate
from netspec.ir.data_source import DataSource
from netspec.ir.network import Network
from netspec.ir.recipe import Recipe
from netspec.layers.conv import Conv
from netspec.layers.dense import Dense
from netspec.recipe.initializers import HeNormal
from netspec.syntax.parser import parse


def made(text: str, **lets: Any) -> Elaboration:
    return elaborate(parse(Source("t.net", text)), name="t", lets=lets)


def network(text: str, **lets: Any) -> Network:
    elaboration = made(text, **lets)
    assert elaboration.diagnostics == ()
    assert elaboration.network is not None
    return elaboration.network


def codes(text: str, **lets: Any) -> list[str]:
    return [d.code for d in made(text, **lets).diagnostics]


def test_a_whole_spec() -> None:
    net = network("input 1x8x8\ninit he\nconv 4 3 relu; fc 10 softmax\ndata digits\ntrain { epochs 2 }\n")
    assert net.name == "t"
    assert net.input == (1, 8, 8)
    assert net.init.kernel == HeNormal()
    assert [type(node.layer) for node in net.nodes] == [Conv, Dense]
    assert net.data == DataSource(name="digits")
    assert net.recipe == Recipe(epochs=2)


def test_nodes_are_numbered_by_kind_and_wired_in_order() -> None:
    net = network("input 1x8x8\nconv 4 3; relu; conv 4 3 as mid; relu; Conv2d 4 3; fc 9")
    assert [(n.name, n.inputs) for n in net.nodes] == [
        ("conv_1", ("input",)),
        ("relu_1", ("conv_1",)),
        ("mid", ("relu_1",)),
        ("relu_2", ("mid",)),
        ("conv_2", ("relu_2",)),
        ("fc_1", ("conv_2",)),
    ]


def test_numbers_give_way_to_labels() -> None:
    assert [n.name for n in network("input 4\nfc 9; fc 9 as fc_1; fc 9 as fc_2; fc 9").nodes] == [
        "fc_3",
        "fc_1",
        "fc_2",
        "fc_4",
    ]


def test_the_shape_of_the_input_may_come_from_the_data() -> None:
    assert network("fc 10\ndata mnist").input == (1, 28, 28)
    assert network('fc 10\ndata "photos" else digits').input == (1, 8, 8)
    assert network("input 64\nfc 10\ndata digits").input == (64,)
    assert codes('fc 10\ndata "photos"') == ["E0306"]
    assert codes("fc 10\n") == ["E0306"]


def test_a_wrong_input_is_one_mistake() -> None:
    assert codes("input 0\nfc 10") == ["E0207"]
    assert codes("input\nfc 10") == ["E0206"]


def test_data_else() -> None:
    assert network("fc 10\ndata mnist else digits").data == DataSource(name="mnist", fallback="digits")
    assert (
        network("fc 10\ndata mnist else digits { shuffle off }").data
        == network("fc 10\ndata mnist fallback=digits { shuffle off }").data
    )


def test_lets() -> None:
    text = "let w = 8\nlet v = (w*2)\ninput 4\nfc v; fc w"
    assert [n.layer for n in network(text).nodes] == [Dense(units=16), Dense(units=8)]
    assert [n.layer for n in network(text, w=3).nodes] == [Dense(units=6), Dense(units=3)]
    assert [n.layer for n in network(text, v=5).nodes] == [Dense(units=5), Dense(units=8)]


def test_an_override_of_an_unknown_let_is_a_mistake() -> None:
    (problem,) = made("let width = 8\ninput 4\nfc width", widht=3).diagnostics
    assert (problem.code, problem.fix) == ("E0210", "did you mean `width`?")
    (problem,) = made("input 4\nfc 8", w=3).diagnostics
    assert problem.fix == "it has no `let` at all"


def test_a_let_is_known_from_its_line_on() -> None:
    assert codes("input 4\nfc w\nlet w = 3") == ["E0210"]


def test_a_wrong_let_stays_silent_where_it_is_used() -> None:
    assert codes("let w = (1/0)\ninput 4\nfc w; fc (w*2)") == ["E0212"]


@pytest.mark.parametrize("word", ["else", "in", "and", "or", "not", "true", "false"])
def test_a_let_may_not_take_a_word_that_holds_the_language_together(word: str) -> None:
    assert codes(f"let {word} = 3\ninput 4\nfc 3") == ["E0213"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("input 4\ninput 5\nfc 3", ["E0209"]),
        ("input 4\nfc 3\ntrain { }\ntrain { }", ["E0209"]),
        ("input 4\ninit he\ninit xavier\nfc 3", ["E0209"]),
        ("input 4", ["E0404"]),
        ("input 4\nquux 3", ["E0201"]),
        ("input 4\nfc 3 as a\nfc 3 as a", ["E0214"]),
        ("input 4\nfc 3 as input", ["E0214"]),
        ("input 4\nfc 3 { }", ["E0211"]),
        ("init he as x\ninput 4; fc 3", ["E0211"]),
        ("input 4\nfc 3\ndata mnist as x", ["E0211"]),
        ("let w = 3 as x\ninput 4\nfc 3", ["E0211"]),
        ("input 4\nepochs 3\nfc 3", ["E0201"]),
        ("input 4\nquux; conv; fc", ["E0201", "E0206", "E0206"]),
        ("quux", ["E0201", "E0306"]),
    ],
)
def test_mistakes(text: str, expected: list[str]) -> None:
    assert codes(text) == expected


def test_a_setting_outside_its_block_is_told_where_it_belongs() -> None:
    (problem,) = made("input 4\nfc 3\nvalidation 100").diagnostics
    assert problem.fix == "`validation` belongs inside `data { … }`"


def test_a_network_with_mistakes_is_still_made_to_find_more() -> None:
    elaboration = made("input 4\nquux\nfc 3 as out")
    assert elaboration.network is not None
    assert [n.name for n in elaboration.network.nodes] == ["broken_1", "out"]


def test_places() -> None:
    places = made("input 1x8x8\nconv 4   3 relu as c; fc 9\ntrain {\n  epochs 3\n}").places
    assert places["c"].text == "conv 4 3 relu"
    assert (places["fc_1"].span.line, places["fc_1"].span.column) == (2, 23)
    assert places["input"].text == "input 1x8x8"
    assert places["train"].text == "train"


B, C = "b" * 190, "c" * 190
"""Long names of blocks, for a label in both to be longer than the name of a node."""


@pytest.mark.parametrize(
    "text",
    [
        "data mnist\nfc 10 softmax as input",
        f"input 4\nblock {B} {{ fc 10 as {'a' * 190} }}\nblock {C} {{ {B} }}\n{C}",
        'input 4\nfc 10 as "a b"',
        'input 4\nfc 10 as "слой"',
    ],
    ids=["input", "long", "blank", "letters"],
)
def test_a_label_that_the_network_refuses_is_a_diagnostic(text: str) -> None:
    assert codes(text) == ["E0214"]


@pytest.mark.parametrize(
    "text",
    [
        "data validation=5 nosuch",
        "data name=nosuch",
        "data mnist fallback=nosuch",
    ],
)
def test_an_unknown_dataset_is_found_however_it_is_written(text: str) -> None:
    assert "E0401" in codes(f"input 1x28x28\nfc 10\n{text}")


@pytest.mark.parametrize("path", ["../x", "/etc/passwd", "a/../../x"])
def test_a_path_outside_the_folder_of_the_spec_is_refused(path: str) -> None:
    assert codes(f'input 4\nfc 3\ndata "{path}"') == ["E0403"]
    assert codes(f'input 4\nfc 3\ndata mnist else "{path}"') == ["E0403"]


@pytest.mark.parametrize(
    "text",
    [
        'data name="../x"',
        'data mnist else "/etc/passwd"',
        'data validation=3 "../x"',
        'let p = "../x"\ndata p',
        'data mnist fallback="../x"',
    ],
)
def test_a_path_outside_is_refused_however_it_is_written(text: str) -> None:
    assert "E0403" in codes(f"input 4\nfc 3\n{text}")


def test_sequences() -> None:
    net = network("let v = 50\ninput 10 tokens=(v*2)\nembedding 8")
    assert (net.input, net.tokens) == ((10,), 100)
    net = network("input 16x100\ngru 8 last")
    assert (net.input, net.tokens) == ((16, 100), None)
    assert network("input 1x28\nfc 3").input == (1, 28)
    assert codes("input 64 tokens=-1\nembedding 8") == ["E0207"]
    assert codes("input 64 tokens=2.5\nembedding 8") == ["E0207"]
    assert codes("input 64 tokens=3x3\nembedding 8") == ["E0207"]
    assert codes("input 64 tokens=1e18\nembedding 8") == ["E0207"]
    assert codes("input 64 token=3 tokens=5\nembedding 8") == ["E0202"]
    assert codes("input 0 tokens=0\nembedding 8") == ["E0207", "E0207"]
