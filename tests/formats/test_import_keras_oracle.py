"""Import of models that Keras itself saved, each compared with what Keras computes on random inputs."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import NetspecError
from netspec.workflows.import_model import Imported, import_model

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]

IMAGE, SEQUENCE, TOKENS, VOLUME = (9, 8, 3), (7, 4), (6,), (5, 6, 4, 2)


@pytest.fixture(scope="module")
def keras() -> Any:
    """Keras, the oracle, on JAX."""
    os.environ.setdefault("KERAS_BACKEND", "jax")
    return pytest.importorskip("keras", reason="Keras is not installed: pip install keras")


def randomized(model: Any, seed: int = 0) -> Any:
    """Give all numbers of a model random values, those of running averages too."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        if "seed" in variable.path:
            continue
        shape = tuple(variable.shape)
        if "variance" in variable.path or "count" in variable.path:
            variable.assign(rng.uniform(0.5, 2, shape))
        else:
            variable.assign(rng.normal(0, 0.5, shape))
    return model


def turned(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a batch with its channels in front."""
    return x if x.ndim < 3 else np.moveaxis(x, -1, 1)


def run(made: Imported, given: Any) -> Any:
    """Return what an imported model computes."""
    assert made.model is not None
    opened = ns.open(made.model)
    return opened.model.forward(opened.variables, given)


def agree(model: Any, folder: Path, given: np.ndarray[Any, Any], *, form: str = ".keras", first: bool = False) -> str:
    """Save a model, import it and compare; return the spec."""
    path = folder / f"net{form}"
    model.save(path)
    made = import_model([path], out=folder / "out.net", force=True)
    expected = np.asarray(model(given, training=False))
    found = np.asarray(run(made, given if first else turned(given)))
    expected = expected if first else turned(expected)
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=2e-5, atol=2e-5 * np.abs(expected).max())
    return made.spec.read_text()


Layers = Callable[[Any], list[Any]]

OF_IMAGES: dict[str, Layers] = {
    "conv valid": lambda k: [k.Conv2D(4, 3)],
    "conv same stride": lambda k: [k.Conv2D(4, 3, strides=2, padding="same", activation="relu")],
    "conv even": lambda k: [k.Conv2D(4, (2, 4), strides=(1, 2), padding="same", use_bias=False)],
    "conv dilated": lambda k: [k.Conv2D(4, 3, dilation_rate=2, padding="same", activation="tanh")],
    "conv grouped": lambda k: [k.Conv2D(6, 3, groups=3, padding="same")],
    "depthwise": lambda k: [k.DepthwiseConv2D(3, depth_multiplier=2, padding="same", activation="relu")],
    "depthwise stride": lambda k: [k.DepthwiseConv2D((3, 2), strides=2, padding="same")],
    "separable": lambda k: [k.SeparableConv2D(5, 3, strides=2, padding="same", depth_multiplier=2, activation="elu")],
    "pools": lambda k: [k.MaxPooling2D(3, 2, padding="same"), k.AveragePooling2D((2, 3), strides=1, padding="same")],
    "pool valid": lambda k: [k.AveragePooling2D(2), k.MaxPooling2D(2, strides=1)],
    "global avg": lambda k: [k.GlobalAveragePooling2D()],
    "global max kept": lambda k: [k.GlobalMaxPooling2D(keepdims=True)],
    "batchnorm": lambda k: [k.Conv2D(4, 1), k.BatchNormalization(), k.Activation("relu")],
    "batchnorm bare": lambda k: [k.BatchNormalization(scale=False, epsilon=0.01, momentum=0.8)],
    "batchnorm no center": lambda k: [k.BatchNormalization(center=False)],
    "batchnorm of rows": lambda k: [k.BatchNormalization(axis=1)],
    "layernorm": lambda k: [k.LayerNormalization()],
    "layernorm all": lambda k: [k.LayerNormalization(axis=[1, 2, 3])],
    "layernorm scale": lambda k: [k.LayerNormalization(center=False)],
    "groupnorm": lambda k: [k.Conv2D(6, 1), k.GroupNormalization(3)],
    "instancenorm": lambda k: [k.GroupNormalization(-1)],
    "dense of places": lambda k: [k.Dense(5, activation="gelu")],
    "flatten": lambda k: [k.Flatten(), k.Dense(5, activation="softmax")],
    "flatten and more": lambda k: [
        k.Flatten(),
        k.Dropout(0.3),
        k.BatchNormalization(),
        k.Activation("swish"),
        k.Dense(5),
    ],
    "flatten alone": lambda k: [k.Conv2D(2, 3), k.Flatten()],
    "flatten norm": lambda k: [k.Flatten(), k.LayerNormalization(), k.Dense(3)],
    "flatten groups": lambda k: [k.Flatten(), k.GroupNormalization(4)],
    "flatten softmax": lambda k: [k.Flatten(), k.Softmax()],
    "zero padding": lambda k: [k.ZeroPadding2D(((1, 2), (0, 3))), k.Conv2D(2, 3)],
    "zero padding even": lambda k: [k.ZeroPadding2D((2, 1))],
    "zero padding same": lambda k: [k.ZeroPadding2D(((1, 1), (0, 1))), k.DepthwiseConv2D(3, strides=2)],
    "zero padding one": lambda k: [k.ZeroPadding2D(1), k.SeparableConv2D(3, 3), k.ZeroPadding2D(2), k.Flatten()],
    "cropping": lambda k: [k.Cropping2D(((1, 2), (0, 3)))],
    "upsampling": lambda k: [k.UpSampling2D((2, 3))],
    "upsampling bilinear": lambda k: [k.UpSampling2D(2, interpolation="bilinear")],
    "prelu": lambda k: [k.PReLU(shared_axes=[1, 2])],
    "prelu one": lambda k: [k.PReLU(shared_axes=[1, 2, 3])],
    "prelu of a row": lambda k: [k.Flatten(), k.PReLU(), k.Dense(4)],
    "softmax of rows": lambda k: [k.Softmax(axis=1)],
    "reshape to sequence": lambda k: [k.Reshape((72, 3)), k.Conv1D(4, 3)],
    "reshape across": lambda k: [k.Reshape((12, 18)), k.Conv1D(4, 3)],
    "reshape image": lambda k: [k.Reshape((3, 9, 8)), k.Conv2D(4, 3)],
    "reshape back": lambda k: [k.Flatten(), k.Dropout(0.1), k.Reshape((9, 8, 3)), k.Conv2D(4, 3)],
    "reshape of a row": lambda k: [k.Flatten(), k.Dense(24), k.Reshape((-1, 3, 4)), k.Conv2D(2, 2)],
    "generator": lambda k: [
        k.Flatten(),
        k.Dense(60, use_bias=False),
        k.BatchNormalization(),
        k.LeakyReLU(negative_slope=0.2),
        k.Reshape((5, 4, 3)),
        k.Conv2DTranspose(2, 3, strides=2, padding="same", activation="tanh"),
    ],
    "reshape to places": lambda k: [k.Flatten(), k.Dense(24, activation="elu"), k.Reshape((6, -1)), k.LSTM(2)],
    "reshape of a mixed row": lambda k: [k.Flatten(), k.Reshape((24, 9)), k.Dense(3)],
    "permute": lambda k: [k.Permute((3, 1, 2)), k.Conv2D(2, 2)],
    "permute and flatten": lambda k: [k.Permute((2, 1, 3)), k.Flatten(), k.Dense(4)],
    "rescaled": lambda k: [k.Conv2D(2, 1), k.Rescaling(0.5, -1), k.Activation("relu")],
    "noise": lambda k: [k.GaussianNoise(0.2), k.SpatialDropout2D(0.2), k.GaussianDropout(0.1), k.AlphaDropout(0.1)],
}
for size, stride, padding in itertools.product((2, 3, 4, 5), (1, 2, 3), ("same", "valid")):
    OF_IMAGES[f"transposed {size} {stride} {padding}"] = lambda k, s=size, t=stride, p=padding: [  # type: ignore[misc]
        k.Conv2DTranspose(3, s, strides=t, padding=p, activation="relu")
    ]
OF_IMAGES["transposed more"] = lambda k: [k.Conv2DTranspose(3, 4, strides=3, padding="same", output_padding=1)]
OF_IMAGES["transposed valid more"] = lambda k: [k.Conv2DTranspose(3, 3, strides=2, output_padding=1)]
OF_IMAGES["transposed dilated"] = lambda k: [k.Conv2DTranspose(3, 3, dilation_rate=2, padding="same")]

_WORDS = """
relu relu6 leaky_relu elu selu celu gelu silu mish softplus softsign sigmoid log_sigmoid hard_sigmoid
hard_silu tanh hard_tanh tanh_shrink soft_shrink hard_shrink exponential softmax log_softmax linear
"""
FUNCTIONS = _WORDS.split()
for function in FUNCTIONS:
    OF_IMAGES[f"function {function}"] = lambda k, f=function: [k.Conv2D(4, 1, activation=f)]  # type: ignore[misc]
OF_IMAGES |= {
    "relu 6": lambda k: [k.ReLU(6)],
    "relu 3": lambda k: [k.ReLU(max_value=3.0)],
    "relu slope": lambda k: [k.ReLU(negative_slope=0.2)],
    "relu threshold": lambda k: [k.ReLU(threshold=0.3)],
    "leaky": lambda k: [k.LeakyReLU(negative_slope=0.2)],
    "elu": lambda k: [k.ELU(0.7)],
    "layer as function": lambda k: [k.Conv2D(4, 1, activation=k.LeakyReLU(negative_slope=0.1))],
}

OF_SEQUENCES: dict[str, Layers] = {
    "conv": lambda k: [k.Conv1D(5, 3, strides=2, padding="same", activation="relu")],
    "causal": lambda k: [k.Conv1D(5, 3, dilation_rate=2, padding="causal")],
    "depthwise": lambda k: [k.DepthwiseConv1D(3, depth_multiplier=2, padding="same")],
    "separable": lambda k: [k.SeparableConv1D(5, 3, padding="same")],
    "transposed": lambda k: [k.Conv1DTranspose(5, 4, strides=2, padding="same")],
    "pools": lambda k: [k.MaxPooling1D(3, 2, padding="same"), k.AveragePooling1D(2)],
    "global": lambda k: [k.GlobalAveragePooling1D(), k.Dense(3)],
    "global max": lambda k: [k.GlobalMaxPooling1D()],
    "padding": lambda k: [k.ZeroPadding1D((1, 2)), k.Cropping1D((0, 1)), k.UpSampling1D(3)],
    "lstm": lambda k: [k.LSTM(5)],
    "lstm all": lambda k: [k.LSTM(5, return_sequences=True), k.LSTM(3, use_bias=False)],
    "gru": lambda k: [k.GRU(5)],
    "gru all": lambda k: [k.GRU(5, return_sequences=True, use_bias=False), k.GRU(2)],
    "rnn": lambda k: [k.SimpleRNN(5, return_sequences=True), k.SimpleRNN(3, activation="relu")],
    "both ways": lambda k: [k.Bidirectional(k.LSTM(4, return_sequences=True)), k.Bidirectional(k.GRU(3))],
    "both ways sum": lambda k: [k.Bidirectional(k.SimpleRNN(4, return_sequences=True), merge_mode="sum")],
    "both ways ave": lambda k: [k.Bidirectional(k.LSTM(4), merge_mode="ave")],
    "both ways mul": lambda k: [k.Bidirectional(k.LSTM(4), merge_mode="mul")],
    "distributed function": lambda k: [k.TimeDistributed(k.Activation("relu")), k.TimeDistributed(k.Dense(2))],
    "distributed": lambda k: [k.TimeDistributed(k.Dense(5, activation="relu"))],
    "dense": lambda k: [k.Dense(5, activation="softmax"), k.Flatten(), k.Dense(2)],
    "permuted": lambda k: [k.Permute((2, 1)), k.LSTM(3)],
    "norms": lambda k: [k.LayerNormalization(), k.BatchNormalization(), k.GroupNormalization(2)],
    "layernorm along": lambda k: [k.LayerNormalization(axis=1)],
    "prelu": lambda k: [k.PReLU(shared_axes=[1])],
    "spatial": lambda k: [k.SpatialDropout1D(0.1), k.Flatten(), k.RepeatVector(3), k.LSTM(2)],
}


@pytest.mark.parametrize("name", OF_IMAGES)
def test_layers_of_images(keras: Any, tmp_path: Path, name: str) -> None:
    model = randomized(keras.Sequential([keras.Input(IMAGE), *OF_IMAGES[name](keras.layers)]))
    agree(model, tmp_path, np.random.default_rng(1).normal(0, 1, (3, *IMAGE)).astype(np.float32))


OF_VOLUMES: dict[str, Layers] = {
    "convs": lambda k: [
        k.Conv3D(4, (3, 2, 3), strides=(1, 2, 1), padding="same", activation="relu"),
        k.BatchNormalization(),
        k.Conv3D(4, 2, groups=2, use_bias=False),
    ],
    "transposed": lambda k: [k.Conv3DTranspose(3, (2, 3, 2), strides=2, padding="same"), k.SpatialDropout3D(0.1)],
    "pools": lambda k: [k.MaxPooling3D((2, 3, 1), 1, padding="same"), k.AveragePooling3D(2)],
    "borders": lambda k: [
        k.ZeroPadding3D((1, 0, 2)),
        k.Cropping3D(((1, 0), (2, 1), (0, 0))),
        k.UpSampling3D((1, 2, 3)),
    ],
    "rows": lambda k: [k.Conv3D(4, 3, dilation_rate=(1, 2, 1)), k.Flatten(), k.Dense(3, activation="softmax")],
    "global": lambda k: [k.LayerNormalization(), k.GlobalAveragePooling3D(), k.Dense(2)],
    "global kept": lambda k: [k.GlobalMaxPooling3D(keepdims=True)],
    "reshape": lambda k: [k.Reshape((30, 4, 2)), k.Conv2D(3, 3)],
}


@pytest.mark.parametrize("name", OF_VOLUMES)
def test_layers_of_volumes(keras: Any, tmp_path: Path, name: str) -> None:
    model = randomized(keras.Sequential([keras.Input(VOLUME), *OF_VOLUMES[name](keras.layers)]))
    agree(model, tmp_path, np.random.default_rng(1).normal(0, 1, (3, *VOLUME)).astype(np.float32))


@pytest.mark.parametrize("name", OF_SEQUENCES)
def test_layers_of_sequences(keras: Any, tmp_path: Path, name: str) -> None:
    model = randomized(keras.Sequential([keras.Input(SEQUENCE), *OF_SEQUENCES[name](keras.layers)]))
    agree(model, tmp_path, np.random.default_rng(1).normal(0, 1, (3, *SEQUENCE)).astype(np.float32))


OF_TOKENS: dict[str, Layers] = {
    "embedding": lambda k: [k.Embedding(11, 5), k.Flatten(), k.Dense(3)],
    "masked lstm": lambda k: [k.Embedding(11, 5, mask_zero=True), k.LSTM(4)],
    "masked both ways": lambda k: [k.Embedding(11, 5, mask_zero=True), k.Bidirectional(k.GRU(4)), k.Dense(2)],
    "masked mean": lambda k: [k.Embedding(11, 5, mask_zero=True), k.GlobalAveragePooling1D()],
    "conv": lambda k: [k.Embedding(11, 5), k.Conv1D(4, 3, activation="relu"), k.GlobalMaxPooling1D(), k.Dense(2)],
}


@pytest.mark.parametrize("name", OF_TOKENS)
def test_layers_of_tokens(keras: Any, tmp_path: Path, name: str) -> None:
    model = randomized(keras.Sequential([keras.Input(TOKENS, dtype="int32"), *OF_TOKENS[name](keras.layers)]))
    tokens = np.random.default_rng(1).integers(1, 11, (4, *TOKENS)).astype(np.int32)
    tokens[0, 4:], tokens[1, 2:] = 0, 0
    agree(model, tmp_path, tokens)


@pytest.mark.parametrize("form", [".keras", ".h5"])
@pytest.mark.parametrize("name", ["separable", "batchnorm", "flatten and more", "transposed 3 2 same", "relu 6"])
def test_both_forms_of_files(keras: Any, tmp_path: Path, form: str, name: str) -> None:
    model = randomized(keras.Sequential([keras.Input(IMAGE), *OF_IMAGES[name](keras.layers)]))
    agree(model, tmp_path, np.random.default_rng(1).normal(0, 1, (3, *IMAGE)).astype(np.float32), form=form)


@pytest.mark.parametrize("form", [".keras", ".h5"])
@pytest.mark.parametrize("name", ["lstm all", "both ways", "gru all", "distributed"])
def test_both_forms_of_sequences(keras: Any, tmp_path: Path, form: str, name: str) -> None:
    model = randomized(keras.Sequential([keras.Input(SEQUENCE), *OF_SEQUENCES[name](keras.layers)]))
    agree(model, tmp_path, np.random.default_rng(1).normal(0, 1, (3, *SEQUENCE)).astype(np.float32), form=form)


def residual(keras: Any) -> Any:
    k = keras.layers
    x = first = keras.Input(IMAGE)
    x = k.Conv2D(6, 3, padding="same", activation="relu")(x)
    y = k.BatchNormalization()(k.Conv2D(6, 3, padding="same")(x))
    x = k.Activation("relu")(k.Add()([x, y]))
    gate = k.Dense(6, activation="sigmoid")(k.GlobalAveragePooling2D(keepdims=True)(x))
    x = k.Multiply()([x, gate])
    x = k.Concatenate()([x, k.Conv2D(2, 1)(x)])
    flat = k.Concatenate()([k.Flatten()(x), k.GlobalMaxPooling2D()(x)])
    return keras.Model(first, k.Dense(4, activation="softmax")(flat))


def nested(keras: Any) -> Any:
    k = keras.layers
    body = keras.Sequential([keras.Input(IMAGE), k.Conv2D(4, 3, padding="same"), k.BatchNormalization()], name="body")
    inner = keras.Input((9, 8, 4))
    head = keras.Model(inner, k.Dense(3)(k.Flatten()(k.Activation("relu")(inner))), name="head")
    first = keras.Input(IMAGE)
    return keras.Model(first, k.Dense(2)(head(body(first))))


def shared(keras: Any) -> Any:
    k = keras.layers
    first = keras.Input(IMAGE)
    conv, dense = k.Conv2D(3, 3, padding="same", activation="relu"), k.Dense(4, activation="tanh")
    twice = conv(conv(first))
    a, b = dense(k.Flatten()(twice)), dense(k.Flatten()(conv(first)))
    return keras.Model(first, k.Dense(2)(k.Subtract()([a, b])))


def shared_model(keras: Any) -> Any:
    k = keras.layers
    body = keras.Sequential([keras.Input((5,)), k.Dense(4, activation="relu"), k.Dense(5)], name="body")
    first = keras.Input((5,))
    return keras.Model(first, k.Average()([body(first), body(body(first))]))


def merged(keras: Any) -> Any:
    k = keras.layers
    first = keras.Input(IMAGE)
    a, b = k.Conv2D(4, 1)(first), k.Conv2D(4, 1, activation="relu")(first)
    parts = [layer([a, b]) for layer in (k.Average(), k.Maximum(), k.Minimum(), k.Subtract(), k.Multiply())]
    x = k.Concatenate(axis=1)([*parts, k.Add()([a, b, parts[0]])])
    rows = [k.Flatten()(a), k.Flatten()(b)]
    dots = [k.Dot(axes=1)(rows), k.Dot(axes=1, normalize=True)(rows)]
    return keras.Model(first, k.Dense(3)(k.Concatenate()([k.Flatten()(x), *dots])))


def attentive(keras: Any) -> Any:
    k = keras.layers
    first = keras.Input((7, 6))
    x = k.MultiHeadAttention(2, 3)(first, first)
    x = k.LayerNormalization(epsilon=1e-6)(k.Add()([first, x]))
    x = k.MultiHeadAttention(3, 2, use_bias=False)(x, x, use_causal_mask=True)
    wide = k.Dense(8)(first)
    return keras.Model(first, k.MultiHeadAttention(2, 3)(x, wide))


def operations(keras: Any) -> Any:
    k = keras.layers
    first = keras.Input(IMAGE)
    x = k.Conv2D(4, 1)(first)
    gate = k.ReLU(6.0)(x + 3.0) * (1.0 / 6.0)
    y = keras.ops.relu(x * gate - 0.5) / 2.0
    return keras.Model(first, k.Dense(3)(k.Flatten()(1.0 - (x + y))))


GRAPHS = (operations, residual, nested, shared, shared_model, merged, attentive)


@pytest.mark.parametrize("form", [".keras", ".h5"])
@pytest.mark.parametrize("build", GRAPHS, ids=lambda build: build.__name__)
def test_graphs(keras: Any, tmp_path: Path, build: Callable[[Any], Any], form: str) -> None:
    model = randomized(build(keras))
    shape = model.input_shape[1:]
    agree(model, tmp_path, np.random.default_rng(1).normal(0, 1, (3, *shape)).astype(np.float32), form=form)


@pytest.mark.parametrize("form", [".keras", ".h5"])
def test_several_inputs_and_outputs(keras: Any, tmp_path: Path, form: str) -> None:
    k = keras.layers
    picture, words = keras.Input(IMAGE, name="picture"), keras.Input((6,), dtype="int32", name="words")
    a = k.GlobalAveragePooling2D()(k.Conv2D(4, 3, activation="relu")(picture))
    b = k.LSTM(4)(k.Embedding(12, 5, name="lookup")(words))
    both = k.Concatenate()([a, b])
    outs = [k.Dense(3, activation="softmax", name="kind")(both), k.Dense(1, name="size")(both)]
    model = randomized(keras.Model([picture, words], outs))
    model.compile("rmsprop", {"kind": "categorical_crossentropy", "size": "mse"}, loss_weights={"kind": 1, "size": 0.5})
    path = tmp_path / f"two{form}"
    model.save(path)
    made = import_model([path], out=tmp_path / "two.net")
    rng = np.random.default_rng(1)
    x, tokens = rng.random((3, *IMAGE), np.float32), rng.integers(0, 12, (3, 6)).astype(np.int32)
    found = run(made, {"picture": turned(x), "words": tokens})
    for name, expected in zip(("kind", "size"), model([x, tokens]), strict=True):
        np.testing.assert_allclose(found[name], np.asarray(expected), rtol=2e-5, atol=1e-5)
    text = made.spec.read_text()
    assert "output kind\n" in text or "output kind loss=cross_entropy\n" in text
    assert "output size loss=mse weight=0.5" in text
    assert "input 6 tokens=12 as words" in text


@pytest.mark.parametrize("ending", [".weights.h5", ".h5"])
def test_a_network_as_json_and_its_weights(keras: Any, tmp_path: Path, ending: str) -> None:
    model = randomized(residual(keras))
    (tmp_path / "net.json").write_text(model.to_json())
    weights = tmp_path / f"w{ending}"
    if ending == ".h5":
        model.save(weights)
    else:
        model.save_weights(weights)
    made = import_model([tmp_path / "net.json", weights], out=tmp_path / "out.net")
    x = np.random.default_rng(1).random((3, *IMAGE), np.float32)
    np.testing.assert_allclose(run(made, turned(x)), np.asarray(model(x)), rtol=2e-5, atol=1e-5)
    alone = import_model([tmp_path / "net.json"], out=tmp_path / "alone.net")
    assert alone.model is None
    assert alone.spec.read_text() == made.spec.read_text()


def test_channels_first(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    keras.config.set_image_data_format("channels_first")
    try:
        model = randomized(
            keras.Sequential(
                [
                    keras.Input((3, 9, 8)),
                    k.Conv2D(4, 3, strides=2, padding="same", activation="relu"),
                    k.BatchNormalization(axis=1),
                    k.MaxPooling2D(2),
                    k.Flatten(),
                    k.Dense(3),
                ]
            )
        )
        agree(model, tmp_path, np.random.default_rng(1).random((3, 3, 9, 8), np.float32), first=True)
    finally:
        keras.config.set_image_data_format("channels_last")


@pytest.mark.parametrize(("scale", "offset"), [(1 / 255, 0), (1 / 127.5, -1)])
def test_rescaling_is_what_is_done_to_bytes(keras: Any, tmp_path: Path, scale: float, offset: float) -> None:
    k = keras.layers
    model = randomized(keras.Sequential([keras.Input(IMAGE), k.Rescaling(scale, offset), k.Flatten(), k.Dense(3)]))
    model.save(tmp_path / "net.keras")
    made = import_model([tmp_path / "net.keras"], out=tmp_path / "out.net")
    pixels = np.random.default_rng(1).integers(0, 256, (3, *IMAGE)).astype(np.uint8)
    expected = np.asarray(model(pixels.astype(np.float32)))
    np.testing.assert_allclose(run(made, turned(pixels)), expected, rtol=2e-5, atol=1e-4)


@pytest.mark.parametrize("adapted", [True, False])
def test_normalization(keras: Any, tmp_path: Path, adapted: bool) -> None:
    k = keras.layers
    given = np.random.default_rng(1).normal(3, 2, (20, 5)).astype(np.float32)
    norm = k.Normalization() if adapted else k.Normalization(mean=[1, 2, 3, 4, 5], variance=[1, 4, 9, 16, 25])
    if adapted:
        norm.adapt(given)
    model = keras.Sequential([keras.Input((5,)), norm, k.Dense(3)])
    agree(model, tmp_path, given)


def test_a_size_that_is_open_is_asked_for(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    model = randomized(keras.Sequential([keras.Input((None, None, 3)), k.Conv2D(4, 3), k.GlobalAveragePooling2D()]))
    model.save(tmp_path / "net.keras")
    with pytest.raises(NetspecError, match=r"leaves the size of the input open, 3x\?x\?; say it: --shape 3xNxN"):
        import_model([tmp_path / "net.keras"], out=tmp_path / "out.net")
    made = import_model([tmp_path / "net.keras"], out=tmp_path / "out.net", shape=(3, 9, 8))
    x = np.random.default_rng(1).random((3, *IMAGE), np.float32)
    np.testing.assert_allclose(run(made, turned(x)), np.asarray(model(x)), rtol=2e-5, atol=1e-5)


def test_what_was_compiled_becomes_the_recipe(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    penalty = keras.regularizers.L2(0.001)
    model = keras.Sequential(
        [
            keras.Input((5,)),
            k.Dense(4, "relu", kernel_initializer="he_normal", kernel_regularizer=penalty),
            k.Dense(3, "softmax", kernel_regularizer=penalty),
        ]
    )
    model.compile(keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True), "sparse_categorical_crossentropy")
    for form in (".keras", ".h5"):
        model.save(tmp_path / f"net{form}")
        text = import_model([tmp_path / f"net{form}"], out=tmp_path / "out.net", force=True).spec.read_text()
        assert "optimizer sgd lr=0.05 momentum=0.9 nesterov" in text
        assert "l2 0.001" in text
        assert "fc 4 relu init=he_normal" in text
        assert "loss" not in text


def test_layers_that_are_not_trained_are_frozen(keras: Any, tmp_path: Path) -> None:
    k = keras.layers
    model = keras.Sequential([keras.Input((5,)), k.Dense(4, name="kept"), k.Dense(3)])
    model.layers[0].trainable = False
    model.save(tmp_path / "net.keras")
    text = import_model([tmp_path / "net.keras"], out=tmp_path / "out.net").spec.read_text()
    assert "freeze kept" in text
