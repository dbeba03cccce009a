"""Options of a training on several devices, or by several processes, and the group those form."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from netspec.diagnostics.diagnostic import DeviceError

__all__ = ["Coordinator", "Devices", "Process", "ProcessGroup", "Processes", "process_group"]

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
class ProcessGroup:
    """The processes that train together.

    Attributes:
        coordinator: host and port where process 0 listens.
        count: how many there are.
        rank: which of them this is, from 0.
    """

    coordinator: str
    count: int
    rank: int

    def join(self) -> None:
        """Wait for the other processes; raises DeviceError where they cannot be reached."""
        import jax  # noqa: PLC0415

        try:
            jax.distributed.initialize(self.coordinator, self.count, self.rank)
        except (RuntimeError, ValueError, OSError) as error:
            reason = str(error).partition("\n")[0]
            raise DeviceError(
                f"process {self.rank} does not reach the others by way of {self.coordinator}: {reason}",
                "start all processes with the same --coordinator, a free port of the host of process 0",
            ) from None


def process_group(coordinator: str | None, processes: int | None, process: int | None) -> ProcessGroup | None:
    """Return the group that the three options describe; None where none is given.

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
    return ProcessGroup(coordinator, processes, process)
