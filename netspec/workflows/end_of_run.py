"""What the run folder of a training gets at its end: its curves, and its report."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import jax

from netspec import report
from netspec.data.types import Dataset
from netspec.diagnostics.diagnostic import RunError
from netspec.ir.network import Network
from netspec.runs import files as run_files
from netspec.system.background import Background
from netspec.training.events import Event, Finished, Notice, Stopped
from netspec.workflows import own_report

__all__ = ["draw_run_curves", "with_curves"]


def with_curves(
    events: Iterator[Event], network: Network, folder: Path | None, dataset: Dataset, device: jax.Device
) -> Iterator[Event]:
    """Yield the events of a training; with a run folder, draw its curves and write its report at the end.

    Args:
        events: of the training.
        network: what is trained.
        folder: of the run, if there is one.
        dataset: what it learns from.
        device: what computes.
    """
    if folder:
        # What draws them takes long to import, and the processor waits for the compiler anyway.
        Background(lambda: report.draw_curves)
    for event in events:
        if isinstance(event, Finished | Stopped) and folder:
            yield from draw_run_curves(network, folder)
        if isinstance(event, Finished) and folder and (why := own_report.write_own_report(folder, dataset, device)):
            yield Notice(why)
        yield event


def draw_run_curves(network: Network, folder: Path) -> Iterator[Notice]:
    """Draw the curves of a run; yield why not, where that is not possible."""
    try:
        metrics = run_files.read_metrics(folder)
        if metrics:
            report.draw_curves(metrics, folder / run_files.CURVES, title=network.name)
    except RunError as error:
        # The training itself has succeeded: a missing picture is no error.
        yield Notice(f"no curves are drawn: {error.message}")
