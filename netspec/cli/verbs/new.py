"""`netspec new`: a commented starter spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.completion import templates
from netspec.cli.output import say
from netspec.describe.shelf import shelf, title
from netspec.diagnostics.diagnostic import NetspecError
from netspec.diagnostics.suggest import nearest

__all__ = ["new"]

_STDOUT = Path("-")
"""Stands for standard output."""


def new(
    template: Annotated[
        str,
        typer.Argument(metavar="[TEMPLATE]", help="Which ready-made spec to begin with.", autocompletion=templates),
    ] = "lenet",
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", metavar="FILE", help="Where to write it, - for standard output; TEMPLATE.net here otherwise."
        ),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the ready-made specs.")] = False,
) -> int:
    """Write a commented starter spec."""
    specs = _specs()
    if list_all:
        _print_all()
        return 0
    if template not in specs:
        near = nearest(template, specs)
        fix = f"did you mean {near}?" if near else "`netspec new --list` names them all"
        raise NetspecError(f"there is no template called {template!r}", fix)
    target = out or Path(f"{template}.net")
    if target == _STDOUT:
        say(specs[template].read_text(encoding="utf-8"), end="")
        return 0
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(specs[template].read_text(encoding="utf-8"))
    except FileExistsError:
        raise NetspecError(f"{target} exists already", "choose another name with -o") from None
    except OSError as error:
        raise NetspecError(f"{target} cannot be written: {error.strerror}", "choose another place with -o") from None
    say(f"wrote {target}; next: netspec train {target}")
    return 0


def _print_all() -> None:
    """Print the name and the title of each spec, by what they are for."""
    for kind, specs in shelf().items():
        width = max(map(len, specs))
        say(f"{kind}:")
        for name, path in specs.items():
            say(f"  {name:<{width}}  {title(path)}")


def _specs() -> dict[str, Path]:
    """Return the ready-made specs by name, the flagships first."""
    return {name: path for specs in shelf().values() for name, path in specs.items()}
