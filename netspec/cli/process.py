"""The process that a command runs in: signals, allocator, devices and JAX's settings, which a verb asks for here."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import TYPE_CHECKING

from netspec.cli import process_environment, streams
from netspec.cli.output import say
from netspec.cli.signals import Interrupts, end, exit_at_once
from netspec.diagnostics.diagnostic import DeviceError

if TYPE_CHECKING:
    import typer

    from netspec.cli.distributed import ProcessGroup

__all__ = ["OwnProcess", "Process", "process_of"]


class Process:
    """A process that a command shares with other work: the command leaves it as it is.

    Attributes:
        program: what help and messages call the program; None for what it was started as.
        signal_number: of the signal that ended what was running; 0 while none has.
    """

    program: str | None = "netspec"
    signal_number = 0

    def keep_memory(self) -> None:
        """Keep memory that is freed for the next step; called before JAX is imported."""

    def provide_devices(self, count: int, device: str | None) -> None:
        """Let the CPU be several devices, where that is asked for; called before JAX is imported."""

    def enable_compile_cache(self) -> None:
        """Turn the cache of compiled programs on; where its folder is not safe, say so and go on without it."""

    def connect(self, group: ProcessGroup) -> None:
        """Wait for the other processes of a group.

        Raises:
            DeviceError: where they cannot be reached.
        """
        fix = f"start {group.count} processes with `netspec train`"
        raise DeviceError("this process is shared with other work", fix)

    def interrupts(self, *, watched: bool = True) -> Interrupts:
        """Return what records signals while a training runs: none, here.

        Args:
            watched: whether the training is to stop when the reader of its output exit_at_onces, too.
        """
        return Interrupts((), watched=watched)


class OwnProcess(Process):
    """A process that a command has for itself.

    Attributes:
        signal_number: of the SIGINT that came before a training recorded signals; 0 while none has.
        training: what records signals, once a training runs.
    """

    program = None

    def __init__(self) -> None:
        self.signal_number = 0
        self.training: Interrupts | None = None

    def handle_interrupts(self) -> None:
        """Let Ctrl-C end the command, and a second one end it at once."""
        signal.signal(signal.SIGINT, self._interrupted)

    @property
    def training_stopped(self) -> bool:
        """Whether a training has stopped and saved early; it has printed that."""
        return self.training is not None and self.training.stopped

    def keep_memory(self) -> None:
        """Keep memory that is freed for the next step; called before JAX is imported."""
        from netspec.backends.host_memory import keep_memory  # noqa: PLC0415

        keep_memory()

    def provide_devices(self, count: int, device: str | None) -> None:
        """Let the CPU be several devices, where that is asked for; called before JAX is imported."""
        if count < 2 or device not in {None, "cpu"}:
            return
        process_environment.set_thread_count(2 * count)
        import jax  # noqa: PLC0415

        if "xla_force_host_platform_device_count" not in os.environ.get("XLA_FLAGS", ""):
            jax.config.update("jax_num_cpu_devices", count)  # type: ignore[no-untyped-call]

    def enable_compile_cache(self) -> None:
        """Turn the cache of compiled programs on; where its folder is not safe, say so and go on without it."""
        from netspec.backends.jax.compile_cache import OFF, mend, turn_on  # noqa: PLC0415

        def not_kept(reason: str) -> None:
            say(f"note: compiled programs are not kept: {reason} ({OFF}=off silences this)", error=True)

        found = turn_on()
        if found.notable:
            not_kept(found.reason)
        elif not found.reason:
            mend(found, not_kept)

    def connect(self, group: ProcessGroup) -> None:
        """Wait for the other processes of a group.

        Raises:
            DeviceError: where they cannot be reached.
        """
        streams.claim_output()
        group.join()

    def interrupts(self, *, watched: bool = True) -> Interrupts:
        """Return what records signals while a training runs.

        Args:
            watched: whether the training is to stop when the reader of its output exit_at_onces, too.
        """
        self.training = Interrupts(watched=watched)
        return self.training

    def _interrupted(self, number: int, frame: FrameType | None) -> None:
        if self.signal_number:
            exit_at_once(128 + number)
        self.signal_number = number
        end(number, frame)


def process_of(context: typer.Context) -> Process:
    """Return the process of a command: a shared one unless the command line says otherwise."""
    return context.obj if isinstance(context.obj, Process) else Process()
