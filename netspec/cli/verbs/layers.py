"""`netspec layers`: the reference of layers, and of everything else a spec can name."""

from __future__ import annotations

import shutil
import textwrap
from typing import Annotated

import typer

from netspec.cli.completion import names
from netspec.cli.output import say
from netspec.diagnostics.diagnostic import NetspecError
from netspec.diagnostics.suggest import nearest

__all__ = ["layers"]


def layers(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]",
            help="A layer, optimizer, schedule, loss, initializer, command or setting.",
            autocompletion=names,
        ),
    ] = None,
) -> int:
    """List the layers, optimizers, schedules, losses and initializers; or show the page of one."""
    from netspec.describe.reference import all_names, page_of  # noqa: PLC0415

    if name is None:
        _all()
        return 0
    found = page_of(name)
    if found is None:
        # Of `data.validaton` the last word is looked for.
        owner, dot, setting = name.rpartition(".")
        near = nearest(setting, all_names())
        near = f"{owner}{dot}{near}" if near and page_of(f"{owner}{dot}{near}") else near
        raise NetspecError(
            f"there is nothing called {name!r}",
            f"did you mean {near}?" if near else "`netspec layers` lists all",
        )
    say(found)
    return 0


def _all() -> None:
    """Print a line or two for everything, no wider than the terminal."""
    from netspec.describe.reference import (  # noqa: PLC0415
        REGISTRIES,
        library_blocks,
        summary,
    )

    width = max(60, min(shutil.get_terminal_size().columns, 120))
    lists = {title: [(c.canonical(), summary(c)) for c in registry.entries] for title, registry in REGISTRIES.items()}
    lists["blocks of the library (`include blocks`)"] = [(b.name, b.summary) for b in library_blocks()]
    for title, members in lists.items():
        say(f"{title}:")
        for name, text in members:
            head = f"  {name:<16} "
            room = width - 20 if len(head) <= 20 else width - len(head)
            first, *rest = textwrap.wrap(text, room, max_lines=2, placeholder=" …")
            say("\n".join([head + first, *(" " * 19 + line for line in rest)]))
        say()
    say("`netspec layers NAME` shows one of them, with its arguments; also commands (`data`) and settings (`clip`).")
