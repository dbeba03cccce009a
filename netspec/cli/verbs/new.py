"""`netspec new`: a commented starter spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.completion import templates
from netspec.cli.output import say
from netspec.diagnostics.diagnostic import NetspecError
from netspec.diagnostics.suggest import nearest
from netspec.system.resources import specs_folder

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
        _print_all(specs)
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


_GROUPS = {"": "To begin with", "models": "Models", "tutorials": "The networks of other libraries' tutorials"}
"""The headings of `--list`, by folder."""


def _print_all(specs: dict[str, Path]) -> None:
    """Print the name and the title of each spec, under a heading for each folder."""
    for folder, heading in _GROUPS.items():
        say(f"{heading}:")
        for name, path in specs.items():
            if path.parent == specs_folder() / folder:
                say(f"  {name:<14}  {_title(path)}")


def _specs() -> dict[str, Path]:
    """Return the ready-made specs by name, the flagships first."""
    folder = specs_folder()
    return {path.stem: path for path in [*sorted(folder.glob("*.net")), *sorted(folder.glob("*/*.net"))]}


def _title(path: Path) -> str:
    with path.open(encoding="utf-8") as stream:
        return stream.readline().lstrip("# ").strip()
