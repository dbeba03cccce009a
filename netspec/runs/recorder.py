"""The recorder of a training: a run folder with its manifest (lock.json), measurements, models and checkpoints."""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from netspec.backends.jax.model import Model, Variables
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import RunError
from netspec.ir.text import resolved_text
from netspec.recipe.catalog import find, last_part
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.checkpoints import Checkpoints
from netspec.runs.files import BEST, CURVES, LAST, MANIFEST, MANIFEST_FORMAT, METRICS, NETWORK, REPORT, RESULT, SPEC
from netspec.runs.lock import RunLock
from netspec.runs.manifest import Origin, digest, manifest_facts, network_text
from netspec.runs.model_file import ModelFile
from netspec.sources.preparation import Preparation
from netspec.system.files import atomic_write, open_to_add, read_text, sweep
from netspec.training.events import Epoch, Event, Result, Saved, Started, metrics_line, plain
from netspec.training.progress import Snapshot

__all__ = ["RunFolder"]

_WRITTEN = (SPEC, NETWORK, MANIFEST, RESULT, BEST, LAST, CURVES, REPORT)
"""Files that appear whole or not at all."""


class RunFolder:
    """Records one training in a folder; the training loop calls it.

    Args:
        folder: an empty folder; that of the run where it is resumed.
        model: what is trained.
        origin: what it was started with.
        lock: the lock of the folder, where this process has it already.
        resumed: the snapshot the training is resumed from.
        before: the manifest of a run that is resumed.
        changes: what differs from it, in words.
        differences: in versions or machine, in words: the bits may be others from here on.

    Raises:
        RunError: when another process trains in that folder, or it cannot be written to.
    """

    def __init__(
        self,
        folder: Path,
        model: Model,
        origin: Origin | None = None,
        *,
        lock: RunLock | None = None,
        resumed: Snapshot | None = None,
        before: Mapping[str, Any] | None = None,
        changes: tuple[str, ...] = (),
        differences: tuple[str, ...] = (),
    ) -> None:
        self.folder = folder
        self.model = model
        self.origin = origin or Origin()
        self.text = self.origin.text or resolved_text(model.network)
        self.resumed, self.before, self.changes, self.differences = resumed, before, changes, differences
        self.labels: tuple[str, ...] = ()
        self.preparation: Preparation | None = None
        self.output_labels: dict[str, tuple[str, ...]] = {}
        self.dataset = ""
        self._lock = lock or RunLock(folder)
        # An older run, without a name, is resumed without one.
        self.name: str | None = secrets.token_hex(8) if before is None else before.get("run")
        self._models: dict[str, list[str]] = dict(before.get("models", {})) if before else {}
        self._facts: dict[str, Any] = {}
        self._measured = hashlib.sha256()
        self._marked: tuple[int, str] = (-1, "")
        self._checkpoints = Checkpoints(folder, self.name)

    def begin(self, event: Started, dataset: Dataset) -> None:
        """Write what is known before the first step; the manifest last: with it the run can be resumed."""
        self.labels = dataset.labels
        self.preparation = dataset.preparation
        names = {output.name: dataset.target_labels.get(output.target) for output in self.model.graph.outputs}
        self.output_labels = {output: own for output, own in names.items() if own}
        self.dataset = dataset.name if find(dataset.name) else last_part(dataset.name)
        self._require_files()
        self._sweep()
        network = None
        if self.before is None or self.changes:
            network = network_text(self.model.network)
            if self.before is not None:
                # Whatever is cut off between the two files, the manifest knows the network.
                self._write(
                    MANIFEST, json.dumps({**self.before, "next_network_sha256": digest(network)}, indent=2) + "\n"
                )
            self._write(SPEC, self.text)
            self._write(NETWORK, network)
        if self.changes and self.resumed and self.resumed.progress.best is None:
            # Whatever is there is of epochs that are not part of this run any more.
            self._remove(BEST)
        if self.changes:
            last = self.resumed.progress.last if self.resumed else None
            self._drop_epochs(after=last.epoch if last else 0)
        # If the process is killed after the result is there, it is seen that the curves are not those of the end.
        self._remove(CURVES)
        self._remove(REPORT)
        # Before the measurements: they are compared with those that the manifest knows where there is a result.
        self._remove(RESULT)
        self.rewind(self.resumed.mark if self.resumed else 0)
        if network is None:
            # It may be of an older netspec, which says the same in other words.
            network = self._read(NETWORK)
        sessions = [*self.before["resumed"], self._session(event)] if self.before else []
        begun = self.before.get("begun") if self.before else datetime.now(UTC).isoformat(timespec="seconds")
        self._facts = {
            "format": MANIFEST_FORMAT,
            **({"run": self.name} if self.name is not None else {}),
            **({"begun": begun} if begun else {}),
            "spec_sha256": digest(self.text),
            "network_sha256": digest(network),
            **manifest_facts(self.model, dataset, self.origin, event),
            "resumed": sessions,
        }
        self._write_manifest()

    def _write_manifest(self, **more: Any) -> None:
        """Write the manifest, with the hashes of the models that are or are about to be there."""
        named = {"models": self._models} if self.name is not None else {}
        self._write(MANIFEST, json.dumps({**self._facts, **named, **more}, indent=2) + "\n")

    def _session(self, event: Started) -> dict[str, Any]:
        """Return the entry of a session that resumes a run."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return {"step": event.step, "time": now, "changes": list(self.changes), "elsewhere": list(self.differences)}

    def add(self, event: Event) -> None:
        """Append a measurement to metrics.jsonl."""
        line = metrics_line(event)
        if line is None:
            return
        try:
            with open_to_add(self.folder / METRICS, make=False) as stream:
                written = json.dumps(line).encode() + b"\n"
                stream.write(written)
                self._measured.update(written)
        except OSError as error:
            raise self._unwritable(METRICS, error) from None

    def mark(self) -> int:
        """Return the length of metrics.jsonl, all of which is on the disk then."""
        try:
            with open_to_add(self.folder / METRICS, make=False) as stream:
                os.fsync(stream.fileno())
                self._marked = (stream.tell(), self._measured.hexdigest())
                return self._marked[0]
        except OSError as error:
            raise self._unwritable(METRICS, error) from None

    def rewind(self, mark: int) -> None:
        """Cut metrics.jsonl to a length; make it where it is missing."""
        try:
            with open_to_add(self.folder / METRICS, make=True) as stream:
                # Where the file was lost, what is missing must not become zeros.
                stream.truncate(min(mark, stream.tell()))
                os.fsync(stream.fileno())
                stream.seek(0)
                self._measured = hashlib.sha256()
                while piece := stream.read(2**20):
                    self._measured.update(piece)
        except OSError as error:
            raise self._unwritable(METRICS, error) from None

    def save(self, variables: Variables, epoch: Epoch) -> list[Saved]:
        """Write the last model, the best one after the best epoch, and the model of the epoch where it is kept."""
        measured = plain(asdict(epoch))
        training = {k: v for k, v in measured.items() if k not in {"seconds", "data_wait", "best"} and v is not None}
        training["dataset"] = self.dataset
        if self._facts.get("data_sha256"):
            training["data_sha256"] = self._facts["data_sha256"]
        arrays = run_folders.arrays_of(variables)
        whole = ModelFile(
            self.model.network,
            self.model.graph,
            arrays,
            self.labels,
            training,
            output_labels=self.output_labels,
            preparation=self.preparation,
        )
        saved = []
        self._require_run()
        keep = self.model.network.recipe.checkpoint.keep
        own = [run_folders.epoch_file(epoch.epoch)] if keep else []
        current = (LAST, BEST) if epoch.best else (LAST,)

        def announce(seal: str) -> None:
            # Whenever the process is cut off, what is there is either the model before or this one: both are known.
            for name in current:
                there, known = model_file.stated(self.folder / name), self._models.get(name, [])
                self._models[name] = list(dict.fromkeys([seal, *(s for s in known if s == there)]))
            if self.name is not None:
                self._write_manifest()

        for name in (*current, *own):
            try:
                model_file.write(self.folder / name, whole, announce if name == LAST else None)
            except OSError as error:
                raise self._unwritable(name, error) from None
            saved.append(Saved(self.folder / name))
        if isinstance(keep, int):
            # Only when the new one is on the disk.
            self._drop_epochs(until=epoch.epoch - keep)
        return saved

    def restore_models(self, variables: Variables, last: Epoch, best: Epoch | None) -> None:
        """Write the model files of the last epoch again where they are missing, when it has just ended."""
        is_best = best is not None and best.step == last.step
        if not all((self.folder / name).exists() for name in ((LAST, BEST) if is_best else (LAST,))):
            self.save(variables, replace(last, best=is_best))

    def checkpoint(self, snapshot: Snapshot, *, wait: bool) -> Path:
        """Write a checkpoint, in a thread unless it is waited for."""
        self._require_run()
        mark, measured = self._marked
        path = self._checkpoints.write(snapshot, measured if snapshot.mark == mark else snapshot.metrics_sha256)
        if wait:
            self._checkpoints.wait()
        return path

    def end(self, result: Result) -> None:
        """Write the result."""
        self._checkpoints.wait()
        self._require_run()
        if self.model.network.recipe.checkpoint.keep:
            self._drop_epochs(after=result.epochs)
        text = json.dumps(plain(asdict(result)), indent=2) + "\n"
        if self.name is not None:
            self._write_manifest(ended={RESULT: digest(text), METRICS: self._measured.hexdigest()})
        self._write(RESULT, text)

    def fail(self, reason: str) -> None:
        """Record why the training failed, where it had begun; errors of writing that are ignored."""
        # A run that was removed meanwhile is not made again.
        if self._facts and (self.folder / MANIFEST).is_file():
            with suppress(RunError):
                self._write_manifest(failed=reason)

    def close(self) -> None:
        """Let the last checkpoint reach the disk, and let others have the folder."""
        # Its error was raised before, or a worse one is being raised.
        with suppress(RunError):
            self._checkpoints.wait()
        self._lock.release()

    def _require_files(self) -> None:
        """Raise RunError where a folder takes the place of a file, before any is changed."""
        for name in (METRICS, *_WRITTEN):
            if (self.folder / name).is_dir():
                raise RunError(f"{self.folder / name} is a folder", "netspec writes a file of that name: move it away")

    def _require_run(self) -> None:
        """Raise RunError where the run was removed: what was written now could not be resumed."""
        try:
            (self.folder / MANIFEST).stat()
        except OSError as error:
            raise self._unwritable(MANIFEST, error) from None

    def _sweep(self) -> None:
        """Remove what a process that was killed left half written."""
        sweep(self.folder, lambda name: name in _WRITTEN or run_folders.epoch_of(name) is not None)
        self._checkpoints.sweep()

    def _drop_epochs(self, *, until: int = 0, after: int | None = None) -> None:
        """Remove the models of epochs up to one, and those that this training has not come to yet."""
        for epoch, path in run_folders.epoch_files(self.folder).items():
            if epoch <= until or (after is not None and epoch > after):
                self._remove(path.name)

    def _remove(self, name: str) -> None:
        try:
            (self.folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise self._unwritable(name, error) from None

    def _read(self, name: str) -> str:
        try:
            return read_text(self.folder / name)
        except (OSError, ValueError) as error:
            raise RunError(f"{self.folder / name} cannot be read: {error}") from None

    def _write(self, name: str, text: str) -> None:
        try:
            atomic_write(self.folder / name, text)
        except OSError as error:
            raise self._unwritable(name, error) from None

    def _unwritable(self, name: str, error: OSError) -> RunError:
        reason = error.strerror or str(error)
        return RunError(f"{self.folder / name} cannot be written: {reason}", "what was saved before is untouched")
