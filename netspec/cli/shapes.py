"""Shapes as options of the command line."""

from __future__ import annotations

import re

import typer

__all__ = ["shape_option"]


def shape_option(text: str | None) -> tuple[int, ...] | None:
    """Return the shape that `--shape` says; None where it is not given."""
    if text is None:
        return None
    if not re.fullmatch(r"[1-9][0-9]{0,8}(x[1-9][0-9]{0,8}){0,3}", text):
        raise typer.BadParameter(
            f"{text!r} is no shape: write channels x height x width, 3x224x224; of volumes the depth before both",
            param_hint="--shape",
        )
    return tuple(map(int, text.split("x")))
