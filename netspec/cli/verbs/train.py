"""`netspec train`: train a spec and show its progress."""

from __future__ import annotations

from collections import deque
from contextlib import nullcontext
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.completion import datasets
from netspec.cli.distributed import Coordinator, Devices, Process, Processes, process_group
from netspec.cli.options import Autotune, Device, Let, Plot, Set, pairs, require_shown
from netspec.cli.output import print_json
from netspec.cli.process import process_of
from netspec.diagnostics.diagnostic import NetspecError, Source

__all__ = ["train"]


def train(
    context: typer.Context,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .net file.")],
    out: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            metavar="RUN",
            help="The run folder; a fresh numbered one under runs/NAME/ otherwise.",
        ),
    ] = None,
    data: Annotated[
        str | None,
        typer.Option("--data", metavar="NAME|PATH", help="Another dataset than the spec's.", autocompletion=datasets),
    ] = None,
    weights: Annotated[
        Path | None,
        typer.Option("--weights", metavar="RUN|MODEL", help="Trained weights to start from, by name and shape."),
    ] = None,
    epochs: Annotated[int | None, typer.Option("--epochs", metavar="N", help="Times through the training set.")] = None,
    batch: Annotated[int | None, typer.Option("--batch", metavar="N", help="Examples a step.")] = None,
    lr: Annotated[float | None, typer.Option("--lr", metavar="X", help="Learning rate.")] = None,
    seed: Annotated[int | None, typer.Option("--seed", metavar="N", help="All randomness follows from it.")] = None,
    device: Device = None,
    devices: Devices = None,
    coordinator: Coordinator = None,
    processes: Processes = None,
    process: Process = None,
    autotune: Autotune = None,
    sets: Set = None,
    let: Let = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write what TensorBoard reads, into tensorboard/ of the run.")
    ] = False,
    csv: Annotated[bool, typer.Option("--csv", help="Also write metrics.csv: a row for each epoch.")] = False,
    plot: Plot = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Only the last line.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each event.")] = False,
) -> int:
    """Train a spec; the run folder keeps the models, the measurements and the curves."""
    from netspec.compiler import analyze, load_source, require  # noqa: PLC0415
    from netspec.elaborate.overrides import with_settings  # noqa: PLC0415

    require_shown(plot=plot, quiet=quiet, as_json=as_json)
    group = process_group(coordinator, processes, process)
    source = load_source(file)
    found = analyze(source, lets=pairs("--let", let), sets=pairs("--set", sets), data=data)
    network, graph = require(found)
    flags = {"epochs": epochs, "batch": batch, "lr": lr, "seed": seed, "devices": devices}
    settings = {key: str(value) for key, value in flags.items() if value is not None}
    # The training replaces them, and says so in the run folder; a wrong one is told before JAX is imported.
    with_settings(network, settings)
    leads = group is None or group.rank == 0

    from netspec.data.for_network import load_data  # noqa: PLC0415
    from netspec.system.background import Background  # noqa: PLC0415
    from netspec.terminal.progress import Progress  # noqa: PLC0415

    own = process_of(context)
    own.keep_memory()
    progress = Progress(quiet=quiet or as_json or not leads, plot=plot)
    # Processes that train together go on when the one whose output is not read would stop.
    interrupts = own.interrupts(watched=group is None)
    # Processes that train together must stop together: each ends at once, and the last checkpoint stays.
    with nullcontext() if group else interrupts:
        # The data is read while JAX is imported; that happens only now, so that a wrong spec is answered in a blink.
        dataset = Background(
            lambda: load_data(network, data, graph=graph, base=file.parent, progress=progress.download)
        )
        own.provide_devices(devices or network.recipe.devices, device)
        from netspec.cli.training import event_fields, show_events  # noqa: PLC0415
        from netspec.logs import log  # noqa: PLC0415
        from netspec.runs.manifest import Origin  # noqa: PLC0415
        from netspec.training.events import Notice  # noqa: PLC0415
        from netspec.workflows import train as session  # noqa: PLC0415

        logs = [name for name, wanted in (("csv", csv), ("tensorboard", tensorboard)) if wanted]
        log.require(logs)
        own.enable_compile_cache()
        if group:
            own.connect(group)
        events = session.train(
            network,
            data,
            graph=graph,
            out=out,
            numbered=None if out else Path("runs") / network.name,
            origin=Origin(_text(source), lets=pairs("--let", let), sets=pairs("--set", sets)),
            settings=settings,
            device=device,
            base=file.parent,
            loaded=dataset.result,
            autotune=autotune,
            tuning=(lambda tuning: print_json(event_fields(tuning))) if as_json else progress.tuning,
            stop=interrupts.requested,
            weights=weights,
        )
        if leads:
            # What the data says of itself, it says when it is loaded.
            told = dataset.result().notices if found.notes else ()
            notes = [Notice(f"{n.span}: {n.message}") for n in found.notes if n.message not in told]
            return show_events(chain(notes, log.logged(events, logs)), progress, interrupts, as_json=as_json)
        deque(events, maxlen=0)
    return 0


def _text(source: Source) -> str | None:
    """Return the spec with its includes put in, for the run folder: that stays whole when those files change.

    Where that is more than one spec may be, None: the run folder then gets the resolved spec.
    """
    from netspec.elaborate.includes import whole_text  # noqa: PLC0415

    try:
        return whole_text(source)
    except NetspecError:
        return None
