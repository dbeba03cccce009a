"""The same spec, seed and machine: the same bits, in processes of their own; and `netspec replay`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from promises.frame import ROOT, Effort, Found
from promises.trainings import outcome

__all__ = ["measure"]

_SPECS = ("tutorials/gluon_mlp", "tutorials/blocks_mlp", "lenet", "tutorials/torch_cnn")


def measure(effort: Effort) -> Found:
    """Train each spec three times on the bundled digits, each time with another seed of Python's own hashes."""
    specs, times = _SPECS[: effort.of(len(_SPECS), 1)], effort.of(3, 2)
    several, replayed = [], 0
    for spec in specs:
        found = set()
        for i in range(times):
            run = effort.folder / spec.replace("/", "_") / str(i)
            run.parent.mkdir(exist_ok=True)
            words = ["train", str(ROOT / "specs" / f"{spec}.net"), "--data", "digits", "--epochs", "2", "-o", str(run)]
            _netspec(effort.folder, *words, seed=i)
            found.add(outcome(run))
        several.append(len(found))
        replayed += _netspec(effort.folder, "replay", str(run), "--quiet", seed=times).returncode == 0
    return Found(
        done=f"{len(specs)} specs trained {times} times each, in processes of their own; the last run of each replayed "
        "by `netspec replay`",
        figure=f"{sum(several)} different outcomes (SHA-256 of all measurements and weights) of {len(specs)} specs; "
        f"{replayed} replays the same, bit for bit",
        kept=several == [1] * len(specs) and replayed == len(specs),
    )


def _netspec(folder: Path, *words: str, seed: int) -> subprocess.CompletedProcess[str]:
    left_out = {"NETSPEC_DATA", "FORCE_COLOR", "JAX_COMPILATION_CACHE_DIR"}
    environment = {k: v for k, v in os.environ.items() if k not in left_out}
    environment |= {"NETSPEC_OFFLINE": "1", "NETSPEC_CACHE": str(folder / ".cache"), "PYTHONPATH": str(ROOT)}
    # Each process compiles for itself: that it comes to the same program is a part of the promise.
    environment |= {"PYTHONHASHSEED": str(seed), "NETSPEC_COMPILE_CACHE": "off"}
    command = [sys.executable, "-m", "netspec", *words]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=words[0] == "train"
    )
