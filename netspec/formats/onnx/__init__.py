"""ONNX, opset 17: written with the `onnx` package, run by onnxruntime or, where that is missing, by onnx itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec import ops
from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats.format import Format, NotInstalledError, Options
from netspec.formats.program import Program
from netspec.system.packages import installed_version

__all__ = ["Onnx"]

_MOST = 2**31 - 2**20
"""Bytes of weights: a protobuf message has 2 GB at most."""


class Onnx(Format):
    """An ONNX file, the weights inside."""

    name = "onnx"
    summary = "a graph for onnxruntime and many other runtimes, the weights inside"
    file = "model.onnx"
    checker = "onnxruntime"
    extra = "onnx"
    folded = True
    holds = frozenset(op for op in vars(ops).values() if isinstance(op, type) and issubclass(op, ops.Op)) - {ops.Op}

    def write(self, program: Program, target: Path, options: Options) -> None:
        """Write the model, after onnx has checked it."""
        del options
        try:
            import onnx  # noqa: PLC0415
        except ImportError:
            raise NotInstalledError from None
        from netspec.formats.onnx.model import model_of  # noqa: PLC0415

        if sum(array.nbytes for array in program.arrays.values()) > _MOST:
            raise NetspecError("an ONNX file holds at most 2 GB of weights", "`--to stablehlo` or `--to safetensors`")
        model = model_of(program)
        onnx.checker.check_model(model, full_check=True)
        target.write_bytes(model.SerializeToString())

    def run(self, program: Program, target: Path, inputs: Mapping[str, NDArray[Any]]) -> list[NDArray[Any]]:
        """Return what onnxruntime computes, or onnx's own reference."""
        given = {
            i.name: np.ascontiguousarray(inputs[i.name], np.int64 if i.kind == "tokens" else None)
            for i in program.inputs
        }
        names = [output.name for output in program.outputs]
        try:
            import onnxruntime  # noqa: PLC0415
        except ImportError:
            from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

            return [np.asarray(a) for a in ReferenceEvaluator(str(target)).run(names, given)]
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        session = onnxruntime.InferenceSession(target, options, providers=["CPUExecutionProvider"])
        return [np.asarray(a) for a in session.run(names, given)]

    def checked_by(self) -> str:
        """Return the one of both that is installed."""
        try:
            import onnxruntime  # noqa: PLC0415
        except ImportError:
            return f"onnx.reference {installed_version('onnx')}"
        return f"onnxruntime {onnxruntime.__version__}"
