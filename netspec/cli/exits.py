"""The one place where an error becomes a message and an exit code."""

from __future__ import annotations

import gc
import os
import signal
import sys
from types import FrameType

from netspec.cli import process_environment, streams
from netspec.cli.output import print_error, say
from netspec.cli.signals import end, leave
from netspec.diagnostics.diagnostic import NetspecError

__all__ = ["run"]


def run() -> None:
    """Run the command line.

    Exit codes: 0, 1 spec or data wrong, 2 usage, 3 loss not finite, 129, 130 or 143 stopped by a signal.
    """
    streams.set_up()
    process_environment.clean_variables()
    came: list[int] = []

    def interrupted(number: int, frame: FrameType | None) -> None:
        if came:
            leave(128 + number)
        came.append(number)
        end(number, frame)

    signal.signal(signal.SIGINT, interrupted)
    code: str | int | None = 0
    try:
        code = _act(sys.argv[1:])
    except NetspecError as error:
        print_error(error)
        code = 3 if type(error).__name__ == "NonFiniteLossError" else 1
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # The reader of a pipe has left; nothing more can be said, and Python must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except Exception as error:
        # What it interrupts may turn it into an error of its own.
        if not came:
            known = process_environment.explain(error)
            if known is None:
                raise
            print_error(known)
            code = 1
    except SystemExit as done:
        code = done.code
    if came:
        code = 128 + came[0]
    sys.stdout.flush()
    if code == 0 and streams.output_lost():
        code = 1
    if code in {129, 130, 143}:
        # A training that was stopped and saved has said so itself, and is not here any more.
        leave(code)
    # At exit Python looks for garbage once more; leaving what is there to the system saves a fifth of a check's time.
    gc.freeze()
    sys.exit(code)


def _act(words: list[str]) -> int:
    """Do what the words say, by way of Typer."""
    if "" in words:
        # As a path it would mean the folder here, which nobody meant: a variable of the shell is not set.
        say("error: an argument is empty\n  fix: name a file; is a variable of the shell not set?", error=True)
        return 2
    from netspec.cli.app import build  # noqa: PLC0415
    from netspec.cli.completion import wanted_verb  # noqa: PLC0415

    build(words[0] if words else wanted_verb())()
    return 0
