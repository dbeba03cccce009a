"""The list of verbs, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import gc
import os
import sys
from importlib import import_module

import typer

from netspec.cli.output import print_error
from netspec.diagnostics import NetspecError

__all__ = ["VERBS", "build", "run"]

VERBS = (
    "new",
    "check",
    "show",
    "diff",
    "fmt",
    "train",
    "eval",
    "predict",
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
        help="A short text file becomes a trained, compiled, reusable model.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for verb in (wanted,) if wanted in VERBS else VERBS:
        name = _FILES.get(verb, verb)
        module = import_module(f"netspec.cli.{name}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=verb)
        else:
            app.command(verb)(getattr(module, name))
    return app


def _version(wanted: bool) -> None:
    if wanted:
        from netspec import __version__  # noqa: PLC0415

        print(f"netspec {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    """Check, train and use models declared in .net files."""
    del version


def run() -> None:
    """Run the command line; exit codes: 0, 1 spec or data wrong, 2 usage, 3 loss not finite, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # Shapes and arrows are not ASCII; a terminal that cannot show them gets a substitute, not a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    code: str | int | None = 0
    try:
        build(sys.argv[1] if len(sys.argv) > 1 else None)()
    except NetspecError as error:
        print_error(error)
        code = 3 if type(error).__name__ == "NonFiniteLossError" else 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        code = 130
    except BrokenPipeError:
        # The reader of a pipe has left; nothing more can be said, and Python must not try at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except SystemExit as done:
        code = done.code
    # At exit Python looks for garbage once more; leaving what is there to the system saves a fifth of a check's time.
    gc.freeze()
    sys.exit(code)
