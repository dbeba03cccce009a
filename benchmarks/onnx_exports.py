"""Writes tests/formats/exported_onnx/: networks in PyTorch, exported by PyTorch, and what they compute.

    python benchmarks/onnx_exports.py

The files are kept, so that tests need no PyTorch, and what its exporter writes in this version is tested in later ones.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

FOLDER = Path(__file__).parent.parent / "tests" / "formats" / "exported_onnx"

torch.manual_seed(0)


class Vision(nn.Module):
    """A transformer on pieces of a picture."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces = nn.Conv2d(3, 8, 4, 4)
        self.token, self.places = nn.Parameter(torch.randn(1, 1, 8)), nn.Parameter(torch.randn(1, 5, 8))
        self.norm, self.attention = nn.LayerNorm(8), nn.MultiheadAttention(8, 2, batch_first=True)
        self.inner = nn.Sequential(nn.LayerNorm(8), nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of three classes."""
        x = self.pieces(x).flatten(2).transpose(1, 2)
        x = torch.cat((self.token.expand(x.shape[0], -1, -1), x), 1) + self.places
        y = self.norm(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return self.head((x + self.inner(x))[:, 0])


class Language(nn.Module):
    """A language model that looks back only, written out as in nanoGPT."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.places = nn.Embedding(11, 8), nn.Embedding(6, 8)
        self.norm, self.three, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 8)
        self.head = nn.Linear(8, 11, bias=False)
        self.register_buffer("mask", torch.tril(torch.ones(6, 6))[None, None])

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores of the next word at each place."""
        y = self.words(x) + self.places(torch.arange(x.shape[1]))
        batch, length, width = y.shape
        parts = self.three(self.norm(y)).split(width, 2)
        q, k, v = (part.view(batch, length, 2, width // 2).transpose(1, 2) for part in parts)
        scores = (q @ k.transpose(-2, -1)) * (width // 2) ** -0.5
        scores = scores.masked_fill(self.get_buffer("mask")[:, :, :length, :length] == 0, float("-inf"))
        seen = (scores.softmax(-1) @ v).transpose(1, 2).contiguous().view(batch, length, width)
        return self.head(y + self.out(seen))


class Words(nn.Module):
    """A classifier of texts: both ways along the words."""

    def __init__(self) -> None:
        super().__init__()
        self.words, self.lstm = nn.Embedding(9, 4), nn.LSTM(4, 5, 2, batch_first=True, bidirectional=True)
        self.gru, self.head = nn.GRU(10, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logarithms of the shares of two classes."""
        y, _ = self.lstm(self.words(x))
        y, _ = self.gru(y)
        return functional.log_softmax(self.head(y[:, -1]), 1)


class Squeeze(nn.Module):
    """The gate of squeeze-and-excitation networks."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.gate = nn.Sequential(nn.Linear(channels, 2), nn.ReLU(), nn.Linear(2, channels), nn.Hardsigmoid())

    def forward(self, x: Tensor) -> Tensor:
        """Return the input with its channels weighted."""
        n, c = x.shape[:2]
        return x * self.gate(x.mean((2, 3))).view(n, c, 1, 1).expand_as(x)


class Shuffled(nn.Module):
    """Half of the channels goes around, then they are mixed, as in ShuffleNet 2."""

    def __init__(self) -> None:
        super().__init__()
        self.way = nn.Conv2d(4, 4, 3, padding=1, groups=4)

    def forward(self, x: Tensor) -> Tensor:
        """Return as many channels."""
        left, right = x.chunk(2, 1)
        n, c, h, w = x.shape
        both = torch.cat((left, self.way(right)), 1)
        return both.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class Segments(nn.Module):
    """A U-Net with two outputs."""

    def __init__(self) -> None:
        super().__init__()
        self.down, self.inside = nn.Conv2d(1, 4, 3, padding=1), nn.Conv2d(4, 8, 3, padding=1)
        self.up, self.out = nn.ConvTranspose2d(8, 4, 2, 2), nn.Conv2d(8, 1, 1)
        self.norm, self.edges = nn.GroupNorm(2, 8), nn.Conv2d(8, 2, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return a mask and edges."""
        whole = functional.silu(self.down(x))
        small = functional.mish(self.norm(self.inside(functional.max_pool2d(whole, 2))))
        both = torch.cat((self.up(small), whole), 1)
        edges = self.edges(
            functional.pad(functional.interpolate(small, scale_factor=2.0, mode="bilinear"), (1, 2, 0, 1))
        )
        return torch.sigmoid(self.out(both)), edges


class Odd(nn.Module):
    """What no layer does."""

    def __init__(self) -> None:
        super().__init__()
        self.start = nn.Conv2d(3, 4, 3)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return a wave, the largest values and sums."""
        y = self.start(x)
        largest, _ = torch.topk(y.flatten(1), 3)
        return torch.sin(y).flip(3), largest, torch.cumsum(torch.relu(y), 2)


MODELS: dict[str, tuple[nn.Module, Tensor, int]] = {
    "vision": (Vision(), torch.randn(2, 3, 8, 8), 17),
    "vision_of_one": (Vision(), torch.randn(1, 3, 8, 8), 17),
    "language": (Language(), torch.randint(0, 11, (2, 6)), 14),
    "words": (Words(), torch.randint(0, 9, (2, 7)), 11),
    "mobile": (
        nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1, bias=False),
            nn.BatchNorm2d(8),
            nn.Hardswish(),
            Squeeze(8),
            Shuffled(),
            nn.PReLU(8),
            nn.AvgPool2d(3, 2, 1, ceil_mode=True),
            nn.PixelShuffle(2),
            nn.InstanceNorm2d(2, affine=True),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(2, 3),
            nn.Softmax(1),
        ),
        torch.randn(2, 3, 9, 9),
        13,
    ),
    "segments": (Segments(), torch.randn(2, 1, 8, 8), 18),
    "refused": (Odd(), torch.randn(2, 3, 8, 8), 17),
}

OUTPUTS = {"segments": 2, "refused": 3}


def main() -> None:
    """Write all."""
    warnings.filterwarnings("ignore")
    for name, (model, x, opset) in MODELS.items():
        model.eval()
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d | nn.GroupNorm | nn.InstanceNorm2d | nn.LayerNorm):
                for part, values in [*module.named_parameters(), *module.named_buffers()]:
                    if values.is_floating_point():
                        low, high = (-0.5, 0.5) if part in {"bias", "running_mean"} else (0.5, 1.5)
                        nn.init.uniform_(values, low, high)
        axes = None if name == "vision_of_one" else {"x": {0: "N"}}
        target = FOLDER / f"{name}.onnx"
        torch.onnx.export(
            model,
            (x,),
            target,
            opset_version=opset,
            input_names=["x"],
            output_names=[f"y{i}" for i in range(OUTPUTS.get(name, 1))],
            dynamic_axes=axes,
            dynamo=False,
        )
        with torch.no_grad():
            made = model(x)
        outputs = made if isinstance(made, tuple) else (made,)
        np.savez(FOLDER / f"{name}.npz", x=x.numpy(), **{f"y{i}": y.numpy() for i, y in enumerate(outputs)})


if __name__ == "__main__":
    main()
