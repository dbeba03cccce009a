"""`netspec replay`: train a run again from its own record and compare the two."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from netspec.cli.options import Device
from netspec.cli.output import print_json, say
from netspec.cli.process import process_of
from netspec.diagnostics.diagnostic import plural
from netspec.terminal.numbers import percent

if TYPE_CHECKING:
    from netspec.workflows.replay import Replay

__all__ = ["replay"]


def replay(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run folder, such as runs/lenet/001.")],
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FOLDER", help="Keep the second training in this new folder.")
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="PATH", help="Where the run's data is now, if not where it was.")
    ] = None,
    device: Device = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the outcome and the comparison.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="One JSON object for each event, then the comparison.")
    ] = False,
) -> int:
    """Train a run again with what its lock.json says, and compare all measurements and weights.

    On the same machine with the same versions they are the same, bit for bit; elsewhere the losses of the first epoch
    are within 2 % and the last test accuracy within 1 point. Exit code 0 where that holds, 1 where it does not.
    """
    from netspec.runs.files import read_manifest  # noqa: PLC0415
    from netspec.runs.listing import newest  # noqa: PLC0415

    run = newest(run)
    manifest = read_manifest(run)

    from netspec.terminal.progress import Progress  # noqa: PLC0415

    process = process_of(context)
    process.keep_memory()
    progress = Progress(quiet=quiet or as_json)
    kept: list[bool] = []

    def show(found: Replay) -> None:
        kept.append(found.kept)
        if as_json:
            print_json({"event": "replay", "kept": found.kept, **_plain(found)})
        else:
            _print(run, found)

    # Its exit code is an answer, also to somebody who does not read on.
    with process.interrupts(watched=False) as interrupts:
        process.provide_devices(len(manifest.get("devices") or ["one"]), device)
        from netspec.cli.training import event_fields, show_events  # noqa: PLC0415
        from netspec.workflows import replay as replaying  # noqa: PLC0415

        process.enable_compile_cache()
        events = replaying.replay(
            run,
            data,
            out=out,
            device=device,
            progress=progress.download,
            tuning=(lambda tuning: print_json(event_fields(tuning))) if as_json else progress.tuning,
            stop=interrupts.requested,
        )
        code = show_events(events, progress, interrupts, as_json=as_json, other=show)
    return code or (0 if all(kept) else 1)


def _plain(found: Replay) -> dict[str, object]:
    from netspec.training.events import plain  # noqa: PLC0415

    return plain(asdict(found)) | {"elsewhere": list(found.elsewhere)}


def _print(run: Path, found: Replay) -> None:
    for text in found.elsewhere:
        say(f"note: {text}")
    if found.identical:
        weights = " and all weights" if found.models else ""
        say(f"the same: {plural(found.lines, 'measurement')}{weights} of {run}, bit for bit")
        return
    if found.difference:
        d = found.difference
        say(f"first difference: line {d.line} of metrics.jsonl, {d.name}: {d.before}, now {d.now}")
    say(f"largest difference of a weight: {found.weights:.3g}")
    before, now = found.accuracy
    if before is not None and now is not None:
        say(f"last test accuracy: {percent(before)}, now {percent(now)}")
    if not found.elsewhere:
        say("not the same, although nothing is known that differs: versions, device and data are those of the run")
    else:
        say("within the tolerances for other versions or machines" if found.within else "beyond the tolerances")
