"""The networks of `specs/models` have as many parameters as the published ones, and say so. Without JAX."""

from __future__ import annotations

import re

import pytest

import netspec as ns
from netspec.ir.text import resolved_text
from netspec.system.resources import specs_folder

SPECS = {path.stem: path for path in sorted((specs_folder() / "models").glob("*.net"))}

PUBLISHED = {
    "mobilenet": 4_231_976,  # Keras: 4,253,864 with the 21,888 running averages
    "mobilenet_v2": 3_504_872,  # torchvision, like the next ones
    "resnet18": 11_689_512,
    "squeezenet": 1_235_496,
    "vgg11_bn": 132_868_840,
    "vit_tiny": 5_717_416,  # timm, vit_tiny_patch16_224
    # The paper says 0.27M; 16 channels, then three stages of six convolutions.
    "resnet20": 432 + 6 * 2304 + (4608 + 5 * 9216) + (18432 + 5 * 36864) + 2 * 7 * 16 + 2 * 6 * (32 + 64) + 650,
}

_ENCODER = 4 * (64 * 64 + 64) + (64 * 256 + 256) + (256 * 64 + 64) + 4 * 64


def _inception(before: int, a: int, b: int, c: int, d: int) -> int:
    ones = (before + 1) * (a + b // 2 + c // 2 + d)
    return ones + (9 * (b // 2) + 1) * b + (25 * (c // 2) + 1) * c + 2 * (a + b + c + d)


BY_HAND = {
    "autoencoder": 160 + (16 * 9 + 1) * 32 + 1569 * 32 + 33 * 1568 + (32 * 16 * 16 + 16) + (16 * 16 + 1),
    "inception": 160 + _inception(16, 8, 16, 8, 8) + _inception(40, 16, 32, 16, 16) + 810,
    "lstm": 4 * 128 * (28 + 128 + 2) + 1290,
    "transformer": 10_000 * 64 + 64 * 64 + 2 * _ENCODER + 2 * 64 + 2 * 65,
}


def test_the_table_is_complete() -> None:
    assert PUBLISHED.keys() | BY_HAND.keys() == SPECS.keys()


@pytest.mark.parametrize(("name", "count"), (PUBLISHED | BY_HAND).items())
def test_parameters(name: str, count: int) -> None:
    assert ns.load(SPECS[name]).graph().parameter_count == count


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_first_line_says_how_many(name: str) -> None:
    title = SPECS[name].read_text(encoding="utf-8").splitlines()[0]
    (said,) = re.findall(r"([\d,]+) parameters", title)
    assert int(said.replace(",", "")) == PUBLISHED[name]


def test_running_averages_of_mobilenet() -> None:
    parameters = ns.load(SPECS["mobilenet"]).graph().parameters.values()
    assert sum(p.size for p in parameters if not p.trainable) == 21_888
    assert sum(p.size for p in parameters) == 4_253_864


@pytest.mark.parametrize(("name", "shape"), [("mobilenet", (1024, 7, 7)), ("squeezenet", (512, 13, 13))])
def test_the_last_image(name: str, shape: tuple[int, ...]) -> None:
    """Paddings change no count, but the size of what is averaged at the end: the papers' tables give it."""
    graph = ns.load(SPECS[name]).graph()
    images = [operation.shape for operation in graph.operations if operation.shape[0] == shape[0]]
    assert [s for s in images if len(s) == 3][-1] == shape


SWIN = """
input 3x224x224
block swin(c, heads, shift, rate) {
  residual { layernorm; attention heads window=7 shift=shift; stochastic_depth rate }
  residual { layernorm; fc (4 * c) pointwise gelu; fc c pointwise; stochastic_depth rate }
}
block stage(c, heads, rounds) {
  for i in 1..rounds {
    swin c heads 0 (0.02 * i)
    swin c heads 3 (0.02 * i)
  }
}
conv 96 4x4 stride=4; layernorm
stage 96 3 1
for (c, heads, rounds) in (192, 6, 1) (384, 12, 3) (768, 24, 1) {
  pixelunshuffle 2; layernorm; fc c pointwise nobias
  stage c heads rounds
}
layernorm; globalpool; fc 1000 softmax
"""

GPT2 = """
input 1024 tokens=50257
embedding 768 as words; position; dropout 0.1
repeat 12 {
  residual { layernorm; attention 12 causal dropout=0.1; dropout 0.1 }
  residual { layernorm; fc 3072 pointwise gelu(approximate=tanh); fc 768 pointwise; dropout 0.1 }
}
layernorm
fc 50257 pointwise nobias share=words
softmax
"""

BERT = """
input 512 tokens=30522 mask=0 as ids
input 512 tokens=2 as segments
from segments; embedding 768 as segment
from ids; embedding 768; position; add segment; layernorm; dropout 0.1
repeat 12 {
  residual { attention 12 dropout=0.1; dropout 0.1 }; layernorm
  residual { fc 3072 pointwise gelu; fc 768 pointwise; dropout 0.1 }; layernorm
}
take first; fc 768 tanh
"""

TRANSFORMER = """
input 30 tokens=1000 mask=0 as source
input 20 tokens=1000 mask=0 as target
block encoder { residual { attention 8 }; layernorm; residual { fc 2048 pointwise relu; fc 512 pointwise }; layernorm }
block decoder(read) {
  residual { attention 8 causal }; layernorm
  residual { attention 8 memory=read }; layernorm
  residual { fc 2048 pointwise relu; fc 512 pointwise }; layernorm
}
from source; embedding 512 as words; position sinusoidal; repeat 6 { encoder }; layernorm as known
from target; embedding 512 share=words; position sinusoidal; repeat 6 { decoder known }; layernorm
fc 1000 pointwise nobias share=words
softmax
"""


@pytest.mark.parametrize(
    ("text", "parameters"),
    [
        (SWIN, 28_288_354),  # torchvision, swin_t
        (GPT2, 124_439_808),  # transformers, gpt2
        (BERT, 109_482_240),  # transformers, bert-base-uncased
        (TRANSFORMER, 44_140_544 + 1000 * 512),  # torch.nn.Transformer(), and the words
    ],
    ids=["swin_t", "gpt2", "bert_base", "transformer"],
)
def test_networks_of_attention_have_as_many_parameters_as_the_published_ones(text: str, parameters: int) -> None:
    net = ns.parse(text)
    assert net.graph().parameter_count == parameters
    assert ns.parse(resolved_text(net)).nodes == net.nodes
