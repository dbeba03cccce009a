"""A spec as a page shows it: its words by what they are, and beside each line the shape that comes out of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from netspec.compiler import analyze
from netspec.diagnostics.diagnostic import Source
from netspec.graph.graph import Graph
from netspec.ops import format_shape

__all__ = ["SpecLine", "spec_lines", "words"]

_WORD = re.compile(
    r"""(?P<comment>\#.*)
    |(?P<text>"[^"\n]*"?)
    |(?P<number>(?<![\w.])\d[\d.]*(?:x\d+)*(?:e[+-]?\d+)?[kM%]?(?![\w.]))
    |(?P<name>[^\W\d]\w*)
    |(?P<other>\s+|.)""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class SpecLine:
    """A line of a spec.

    Attributes:
        words: what it says: `comment`, `text`, `number`, `command`, `name` or `other`, and the characters.
        shape: what comes out of the last layer that it declares, outside of blocks; else empty.
        parameters: of the layers that it declares.
    """

    words: tuple[tuple[str, str], ...]
    shape: str = ""
    parameters: int = 0


def words(line: str) -> tuple[tuple[str, str], ...]:
    """Return the words of a line; the first name of each command is a `command`."""
    found: list[tuple[str, str]] = []
    begins = True
    for match in _WORD.finditer(line):
        kind, text = str(match.lastgroup), match[0]
        if kind == "name" and begins:
            kind = "command"
        if not text.isspace():
            begins = text in {";", "{", "}"}
        found.append((kind, text))
    return tuple(found)


def spec_lines(text: str, graph: Graph, counts: Mapping[str, int], known: Mapping[str, int]) -> tuple[SpecLine, ...]:
    """Return the lines of a spec with the shapes that a graph has.

    Args:
        text: the spec.
        graph: what was made of it, perhaps with data that is not there any more.
        counts: the parameters of each layer by its name.
        known: how many `classes` and `tokens` there were.
    """
    # Where layers stand is known without the data, if what the data says is said.
    said = "".join(f"let {name} = {count}\n" for name, count in known.items())
    if not re.search(r"^\s*input\b", text, re.MULTILINE) and len(graph.inputs) == 1:
        said += f"input {format_shape(graph.inputs[0].shape)}\n"
    places = analyze(Source("spec.net", said + text)).places
    skipped = said.count("\n")
    shapes: dict[int, str] = {}
    parameters: dict[int, int] = {}
    for name, value in graph.nodes.items():
        place = places.get(name)
        if place is None or place.span.line <= skipped:
            continue
        # What a block makes of its last layer is what its use gives.
        line = (place.uses[-1].span if place.uses else place.span).end_line - skipped
        shapes[line] = format_shape(graph.shape(value))
        parameters[line] = parameters.get(line, 0) + counts.get(name, 0)
    lines = text.rstrip("\n").split("\n")
    return tuple(
        SpecLine(words(line), shapes.get(number, ""), parameters.get(number, 0))
        for number, line in enumerate(lines, start=1)
    )
