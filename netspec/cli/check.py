"""`netspec check`: syntax, names and shapes of specs, all errors at once, without JAX."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.options import specs_in
from netspec.cli.output import count_text, print_json
from netspec.diagnostics import Diagnostic, NetspecError, SpecError, plural

__all__ = ["check"]


def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE…", help="The .net files, or folders of them.")],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each file.")] = False,
) -> None:
    """Check specs: syntax, names, shapes. Prints every error of every file; exit code 1 if there is any."""
    from netspec.compiler import analyze, load_source  # noqa: PLC0415

    wrong = 0
    for file in dict.fromkeys(spec for given in files for spec in specs_in(given)):
        try:
            found = analyze(load_source(file))
            diagnostics = found.diagnostics
        except SpecError as error:
            found, diagnostics = None, error.diagnostics
        except NetspecError as error:
            found, diagnostics = None, (Diagnostic("E0001", error.message, fix=error.fix),)
        wrong += len(diagnostics)
        graph = found.graph if found else None
        if as_json:
            facts = {"parameters": graph.parameter_count, "flops": graph.flops} if graph else {}
            listed = [d.to_json() for d in diagnostics]
            print_json({"file": str(file), "ok": not diagnostics, "errors": listed, **facts})
        elif graph and found and found.network:
            layers = plural(len(found.network.nodes), "layer")
            parameters = plural(graph.parameter_count, "parameter")
            costs = f"{parameters}, {count_text(graph.flops)}FLOP an example"
            print(f"{file}: ok: {layers}, {costs}, loss {graph.loss.canonical()}")
        else:
            color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
            print("\n".join(d.render(color=color) for d in diagnostics))
    if wrong:
        if not as_json:
            print(plural(wrong, "error"))
        raise typer.Exit(1)
