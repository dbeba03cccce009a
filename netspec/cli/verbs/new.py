"""`netspec new`: a commented starter spec."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.completion import templates
from netspec.cli.output import say
from netspec.describe.format import format_source
from netspec.diagnostics.diagnostic import DataError, NetspecError, Source
from netspec.diagnostics.suggest import nearest
from netspec.sources.pictures import holds_pictures
from netspec.system.files import kind_of
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
    data: Annotated[
        Path | None,
        typer.Option(
            "--data", metavar="FILE|FOLDER", help="Write a spec for this data instead: a folder or archive of pictures."
        ),
    ] = None,
    list_all: Annotated[bool, typer.Option("--list", help="List the ready-made specs.")] = False,
) -> int:
    """Write a commented starter spec."""
    specs = _specs()
    if list_all:
        _print_all(specs)
        return 0
    if data is not None:
        _for_data(data, out)
        return 0
    if template not in specs:
        near = nearest(template, specs)
        fix = f"did you mean {near}?" if near else "`netspec new --list` names them all"
        raise NetspecError(f"there is no template called {template!r}", fix)
    target = out or Path(f"{template}.net")
    _write(target, specs[template].read_text(encoding="utf-8"))
    return 0


def _write(target: Path, text: str) -> None:
    """Write a spec to a new file, or print it."""
    if target == _STDOUT:
        say(text, end="")
        return
    try:
        with target.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise NetspecError(f"{target} exists already", "choose another name with -o") from None
    except OSError as error:
        raise NetspecError(f"{target} cannot be written: {error.strerror}", "choose another place with -o") from None
    say(f"wrote {target}; next: netspec train {target}")


def _for_data(data: Path, out: Path | None) -> None:
    """Write a spec for a user's data, which it names by its path from the spec's folder."""
    kind = kind_of(data, DataError)
    if kind is None:
        raise DataError(f"{data} does not exist", "name a folder, a .zip or a .tar of pictures")
    if not holds_pictures(data):
        raise DataError(f"{data} is no folder, .zip or .tar of pictures", "`netspec new --list` names ready-made specs")
    path = data.resolve()
    target = out or Path(f"{path.name.split('.')[0]}.net")
    folder = Path.cwd() if target == _STDOUT else target.resolve().parent
    if not path.is_relative_to(folder) or path == folder:
        beside = path.parent / target.name
        raise DataError(
            f"{data} does not lie below {folder}: a spec reads no other files", f"write it there: -o {beside}"
        )
    from netspec.cli.starter_pictures import spec_for_pictures  # noqa: PLC0415

    name = path.relative_to(folder).as_posix()
    if '"' in name or not name.isprintable():
        raise DataError(f"{name!r} has characters that no spec can write", "give it another name")
    _write(target, format_source(Source(str(target), spec_for_pictures(path, name))))


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
