"""Darknet in a few lines of NumPy: it reads the text itself, draws weights, writes them as Darknet does, and computes.

Sections that the tests do not use are not there. What each layer does follows darknet's C sources.
"""

# ruff: noqa: ARG002  # every section is called alike

from __future__ import annotations

import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.formats.caffe_twin import conv

Array = NDArray[Any]

FUNCTIONS = {
    "linear": lambda x: x,
    "logistic": lambda x: 1 / (1 + np.exp(-x)),
    "loggy": lambda x: 2 / (1 + np.exp(-x)) - 1,
    "relu": lambda x: x * (x > 0),
    "elu": lambda x: np.where(x >= 0, x, np.exp(x) - 1),
    "selu": lambda x: np.where(x >= 0, 1.0507 * x, 1.0507 * 1.6732 * (np.exp(x) - 1)),
    "relie": lambda x: np.where(x > 0, x, 0.01 * x),
    "ramp": lambda x: x * (x > 0) + 0.1 * x,
    "leaky": lambda x: np.where(x > 0, x, 0.1 * x),
    "tanh": lambda x: (np.exp(2 * x) - 1) / (np.exp(2 * x) + 1),
    "hardtan": lambda x: np.clip(x, -1, 1),
}


class Twin:
    """A network of Darknet with random weights."""

    def __init__(self, text: str, seed: int = 0) -> None:
        self.sections: list[tuple[str, dict[str, str]]] = []
        for line in text.split("\n"):
            if line.startswith("["):
                self.sections.append((line.strip("[]"), {}))
            elif line and not line.startswith("#"):
                key, value = line.split("=")
                self.sections[-1][1][key.strip()] = value.strip()
        self.rng = np.random.default_rng(seed)
        self.stored: list[Array] = []
        self.drawn: dict[int, dict[str, Array]] = {}

    def weights(self, *, version: tuple[int, int, int] = (0, 2, 0)) -> bytes:
        """Return the file of the weights that were drawn; `forward` draws them."""
        major, minor, _ = version
        wide = major * 10 + minor >= 2 and major < 1000 and minor < 1000
        made = struct.pack("<iii", *version) + struct.pack("<Q" if wide else "<I", 32000)
        for index, arrays in self.drawn.items():
            kind, options = self.sections[index + 1]
            order = ["bias", "kernel"]
            norms = ["scale", "mean", "variance"] if options.get("batch_normalize") == "1" else []
            order = [*order, *norms] if kind == "connected" else ["bias", *norms, "kernel"]
            order = ["scale", "mean", "variance"] if kind == "batchnorm" else order
            for name in order:
                array = arrays[name]
                if name == "kernel" and kind == "connected" and (major > 1000 or minor > 1000):
                    array = array.T
                made += np.ascontiguousarray(array, "<f4").tobytes()
        return made

    def draw(self, index: int, name: str, *shape: int) -> Array:
        """Return an array of a layer, which is drawn when first asked for."""
        arrays = self.drawn.setdefault(index, {})
        if name not in arrays:
            values = self.rng.normal(size=shape).astype(np.float32) * 0.3
            arrays[name] = np.abs(values) + np.float32(0.5) if name in {"variance", "scale"} else values
        return arrays[name]

    def normalized(self, index: int, y: Array, *, offset: bool = True) -> Array:
        c = y.shape[1]
        shape = (1, c, *[1] * (y.ndim - 2))
        mean, variance = self.draw(index, "mean", c), self.draw(index, "variance", c)
        y = (y - mean.reshape(shape)) / np.sqrt(variance.reshape(shape) + 0.00001)
        y = y * self.draw(index, "scale", c).reshape(shape)
        return y + self.draw(index, "bias", c).reshape(shape) if offset else y

    def forward(self, x: Array) -> Array:
        """Return the output for pixels of 0..1."""
        values: list[Array] = []
        for index, (kind, options) in enumerate(self.sections[1:]):
            x = getattr(self, kind)(index, options, x, values)
            values.append(x)
        return x

    def convolutional(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        filters, size, groups = int(o.get("filters", 1)), int(o.get("size", 1)), int(o.get("groups", 1))
        pad = size // 2 if o.get("pad") == "1" else int(o.get("padding", 0))
        if x.ndim == 2:
            x = x[:, :, None, None]
        normed = o.get("batch_normalize") == "1"
        bias = self.draw(index, "bias", filters)
        kernel = self.draw(index, "kernel", filters, x.shape[1] // groups, size, size)
        y = conv(x, kernel, None if normed else bias, int(o.get("stride", 1)), pad, groups)
        y = self.normalized(index, y) if normed else y
        y = FUNCTIONS[o.get("activation", "logistic")](y)
        return y[:, :, 0, 0] if y.shape[2:] == (1, 1) else y

    def connected(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        x = x.reshape(len(x), -1)
        out = int(o.get("output", 1))
        bias = self.draw(index, "bias", out)
        y = x @ self.draw(index, "kernel", out, x.shape[1]).T
        y = self.normalized(index, y) if o.get("batch_normalize") == "1" else y + bias
        return FUNCTIONS[o.get("activation", "logistic")](y)

    def batchnorm(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        return self.normalized(index, x, offset=False)

    def maxpool(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        stride = int(o.get("stride", 1))
        size = int(o.get("size", stride))
        padding = int(o.get("padding", size - 1))
        n, c, h, w = x.shape
        high, wide = (h + padding - size) // stride + 1, (w + padding - size) // stride + 1
        y = np.full((n, c, high, wide), -np.inf)
        offset = -(padding // 2)  # in C a division of a negative number cuts towards 0
        for i in range(high):
            for j in range(wide):
                for a in range(size):
                    for b in range(size):
                        row, column = offset + i * stride + a, offset + j * stride + b
                        if 0 <= row < h and 0 <= column < w:
                            y[:, :, i, j] = np.maximum(y[:, :, i, j], x[:, :, row, column])
        return y

    def avgpool(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        return x.mean((2, 3))

    def dropout(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        return x

    def cost(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        return x

    def activation(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        return FUNCTIONS[o["activation"]](x)

    def upsample(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        return x.repeat(int(o.get("stride", 2)), 2).repeat(int(o.get("stride", 2)), 3)

    def crop(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        high, wide = int(o["crop_height"]), int(o["crop_width"])
        top, left = (x.shape[2] - high) // 2, (x.shape[3] - wide) // 2
        return x[:, :, top : top + high, left : left + wide] * 2 - 1

    def route(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        return np.concatenate([values[int(n)] for n in o["layers"].split(",")], 1)

    def shortcut(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        other = values[int(o["from"])]
        stride = max(other.shape[2] // x.shape[2], 1)
        channels = min(x.shape[1], other.shape[1])
        y = x.copy()
        y[:, :channels] += other[:, :channels, ::stride, ::stride]
        return FUNCTIONS[o.get("activation", "linear")](y)

    def softmax(self, index: int, o: dict[str, str], x: Array, values: list[Array]) -> Array:
        x = x.reshape(len(x), -1)
        e = np.exp(x - x.max(1, keepdims=True))
        return e / e.sum(1, keepdims=True)
