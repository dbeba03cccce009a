"""`netspec serve`: a trained model answers over HTTP."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.options import Device
from netspec.cli.output import say
from netspec.cli.process import process_of

__all__ = ["serve"]

_POLL = 0.1
"""Seconds between two looks at whether a signal came."""


def serve(
    context: typer.Context,
    run: Annotated[Path, typer.Argument(metavar="RUN|MODEL", help="A run folder or a .safetensors file.")],
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Where to listen; 0.0.0.0 for other machines too.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65_535, help="0 for any that is free.")
    ] = 8000,
    batch: Annotated[
        int, typer.Option("--batch", metavar="N", min=1, max=4096, help="How many examples are computed together.")
    ] = 64,
    wait: Annotated[
        float,
        typer.Option("--wait", metavar="MS", min=0, max=1000, help="Milliseconds that an example waits for others."),
    ] = 2.0,
    queue: Annotated[
        int, typer.Option("--queue", metavar="N", min=1, help="How many examples may wait; more are told to try again.")
    ] = 1024,
    max_body: Annotated[
        int, typer.Option("--max-body", metavar="MB", min=1, max=2048, help="The largest request, in megabytes.")
    ] = 32,
    device: Device = None,
) -> int:
    """Answer over HTTP what `netspec predict --json` answers: POST /predict; GET /docs is a page that says how.

    The first line that is printed is the address. Ctrl-C or SIGTERM ends it, when what was asked is answered.
    """
    from netspec.serving.installed import require_installed  # noqa: PLC0415

    require_installed()
    from netspec.serving.server import Server, address_of, is_loopback, listen  # noqa: PLC0415

    with listen(host, port) as sock:
        from netspec.serving.app import Limits, Service  # noqa: PLC0415
        from netspec.workflows.trained import open_run  # noqa: PLC0415

        process = process_of(context)
        process.enable_compile_cache()
        alone = is_loopback(sock)
        hosts = frozenset({"localhost", "127.0.0.1", "::1", host.lower()}) if alone else None
        limits = Limits(batch=batch, wait=wait / 1000, queue=queue, body=max_body * 1_000_000, hosts=hosts)
        service = Service(open_run(run, device), limits, _report)
        try:
            with process.interrupts(watched=False) as interrupts, Server(service, sock, _report) as server:
                if not alone:
                    say(f"note: who reaches {host} may ask: there is no password, and no encryption", error=True)
                # Who reads the address may send a signal at once.
                interrupts.started()
                say(address_of(sock))
                sys.stdout.flush()
                while server.wait(_POLL) and not interrupts.requested():
                    pass
        finally:
            service.end()
        return interrupts.exit_code or int(server.failed)


def _report(text: str) -> None:
    say(f"error: {text}", error=True)
