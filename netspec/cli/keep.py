"""Keeping compiled programs between runs of the command line."""

from __future__ import annotations

from netspec.cli.output import say

__all__ = ["keep_compiled"]


def keep_compiled() -> None:
    """Turn the compilation cache on; where its folder is not safe, say so on standard error and go on without it."""
    from netspec.backends.jax.compile_cache import OFF, mend, turn_on  # noqa: PLC0415

    def not_kept(reason: str) -> None:
        say(f"note: compiled programs are not kept: {reason} ({OFF}=off silences this)", error=True)

    found = turn_on()
    if found.notable:
        not_kept(found.reason)
    elif not found.reason:
        mend(found, not_kept)
