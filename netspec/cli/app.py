"""The list of verbs, each a file of this folder."""

from __future__ import annotations

from importlib import import_module

import typer

from netspec.cli.strict import Command, Group

__all__ = ["VERBS", "build"]

VERBS = (
    "new",
    "check",
    "show",
    "diff",
    "fmt",
    "train",
    "resume",
    "replay",
    "runs",
    "eval",
    "predict",
    "bench",
    "plot",
    "explain",
    "layers",
    "doctor",
    "data",
)
"""The verbs in the order of the help page. Each is a file of this folder with a function (or, `data`, an app) in it."""

_FILES = {"eval": "evaluate"}


def build(wanted: str | None = None) -> typer.Typer:
    """Return the command line; where a verb is wanted, with that one only, so that no other file is imported."""
    app = typer.Typer(
        name="netspec",
        cls=Group,
        help="A short text file becomes a trained, compiled, reusable model.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for verb in (wanted,) if wanted in VERBS else VERBS:
        name = _FILES.get(verb, verb)
        module = import_module(f"netspec.cli.verbs.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb, cls=Command)(getattr(module, name))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from netspec import __version__  # noqa: PLC0415
        from netspec.cli.output import say  # noqa: PLC0415

        say(f"netspec {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    """Check, train and use models declared in .net files."""
    del version
