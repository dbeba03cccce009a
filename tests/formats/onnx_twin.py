"""Small models in ONNX for tests, from its text form, and what onnxruntime computes with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import netspec as ns
from netspec.formats import difference
from netspec.workflows.import_model import Imported, import_model

__all__ = ["agreed", "computed", "imported", "model_of"]


def model_of(body: str, inputs: str, outputs: str, weights: Mapping[str, Any] | None = None, opset: int = 17) -> Any:
    """Return a model.

    Args:
        body: its nodes, one a line: `y = Conv <pads = [1, 1, 1, 1]> (x, w)`.
        inputs: such as `float[N, 3, 8, 8] x`.
        outputs: likewise; their sizes need not be said.
        weights: arrays by name.
        opset: of its operators.
    """
    onnx = pytest.importorskip("onnx")
    lines = "\n".join(line.strip() for line in body.strip().splitlines())
    text = f'<ir_version: 8, opset_import: ["" : {opset}]> net ({inputs}) => ({outputs}) {{ {lines} }}'
    model = onnx.parser.parse_model(text)
    for name, array in (weights or {}).items():
        given = np.asarray(array)
        given = given.astype(np.float32) if given.dtype == np.float64 else given
        model.graph.initializer.append(onnx.numpy_helper.from_array(given, name))
    return model


def imported(folder: Path, model: Any, *, shape: tuple[int, ...] | None = None) -> tuple[Imported, str]:
    """Return what is imported of a model, and its spec without the title and empty lines, in one line."""
    (folder / "net.onnx").write_bytes(model.SerializeToString())
    made = import_model([folder / "net.onnx"], shape=shape, out=folder / "net.net", force=True)
    lines = made.spec.read_text().splitlines()[1:]
    return made, "; ".join(line.strip() for line in lines if line)


def computed(made: Imported, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return what netspec computes with an imported model."""
    assert made.model is not None
    run = ns.open(made.model)
    names = [given.name for given in run.network.inputs]
    x = dict(zip(names, inputs, strict=True)) if len(names) > 1 else inputs[0]
    found = run.model.forward(run.variables, x)
    return [np.asarray(value) for value in (found.values() if isinstance(found, dict) else [found])]


def agreed(folder: Path, model: Any, inputs: Sequence[np.ndarray], *, shape: tuple[int, ...] | None = None) -> str:
    """Return the spec of a model, after what netspec computes was compared with what onnxruntime does."""
    onnxruntime = pytest.importorskip("onnxruntime")
    made, text = imported(folder, model, shape=shape)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    fed = dict(zip([given.name for given in session.get_inputs()], inputs, strict=True))
    found = difference(computed(made, inputs), session.run(None, fed))
    assert found.accepted, (found, text)
    return text
