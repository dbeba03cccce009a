"""`netspec layers`: the reference of layers, and of everything else a spec can name."""

from __future__ import annotations

from typing import Annotated

import typer

from netspec.diagnostics import NetspecError, nearest

__all__ = ["layers"]


def layers(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="A layer, optimizer, schedule, loss or initializer."),
    ] = None,
) -> None:
    """List the layers, optimizers, schedules, losses and initializers; or show the page of one."""
    from netspec.reference import FAMILIES, find_page, page, summary  # noqa: PLC0415

    if name is None:
        for family, members in FAMILIES.items():
            print(f"{family}:")
            for cls in members:
                print(f"  {cls.canonical():<16} {summary(cls)}")
            print()
        print("`netspec layers NAME` shows one of them, with its arguments.")
        return
    found = find_page(name)
    if found is None:
        names = [n for members in FAMILIES.values() for cls in members for n in (cls.canonical(), *cls.aliases)]
        near = nearest(name, names)
        raise NetspecError(
            f"there is nothing called {name!r}",
            f"did you mean {near}?" if near else "`netspec layers` lists all",
        )
    print(page(found))
