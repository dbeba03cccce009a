"""The networks in PyTorch, written by hand from the tutorials and papers; they return logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

__all__ = ["NETS", "Position"]


def paddle_softmax() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def paddle_mlp() -> nn.Sequential:
    return nn.Sequential(
        nn.Flatten(), nn.Linear(784, 200), nn.ReLU(), nn.Linear(200, 200), nn.ReLU(), nn.Linear(200, 10)
    )


def paddle_lenet() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(20)),
        *(nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2), nn.BatchNorm2d(50)),
        *(nn.Flatten(), nn.Linear(800, 10)),
    )


def gluon_mlp() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))


def gluon_lenet() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 20, 5), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Conv2d(20, 50, 5), nn.Tanh(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Linear(800, 500), nn.Tanh(), nn.Linear(500, 10), nn.Tanh()),
    )


def torch_cnn() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 5, 3, padding=1), nn.ReLU()),
        *(nn.Conv2d(5, 10, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(10)),
        *(nn.Conv2d(10, 20, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(20)),
        *(nn.Conv2d(20, 40, 3, padding=1), nn.MaxPool2d(2), nn.ReLU(), nn.BatchNorm2d(40)),
        *(nn.Flatten(), nn.Linear(40 * 7 * 7, 200), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(200, 500), nn.ReLU(), nn.Linear(500, 10)),
    )


def lasagne_cnn() -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(32, 32, 5), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Flatten(), nn.Dropout(0.5), nn.Linear(32 * 4 * 4, 256), nn.ReLU()),
        *(nn.Dropout(0.5), nn.Linear(256, 10)),
    )


def blocks_mlp() -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 10))


# --- ResNet-20 ------------------------------------------------------------------------------------------------------


class Block(nn.Module):
    """Two convolutions and the way around them; where the size halves, that takes every other pixel."""

    def __init__(self, inputs: int, filters: int) -> None:
        super().__init__()
        self.down = filters > inputs
        self.conv1 = nn.Conv2d(inputs, filters, 3, 2 if self.down else 1, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(filters)
        self.conv2 = nn.Conv2d(filters, filters, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(filters)

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        if self.down:
            x = F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))
        return F.relu(y + x)


def resnet20() -> nn.Sequential:
    channels = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()),
        *(Block(inputs, filters) for inputs, filters in pairwise(channels)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)),
    )


# --- MobileNet ------------------------------------------------------------------------------------------------------


def _conv_norm(inputs: int, filters: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, filters, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(filters),
        nn.ReLU6(inplace=True),
    )


def _separable(inputs: int, filters: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(_conv_norm(inputs, inputs, 3, stride, groups=inputs), _conv_norm(inputs, filters, 1))


def mobilenet() -> nn.Sequential:
    return nn.Sequential(
        *(_conv_norm(3, 32, 3, 2), _separable(32, 64)),
        *(_separable(64, 128, 2), _separable(128, 128)),
        *(_separable(128, 256, 2), _separable(256, 256)),
        *(_separable(256, 512, 2), *(_separable(512, 512) for _ in range(5))),
        *(_separable(512, 1024, 2), _separable(1024, 1024)),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.001), nn.Linear(1024, 1000)),
    )


# --- the transformer ------------------------------------------------------------------------------------------------


class Position(nn.Module):
    """Adds a trained vector to each place of (N, length, features)."""

    def __init__(self, length: int, features: int) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.zeros(length, features))

    def forward(self, x: Tensor) -> Tensor:
        return x + self.table


class Mean(nn.Module):
    """The mean over the places of (N, length, features)."""

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(1)


def transformer() -> nn.Sequential:
    encoder = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, activation="gelu", batch_first=True, norm_first=True)
    return nn.Sequential(
        *(nn.Embedding(10000, 64), Position(64, 64), nn.Dropout(0.1)),
        nn.TransformerEncoder(encoder, 2, norm=nn.LayerNorm(64), enable_nested_tensor=False),
        *(Mean(), nn.Linear(64, 2)),
    )


NETS: Mapping[str, Callable[[], nn.Module]] = {
    "lenet": paddle_lenet,
    "paddle_softmax": paddle_softmax,
    "paddle_mlp": paddle_mlp,
    "paddle_lenet": paddle_lenet,
    "gluon_mlp": gluon_mlp,
    "gluon_lenet": gluon_lenet,
    "torch_cnn": torch_cnn,
    "lasagne_cnn": lasagne_cnn,
    "blocks_mlp": blocks_mlp,
    "resnet20": resnet20,
    "mobilenet": mobilenet,
    "transformer": transformer,
}
"""By the name of the spec."""
