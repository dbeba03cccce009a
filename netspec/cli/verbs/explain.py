"""`netspec explain`: cause, example and fix of an error code."""

from __future__ import annotations

from typing import Annotated

import typer

from netspec.cli.completion import codes
from netspec.cli.output import say
from netspec.diagnostics.diagnostic import NetspecError
from netspec.diagnostics.suggest import nearest

__all__ = ["explain"]


def explain(
    code: Annotated[
        str | None,
        typer.Argument(metavar="[CODE]", help="Such as E0301; all are listed without.", autocompletion=codes),
    ] = None,
) -> int:
    """Explain an error code: cause and example."""
    from netspec.diagnostics.codes import CODES  # noqa: PLC0415

    if code is None:
        for known, entry in CODES.items():
            say(f"{known}  {entry.title}")
        return 0
    # What a person reads off a message, `301` or `e0301`, is as good as the whole code.
    name = f"E{code.zfill(4)}" if code.isdecimal() else code.upper()
    found = CODES.get(name)
    if found is None:
        near = nearest(name, CODES)
        raise NetspecError(
            f"there is no error code {code}",
            f"did you mean {near}?" if near else "`netspec explain` lists all",
        )
    say(f"{name}: {found.title}\n\n{found.cause}\n")
    say("Wrong:\n" + "\n".join(f"    {line}" for line in found.wrong.splitlines()))
    say("\nRight:\n" + "\n".join(f"    {line}" for line in found.right.splitlines()))
    return 0
