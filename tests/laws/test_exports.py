"""Every layer in every format that can hold it: the other program's output equals ours."""

from __future__ import annotations

import re
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from export_cases import CASES, GROUPS, Case, case, case_of, group

import netspec as ns
from netspec.formats import FORMATS, NotInstalledError, Options, difference, program_of
from netspec.formats.keras.layers import OF_KERAS
from netspec.formats.keras.writer import source_of
from netspec.formats.torch.modules import OF_MODULES


@pytest.fixture(autouse=True)
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Run written programs here, where hundreds of them take no time to start; `tests/cli` runs them as users do."""
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    for name in ("jax", "torch", "keras"):
        monkeypatch.setattr(f"netspec.formats.{name}.run_file", run_here)


def run_here(file: Path, package: str, inputs: list[np.ndarray], call: str) -> list[np.ndarray]:
    pytest.importorskip(package)
    names: dict[str, Any] = {"module": loaded(file), "inputs": inputs}
    exec(call, names)
    return [np.asarray(array) for array in names["made"]]


def loaded(file: Path) -> Any:
    spec = spec_from_file_location("exported", file)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


# Keras runs each operation by itself, which takes minutes.
MARKS = {"keras": [pytest.mark.slow], "torch": [pytest.mark.torch], "onnx": [pytest.mark.torch]}
computing = [pytest.param(name, marks=MARKS.get(name, [])) for name, each in FORMATS.items() if each.computes]

SHARED = {
    "strides": "input 6x9x8\nconv 6 3 pad=1 as a\nconv 6 3 pad=1 stride=2 share=a\ntrain { loss mse }",
    "transposed": "input 7 tokens=12\nembedding 6 as a\nfc 12 pointwise nobias share=a\ntrain { loss mse }",
}
"""Weights that are read in several ways."""


def disagreeing(to: str, known: Case, folder: Path, *, alone: bool = True) -> list[str]:
    """Return the outputs by which another program disagrees; on one example `alone` too, for their number is open."""
    format_ = FORMATS[to]
    program = program_of(known.trained, raw=True, folded=format_.folded)
    if format_.unheld(program):
        pytest.skip(f"{to} does not hold {', '.join(format_.unheld(program))}")
    target = folder / format_.file
    try:
        format_.write(program, target, Options())
        found = format_.run(program, target, known.inputs)
        single = {key: x[1:2] for key, x in known.inputs.items()}
        of_one = format_.run(program, target, single) if alone else [x[1:2] for x in found]
    except NotInstalledError:
        pytest.skip(f"{format_.checker} is not installed")
    return [
        f"{output.name}: {difference([a], [b])}"
        for output, a, b, c in zip(program.outputs, found, known.expected, of_one, strict=True)
        if not difference([a], [b]).accepted or not difference([c], [b[1:2]]).relative < 1e-4
    ]


@pytest.mark.parametrize("given", GROUPS)
@pytest.mark.parametrize("to", computing)
def test_another_program_computes_the_same(to: str, given: str, tmp_path: Path) -> None:
    # What JAX compiles anew for each number of examples takes long; `slow` does.
    assert disagreeing(to, group(given), tmp_path, alone=FORMATS[to].checker != "jax") == []


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("to", computing)
def test_each_layer_alone_is_the_same(to: str, name: str, tmp_path: Path) -> None:
    assert disagreeing(to, case(name), tmp_path) == []


@pytest.mark.parametrize("name", SHARED)
@pytest.mark.parametrize(
    "to",
    [
        pytest.param(name, marks=[m for m in MARKS.get(name, []) if m.name != "slow"])
        for name, each in FORMATS.items()
        if each.computes
    ],
)
def test_weights_that_are_read_in_several_ways(to: str, name: str, tmp_path: Path) -> None:
    known = case_of(ns.parse(SHARED[name]))
    if to == "keras":
        (what,) = FORMATS[to].unheld(program_of(known.trained)).items()
        assert what[0] == "weights shared by different layers"
        assert len(what[1]) == 2
    else:
        assert disagreeing(to, known, tmp_path, alone=False) == []


NAMES = {
    "keywords": "input 6\nfc 6 as lambda\nrelu as print\nfc 6 as self\nadd lambda",
    "module": "input 6\nfc 6 as named_parameters\nfc 6 as get_buffer\nfc 6 as x\nfc 6 as x_2",
    "operations": "input 1x4x4\nconv 3 3 as relu\nrelu\npool 2 as flatten\nfc 4 as max_pooling2d",
    "twice": "input 6\nfc 6 as a\nfc 6 relu share=a as b\nfrom a; add b as a_layer\nfc 6 share=a\nadd a_layer",
}
"""Labels that Python, PyTorch or Keras has for something else, or that a program would give to two things."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("to", computing)
def test_any_label_can_be_exported(to: str, name: str, tmp_path: Path) -> None:
    assert disagreeing(to, case_of(ns.parse(NAMES[name] + "\ntrain { loss mse }")), tmp_path, alone=False) == []


@pytest.mark.torch
def test_all_names_of_a_module_of_pytorch_are_known() -> None:
    torch = pytest.importorskip("torch")
    assert {name for name in dir(torch.nn.Module()) if name[0].isalpha()} <= OF_MODULES


@pytest.mark.slow
@pytest.mark.parametrize("given", GROUPS)
def test_all_names_that_keras_gives_are_known(given: str, tmp_path: Path) -> None:
    pytest.importorskip("keras")
    text, _ = source_of(program_of(group(given).trained, raw=True), "w.npz")
    target = tmp_path / "model.py"
    target.write_text(text, encoding="utf-8")
    own = set(re.findall(r'name="(\w+)"', text))
    found = {each.name for each in loaded(target).build().operations} - own
    assert {re.sub(r"_\d+$", "", name) for name in found} <= OF_KERAS
