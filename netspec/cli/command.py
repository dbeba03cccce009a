"""Commands and groups of commands: an option given twice is refused, what a verb returns is the exit code."""

from __future__ import annotations

from collections import Counter
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from netspec.diagnostics.visible import visible

__all__ = ["Command", "Group"]

_UsageError: Any = typer.BadParameter.__bases__[0]
"""What all mistakes in usage are; Typer has no name of its own for it."""


class Command(TyperCommand):
    """A verb."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Parse the words, after refusing an option that is given twice and takes one value."""
        _, _, order = self.make_parser(ctx).parse_args(args=list(args))
        for option, times in Counter(order).items():
            # An argument that may be repeated is counted once; --help answers whatever stands beside it.
            if times > 1 and not getattr(option, "multiple", False) and option.name != "help":
                name = max(option.opts, key=len)
                raise typer.BadParameter("it is given twice; say which one is meant", param_hint=name)
        return super().parse_args(ctx, args)


class Group(TyperGroup):
    """All verbs, or those of `data`."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb, whose exit code is that of the command; no part of a wrong command line steers the terminal."""
        try:
            code = super().invoke(ctx)
        except _UsageError as error:
            error.message = "\n".join(map(visible, error.message.split("\n")))
            raise
        if code:
            raise typer.Exit(code)
        return code
