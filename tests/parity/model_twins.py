"""Networks of `specs/models` once more, by hand in PyTorch, and what carries weights across by order.

Written from the papers, not from netspec's graph. Modules stand in the order in which the spec names its layers, for
the n-th convolution of the twin holds the weights of the n-th convolution of the spec. Softmax is left to the loss.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import Any

from twins import ClassToken, Depthwise, Position, load_weights, nn, torch

import netspec as ns

__all__ = ["TWINS", "by_order", "load_by_order"]

F = nn.functional
Module = torch.nn.Module


# --- what several of them are made of -----------------------------------------------------------------------------


class Residual(nn.Module):
    """What a body makes, and the input, which may take a way of its own, added."""

    def __init__(self, body: Module, way: Module | None = None) -> None:
        super().__init__()
        self.body, self.way = body, way or nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.body(x) + self.way(x)


class Side(nn.Module):
    """Branches of one input, their channels one after the other."""

    def __init__(self, *branches: Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], dim=1)


class Mean(nn.Module):
    """The mean of each channel."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(2).mean(2)


def conv(c_in: int, c_out: int, k: int, stride: int = 1, *, pad: int | None = None, bias: bool = False) -> Module:
    return nn.Conv2d(c_in, c_out, k, stride, k // 2 if pad is None else pad, bias=bias)


def conv_relu(c_in: int, c_out: int, k: int, stride: int = 1, pad: int | None = None) -> Module:
    return nn.Sequential(conv(c_in, c_out, k, stride, pad=pad, bias=True), nn.ReLU())


def depthwise(c: int, stride: int = 1, pad: int = 1) -> Module:
    return Depthwise(c, c, 3, stride, pad, groups=c, bias=False)


# --- residual networks --------------------------------------------------------------------------------------------


class Shortcut(nn.Module):
    """Option A of He et al.: every other pixel, and channels of zeros behind the others."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.pad(x[:, :, ::2, ::2], (0, 0, 0, 0, 0, x.shape[1]))


def basic(c_in: int, c_out: int, stride: int, way: Module | None) -> Module:
    body = nn.Sequential(
        *(conv(c_in, c_out, 3, stride), nn.BatchNorm2d(c_out), nn.ReLU()),
        *(conv(c_out, c_out, 3), nn.BatchNorm2d(c_out)),
    )
    return nn.Sequential(Residual(body, way), nn.ReLU())


def resnet20() -> Module:
    """Three stages of three blocks of two convolutions; with the first and the fc these are 20."""
    blocks = [basic(c, c, 1, None) for c in (16, 32, 64) for _ in range(3)]
    blocks[3] = basic(16, 32, 2, Shortcut())
    blocks[6] = basic(32, 64, 2, Shortcut())
    return nn.Sequential(conv(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), *blocks, Mean(), nn.Linear(64, 10))


def resnet18() -> Module:
    """Four stages of two blocks; the way around the first of the last three is a 1x1 convolution."""
    blocks = [basic(64, 64, 1, None), basic(64, 64, 1, None)]
    for before, c in pairwise((64, 128, 256, 512)):
        way = nn.Sequential(conv(before, c, 1, 2), nn.BatchNorm2d(c))
        blocks += [basic(before, c, 2, way), basic(c, c, 1, None)]
    stem = (conv(3, 64, 7, 2), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1))
    return nn.Sequential(*stem, *blocks, Mean(), nn.Linear(512, 1000))


def r3d_18() -> Module:
    """ResNet-18 along frames, too; its beginning halves rows and columns alone, and nothing is pooled."""

    def deep(c_in: int, c_out: int, k: int, stride: int = 1) -> list[Module]:
        return [nn.Conv3d(c_in, c_out, k, stride, k // 2, bias=False), nn.BatchNorm3d(c_out)]

    def block(c_in: int, c_out: int, stride: int, way: Module | None = None) -> Module:
        body = nn.Sequential(*deep(c_in, c_out, 3, stride), nn.ReLU(), *deep(c_out, c_out, 3))
        return nn.Sequential(Residual(body, way), nn.ReLU())

    blocks = [block(64, 64, 1), block(64, 64, 1)]
    for before, c in pairwise((64, 128, 256, 512)):
        blocks += [block(before, c, 2, nn.Sequential(*deep(before, c, 1, 2))), block(c, c, 1)]
    stem = (nn.Conv3d(3, 64, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False), nn.BatchNorm3d(64), nn.ReLU())
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Linear(512, 400))


# --- plain and squeezed -------------------------------------------------------------------------------------------


def vgg11_bn() -> Module:
    """Configuration A of the paper with batch normalization, on images of 32x32: one pixel is left of them."""
    layers: list[Module] = []
    channels = 3
    for c in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool"):
        if isinstance(c, int):
            layers += [conv(channels, c, 3, bias=True), nn.BatchNorm2d(c), nn.ReLU()]
            channels = c
        else:
            layers.append(nn.MaxPool2d(2))
    return nn.Sequential(
        *layers,
        *(nn.Flatten(), nn.Linear(512, 4096), nn.ReLU(), nn.Dropout(0.5)),
        *(nn.Linear(4096, 4096), nn.ReLU(), nn.Dropout(0.5)),
        nn.Linear(4096, 1000),
    )


def squeezenet() -> Module:
    """Version 1.1. Poolings keep a window that reaches over the edge; the classes are 1000 channels."""

    def fire(c_in: int, squeeze: int, wide: int) -> Module:
        return nn.Sequential(
            conv_relu(c_in, squeeze, 1), Side(conv_relu(squeeze, wide, 1), conv_relu(squeeze, wide, 3))
        )

    def pool() -> Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    return nn.Sequential(
        *(conv_relu(3, 64, 3, 2, pad=0), pool()),
        *(fire(64, 16, 64), fire(128, 16, 64), pool()),
        *(fire(128, 32, 128), fire(256, 32, 128), pool()),
        *(fire(256, 48, 192), fire(384, 48, 192), fire(384, 64, 256), fire(512, 64, 256)),
        *(nn.Dropout(0.5), conv_relu(512, 1000, 1), Mean()),
    )


def inception() -> Module:
    def block(c_in: int, a: int, b: int, c: int, d: int) -> Module:
        return nn.Sequential(
            Side(
                conv_relu(c_in, a, 1),
                nn.Sequential(conv_relu(c_in, b // 2, 1), conv_relu(b // 2, b, 3)),
                nn.Sequential(conv_relu(c_in, c // 2, 1), conv_relu(c // 2, c, 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), conv_relu(c_in, d, 1)),
            ),
            nn.BatchNorm2d(a + b + c + d),
        )

    return nn.Sequential(
        *(conv_relu(1, 16, 3), nn.MaxPool2d(2)),
        *(block(16, 8, 16, 8, 8), nn.MaxPool2d(2)),
        *(block(40, 16, 32, 16, 16), Mean(), nn.Linear(80, 10)),
    )


# --- depthwise ----------------------------------------------------------------------------------------------------


def mobilenet(middle: int = 5) -> Module:
    """Table 1 of the paper; `middle` of the layers with 512 channels at one size."""

    def separable(c_in: int, c_out: int, stride: int) -> Module:
        return nn.Sequential(
            *(depthwise(c_in, stride), nn.BatchNorm2d(c_in), nn.ReLU6()),
            *(conv(c_in, c_out, 1), nn.BatchNorm2d(c_out), nn.ReLU6()),
        )

    shapes = [(64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * middle, (1024, 2), (1024, 1)]
    channels = [32, *(c for c, _ in shapes)]
    blocks = [separable(c_in, *shape) for c_in, shape in zip(channels, shapes, strict=False)]
    stem = (conv(3, 32, 3, 2), nn.BatchNorm2d(32), nn.ReLU6())
    return nn.Sequential(*stem, *blocks, Mean(), nn.Dropout(0.001), nn.Linear(1024, 1000))


def mobilenet_v2(most: int = 4) -> Module:
    """Table 2 of the paper: (expansion, channels, repetitions, stride of the first); at most so many repetitions."""

    def bottleneck(c_in: int, c_out: int, t: int, stride: int) -> Module:
        wide = c_in * t
        body = nn.Sequential(
            *((conv(c_in, wide, 1), nn.BatchNorm2d(wide), nn.ReLU6()) if t > 1 else ()),
            *(depthwise(wide, stride), nn.BatchNorm2d(wide), nn.ReLU6()),
            *(conv(wide, c_out, 1), nn.BatchNorm2d(c_out)),
        )
        return Residual(body) if stride == 1 and c_in == c_out else body

    table = [(1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)]
    blocks, channels = [], 32
    for t, c, n, s in table:
        for i in range(min(n, most) if c != 24 else n):
            blocks.append(bottleneck(channels, c, t, s if i == 0 else 1))
            channels = c
    return nn.Sequential(
        *(conv(3, 32, 3, 2), nn.BatchNorm2d(32), nn.ReLU6(), *blocks),
        *(conv(320, 1280, 1), nn.BatchNorm2d(1280), nn.ReLU6()),
        *(Mean(), nn.Dropout(0.2), nn.Linear(1280, 1000)),
    )


# --- sequences ----------------------------------------------------------------------------------------------------


class Attend(nn.Module):
    """Self-attention on (N, L, D)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.attention(x, x, x, need_weights=False)[0]


def encoder(width: int, heads: int, hidden: int) -> Module:
    return nn.Sequential(
        Residual(nn.Sequential(nn.LayerNorm(width), Attend(width, heads))),
        Residual(
            nn.Sequential(nn.LayerNorm(width), nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width)),
        ),
    )


class Transformer(nn.Module):
    """Token numbers to vectors, their places added; the mean over the places is classified."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(10000, 64)
        self.position = Position(64, 64)
        self.dropout = nn.Dropout(0.1)
        self.encoders = nn.Sequential(encoder(64, 4, 256), encoder(64, 4, 256), nn.LayerNorm(64))
        self.head = nn.Linear(64, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.position(self.embedding(x).mT).mT
        return self.head(self.encoders(self.dropout(x)).mean(1))


class VisionTransformer(nn.Module):
    """Patches of 16x16 in rows, before them a vector of their own, whose result is classified."""

    def __init__(self, patches: int, layers: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 192, 16, 16)
        self.token = ClassToken(192)
        self.position = Position(192, patches + 1)
        self.encoders = nn.Sequential(*(encoder(192, 3, 768) for _ in range(layers)), nn.LayerNorm(192))
        self.head = nn.Linear(192, 1000)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.position(self.token(self.patches(x).flatten(2))).mT
        return self.head(self.encoders(x)[:, 0])


def vit_tiny(layers: int = 12) -> Module:
    """On images of 48x48: nine patches."""
    return VisionTransformer(9, layers)


class Columns(nn.Module):
    """An LSTM over the columns of an image, each a vector of its rows."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(28, 128, batch_first=True)
        self.head = nn.Linear(128, 10)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.lstm(x[:, 0].mT)[0][:, -1])


def autoencoder() -> Module:
    """Its logits; the image is their sigmoid."""
    return nn.Sequential(
        *(conv_relu(1, 16, 3, 2), conv_relu(16, 32, 3, 2), nn.Flatten()),
        *(nn.Linear(32 * 7 * 7, 32), nn.Linear(32, 32 * 7 * 7), nn.ReLU(), nn.Unflatten(1, (32, 7, 7))),
        *(nn.ConvTranspose2d(32, 16, 4, 2, 1), nn.ReLU(), nn.ConvTranspose2d(16, 1, 4, 2, 1)),
    )


TWINS: dict[str, Callable[[], Module]] = {
    "autoencoder": autoencoder,
    "inception": inception,
    "lstm": Columns,
    "mobilenet": mobilenet,
    "mobilenet_v2": mobilenet_v2,
    "r3d_18": r3d_18,
    "resnet18": resnet18,
    "resnet20": resnet20,
    "squeezenet": squeezenet,
    "transformer": Transformer,
    "vgg11_bn": vgg11_bn,
    "vit_tiny": vit_tiny,
}
"""Models by the names of their specs; shelf_twins.py has the others."""

SLIM: dict[str, tuple[str, str, Callable[[], Module]]] = {
    "mobilenet": ("repeat 5", "repeat 1", lambda: mobilenet(1)),
    "mobilenet_v2": (r"; repeat \d \{ keep \d+ \}", "", lambda: mobilenet_v2(1)),
    "vit_tiny": ("repeat 12", "repeat 2", lambda: vit_tiny(2)),
}
"""The deepest ones with fewer of their equal blocks: what in the spec's text becomes what, and the twin of that."""


# --- carrying values across ---------------------------------------------------------------------------------------


def by_order(network: ns.Network, tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a tree with its nodes named by kind and order: `residual_block_1/conv_2` of a network is its `conv_3`."""
    names = _numbered((node.name, node.layer.canonical()) for node in network.nodes)
    return {names[node]: arrays for node, arrays in tree.items()}


def load_by_order(twin: Module, network: ns.Network, variables: ns.Variables) -> None:
    """Copy a network's variables into its twin; both must hold the same arrays of the same shapes, in one order."""
    load_weights(twin, ns.Variables(*(by_order(network, tree) for tree in variables)))


def _numbered(nodes: Iterable[tuple[str, str]]) -> dict[str, str]:
    seen: Counter[str] = Counter()
    names = {}
    for name, kind in nodes:
        seen[kind] += 1
        names[name] = f"{kind}_{seen[kind]}"
    return names
