"""`netspec check`: syntax, names and shapes of specs, all errors at once, without JAX."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["check"]


def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="The .net files, folders of them, or - for standard input.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each file.")] = False,
) -> None:
    """Check specs: syntax, names, shapes. Prints every error of every file; exit code 1 if there is any."""
    from netspec.cli.verbs.checking import check_files  # noqa: PLC0415

    raise typer.Exit(check_files(files, as_json=as_json))
