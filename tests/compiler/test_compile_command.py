"""`compile { }` in the language: what it says, wherever a setting can be said, and what is said of its mistakes."""

from __future__ import annotations

import pytest

import netspec as ns
from netspec.describe.diff import compare
from netspec.describe.format import format_source
from netspec.describe.reference import page_of
from netspec.diagnostics.diagnostic import NetspecError, Source
from netspec.ir.network import Network
from netspec.ir.recipe import Compile
from netspec.ir.text import resolved_text

NET = "input 1x8x8\nconv 4 3x3\npool 2\nfc 3 softmax\n"
FULL = "compile { conv im2col; deconv columns; pool slices; layout batch_last; autotune on }\n"


def test_each_setting_is_taken() -> None:
    assert ns.parse(NET).compile == Compile()
    found = ns.parse(NET + FULL).compile
    assert found == Compile(conv="im2col", deconv="columns", pool="slices", layout="batch_last", autotune="on")
    assert ns.parse(NET + "compile layout=batch_last { conv direct }").compile == Compile(
        conv="direct", layout="batch_last"
    )


@pytest.mark.parametrize("text", [NET, NET + FULL, NET + "compile { conv direct }"])
def test_the_resolved_text_and_json_say_it(text: str) -> None:
    network = ns.parse(text)
    assert ns.parse(resolved_text(network)) == network
    assert Network.model_validate_json(network.model_dump_json()) == network
    for name in Compile.model_fields:
        assert name == "kind" or f"  {name} {getattr(network.compile, name)}\n" in resolved_text(network)


def test_a_network_without_it_is_read_from_json_of_before() -> None:
    network = ns.parse(NET)
    assert Network.model_validate_json(network.model_dump_json(exclude={"compile"})) == network


def test_overrides_replace_one_setting_and_keep_the_others() -> None:
    found = ns.parse(NET + FULL, set={"compile.conv": "direct", "compile.autotune": "off"}).compile
    assert found == Compile(conv="direct", deconv="columns", pool="slices", layout="batch_last")
    for path, text, said in (
        ("compile.conv", "driect", "did you mean `direct`?"),
        ("compile.cnov", "direct", "did you mean `conv`?"),
        ("compile.layout", "nhwc", "layout must be one of auto, channels_last, channels_first, batch_last"),
        ("complie.conv", "direct", "did you mean compile"),
    ):
        with pytest.raises(NetspecError) as caught:
            ns.parse(NET, set={path: text})
        assert said in str(caught.value)


def test_the_formatter_leaves_its_words_alone() -> None:
    # `conv` and `pool` are layers, and `Conv2d` another spelling of one; here they are settings.
    text = "input 1x8x8\nConv2d 4 3x3\nfc 3 softmax\ncompile { conv   direct ; pool slices }\n"
    formatted = format_source(Source("x.net", text))
    assert ns.parse(formatted, name="x") == ns.parse(text, name="x")
    assert "conv 4 3x3" in formatted
    assert "conv direct" in formatted
    assert format_source(Source("x.net", formatted)) == formatted


def test_a_difference_is_named() -> None:
    one, other = ns.parse(NET), ns.parse(NET, set={"compile.conv": "direct"})
    found = compare((one, one.graph()), (other, other.graph()))
    assert [(s.path, s.before, s.after) for s in found.settings] == [("compile.conv", "auto", "direct")]
    assert found.weights.parameters == found.weights.total


def test_it_has_a_page_and_its_settings_too() -> None:
    page = page_of("compile") or ""
    for words in ("compile { settings }", "autotune (default off)", "batch_last", "im2col"):
        assert words in page
    assert "compile { }" in (page_of("layout") or "")
    assert (page_of("conv") or "").startswith("conv FILTERS")


def test_its_name_is_free_for_values_and_its_words_are_values() -> None:
    assert ns.parse(f"let compile = direct\n{NET}compile {{ conv compile }}").compile.conv == "direct"
    assert ns.parse(f"let way = direct\n{NET}compile {{ conv way }}").compile.conv == "direct"
