"""Habits of other languages: what is said to be right parses, and hostile lines are looked at no longer than others."""

from __future__ import annotations

import re
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from netspec.diagnostics.diagnostic import Diagnostic, Source, SpecError
from netspec.syntax import ast
from netspec.syntax.foreign import advice, foreign
from netspec.syntax.parser import parse


def said(text: str) -> tuple[Diagnostic, ...]:
    with pytest.raises(SpecError) as caught:
        parse(Source("t.net", text))
    return caught.value.diagnostics


@pytest.mark.parametrize(
    ("line", "right"),
    [
        ("input: 1x28x28", "input 1x28x28"),
        ("let width: 32", "let width = 32"),
        ("epochs: 5", "epochs 5"),
        ("conv1: conv 20 5x5 stride: 2", "conv 20 5x5 stride=2 as conv1"),
        ("conv 20 5x5 stride: 2", "stride=2"),
        ("x = conv 20 5x5", "conv 20 5x5 as x"),
        ("x = conv(20, 5x5)", "conv 20 5x5 as x"),
        ("width = 32", "let width = 32"),
        ("init=he", "init he"),
        ("nn.Conv2d(3, 64, 3)", "Conv2d 64 3"),
        ("nn.Conv2d(3, 64, 3, 2, 1, bias=False)", "Conv2d 64 3 stride=2 pad=1 nobias"),
        ("nn.Conv2d(3, 64, 3, stride=2, padding=1)", "Conv2d 64 3 stride=2 pad=1"),
        ("self.conv1 = nn.Conv2d(3, 64, kernel_size=(3, 5))", "Conv2d 64 3x5 as conv1"),
        ("nn.MaxPool2d(2, 2),", "MaxPool2d 2 stride=2"),
        ("nn.Linear(320, 50)", "Linear 50"),
        ("nn.BatchNorm2d(64)", "BatchNorm2d"),
        ("nn.BatchNorm2d(64, 1e-3, momentum=0.01)", "BatchNorm2d epsilon=1e-3 momentum=0.01"),
        ("nn.LayerNorm(64, elementwise_affine=False)", "LayerNorm noaffine"),
        ("nn.InstanceNorm2d(64, affine=True)", "InstanceNorm2d affine"),
        ("nn.PReLU(64)", "PReLU"),
        ("nn.LeakyReLU(0.2, True)", "LeakyReLU 0.2"),
        ("nn.Softmax(1)", "Softmax"),
        ("nn.Flatten(1)", "Flatten"),
        ("nn.GELU('tanh')", "GELU approximate=tanh"),
        ("nn.AdaptiveAvgPool2d(1)", "globalpool"),
        ("nn.MaxPool2d(3, 2, ceil_mode=True)", "MaxPool2d 3 stride=2 ceil"),
        ("nn.Upsample(scale_factor=2, mode='nearest')", "Upsample 2 mode=nearest"),
        ("layers.Dense(10, kernel_initializer='he_normal')", "Dense 10 init=he_normal"),
        ("nn.ReLU(inplace=True)", "ReLU"),
        ("x = F.relu(self.conv1(x))", "relu"),
        ("model.add(Conv2D(20, kernel_size=5))", "Conv2D 20 5"),
        ("model.add(layers.Dense(10, activation='softmax'))", "Dense 10 softmax"),
        ("Linear(784, 10)", "Linear 10"),
        ("Conv2d(1, 20, kernel_size=5)", "Conv2d 20 5"),
        ("Conv2d(20, 5)", "Conv2d 20 5"),
        ("nn.LazyConv2d(20, 5)", "Conv2d 20 5"),
        ("MaxPool2d(2, 2)", "MaxPool2d 2 stride=2"),
        ("nn.LSTM(28, 128, batch_first=True)", "LSTM 128"),
        ("LSTM(128, return_sequences=True)", "LSTM 128"),
        ("LSTM(128, return_sequences=False)", "LSTM 128 last"),
        ("nn.Embedding(1000, 64)", "Embedding 64"),
        ("nn.MultiheadAttention(512, 8, dropout=0.1)", "MultiheadAttention 8 dropout=0.1"),
        ("nn.MultiheadAttention(embed_dim=512, num_heads=8, batch_first=True)", "MultiheadAttention 8"),
        ("layers.MultiHeadAttention(num_heads=8, key_dim=64)", "MultiHeadAttention 8"),
        ("nn.StochasticDepth(p=0.1, mode='row')", "StochasticDepth 0.1"),
        ("DropPath(drop_prob=0.1)", "DropPath 0.1"),
        ("F.one_hot(x, 10)", "one_hot"),
        ("nn.GroupNorm(4, 32)", "GroupNorm 4"),
        ("nn.LayerNorm(64)", "LayerNorm"),
        ("nn.Softmax(dim=1)", "Softmax"),
        ("nn.LeakyReLU(negative_slope=0.1)", "LeakyReLU 0.1"),
        ("LeakyReLU(alpha=0.1)", "LeakyReLU 0.1"),
        ('layers.Dense(10, activation="softmax", use_bias=False)', "Dense 10 softmax nobias"),
        ("layers.Dense(10, use_bias=True)", "Dense 10"),
        ("Conv2D(32, (3, 3), padding='valid', dilation_rate=2)", "Conv2D 32 3x3 dilation=2"),
        ("ZeroPadding2D(padding=(1, 1))", "ZeroPadding2D 1x1"),
        ("UpSampling2D(size=(2, 2))", "UpSampling2D 2x2"),
        ("Activation('relu')", "relu"),
        ("Input(shape=(28, 28, 1))", "input 1x28x28"),
        ("Input(shape=(3, 32, 32))", "input 3x32x32"),
        ("input_shape = (28, 28, 1)", "input 1x28x28"),
        ("lr = 0.001", "optimizer adam lr=0.001"),
        ("residual_down(16, 2)", "residual_down 16 2"),
        ("add(a, b)", "add a b"),
        ("concat [a, input]", "concat a input"),
        ("include stem.net", 'include "stem.net"'),
        ("include parts/stem.net", 'include "parts/stem.net"'),
        ("conv 20 5*5", "5x5"),
        ("conv 20 (5,5)", "5x5"),
        ("conv 20 5 stride=(2,2)", "2x2"),
        ("input [1, 28, 28]", "1x28x28"),
        ("assert 100k > params", "params < 100k"),
        ("assert 100k >= params", "params <= 100k"),
        ("conv c*2 3", "(c * 2)"),
        ("let v = w // 2", "(w // 2)"),
        ("conv(20, 5, 2)", "conv 20 5 stride=2"),
        ("pool(3, 2)", "pool 3 stride=2"),
        ("MaxPooling2D((3, 3), 2)", "MaxPooling2D 3x3 stride=2"),
        ("depthwise(3, 2, 1)", "depthwise 3 stride=2 pad=1"),
        ("threshold(1000, 0)", "threshold 1000 0"),
        ("input 1×28×28", "1x28x28"),
        ("conv 4 3 × 3", "3x3"),
        ("train { dropout 10 % }", "10%"),
        ("fc 10 | relu", "fc 10; relu"),
        ("fc 10 -> relu", "fc 10; relu"),
        ("conv 20, 5x5, relu", "conv 20 5x5 relu"),
        ("conv 20, 5, relu", "conv 20 5 relu"),
        ("conv 20 5,5", "conv 20 5x5"),
        ("conv 20, 5, 5, relu", "conv 20 5x5 relu"),
        ("conv 20 5 stride=2,2", "conv 20 5 stride=2x2"),
        ("pool 2,2", "pool 2x2"),
        ("input 1,28,28", "input 1x28x28"),
        ("epochs 5, batch 3", "epochs 5; batch 3"),
        ("let k = 3, j = 4", "let k = 3; let j = 4"),
        ("fc 3 as b as a", "as b"),
        ('"""what this is"""', "# what this is"),
        ("// comment", "# comment"),
    ],
)
def test_what_would_be_right_is_said_in_the_words_of_the_line(line: str, right: str) -> None:
    (d,) = said(line)
    assert f"`{right}`" in d.fix
    assert foreign(line) is None


@pytest.mark.parametrize(
    ("text", "called", "right"),
    [
        (
            "[convolutional]\nfilters=32\nsize=3\nstride=2\npad=1\nactivation=leaky\n\n[maxpool]\nsize=2",
            "Darknet",
            "conv 32 3 stride=2 pad=same leaky",
        ),
        ("[region]\nanchors=1", "Darknet", "conv 20 5x5 relu"),
        (
            'layer {\n  name: "c"\n  type: "Convolution"\n  param { num_output: 20 kernel_size: 5 stride: 2 }',
            "Caffe",
            "conv 20 5 stride=2",
        ),
        ('layer { name: "ip" type: "InnerProduct" inner_product_param { num_output: 10 } }', "Caffe", "fc 10"),
        ("layers:\n  - conv: 20 5x5\n  - fc: 10", "YAML", "conv 20 5x5"),
        ("- conv: [20, 5]\n- fc: 10", "YAML", "conv 20 5"),
        ("train:\n  epochs: 5", "YAML", "train { … }"),
        ('{ "layers": ["conv"], "epochs": 5 }', "JSON", "conv 20 5x5 relu"),
        ("class Net(nn.Module):\n  def __init__(self):\n    self.c = nn.Conv2d(3, 8, 3)", "PyTorch", "Conv2d 8 3"),
    ],
)
def test_another_format_is_one_mistake(text: str, called: str, right: str) -> None:
    (d,) = said(text)
    assert called in d.message
    assert f"`{right}`" in d.fix


def test_a_mistake_beside_another_format_is_said_too() -> None:
    first, second, third = said("conv 20, 5x5\n[maxpool]\nsize=2\nfc (2*)")
    assert "Darknet" in second.message
    assert "`conv 20 5x5`" in first.fix
    assert "`*`" in third.fix


@cache
@given(st.text(alphabet="ab1 .,:;=()[]{}<>*/%|-\"'_x\n#\\", max_size=60))
def test_every_syntax_error_has_a_fix(text: str) -> None:
    try:
        assert isinstance(parse(Source("t.net", text)), ast.File)
    except SpecError as error:
        for d in error.diagnostics:
            assert d.fix or d.code not in {f"E010{n}" for n in range(1, 7)}, d
            assert "\0" not in d.fix
            assert "\n" not in d.fix


@pytest.mark.parametrize("piece", ["a.", "a(", "a,", "(", "a=", "1*", "x ", "[", "\t", "- ", '"', "a:"])
def test_of_a_long_line_nothing_is_rewritten(piece: str) -> None:
    line = piece * 50_000
    assert advice(line, len(line) // 2) == ""
    assert foreign(line) is None or re.match(r"[-\[]", piece)
