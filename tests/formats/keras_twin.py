"""What Keras computes, by NumPy alone: networks of images in the form of Keras 2, from their JSON and their arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import ceil
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Arrays = Mapping[str, list[Array]]

FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "elu": lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))),
    "hard_sigmoid": lambda x: np.clip(0.2 * x + 0.5, 0, 1),
    "softmax": lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
}


OPERATIONS: dict[str, Callable[[Array, Any], Array]] = {
    "__operators__.add": lambda x, y: x + y,
    "math.multiply": lambda x, y: x * y,
    "math.truediv": lambda x, y: x / y,
    "nn.relu": lambda x, y: np.maximum(x, 0),
}


def padded(x: Array, size: Any, stride: Any, padding: str, value: float = 0.0) -> Array:
    """Return images with a border: of TensorFlow's `same` the odd row is at the end."""
    pads = [(0, 0)]
    for n, k, s in zip(x.shape[1:3], size, stride, strict=True):
        total = max((ceil(n / s) - 1) * s + k - n, 0) if padding == "same" else 0
        pads.append((total // 2, total - total // 2))
    return np.pad(x, [*pads, (0, 0)], constant_values=value)


def windows(x: Array, size: Any, stride: Any) -> Array:
    """Return the windows of images: N x H x W x C x kernel rows x kernel columns."""
    found = np.lib.stride_tricks.sliding_window_view(x, tuple(size), axis=(1, 2))
    return found[:, :: stride[0], :: stride[1]]


def forward(net: Mapping[str, Any], arrays: Arrays, x: Array) -> Array:
    """Return what a network gives, of a batch of N x H x W x C."""
    config = net["config"]
    layers = config if isinstance(config, list) else config["layers"]
    made: dict[str, Array] = {}
    last = x.astype(np.float64)
    for layer in layers:
        kind, own = layer["class_name"], layer["config"]
        if kind == "InputLayer":
            made[own["name"]] = last = x.astype(np.float64)
            continue
        nodes = layer.get("inbound_nodes")
        reads = [made[each[0]] for each in nodes[0]] if nodes else [last]
        stored = [a.astype(np.float64) for a in arrays.get(own["name"], [])]
        last = made[own["name"]] = layer_of(kind, own, stored, reads)
    return last


def layer_of(kind: str, own: Mapping[str, Any], stored: list[Array], reads: list[Array]) -> Array:  # noqa: PLR0912
    """Return what one layer gives."""
    x = reads[0]
    function = FUNCTIONS[own.get("activation", "linear")]
    bias = stored[-1] if own.get("use_bias", True) and stored else 0
    match kind:
        case "Conv2D":
            given = padded(x, own["kernel_size"], own["strides"], own["padding"])
            seen = windows(given, own["kernel_size"], own["strides"])
            return function(np.einsum("nhwcij,ijco->nhwo", seen, stored[0]) + bias)
        case "DepthwiseConv2D" | "SeparableConv2D":
            given = padded(x, own["kernel_size"], own["strides"], own["padding"])
            y = np.einsum("nhwcij,ijcm->nhwcm", windows(given, own["kernel_size"], own["strides"]), stored[0])
            y = y.reshape(*y.shape[:3], -1)
            return function((y @ stored[1][0, 0] if kind == "SeparableConv2D" else y) + bias)
        case "MaxPooling2D":
            given = padded(x, own["pool_size"], own["strides"], own["padding"], -np.inf)
            return windows(given, own["pool_size"], own["strides"]).max((-1, -2))
        case "AveragePooling2D":
            return windows(x, own["pool_size"], own["strides"]).mean((-1, -2))
        case "GlobalAveragePooling2D":
            return x.mean((1, 2))
        case "BatchNormalization":
            scale, offset, mean, variance = stored
            return (x - mean) / np.sqrt(variance + own["epsilon"]) * scale + offset
        case "Dense":
            return function(x @ stored[0] + bias)
        case "Activation":
            return function(x)
        case "LeakyReLU":
            return np.where(x > 0, x, x * own["alpha"])
        case "Dropout":
            return x
        case "Flatten":
            return x.reshape(len(x), -1)
        case "Reshape":
            return x.reshape(len(x), *own["target_shape"])
        case "ZeroPadding2D":
            return np.pad(x, [(0, 0), *own["padding"], (0, 0)])
        case "TFOpLambda":
            return OPERATIONS[own["function"]](x, reads[1] if len(reads) > 1 else own["_y"])
        case "Add":
            return np.sum(reads, axis=0)
        case "Concatenate":
            return np.concatenate(reads, axis=-1)
    raise ValueError(kind)
