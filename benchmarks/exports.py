"""Exports every ready-made spec to every format, and records how far the other program is from netspec.

    pip install -e ".[test,parity]" keras
    NETSPEC_DATA=… python benchmarks/exports.py          # what is not recorded yet, then the page
    python benchmarks/exports.py --only lenet gpt2       # some specs; --again also where they are recorded
    python benchmarks/exports.py --to torch jax          # some formats
    python benchmarks/exports.py --page-only             # only the page, from what is recorded

The networks are untrained: their numbers are drawn, and then moved a little, so that none is 0 or 1 throughout. Each
spec has a process of its own. What is found goes into benchmarks/results/exports.json as soon as a spec is done: the
work can be stopped and taken up again. A spec is exported again where its text has changed. The exit code is 1 when one
neither agrees nor is refused as docs/formats.md says.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from recorded import ROOT, Circumstances, Frozen, Records, Rows, circumstances, commit

import netspec as ns
from netspec.backends.jax.compile_cache import turn_on
from netspec.data.for_network import load_data
from netspec.describe.shelf import shelf
from netspec.diagnostics.diagnostic import NetspecError
from netspec.formats import FORMATS
from netspec.ops import Bias
from netspec.passes.fuse_loss import fuse_loss
from netspec.recipe.settings import Normalize
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.model_file import ModelFile
from netspec.system.files import atomic_write
from netspec.workflows.export import export_model

__all__ = ["KINDS", "RECORDS", "TO", "Cell", "Row", "exported", "main", "merged", "stamp", "untrained"]

TO = tuple(name for name in FORMATS if name != "npz")
"""The formats that are measured; `npz` is `safetensors` in another wrapping."""

KINDS: Mapping[str, Mapping[str, Path]] = {
    **shelf(),
    "Your own data": {path.stem: path for path in sorted((ROOT / "specs" / "own").glob("*.net"))},
    "The tutorial": {f"tutorial_{p.stem}": p for p in sorted((ROOT / "docs" / "tutorial").glob("*.net"))},
}
"""All specs by kind and name."""

SPECS = {name: path for specs in KINDS.values() for name, path in specs.items()}
del SPECS["tutorial_wrong"]  # it shows what a mistake looks like

_LARGE = 10
"""Of larger logits probabilities are 0 and 1."""

_SAYS_NO = " cannot hold "
"""What a refusal says that docs/formats.md announces."""

_PACKAGES = ("netspec", "jax", "numpy", "onnx", "onnxruntime", "torch", "keras", "safetensors")


class Cell(Frozen):
    """What came of an export.

    Attributes:
        relative: the largest difference to what netspec computes, as a share of the largest value; None where it was
            not run again.
        examples: what both programs were run on, in words.
        refused: why the format cannot hold it; empty where it can.
        fault: what went wrong otherwise; empty where nothing did.
    """

    relative: float | None = None
    examples: str = ""
    refused: str = ""
    fault: str = ""


class Exported(Frozen):
    """What came of a spec, by format, and how long it took.

    Attributes:
        stamp: of the text of the spec.
    """

    cells: Mapping[str, Cell]
    parameters: int
    stamp: str
    seconds: float
    seed: int


class Row(Circumstances, Exported):
    """What came of a spec, and when and where."""


RECORDS = Records(Rows[Row], SPECS)
"""Of the specs, in their order."""


def merged(path: Path, name: str, row: Row) -> Mapping[str, Row]:
    """Record a row in a file, keep the formats that only an older one of that name has, and return all rows."""
    before = RECORDS.read(path).get(name)
    if before and (before.stamp, before.seed) == (row.stamp, row.seed):
        cells = {**before.cells, **row.cells}
        row = row.model_copy(update={"cells": {to: cells[to] for to in TO if to in cells}})
    return RECORDS.merged(path, name, row)


def stamp(name: str) -> str:
    """Return what tells whether a spec has changed."""
    return hashlib.sha256(SPECS[name].read_bytes()).hexdigest()[:16]


def untrained(path: Path, folder: Path, seed: int) -> tuple[Path, int]:
    """Return a model file of a spec in a folder, and how many parameters it has: its numbers are drawn, and moved."""
    beside = path.parent.name == "own"
    if beside:
        shutil.copytree(path.parent, folder, dirs_exist_ok=True)
        path = folder / path.name
    network = ns.load(path)
    if network.data and network.data.normalize and network.data.normalize.of == "channels":
        # A training would work these out from its pictures.
        stated = Normalize(means="0.49 0.48 0.45", stds="0.25 0.24 0.26")
        network = network.model_copy(update={"data": network.data.model_copy(update={"normalize": stated})})
    dataset = load_data(network, base=folder) if beside else None
    model = ns.compile(network, "cpu")
    several = len(model.graph.outputs) > 1
    arrays = moved({name: np.asarray(a) for name, a in run_folders.arrays_of(model.init(seed)).items()}, seed)
    made = ModelFile(
        network,
        model.graph,
        calmed(model, arrays, seed),
        dataset.labels if dataset and not several else (),
        {"dataset": dataset.name} if dataset else {},
        preparation=dataset.preparation if dataset else None,
        output_labels=dict(dataset.target_labels) if dataset and several else {},
    )
    file = folder / f"{path.stem}.safetensors"
    model_file.write(file, made)
    return file, model.graph.parameter_count


def moved(arrays: Mapping[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Return arrays in which nothing is 0 or 1 throughout: a bias of zeros would show no mistake."""
    rng = np.random.default_rng(seed)
    made = {}
    for name, array in sorted(arrays.items()):
        flat = len(np.unique(array.reshape(-1)[:100])) == 1
        made[name] = np.asarray(array + rng.uniform(-0.1, 0.1, array.shape), np.float32) if flat else array
    return made


def calmed(model: ns.Model, arrays: dict[str, np.ndarray], seed: int) -> dict[str, np.ndarray]:
    """Return arrays with which no probability is 0 or 1: the last weights are smaller where logits are large.

    In an untrained network values may grow from layer to layer. Probabilities that are all 0 or 1 would agree anyhow.
    """
    rng = np.random.default_rng(seed)
    x = {
        i.name: rng.integers(0, i.tokens, (1, *i.shape)).astype(np.int32)
        if i.tokens
        else rng.integers(0, 256, (1, *i.shape)).astype(np.uint8 if len(i.shape) == 3 else np.float32)
        for i in model.graph.inputs
    }
    file = ModelFile(model.network, model.graph, arrays, (), {})
    made = model.logits(run_folders.variables_of(file, model), x if len(x) > 1 else next(iter(x.values())))
    calm = dict(arrays)
    graph = fuse_loss(model.graph)
    for output in graph.outputs:
        largest = float(np.abs(np.asarray(made[output.name] if isinstance(made, dict) else made)).max())
        operation = graph.made[output.logits]
        while largest > _LARGE and operation.inputs[0] in graph.made:
            if operation.parameters:
                calm |= {path: arrays[path] * np.float32(_LARGE / largest) for path in operation.parameters}
            if not isinstance(operation.op, Bias):
                break
            operation = graph.made[operation.inputs[0]]
    return calm


def exported(file: Path, to: str, folder: Path) -> Cell:
    """Return what came of an export."""
    try:
        made = export_model(file, to, out=folder / FORMATS[to].file)
    except NetspecError as error:
        said = str(error).partition("\n")[0]
        return Cell(refused=said) if _SAYS_NO in said else Cell(fault=said)
    return Cell(relative=made.difference.relative if made.difference else None, examples=made.examples)


def measured(name: str, formats: Sequence[str], seed: int) -> Row:
    """Export a spec."""
    at = commit("benchmarks/results/", "docs/exports.md")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix=f"netspec-{name}-") as scratch:
        folder = Path(scratch)
        (folder / "made").mkdir()
        file, parameters = untrained(SPECS[name], folder / "made", seed)
        cells = {to: exported(file, to, folder) for to in formats}
    return Row(
        cells=cells,
        parameters=parameters,
        stamp=stamp(name),
        seconds=round(time.perf_counter() - began, 1),
        seed=seed,
        **circumstances(at, _PACKAGES),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Export what is asked for, record it, write the page, and return the exit code."""
    from exports_page import page  # noqa: PLC0415

    chosen = _options().parse_args(arguments)
    if chosen.alone:
        turn_on()  # each format needs the same programs of netspec
        (name,) = chosen.only
        print(measured(name, chosen.to, chosen.seed).model_dump_json())
        return 0
    bad = 0
    for name in () if chosen.page_only else chosen.only:
        bad += not _measure(name, chosen)
    atomic_write(chosen.page, page(RECORDS.read(chosen.json)))
    return 1 if bad else 0


def _measure(name: str, chosen: argparse.Namespace) -> bool:
    """Export a spec in a process of its own, whose memory is free afterwards, and return whether all went well."""
    before = RECORDS.read(chosen.json).get(name)
    known = before.cells if before and (before.stamp, before.seed) == (stamp(name), chosen.seed) else {}
    wanted = [to for to in chosen.to if chosen.again or to not in known]
    if not wanted:
        print(f"{name}: recorded already", flush=True)
        return not any(cell.fault for cell in known.values())
    command = [sys.executable, __file__, "--alone", "--only", name, "--seed", str(chosen.seed), "--to", *wanted]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        print(f"{name}: it stopped with the exit code {done.returncode}", flush=True)
        return False
    row = Row.model_validate_json(done.stdout.splitlines()[-1])
    merged(chosen.json, name, row)
    for to, cell in row.cells.items():
        agrees = "not run" if cell.relative is None else f"{cell.relative:.1e}"
        print(f"{name}: {to}: {cell.fault or cell.refused or agrees}", flush=True)
    print(f"{name}: {row.seconds:,.0f} s", flush=True)
    return not any(cell.fault for cell in row.cells.values())


def _options() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SPECS, default=list(SPECS), metavar="NAME")
    parser.add_argument("--to", nargs="+", choices=TO, default=list(TO), metavar="FORMAT", help=", ".join(TO))
    parser.add_argument("--seed", type=int, default=0, help="all that is random follows from it; 0 unless given")
    parser.add_argument("--again", action="store_true", help="also what is recorded")
    parser.add_argument("--page-only", action="store_true", help="export nothing, write the page")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--json", type=Path, default=ROOT / "benchmarks/results/exports.json", metavar="FILE")
    parser.add_argument("--page", type=Path, default=ROOT / "docs/exports.md", metavar="FILE")
    return parser


if __name__ == "__main__":
    sys.exit(main())
