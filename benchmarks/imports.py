"""How many of the models in the `onnx` package's own tests `netspec import` reads, and whether it computes the same.

    pip install "netspec[onnx]" && python benchmarks/imports.py

Each model comes with inputs and outputs. One counts as read where all of it was understood, and as agreeing where the
largest difference from those outputs is at most 1e-5 of the largest value. `--all` prints a line for each model.
"""

from __future__ import annotations

import argparse
import re
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import netspec as ns
from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats import difference
from netspec.workflows.import_model import import_model

FOLDERS = ("pytorch-converted", "pytorch-operator")


def data() -> Path:
    """Return the folder of the models of the package."""
    import onnx  # noqa: PLC0415

    return Path(onnx.__file__).parent / "backend" / "test" / "data"


def tensors(folder: Path, kind: str) -> list[NDArray[Any]]:
    """Return the inputs or outputs that come with a model."""
    import onnx  # noqa: PLC0415

    found = sorted((folder / "test_data_set_0").glob(f"{kind}_*.pb"), key=lambda path: int(path.stem.split("_")[1]))
    return [onnx.numpy_helper.to_array(onnx.TensorProto.FromString(path.read_bytes())) for path in found]


def outcome(folder: Path) -> str:
    """Return `agrees`, `differs: …` or `refused: …` for a model."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            made = import_model([folder / "model.onnx"], out=Path(scratch) / "net.net")
        except NetspecError as error:
            lines = str(error).splitlines()
            place, _, reason = lines[min(1, len(lines) - 1)].partition("): ")
            reason = reason or re.sub(r".*the input \S+ ", "", place)
            return f"refused: {reason.partition('; ')[0].removeprefix('the input ')}"
        assert made.model is not None
        run = ns.open(made.model)
        names = [given.name for given in run.network.inputs]
        inputs = tensors(folder, "input")
        x = dict(zip(names, inputs, strict=True)) if len(names) > 1 else inputs[0]
        try:
            computed = run.model.forward(run.variables, x)
        except NetspecError as error:
            return f"refused: {str(error).splitlines()[0]}"
        found = [np.asarray(v) for v in (computed.values() if isinstance(computed, dict) else [computed])]
    wanted = tensors(folder, "output")
    apart = difference(found, wanted)
    if apart.accepted:
        return "agrees"
    shapes = f"{[a.shape for a in found]} for {[b.shape for b in wanted]}"
    return f"differs: {apart.relative:.1e}" if np.isfinite(apart.relative) else f"differs: {shapes}"


def main() -> None:
    """Print how many models of each folder are read, and why the others are not."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--folder", action="append", help="of onnx/backend/test/data; both of PyTorch's unless given")
    parser.add_argument("--all", action="store_true", help="a line for each model")
    given = parser.parse_args()
    for name in given.folder or FOLDERS:
        models = sorted(path.parent for path in (data() / name).glob("*/model.onnx"))
        found = {}
        for folder in models:
            found[folder.name] = outcome(folder)
            if given.all:
                print(f"{folder.name}: {found[folder.name]}", flush=True)
        count = Counter(found.values())
        print(f"{name}: {count['agrees']} of {len(models)} agree")
        for reason, number in sorted(count.items(), key=lambda each: (-each[1], each[0])):
            if reason != "agrees":
                print(f"  {number:3} {reason}")


if __name__ == "__main__":
    main()
