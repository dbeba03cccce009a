"""What a text means, as the page shows it: errors with fixes that were tried, a shape beside each line, the drawing."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from netspec.compiler import Analysis, analyze
from netspec.describe.outline import outline
from netspec.diagnostics.diagnostic import Diagnostic, Source, plural
from netspec.drawing import draw, svg
from netspec.graph.file_checks import look_at_data
from netspec.graph.graph import Graph
from netspec.graph.weights_check import look_at_weights
from netspec.ir.network import Network
from netspec.ops import format_shape

__all__ = ["drawing_of", "spec_facts"]

_BOXES = 60
"""Of a network of more layers its blocks are drawn as boxes."""
_MOST_FIXES = 8
"""Errors whose fixes are tried: each takes a check of its own."""

_MEANT = re.compile(r"(?:did you mean|write|[^`]*:) `([^`…]+)`(?:\?|$|,|:)")


def spec_facts(text: str, name: str, folder: Path) -> dict[str, Any]:
    """Return what the page shows of a text.

    Args:
        text: the spec.
        name: of its file.
        folder: where its includes and data are looked for.

    Returns:
        `errors` and `notes`, each as `netspec check --json` has it and with an `edit` where there is a fix that can be
        put in; `lines`, what the last layer of each gives and how much its layers cost; `summary`, one line.
    """
    source = Source(name, text, folder)
    found = analyze(source)
    # Apart from the check: where only a file is missing, the network has shapes all the same.
    errors = [d.to_json() for d in (*found.diagnostics, *_wrong_files(found))]
    for d, said in list(zip(found.diagnostics, errors, strict=False))[:_MOST_FIXES]:
        said["edit"] = _edit(d, source, found.diagnostics)
    facts: dict[str, Any] = {"errors": errors, "notes": [d.to_json() for d in found.notes], "lines": [], "summary": ""}
    if found.network is not None and found.graph is not None:
        facts["lines"] = _lines(found, found.network, found.graph)
        layers, parameters = len(found.network.nodes), sum(p.size for p in _learned(found.graph))
        flops = sum(operation.flops for operation in found.graph.operations)
        facts["summary"] = (
            f"{plural(layers, 'layer')}, {plural(parameters, 'parameter')}, {_short(flops)}FLOP an example"
        )
        facts["inputs"] = [{"name": i.name, "shape": list(i.shape), "tokens": i.tokens} for i in found.graph.inputs]
        facts["data"] = found.network.data.name if found.network.data else None
        facts["fallback"] = found.network.data.fallback if found.network.data else None
        facts["epochs"] = found.network.recipe.epochs
    return facts


def _wrong_files(found: Analysis) -> list[Diagnostic]:
    """Return what is wrong with the files that a text names: one is missing, does not fit, or is outside its folder."""
    network, graph, folder = found.network, found.graph, found.source.folder
    if network is None or graph is None:
        return []
    weights = look_at_weights(network, graph, found.places, folder)
    return [*look_at_data(network, graph, found.places, folder), *weights]


def drawing_of(text: str, name: str, folder: Path) -> str:
    """Return the network of a text as the text of an SVG file; empty where it has none."""
    found = analyze(Source(name, text, folder))
    if found.network is None or found.graph is None:
        return ""
    return svg(draw(found.network, found.graph, None if len(found.network.nodes) <= _BOXES else 1))


def _learned(graph: Graph) -> list[Any]:
    return [p for p in graph.parameters.values() if p.trainable]


def _short(number: int) -> str:
    for size, letter in ((10**12, "T"), (10**9, "G"), (10**6, "M"), (10**3, "k")):
        if number >= size:
            return f"{number / size:.3g} {letter}"
    return f"{number} "


def _lines(found: Analysis, network: Network, graph: Graph) -> list[dict[str, Any]]:
    """Return for each line with layers what the last one gives, and what all cost; blocks count where they are used."""
    rows = {row.name: row for row in outline(network, graph)}
    lines: dict[int, dict[str, Any]] = {}
    for name, value in graph.nodes.items():
        place = found.places.get(name)
        if place is None:
            continue
        span = place.uses[-1].span if place.uses else place.span
        if span.source != found.source:
            continue
        row = rows.get(name)
        line = lines.setdefault(span.end_line, {"line": span.end_line, "shape": "", "parameters": 0, "flops": 0})
        line["shape"] = format_shape(graph.shape(value))
        line["parameters"] += row.parameters if row else 0
        line["flops"] += row.flops if row else 0
    return [lines[number] for number in sorted(lines)]


# --- fixes --------------------------------------------------------------------------------------------------------


def _edit(d: Diagnostic, source: Source, before: tuple[Diagnostic, ...]) -> dict[str, Any] | None:
    """Return the change of one line that takes an error away; None where its fix is no text to put in.

    A fix names a text. It may stand for the marked words, for the whole word, the command or the line: the first of
    them with which the error is gone, and no other has come, is meant.
    """
    match = _MEANT.match(d.fix)
    if match is None or d.span is None or d.span.source != source or d.fix.startswith("for example"):
        return None
    number = d.span.line
    line = source.line(number)
    for begin, end in _places(d, line):
        after = line[:begin] + match[1] + line[end:]
        changed = "\n".join([*source.lines[: number - 1], after, *source.lines[number:]])
        found = analyze(Source(source.name, changed, source.folder)).diagnostics
        if _count(found, d) < _count(before, d) and len(found) <= max(len(before) - 1, 0):
            return {"line": number, "begin": begin, "end": end, "text": match[1]}
    return None


def _places(d: Diagnostic, line: str) -> Iterator[tuple[int, int]]:
    assert d.span
    start = d.span.column - 1
    end = d.span.end_column - 1 if d.span.end_line == d.span.line else len(line)
    yield start, end
    yield from (m.span() for m in re.finditer(r"[^\s;{}()]+", line) if m.start() <= start <= m.end())
    yield from (m.span() for m in re.finditer(r"[^;{}#]+", line) if m.start() <= start <= m.end())
    yield 0, len(line)


def _count(found: tuple[Diagnostic, ...], like: Diagnostic) -> int:
    assert like.span
    return sum(d.code == like.code and d.span is not None and d.span.line == like.span.line for d in found)
