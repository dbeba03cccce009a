"""`netspec check`: syntax, names and shapes of specs, all errors at once, without JAX."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.output import flops_text, print_diagnostics, print_json, say
from netspec.cli.paths import STDIN, read_stdin, require_specs, spec_name, specs_in
from netspec.compiler import analyze, load_source
from netspec.diagnostics.diagnostic import Diagnostic, NetspecError, Source, SpecError, plural
from netspec.diagnostics.visible import visible
from netspec.graph.losses import loss_text
from netspec.syntax.parser import read_source

__all__ = ["check", "check_files"]


def check(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="The .net files, folders of them, or - for standard input.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object for each file.")] = False,
) -> int:
    """Check specs: syntax, names, shapes. Prints every error of every file; exit code 1 if there is any."""
    return check_files(files, as_json=as_json)


def check_files(files: Iterable[Path], *, as_json: bool) -> int:
    """Check specs, print all their errors and notes, and return the exit code."""
    wrong = 0
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    for file in dict.fromkeys(spec for given in files for spec in specs_in(given)):
        try:
            found = analyze(_source(file), files=True)
            diagnostics = found.diagnostics
        except SpecError as error:
            found, diagnostics = None, error.diagnostics
        except NetspecError as error:
            found, diagnostics = None, (Diagnostic("E0001", error.message, fix=error.fix),)
        wrong += len(diagnostics)
        graph = found.graph if found else None
        notes = found.notes if found else ()
        if as_json:
            facts = {"parameters": graph.parameter_count, "flops": graph.flops} if graph else {}
            listed, noted = ([d.to_json() for d in some] for some in (diagnostics, notes))
            print_json({"file": spec_name(file), "ok": not diagnostics, "errors": listed, "notes": noted, **facts})
        elif graph and found and found.network:
            layers = plural(len(found.network.nodes), "layer")
            parameters = plural(graph.parameter_count, "parameter")
            costs = f"{parameters}, {flops_text(graph.flops)} an example"
            say(f"{visible(spec_name(file))}: ok: {layers}, {costs}, loss {loss_text(found.network, graph)}")
            if notes:
                print_diagnostics(notes, color=color)
        else:
            print_diagnostics(diagnostics, color=color)
    if wrong and not as_json:
        say(plural(wrong, "error"))
    return 1 if wrong else 0


def _source(file: Path) -> Source:
    """Read a spec, or standard input, whose includes lie in the folder here."""
    if file != STDIN:
        require_specs(file)
        return load_source(file)
    source = read_source(spec_name(file), read_stdin())
    return Source(source.name, source.text, Path.cwd())
