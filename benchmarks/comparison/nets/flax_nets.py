"""The networks in Flax NNX, channels last; they return logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

__all__ = ["NETS", "Position"]

_POOL = partial(nnx.max_pool, window_shape=(2, 2), strides=(2, 2))


def _flatten(x: jax.Array) -> jax.Array:
    return x.reshape(x.shape[0], -1)


def _mean(x: jax.Array) -> jax.Array:
    """The mean over all places between the examples and the channels."""
    return x.mean(tuple(range(1, x.ndim - 1)))


def _norm(channels: int, rngs: nnx.Rngs) -> nnx.BatchNorm:
    return nnx.BatchNorm(channels, momentum=0.9, epsilon=1e-5, rngs=rngs)


def paddle_softmax(rngs: nnx.Rngs) -> nnx.Module:
    return nnx.Sequential(_flatten, nnx.Linear(784, 10, rngs=rngs))


def _perceptron(rngs: nnx.Rngs, *widths: int) -> nnx.Module:
    first, *hidden = (nnx.Linear(a, b, rngs=rngs) for a, b in pairwise(widths))
    return nnx.Sequential(_flatten, first, *(part for layer in hidden for part in (nnx.relu, layer)))


def paddle_lenet(rngs: nnx.Rngs) -> nnx.Module:
    conv = partial(nnx.Conv, kernel_size=(5, 5), padding="VALID", rngs=rngs)
    return nnx.Sequential(
        *(conv(1, 20), nnx.relu, _POOL, _norm(20, rngs)),
        *(conv(20, 50), nnx.relu, _POOL, _norm(50, rngs)),
        *(_flatten, nnx.Linear(800, 10, rngs=rngs)),
    )


def gluon_lenet(rngs: nnx.Rngs) -> nnx.Module:
    conv = partial(nnx.Conv, kernel_size=(5, 5), padding="VALID", rngs=rngs)
    return nnx.Sequential(
        *(conv(1, 20), nnx.tanh, _POOL, conv(20, 50), nnx.tanh, _POOL),
        *(_flatten, nnx.Linear(800, 500, rngs=rngs), nnx.tanh, nnx.Linear(500, 10, rngs=rngs), nnx.tanh),
    )


def torch_cnn(rngs: nnx.Rngs) -> nnx.Module:
    conv = partial(nnx.Conv, kernel_size=(3, 3), rngs=rngs)
    linear = partial(nnx.Linear, rngs=rngs)
    return nnx.Sequential(
        *(conv(1, 5), nnx.relu),
        *(conv(5, 10), _POOL, nnx.relu, _norm(10, rngs)),
        *(conv(10, 20), nnx.relu, _norm(20, rngs)),
        *(conv(20, 40), _POOL, nnx.relu, _norm(40, rngs)),
        *(_flatten, linear(40 * 7 * 7, 200), nnx.relu, nnx.Dropout(0.5, rngs=rngs)),
        *(linear(200, 500), nnx.relu, linear(500, 10)),
    )


def lasagne_cnn(rngs: nnx.Rngs) -> nnx.Module:
    conv = partial(nnx.Conv, kernel_size=(5, 5), padding="VALID", rngs=rngs)
    return nnx.Sequential(
        *(conv(1, 32), nnx.relu, _POOL, conv(32, 32), nnx.relu, _POOL),
        *(_flatten, nnx.Dropout(0.5, rngs=rngs), nnx.Linear(512, 256, rngs=rngs), nnx.relu),
        *(nnx.Dropout(0.5, rngs=rngs), nnx.Linear(256, 10, rngs=rngs)),
    )


# --- ResNet-20 ------------------------------------------------------------------------------------------------------


class Block(nnx.Module):
    """Two convolutions and the way around them; where the size halves, that takes every other pixel."""

    def __init__(self, inputs: int, filters: int, rngs: nnx.Rngs) -> None:
        self.down = filters > inputs
        conv = partial(nnx.Conv, kernel_size=(3, 3), padding=1, use_bias=False, rngs=rngs)
        self.conv1 = conv(inputs, filters, strides=2 if self.down else 1)
        self.norm1 = _norm(filters, rngs)
        self.conv2 = conv(filters, filters)
        self.norm2 = _norm(filters, rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        y = self.norm2(self.conv2(nnx.relu(self.norm1(self.conv1(x)))))
        if self.down:
            x = jnp.pad(x[:, ::2, ::2], ((0, 0), (0, 0), (0, 0), (0, x.shape[-1])))
        return nnx.relu(y + x)


def resnet20(rngs: nnx.Rngs) -> nnx.Module:
    channels = (16, 16, 16, 16, 32, 32, 32, 64, 64, 64)
    return nnx.Sequential(
        *(nnx.Conv(3, 16, (3, 3), use_bias=False, rngs=rngs), _norm(16, rngs), nnx.relu),
        *(Block(inputs, filters, rngs) for inputs, filters in pairwise(channels)),
        *(_mean, nnx.Linear(64, 10, rngs=rngs)),
    )


# --- MobileNet ------------------------------------------------------------------------------------------------------


def _conv_norm(rngs: nnx.Rngs, inputs: int, filters: int, kernel: int, stride: int = 1, groups: int = 1) -> list[Any]:
    conv = nnx.Conv(
        inputs,
        filters,
        (kernel, kernel),
        strides=stride,
        padding=kernel // 2,
        feature_group_count=groups,
        use_bias=False,
        rngs=rngs,
    )
    return [conv, _norm(filters, rngs), nnx.relu6]


def mobilenet(rngs: nnx.Rngs) -> nnx.Module:
    layers = _conv_norm(rngs, 3, 32, 3, 2)
    for inputs, filters in pairwise((32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024)):
        stride = 2 if filters > inputs > 32 else 1
        layers += _conv_norm(rngs, inputs, inputs, 3, stride, groups=inputs)
        layers += _conv_norm(rngs, inputs, filters, 1)
    return nnx.Sequential(*layers, _mean, nnx.Dropout(0.001, rngs=rngs), nnx.Linear(1024, 1000, rngs=rngs))


# --- the transformer ------------------------------------------------------------------------------------------------


class Position(nnx.Module):
    """Adds a trained vector to each place of (N, length, features)."""

    def __init__(self, length: int, features: int) -> None:
        self.table = nnx.Param(jnp.zeros((length, features)))

    def __call__(self, x: jax.Array) -> jax.Array:
        return x + self.table[...]


class Encoder(nnx.Module):
    """Attention and two dense layers, each normalized before and with a way around it."""

    def __init__(self, rngs: nnx.Rngs) -> None:
        self.norm1 = nnx.LayerNorm(64, epsilon=1e-5, rngs=rngs)
        self.attention = nnx.MultiHeadAttention(4, 64, decode=False, rngs=rngs)
        self.norm2 = nnx.LayerNorm(64, epsilon=1e-5, rngs=rngs)
        self.wide = nnx.Linear(64, 256, rngs=rngs)
        self.narrow = nnx.Linear(256, 64, rngs=rngs)

    def __call__(self, x: jax.Array) -> jax.Array:
        x = x + self.attention(self.norm1(x))
        return x + self.narrow(nnx.gelu(self.wide(self.norm2(x)), approximate=False))


def transformer(rngs: nnx.Rngs) -> nnx.Module:
    return nnx.Sequential(
        *(nnx.Embed(10000, 64, rngs=rngs), Position(64, 64), nnx.Dropout(0.1, rngs=rngs)),
        *(Encoder(rngs), Encoder(rngs), nnx.LayerNorm(64, epsilon=1e-5, rngs=rngs)),
        *(_mean, nnx.Linear(64, 2, rngs=rngs)),
    )


NETS: Mapping[str, Callable[[nnx.Rngs], nnx.Module]] = {
    "lenet": paddle_lenet,
    "paddle_softmax": paddle_softmax,
    "paddle_mlp": lambda rngs: _perceptron(rngs, 784, 200, 200, 10),
    "paddle_lenet": paddle_lenet,
    "gluon_mlp": lambda rngs: _perceptron(rngs, 784, 128, 64, 10),
    "gluon_lenet": gluon_lenet,
    "torch_cnn": torch_cnn,
    "lasagne_cnn": lasagne_cnn,
    "blocks_mlp": lambda rngs: _perceptron(rngs, 784, 100, 10),
    "resnet20": resnet20,
    "mobilenet": mobilenet,
    "transformer": transformer,
}
"""By the name of the spec."""
