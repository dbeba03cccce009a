"""What each pass does to a graph, and what it leaves alone."""

from __future__ import annotations

import pytest
from running import compare, exactly, nearly, optimized

import netspec as ns
from netspec.graph.graph import Graph
from netspec.ops import Conv
from netspec.passes import PASSES, Mode, optimize


def kinds(graph: Graph) -> str:
    return " ".join(type(o.op).__name__ for o in graph.operations)


@pytest.mark.parametrize(
    ("layers", "training", "inference"),
    [
        # Dropout, noise and what does nothing.
        ("dropout 0.5; noise 0.1; fc 3", "Dropout Noise Reshape MatMul Bias", "Reshape MatMul Bias"),
        ("dropout 0; noise 0; pad 0; upsample 1; pool 1; crop 8x8; permute 0x1x2; relu", *["Activation"] * 2),
        ("pool 1 stride=2; pad 0 channels=1; upsample 2; permute 0x2x1", *["MaxPool Pad Upsample Permute"] * 2),
        # Reshapes.
        ("reshape 64x4; reshape 4x64; fc 3", *["Reshape MatMul Bias"] * 2),
        ("reshape 64x4; reshape 4x8x8; relu", *["Activation"] * 2),
        ("reshape 64x4; relu; fc 3", *["Reshape Activation Reshape MatMul Bias"] * 2),
        # Padding.
        ("pad 1; conv 2 3", *["Conv Bias"] * 2),
        ("pad 1; pad 2; conv 2 3 pad=1", *["Conv Bias"] * 2),
        ("pad 1 mode=edge; conv 2 3", *["Pad Conv Bias"] * 2),
        ("pad 0 channels=2; conv 2 3", *["Pad Conv Bias"] * 2),
        ("pad 1; pool 2", *["Pad MaxPool"] * 2),
        # Pooling first.
        ("conv 2 3 relu; pool 2", *["Conv MaxPool Bias Activation"] * 2),
        ("relu; globalpool max", *["GlobalPool Activation"] * 2),
        ("relu; globalpool", *["Activation GlobalPool"] * 2),
        ("relu; pool 3 stride=1 pad=same", *["Activation MaxPool"] * 2),
        ("threshold 0.5; pool 2", *["MaxPool Activation"] * 2),
        ("threshold 0.5 value=1; pool 2", *["Activation MaxPool"] * 2),
        ("gelu; pool 2", *["Activation MaxPool"] * 2),
        ("prelu; pool 2", *["PRelu MaxPool"] * 2),
        ("relu as a; pool 2; upsample 2; add a", *["Activation MaxPool Upsample Add"] * 2),
        # Batch normalization and other scales and biases, behind and before what is linear.
        ("conv 4 3 nobias; batchnorm relu", "Conv BatchNorm Activation", "Conv Bias Activation"),
        ("conv 4 3; batchnorm", "Conv Bias BatchNorm", "Conv Bias"),
        ("deconv 4 3; batchnorm", "ConvTranspose Bias BatchNorm", "ConvTranspose Bias"),
        ("fc 4; batchnorm; fc 3", "Reshape MatMul Bias BatchNorm MatMul Bias", "Reshape MatMul MatMul Bias"),
        ("batchnorm; conv 4 3", "BatchNorm Conv Bias", "Conv Bias"),
        ("batchnorm; conv 4 3 pad=1", "BatchNorm Conv Bias", "Scale Bias Conv Bias"),
        ("batchnorm; deconv 4 3", "BatchNorm ConvTranspose Bias", "Scale Bias ConvTranspose Bias"),
        ("scale; conv 4 3 pad=1", "Scale Conv Bias", "Conv Bias"),
        ("scale; deconv 4 3", "Scale ConvTranspose Bias", "ConvTranspose Bias"),
        ("scale bias; scale bias; relu", "Scale Bias Scale Bias Activation", "Scale Bias Activation"),
        ("batchnorm; fc 3", "BatchNorm Reshape MatMul Bias", "Reshape MatMul Bias"),
        ("batchnorm; globalpool; relu", "BatchNorm GlobalPool Activation", "GlobalPool Scale Bias Activation"),
        ("scale; avgpool 2; relu", "Scale AvgPool Activation", "AvgPool Scale Activation"),
        ("batchnorm; flatten; relu", "BatchNorm Reshape Activation", "Scale Bias Reshape Activation"),
        ("batchnorm; pool 2; relu", "BatchNorm MaxPool Activation", "Scale MaxPool Bias Activation"),
        ("conv 4 1 nobias; batchnorm; conv 9 1 nobias", "Conv BatchNorm Conv", "Conv Bias Conv"),
        ("conv 4 3 as a; batchnorm; add a", "Conv Bias BatchNorm Add", "Conv Bias Scale Bias Add"),
        (
            "conv 4 3 relu; batchnorm relu",
            "Conv Bias Activation BatchNorm Activation",
            "Conv Bias Activation Scale Bias Activation",
        ),
        ("layernorm all; fc 3", "GroupNorm Scale Bias Reshape MatMul Bias", "GroupNorm Reshape MatMul Bias"),
    ],
)
def test_what_becomes_of(layers: str, training: str, inference: str) -> None:
    network = ns.parse(f"input 4x8x8\n{layers}\ntrain {{ loss mse }}")
    for mode, expected in ((Mode.TRAINING, training), (Mode.INFERENCE, inference)):
        after = optimize(network.graph(), mode)
        assert kinds(after) == expected
        if after != network.graph():
            compare(network, mode, nearly)


def test_padding_is_added_up() -> None:
    (conv,) = (o.op for o in optimized("input 1x5x9\npad 1x2; conv 2 3 pad=1", Mode.TRAINING).operations[:1])
    assert isinstance(conv, Conv)
    assert conv.padding == ((2, 2), (3, 3))


EXACT = ["relu", "relu6", "hard_tanh", "hardshrink", "hardshrink 2", "threshold 0.5", "threshold -1 value=-2"]


@pytest.mark.parametrize("pool", ["pool 2", "pool 3 stride=2", "pool 3 stride=2 pad=1", "globalpool max"])
@pytest.mark.parametrize("function", EXACT)
def test_pooling_first_is_exact_for_functions_that_choose(function: str, pool: str) -> None:
    network = ns.parse(f"input 2x9x9\n{function}; {pool}\ntrain {{ loss mse }}")
    assert kinds(compare(network, Mode.TRAINING, exactly)).endswith("Pool Activation")


def test_what_the_nodes_hand_on_is_never_renamed() -> None:
    g = optimized("input 1x8x8\nconv 4 3 relu; pool 2; batchnorm; fc 3", Mode.INFERENCE)
    # conv_1 with its relu and batchnorm_1 are not made any more.
    assert set(g.nodes) == {"input", "pool_1", "fc_1"}
    assert [o.node for o in g.operations] == ["conv_1", "pool_1", "conv_1", "conv_1", *["fc_1"] * 3]


def test_each_pass_is_documented_in_its_own_file() -> None:
    assert len({p.rewrite.__module__ for p in PASSES}) == len(PASSES)
    for each in PASSES:
        assert each.rewrite.__module__.endswith(f".{each.name}")
        assert each.summary.endswith((".", ":"))
