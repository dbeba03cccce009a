"""How `netspec show` looks on a terminal of 80 columns, its rows for programs, and its drawing."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from command_line import cli

import netspec
from netspec.graph.memory import inference_bytes, training_bytes
from netspec.system.resources import specs_folder

BLOCKS = """\
input 3x16x16
block res(c, s=1) {
  residual { conv c 3x3 stride=s pad=same nobias; batchnorm } { conv c 1x1 stride=s nobias }
  relu
}
conv 16 3x3 pad=same nobias as stem
res 16 as narrow
res 32 s=2
branch { conv 4 1x1 } { pool 3 stride=1 pad=same; conv 4 1x1 } concat
globalpool; fc 10 softmax
train { batch 128 }
"""

LENET = """\
lenet: input 1x28x28, loss cross_entropy

name         layer           output    parameters   FLOPs   memory
──────────────────────────────────────────────────────────────────
conv_1       conv 20 5 relu  20x24x24         520   599 k   138 kB
pool_1       pool 2          20x12x12           0  11.5 k  11.5 kB
batchnorm_1  batchnorm       20x12x12          40  11.5 k  11.5 kB
conv_2       conv 50 5 relu  50x8x8        25,050  3.21 M  38.4 kB
pool_2       pool 2          50x4x4             0   3.2 k   3.2 kB
batchnorm_2  batchnorm       50x4x4           100   3.2 k   3.2 kB
fc_1         fc 10 softmax   10             8,010    16 k  3.32 kB

             total                         33,720  3.85 M   213 kB

FLOPs and memory (activations, float32) are those of one example, forward.
training memory     16.3 MB  a step, batch 64
inference memory    6.03 MB  batch 64
"""

ALL = """\
blocks: input 3x16x16, loss cross_entropy

name           layer                       output    parameters   FLOPs   memory
────────────────────────────────────────────────────────────────────────────────
stem           conv 16 3 pad=same nobias   16x16x16         432   221 k  16.4 kB
narrow
  conv_1       conv 16 3 pad=same nobias   16x16x16       2,304  1.18 M  16.4 kB
  batchnorm_1  batchnorm                   16x16x16          32  16.4 k  16.4 kB
  conv_2       conv 16 1 nobias ← input    16x16x16         256   131 k  16.4 kB
  add_1        add ← batchnorm_1, conv_2   16x16x16           0   4.1 k  16.4 kB
  relu_1       relu                        16x16x16           0   4.1 k  16.4 kB
res_1
  conv_1       conv 32 3 stride=2          32x8x8         4,608   590 k  8.19 kB
               pad=same nobias
  batchnorm_1  batchnorm                   32x8x8            64  8.19 k  8.19 kB
  conv_2       conv 32 1 stride=2 nobias   32x8x8           512  65.5 k  8.19 kB
               ← input
  add_1        add ← batchnorm_1, conv_2   32x8x8             0  2.05 k  8.19 kB
  relu_1       relu                        32x8x8             0  2.05 k  8.19 kB
conv_1         conv 4 1                    4x8x8            132  16.6 k  2.05 kB
pool_1         pool 3 stride=1 pad=same ←  32x8x8             0  18.4 k  8.19 kB
               res_1/relu_1
conv_2         conv 4 1                    4x8x8            132  16.6 k  2.05 kB
concat_1       concat ← conv_1, conv_2     8x8x8              0       0  2.05 kB
globalpool_1   globalpool                  8                  0     512     32 B
fc_1           fc 10 softmax               10                90     180    120 B

               total                                      8,562  2.28 M   157 kB

FLOPs and memory (activations, float32) are those of one example, forward.
training memory     24.1 MB  a step, batch 128
inference memory    6.33 MB  batch 128
"""

ONE_ROW_A_BLOCK = """\
blocks: input 3x16x16, loss cross_entropy

name          layer                        output    parameters   FLOPs   memory
────────────────────────────────────────────────────────────────────────────────
stem          conv 16 3 pad=same nobias    16x16x16         432   221 k  16.4 kB
narrow        5 layers                     16x16x16       2,592  1.34 M  81.9 kB
res_1         5 layers                     32x8x8         5,184   668 k    41 kB
conv_1        conv 4 1                     4x8x8            132  16.6 k  2.05 kB
pool_1        pool 3 stride=1 pad=same ←   32x8x8             0  18.4 k  8.19 kB
              res_1
conv_2        conv 4 1                     4x8x8            132  16.6 k  2.05 kB
concat_1      concat ← conv_1, conv_2      8x8x8              0       0  2.05 kB
globalpool_1  globalpool                   8                  0     512     32 B
fc_1          fc 10 softmax                10                90     180    120 B

              total                                       8,562  2.28 M   157 kB

FLOPs and memory (activations, float32) are those of one example, forward.
training memory     24.1 MB  a step, batch 128
inference memory    6.33 MB  batch 128
"""


def show(folder: Path, *words: str | Path) -> str:
    (folder / "blocks.net").write_text(BLOCKS)
    done = cli(folder, "show", *words, COLUMNS="80")
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def stripped(text: str) -> list[str]:
    return [line.rstrip() for line in text.splitlines()]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ([specs_folder() / "lenet.net"], LENET),
        (["blocks.net"], ALL),
        (["blocks.net", "--depth", "0"], ONE_ROW_A_BLOCK),
    ],
    ids=["lenet", "blocks", "depth 0"],
)
def test_the_look_of_it(tmp_path: Path, words: list[str | Path], expected: str) -> None:
    said = show(tmp_path, *words)
    assert stripped(said) == stripped(expected)
    assert max(map(len, said.splitlines())) <= 80


def test_numbers_stay_whole_on_a_narrow_terminal(tmp_path: Path) -> None:
    (tmp_path / "blocks.net").write_text(BLOCKS)
    said = cli(tmp_path, "show", "blocks.net", COLUMNS="60").stdout
    for number in ("432", "4,608", "65.5 k", "16.4 kB"):
        assert f" {number}" in said


def test_rows_for_programs(tmp_path: Path) -> None:
    found = json.loads(show(tmp_path, "blocks.net", "--as", "json"))
    network = netspec.load(tmp_path / "blocks.net")
    graph = network.graph()
    assert (found["name"], found["input"], found["batch"]) == ("blocks", [3, 16, 16], 128)
    assert [row["name"] for row in found["rows"]] == [node.name for node in network.nodes]
    assert [row["inputs"] for row in found["rows"]] == [list(node.inputs) for node in network.nodes]
    assert found["rows"][0] == {
        "name": "stem",
        "layer": "conv 16 3 pad=same nobias",
        "inputs": ["input"],
        "shape": [16, 16, 16],
        "parameters": 432,
        "flops": 2 * 432 * 256,
        "bytes": 4 * 16 * 16 * 16,
    }
    totals = found["totals"]
    assert totals["parameters"] == graph.parameter_count == sum(row["parameters"] for row in found["rows"])
    assert totals["flops"] == graph.flops == sum(row["flops"] for row in found["rows"])
    assert totals["bytes"] == graph.activation_bytes
    assert totals["layers"] == len(network.nodes)
    assert totals["training_bytes"] == training_bytes(network, graph)
    assert totals["inference_bytes"] == inference_bytes(network, graph)
    few = json.loads(show(tmp_path, "blocks.net", "--as", "json", "--depth", "0"))
    assert few["totals"] == totals
    assert [row["name"] for row in few["rows"]][:3] == ["stem", "narrow", "res_1"]


def test_the_drawing_has_an_edge_for_each_input_and_a_cluster_for_each_block(tmp_path: Path) -> None:
    said = show(tmp_path, "blocks.net", "--as", "dot")
    nodes = netspec.load(tmp_path / "blocks.net").nodes
    edges = re.findall(r'^  "(.*)" -> "(.*)";$', said, re.MULTILINE)
    assert edges == [(source, node.name) for node in nodes for source in node.inputs]
    assert re.findall(r'^ *"(.*)" \[label', said, re.MULTILINE) == ["input", *(node.name for node in nodes)]
    assert re.findall(r'subgraph "(.*)"', said) == ["cluster_narrow", "cluster_res_1"]
    assert said.count("{") == said.count("}")
    assert "subgraph" not in show(tmp_path, "blocks.net", "--as", "dot", "--depth", "0")


def test_the_network_is_drawn_as_svg(tmp_path: Path) -> None:
    said = show(tmp_path, "blocks.net", "--as", "svg")
    assert said.startswith("<svg ")
    assert said.endswith("</svg>\n")
    assert 'class="frame"' in said
    assert 'class="frame"' not in show(tmp_path, "blocks.net", "--as", "svg", "--depth", "0")


def test_a_negative_depth_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "blocks.net").write_text(BLOCKS)
    assert cli(tmp_path, "show", "blocks.net", "--depth", "-1").returncode == 2


SMALL = "input 1x8x8\nconv 2 3 relu; pool 2; dropout 0.5; batchnorm; fc 3 softmax\n"


def ops(folder: Path, text: str, *words: str) -> list[str]:
    """Return the lines of the operations, without the table of how they are computed."""
    (folder / "small.net").write_text(text)
    done = cli(folder, "show", "small.net", "--as", "ops", *words)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    return lines if words else lines[: lines.index("")]


def test_the_operations_are_those_declared(tmp_path: Path) -> None:
    graph = netspec.parse(SMALL).graph()
    lines = ops(tmp_path, SMALL)
    assert [line.split(" = ")[0] for line in lines[:-1]] == [f"%{i}" for i in range(len(graph.operations) + 1)]
    assert lines[-1] == f"return %{graph.output}; cross_entropy reads %{graph.output}"


def test_before_and_after_the_passes(tmp_path: Path) -> None:
    training, inference = "\n".join(ops(tmp_path, SMALL, "--passes")).split("\n\ninference: ")
    declared = ops(tmp_path, SMALL)
    for said in (training, inference):
        before = [re.sub(r"    \(\w+\)$", "", line[2:]) for line in said.splitlines() if line[:2] in {"  ", "- "}]
        assert [line for line in before if line in declared] == declared
    assert training.startswith("training: 10 operations and ")
    assert re.findall(r"^- %(\d+) = (\w+).*\((\w+)\)$", inference, re.MULTILINE) == [
        ("2", "Bias", "pool_first"),
        ("3", "Activation", "pool_first"),
        ("4", "MaxPool", "pool_first"),
        ("5", "Dropout", "remove_noise"),
        ("6", "BatchNorm", "remove_noise"),
        ("7", "Reshape", "sink_affine"),
        ("8", "MatMul", "fold_affine"),
        ("9", "Bias", "fold_affine"),
    ]
    assert "Dropout" in training
    assert "remove_noise" not in training
    for name in ("fuse_loss", "pool_first"):
        assert re.search(rf"^  {name} +\S", training, re.MULTILINE)


def test_passes_that_change_nothing_are_not_named(tmp_path: Path) -> None:
    lines = ops(tmp_path, "input 4\nfc 3\ntrain { loss mse }\n", "--passes")
    assert lines[0] == "training: 2 operations and 27 FLOPs as declared, 2 operations and 27 FLOPs after the passes"
    assert lines[1] == ""
    assert not [line for line in lines if line[:1] in {"-", "+"}]


@pytest.mark.parametrize(
    "words", [["--passes"], ["--passes", "--as", "dot"], ["--passes", "--resolved", "--as", "ops"]]
)
def test_passes_go_with_operations(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "small.net").write_text(SMALL)
    done = cli(tmp_path, "show", "small.net", *words)
    assert done.returncode == 2
    assert "--as ops" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["--batch", "4"],
        ["--batch", "4", "--as", "json"],
        ["--device", "gpu"],
        ["--device", "banana", "--as", "ops"],
        ["--depth", "0", "--as", "ir"],
        ["--resolved", "--as", "dot"],
        ["--resolved", "--depth", "1"],
    ],
)
def test_an_option_without_use_is_refused(tmp_path: Path, words: list[str]) -> None:
    (tmp_path / "small.net").write_text(SMALL)
    done = cli(tmp_path, "show", "small.net", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Invalid value for" in done.stderr
