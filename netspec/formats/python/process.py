"""A written program in a process of its own, where netspec cannot be imported."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.formats.format import NotInstalledError

__all__ = ["run_file"]

_PROGRAM = """\
import importlib.util, sys
sys.modules["netspec"] = None
path, package, folder = sys.argv[1:]
if importlib.util.find_spec(package) is None:
    sys.exit(77)
import numpy as np
spec = importlib.util.spec_from_file_location("exported", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
with np.load(folder + "/inputs.npz") as file:
    inputs = [file[name] for name in file.files]
CALL
np.savez(folder + "/outputs.npz", **{f"output_{i}": np.asarray(a) for i, a in enumerate(made)})
"""
_MISSING = 77


def run_file(file: Path, package: str, inputs: Sequence[NDArray[Any]], call: str) -> list[NDArray[Any]]:
    """Return what a written program computes.

    Args:
        file: the program.
        package: what it needs beside NumPy.
        inputs: in the order of the arguments.
        call: the lines that make `made`, the outputs in their order, of `module` and `inputs`.

    Raises:
        NotInstalledError: the package is not installed.
        RuntimeError: the program fails; its last line says why.
    """
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "inputs.npz", *inputs)
        program = _PROGRAM.replace("CALL\n", call)
        done = subprocess.run(
            [sys.executable, "-c", program, str(file), package, folder],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
            cwd=folder,
            env={**os.environ, "JAX_PLATFORMS": "cpu", "KERAS_BACKEND": "jax", "PYTHONDONTWRITEBYTECODE": "1"},
        )
        if done.returncode == _MISSING:
            raise NotInstalledError
        if done.returncode:
            raise RuntimeError((done.stderr.strip() or "it stopped").splitlines()[-1])
        with np.load(Path(folder) / "outputs.npz") as made:
            return [made[f"output_{i}"] for i in range(len(made.files))]
