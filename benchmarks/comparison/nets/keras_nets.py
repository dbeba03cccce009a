"""The networks in Keras 3, channels last; they return logits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

import keras
from keras import layers, ops, regularizers

__all__ = ["NETS", "Position"]

_IMAGE = (28, 28, 1)


def _norm(**more: Any) -> layers.BatchNormalization:
    return layers.BatchNormalization(momentum=0.9, epsilon=1e-5, **more)


def paddle_softmax() -> keras.Model:
    return keras.Sequential([keras.Input(_IMAGE), layers.Flatten(), layers.Dense(10)])


def paddle_mlp() -> keras.Model:
    hidden = [layers.Dense(200, "relu"), layers.Dense(200, "relu")]
    return keras.Sequential([keras.Input(_IMAGE), layers.Flatten(), *hidden, layers.Dense(10)])


def paddle_lenet() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(_IMAGE),
            *(layers.Conv2D(20, 5, activation="relu"), layers.MaxPooling2D(2), _norm()),
            *(layers.Conv2D(50, 5, activation="relu"), layers.MaxPooling2D(2), _norm()),
            *(layers.Flatten(), layers.Dense(10)),
        ]
    )


def gluon_mlp() -> keras.Model:
    hidden = [layers.Dense(128, "relu"), layers.Dense(64, "relu")]
    return keras.Sequential([keras.Input(_IMAGE), layers.Flatten(), *hidden, layers.Dense(10)])


def gluon_lenet() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(_IMAGE),
            *(layers.Conv2D(20, 5, activation="tanh"), layers.MaxPooling2D(2)),
            *(layers.Conv2D(50, 5, activation="tanh"), layers.MaxPooling2D(2)),
            *(layers.Flatten(), layers.Dense(500, "tanh"), layers.Dense(10, "tanh")),
        ]
    )


def torch_cnn() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(_IMAGE),
            layers.Conv2D(5, 3, padding="same", activation="relu"),
            *(layers.Conv2D(10, 3, padding="same"), layers.MaxPooling2D(2), layers.ReLU(), _norm()),
            *(layers.Conv2D(20, 3, padding="same", activation="relu"), _norm()),
            *(layers.Conv2D(40, 3, padding="same"), layers.MaxPooling2D(2), layers.ReLU(), _norm()),
            *(layers.Flatten(), layers.Dense(200, "relu"), layers.Dropout(0.5)),
            *(layers.Dense(500, "relu"), layers.Dense(10)),
        ]
    )


def lasagne_cnn() -> keras.Model:
    return keras.Sequential(
        [
            keras.Input(_IMAGE),
            *(layers.Conv2D(32, 5, activation="relu"), layers.MaxPooling2D(2)),
            *(layers.Conv2D(32, 5, activation="relu"), layers.MaxPooling2D(2)),
            *(layers.Flatten(), layers.Dropout(0.5), layers.Dense(256, "relu")),
            *(layers.Dropout(0.5), layers.Dense(10)),
        ]
    )


def blocks_mlp() -> keras.Model:
    def dense(units: int, activation: str | None = None) -> layers.Dense:
        return layers.Dense(units, activation, kernel_regularizer=regularizers.L2(0.005))

    return keras.Sequential([keras.Input(_IMAGE), layers.Flatten(), dense(100, "relu"), dense(10)])


# --- ResNet-20 ------------------------------------------------------------------------------------------------------


def _conv(x: Any, filters: int, kernel: int = 3, stride: int = 1) -> Any:
    if stride > 1:  # "same" would pad only after the last pixel
        x, padding = layers.ZeroPadding2D(1)(x), "valid"
    else:
        padding = "same"
    return layers.Conv2D(filters, kernel, stride, padding, use_bias=False)(x)


def _block(x: Any, inputs: int, filters: int) -> Any:
    way = x
    if filters > inputs:
        way = ops.pad(x[:, ::2, ::2, :], ((0, 0), (0, 0), (0, 0), (0, inputs)))
    x = layers.ReLU()(_norm()(_conv(x, filters, stride=2 if filters > inputs else 1)))
    return layers.ReLU()(layers.add([_norm()(_conv(x, filters)), way]))


def resnet20() -> keras.Model:
    inputs = keras.Input((32, 32, 3))
    x = layers.ReLU()(_norm()(_conv(inputs, 16)))
    for before, filters in pairwise((16, 16, 16, 16, 32, 32, 32, 64, 64, 64)):
        x = _block(x, before, filters)
    return keras.Model(inputs, layers.Dense(10)(layers.GlobalAveragePooling2D()(x)))


# --- MobileNet ------------------------------------------------------------------------------------------------------


def _separable(x: Any, filters: int, stride: int = 1) -> Any:
    if stride > 1:
        x = layers.ZeroPadding2D(1)(x)
    x = layers.DepthwiseConv2D(3, stride, "valid" if stride > 1 else "same", use_bias=False)(x)
    x = layers.ReLU(6.0)(_norm()(x))
    return layers.ReLU(6.0)(_norm()(_conv(x, filters, 1)))


def mobilenet() -> keras.Model:
    inputs = keras.Input((224, 224, 3))
    x = layers.ReLU(6.0)(_norm()(_conv(inputs, 32, stride=2)))
    x = _separable(x, 64)
    for filters in (128, 256):
        x = _separable(_separable(x, filters, 2), filters)
    x = _separable(x, 512, 2)
    for _ in range(5):
        x = _separable(x, 512)
    x = _separable(_separable(x, 1024, 2), 1024)
    x = layers.Dropout(0.001)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, layers.Dense(1000)(x))


# --- the transformer ------------------------------------------------------------------------------------------------


class Position(layers.Layer):
    """Adds a trained vector to each place of (N, length, features)."""

    def build(self, shape: tuple[int, ...]) -> None:
        self.table = self.add_weight(shape=shape[1:], name="table")

    def call(self, x: Any) -> Any:
        return x + self.table


def _encoder(x: Any) -> Any:
    y = layers.LayerNormalization(epsilon=1e-5)(x)
    x = layers.add([x, layers.MultiHeadAttention(4, 16)(y, y)])
    y = layers.LayerNormalization(epsilon=1e-5)(x)
    return layers.add([x, layers.Dense(64)(layers.Dense(256, "gelu")(y))])


def transformer() -> keras.Model:
    inputs = keras.Input((64,), dtype="int32")
    x = layers.Dropout(0.1)(Position()(layers.Embedding(10000, 64)(inputs)))
    x = _encoder(_encoder(x))
    x = layers.GlobalAveragePooling1D()(layers.LayerNormalization(epsilon=1e-5)(x))
    return keras.Model(inputs, layers.Dense(2)(x))


NETS: Mapping[str, Callable[[], keras.Model]] = {
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
