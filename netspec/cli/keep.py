"""Keeping compiled programs between runs of the command line."""

from __future__ import annotations

import sys

__all__ = ["keep_compiled"]


def keep_compiled() -> None:
    """Turn the compilation cache on; where its folder is not safe, say so on standard error and go on without it."""
    from netspec.compile_cache import OFF, turn_on  # noqa: PLC0415

    found = turn_on()
    if found.notable:
        print(f"note: compiled programs are not kept: {found.reason} ({OFF}=off silences this)", file=sys.stderr)
