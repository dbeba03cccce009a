"""`netspec runs`: the runs in a folder and their state."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from netspec.cli.output import print_json, print_table, say
from netspec.runs.listing import RunSummary, list_runs
from netspec.terminal.numbers import percent

__all__ = ["runs"]

_DEFAULT = Path("runs")


def runs(
    folder: Annotated[
        Path, typer.Argument(metavar="[FOLDER]", help="Where they are: below this folder.", show_default=True)
    ] = _DEFAULT,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each run.")] = False,
) -> int:
    """List the runs in a folder, the newest last: spec, data, best test accuracy or loss, epochs, state, date.

    A run is complete, running, stopped (`netspec resume` goes on with it), failed, or damaged. In its place,
    runs/lenet stands for the newest run of that folder.
    """
    found = list_runs(folder) if folder != _DEFAULT or folder.exists() else []
    if as_json:
        for run in found:
            print_json(_facts(run))
        return 0
    if not found:
        say(f"no runs in {folder}; `netspec train SPEC` makes one")
        return 0
    columns = [("run", False), ("spec", False), ("data", False), ("best", True), ("epochs", True), ("state", False)]
    print_table([*columns, ("begun (UTC)", False)], map(_row, found))
    for run in found:
        if run.problem:
            say(f"{run.folder}: {run.problem}")
    return 0


def _row(run: RunSummary) -> tuple[str, ...]:
    loss = f"loss {run.loss:.4g}" if run.loss is not None else "–"
    best = percent(run.accuracy) if run.accuracy is not None else loss
    epochs = f"{run.done}/{run.epochs}" if run.epochs is not None else "–"
    begun = run.begun[:16].replace("T", " ")
    return (str(run.folder), run.spec or "–", run.data or "–", best, epochs, run.state, begun)


def _facts(run: RunSummary) -> dict[str, Any]:
    return {
        "folder": str(run.folder),
        "state": run.state,
        "spec": run.spec,
        "data": run.data,
        "best_accuracy": run.accuracy,
        "best_loss": run.loss,
        "epochs_done": run.done,
        "epochs": run.epochs,
        "begun": run.begun,
        "problem": run.problem or None,
    }
