"""ONNX: damaged, hostile and mistaken files, and what is refused: one clear error each, in little memory."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats.onnx.read.fields import count_fields
from netspec.workflows.import_model import import_model
from tests.formats.damage import damaged
from tests.formats.onnx_twin import model_of

pytestmark = pytest.mark.torch


@pytest.fixture
def onnx() -> Any:
    return pytest.importorskip("onnx")


def refused(folder: Path, content: bytes | Any, *, partial: bool = False) -> str:
    """Return the message that an import ends with; nothing is written."""
    data = content if isinstance(content, bytes) else content.SerializeToString()
    (folder / "net.onnx").write_bytes(data)
    with pytest.raises(NetspecError) as caught:
        import_model([folder / "net.onnx"], out=folder / "out.net", partial=partial)
    assert not list(folder.glob("out.*"))
    assert len(str(caught.value)) < 8000
    return str(caught.value)


ONES = {"w": np.ones((2, 3, 3, 3)), "b": np.ones(2)}


def net(body: str = "y = Conv (x, w, b)", opset: int = 17, weights: dict[str, Any] | None = None) -> Any:
    return model_of(body, "float[N, 3, 8, 8] x", "float y", ONES if weights is None else weights, opset)


# --- files ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"\0" * 50, "is damaged, or no ONNX file"),
        (b"<html><body>404</body></html>", "is damaged, or no ONNX file"),
        (b"\x08\x08", "has no graph"),
        (b"\x3a\xff\xff\xff\xff\x0f", "is damaged, or no ONNX file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "is damaged, or no ONNX file"),
    ],
)
def test_what_is_no_model(content: bytes, message: str, tmp_path: Path, onnx: Any) -> None:
    del onnx
    assert message in refused(tmp_path, content)


def test_messages_within_messages(tmp_path: Path, onnx: Any) -> None:
    # A graph in an attribute of a node of a graph …, deeper than the parser goes.
    inner = b""
    for _ in range(300):
        field = b"\x32" + _varint(len(inner)) + inner  # AttributeProto.g
        node = b"\x2a" + _varint(len(field)) + field  # NodeProto.attribute
        inner = b"\x0a" + _varint(len(node)) + node  # GraphProto.node
    assert "is damaged, or no ONNX file" in refused(tmp_path, b"\x3a" + _varint(len(inner)) + inner)
    del onnx


def _varint(number: int) -> bytes:
    made = bytearray()
    while number > 127:
        made.append(number & 127 | 128)
        number >>= 7
    return bytes([*made, number])


def _cycle(model: Any) -> None:
    model.graph.node[0].input[0] = "y"


def _missing(model: Any) -> None:
    model.graph.node[0].input[1] = "nowhere"


def _twice(model: Any) -> None:
    model.graph.node.add().CopyFrom(model.graph.node[0])


def _hides(model: Any) -> None:
    model.graph.node[0].output[0] = "w"


def _two_weights(model: Any) -> None:
    model.graph.initializer.add().CopyFrom(model.graph.initializer[0])


def _two_inputs(model: Any) -> None:
    model.graph.input.add().CopyFrom(model.graph.input[0])


def _no_output(model: Any) -> None:
    model.graph.output[0].name = "z"


def _old(model: Any) -> None:
    model.opset_import[0].version = 5


def _new(model: Any) -> None:
    model.opset_import[0].version = 999


def _sparse(model: Any) -> None:
    model.graph.sparse_initializer.add()


def _short(model: Any) -> None:
    model.graph.initializer[0].raw_data = b"123"


def _huge(model: Any) -> None:
    model.graph.initializer[0].dims[:] = [10**6, 10**6, 10**3]


def _below(model: Any) -> None:
    model.graph.initializer[0].dims[:] = [-2, 3, 3, 3]


def _no_kind(model: Any) -> None:
    model.graph.initializer[0].data_type = 77


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_cycle, "the graph goes in a circle: 'node 0' reads what is made of its own output"),
        (_missing, "'node 0' reads 'nowhere', which nothing makes"),
        (_twice, "two things are called 'y', one of them what 'node 1' makes"),
        (_hides, "two things are called 'w'"),
        (_two_weights, "two weights are called 'w'"),
        (_two_inputs, "two inputs are called 'x'"),
        (_no_output, "the output 'z' is made by nothing"),
        (_old, "is of opset 5, and 6 to"),
        (_new, "is of opset 999, and 6 to"),
        (_sparse, "has sparse weights"),
        (_short, "the data of 'w' are not what its sizes say"),
        (_huge, "the data of 'w' are not what its sizes say"),
        (_below, "'w' has sizes that no array has"),
        (_no_kind, "the data of 'w' are not what its sizes say"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_graphs_that_cannot_be(change: Callable[[Any], None], message: str, tmp_path: Path, onnx: Any) -> None:
    del onnx
    model = net()
    change(model)
    assert message in refused(tmp_path, model)
    assert message in refused(tmp_path, model, partial=True)


def test_nodes_in_another_order_are_put_in_order(tmp_path: Path, onnx: Any) -> None:
    del onnx
    model = net("c = Conv (x, w, b)\ny = Relu (c)")
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    made = import_model([tmp_path / "net.onnx"], out=tmp_path / "out.net")
    assert "conv 2 3x3 relu" in made.spec.read_text()


# --- data in files of their own -------------------------------------------------------------------------------------


def external(model: Any, **facts: str) -> Any:
    """Return a model whose kernel lies in another file."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = 1
    for key, value in facts.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    return model


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../kernel", "are said to lie at '../kernel'"),
        ("a/../../kernel", "are said to lie at"),
        ("/etc/passwd", "are said to lie at '/etc/passwd'"),
        ("C:\\kernel", "are said to lie at"),
        ("", "are said to lie at ''"),
        ("a\0b", "are said to lie at"),
        ("nowhere", "is not there: the data of 'w'"),
        ("link", "is a link that leads out of the folder of the model"),
        ("folder", "is no file"),
        ("around", "is not there"),
    ],
)
def test_files_of_data_stay_in_the_folder(location: str, message: str, tmp_path: Path, onnx: Any) -> None:
    del onnx
    folder = tmp_path / "model"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "kernel").write_bytes(bytes(216))
    (folder / "link").symlink_to(tmp_path / "kernel")
    (folder / "around").symlink_to(folder / "around")
    assert message in refused(folder, external(net(), location=location))


@pytest.mark.parametrize(
    ("facts", "message"),
    [
        ({"offset": "1"}, "kernel ends before the data of 'w': 217 bytes are needed, it has 216"),
        ({"length": "100"}, "'w' needs 216 bytes, and 100 are announced"),
        ({"offset": "-1"}, "where 'w' lies is no number"),
        ({"length": "9" * 40}, "where 'w' lies is no number"),
    ],
)
def test_sizes_of_data_are_checked(facts: dict[str, str], message: str, tmp_path: Path, onnx: Any) -> None:
    del onnx
    (tmp_path / "kernel").write_bytes(bytes(216))
    assert message in refused(tmp_path, external(net(), location="kernel", **facts))


def test_data_are_not_read_again_and_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onnx: Any) -> None:
    monkeypatch.setattr("netspec.formats.onnx.read.load._MOST_TWICE", 100)
    (tmp_path / "kernel").write_bytes(bytes(216))
    model = external(net(), location="kernel")
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    assert import_model([tmp_path / "net.onnx"], out=tmp_path / "good.net").model
    for index in range(5):
        more = onnx.TensorProto()
        more.CopyFrom(model.graph.initializer[0])
        more.name = f"w{index}"
        model.graph.initializer.append(more)
    assert "takes more data from kernel than it has" in refused(tmp_path, model)


def test_data_beside_the_model_are_read(tmp_path: Path, onnx: Any) -> None:
    del onnx
    (tmp_path / "data").mkdir()
    kernel = np.arange(54, dtype=np.float32)
    (tmp_path / "data" / "kernel").write_bytes(b"1234" + kernel.tobytes())
    model = external(net(), location="data/kernel", offset="4", length="216")
    (tmp_path / "net.onnx").write_bytes(model.SerializeToString())
    made = import_model([tmp_path / "net.onnx"], out=tmp_path / "out.net")
    assert made.model is not None
    assert made.parameters == 56


# --- little memory --------------------------------------------------------------------------------------------------

FLOODS = {
    "an array of one number": "s = ConstantOfShape (n)\nt = Add (s, s)\ny = Conv (x, w, t)",
    "a range": "s = Range (zero, many, one)\ny = Conv (x, w, s)",
    "a table": "s = Expand (one, n)\nt = Tile (s, n)\ny = Conv (x, w, t)",
    "sums of rows and columns": "s = ConstantOfShape (n)\nc = Unsqueeze (s, last)\nt = Add (s, c)\ny = Conv (x, w, t)",
}


@pytest.mark.parametrize("name", FLOODS)
def test_what_a_file_announces_takes_no_memory(name: str, tmp_path: Path, onnx: Any) -> None:
    del onnx
    weights = {
        **ONES,
        "n": np.array([10**9]),
        "zero": np.int64(0),
        "one": np.int64(1),
        "many": np.int64(10**12),
        "last": np.array([1]),
    }
    tracemalloc.start()
    try:
        message = refused(tmp_path, net(FLOODS[name], weights=weights))
        assert tracemalloc.get_traced_memory()[1] < 60_000_000
    finally:
        tracemalloc.stop()
    assert "a constant that is too large" in message


def test_many_constants_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onnx: Any) -> None:
    del onnx
    monkeypatch.setattr("netspec.formats.onnx.read.reader._MOST_FOLDED", 1000)
    body = (
        "\n".join(f"c{i} = Add (b, b)" for i in range(600))
        + "\ns = Sum (b, "
        + ", ".join(f"c{i}" for i in range(600))
        + ")\ny = Conv (x, w, s)"
    )
    assert "computes with more constants than a network has" in refused(tmp_path, net(body))


def test_weights_in_many_layers_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onnx: Any) -> None:
    del onnx
    monkeypatch.setattr("netspec.formats.onnx.read.trace._MOST_BYTES", 0)
    same = {"v": np.ones((3, 3, 1, 1))}
    chain = [f"t{i + 1} = Conv ({f't{i}' if i else 'x'}, v)" for i in range(5)]
    body = "\n".join(chain).replace("t5 =", "y =")
    assert "uses its weights so often" in refused(tmp_path, net(body, weights=same))
    row = {"r": np.arange(8.0).reshape(1, 1, 1, 8)}
    assert "or for so many values" in refused(tmp_path, net("y = Add (x, r)", weights=row))


def test_constants_are_large_only_where_the_weights_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onnx: Any
) -> None:
    del onnx
    monkeypatch.setattr("netspec.formats.onnx.read.fold._MOST", 10)
    assert "a constant that is too large" in refused(
        tmp_path,
        net("s = ConstantOfShape (n)\nt = Add (b, s)\ny = Conv (x, w, t)", weights={**ONES, "n": np.array([11])}),
    )
    body = "t = Transpose <perm = [1, 0, 2, 3]> (v)\nu = Add (t, t)\ny = Conv (x, u)"
    (tmp_path / "net.onnx").write_bytes(net(body, weights={"v": np.ones((3, 2, 3, 3))}).SerializeToString())
    assert import_model([tmp_path / "net.onnx"], out=tmp_path / "good.net").parameters == 54


def test_fields_are_counted_before_they_are_parsed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onnx: Any) -> None:
    del onnx
    good = net().SerializeToString()
    count = count_fields(good)
    assert count is not None
    assert 40 < count < 100
    assert count_fields(good[:-1]) is None
    monkeypatch.setattr("netspec.formats.onnx.read.load.MAX_FIELDS", count - 1)
    assert f"has more than {count - 1} fields" in refused(tmp_path, good)
    monkeypatch.setattr("netspec.formats.onnx.read.fields.MAX_FIELDS", count)
    monkeypatch.setattr("netspec.formats.onnx.read.load.MAX_FIELDS", count)
    empty = b"\x0a\x00" * 1000  # nodes of nothing
    assert count_fields(b"\x3a" + _varint(len(empty)) + empty) == count + 1
    assert f"has more than {count} fields" in refused(tmp_path, b"\x3a" + _varint(len(empty)) + empty)


def test_one_node_that_reads_many_is_refused_soon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onnx: Any) -> None:
    del onnx
    monkeypatch.setattr("netspec.formats.onnx.read.reader.MAX_PIECES", 100)
    assert "makes more than 100 layers" in refused(tmp_path, net(f"y = Sum ({', '.join(['x'] * 200)})"))


def test_too_many_nodes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, onnx: Any) -> None:
    del onnx
    monkeypatch.setattr("netspec.formats.onnx.read.load._MAX_NODES", 3)
    assert "has 4 nodes; at most 3 can be" in refused(
        tmp_path, net("a = Relu (x)\nb = Relu (a)\nc = Relu (b)\ny = Relu (c)")
    )


# --- what is not understood -----------------------------------------------------------------------------------------


def test_everything_unknown_is_listed_at_once(tmp_path: Path, onnx: Any) -> None:
    model = net(
        "a = Sin (x)\nb = Cos (a)\nc, i = TopK (b, k)\nd = Relu (c)\ny = ArgMax (d)", weights={"k": np.array([2])}
    )
    model.graph.node[1].domain = "my.own"
    model.graph.node[0].name = "wave"
    message = refused(tmp_path, model)
    assert message.splitlines()[1:5] == [
        "  net.onnx, wave (Sin): `Sin` of computed values",
        "  net.onnx, node 1 (my.own.Cos): the operator `my.own.Cos`; write what it does with netspec's layers",
        "  net.onnx, node 2 (TopK): the operator `TopK`; `netspec predict --top` names them: the layers before it give "
        "the shares",
        "  net.onnx, node 4 (ArgMax): the operator `ArgMax`; `netspec predict` names the class: the layers before it "
        "give the shares",
    ]
    del onnx


def test_the_rest_is_written_where_that_is_wanted(tmp_path: Path, onnx: Any) -> None:
    del onnx
    model = net("c = Conv (x, w, b)\nr = Relu (c)\nt = Sin (r)\ny = Relu (t)")
    assert "fix: --partial writes the rest" in refused(tmp_path, model)
    made = import_model([tmp_path / "net.onnx"], out=tmp_path / "out.net", partial=True)
    assert made.spec.read_text().splitlines()[1:] == ["input 3x8x8", "", "conv 2 3x3 relu"]
    assert [unknown.what for unknown in made.unknown] == ["`Sin` of computed values"]


REFUSED = {
    "a kernel that is computed": ("a = Relu (x)\ny = Conv (x, a)", "its kernel is computed"),
    "a kernel for other channels": ("y = Conv (x, v)", "its kernel is for 5 channels, and it reads 3"),
    "a bias of another size": ("y = Conv (x, w, c)", "the bias of"),
    "four axes": ("u = Unsqueeze (x, k)\ny = MaxPool <kernel_shape = [1, 1, 1, 1]> (u)", "windows along 4 axes"),
    "a window of nothing": ("y = MaxPool <kernel_shape = [0, 0]> (x)", "its window has a size below 1"),
    "a window without a size": ("y = MaxPool (x)", "it has no kernel_shape"),
    "a window of words": ('y = MaxPool <kernel_shape = ["a"]> (x)', "its kernel_shape are no whole numbers"),
    "one size for two axes": (
        "y = MaxPool <kernel_shape = [2]> (x)",
        "its kernel_shape are 1 numbers, and 2 are needed",
    ),
    "a huge window": ("y = MaxPool <kernel_shape = [999, 999]> (x)", "does not fit"),
    "padding below 0": ("y = Conv <pads = [-1, 0, 0, 0]> (x, w)", "padding below 0"),
    "an axis that is not there": ("y = Softmax <axis = 9> (x)", "its axis 9 is none of 4"),
    "across examples": ("y = ReduceMean <axes = [0]> (x)", "it goes across the examples of a batch"),
    "examples as features": ("y = Reshape (x, five)", "reshapes across the examples of a batch"),
    "more values than there are": ("y = Reshape (x, three)", "has another number of values"),
    "a product of two values": (
        "a = Transpose <perm = [0, 1, 3, 2]> (x)\ny = MatMul (x, a)",
        "it is the scores of an attention",
    ),
    "each row and each other": (
        "r = Reshape (x, rows)\np = Unsqueeze (r, first)\nq = Unsqueeze (r, second)\ny = Sub (p, q)",
        "each of two values is spread over the other",
    ),
    "attention across examples": (
        "r = Reshape (x, row)\na = Transpose <perm = [0, 2, 1]> (r)\ny = MatMul (r, a)",
        "attention across the examples of a batch",
    ),
    "a mask of scores that are turned": (
        "r = Reshape (x, rows)\na = Transpose <perm = [0, 2, 1]> (r)\ns = MatMul (r, a)\n"
        "u = Transpose <perm = [0, 2, 1]> (s)\np = Add (u, later)\nd = Transpose <perm = [0, 2, 1]> (p)\n"
        "q = Softmax <axis = -1> (d)\ny = MatMul (q, r)",
        "a mask of its own for attention",
    ),
    "arithmetic of sizes that do not fit": ("y = Add (x, k)", "its constant has"),
    "a choice between values": ("g = Greater (x, b2)\ny = Where (g, x, x)", "`Greater` of computed values"),
    "an order of its own": ("y = Gather <axis = 1> (x, order)", "it takes places in an order of their own"),
    "turned around": ("y = Slice (x, m, f, one, m)", "it turns an axis around"),
    "nothing left": ("y = Slice (x, one, one, one)", "it leaves nothing"),
    "a size by a half": ("y = Resize (x, , h)", "a size of 0.5, 0.5 times"),
    "the number of examples": (
        "s = Shape (x)\ng = Gather (s, zero)\nd = Cast <to = 1> (g)\ny = Div (x, d)",
        "it computes with the number of examples",
    ),
    "constants alone": ("g = Softmax (c)\ny = Mul (x, g)", "it reads constants alone"),
    "a constant": ("y = Add (b, b)", "it is a constant"),
    "a loss of memory": ("y = Dropout (x, , t)", "a dropout that also drops in prediction"),
    "in training": (
        "y = BatchNormalization <training_mode = 1> (x, c, c, c, c)",
        "batch normalization in training mode",
    ),
    "even neighbors": ("y = LRN <size = 4> (x)", "an even number of neighbors"),
    "the ratio of sides": (
        'y = Resize <keep_aspect_ratio_policy = "not_larger"> (x, , , k)',
        "a size that keeps the ratio of the sides",
    ),
    "an axis of words": ('y = Concat <axis = "a"> (x, x)', "its axis is no whole number"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(name: str, tmp_path: Path, onnx: Any) -> None:
    del onnx
    body, message = REFUSED[name]
    weights = {
        **ONES,
        "v": np.ones((2, 5, 3, 3)),
        "k": np.array([3, 7]),
        "three": np.array([0, 3]),
        "five": np.array([3, -1]),
        "row": np.array([1, -1, 8]),
        "rows": np.array([0, 3, 64]),
        "first": np.array([2]),
        "second": np.array([3]),
        "later": np.triu(np.full((3, 3), -1e9), 1),
        "b2": np.ones(1),
        "order": np.array([2, 0, 1]),
        "m": np.array([-1]),
        "f": np.array([-9]),
        "one": np.array([1]),
        "zero": np.int64(0),
        "h": np.array([1, 1, 0.5, 0.5]),
        "t": np.array(True),
        "c": np.ones(3),
    }
    if name == "four axes":
        weights["k"] = np.array([2, 3])
    assert message in refused(tmp_path, net(body, weights=weights))


INPUTS = {
    "words": ("string[N, 3] x", "elements of the kind"),
    "truths": ("bool[N, 3] x", "elements of the kind bool"),
    "one axis": ("float[N] x", "it has one axis"),
    "six axes": ("float[N, 3, 4, 5, 6, 7] x", "it has 6 axes"),
    "a single number": ("float x", "it has 0 axes"),
    "whole numbers as images": ("int64[N, 3, 4, 4] x", "whole numbers of 3x4x4"),
    "bytes that are computed with": ("uint8[N, 3, 4, 4] x", "it computes with bytes"),
    "bytes of a row": ("uint8[N, 3] x", "bytes of 3; bytes are those of a picture"),
    "free": ("float[N, C, H, W] x", "its sizes ?x?x? are free; say it: --shape CxHxW"),
    "two of other numbers": ("float[2, 3] x, float[3, 3] z", "3 examples, where another input has 2"),
}


@pytest.mark.parametrize("name", INPUTS)
def test_inputs_that_cannot_be(name: str, tmp_path: Path, onnx: Any) -> None:
    del onnx
    given, message = INPUTS[name]
    body = "y = Add (x, z)" if "z" in given else "y = Relu (x)"
    assert message in refused(tmp_path, model_of(body, given, "float y"))


def test_numbers_that_are_none(tmp_path: Path, onnx: Any) -> None:
    del onnx
    weights = {"w": np.full((2, 3, 3, 3), np.nan), "b": np.ones(2)}
    assert "has numbers that are not finite" in refused(tmp_path, net(weights=weights))
    weights["w"] = np.full((2, 3, 3, 3), 3e38)
    assert "gives numbers that are not finite" in refused(tmp_path, net(weights=weights))


def test_two_files_are_two_networks(tmp_path: Path) -> None:
    for name in ("a.onnx", "b.onnx"):
        (tmp_path / name).write_bytes(b"x")
    with pytest.raises(NetspecError, match="a model in ONNX is one file"):
        import_model([tmp_path / "a.onnx", tmp_path / "b.onnx"])


def test_the_package_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    (tmp_path / "net.onnx").write_bytes(b"x")
    with pytest.raises(NetspecError, match=r'not installed\n  fix: pip install "netspec\[onnx\]"'):
        import_model([tmp_path / "net.onnx"])


def test_mutations_end_in_errors_of_netspec(tmp_path: Path, onnx: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    del onnx
    # What is understood need not be run.
    monkeypatch.setattr("netspec.workflows.import_model.run_once", lambda *_: "")
    chosen = random.Random(5)
    body = (
        "s = Shape (x)\nb = Gather <axis = 0> (s, zero)\nc = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (x, w, b2)\n"
        "r = Relu (c)\np = MaxPool <kernel_shape = [2, 2]> (r)\nt = Transpose <perm = [0, 2, 3, 1]> (p)\n"
        "u = Unsqueeze (b, first)\nq = Concat <axis = 0> (u, minus)\nf = Reshape (t, q)\ng = Gemm <transB = 1> (f, m)\n"
        "y = Softmax <axis = 1> (g)"
    )
    weights = {
        "w": np.ones((2, 3, 3, 3)),
        "b2": np.ones(2),
        "zero": np.int64(0),
        "first": np.array([0]),
        "minus": np.array([-1]),
        "m": np.ones((4, 18)),
    }
    seed = net(body, weights=weights).SerializeToString()
    refusals = 0
    for _ in range(300):
        data = damaged(seed, chosen, [b"\0", b"\xff\xff", b"\x08\x01", b"9" * 30])
        (tmp_path / "net.onnx").write_bytes(data)
        try:
            import_model([tmp_path / "net.onnx"], out=tmp_path / "out.net", force=True)
        except NetspecError:
            refusals += 1
    assert refusals > 150
