"""Best-epoch selection and early stopping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import inf, isfinite

from netspec.diagnostics.diagnostic import DataError
from netspec.graph.recipe_checks import Measured, unmeasured
from netspec.ir.recipe import Recipe
from netspec.recipe.metrics import larger_is_better, metric_of, output_of
from netspec.training.events import Epoch
from netspec.training.progress import TrainingProgress

__all__ = ["check_metrics", "is_better", "patience_exceeded", "resumed_progress", "update_best"]


def update_best(progress: TrainingProgress, epoch: Epoch, recipe: Recipe, *, whole: bool) -> TrainingProgress:
    """Return the progress after an epoch: the best one, and the state of early stopping.

    Early stopping counts `whole` epochs: one that a time limit cut off continues when the run is resumed.
    """
    progress = replace(progress, best=epoch if epoch.best else progress.best, last=epoch)
    if recipe.early_stop is None or not whole:
        return progress
    progress = replace(progress, watching=recipe.early_stop.on)
    value = _merit(epoch, recipe.early_stop.on)
    if progress.watched is None or value > progress.watched + recipe.early_stop.min_delta:
        return replace(progress, watched=value if isfinite(value) else None, stale=0)
    return replace(progress, stale=progress.stale + 1)


def resumed_progress(progress: TrainingProgress, recipe: Recipe) -> TrainingProgress:
    """Return the progress of a training that is resumed: ended still, where the recipe still says so."""
    limit, early_stop = recipe.time_limit, recipe.early_stop
    if early_stop and progress.watching not in {"", early_stop.on}:
        # Its best value says nothing of the one that is watched from here on.
        progress = replace(progress, watching="", watched=None, stale=0)
    ended = (progress.stopped == "early_stop" and patience_exceeded(progress, recipe)) or (
        progress.stopped == "time_limit" and limit is not None and progress.seconds >= limit.total
    )
    return progress if ended else replace(progress, stopped="")


def is_better(epoch: Epoch, than: Epoch | None, metric: str | None) -> bool:
    """Return whether an epoch is better than the best so far.

    Args:
        epoch: the one in question.
        than: the best so far.
        metric: by what; unless given, by the accuracy, then the loss, on the validation set where there is one.
    """
    if than is None:
        return True
    if metric is None:
        return _default_merit(epoch) > _default_merit(than)
    return _merit(epoch, metric) > _merit(than, metric)


def patience_exceeded(progress: TrainingProgress, recipe: Recipe) -> bool:
    """Return whether early stopping ends the training."""
    return recipe.early_stop is not None and progress.stale >= recipe.early_stop.patience


def check_metrics(recipe: Recipe, measured: Mapping[str, Measured], *, validation: bool) -> None:
    """Raise DataError when the recipe asks for a measurement that this training does not make.

    Args:
        recipe: the recipe.
        measured: what can be measured of each output, by its name.
        validation: whether examples are held out.
    """
    wrong = unmeasured(recipe, measured, validation=validation)
    if wrong:
        raise DataError(*wrong)


def _merit(epoch: Epoch, metric: str) -> float:
    """Return a measurement with such a sign that more is better; of one without a value, less than of any other."""
    name = f"validation{metric[3:]}" if metric.startswith("val_") else metric
    output = output_of(metric, epoch.outputs)
    if output in epoch.outputs:
        split = name.partition("_")[0]
        value = epoch.outputs.get(output, {}).get(f"{split}_{metric_of(metric, epoch.outputs)}")
    else:
        value = epoch.metrics[name] if name in epoch.metrics else getattr(epoch, name, None)
    if value is None:
        return -inf
    return float(value) if larger_is_better(metric) else -float(value)


def _default_merit(epoch: Epoch) -> tuple[float, float]:
    held_out = epoch.validation_loss is not None
    accuracy = epoch.validation_accuracy if held_out else epoch.test_accuracy
    loss = epoch.validation_loss if epoch.validation_loss is not None else epoch.test_loss
    return (accuracy if accuracy is not None else 0.0, -loss)
