"""The U-Net of segmentation.py in PyTorch, written by hand."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from math import cos, pi
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from netspec.data import batch_indices, epoch_order

__all__ = ["UNet", "start_from", "twin"]

_BATCH, _PEAK = 8, 0.003


class _Double(nn.Sequential):
    def __init__(self, before: int, after: int) -> None:
        layers: list[nn.Module] = []
        for channels in (before, after):
            conv = nn.Conv2d(channels, after, 3, padding=1, bias=False)
            layers += [conv, nn.BatchNorm2d(after), nn.ReLU()]
        super().__init__(*layers)


class UNet(nn.Module):
    """The network; it answers with logits."""

    def __init__(self) -> None:
        super().__init__()
        self.top, self.middle, self.bottom = _Double(1, 8), _Double(8, 16), _Double(16, 32)
        self.pool = nn.MaxPool2d(2)
        self.up_1, self.double_1 = nn.ConvTranspose2d(32, 16, 2, stride=2), _Double(32, 16)
        self.up_2, self.double_2 = nn.ConvTranspose2d(16, 8, 2, stride=2), _Double(16, 8)
        self.last = nn.Conv2d(8, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        top = self.top(x)
        middle = self.middle(self.pool(top))
        bottom = self.bottom(self.pool(middle))
        x = self.double_1(torch.cat([self.up_1(bottom), middle], 1))
        x = self.double_2(torch.cat([self.up_2(x), top], 1))
        return self.last(x)


def start_from(network: UNet, initial: Mapping[str, Mapping[str, Any]]) -> None:
    """Give the network the initial values of netspec's: those of each layer, in the order of the spec."""
    named = {
        "top": network.top,
        "middle": network.middle,
        "double_1": network.bottom,
        "up_1/double_1": network.double_1,
        "up_2/double_1": network.double_2,
    }
    layers: dict[str, nn.Module] = {
        "up_1/deconv_1": network.up_1,
        "up_2/deconv_1": network.up_2,
        "conv_1": network.last,
    }
    for name, double in named.items():
        for at, kind in enumerate(("conv_1", "batchnorm_1", "", "conv_2", "batchnorm_2")):
            if kind:
                layers[f"{name}/{kind}"] = double[at]
    if set(layers) != set(initial):
        raise ValueError(f"the twin lacks layers of the spec: {sorted(set(layers) ^ set(initial))}")
    words = {"kernel": "weight", "bias": "bias", "scale": "weight", "offset": "bias"}
    with torch.no_grad():
        for name, arrays in initial.items():
            for array, values in arrays.items():
                parameter = getattr(layers[name], words[array])
                if parameter.shape != values.shape:
                    raise ValueError(f"{name}/{array} is {values.shape} here, and {tuple(parameter.shape)} in the twin")
                parameter.copy_(torch.from_numpy(np.array(values)))


def twin(
    arrays: Mapping[str, NDArray[Any]], initial: Mapping[str, Mapping[str, Any]], *, epochs: int, seed: int
) -> NDArray[np.float32]:
    """Return the twin's answers for the test part, after its training."""
    # Beside other work, threads that wait for each other at each operation make such small ones slower.
    torch.set_num_threads(1)
    x, x_test = (torch.from_numpy(arrays[name].astype(np.float32) / 255) for name in ("x_train", "x_test"))
    y = torch.from_numpy(arrays["y_train"])
    network = UNet()
    start_from(network, initial)
    optimizer = torch.optim.Adam(network.parameters(), lr=_PEAK)
    steps = -(-len(x) // _BATCH)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: (1 + cos(pi * at / (steps * epochs))) / 2)
    for epoch in range(1, epochs + 1):
        order, losses = epoch_order(len(x), seed=seed, epoch=epoch, shuffle=True), 0.0
        network.train()
        for step in range(steps):
            some = torch.from_numpy(batch_indices(order, step, _BATCH))
            loss = nn.functional.binary_cross_entropy_with_logits(network(x[some]), y[some])
            optimizer.zero_grad()
            torch.autograd.backward(loss)
            optimizer.step()
            schedule.step()
            losses += loss.item() * len(some)
        print(f"twin: epoch {epoch} train loss {losses / len(x):.4f}", file=sys.stderr, flush=True)
    network.eval()
    with torch.no_grad():
        return torch.sigmoid(network(x_test)).numpy()
