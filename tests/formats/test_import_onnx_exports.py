"""ONNX: what PyTorch exported of networks as people write them, word for word; `--update` writes the specs anew.

`benchmarks/onnx_exports.py` wrote the models, and what PyTorch computes with them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import netspec as ns
from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats import difference
from netspec.workflows.import_model import import_model

pytestmark = pytest.mark.torch

FOLDER = Path(__file__).parent / "exported_onnx"
MODELS = sorted(path.stem for path in FOLDER.glob("*.onnx"))


@pytest.mark.parametrize("name", MODELS)
def test_the_spec_of_an_export(name: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    pytest.importorskip("onnx")
    try:
        made = import_model([FOLDER / f"{name}.onnx"], out=tmp_path / "net.net")
        text = made.spec.read_text()
    except NetspecError as error:
        made, text = None, f"{error}\n"
    golden = FOLDER / f"{name}.{'net' if made else 'txt'}"
    if request.config.getoption("--update"):
        golden.write_text(text)
    assert text == golden.read_text()
    if made is None:
        return
    assert made.model is not None
    run = ns.open(made.model)
    with np.load(FOLDER / f"{name}.npz") as arrays:
        x, wanted = arrays["x"], [arrays[key] for key in sorted(arrays) if key != "x"]
    found = run.model.forward(run.variables, x)
    values = [np.asarray(value) for value in (found.values() if isinstance(found, dict) else [found])]
    assert difference(values, wanted).accepted


def test_every_golden_has_its_model() -> None:
    assert sorted(path.stem for path in FOLDER.iterdir() if path.suffix in {".net", ".txt"}) == MODELS
