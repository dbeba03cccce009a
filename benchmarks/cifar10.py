"""Trains specs/cifar10.net on the pictures of a .zip, and a PyTorch program of the same recipe: docs/cifar10.md.

    NETSPEC_DATA=… python benchmarks/cifar10.py                # what is not recorded yet, then the page
    python benchmarks/cifar10.py --only twin --seeds 0         # one of the two; --again also where it is recorded
    python benchmarks/cifar10.py --page-only                   # only the page, from what is recorded

NETSPEC_DATA is a folder with cifar10-images.zip. netspec is started as a user starts it; its runs stay in --scratch,
and one that was cut off goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from accuracy_results import Figures, Job, Kind, Record, Results, add, find_spec, read

from netspec.system.files import atomic_write

__all__ = ["main", "page", "train"]

ROOT = Path(__file__).resolve().parent.parent
SPEC = ROOT / "specs" / "cifar10.net"
RESULTS = Path("benchmarks/results/cifar10.json")
PAGE = Path("docs/cifar10.md")


def main(arguments: Sequence[str] | None = None) -> int:
    """Train what is asked for, write the page, and return the exit code."""
    parser = argparse.ArgumentParser(description="Train specs/cifar10.net and its PyTorch twin, and write the page.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1], metavar="N", help="default: 0 1")
    parser.add_argument("--only", choices=("netspec", "twin"), help="one of the two")
    parser.add_argument("--again", action="store_true", help="also train what is recorded")
    parser.add_argument("--page-only", action="store_true", help="train nothing")
    parser.add_argument("--scratch", type=Path, default=Path("runs/cifar10"), help="where netspec's runs lie")
    chosen = parser.parse_args(arguments)
    spec = find_spec(str(SPEC))
    pictures = Path(os.environ.get("NETSPEC_DATA", "../shared/data")) / "cifar10-images.zip"
    if not chosen.page_only:
        if not pictures.is_file():
            print(f"error: {pictures} is not there; NETSPEC_DATA names its folder", file=sys.stderr)
            return 1
        for seed in chosen.seeds:
            job = Job(spec=spec, dataset=pictures.name, epochs=spec.network.recipe.epochs, seed=seed)
            kinds: list[Kind] = ["runs"] if chosen.only != "twin" else []
            kinds += ["twins"] if chosen.only != "netspec" else []
            for kind in kinds:
                if chosen.again or not job.is_done(read(RESULTS), kind):
                    record = train(job, pictures, chosen.scratch) if kind == "runs" else _twin(job, pictures)
                    add(RESULTS, kind, job.key, record)
    atomic_write(PAGE, page(read(RESULTS), SPEC.read_text(encoding="utf-8")))
    return 0


def train(job: Job, pictures: Path, scratch: Path) -> Record:
    """Train by the command line, or go on with a run that was cut off, and return what the run folder says."""
    folder = scratch / f"seed{job.seed}"
    if not (folder / "result.json").exists():
        begin = ["train", str(job.spec.path), "--data", str(pictures), "--seed", str(job.seed), "--out", str(folder)]
        verb = ["resume", str(folder)] if (folder / "checkpoints").exists() else begin
        subprocess.run([sys.executable, "-m", "netspec", *verb], check=True)
    result = json.loads((folder / "result.json").read_bytes())
    lines = map(json.loads, (folder / "metrics.jsonl").read_text(encoding="utf-8").splitlines())
    history = [
        Figures(test_accuracy=line["test_accuracy"], test_loss=line["test_loss"], seconds=line["seconds"])
        for line in lines
        if line["kind"] == "epoch"
    ]
    made_with = {"jax": version("jax")}
    return job.record(history, seconds=result["seconds"], device=result["device"], versions=made_with)


def _twin(job: Job, pictures: Path) -> Record:
    # PyTorch is imported only where it trains: the page is written without it.
    from cifar10_twin import train_twin  # noqa: PLC0415

    return train_twin(job, pictures)


def page(results: Results, spec: str) -> str:
    """Return the page."""
    lines = [
        "# CIFAR-10",
        "",
        "`specs/cifar10.net` learns the ten classes of CIFAR-10 from a folder or an archive of its pictures, on two",
        "processor cores. One command trains it, and `netspec resume` goes on with it where it was cut off:",
        "",
        "    netspec train specs/cifar10.net --data cifar10-images.zip",
        "",
        "Without `--data` it reads the [binary version](your_data.md) of the set. The pictures here are JPEG files, so",
        "that figures lie a little below those on the original bytes.",
        "",
        "```net",
        spec.rstrip(),
        "```",
        "",
        "*Last epoch* is the honest figure: the best one is chosen on the test set. Written by",
        "`NETSPEC_DATA=… python benchmarks/cifar10.py`, which also trains a PyTorch program of the same network and",
        "recipe. Other programs ran on the machine too, so that the minutes are upper bounds.",
        "",
        "| by | seed | epochs | test accuracy, last epoch | best epoch | minutes |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, records in (("netspec", results.runs), ("PyTorch", results.twins)):
        lines += [_row(name, record) for _, record in sorted(records.items())]
    if not (results.runs or results.twins):
        lines.append("| not measured yet | | | | | |")
    lines += ["", *_made_with(results)]
    return "\n".join(lines).rstrip() + "\n"


def _row(by: str, record: Record) -> str:
    return (
        f"| {by} | {record.seed} | {record.epochs} | {100 * record.last.test_accuracy:.2f} % "
        f"| {100 * record.best_accuracy:.2f} % | {record.seconds / 60:.1f} |"
    )


def _made_with(results: Results) -> list[str]:
    lines = []
    for name, records in (("netspec", results.runs), ("PyTorch", results.twins)):
        for key in sorted(records)[:1]:
            record = records[key]
            versions = ", ".join(f"{package} {version}" for package, version in record.versions.items())
            lines += [f"{name}: {versions}; {record.machine.device}, {record.machine.cores} cores.", ""]
    return lines


if __name__ == "__main__":
    sys.exit(main())
