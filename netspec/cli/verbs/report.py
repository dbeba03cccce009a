"""`netspec report`: runs as a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.options import Device
from netspec.cli.output import say
from netspec.cli.process import process_of
from netspec.runs.files import REPORT
from netspec.runs.listing import newest

__all__ = ["report"]


def report(
    context: typer.Context,
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Run folders; of several a comparison.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="FILE",
            help="The HTML file; report.html in the run folder otherwise, of several here.",
        ),
    ] = None,
    device: Device = None,
) -> int:
    """Write a page of a run: curves, mistakes, the spec with its shapes, the network drawn, how to repeat it.

    It is one HTML file that needs nothing else and no network.
    """
    found = [newest(run) for run in runs]
    default = found[0] / REPORT if len(found) == 1 else Path("report.html")
    process = process_of(context)
    process.keep_memory()
    from netspec.workflows.run_report import write_report  # noqa: PLC0415

    process.enable_compile_cache()
    say(write_report(found, out or default, device))
    return 0
