"""Networks of Keras as JSON that are damaged, hostile or not understood: one clear error each."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import pytest

from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats.keras.reader.files import Keras
from netspec.formats.reading import Given
from netspec.workflows.import_model import import_model
from tests.formats.keras_files import chain, given, graph, layer, node
from tests.formats.test_import_bad import refused

DENSE = layer("Dense", "d", units=3, activation="linear")
NET = chain(given(5), DENSE)


def text(net: object) -> str:
    return json.dumps(net)


def alone(kind: str, *shape: int, **config: Any) -> str:
    """Return a network of one layer as JSON."""
    return text(chain(given(*(shape or (8, 8, 3))), layer(kind, "x", **config)))


JSONS = {
    "empty": ("", "is empty"),
    "no text": (b"\xff\xfe\0", "is no text"),
    "no JSON": ("{", "net.json, line 1: this is no JSON"),
    "a list": ("[]", "is no network of Keras"),
    "another object": ("{}", "is no network of Keras"),
    "deep": ('{"a":' * 100_000 + "1", "no JSON that can be read"),
    "a flood": ("[" + "1," * 3_000_001 + "1]", "holds more than any network"),
    "a long number": ('{"class_name": ' + "9" * 5000 + "}", "no JSON that can be read"),
    "no layers": (text({"class_name": "Sequential", "config": {}}), "a model has no `layers`"),
    "empty chain": (text(chain()), "no layer"),
    "a layer without a class": (text(chain(given(5), {"config": {}})), "a layer has no `class_name`"),
    "twice": (text(chain(given(5), DENSE, DENSE)), "two layers are called 'd'"),
    "a class of users": (
        text({"class_name": "Mine", "module": "mine", "registered_name": "mine>Mine", "config": {"layers": []}}),
        "is a model of the class 'mine>Mine', whose code is not in the file",
    ),
    "models in each other": (text(NET | {}) and None, "more than 16 models in each other"),
    "an unknown layer": (alone("Warp"), "net.json, layer x: the layer `Warp`"),
    "a Lambda": (
        alone("Lambda", function=["4wEAAAA=", None, None]),
        "layer x: Lambda: a function in Python, and no code from a file is run",
    ),
    "a class of users in it": (
        text(chain(given(5), {**layer("Dense", "x", units=3), "registered_name": "my>Dense", "module": "my"})),
        "the class 'my>Dense', whose code is not in the file",
    ),
    "pickled": (alone("TorchModuleWrapper", module="gASV"), "pickled code"),
    "a function of users": (
        alone("Activation", activation={"class_name": "function", "config": "f", "registered_name": "my>f"}),
        "the function 'my>f', whose code is not in the file",
    ),
    "an unknown function": (alone("Activation", activation="sparsemax"), "activation='sparsemax'"),
    "an unknown argument": (alone("Conv2D", filters=3, kernel_size=[3, 3], spin=2), "Conv2D: spin=2; nothing is known"),
    "no size": (alone("Conv2D", filters=3), "x: Conv2D: it has no kernel_size"),
    "a size of one axis": (alone("Conv2D", filters=3, kernel_size=[3]), "kernel_size=[3] are no 2 whole numbers"),
    "a huge kernel": (alone("Conv2D", filters=3, kernel_size=[99, 99]), "x does not fit: the 99x99 kernel is larger"),
    "a huge layer": (alone("Dense", 5, units=10**9), "at most 4,000,000,000"),
    "too many units": (alone("Dense", 5, units=10**12), "a number is out of range"),
    "a word for a number": (alone("Dense", 5, units="many"), "units='many' is no whole number"),
    "no number": (alone("Dropout", 5, rate=float("nan")), "rate=nan is no number"),
    "dropout of everything": (alone("Dropout", 5, rate=1), "a number is out of range"),
    "a layer of another rank": (alone("Conv2D", 5, filters=3, kernel_size=[1, 1]), "reads 5, which has not 3 axes"),
    "five axes": (alone("Dense", 2, 3, 4, 5, 6, units=3), "the shape of the input has 5 axes, and 1 to 4 can be"),
    "an open size": (text(chain(given(None, None, 3), layer("Flatten", "f"))), "3x?x?; say it: --shape 3xNxN"),
    "no size at all": (text(chain(DENSE)), "the shape of the input is not in the file; say it: --shape CxHxW"),
    "a size of words": (text(chain(layer("Dense", "d", units=3, batch_input_shape=[None, "x"]))), "the shape of the"),
    "a reset before": (alone("GRU", 5, 3, units=2, recurrent_activation="sigmoid"), "reset_after=False"),
    "hard gates": (alone("LSTM", 5, 3, units=2, recurrent_activation="hard_sigmoid"), "trained anew"),
    "backwards": (alone("LSTM", 5, 3, units=2, go_backwards=True), "go_backwards=True"),
    "a reshape": (alone("Reshape", 6, target_shape=[4, -1]), "target_shape=[4, -1] does not fit 6"),
    "axes": (alone("Permute", 6, 2, dims=[1, 1]), "dims=[1, 1] does not fit 6x2"),
    "bicubic": (alone("UpSampling2D", size=[2, 2], interpolation="bicubic"), "interpolation='bicubic'"),
    "vectors of what are no tokens": (alone("Embedding", 6, 2, input_dim=9, output_dim=2), "the tokens of an input"),
    "distributed convolutions": (
        alone("TimeDistributed", layer={"class_name": "Conv2D", "config": {}}),
        "a TimeDistributed of `Conv2D`",
    ),
    "a loop": (
        text(graph(["given"], ["a"], given(5), node(DENSE | {"config": {"name": "a", "units": 5}}, ["a", 0, 0]))),
        "layer a reads itself",
    ),
    "a layer that is not there": (
        text(graph(["given"], ["d"], given(5), node(DENSE, ["b", 0, 0]))),
        "layer d reads 'b', which no layer makes",
    ),
    "an operation of TensorFlow": (
        text(
            graph(
                ["given"], ["t"], given(5), node(layer("TFOpLambda", "t", function="math.cumsum"), ["given", 0, 0], y=2)
            )
        ),
        "layer t: TFOpLambda: an operation of TensorFlow",
    ),
    "several values": (
        text(graph(["given"], ["d"], given(5), node(DENSE, ["given", 0, 0], ["given", 0, 0]))),
        "Dense: it reads 2 values",
    ),
    "a picture that is scaled, and read as it is": (
        text(
            graph(
                ["given"],
                ["both"],
                given(8, 8, 3),
                node(layer("Activation", "raw", activation="relu"), ["given", 0, 0]),
                node(layer("Rescaling", "small", scale=1 / 255), ["given", 0, 0]),
                node(layer("Add", "both"), ["raw", 0, 0], ["small", 0, 0]),
            )
        ),
        "layer raw: it reads a picture of 0..255 as it is, which another layer scales",
    ),
    "an output that is no layer": (text(graph(["given"], ["x"], given(5))), "there are no layers"),
    "the input as an output": (text(graph(["given"], ["given"], given(5))), "the input is an output as it is"),
    "a damaged node": (
        text(graph(["given"], ["d"], given(5), {**DENSE, "name": "d", "inbound_nodes": [3]})),
        "what a layer reads is damaged",
    ),
}
inner: dict[str, Any] = NET
for _ in range(20):
    inner = chain({**inner, "config": {**inner["config"], "name": "more"}})
JSONS["models in each other"] = (text(inner), "more than 16 models in each other")


@pytest.mark.parametrize("name", JSONS)
def test_networks(tmp_path: Path, name: str) -> None:
    content, message = JSONS[name]
    assert message in refused(tmp_path, {"net.json": content})


def test_everything_unknown_is_listed_at_once(tmp_path: Path) -> None:
    net = chain(given(5), *(layer(kind, f"l{i}") for i, kind in enumerate(("Warp", "Lambda", "Masking"))), DENSE)
    message = refused(tmp_path, {"net.json": text(net)})
    for part in ("layer l0: the layer `Warp`", "layer l1: Lambda: a function", "layer l2: Masking: padding"):
        assert part in message


def test_models_that_multiply_are_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("netspec.formats.keras.reader.walk.MAX_PIECES", 200)
    net: dict[str, Any] = chain(given(2), layer("Activation", "a", activation="relu"))
    for depth in range(14):
        first = given(2, name="first")
        model = {**net, "config": {**net["config"], "name": f"m{depth}"}}
        uses = {
            **model,
            "name": f"m{depth}",
            "inbound_nodes": [[["first", 0, 0]], [[f"m{depth}", 1, 0]], [[f"m{depth}", 2, 0]]],
        }
        net = graph(["first"], [[f"m{depth}", 3, 0]], first, uses)
    assert "uses more than 200 layers" in refused(tmp_path, {"net.json": text(net)})


def test_partial_writes_what_was_understood(tmp_path: Path) -> None:
    net = chain(given(5), DENSE, layer("Lambda", "l"), layer("Dense", "e", units=2))
    (tmp_path / "net.json").write_text(text(net))
    with pytest.raises(NetspecError, match="--partial writes the rest"):
        import_model([tmp_path / "net.json"], out=tmp_path / "out.net")
    made = import_model([tmp_path / "net.json"], out=tmp_path / "out.net", partial=True)
    assert "fc 3" in made.spec.read_text()


def test_partial_keeps_a_border_that_another_layer_reads(tmp_path: Path) -> None:
    net = graph(
        ["given"],
        ["w"],
        given(8, 8, 3),
        node(layer("ZeroPadding2D", "a", padding=[1, 1]), ["given", 0, 0]),
        node(layer("MaxPooling2D", "p", pool_size=[2, 2]), ["a", 0, 0]),
        node(layer("ZeroPadding2D", "b", padding=[[0, 1], [0, 1]]), ["a", 0, 0]),
        node(layer("Conv2D", "c", filters=4, kernel_size=[3, 3], strides=[2, 2]), ["b", 0, 0]),
        node(layer("Warp", "w"), ["p", 0, 0], ["c", 0, 0]),
    )
    (tmp_path / "net.json").write_text(text(net))
    made = import_model([tmp_path / "net.json"], out=tmp_path / "out.net", partial=True)
    assert [row.layer for row in made.rows] == ["pad 1", "pool 2", "conv 4 3 stride=2 pad=same"]


def test_a_square_shape_is_written_whole(tmp_path: Path) -> None:
    net = chain(given(25), layer("Reshape", "r", target_shape=[5, 5]), layer("GlobalAveragePooling1D", "g"))
    (tmp_path / "net.json").write_text(text(net))
    found = import_model([tmp_path / "net.json"], out=tmp_path / "out.net").spec.read_text()
    assert "reshape 5x5" in found
    assert "permute 1x0" in found


def test_a_gate_and_a_drop_of_whole_examples_are_written_as_people_do(tmp_path: Path) -> None:
    net = graph(
        ["given"],
        ["end"],
        given(8, 6, 16),
        node(layer("GlobalAveragePooling2D", "mean", keepdims=True), ["given", 0, 0]),
        node(layer("Conv2D", "less", filters=4, kernel_size=[1, 1], activation="swish"), ["mean", 0, 0]),
        node(layer("Conv2D", "more", filters=16, kernel_size=[1, 1], activation="sigmoid"), ["less", 0, 0]),
        node(layer("Multiply", "gate"), ["given", 0, 0], ["more", 0, 0]),
        node(layer("Dropout", "drop", rate=0.2, noise_shape=[None, 1, 1, 1]), ["gate", 0, 0]),
        node(layer("Add", "end"), ["given", 0, 0], ["drop", 0, 0]),
    )
    (tmp_path / "net.json").write_text(text(net))
    found = import_model([tmp_path / "net.json"], out=tmp_path / "out.net").spec.read_text()
    for line in ("globalpool", "fc 4 silu", "fc 16 sigmoid", "stochastic_depth 0.2"):
        assert line in found
    assert "reshape" not in found


@pytest.mark.parametrize(
    ("shape", "line"), [((28, 28), "input 1x28x28"), ((None, 28), "input 1x28x28"), ((28, 4), "input 4x28")]
)
def test_an_input_that_gets_an_axis_of_channels(tmp_path: Path, shape: Any, line: str) -> None:
    grown = layer("Reshape", "r", target_shape=[28, shape[1], 1])
    net = chain(given(*shape), grown, layer("Conv2D", "c", filters=2, kernel_size=[3, 3]))
    (tmp_path / "net.json").write_text(text(net))
    size = (1, 28, 28) if None in shape else None
    found = import_model([tmp_path / "net.json"], out=tmp_path / "out.net", shape=size).spec.read_text()
    assert line in found.splitlines()


ODD: list[Any] = [
    None, -1, 0, 2.5, 10**9, 10**30, "x", "same", [], {}, [1, 2, 3], [[1, 2], [3, 4]], {"class_name": "x"}, True,
    float("nan"), "\ud800", ["given", 0, 0], [["given", 0, 0]], {"class_name": "__keras_tensor__", "config": {}},
]  # fmt: skip
SEEDS = [
    chain(
        given(6, 4),
        layer("Bidirectional", "b", layer={"class_name": "LSTM", "config": {"units": 3, "return_sequences": True}}),
        layer("GRU", "g", units=3, reset_after=True, return_sequences=True),
        layer("TimeDistributed", "t", layer={"class_name": "Dense", "config": {"units": 4}}),
        layer("Permute", "p", dims=[2, 1]),
        layer("ZeroPadding1D", "z", padding=[1, 2]),
        layer("LayerNormalization", "n", axis=[2]),
        layer("PReLU", "r", shared_axes=[1]),
    ),
    graph(
        ["given"],
        ["d"],
        given(8, 6, 3),
        node(layer("Conv2DTranspose", "c", filters=3, kernel_size=[3, 3], output_padding=[0, 0]), ["given", 0, 0]),
        node(layer("Concatenate", "j", axis=-1), ["c", 0, 0], ["c", 0, 0]),
        node(layer("Flatten", "f"), ["j", 0, 0]),
        node(layer("Dense", "d", units=3, kernel_regularizer={"class_name": "L2", "config": {"l2": 0.1}}), ["f", 0, 0]),
    ),
    graph(
        ["given"],
        ["m"],
        given(6, 4),
        node(layer("MultiHeadAttention", "m", num_heads=2, key_dim=2), ["given", 0, 0], value=["given", 0, 0]),
    ),
]


def places(value: object) -> list[tuple[Any, Any]]:
    """Return what stands in a value: what it is in, and its key."""
    keys: list[Any] = (
        list(value) if isinstance(value, dict) else list(range(len(value))) if isinstance(value, list) else []
    )
    here = [(value, key) for key in keys]
    return here + [each for key in keys for each in places(value[key])]  # type: ignore[index]


def test_values_of_any_kind_end_in_errors_of_netspec(tmp_path: Path) -> None:
    chosen = random.Random(3)
    for _ in range(400):
        net = copy.deepcopy(chosen.choice(SEEDS))
        within, key = chosen.choice(places(net))
        within[key] = copy.deepcopy(chosen.choice(ODD))
        (tmp_path / "net.json").write_text(text(net))
        try:
            Keras().read(Given([tmp_path / "net.json"], None, lambda path, _: path.read_bytes()))
        except NetspecError:
            continue
