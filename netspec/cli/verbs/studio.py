"""`netspec studio`: a page on which a spec is typed, trained and tried."""

from __future__ import annotations

import secrets
import sys
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.output import say
from netspec.cli.process import process_of
from netspec.diagnostics.diagnostic import NetspecError, RunError
from netspec.system.files import kind_of

__all__ = ["studio"]

_POLL = 0.1


def studio(
    context: typer.Context,
    file: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE|RUN]", help="The .net file, or a run whose spec is opened; studio.net otherwise."
        ),
    ] = None,
    port: Annotated[int, typer.Option("--port", metavar="PORT", min=0, max=65_535, help="0 for any that is free.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, and open no browser.")] = False,
) -> int:
    """Open a page on which a spec is typed, its shapes appear, it trains, and what it learned is tried.

    Only a browser on this machine that knows the address can use it. Data and runs are those in the folder of the file.
    """
    from netspec.serving.installed import require_installed  # noqa: PLC0415

    require_installed()
    from netspec.serving.server import Server, address_of, listen  # noqa: PLC0415
    from netspec.studio.app import Studio  # noqa: PLC0415
    from netspec.studio.workspace import Workspace  # noqa: PLC0415

    workspace = Workspace(_spec(file))
    with listen("127.0.0.1", port) as sock:
        token = secrets.token_urlsafe(24)
        app = Studio(workspace, token, sock.getsockname()[1], _report)
        try:
            with process_of(context).interrupts(watched=False) as interrupts, Server(app, sock, _report) as server:
                address = f"{address_of(sock)}/?token={token}"
                say(address)
                sys.stdout.flush()
                if sys.stdout.isatty():
                    say("note: Ctrl-C ends the studio; save what you have typed before", error=True)
                    if not no_browser:
                        webbrowser.open(address)
                interrupts.started()
                while server.wait(_POLL) and not interrupts.requested():
                    pass
                app.close()
        finally:
            app.end()
        return interrupts.exit_code or int(server.failed)


def _spec(file: Path | None) -> Path:
    """Return the spec to open: a file, that of a run, or one to begin."""
    if file is None:
        return Path("studio.net")
    kind = kind_of(file, RunError)
    if kind == "folder":
        from netspec.runs.listing import newest  # noqa: PLC0415

        spec = newest(file) / "spec.net"
        if not spec.is_file():
            raise NetspecError(
                f"{file} is a folder without a spec", "give a .net file, or a run such as runs/lenet/001"
            )
        return _copy_beside_runs(spec)
    if file.suffix != ".net":
        if not kind:
            raise NetspecError(f"{file} is no .net file, and there is no such run", "give a .net file, or a run folder")
        raise NetspecError(f"{file} is no .net file", f"netspec studio {file.with_suffix('.net').name}")
    return file


def _copy_beside_runs(spec: Path) -> Path:
    """Return a new file with the spec of a run: the run's own stays as it was trained."""
    run = spec.parent.absolute()
    # The folder with `runs` has this run in its list.
    above = next((folder.parent for folder in run.parents if folder.name == "runs"), Path.cwd())
    name = run.parent.name if run.name.isdecimal() else run.name
    target = above / f"{name}_from_run.net"
    count = 1
    while target.exists() and target.read_bytes() != spec.read_bytes():
        count += 1
        target = above / f"{name}_from_run_{count}.net"
    if not target.exists():
        target.write_bytes(spec.read_bytes())
        say(f"note: the spec of {spec.parent} is opened as {target.name}", error=True)
    return target


def _report(text: str) -> None:
    say(f"error: {text}", error=True)
