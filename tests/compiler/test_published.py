"""Well-known networks, written as specs, have as many parameters as published, and as many multiply-adds.

They are read from `specs/models`, and where they are no ready-made specs from `published/`: those say only what a
network is. Where a network has sizes, the others are its `let`s. Models that nobody has published are counted by hand.
"""

from __future__ import annotations

import re
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
from netspec.system.resources import specs_folder

MODELS = specs_folder() / "models"
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
    return Published(parameters, billions, "resnet50", let)


def _encoder(width: int, hidden: int) -> int:
    return 4 * (width + 1) * width + (width + 1) * hidden + (hidden + 1) * width + 4 * width


def _inception(before: int, a: int, b: int, c: int, d: int) -> int:
    ones = (before + 1) * (a + b // 2 + c // 2 + d)
    return ones + (9 * (b // 2) + 1) * b + (25 * (c // 2) + 1) * c + 2 * (a + b + c + d)


def _residual_pair(before: int, c: int) -> int:
    """Return the parameters of `residual_down c; residual_block c`."""
    return before * c + 9 * before * c + 3 * 9 * c * c + 5 * 2 * c


NETWORKS = {
    # torchvision 0.28, the parameters of its models and the `_ops` of its weights. Of GoogLeNet and Inception v3
    # without the auxiliary classifiers, of DeepLabV3 without the auxiliary head.
    "alexnet": Published(61_100_840, 0.714),
    "vgg11_bn": Published(132_868_840),
    "vgg16": Published(138_357_544, 15.470),
    "vgg19": Published(143_667_240, 19.632, "vgg16", {"deep": 4}),
    "resnet18": Published(11_689_512),
    "resnet34": Published(21_797_672, 3.664),
    "resnet50": resnet(25_557_032, 4.089),
    "resnet101": resnet(44_549_160, 7.801, third=23),
    "resnet152": resnet(60_192_808, 11.514, second=8, third=36),
    "resnext50_32x4d": resnet(25_028_904, 4.230, width=128, groups=32),
    "resnext101_32x8d": resnet(88_791_336, 16.414, width=256, groups=32, third=23),
    "wide_resnet50_2": resnet(68_883_240, 11.398, width=128),
    "r3d_18": Published(33_371_472, 40.697),
    "squeezenet": Published(1_235_496),  # 1.1
    "squeezenet1_0": Published(1_248_424, 0.819),
    "densenet121": Published(7_978_856, 2.834),
    "googlenet": Published(6_624_904, 1.498),
    "inception_v3": Published(23_834_568, 5.713),
    "mnasnet1_0": Published(4_383_312, 0.314),
    "mobilenet_v2": Published(3_504_872),
    "mobilenet_v3_small": Published(2_542_856, 0.057),
    "shufflenet_v2": Published(2_278_604, 0.145),
    "efficientnet_b0": Published(5_288_548, 0.386),
    "efficientnet_v2_s": Published(21_458_488, 8.366),
    "regnet_y_400mf": Published(4_344_144, 0.402),
    "convnext_tiny": Published(28_589_128, 4.456),
    "swin_t": Published(28_288_354),
    "vit_b16": Published(86_567_656, 17.564),
    "vit_b32": Published(88_224_232, 4.409, "vit_b16", {"patch": 32}),
    "deeplabv3_resnet50": Published(39_638_869),
    "mixer_b_16": Published(59_880_472),  # timm, mixer_b16_224
    "vit_tiny": Published(5_717_416),  # timm, vit_tiny_patch16_224
    "mobilenet": Published(4_231_976),  # Keras: 4,253,864 with the 21,888 running averages
    "xception": Published(22_855_952),  # Keras: 22,910,480 with the 54,528 running averages
    # Hugging Face, the models of these names: BERT and ALBERT with the layer that reads the first word.
    "gpt2": Published(124_439_808),
    "gpt2-medium": Published(354_823_168, file="gpt2", let={"width": 1024, "heads": 16, "layers": 24}),
    "gpt2-xl": Published(1_557_611_200, file="gpt2", let={"width": 1600, "heads": 25, "layers": 48}),
    "bert_base": Published(109_482_240),
    "bert-large-uncased": Published(335_141_888, file="bert_base", let={"width": 1024, "heads": 16, "layers": 24}),
    "albert_base": Published(11_683_584),
    "distilbert": Published(66_362_880),
    # PyTorch: torch.nn.Transformer() and the words; its examples of language models, of which one is tied and 650
    # wide, and of variational autoencoders; its tutorials.
    "encoder_decoder": Published(44_140_544 + 37_000 * 512),
    "lstm_lm": Published(33_278 * 650 + 2 * (4 * 650 * (650 + 650 + 2)) + 33_278),
    "vae": Published(652_824),
    "dcgan_generator": Published(3_576_704),
    "dcgan_discriminator": Published(2_765_568),
    # Their authors, or what is made of their papers everywhere.
    "lenet_caffe": Published(431_080),
    "lenet5": Published(61_706),
    "nin": Published(966_986),  # the paper: 0.97 million
    "densenet_bc_100": Published(769_162),  # 0.8 million
    "wrn_28_10": Published(36_479_194),  # 36.5 million
    # 0.27 million: 16 channels, then three stages of six convolutions.
    "resnet20": Published(
        432 + 6 * 2304 + (4608 + 5 * 9216) + (18432 + 5 * 36864) + 2 * 7 * 16 + 2 * 6 * (32 + 64) + 650
    ),
    "siamese": Published(38_951_745),
    "unet": Published(31_030_658),
    "srcnn_9_5_5": Published(57_184, file="srcnn"),
    "srcnn_9_1_5": Published(8_032, file="srcnn", let={"k": 1}),
    # By hand.
    "autoencoder": Published(
        160 + (16 * 9 + 1) * 32 + 1569 * 32 + 33 * 1568 + (32 * 16 * 16 + 16) + (16 * 16 + 1),
    ),
    "bilstm_tagger": Published(20_000 * 100 + 2 * (4 * 100 * (100 + 100 + 2)) + 201 * 9),
    "inception": Published(160 + _inception(16, 8, 16, 8, 8) + _inception(40, 16, 32, 16, 16) + 810),
    "lstm": Published(4 * 128 * (28 + 128 + 2) + 1290),
    "multilabel": Published(
        928 + _residual_pair(32, 64) + _residual_pair(64, 128) + _residual_pair(128, 256) + 257 * 20
    ),
    "multitask": Published(
        928 + _residual_pair(32, 32) + _residual_pair(32, 64) + _residual_pair(64, 128) + 129 * 5 + 129 * 32 + 33
    ),
    "text_cnn": Published(20_000 * 300 + 300 * 100 * (3 + 4 + 5) + 300 + 301 * 2),
    "transformer": Published(10_000 * 64 + 64 * 64 + 2 * _encoder(64, 256) + 2 * 64 + 65 * 2),
    "wavenet": Published(
        256 * 32 + (2 * 32 + 1) * 32 + 30 * ((2 * 32 + 1) * 64 + 33 * (32 + 256)) + 2 * 257 * 256,
    ),
    "wide_and_deep": Published(1000 * 32 + 257 * 256 + 257 * 128 + 129 * 64 + 65 + 201),
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
    file = f"{NETWORKS[name].file or name}.net"
    return MODELS / file if (MODELS / file).exists() else FOLDER / file


def said(path: Path) -> int | None:
    """Return the number of parameters in the first line of a spec; None where it has none."""
    with path.open(encoding="utf-8") as stream:
        found = re.search(r"([\d,]+) parameters", stream.readline())
    return int(found[1].replace(",", "")) if found else None


def test_the_table_is_complete() -> None:
    assert {path_of(name) for name in NETWORKS} == {*FOLDER.glob("*.net"), *MODELS.glob("*.net")}


@pytest.mark.parametrize("name", [name for name in NETWORKS if not NETWORKS[name].let and said(path_of(name))])
def test_the_first_line_says_how_many(name: str) -> None:
    assert said(path_of(name)) == NETWORKS[name].parameters


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
