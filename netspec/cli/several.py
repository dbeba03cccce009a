"""Several devices, and several processes, on the command line: what must be settled before JAX starts."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from netspec.cli.streams import open_stream
from netspec.diagnostics.diagnostic import DeviceError

__all__ = ["Coordinator", "Devices", "Process", "Processes", "Together", "make_room", "together"]

Devices = Annotated[
    int | None, typer.Option("--devices", metavar="N", help="Devices that share each batch (of each process).")
]
Coordinator = Annotated[
    str | None,
    typer.Option("--coordinator", metavar="HOST:PORT", help="Where process 0 of a training on several hosts listens."),
]
Processes = Annotated[int | None, typer.Option("--processes", metavar="P", help="How many processes train together.")]
Process = Annotated[int | None, typer.Option("--process", metavar="I", help="Which of them this is, from 0.")]


@dataclass(frozen=True)
class Together:
    """The processes that train together, and which one this is."""

    coordinator: str
    processes: int
    process: int

    def join(self) -> None:
        """Wait for the other processes; raises DeviceError where they cannot be reached."""
        import jax  # noqa: PLC0415

        _own_output()
        try:
            jax.distributed.initialize(self.coordinator, self.processes, self.process)
        except (RuntimeError, ValueError, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise DeviceError(
                f"process {self.process} does not reach the others by way of {self.coordinator}: {reason}",
                "start all processes with the same --coordinator, a free port of the host of process 0",
            ) from None


def together(coordinator: str | None, processes: int | None, process: int | None) -> Together | None:
    """Return what the three options say; None where none is given.

    Raises:
        typer.BadParameter: when only some are given, or they do not fit each other.
    """
    if coordinator is None and processes is None and process is None:
        return None
    if coordinator is None or processes is None or process is None:
        raise typer.BadParameter("--coordinator HOST:PORT, --processes P and --process I go together")
    host, colon, port = coordinator.rpartition(":")
    if not (host and colon and port.isdecimal()):
        raise typer.BadParameter(f"{coordinator!r} is not of the form HOST:PORT", param_hint="--coordinator")
    if processes < 1:
        raise typer.BadParameter("at least 1", param_hint="--processes")
    if not 0 <= process < processes:
        raise typer.BadParameter(f"from 0 to {processes - 1}", param_hint="--process")
    return Together(coordinator, processes, process)


def _own_output() -> None:
    """Let standard output be netspec's alone: the libraries that connect processes print there, JSON or not."""
    sys.stdout.flush()
    own = open_stream(os.dup(1), 1, sys.stdout.encoding)
    os.dup2(2, 1)
    sys.stdout = own


def make_room(devices: int, device: str | None) -> None:
    """Let the CPU be several devices, where that is asked for; called before JAX is imported."""
    if devices < 2 or device not in {None, "cpu"}:
        return
    # XLA takes its threads' number from there. Fewer threads than devices wait for each other forever.
    threads = max(2 * devices, os.cpu_count() or 1)
    said = os.environ.get("NPROC", "")
    # What is no number XLA passes over, too.
    os.environ["NPROC"] = str(max(threads, int(said) if said.isascii() and said.isdecimal() and len(said) < 7 else 0))
    import jax  # noqa: PLC0415

    if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
        jax.config.update("jax_num_cpu_devices", devices)  # type: ignore[no-untyped-call]
