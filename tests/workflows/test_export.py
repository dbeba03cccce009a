"""Exports as a whole: preprocessing, names, files, the check by another program, and what is refused."""

from __future__ import annotations

import ast
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
import safetensors.numpy

import netspec as ns
from netspec import ops
from netspec.cli.completion import FORMATS as NAMES
from netspec.formats import FORMATS, Difference, Options, Trained, difference, program_of
from netspec.formats.stablehlo import StableHlo
from netspec.workflows import export
from netspec.workflows.export import export_model

SPEC = """\
input 3x6x5
conv 4 3 pad=same
batchnorm relu
fc 3
data "pictures.npz" { normalize means="0.4 0.5 0.6" stds="0.2 0.3 0.4" }
train { loss cross_entropy }
"""
SEVERAL = """\
input 3x4x4 as file
input 5 tokens=9 as words
from file; conv 2 3 relu; flatten as seen
from words; embedding 4; lstm 3 last as said
from seen; concat said as both
from both; fc 3 softmax as kind
from both; fc 1 as price
output kind loss=cross_entropy
output price loss=mse
"""
"""`file` is also what NumPy calls an argument of `savez`."""


def saved(folder: Path, spec: str, labels: tuple[str, ...] = ()) -> Path:
    model = ns.compile(ns.parse(spec, name="small"), "cpu")
    return ns.save_model(folder / "small.safetensors", model, model.init(3), labels=labels)


# Keras is run for the command line; it takes long to start.
MARKS = {"keras": [pytest.mark.slow], "torch": [pytest.mark.torch], "onnx": [pytest.mark.torch]}
computing = [pytest.param(name, marks=MARKS.get(name, [])) for name, each in FORMATS.items() if each.computes]


def skip_where_missing(error: ns.NetspecError) -> NoReturn:
    if "pip install" in str(error):
        pytest.skip(str(error))
    raise error


@pytest.fixture(scope="module")
def picture_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return saved(tmp_path_factory.mktemp("pictures"), SPEC, ("cat", "dog", "owl"))


def test_the_command_line_knows_the_formats() -> None:
    assert tuple(FORMATS) == NAMES


@pytest.mark.parametrize("to", computing)
def test_bytes_become_probabilities_and_raw_floats_become_logits(to: str, picture_model: Path, tmp_path: Path) -> None:
    for raw in (False, True):
        try:
            made = export_model(picture_model, to, raw=raw, out=tmp_path / FORMATS[to].file)
        except ns.NetspecError as error:
            skip_where_missing(error)
        assert made.difference is None or made.difference.relative < 1e-5
        assert made.inputs == (f"input: {'float32' if raw else 'uint8'} N x 3 x 6 x 5",)
        assert made.outputs == (f"{'logits' if raw else 'probabilities'}: float32 N x 3",)
        assert all(file.is_file() for file in made.files)
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("to", computing)
def test_several_inputs_and_outputs_keep_their_names(to: str, tmp_path: Path) -> None:
    try:
        made = export_model(saved(tmp_path, SEVERAL), to)
    except ns.NetspecError as error:
        skip_where_missing(error)
    assert made.inputs == ("file: uint8 N x 3 x 4 x 4", "words: token numbers N x 5")
    assert made.outputs == ("kind: float32 N x 3", "price: float32 N x 1")
    assert made.files[0] == tmp_path / FORMATS[to].file
    assert made.difference is None or made.difference.relative < 1e-5


@pytest.mark.torch
def test_an_onnx_file_says_what_it_is(picture_model: Path, tmp_path: Path) -> None:
    onnx = pytest.importorskip("onnx")
    (file,) = export_model(picture_model, "onnx", out=tmp_path / "model.onnx").files
    model = onnx.load(file)
    facts = {each.key: each.value for each in model.metadata_props}
    assert json.loads(facts["labels"]) == ["cat", "dog", "owl"]
    assert ns.parse(facts["spec"]).nodes == ns.parse(SPEC).nodes
    assert facts["sha256"] == ns.open(picture_model).content.seal
    assert [each.version for each in model.opset_import] == [17]
    (given,) = model.graph.input
    assert (given.name, given.type.tensor_type.elem_type) == ("input", onnx.TensorProto.UINT8)
    assert [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim] == ["N", 3, 6, 5]
    # The normalization is part of the convolution.
    kinds = [node.op_type for node in model.graph.node]
    assert kinds == ["Cast", "Mul", "Add", "Conv", "Relu", "Flatten", "Gemm", "Softmax"]


@pytest.mark.torch
def test_onnx_itself_agrees_where_onnxruntime_is_missing(
    picture_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnx")
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    made = export_model(picture_model, "onnx", out=tmp_path / "model.onnx")
    assert made.difference is not None
    assert made.difference.relative < 1e-5


@pytest.mark.parametrize("to", ["safetensors", "npz"])
def test_weights_alone_are_the_arrays(to: str, picture_model: Path, tmp_path: Path) -> None:
    def read(file: Path) -> dict[str, Any]:
        return dict(np.load(file)) if to == "npz" else safetensors.numpy.load_file(file)

    made = export_model(picture_model, to, out=tmp_path / f"w.{to}")
    assert made.difference == Difference(0.0, 0.0)
    found, own = read(made.files[0]), ns.open(picture_model).content.arrays
    assert found.keys() == own.keys()
    assert all(np.array_equal(found[name], own[name]) for name in own)
    named = read(export_model(picture_model, to, torch_names=True, out=tmp_path / f"t.{to}").files[0])
    assert set(named) == {
        *(f"conv_1.{name}" for name in ("weight", "bias")),
        *(f"batchnorm_1.{name}" for name in ("weight", "bias", "running_mean", "running_var")),
        *(f"fc_1.{name}" for name in ("weight", "bias")),
    }


def refused(*args: Any, **options: Any) -> str:
    with pytest.raises(ns.NetspecError) as caught:
        export_model(*args, **options)
    return str(caught.value)


def test_a_model_and_the_files_of_a_run_are_not_replaced(picture_model: Path, tmp_path: Path) -> None:
    before = picture_model.read_bytes()
    assert refused(picture_model, "safetensors", out=picture_model) == (
        f"{picture_model} is a model of netspec, which an export does not replace\n"
        "  fix: name another file: -o exported.safetensors"
    )
    assert picture_model.read_bytes() == before
    (tmp_path / "lock.json").write_text("{}")
    for name in ("best.safetensors", "last.safetensors", "spec.net", "network.json", "lock.json", "metrics.jsonl"):
        assert f"{name} is a file of a run, which an export does not replace" in refused(
            picture_model, "npz", out=tmp_path / name
        )
    assert sorted(file.name for file in tmp_path.iterdir()) == ["lock.json"]


def test_a_file_must_be_possible(picture_model: Path, tmp_path: Path) -> None:
    assert refused(picture_model, "npz", out=tmp_path) == (
        f"{tmp_path} is not a file\n  fix: name a file: -o model.onnx"
    )
    assert refused(picture_model, "npz", out=tmp_path / "no" / "w.npz") == (
        f"{tmp_path / 'no'}: there is no such folder\n  fix: make it first, or name another file"
    )


def test_all_operations_that_a_format_cannot_hold_are_named_at_once(
    picture_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Small(StableHlo):
        name = "small"
        folded = False
        holds = frozenset({ops.Conv, ops.MatMul, ops.Bias})

    monkeypatch.setattr(export, "FORMATS", {"small": Small(), "stablehlo": StableHlo(), "npz": FORMATS["npz"]})
    assert refused(picture_model, "small", out=tmp_path / "model.small") == (
        "small cannot hold BatchNorm (batchnorm_1), Activation (batchnorm_1, fc_1) and Reshape (fc_1)\n"
        "  fix: export to stablehlo; docs/formats.md lists what each format holds"
    )
    assert not list(tmp_path.iterdir())


def test_where_the_other_program_disagrees_nothing_is_kept(
    picture_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "model.stablehlo"
    target.write_bytes(b"an older export")
    run = StableHlo.run
    monkeypatch.setattr(StableHlo, "run", lambda *args: [array + np.float32(0.001) for array in run(*args)])
    said = refused(picture_model, "stablehlo", out=target)
    assert "computes something else than netspec: the largest difference is 0.001, " in said
    assert "only 1e-05 is rounding\n  fix: nothing was written: another format may do" in said
    monkeypatch.setattr(StableHlo, "run", lambda *args: 1 / 0)
    assert "cannot run what was exported: division by zero" in refused(picture_model, "stablehlo", out=target)
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"an older export"]


def test_what_double_precision_shows_to_be_rounding_is_kept(
    picture_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("netspec.formats.format.TOLERANCE", -1.0)
    assert export_model(picture_model, "stablehlo", out=tmp_path / "model.stablehlo").files[0].is_file()
    run = StableHlo.run
    monkeypatch.setattr(StableHlo, "run", lambda *args: [array * np.float32(1.0001) for array in run(*args)])
    assert "computes something else" in refused(picture_model, "stablehlo", out=tmp_path / "model.stablehlo")


def test_fewer_examples_are_run_of_a_large_network(
    picture_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {4 * 6 * 5 * 3: "3 random examples", 4 * 6 * 5: "1 random example", 1: "1 random example"}
    for most, words in counts.items():
        monkeypatch.setattr(export, "_MOST", most)
        assert export_model(picture_model, "stablehlo", out=tmp_path / "model.stablehlo").examples == words


def test_a_missing_package_is_named(picture_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    assert refused(picture_model, "onnx", out=tmp_path / "m.onnx") == "writing onnx needs onnx\n  fix: pip install onnx"
    assert not list(tmp_path.iterdir())


def test_differences_of_what_is_no_number_are_infinite() -> None:
    nan, one = np.array([np.nan, 1.0]), np.array([1.0, 1.0])
    assert difference([nan], [nan]).relative == 0
    assert not difference([nan], [one]).accepted
    assert not difference([one], [nan]).accepted
    assert not difference([one[:1]], [one]).accepted
    assert difference([one * 2], [one]) == Difference(1.0, 1.0)


def test_a_program_has_a_name_of_its_own_beside_its_weights(picture_model: Path, tmp_path: Path) -> None:
    assert refused(picture_model, "torch", out=tmp_path / "net.safetensors") == (
        f"{tmp_path / 'net.safetensors'} is no name for what is written, a Python program and its weights beside it\n"
        f"  fix: it ends in .py: -o {tmp_path / 'net.py'}"
    )
    # What lies there by the name of the weights may be somebody's data.
    (tmp_path / "net.npz").write_text("data")
    assert refused(picture_model, "jax", out=tmp_path / "net.py") == (
        f"{tmp_path / 'net.npz'} is not of an earlier export, and the weights of net.py would replace it\n"
        "  fix: move it away, or name another file: -o exported.py"
    )
    assert (tmp_path / "net.npz").read_text() == "data"
    for _ in range(2):
        export_model(picture_model, "jax", out=tmp_path / "exported.py")
    (tmp_path / "lock.json").write_text("{}")
    assert "best.safetensors is a file of a run" in refused(picture_model, "torch", out=tmp_path / "best.py")


@pytest.mark.parametrize("to", ["jax", "torch", "keras"])
def test_names_and_labels_are_data_in_a_program(to: str, tmp_path: Path) -> None:
    labels = ('"""', "c\n\\", "\u202edog")
    model = ns.compile(ns.parse(SPEC, name='x"""\nimport nothing'), "cpu")
    graph = model.graph
    trained = Trained(model.network, graph, {p.path: np.ones(p.shape, np.float32) for p in graph.parameters.values()})
    trained = replace(trained, labels={graph.outputs[0].name: labels})
    target = tmp_path / FORMATS[to].file
    FORMATS[to].write(program_of(trained), target, Options())
    text = target.read_text(encoding="utf-8")
    assert text.isprintable() or set(filter(lambda c: not c.isprintable(), text)) == {"\n"}
    body = ast.parse(text).body
    found = [ast.literal_eval(n.value) for n in body if isinstance(n, ast.Assign) and n.targets[0].id == "LABELS"]  # type: ignore[attr-defined]
    assert found == [labels]
    assert not [n for n in body if isinstance(n, ast.Import) and n.names[0].name == "nothing"]


def test_an_exported_model_looks_at_a_picture_once(tmp_path: Path) -> None:
    spec = SPEC.replace('data "pictures.npz" {', 'data "pictures.npz" { views flip;')
    made = export_model(saved(tmp_path, spec), "stablehlo")
    assert made.notes == ("`views` is left out: the exported model looks at each picture once, as it is",)
    assert made.difference is not None
    assert made.difference.relative < 1e-5


def test_rows_of_a_table_are_read_as_the_model_reads_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    lines = [f"{a:.3f},{'xyz'[i % 3]},{2 * a + i % 3:.3f}" for i, a in enumerate(rng.normal(size=60))]
    (tmp_path / "rows.csv").write_text("\n".join(["a,kind,price", *lines]) + "\n")
    spec = tmp_path / "rows.net"
    text = 'fc 4 relu\nfc 1\ndata "rows.csv" { target price; test 20% }\ntrain { epochs 1; batch 20 }\n'
    spec.write_text(text)
    for _ in ns.train(ns.load(spec), out=tmp_path / "run"):
        pass
    made = export_model(tmp_path / "run", "stablehlo")
    assert "test examples of" in made.examples
    # A price is no logit.
    for raw in (False, True):
        assert export_model(tmp_path / "run", "stablehlo", raw=raw).outputs == ("output: float32 N x 1",)
    onnx = pytest.importorskip("onnx")
    model = onnx.load(export_model(tmp_path / "run", "onnx").files[0])
    facts = {each.key: each.value for each in model.metadata_props}
    assert json.loads(facts["preparation"])["table"]
