"""Well-known networks, written as specs, have as many parameters as published, and as many multiply-adds.

Those of `specs/models` are in test_models.py. Here nothing is trained: the files of `published/` say only what a
network is. Where a network has sizes, the others are its `let`s.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import netspec as ns
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import Source
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.ir.text import resolved_text
from netspec.ops import Attention, Conv, MatMul

FOLDER = Path(__file__).parent / "published"


@dataclass(frozen=True)
class Published:
    """What is said of a network.

    Attributes:
        parameters: how many; without running averages.
        billions: of multiply-adds, to three decimals, as torchvision gives them.
        let: the sizes that make it another network of its family.
        file: where it is not the name of the network.
    """

    parameters: int
    billions: float | None = None
    file: str = ""
    let: dict[str, Any] = field(default_factory=dict)


def resnet(parameters: int, billions: float, **let: int) -> Published:
    return Published(parameters, billions, "resnet_bottleneck", let)


NETWORKS = {
    # torchvision 0.28, the parameters of its models and the `_ops` of its weights. Of GoogLeNet and Inception v3
    # without the auxiliary classifiers, of DeepLabV3 without the auxiliary head.
    "alexnet": Published(61_100_840, 0.714),
    "vgg16": Published(138_357_544, 15.470, "vgg"),
    "vgg19": Published(143_667_240, 19.632, "vgg", {"deep": 4}),
    "resnet34": Published(21_797_672, 3.664),
    "resnet50": resnet(25_557_032, 4.089),
    "resnet101": resnet(44_549_160, 7.801, third=23),
    "resnet152": resnet(60_192_808, 11.514, second=8, third=36),
    "resnext50_32x4d": resnet(25_028_904, 4.230, width=128, groups=32),
    "resnext101_32x8d": resnet(88_791_336, 16.414, width=256, groups=32, third=23),
    "wide_resnet50_2": resnet(68_883_240, 11.398, width=128),
    "squeezenet1_0": Published(1_248_424, 0.819),
    "densenet121": Published(7_978_856, 2.834),
    "googlenet": Published(6_624_904, 1.498),
    "inception_v3": Published(23_834_568, 5.713),
    "mnasnet1_0": Published(4_383_312, 0.314),
    "mobilenet_v3_small": Published(2_542_856, 0.057),
    "shufflenet_v2": Published(2_278_604, 0.145),
    "efficientnet_b0": Published(5_288_548, 0.386),
    "efficientnet_v2_s": Published(21_458_488, 8.366),
    "regnet_y_400mf": Published(4_344_144, 0.402),
    "convnext_tiny": Published(28_589_128, 4.456),
    "vit_b_16": Published(86_567_656, 17.564, "vit_b"),
    "vit_b_32": Published(88_224_232, 4.409, "vit_b", {"patch": 32}),
    "deeplabv3_resnet50": Published(39_638_869),
    "mixer_b_16": Published(59_880_472),  # timm, mixer_b16_224
    "xception": Published(22_855_952),  # Keras: 22,910,480 with the 54,528 running averages
    # Hugging Face, the models of these names: BERT and ALBERT with the layer that reads the first word.
    "gpt2": Published(124_439_808),
    "gpt2-medium": Published(354_823_168, file="gpt2", let={"width": 1024, "heads": 16, "layers": 24}),
    "gpt2-xl": Published(1_557_611_200, file="gpt2", let={"width": 1600, "heads": 25, "layers": 48}),
    "bert-base-uncased": Published(109_482_240, file="bert"),
    "bert-large-uncased": Published(335_141_888, file="bert", let={"width": 1024, "heads": 16, "layers": 24}),
    "albert_base": Published(11_683_584),
    "distilbert": Published(66_362_880),
    # PyTorch's tutorials.
    "dcgan_generator": Published(3_576_704),
    "dcgan_discriminator": Published(2_765_568),
    # Their authors, or what is made of their papers everywhere.
    "lenet_caffe": Published(431_080),
    "lenet5": Published(61_706),
    "nin": Published(966_986),  # the paper: 0.97 million
    "densenet_bc_100": Published(769_162),  # 0.8 million
    "wrn_28_10": Published(36_479_194),  # 36.5 million
    "unet": Published(31_030_658),
    "srcnn_9_5_5": Published(57_184, file="srcnn"),
    "srcnn_9_1_5": Published(8_032, file="srcnn", let={"k": 1}),
}

SHAPES = {"unet": (2, 388, 388), "deeplabv3_resnet50": (21, 224, 224), "dcgan_generator": (3, 64, 64)}
"""What is given, where that is an image."""

networks = pytest.mark.parametrize("name", NETWORKS)


@cache
def network_of(name: str) -> Network:
    return ns.load(path_of(name), let=NETWORKS[name].let)


@cache
def graph_of(name: str) -> Graph:
    return network_of(name).graph()


def path_of(name: str) -> Path:
    return FOLDER / f"{NETWORKS[name].file or name}.net"


def test_the_table_is_complete() -> None:
    assert {path_of(name) for name in NETWORKS} == set(FOLDER.glob("*.net"))


@networks
def test_parameters(name: str) -> None:
    assert graph_of(name).parameter_count == NETWORKS[name].parameters


@pytest.mark.parametrize("name", [name for name, said in NETWORKS.items() if said.billions])
def test_multiply_adds(name: str) -> None:
    """They follow from each image's size too, which strides and paddings make."""
    products = sum(o.flops for o in graph_of(name).operations if isinstance(o.op, Conv | MatMul | Attention))
    # The softmax of attention is no product: a thousandth.
    assert products / 2e9 == pytest.approx(NETWORKS[name].billions, abs=6e-4, rel=1e-3)


@pytest.mark.parametrize(("name", "shape"), SHAPES.items())
def test_the_image_that_is_given(name: str, shape: tuple[int, ...]) -> None:
    assert graph_of(name).shape(graph_of(name).output) == shape


@networks
def test_other_texts_say_the_same(name: str) -> None:
    network, text = network_of(name), path_of(name).read_text(encoding="utf-8")
    assert format_source(Source(name, text)) == text
    assert ns.parse(resolved_text(network), name=network.name) == network
    assert Network.model_validate_json(network.model_dump_json()) == network
