"""Names: other spellings become canonical exactly where binding reads them as such, and the Network stays the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from diagnostics.cases import Case, read_cases

import netspec as ns
from netspec.describe import format as formatting
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import NetspecError, Source, SpecError
from netspec.ir.text import resolved_text
from netspec.layers import LAYERS
from netspec.layers.activation import ACTIVATIONS
from netspec.recipe.initializers import INITIALIZERS
from netspec.recipe.losses import LOSSES
from netspec.recipe.optimizers import OPTIMIZERS
from netspec.recipe.schedules import SCHEDULES
from netspec.schema.definition import Definition
from netspec.syntax.parser import parse

ROOT = Path(__file__).parents[2]


def formatted(text: str) -> str:
    result = format_source(Source("t.net", text))
    assert format_source(Source("t.net", result)) == result
    return result


def aliases(*families: Any) -> list[tuple[str, type[Definition]]]:
    return [(alias, cls) for family in families for cls in family.entries for alias in cls.aliases]


NAMES = {
    "layers": ("Conv2d 8 3x3; MaxPool2d 2; bn; Linear 10", "conv 8 3x3; pool 2; batchnorm; fc 10\n"),
    "activations": ("dense 8 ReLU; dense 8 activation=TanH", "fc 8 relu; fc 8 activation=tanh\n"),
    "calls": ("fc 8 LeakyReLU(0.2); fc 8 leaky(slope=0.2)", "fc 8 leaky_relu(0.2); fc 8 leaky_relu(slope=0.2)\n"),
    "initializers": ("fc 8 init=glorot bias_init=gaussian(0.1)", "fc 8 init=xavier_uniform bias_init=normal(0.1)\n"),
    "init": ("init he bias=gaussian(1)\ninit msra", "init he_normal bias=normal(1)\ninit he_normal\n"),
    "recipe": (
        "train { optimizer Adam lr=1; schedule one_cycle; loss nll }",
        "train { optimizer adam lr=1; schedule onecycle; loss cross_entropy }\n",
    ),
    "recipe by call": ("train { optimizer SGD(lr=1) }", "train { optimizer sgd(lr=1) }\n"),
    "recipe on its line": ("train optimizer=SGD loss=MSELoss", "train optimizer=sgd loss=mse\n"),
    "words": ("train { precision bf16 }", "train { precision bfloat16 }\n"),
    "within bodies": ("repeat 2 { a { bn; Dense 8 ReLU } }", "repeat 2 { a { batchnorm; fc 8 relu } }\n"),
    "in blocks": ("block res(c) { Conv2d c 3x3 }", "block res(c) { conv c 3x3 }\n"),
    "branch": ("branch { bn } { relu } Concatenate", "branch { batchnorm } { relu } concat\n"),
    "with bodies, though wrong": ("Dense 8 { bn }", "fc 8 { batchnorm }\n"),
}

KEPT = {
    "let": "let msra = 8\nfc 8 init=msra",
    "let called": "let leaky = 8\nfc 8 leaky(glorot)",
    "value of let": "let a = ReLU",
    "the canonical name is a let's": "let sgd = 1\ntrain optimizer=SGD",
    "block": "block shortcut(c) { fc c }\nshortcut ReLU",
    "block without parameters": "block route { bnn }\nroute; concat",
    "block with parameters by their side": "block res ReLU glorot=1 { fc 8 ReLU init=glorot }",
    "block of the canonical name": "block fc(c) { relu }\nDense 10",
    "parameter": "block res(ReLU, he=1) { fc 8 ReLU init=he }",
    "label": "fc 8 as bn\nadd bn; bn",
    "argument of a block": "block res(c) { fc c }\nres ReLU init=glorot",
    "argument of what is not known": "frob ReLU Adam init=he",
    "key": "frob ReLU=1; fc ReLU=1",
    "dataset": "data Adam else ReLU",
    "a word no argument has": "conv Adam nll; fc 8 Linear",
    "setting of that name": "train { Linear 8; bn }",
    "comparison": "fc activation < ReLU",
    "string": 'train { optimizer "Adam" }\nfc 8 "ReLU"',
    "branch of no merge": "branch { relu } { relu } Linear route=route",
    "in arithmetic": "fc (ReLU + he)",
    "ambiguous, but not an alias": "conv 8 3x3 zeros",
    "outside train": "optimizer Adam",
}


@pytest.mark.parametrize(("text", "canonical"), NAMES.values(), ids=NAMES)
def test_rewritten(text: str, canonical: str) -> None:
    assert formatted(text) == canonical


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_kept(text: str) -> None:
    assert formatted(text) == f"{text}\n"


# What these say beside the canonical name is written out; what cannot be written out keeps its name.
WRITTEN_OUT = {
    "Pooling": "pool 8 stride=1 ceil",
    "connected": "connected 8",
    "BatchNormalization": "batchnorm 8 epsilon=0.001 momentum=0.99",
    "LayerNormalization": "layernorm 8 epsilon=0.001",
    "GroupNormalization": "groupnorm 8 epsilon=0.001",
    "LRN": "lrn 8 alpha=1.0",
    "LSTM": "lstm 8 nolast",
    "GRU": "gru 8 nolast",
    "SimpleRNN": "rnn 8 last bias=one",
    "PReLU": "prelu 8 noshared",
    **dict.fromkeys(
        ("Dropout1d", "Dropout2d", "Dropout3d", "SpatialDropout1D", "SpatialDropout2D", "SpatialDropout3D"),
        "dropout 8 spatial",
    ),
    "AdamW": "adamw weight_decay=0.01",
    "RMSprop": "rmsprop lr=0.01 decay=0.99",
    "Adagrad": "adagrad lr=0.01",
    "Adadelta": "adadelta lr=1.0 rho=0.9",
    "OneCycleLR": "OneCycleLR",
    "EuclideanLoss": "EuclideanLoss",
    "MultiMarginLoss": "MultiMarginLoss",
}


@pytest.mark.parametrize(("alias", "cls"), aliases(LAYERS), ids=str)
def test_every_alias_of_a_layer(alias: str, cls: type[Definition]) -> None:
    assert formatted(f"{alias} 8") == f"{WRITTEN_OUT.get(alias) or f'{cls.canonical()} 8'}\n"


@pytest.mark.parametrize(("alias", "cls"), aliases(ACTIVATIONS, INITIALIZERS), ids=str)
def test_every_alias_in_an_argument(alias: str, cls: type[Definition]) -> None:
    key = "activation" if cls.canonical() in ACTIVATIONS else "init"
    more = ", noshared" if alias == "PReLU" else ""
    assert formatted(f"fc 8 {key}={alias}(1)") == f"fc 8 {key}={cls.canonical()}(1{more})\n"


@pytest.mark.parametrize(("alias", "cls"), aliases(OPTIMIZERS, SCHEDULES, LOSSES), ids=str)
def test_every_alias_in_the_recipe(alias: str, cls: type[Definition]) -> None:
    setting = next(family.word for family in (OPTIMIZERS, SCHEDULES, LOSSES) if alias in family)
    assert formatted(f"train {{ {setting} {alias} }}") == (
        f"train {{ {setting} {WRITTEN_OUT.get(alias) or cls.canonical()} }}\n"
    )


SPELLED = """input 1x28x28
let he_ = 8; let Adam=3
Conv2d he_ 3x3 ReLU init=kaiming;MaxPool2d 2 as bn_;bn
InnerProduct (he_*2) leaky(slope=.2) bias_init=gaussian(1E-2)
Dropout .5; linear 10 Softmax
init glorot(magnitude=2.24) bias=zeros
data mnist { shuffle buffer=500 ; normalize mean=.5 std=5E-1 }
train { optimizer AdamW lr=4E-3; loss SoftmaxWithLoss; schedule one_cycle
batch 64; epochs Adam }
"""


WIRED = """input 1x12x12
let width=8 ; let act=ReLU
block res(c,s = 1) { # two convolutions
  residual{ Conv2d c 3x3 stride=s pad=same nobias;bn ;ReLU
    Conv2d c 3x3 pad=same nobias; bn }{ Conv2d c 1x1 stride=s nobias ; bn }
  ReLU }
Conv2d width 3x3 pad=same as c2
repeat 2{res width}
Eltwise c2; res (width*2) s=2 as deep
branch{Conv2d 8 1x1 act}{MaxPool2d 3x3 stride=1 pad=1
  Conv2d 8 1x1}concatenate as mixed
Linear 10 Softmax
assert params<100k
data digits
"""


@pytest.mark.parametrize("text", [SPELLED, WIRED], ids=["names", "wiring"])
def test_the_network_stays_the_same(text: str) -> None:
    result = formatted(text)
    assert result != text
    assert ns.parse(result) == ns.parse(text)


def test_only_names_of_the_spec_are_left() -> None:
    result = formatted(SPELLED)
    words = set(re.findall(r"\w+", result))
    assert not words & {"Conv2d", "ReLU", "kaiming", "bn", "InnerProduct", "leaky", "glorot", "AdamW", "one_cycle"}
    assert {"Adam", "he_", "bn_"} <= words


@pytest.mark.parametrize("case", read_cases(), ids=lambda case: case.id)
def test_specs_that_are_wrong_stay_as_wrong(case: Case) -> None:
    text = case.text
    try:
        parse(Source("t.net", text))
    except SpecError:
        return

    def codes(text: str) -> list[str]:
        try:
            ns.parse(text).graph()
        except SpecError as error:
            return sorted(d.code for d in error.diagnostics)
        return []

    assert codes(formatted(text)) == codes(text)


@pytest.mark.parametrize(("said", "loses"), [("command", "b\n"), ("comment", "a  # y\n"), ("}", "a }\n")])
def test_a_mistake_of_the_formatter_is_noticed(monkeypatch: pytest.MonkeyPatch, said: str, loses: str) -> None:
    monkeypatch.setattr(formatting, "format_file", lambda file: loses)
    with pytest.raises(NetspecError, match="mistake in netspec") as caught:
        format_source(Source("t.net", "a # x"))
    assert said in str(caught.value)


def test_the_example_of_the_page() -> None:
    page = (ROOT / "docs" / "formatting.md").read_text(encoding="utf-8")
    before, after = re.findall(r"```\n# (?:before|after)\n(.*?)```", page, re.DOTALL)
    assert formatted(before) == after


def test_specs_shown_elsewhere_have_the_canonical_form() -> None:
    for page in ("README.md", "docs/language.md"):
        text = (ROOT / page).read_text(encoding="utf-8")
        for spec in re.findall(r"```\n(# [^\n]*\ninput.*?)```", text, re.DOTALL):
            assert formatted(spec) == spec, page


def test_a_resolved_text_with_names_in_blocks_can_be_formatted() -> None:
    net = ns.parse("input 8\nblock b { fc 8 as x; relu }\nb; b\nadd input\nfc 3 softmax")
    text = formatted(resolved_text(net))
    assert 'as "b_2/x"' in text
    assert ns.parse(text) == net


@pytest.mark.parametrize("label", ['"b/c"', '"as"', '"two words"', '"слой"', '"x # y; z"', '""'])
def test_a_label_that_needs_its_quotes_keeps_them(label: str) -> None:
    # Right or wrong as a label: formatting changes nothing about it.
    assert formatted(f"fc 3 as {label}\n") == f"fc 3 as {label}\n"
    assert formatted('fc 3 as "plain"\n') == "fc 3 as plain\n"


def test_a_node_that_is_called_as_is_resolved_in_quotes() -> None:
    net = ns.parse('input 4\nfc 4 as "as"; relu; add "as"')
    assert ns.parse(resolved_text(net)) == net
