"""`netspec resume`: continue a training from its newest checkpoint, to the same bits."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.options import Device, Plot, Set, pairs, require_shown
from netspec.cli.output import print_json
from netspec.cli.process import process_of

__all__ = ["resume"]


def resume(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run folder, such as runs/lenet/001.")],
    data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", help="Where the run's data is now, if not where it was.")
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", help="Train on, to N epochs in all.")] = None,
    accept_changes: Annotated[
        bool, typer.Option("--accept-changes", help="Take a spec.net that was edited, or other data.")
    ] = False,
    device: Device = None,
    sets: Set = None,
    plot: Plot = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the last line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each event.")] = False,
) -> int:
    """Go on with a training that was interrupted, from its newest checkpoint; the result is that of one never stopped.

    The spec, the data and the settings are those the run was begun with. What is to change from here on is said with
    --epochs or --set; a spec.net that was edited is refused unless --accept-changes says that it is meant.
    """
    from netspec.runs.files import METRICS, read_manifest, read_metrics  # noqa: PLC0415
    from netspec.runs.listing import newest  # noqa: PLC0415

    require_shown(plot=plot, quiet=quiet, as_json=as_json)
    run = newest(run)
    manifest = read_manifest(run)

    from netspec.terminal.progress import Progress  # noqa: PLC0415

    process = process_of(context)
    process.keep_memory()
    before = read_metrics(run) if plot and (run / METRICS).exists() else ()
    progress = Progress(quiet=quiet or as_json, plot=plot, before=before)
    with process.interrupts() as interrupts:
        process.provide_devices(len(manifest.get("devices") or ["one"]), device)
        from netspec.cli.training import event_fields, show_events  # noqa: PLC0415
        from netspec.logs import log  # noqa: PLC0415
        from netspec.workflows import resume as resuming  # noqa: PLC0415

        logs = log.kept_logs(run)
        log.require(logs, run)
        process.enable_compile_cache()
        events = resuming.resume(
            run,
            data,
            settings={"epochs": str(epochs)} if epochs is not None else {},
            sets=pairs("--set", sets),
            accept_changes=accept_changes,
            device=device,
            progress=progress.download,
            tuning=(lambda tuning: print_json(event_fields(tuning))) if as_json else progress.tuning,
            stop=interrupts.requested,
        )
        return show_events(log.logged(events, logs), progress, interrupts, as_json=as_json)
