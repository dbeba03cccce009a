"""Replay of a run: it is trained again from its manifest, and compared with the first training."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from typing import Any

import jax
import numpy as np

from netspec.backends.jax.autotune import Tuning
from netspec.data.for_network import Data
from netspec.data.types import DownloadProgress
from netspec.diagnostics.diagnostic import RunError
from netspec.runs import files as run_files
from netspec.runs import folder as run_folders
from netspec.runs import model_file
from netspec.runs.listing import newest
from netspec.runs.recorder import RunFolder
from netspec.training.events import Event, Finished, Started, Stopped
from netspec.training.loop import train as train_loop
from netspec.workflows.saved_run import compile_as_recorded, environment_changes, read_saved_run, same_data
from netspec.workflows.weights import same_weights

__all__ = ["ACCURACY_TOLERANCE", "LOSS_TOLERANCE", "Difference", "Replay", "replay"]

LOSS_TOLERANCE = 0.02
"""Of the losses of the first epoch, relative, where versions or the machine differ: rounding, not yet amplified."""
ACCURACY_TOLERANCE = 0.01
"""Of the last accuracies there: one point in a hundred."""

_REWOUND = "rewound"

_CLOCK = {"seconds", "examples_per_second", "data_wait"}
"""What metrics.jsonl says of time, which no two trainings share."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first measurement that is another one.

    Attributes:
        line: of metrics.jsonl, from 1.
        name: of the measurement.
        before: in the run.
        now: in the replay; None where a line is missing.
    """

    line: int
    name: str
    before: Any
    now: Any


@dataclass(frozen=True, slots=True)
class Replay:
    """How a replay compares with its run.

    Attributes:
        identical: whether all measurements and all weights are the same, bit for bit.
        within: whether they are the same within the tolerances, where bits cannot be expected.
        difference: the first measurement that differs.
        lines: measurements compared.
        weights: the largest difference of a weight; infinite where a model is missing.
        models: how many models were compared: `best`, `last`, and those of single epochs.
        elsewhere: what differs in versions or machine, in words; nothing where bits can be expected.
        accuracy: the last test accuracy of the run and of the replay.
        folder: of the replay, where it is not temporary.
    """

    identical: bool
    within: bool
    difference: Difference | None
    lines: int
    weights: float
    models: int
    elsewhere: tuple[str, ...]
    accuracy: tuple[float | None, float | None]
    folder: Path | None

    @property
    def kept(self) -> bool:
        """Whether the run holds what is promised: bits where all else is the same, closeness elsewhere."""
        return self.identical or (bool(self.elsewhere) and self.within)


def replay(
    folder: Path,
    data: Data | None = None,
    *,
    out: Path | None = None,
    device: str | jax.Device | None = None,
    progress: DownloadProgress | None = None,
    tuning: Callable[[Tuning], None] | None = None,
    stop: Callable[[], bool] | None = None,
) -> Iterator[Event | Replay]:
    """Train a run again and compare; yields the events of the training, then the comparison.

    Args:
        folder: the run folder; an unfinished run is compared as far as it got.
        data: where its data is now; where it was unless given.
        out: a new folder to keep the replay in.
        device: what computes.
        progress: called while a dataset is downloaded.
        tuning: called with the progress of autotuning.
        stop: asked again and again whether to stop; there is no comparison then.

    Raises:
        RunError: when the folder is no run, has measured nothing, or was resumed with changes.
        DataError: when the data cannot be had, or is not that of the run.
        RunError: also when the weights that it started from are gone, or are others.
    """
    folder = newest(folder)
    saved = read_saved_run(folder)
    changed = [change for session in saved.manifest.get("resumed", ()) for change in session["changes"]]
    if changed:
        raise RunError(
            f"{folder} was resumed with changes: {'; '.join(changed)}", "a replay is of one recipe from end to end"
        )
    before = _measurements(folder)
    if not before:
        raise RunError(f"{folder} has measured nothing yet", f"go on with it first: netspec resume {folder}")
    until = _steps(folder)
    dataset = same_data(saved, saved.network, saved.graph, data, progress)
    device = saved.origin.device if device is None else device
    model = compile_as_recorded(saved, saved.network, saved.graph, dataset, device, tuning=tuning)
    earlier = [text for session in saved.manifest.get("resumed", ()) for text in session.get("elsewhere", ())]
    reasons = (*environment_changes(saved, model, dataset), *(f"when the run was resumed: {text}" for text in earlier))
    start = same_weights(folder, saved.graph, saved.origin.weights)
    with tempfile.TemporaryDirectory(prefix="netspec-replay-") as temporary:
        place = run_folders.named_folder(out or Path(temporary) / "run")
        recorder = RunFolder(place, model, replace(saved.origin, weights=start.record if start else None))
        # Where the clock ended the run, it is the step that counts.
        halt_at = before[-1]["step"] if until is None else None
        ended = False
        for event in train_loop(
            model,
            dataset,
            log_every=saved.origin.log_every,
            recorder=recorder,
            stop=stop,
            until=until,
            halt_at=halt_at,
            initial=start.arrays if start else None,
        ):
            ended = isinstance(event, Finished) or (isinstance(event, Stopped) and event.step == halt_at)
            if not (isinstance(event, Stopped) and ended):
                yield event if out else _without_folder(event)
        if ended:
            yield _compared(folder, place, before, reasons, out)


def _without_folder(event: Event) -> Event:
    """Return an event without its folder: that of the replay is removed before it is read."""
    if isinstance(event, Started | Finished):
        return replace(event, folder=None)
    return replace(event, folder=None, checkpoint=None) if isinstance(event, Stopped) else event


def _steps(folder: Path) -> int | None:
    """Return after how many steps a run ended, if it did; raises RunError where that is no number."""
    result = run_files.read_result(folder)
    if result is None:
        return None
    steps = result.get("steps")
    if type(steps) is not int or steps < 0:
        raise RunError(
            f"{folder / run_files.RESULT}: `steps` is not what netspec wrote there",
            "copy it again from where it was whole",
        )
    return steps


def _measurements(folder: Path) -> list[dict[str, Any]]:
    """Return what was measured, the clock apart, in the order of the steps."""
    lines = [line for line in run_files.read_metrics(folder) if line["kind"] != _REWOUND]
    return [{key: value for key, value in line.items() if key not in _CLOCK} for line in lines]


def _rewound(folder: Path, until: int | None) -> list[tuple[Any, ...]]:
    """Return the batches that were skipped, and why; how far back the training went each time is no measurement."""
    lines = [line for line in run_files.read_metrics(folder) if line["kind"] == _REWOUND]
    seen = [line for line in lines if until is None or line["step"] <= until]
    return sorted({(line.get("epoch") or 0, line["step"], line.get("reason") or "") for line in seen})


def _compared(
    folder: Path, place: Path, before: list[dict[str, Any]], reasons: tuple[str, ...], out: Path | None
) -> Replay:
    now = _measurements(place)
    until = None
    if run_files.read_result(folder) is None:
        # The replay evaluates where the run had just continued.
        now, until = now[: len(before)], before[-1]["step"]
    difference = _first_difference(before, now)
    skipped = _rewound(folder, until), _rewound(place, until)
    if difference is None and skipped[0] != skipped[1]:
        difference = Difference(0, _REWOUND, *skipped)
    weights, models = _largest(folder, place, whole=until is None)
    accuracies = [next((x["test_accuracy"] for x in reversed(m) if "test_accuracy" in x), None) for m in (before, now)]
    return Replay(
        identical=difference is None and not weights,
        within=_close(before, now, accuracies),
        difference=difference,
        lines=len(before),
        weights=weights,
        models=models,
        elsewhere=reasons,
        accuracy=(accuracies[0], accuracies[1]),
        folder=out,
    )


def _first_difference(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> Difference | None:
    for number, line in enumerate(before, 1):
        other: Mapping[str, Any] = now[number - 1] if number <= len(now) else {}
        for name in line:
            if line[name] != other.get(name):
                return Difference(number, name, line[name], other.get(name))
    extra = len(before) < len(now)
    return Difference(len(before) + 1, "kind", None, now[len(before)]["kind"]) if extra else None


def _largest(folder: Path, place: Path, *, whole: bool) -> tuple[float, int]:
    """Return the largest difference between the models of a run and those of its replay, and how many these are.

    A run that was cut off may have models of another epoch than its measurements: these are not compared.
    """
    largest, models = 0.0, 0
    for name in (run_files.BEST, run_files.LAST, *(path.name for path in run_folders.epoch_files(folder).values())):
        if not (folder / name).is_file():
            continue
        if not (place / name).is_file():
            if whole:
                return inf, models + 1
            continue
        first, second = (model_file.read(each / name) for each in (folder, place))
        if not whole and first.training.get("step") != second.training.get("step"):
            continue
        models += 1
        one, other = first.arrays, second.arrays
        for path, array in one.items():
            if array.tobytes() != other[path].tobytes():
                apart = float(np.abs(array.astype(np.float64) - other[path]).max())
                # Bits that differ where values do not, as those of 0 and -0, are a difference still.
                largest = max(largest, apart, float(np.finfo(np.float64).tiny))
    return largest, models


def _close(before: list[dict[str, Any]], now: list[dict[str, Any]], accuracies: list[float | None]) -> bool:
    """Return whether two trainings are the same within the tolerances."""
    if len(before) != len(now):
        return False
    for one, other in zip(before, now, strict=True):
        if one["kind"] == "step" and one.get("epoch") == 1:
            loss = one.get("loss")
            if not _near(loss, other.get("loss"), LOSS_TOLERANCE * max(abs(loss or 0), LOSS_TOLERANCE)):
                return False
    first, second = accuracies
    return _near(first, second, ACCURACY_TOLERANCE)


def _near(first: float | None, second: float | None, tolerance: float) -> bool:
    """Return whether two numbers are as close as that, or both are missing."""
    return first == second or (first is not None and second is not None and abs(first - second) <= tolerance)
