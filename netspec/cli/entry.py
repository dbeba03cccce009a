"""The command line as a process: streams and variables before a command, the exit after it."""

from __future__ import annotations

import gc
import os
import sys

from netspec.cli import process_environment, streams
from netspec.cli.process import OwnProcess
from netspec.cli.signals import exit_at_once

__all__ = ["run"]


def run() -> None:
    """Run the command line in a process of its own and end it with the command's exit code."""
    streams.set_up()
    process_environment.clean_variables()
    process = OwnProcess()
    process.handle_interrupts()
    code = 0
    try:
        # What this imports may be interrupted as well.
        from netspec.cli.app import run_command  # noqa: PLC0415

        code = run_command(None, process)
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # The reader of a pipe has left; nothing more can be said, and Python must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception:
        # What a signal interrupts may turn it into an error of its own.
        if not process.signal_number:
            raise
    if process.signal_number:
        code = 128 + process.signal_number
    sys.stdout.flush()
    if process.training_stopped and not process.signal_number:
        sys.stderr.flush()
        # Programs that are being compiled in threads would be waited for; nothing needs them any more.
        os._exit(code)
    if code == 0 and streams.output_lost():
        code = 1
    if code in {129, 130, 143}:
        exit_at_once(code)
    # At exit Python looks for garbage once more; leaving what is there to the system saves a fifth of a check's time.
    gc.freeze()
    sys.exit(code)
