"""Completeness of a run folder: its files are those of the run, and none is missing at its end."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from netspec.diagnostics.diagnostic import RunError
from netspec.ir.recipe import Recipe
from netspec.runs import model_file
from netspec.runs.files import (
    BEST,
    CURVES,
    LAST,
    METRICS,
    RESULT,
    digest_of,
    read_result,
    require_own_model,
    require_own_record,
)
from netspec.training.progress import Snapshot, TrainingProgress
from netspec.training.selection import resumed_progress

__all__ = ["is_finished", "lacks_curves_only", "lacks_models", "require_own"]


def require_own(folder: Path, manifest: Mapping[str, Any], snapshot: Snapshot | None) -> None:
    """Raise RunError when what was measured so far, or came out in the end, is that of another run.

    Args:
        folder: the run folder.
        manifest: its lock.json.
        snapshot: what it is resumed from.
    """
    require_own_record(folder, manifest, RESULT, METRICS)
    last = model_file.stated(folder / LAST)
    if last is not None:
        require_own_model(folder / LAST, last, manifest)
    file = folder / METRICS
    if snapshot is None or not snapshot.metrics_sha256 or not file.is_file() or not file.stat().st_size:
        # Measurements that were lost do not keep a training from going on.
        return
    if digest_of(file, snapshot.mark) != snapshot.metrics_sha256:
        raise RunError(
            f"{file} is not that of this run, or cut short",
            "copy it again from where it was whole, or remove it to go on without what was measured so far",
        )


def is_finished(progress: TrainingProgress, recipe: Recipe) -> bool:
    """Return whether a training has nothing left to learn."""
    return progress.epoch > recipe.epochs or bool(resumed_progress(progress, recipe).stopped)


def lacks_curves_only(folder: Path, recipe: Recipe, snapshot: Snapshot | None) -> bool:
    """Return whether a process was killed when all that was left to do was to draw."""
    return (
        read_result(folder) is not None
        and (snapshot is None or is_finished(snapshot.progress, recipe))
        and (folder / LAST).exists()
        and (folder / BEST).exists()
        and not (folder / CURVES).exists()
    )


def lacks_models(folder: Path, progress: TrainingProgress) -> bool:
    """Return whether a complete run lacks a model that its last checkpoint has.

    Raises:
        RunError: when it lacks the best one, and the checkpoint is of another epoch.
    """
    best, last = progress.best, progress.last
    if not (folder / BEST).exists() and best and last and best.step != last.step:
        raise RunError(
            f"{folder} is complete, but its {BEST}, the model of epoch {best.epoch}, is lost",
            f"`netspec replay {folder} -o NEW` trains it again, to the same model",
        )
    return not all((folder / name).exists() for name in (LAST, BEST))
