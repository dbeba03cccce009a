"""The list of verbs, each a file of `verbs/`, and one command from its words to its exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module

import typer

from netspec.cli.command import Command, Group
from netspec.cli.completion import wanted_verb
from netspec.cli.output import print_error, say
from netspec.cli.process import Process
from netspec.cli.process_environment import explain
from netspec.diagnostics.diagnostic import NetspecError

__all__ = ["VERBS", "build", "run_command"]

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
    "serve",
    "studio",
    "generate",
    "import",
    "bench",
    "plot",
    "report",
    "export",
    "explain",
    "layers",
    "doctor",
    "data",
)
"""The verbs in the order of the help page.

Each is a file of `verbs/` with a function that returns an exit code in it, or, `data`, an app of such functions.
"""

_FILES = {"eval": "evaluate", "import": "import_"}

_MAY_BE_EMPTY = {"--prompt"}
"""Options whose value may be empty: it is no path."""


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

        say(f"netspec {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    """Check, train and use models declared in .net files."""
    del version


def run_command(words: Sequence[str] | None = None, process: Process | None = None) -> int:
    """Run one command and return its exit code.

    Exit codes: 0, 1 spec or data wrong, 2 usage, 3 loss not finite, 129, 130 or 143 stopped by a signal.

    Args:
        words: the command line, without the name of the program; that of the process, unless given.
        process: what the command may change around it: nothing, unless given.

    Raises:
        BrokenPipeError: the reader of what is printed has left.
    """
    process = process or Process()
    given = sys.argv[1:] if words is None else [*words]
    if any(not word and before not in _MAY_BE_EMPTY for before, word in zip(["", *given], given, strict=False)):
        # As a path it would mean the folder here, which nobody meant: a variable of the shell is not set.
        say("error: an argument is empty\n  fix: name a file; is a variable of the shell not set?", error=True)
        return 2
    try:
        command = typer.main.get_command(build(given[0] if given else wanted_verb()))
        # On Windows Click expands the words of the process, and no others.
        command.main(None if words is None else given, prog_name=process.program, obj=process)
    except NetspecError as error:
        print_error(error, given)
        return 3 if type(error).__name__ == "NonFiniteLossError" else 1
    except KeyboardInterrupt:
        return 130
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else int(done.code is not None)
    except BrokenPipeError:
        raise
    except Exception as error:
        known = None if process.signal_number else explain(error)
        if known is None:
            raise
        print_error(known)
        return 1
    return 0
