"""Printing: numbers for people, tables, errors, JSON."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, Literal

from netspec.cli.narrow_table import minimum_width, stacked_lines
from netspec.diagnostics.diagnostic import DataError, Diagnostic, NetspecError, SpecError, plural
from netspec.diagnostics.visible import harmless, visible
from netspec.system.json_text import json_text
from netspec.terminal.places import from_here

if TYPE_CHECKING:
    from rich.console import Console

__all__ = [
    "bytes_text",
    "console",
    "count_text",
    "flops_text",
    "print_diagnostics",
    "print_error",
    "print_json",
    "print_table",
    "say",
    "say_on",
]


def say(text: object = "", *, end: str = "\n", error: bool = False) -> None:
    """Print a text without what would steer a terminal, which names may have in them.

    This is how everything is printed but what is colored: no other file of the command line calls `print`.

    Args:
        text: what is printed.
        end: what follows it.
        error: whether it goes to standard error.
    """
    shown = "\n".join(visible(line) for line in str(text).split("\n"))
    print(shown, end=end, file=sys.stderr if error else sys.stdout, flush=error)


def say_on(text: str) -> None:
    """Print a piece of a text at once, where the one before it ended, without what would steer a terminal."""
    print(harmless(text), end="", flush=True)


def print_error(error: NetspecError, given: Sequence[str] = ()) -> None:
    """Print an error to standard error, with color where that is a terminal.

    Args:
        error: it.
        given: the words of the command; paths are shown from here, unless one of them has such a path in full.
    """
    color = sys.stderr.isatty() and "NO_COLOR" not in os.environ
    if isinstance(error, SpecError):
        print_diagnostics(error.diagnostics, color=color, error=True)
        if len(error.diagnostics) > 1:
            say(plural(len(error.diagnostics), "error"), error=True)
        return
    head = "\x1b[1;31merror\x1b[0m" if color else "error"
    # Names of files and of what is in them are repeated here; none of them is to steer the terminal.
    text = str(error)
    if isinstance(error, DataError) and given and all(from_here(word) == word for word in given):
        text = from_here(text)
    shown = "\n".join(visible(line) for line in text.split("\n"))
    print(f"{head}: {shown}", file=sys.stderr)


def print_diagnostics(diagnostics: Iterable[Diagnostic], *, color: bool, error: bool = False) -> None:
    """Print diagnostics as they render themselves, which makes visible what they quote."""
    text = "\n".join(d.render(color=color) for d in diagnostics)
    print(text, file=sys.stderr if error else sys.stdout)


def print_json(value: Any) -> None:
    """Print one JSON object on a line of its own; numbers that are not finite, which JSON cannot hold, become null."""
    print(json_text(value), flush=True)


def console() -> Console:
    """Return the console for tables: as wide as the terminal, or as COLUMNS says; in a pipe wide enough for most."""
    from rich.console import Console  # noqa: PLC0415

    # Where COLUMNS says nothing, as 0 does, it is not set.
    columns = os.environ.get("COLUMNS", "")
    given = int(columns) if columns.isdecimal() and 0 < len(columns) < 6 else 0
    width = given or (shutil.get_terminal_size().columns if sys.stdout.isatty() else 160)
    return Console(highlight=False, soft_wrap=False, width=width)


def print_table(
    columns: Sequence[tuple[str, bool]], rows: Iterable[Sequence[str]], footer: Sequence[str] | None = None
) -> None:
    """Print a table; where the terminal is too narrow for it, each row becomes a few lines.

    Args:
        columns: headings, and whether each column is of numbers.
        rows: the cells.
        footer: totals under the table.
    """
    shown = [[visible(cell) for cell in row] for row in rows]
    lines = [[title for title, _ in columns], *shown, *([footer] if footer else [])]
    narrow = [minimum_width((line[i] for line in lines), number=number) for i, (_, number) in enumerate(columns)]
    out = console()
    if sum(narrow) + 2 * (len(narrow) - 1) > out.width:
        for line in stacked_lines(columns, [*shown, *([footer] if footer else [])], out.width):
            print(line)
        return

    from rich import box  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    # Two spaces between columns: a table of layers then fits a terminal of 80.
    table = Table(
        box=box.SIMPLE_HEAD, show_footer=footer is not None, pad_edge=False, show_edge=False, padding=(0, 1, 0, 0)
    )
    for i, (title, number) in enumerate(columns):
        justify: Literal["right", "left"] = "right" if number else "left"
        table.add_column(
            title,
            justify=justify,
            footer=footer[i] if footer else "",
            no_wrap=number,
            min_width=narrow[i],
            overflow="fold",
        )
    for row in shown:
        table.add_row(*map(Text, row))
    out.print(table)


def count_text(number: float) -> str:
    """Return `33.6 k`, `3.84 M`."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:.3g} {unit}" if number < 999.5 * size else f"{number / size:,.0f} {unit}"
    return f"{number:,.0f}"


def bytes_text(number: float) -> str:
    """Return `134 kB`, in powers of 1,000."""
    return _of(number, "B")


def flops_text(number: float) -> str:
    """Return `3.84 MFLOP`."""
    return _of(number, "FLOP")


def _of(number: float, unit: str) -> str:
    # `count_text` ends with a space and a prefix from 1,000 on.
    return f"{count_text(number)}{unit}" if number >= 1e3 else f"{number:.0f} {unit}"
