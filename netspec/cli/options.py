"""Options that several verbs share."""

from __future__ import annotations

from typing import Annotated

import typer

from netspec.cli.completion import devices

__all__ = ["Autotune", "Device", "Let", "Plot", "Set", "pairs", "require_shown"]

Let = Annotated[
    list[str] | None,
    typer.Option("--let", metavar="NAME=VALUE", help="Replace the value of a `let`; may be repeated."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace a setting, such as train.epochs=1; may be repeated."),
]
Device = Annotated[
    str | None,
    typer.Option("--device", metavar="cpu|gpu", help="What computes; JAX's default otherwise.", autocompletion=devices),
]

Autotune = Annotated[
    bool | None,
    typer.Option(
        "--autotune/--no-autotune",
        help="Measure the ways to compute each operation, once; as `compile { autotune }` says otherwise.",
        show_default=False,
    ),
]

Plot = Annotated[
    bool,
    typer.Option(
        "--plot",
        help="Draw the loss and the first metric while it trains, in a terminal of 80 columns or more; a note says why "
        "where that cannot be.",
    ),
]


def require_shown(*, plot: bool, quiet: bool, as_json: bool) -> None:
    """Raise typer.BadParameter where charts are asked for, and that they are left out."""
    if plot and (quiet or as_json):
        flag = "--quiet" if quiet else "--json"
        raise typer.BadParameter(f"{flag} shows no charts: leave one of the two out", param_hint="--plot")


def pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """Return `name=value` texts as a dictionary.

    Raises:
        typer.BadParameter: for a text without `=`, or a name given twice.
    """
    found: dict[str, str] = {}
    for text in texts or []:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not value.strip():
            raise typer.BadParameter(f"{text!r} is not of the form NAME=VALUE", param_hint=option)
        if name.strip() in found:
            raise typer.BadParameter(f"{name.strip()} is given twice", param_hint=option)
        found[name.strip()] = value.strip()
    return found
