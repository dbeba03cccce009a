"""The events of a training as they come, for `train`, `resume` and `replay`; signals end it with everything saved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, fields
from typing import Any

from netspec.cli import streams
from netspec.cli.output import print_json, say
from netspec.cli.signals import Interrupts
from netspec.terminal.progress import Progress
from netspec.training.events import Event, Started, Stopped, plain

__all__ = ["event_fields", "show_events"]


def show_events(
    events: Iterator[Any],
    progress: Progress,
    interrupts: Interrupts,
    *,
    as_json: bool,
    other: Callable[[Any], None] | None = None,
) -> int:
    """Show the events of a training and return its exit code: 128 + the number of the signal that stopped it, else 0.

    Where it was stopped because the reader of its output left, that is no error.

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
                interrupts.started()
            if not isinstance(event, Event):
                assert other
                other(event)
            elif isinstance(event, Stopped) and not interrupts.number:
                say(f"note: nobody reads what is shown: saved; to go on: netspec resume {event.folder}", error=True)
            elif as_json:
                print_json(event_fields(event))
            else:
                progress.show(event)
    if not interrupts.requested():
        return 0
    interrupts.stopped = True
    return interrupts.exit_code


def event_fields(event: Any) -> dict[str, Any]:
    """Return an event as plain values, without the model that Finished carries."""
    shown = {f.name: getattr(event, f.name) for f in fields(event) if f.name not in {"model", "variables"}}
    if "result" in shown:
        shown["result"] = plain(asdict(shown["result"]))
    return {"event": type(event).__name__.lower(), **plain(shown)}
