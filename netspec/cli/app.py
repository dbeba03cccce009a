"""The list of verbs, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

# Pydantic looks for plugins in every installed package at import, which costs a tenth of the time a check may take.
os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")

import typer

from netspec.cli import check, data, doctor, evaluate, explain, layers, new, plot, predict, show, train
from netspec.cli.output import print_error
from netspec.diagnostics import NetspecError

__all__ = ["app", "main"]

app = typer.Typer(
    name="netspec",
    help="A short text file becomes a trained, compiled, reusable model.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_VERBS: dict[str, Callable[..., None]] = {
    "new": new.new,
    "check": check.check,
    "show": show.show,
    "train": train.train,
    "eval": evaluate.evaluate,
    "predict": predict.predict,
    "plot": plot.plot,
    "explain": explain.explain,
    "layers": layers.layers,
    "doctor": doctor.doctor,
}
for _name, _verb in _VERBS.items():
    app.command(_name)(_verb)
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from netspec import __version__  # noqa: PLC0415

        print(f"netspec {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    """Check, train and use models declared in .net files."""
    del version


def main() -> None:
    """Run the command line; exit codes: 0, 1 spec or data wrong, 2 usage, 3 loss not finite, 130 interrupted."""
    for stream in (sys.stdout, sys.stderr):
        # Shapes and arrows are not ASCII; a terminal that cannot show them gets a substitute, not a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        app()
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
    else:
        code = 0
    sys.exit(code)
