"""Makes docs/passes.md: what each graph pass does, in its own words, and which ready-made specs it changes."""

from __future__ import annotations

from collections import defaultdict
from inspect import getdoc

from netspec.cli.operations import passes_text
from netspec.compiler import analyze, load_source, require
from netspec.diagnostics.diagnostic import Source
from netspec.graph.graph import Graph
from netspec.ops import derived
from netspec.passes import PASSES, Mode, Pass, history
from netspec.system.resources import ready_made

_EXAMPLE = "input 3x8x8\nconv 4 3 nobias; batchnorm relu; pool 2; dropout 0.5; fc 2 softmax"


def passes_page() -> str:
    """Return the page of the graph passes."""
    changed = _changed()
    lines = [
        "# Graph passes",
        "",
        "Made from the code by `python docs/generate.py`.",
        "",
        "A network is traced into operations. Passes rewrite them before they are compiled, into one graph for",
        "training (`train`, `Model.loss`, `backward`, `apply`) and one for inference (`predict`, `eval`,",
        "`Model.forward`, `logits`). Passes do not change outputs and gradients, up to the rounding of float32.",
        "Parameters, shapes, FLOPs, memory and budgets are those of the declared network, and `Model.features` returns",
        "all of its nodes.",
        "`netspec show FILE --as ops --passes` prints the operations before and after.",
        "",
        "The passes run in this order:",
        "",
        "| pass | training | inference | ready-made specs it changes |",
        "|---|---|---|---|",
        *(_row(each, changed[each.name]) for each in PASSES),
    ]
    for each in PASSES:
        lines += ["", f"## {each.name}", "", each.documentation]
    return "\n".join([*lines, "", *_formulas(), "", *_example()]) + "\n"


def _row(each: Pass, specs: list[str]) -> str:
    modes = " | ".join("yes" if mode in each.modes else "" for mode in Mode)
    return f"| [`{each.name}`](#{each.name}) | {modes} | {', '.join(specs)} |"


def _changed() -> dict[str, list[str]]:
    """Return the ready-made specs that each pass changes in one of its modes."""
    found: dict[str, list[str]] = defaultdict(list)
    for path in ready_made().values():
        declared = require(analyze(load_source(path)))[1]
        for name in {name for mode in Mode for name in _effective(declared, mode)}:
            found[name].append(path.stem)
    return found


def _effective(graph: Graph, mode: Mode) -> set[str]:
    names = set()
    for each, rewritten in history(graph, mode):
        if rewritten != graph:
            names.add(each.name)
        graph = rewritten
    return names


def _formulas() -> list[str]:
    formulas = [c for c in vars(derived).values() if isinstance(c, type) and issubclass(c, derived.Formula)][1:]
    rows = [f"| `{cls.__name__}` | {' '.join((getdoc(cls) or '').split())} |" for cls in formulas]
    said = "A pass at inference may need an array that is made of parameters. These are all the ways to make one:"
    return ["## Derived arrays", "", said, "", "| formula | what it makes |", "|---|---|", *rows]


def _example() -> list[str]:
    graph = require(analyze(Source("example.net", _EXAMPLE)))[1]
    return ["## An example", "", "```", _EXAMPLE, "```", "", "```", passes_text(graph), "```"]
