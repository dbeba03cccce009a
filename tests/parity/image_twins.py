"""Ready-made specs that classify images once more, by hand in PyTorch; shelf_twins.py has the others, and says how."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from model_twins import Mean, Residual, Side, conv, conv_relu, encoder
from twins import ClassToken, Depthwise, LayerNormOver, Position, Scale, WindowAttention, nn, torch

__all__ = ["IMAGES", "Named", "Plain", "cb"]

Module = torch.nn.Module
Tensor = torch.Tensor
Named = dict[str, Any]


class Plain(nn.Module):
    """A row of layers from the one input to the one output."""

    def __init__(self, output: str, *layers: Module) -> None:
        super().__init__()
        self.output, self.layers = output, nn.Sequential(*layers)

    def forward(self, x: Named) -> Named:
        return {self.output: self.layers(x["input"])}


class Apply(nn.Module):
    """A function, as a layer."""

    def __init__(self, function: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def cb(c_in: int, c: int, k: int | tuple[int, int], stride: int = 1, pad: Any = None, **norm: Any) -> Module:
    """Return a convolution, a normalization and a relu."""
    same = k // 2 if isinstance(k, int) else tuple(size // 2 for size in k)
    body = nn.Conv2d(c_in, c, k, stride, same if pad is None else pad, bias=False)
    return nn.Sequential(body, nn.BatchNorm2d(c, **norm), nn.ReLU())


def depthwise(c: int, k: int = 3, stride: int = 1, *, bias: bool = False) -> Module:
    return Depthwise(c, c, k, stride, k // 2, groups=c, bias=bias)


# --- classes of images --------------------------------------------------------------------------------------------


def alexnet() -> Module:
    """Of 64x64 pixels a 1x1 image is left."""
    return Plain(
        "fc_3",
        *(conv_relu(3, 64, 11, 4, 2), nn.MaxPool2d(3, 2), conv_relu(64, 192, 5), nn.MaxPool2d(3, 2)),
        *(conv_relu(192, 384, 3), conv_relu(384, 256, 3), conv_relu(256, 256, 3), nn.MaxPool2d(3, 2), nn.Flatten()),
        *(nn.Linear(256, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000)),
    )


def vgg16() -> Module:
    layers: list[Module] = []
    before = 3
    for c, n in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        for _ in range(n):
            layers.append(conv_relu(before, c, 3))
            before = c
        layers.append(nn.MaxPool2d(2))
    ends = (nn.Linear(512, 4096), nn.ReLU(), nn.Linear(4096, 4096), nn.ReLU(), nn.Linear(4096, 1000))
    return Plain("fc_3", *layers, nn.Flatten(), *ends)


def resnet50() -> Module:
    """With one and two blocks in the middle stages."""

    def bottleneck(c_in: int, c: int, stride: int) -> Module:
        body = (cb(c_in, c, 1), cb(c, c, 3, stride), conv(c, 4 * c, 1), nn.BatchNorm2d(4 * c))
        way = nn.Sequential(conv(c_in, 4 * c, 1, stride), nn.BatchNorm2d(4 * c)) if c_in != 4 * c else None
        return nn.Sequential(Residual(nn.Sequential(*body), way), nn.ReLU())

    blocks, before = [], 64
    for c, n in ((64, 3), (128, 1), (256, 2), (512, 3)):
        for i in range(n):
            blocks.append(bottleneck(before, c, 2 if i == 0 and c > 64 else 1))
            before = 4 * c
    return Plain("fc_1", cb(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1), *blocks, Mean(), nn.Linear(2048, 1000))


def densenet121(growth: int = 4) -> Module:
    layers: list[Module] = [cb(3, 64, 7, 2), nn.MaxPool2d(3, 2, 1)]
    c = 64
    for n, after in ((6, 128), (12, 256), (24, 512), (16, 0)):
        for _ in range(n):
            wide = (nn.BatchNorm2d(c), nn.ReLU(), conv(c, 4 * growth, 1), nn.BatchNorm2d(4 * growth), nn.ReLU())
            layers.append(Side(nn.Identity(), nn.Sequential(*wide, conv(4 * growth, growth, 3))))
            c += growth
        layers += [nn.BatchNorm2d(c), nn.ReLU()]
        if after:
            layers += [conv(c, after, 1), nn.AvgPool2d(2)]
            c = after
    return Plain("fc_1", *layers, Mean(), nn.Linear(c, 1000))


def googlenet() -> Module:
    def unit(c_in: int, c: int, k: int, stride: int = 1) -> Module:
        return cb(c_in, c, k, stride, eps=0.001)

    def pool() -> Module:
        return nn.MaxPool2d(3, 2, ceil_mode=True)

    layers: list[Module] = [unit(3, 64, 7, 2), pool(), unit(64, 64, 1), unit(64, 192, 3), pool()]
    before = 192
    for a, b0, b, c0, c, d, after in (
        *((64, 96, 128, 16, 32, 32, 0), (128, 128, 192, 32, 96, 64, 3), (192, 96, 208, 16, 48, 64, 0)),
        *((160, 112, 224, 24, 64, 64, 0), (128, 128, 256, 24, 64, 64, 0), (112, 144, 288, 32, 64, 64, 0)),
        *((256, 160, 320, 32, 128, 128, 2), (256, 160, 320, 32, 128, 128, 0), (384, 192, 384, 48, 128, 128, 0)),
    ):
        layers.append(
            Side(
                unit(before, a, 1),
                nn.Sequential(unit(before, b0, 1), unit(b0, b, 3)),
                nn.Sequential(unit(before, c0, 1), unit(c0, c, 3)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), unit(before, d, 1)),
            )
        )
        layers += [nn.MaxPool2d(after, 2, ceil_mode=True)] if after else []
        before = a + b + c + d
    return Plain("fc_1", *layers, Mean(), nn.Linear(1024, 1000))


class Squeeze(nn.Module):
    """Squeeze-and-excitation."""

    def __init__(self, c: int, hidden: int, act: Module, gate: Module) -> None:
        super().__init__()
        self.way = nn.Sequential(Mean(), nn.Linear(c, hidden), act, nn.Linear(hidden, c), gate)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.way(x)[:, :, None, None]


def efficientnet_b0() -> Module:
    def mbconv(c_in: int, c: int, k: int, wider: int, stride: int) -> Module:
        wide = wider * c_in
        body = nn.Sequential(
            *((conv(c_in, wide, 1), nn.BatchNorm2d(wide), nn.SiLU()) if wider > 1 else ()),
            *(depthwise(wide, k, stride), nn.BatchNorm2d(wide), nn.SiLU()),
            *(Squeeze(wide, c_in // 4, nn.SiLU(), nn.Sigmoid()), conv(wide, c, 1), nn.BatchNorm2d(c)),
        )
        return Residual(body) if stride == 1 and c_in == c else body

    blocks, before = [], 32
    for wider, k, stride, c, n in (
        *((1, 3, 1, 16, 1), (6, 3, 2, 24, 2), (6, 5, 2, 40, 2), (6, 3, 2, 80, 3)),
        *((6, 5, 1, 112, 3), (6, 5, 2, 192, 4), (6, 3, 1, 320, 1)),
    ):
        for i in range(n):
            blocks.append(mbconv(before, c, k, wider, stride if i == 0 else 1))
            before = c
    stem = (conv(3, 32, 3, 2), nn.BatchNorm2d(32), nn.SiLU())
    return Plain(
        "fc_1", *stem, *blocks, conv(320, 1280, 1), nn.BatchNorm2d(1280), nn.SiLU(), Mean(), nn.Linear(1280, 1000)
    )


def mobilenet_v3_small() -> Module:
    def norm(c: int) -> Module:
        return nn.BatchNorm2d(c, eps=0.001, momentum=0.01)

    def unit(c_in: int, wide: int, c: int, k: int, stride: int, hidden: int, act: type[Module]) -> Module:
        body = nn.Sequential(
            *((conv(c_in, wide, 1), norm(wide), act()) if wide != c_in else ()),
            *(depthwise(wide, k, stride), norm(wide), act()),
            *((Squeeze(wide, hidden, nn.ReLU(), nn.Hardsigmoid()),) if hidden else ()),
            *(conv(wide, c, 1), norm(c)),
        )
        return Residual(body) if stride == 1 and c_in == c else body

    re, hs = nn.ReLU, nn.Hardswish
    blocks = [
        unit(*row)
        for row in (
            *((16, 16, 16, 3, 2, 8, re), (16, 72, 24, 3, 2, 0, re), (24, 88, 24, 3, 1, 0, re)),
            *((24, 96, 40, 5, 2, 24, hs), (40, 240, 40, 5, 1, 64, hs), (40, 240, 40, 5, 1, 64, hs)),
            *((40, 120, 48, 5, 1, 32, hs), (48, 144, 48, 5, 1, 40, hs), (48, 288, 96, 5, 2, 72, hs)),
            *((96, 576, 96, 5, 1, 144, hs), (96, 576, 96, 5, 1, 144, hs)),
        )
    ]
    ends = (conv(96, 576, 1), norm(576), hs(), Mean(), nn.Linear(576, 1024), hs(), nn.Linear(1024, 1000))
    return Plain("fc_2", conv(3, 16, 3, 2), norm(16), hs(), *blocks, *ends)


def shuffle(x: Tensor) -> Tensor:
    n, c, h, w = x.shape
    return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class Half(nn.Module):
    """The second half of the channels is worked on, the first stays."""

    def __init__(self, body: Module) -> None:
        super().__init__()
        self.body = body

    def forward(self, x: Tensor) -> Tensor:
        kept, moved = x.chunk(2, dim=1)
        return shuffle(torch.cat([kept, self.body(moved)], dim=1))


def shufflenet_v2() -> Module:
    def mix(c_in: int, c: int, stride: int = 1) -> Module:
        return nn.Sequential(cb(c_in, c, 1), depthwise(c, 3, stride), nn.BatchNorm2d(c), cb(c, c, 1))

    layers: list[Module] = [cb(3, 24, 3, 2), nn.MaxPool2d(3, 2, 1)]
    before = 24
    for c, n in ((116, 3), (232, 7), (464, 3)):
        left = nn.Sequential(depthwise(before, 3, 2), nn.BatchNorm2d(before), cb(before, c // 2, 1))
        layers += [Side(left, mix(before, c // 2, 2)), Apply(shuffle), *(Half(mix(c // 2, c // 2)) for _ in range(n))]
        before = c
    return Plain("fc_1", *layers, cb(464, 1024, 1), Mean(), nn.Linear(1024, 1000))


class Last(nn.Module):
    """Layers that take (N, H, W, C)."""

    def __init__(self, *layers: Module) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def convnext_tiny(width: int = 8) -> Module:
    def unit(c: int) -> Module:
        mlp = Last(nn.LayerNorm(c, eps=1e-6), nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c))
        return Residual(nn.Sequential(depthwise(c, 7, bias=True), mlp, Scale(c)))

    layers: list[Module] = [nn.Conv2d(3, width, 4, 4), LayerNormOver(width, eps=1e-6)]
    for stage, n in enumerate((3, 3, 9, 3)):
        c = width * 2**stage
        layers += [LayerNormOver(c // 2, eps=1e-6), nn.Conv2d(c // 2, c, 2, 2)] if stage else []
        layers += [unit(c) for _ in range(n)]
    return Plain("fc_1", *layers, Mean(), nn.LayerNorm(8 * width, eps=1e-6), nn.Linear(8 * width, 1000))


def swin_t(width: int = 24) -> Module:
    def block(c: int, heads: int, shift: int) -> Iterable[Module]:
        attend = WindowAttention(c, heads, (7, 7), (shift, shift))
        yield Residual(nn.Sequential(LayerNormOver(c), attend))
        yield Residual(Last(nn.LayerNorm(c), nn.Linear(c, 4 * c), nn.GELU(), nn.Linear(4 * c, c)))

    layers: list[Module] = [nn.Conv2d(3, width, 4, 4), LayerNormOver(width)]
    for stage, (heads, n) in enumerate(((3, 2), (6, 2), (12, 6), (24, 2))):
        c = width * 2**stage
        merge = Last(nn.LayerNorm(2 * c), nn.Linear(2 * c, c, bias=False))
        layers += [nn.PixelUnshuffle(2), merge] if stage else []
        for i in range(n):
            layers += block(c, heads, 3 * (i % 2))
    return Plain("fc_4", *layers, LayerNormOver(8 * width), Mean(), nn.Linear(8 * width, 1000))


class Patches(nn.Module):
    """ViT: patches in rows, before them a vector whose result is classified."""

    def __init__(self, width: int = 24, layers: int = 2) -> None:
        super().__init__()
        self.patches, self.token = nn.Conv2d(3, width, 16, 16), ClassToken(width)
        self.position = Position(width, 17)
        self.encoders = nn.Sequential(*(encoder(width, 3, 4 * width) for _ in range(layers)), nn.LayerNorm(width))
        self.head = nn.Linear(width, 1000)
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                module.eps = 1e-6

    def forward(self, x: Named) -> Named:
        y = self.position(self.token(self.patches(x["input"]).flatten(2))).mT
        return {"fc_5": self.head(self.encoders(y)[:, 0])}


IMAGES: dict[str, Callable[[], Module]] = {
    "alexnet": alexnet,
    "convnext_tiny": convnext_tiny,
    "densenet121": densenet121,
    "efficientnet_b0": efficientnet_b0,
    "googlenet": googlenet,
    "mobilenet_v3_small": mobilenet_v3_small,
    "resnet50": resnet50,
    "shufflenet_v2": shufflenet_v2,
    "swin_t": swin_t,
    "vgg16": vgg16,
    "vit_b16": Patches,
}
