"""What `train`, `resume` and `replay` share: events as they come, and signals that end a training well."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from typing import Any

from netspec.cli import streams
from netspec.cli.output import print_json, say
from netspec.cli.progress import Progress
from netspec.cli.signals import Interrupts
from netspec.training.events import Event, Started, Stopped, plain

__all__ = ["as_plain", "follow"]


def follow(
    events: Iterator[Any],
    progress: Progress,
    interrupts: Interrupts,
    *,
    as_json: bool,
    other: Callable[[Any], None] | None = None,
) -> None:
    """Show the events of a training; where a signal has stopped it, the process ends with the signal's exit code.

    Where it was stopped because the reader of its output left, that is no error: the exit code is 0.

    Args:
        events: of the training.
        progress: shows them to people.
        interrupts: takes note of signals.
        as_json: print objects instead.
        other: shows what is no event.
    """
    if other is None:
        streams.keep_going()
    with progress:
        for event in events:
            if isinstance(event, Started):
                interrupts.begun()
            if not isinstance(event, Event):
                assert other
                other(event)
            elif isinstance(event, Stopped) and not interrupts.number:
                say(f"note: nobody reads what is shown: saved; to go on: netspec resume {event.folder}", error=True)
            elif as_json:
                print_json(as_plain(event))
            else:
                progress.show(event)
    if interrupts.number or interrupts.asked():
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        # Programs that are being compiled in threads would be waited for; nothing needs them any more.
        os._exit(interrupts.exit_code if interrupts.number else 0)


def as_plain(event: Any) -> dict[str, Any]:
    """Return an event as plain values, without the model that Finished carries."""
    shown = {f.name: getattr(event, f.name) for f in fields(event) if f.name not in {"model", "variables"}}
    if "result" in shown:
        shown["result"] = plain(asdict(shown["result"]))
    return {"event": type(event).__name__.lower(), **plain(shown)}
