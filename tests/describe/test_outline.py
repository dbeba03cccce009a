"""Rows of a network: what they say of the wiring, and how blocks become one row."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

import netspec
from netspec.describe.outline import Row, outline

SPEC = """
input 1x16x16
block inner(c) { residual { conv c 3x3 pad=same }; relu }
block outer(c) { conv c 1x1; inner c as deep; residual { inner c } }
conv 8 3x3 pad=same as stem
outer 8
from stem
conv 8 1x1
concat outer_end stem
globalpool
fc 10
"""


def rows(depth: int | None = None) -> tuple[Row, ...]:
    network = netspec.parse(SPEC.replace("outer 8", "outer 8 as outer_end"))
    return outline(network, network.graph(), depth)


def texts(found: Sequence[Row]) -> dict[str, str]:
    return {row.name: row.text() for row in found}


def test_what_is_read_is_said_where_it_is_not_the_row_above() -> None:
    said = texts(rows())
    assert said["stem"] == "conv 8 3 pad=same"
    assert said["conv_1"] == "conv 8 1 ← stem"
    assert said["concat_1"] == "concat outer_end/add_1 stem"
    assert said["outer_end/deep/add_1"] == "add input"
    assert said["outer_end/add_1"] == "add deep/relu_1"


def test_the_second_value_is_named_by_its_key() -> None:
    net = netspec.parse("input 4x5\nlstm 4 as a\nrelu\nattention 2 memory=a as b\nfrom a\nattention 2 memory=b\nfc 2")
    said = texts(outline(net, net.graph()))
    assert said["b"] == "attention 2 memory=a"
    assert said["attention_1"] == "attention 2 ← a, b"
    assert "attention 2 memory=a" in str(net)
    assert [c.text for c in net.graph().costs(net)][2] == "attention 2 memory=a"


@pytest.mark.parametrize(
    ("depth", "names"),
    [
        (0, ["stem", "outer_end", "conv_1", "concat_1", "globalpool_1", "fc_1"]),
        (1, ["stem", "outer_end/conv_1", "outer_end/deep", "outer_end/inner_1", "outer_end/add_1", "conv_1"]),
    ],
)
def test_blocks_become_one_row(depth: int, names: list[str]) -> None:
    whole, found = rows(), rows(depth)
    assert [row.name for row in found][: len(names)] == names
    for key in ("parameters", "flops", "bytes", "layers"):
        assert sum(getattr(row, key) for row in found) == sum(getattr(row, key) for row in whole)
    block = next(row for row in found if row.block)
    last = [row for row in whole if row.name.startswith(f"{block.name}/")][-1]
    assert (block.layer, block.shape) == (f"{block.layers} layers", last.shape)


def test_the_wiring_of_blocks() -> None:
    assert texts(rows(0))["concat_1"] == "concat outer_end stem"
    assert texts(rows(1))["outer_end/add_1"] == "add deep"
    assert texts(rows(0))["outer_end"] == "8 layers"


def test_a_depth_beyond_all_blocks_changes_nothing() -> None:
    assert rows(9) == rows()
