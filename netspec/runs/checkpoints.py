"""Checkpoints of a training: sealed files in the run folder, of which the two newest remain.

A file appears whole or not at all, under a name that says its step; so the newest one that is whole is where a training
goes on from, whatever was cut off when. Older ones are removed only when a newer one is on the disk.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import ModelFileError, RunError
from netspec.runs import files as run_files
from netspec.runs import model_file
from netspec.runs import safetensors_file as sealed
from netspec.runs.safetensors_file import DamagedError, Declared, FileKind
from netspec.system import files
from netspec.system.background import Background
from netspec.training.progress import Snapshot, TrainingProgress

__all__ = ["FOLDER", "FORMAT_VERSION", "Checkpoints", "with_best"]

FOLDER = "checkpoints"

FORMAT_VERSION = 1
"""Of what a checkpoint holds; the tests keep a run of each."""

_KIND = FileKind(
    "netspec-checkpoint",
    FORMAT_VERSION,
    "netspec checkpoint",
    "netspec resumes from the files in a run's folder `checkpoints`",
    "copy it again from where it was whole",
)
_KEEP = 2


class Checkpoints:
    """The checkpoints of a run folder.

    Args:
        run: the run folder.
        owner: the name of the run in its manifest; None for an older run without one.

    Raises:
        RunError: when they are elsewhere: what lies there is perhaps not netspec's to remove.
    """

    def __init__(self, run: Path, owner: str | None = None) -> None:
        self.owner = owner
        self.folder = run / FOLDER
        if self.folder.is_symlink():
            raise RunError(f"{self.folder} is a link", f"put the folder itself there, or copy all of {run} again")
        self._writing: Background[None] | None = None
        self._last: Snapshot | None = None

    def write(self, snapshot: Snapshot, metrics_sha256: str = "") -> Path:
        """Begin to write a snapshot in a thread, after the one before is written; one that is written already is not.

        Args:
            snapshot: what is written.
            metrics_sha256: of metrics.jsonl as far as the snapshot's mark.

        Raises:
            RunError: when the one before could not be written.
        """
        path = self.folder / f"step-{snapshot.step:09d}.safetensors"
        if snapshot is not self._last:
            self.wait()
            self._writing = Background(lambda: self._write(path, snapshot, metrics_sha256))
            self._last = snapshot
        return path

    def wait(self) -> None:
        """Wait until everything is on the disk.

        Raises:
            RunError: when it could not be written.
        """
        writing, self._writing = self._writing, None
        if writing is None:
            return
        try:
            writing.result()
        except OSError as error:
            reason = error.strerror or str(error)
            raise RunError(
                f"no checkpoint can be written to {self.folder}: {reason}", "what was saved before is untouched"
            ) from None

    def newest(self, *, own: bool = False) -> tuple[Snapshot | None, list[str]]:
        """Return the newest snapshot that is whole, and what is wrong with newer ones; None where there are no files.

        Args:
            own: refuse one of another run.

        Raises:
            RunError: when there are files, and none of them is whole; or the newest is one of another run.
            ModelFileError: when the newest cannot be read for another reason, such as its format.
        """
        wrong: list[str] = []
        for path in reversed(self._files()):
            if not path.is_file():
                wrong.append(f"{path} is not a file")
                continue
            try:
                return self._read(path, own=own), wrong
            except DamagedError as error:
                wrong.append(error.message)
        if wrong:
            fix = f"copy {self.folder} again from where it was whole, or remove it to begin from the start"
            raise RunError(f"no checkpoint is whole: {'; '.join(wrong)}", fix)
        return None, wrong

    def sweep(self) -> None:
        """Remove what a process that was killed left half written."""
        files.sweep(self.folder, lambda name: _step(Path(name)) >= 0)

    def _write(self, path: Path, snapshot: Snapshot, metrics_sha256: str) -> None:
        self.folder.mkdir(exist_ok=True)
        metadata = {
            "progress": json.dumps(snapshot.progress.to_json()),
            "step": str(snapshot.step),
            "mark": str(snapshot.mark),
            "kept_sha256": metrics_sha256,
        }
        if self.owner is not None:
            metadata["run"] = self.owner
        sealed.write(path, _KIND, snapshot.arrays, metadata)
        others = [other for other in self._files() if other != path]
        # One that is ahead could not be read, so that the training was taken up again before it.
        ahead = [other for other in others if _step(other) > snapshot.step]
        for old in (*ahead, *others[: len(others) - len(ahead) - (_KEEP - 1)]):
            with suppress(OSError):
                old.unlink()

    def _read(self, path: Path, *, own: bool) -> Snapshot:
        def accept(metadata: Mapping[str, str], declared: Mapping[str, Declared]) -> None:
            del declared
            if own and metadata.get("run") != self.owner:
                raise RunError(f"{path} is of another run", f"move it away: {self.folder} is for those of its own")

        metadata, arrays = sealed.read(path, _KIND, accept)
        try:
            progress = TrainingProgress.from_json(json.loads(metadata["progress"]))
            step, mark = int(metadata["step"]), int(metadata["mark"])
            steps = len(arrays["history"])
            if mark < 0 or progress.taken > steps or step != (progress.epoch - 1) * steps + progress.taken:
                raise ValueError("steps and epochs do not belong together")
            return Snapshot(progress, step, arrays, mark, metadata.get("kept_sha256", ""))
        except (KeyError, ValueError, TypeError, AttributeError, RecursionError):
            raise sealed.damaged(path, _KIND, "what it says of the training cannot be read") from None

    def _files(self) -> list[Path]:
        """Return the checkpoints, the oldest first."""
        found = self.folder.glob("step-*.safetensors") if self.folder.is_dir() else ()
        return sorted((path for path in found if _step(path) >= 0), key=_step)


def _step(path: Path) -> int:
    found = re.fullmatch(r"step-([0-9]{1,15})\.safetensors", path.name)
    return int(found[1]) if found else -1


def with_best(
    run: Path, snapshot: Snapshot | None, manifest: Mapping[str, Any], *, changed: bool
) -> tuple[Snapshot | None, list[str]]:
    """Return a snapshot to resume from, without its best epoch where the model of that is lost; and a notice of it.

    best.safetensors may be of an epoch after the checkpoint. A training that goes on as it was comes to the same model
    again; one that is `changed` does not. Where the file is missing and the checkpoint is of that epoch's end, it is
    written again.

    Raises:
        RunError: when it is the model of another run.
    """
    best, file = snapshot.progress.best if snapshot else None, run / run_files.BEST
    if snapshot is None or (best is None and not file.exists()):
        return snapshot, []
    try:
        found = model_file.read(file) if file.exists() else None
        step = found.training.get("step") if found else None
        why = "is of a later epoch" if step is not None else "is missing"
    except ModelFileError:
        found, step, why = None, None, "is damaged"
    usable = step is not None and (not changed or (best is not None and step == best.step))
    if found and (usable or best is None):
        run_files.require_own_model(file, found.seal, manifest)
    if usable or best is None or (best.step == snapshot.step and why == "is missing"):
        return snapshot, []
    lost = f"{file} {why}: the model of epoch {best.epoch}, the best so far, is lost; the best of the next ones is kept"
    return replace(snapshot, progress=replace(snapshot.progress, best=None)), [lost]
