"""Trainings in processes of their own, on the real command line, to be killed, interrupted and resumed."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any
from zipfile import ZipFile

from PIL import Image

from netspec.data import load
from netspec.runs import files as runs
from promises.frame import ROOT, Effort

__all__ = ["Training", "campaigns", "outcome"]

_SPEC = """\
# A little of everything that a training must remember.
input 1x8x8
conv 8 3x3 pad=same relu; batchnorm; pool 2; dropout 0.2
fc 32 relu; fc 10 softmax
data DATA
train {
  optimizer sgd lr=0.05 momentum=0.9; schedule cosine warmup=1
  ema 0.99; accumulate 2; evaluate every=50
  batch 32; epochs EPOCHS
  checkpoint every=25
}
"""
_DIGITS = "digits { augment shift=1 rotate=5; validation 100 }"
_STREAMED = '"digits.zip" { augment shift=1 rotate=5; validation 10%; streaming on }'
_CLOCK = {"seconds", "examples_per_second", "data_wait"}


@dataclass(frozen=True, slots=True)
class Training:
    """A training in a folder; its run is the folder `run` in it.

    Attributes:
        folder: where the spec, the run and what was compiled are.
    """

    folder: Path

    @classmethod
    def made(cls, folder: Path, programs: Path, epochs: int, pictures: Path | None = None) -> Training:
        """Return a training in a new folder that shares what was compiled with others.

        With an archive of pictures it learns from a copy of that, which is read batch by batch.
        """
        folder.mkdir()
        if pictures:
            shutil.copyfile(pictures, folder / "digits.zip")
        data = _STREAMED if pictures else _DIGITS
        (folder / "spec.net").write_text(_SPEC.replace("EPOCHS", str(epochs)).replace("DATA", data))
        (folder / ".cache").symlink_to(programs, target_is_directory=True)
        return cls(folder)

    @property
    def run(self) -> Path:
        """The run folder."""
        return self.folder / "run"

    def begin(self) -> subprocess.Popen[str]:
        """Start a process that trains, or that goes on with what was begun."""
        words = ["resume", "run"] if (self.run / runs.MANIFEST).exists() else ["train", "spec.net", "-o", "run"]
        if words[0] == "train" and self.run.exists():
            # It was killed before it had written what it was to do.
            self.run.rename(self.run.with_name(f"stillborn-{len(list(self.folder.iterdir()))}"))
        # Who is killed may leave a piece of a compiled program: only in a folder of its own.
        left_out = {"NETSPEC_DATA", "FORCE_COLOR", "JAX_COMPILATION_CACHE_DIR"}
        environment = {k: v for k, v in os.environ.items() if k not in left_out}
        environment |= {"NETSPEC_OFFLINE": "1", "NETSPEC_CACHE": str(self.folder / ".cache"), "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "netspec", *words, "--json"]
        pipe = subprocess.PIPE
        return subprocess.Popen(command, cwd=self.folder, env=environment, stdout=pipe, stderr=pipe, text=True)

    def finish(self) -> str:
        """Let it come to its end; returns what went wrong."""
        if (self.run / runs.RESULT).exists():
            return ""
        process = self.begin()
        _, error = process.communicate()
        return "" if process.returncode == 0 else f"exit {process.returncode}: {error.strip()[-300:]}"


def outcome(run: Path) -> str:
    """Return one hash of all measurements (the clock's apart) and of all weights of a run."""
    digest = hashlib.sha256()
    for line in runs.read_metrics(run):
        kept = {key: value for key, value in line.items() if key not in _CLOCK}
        digest.update(json.dumps(kept, sort_keys=True).encode())
    for name in (runs.BEST, runs.LAST):
        digest.update((run / name).read_bytes())
    return digest.hexdigest()


def digits_in(archive: Path) -> Path:
    """Write the pictures of the dataset `digits` into an archive, a folder for each class."""
    data = load(["digits"])
    with ZipFile(archive, "w") as files:
        for part, split in (("train", data.train), ("test", data.test)):
            for i, (image, label) in enumerate(zip(split.images, split.labels, strict=True)):
                stream = io.BytesIO()
                Image.fromarray(image[0]).save(stream, "PNG")
                files.writestr(f"{part}/{label}/{i}.png", stream.getvalue())
    return archive


def campaigns(
    effort: Effort, once: Callable[[Training, Random], Any], count: int, *, streamed: bool = False
) -> tuple[list[Any], list[str]]:
    """Disturb trainings until that was done so many times, and let each of them come to its end.

    Args:
        effort: where, how long the trainings are, and the seed of what is random.
        once: starts a training's process, disturbs it, and returns what came of it; None where it had ended before.
        count: how often.
        streamed: whether they learn from pictures that are read batch by batch.

    Returns:
        What came of each time, and what was wrong at the end of a training.
    """
    programs, epochs = effort.folder / "programs", effort.of(30, 8)
    programs.mkdir()
    pictures = digits_in(effort.folder / "digits.zip") if streamed else None
    whole = Training.made(effort.folder / "whole", programs, epochs, pictures)
    error = whole.finish()
    if error:
        return [], [error]
    wanted = outcome(whole.run)
    found: list[Any] = []
    wrong: list[str] = []
    workers = min(count, 2)
    with ThreadPoolExecutor(workers) as pool:
        share = [pool.submit(_campaign, effort, whole, once, i, count // workers, wanted) for i in range(workers)]
        for each in share:
            came, problems = each.result()
            found += came
            wrong += problems
    return found, wrong


def _campaign(
    effort: Effort, whole: Training, once: Callable[[Training, Random], Any], worker: int, count: int, wanted: str
) -> tuple[list[Any], list[str]]:
    rng = Random(f"{effort.seed} {worker}")
    found: list[Any] = []
    wrong: list[str] = []
    number = 0
    while len(found) < count:
        own = whole.folder / "digits.zip"
        training = Training.made(
            effort.folder / f"{worker}-{number}",
            whole.folder / ".cache",
            effort.of(30, 8),
            own if own.exists() else None,
        )
        number += 1
        for _ in range(rng.randint(4, 12)):
            if (training.run / runs.RESULT).exists() or len(found) == count:
                break
            came = once(training, rng)
            if came is not None:
                found.append(came)
        error = training.finish()
        if error:
            wrong.append(error)
        elif outcome(training.run) != wanted:
            wrong.append("other bits at the end")
    return found, wrong
