"""`if`, `for`, conditions and arithmetic: what a spec says with them is what it says written out."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

import netspec as ns
from netspec.compiler import analyze
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import Source
from netspec.elaborate.vocabulary import ARGUMENT_WORDS, RESERVED
from netspec.ir.network import Network
from netspec.ir.text import resolved_text
from netspec.layers import LAYERS


def network(text: str) -> Network:
    found = analyze(Source("t.net", f"input 8x16x16\n{text}"))
    assert not found.diagnostics, [d.message for d in found.diagnostics]
    assert found.network is not None
    return found.network


def same(text: str, written_out: str) -> None:
    """Assert that two texts declare the same layers in the same wiring, whatever they are called."""
    one, two = network(text), network(written_out)
    places = [{n.name: i for i, n in enumerate(net.nodes)} for net in (one, two)]
    shape = [
        [(n.layer, [p.get(i) for i in n.inputs]) for n in net.nodes] for net, p in zip((one, two), places, strict=True)
    ]
    assert shape[0] == shape[1]


@pytest.mark.parametrize(
    ("text", "written_out"),
    [
        ("for c in 4 8 { conv c 3x3 }", "conv 4 3x3; conv 8 3x3"),
        ("for i in 1..3 { fc (2 * i) }", "fc 2; fc 4; fc 6"),
        ("let n = 2\nfor i in 0..n { fc (i + 1) }", "fc 1; fc 2; fc 3"),
        ("for (c, n) in (4, 1) (6, 2) { repeat n { conv c 3x3 } }", "conv 4 3x3; conv 6 3x3; conv 6 3x3"),
        ("for (k, act) in (3x3, relu) (5x5, none) { conv 4 k act }", "conv 4 3x3 relu; conv 4 5x5"),
        ("for i in 1..2 9 { fc i }", "fc 1; fc 2; fc 9"),
        ("for c in 4 6 { for k in 1 3 { conv c k } }", "conv 4 1; conv 4 3; conv 6 1; conv 6 3"),
        ("let s = 2\nif (s > 1) { pool s } else { relu }", "pool 2"),
        ("let s = 1\nif (s > 1) { pool s } else { relu }", "relu"),
        ("let s = 1\nif (s > 1) { pool 2 }\nfc 3", "fc 3"),
        ("let s = 3\nif (s == 1) { relu } else if (s == 3) { tanh } else { gelu }", "tanh"),
        ("let s = 4\nif (s == 1) { relu } else if (s == 3) { tanh } else { gelu }", "gelu"),
        ("let a = relu\nif (a == ReLU) { tanh }\nfc 2", "tanh; fc 2"),
        ("let a = none\nif (a != none) { tanh }\nfc 2 a", "fc 2"),
        ("let k = 3x3\nif (k == 3x3 and not (k == 5x5)) { tanh }\nfc 2", "tanh; fc 2"),
        ("let b = one\nflatten positions\nlstm 4 bias=b", "flatten positions\nlstm 4 bias=one"),
        ("let deep = true\nif deep { tanh }\nfc 2", "tanh; fc 2"),
        ("let n = 0\nif (n > 0 and 8 // n > 2) { tanh }\nfc 2", "fc 2"),
        ("let deep = (3 > 2)\nif (deep or 1 > 2) { tanh }\nfc 2 bias=deep", "tanh; fc 2"),
        ("block b(c, bias=true) { conv c 3x3 bias=bias }\nb 4 bias=(1 > 2)", "conv 4 3x3 nobias"),
        ("block b(c, s=1) { conv c 1x1; if (s > 1) { pool s } }\nb 4; b 6 s=2", "conv 4 1x1; conv 6 1x1; pool 2"),
        ("let w = 0.75\nfc (64 * w)", "fc 48"),
        ("let w = 0.1\nfc (10 * w)", "fc 1"),
        ("let w = 1.3\nfc (10 * w * 3 // 2)", "fc 19"),
        ("block b(c) { fc c }\nlet w = 0.5\nb (8 * w)", "fc 4"),
        ("dropout (1 / 4)", "dropout 0.25"),
        ("dropout 25%", "dropout 0.25"),
        ("let p = 12.5%\ndropout p", "dropout 0.125"),
        ("let k = 3x5\nconv 4 (k * 2 - 1)", "conv 4 5x9"),
        ("block up(s, c) { conv c 1x1; add s }\ntanh as a\nrelu\nup a 8", "tanh as a; relu; conv 8 1x1; add a"),
        ("block b(s) { fc 3 as x; from s; fc 3; add x }\ntanh as a\nb a", "tanh as a; fc 3 as x; from a; fc 3; add x"),
        ("identity as a\nconv 8 1x1; add a", "identity as a; conv 8 1x1; add a"),
        ("conv 4 3x3 none", "conv 4 3x3"),
    ],
)  # fmt: skip
def test_a_text_declares_what_it_says_written_out(text: str, written_out: str) -> None:
    same(text, written_out)


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("let relu = 5\nfc relu", "fc 5"),
        ("block fc(n) { conv n 1x1 }\nfc 3", "conv 3 1x1"),
        ("block train(n) { dense n }\ntrain 3", "dense 3"),
        ("block b(same) { conv same 3x3 }\nb 4", "conv 4 3x3"),
        ("for max in 2 3 { fc max }", "fc 2; fc 3"),
        ("let one = 5\nlet onehot = 2\nfc one as sample; fc onehot; concat sample", "fc 5 as a; fc 2; concat a"),
        ("let epochs = 2\nfc 2\ntrain { epochs epochs }", "fc 2"),
    ],
)
def test_names_of_the_file_win_over_words_of_netspec(text: str, meaning: str) -> None:
    same(text, meaning)


def test_every_word_may_be_a_name_of_the_file() -> None:
    # A word that is new to the language changes no spec that was there before it.
    for word in sorted({*LAYERS.names, *ARGUMENT_WORDS} - RESERVED):
        same(f"let {word} = 5\ndense {word}", "fc 5")
        same(f"block {word}(n) {{ dense n }}\n{word} 3", "fc 3")
        same(f"for {word} in 2 3 {{ fc {word} }}", "fc 2; fc 3")
        same(
            f"tanh as {word}; relu; add {word} as c_; from {word}; relu; add c_",
            "tanh as a; relu; add a as c_; from a; relu; add c_",
        )


def test_a_name_that_hides_a_word_is_noted() -> None:
    notes = analyze(Source("t.net", "input 4\nlet relu = 3\nfc relu")).notes
    assert [n.message for n in notes] == [
        "in this file `relu` is this `let`; without it, it is the name of an activation"
    ]
    assert not analyze(Source("t.net", "input 4\nlet width = 3\nfc width")).notes


def test_labels_in_a_body_of_if_are_known_behind_it_and_those_of_for_are_numbered() -> None:
    network("let s = 2\nif (s > 1) { conv 4 1x1 as a } else { conv 4 1x1 as a }\nconv 4 1x1; add a")
    names = [n.name for n in network("for c in 4 6 { conv c 1x1 as a }").nodes]
    assert names == ["a_1", "a_2"]


@given(
    st.integers(-50, 50), st.integers(-50, 50), st.integers(1, 50), st.sampled_from("+-*"), st.sampled_from(["//", "%"])
)
def test_arithmetic_is_that_of_fractions(a: int, b: int, c: int, sign: str, whole: str) -> None:
    exact = {"+": Fraction(a) + Fraction(b, 10), "-": a - Fraction(b, 10), "*": a * Fraction(b, 10)}[sign]
    value = exact // c if whole == "//" else exact % c
    tenths, sign_of_b = divmod(abs(b), 10), "-" if b < 0 else ""
    decimal = f"({sign_of_b}{tenths[0]}.{tenths[1]})" if b >= 0 else f"(0 - {tenths[0]}.{tenths[1]})"
    text = f"let x = ((({a}) {sign} {decimal}) {whole} {c})\nif (x == {float(value):.4f}) {{ tanh }} else {{ relu }}"
    if value < 0:
        text = text.replace(f"== {float(value):.4f}", f"== (0 - {float(-value):.4f})")
    assert network(text).nodes[0].layer.canonical() == "tanh"


TEXT = """\
block down(c, act=relu, s=1) {
  conv c 3x3 pad=same act
  if (s > 1 and not (act == tanh)) { pool s } else if (c == 5) { identity } else { relu }
}
for (c, n) in (4, 1) (6, 2) {
  repeat n { down c s=2 }
}
for i in 1..2 { fc (i * 1.5 * 2) none }
dropout 25%
"""


def test_it_survives_the_formatter_and_is_resolved() -> None:
    source = Source("t.net", f"input 8x16x16\n{TEXT}")
    once = format_source(source)
    assert format_source(Source("t.net", once)) == once
    net = ns.parse(source.text)
    assert ns.parse(once) == net
    assert ns.parse(resolved_text(net)) == net
    assert Network.model_validate_json(net.model_dump_json()) == net
