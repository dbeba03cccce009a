"""Every layer to ONNX and back: what netspec reads in its own export computes the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from export_cases import CASES, GROUPS, Case, case, group

import netspec as ns
from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats import FORMATS, Options, difference, program_of
from netspec.workflows.import_model import import_model

pytestmark = pytest.mark.torch


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the run of an import: each network is run here anyway."""
    monkeypatch.setattr("netspec.workflows.import_model.run_once", lambda *_: "")


LOST = {
    "attention_rotary": "attention that does not read one sequence",
    "attention_window": "a mask of its own for attention",
    "attention_shifted": "a mask of its own for attention",
    "attention_window_padded": "a mask of its own for attention",
} | dict.fromkeys([name for name in CASES if name.startswith("masked_")], "`Equal` of computed values")
"""Layers that are written out as operators which do not say any longer what they were, and what is said of them."""

WHOLE = [given for given in GROUPS if "mask=" not in given and given != "8x5x6"]
"""The inputs of which something comes back."""


def back(known: Case, folder: Path, *, partial: bool = False) -> dict[str, np.ndarray]:
    """Return what is computed after a way through a file, by the names of the outputs."""
    pytest.importorskip("onnx")
    program = program_of(known.trained, raw=True, folded=True)
    FORMATS["onnx"].write(program, folder / "net.onnx", Options())
    made = import_model([folder / "net.onnx"], out=folder / "net.net", partial=partial)
    assert made.model is not None
    run = ns.open(made.model)
    x = [known.inputs[given.name] for given in known.trained.graph.inputs]
    found = run.model.forward(run.variables, x[0])
    if not isinstance(found, dict):
        return {known.trained.graph.outputs[0].name: np.asarray(found)}
    return {name: np.asarray(value) for name, value in found.items()}


@pytest.mark.parametrize("given", WHOLE)
def test_every_layer_comes_back(given: str, tmp_path: Path) -> None:
    known = group(given)
    found = back(known, tmp_path, partial=True)
    names = [output.name for output in known.trained.graph.outputs]
    lost = {f"of_{name}" for name in LOST}
    assert [name for name in names if name not in found and name not in lost] == []
    for name, expected in zip(names, known.expected, strict=True):
        if name in found and name not in lost:
            assert difference([found[name]], [expected]).accepted, name


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in CASES if name not in LOST])
def test_each_layer_alone_comes_back(name: str, tmp_path: Path) -> None:
    known = case(name)
    (found,) = back(known, tmp_path).values()
    assert difference([found], known.expected).accepted


@pytest.mark.parametrize("name", LOST)
def test_what_does_not_come_back_is_said(name: str, tmp_path: Path) -> None:
    with pytest.raises(NetspecError) as caught:
        back(case(name), tmp_path)
    assert LOST[name] in str(caught.value)
