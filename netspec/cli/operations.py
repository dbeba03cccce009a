"""`netspec show --as ops`: the graph as text; with `--passes`, before and after the passes of each mode."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import SequenceMatcher

from netspec.graph.graph import Graph
from netspec.ir.network import INPUT
from netspec.ops import format_shape
from netspec.passes import Mode, history, optimize

__all__ = ["operations_text", "passes_text"]


def operations_text(graph: Graph) -> str:
    """Return the operations as declared, one a line."""
    return "\n".join(_lines(graph))


def passes_text(graph: Graph) -> str:
    """Return, for each mode, which passes change the graph, and its lines before (-) and after (+) them."""
    return "\n\n".join("\n".join(_changes(graph, mode)) for mode in Mode)


def _lines(graph: Graph) -> list[str]:
    """Return a line for each input, for each derived array, for each operation, and for what is returned."""
    named = [f" as {i.name}" if i.name != INPUT else "" for i in graph.inputs]
    lines = [f"%{at} = input {format_shape(i.shape)}{named[at]}" for at, i in enumerate(graph.inputs)]
    for d in graph.derived.values():
        lines.append(f"{d.path} = {d.formula!r} ({', '.join(d.sources)}) -> {format_shape(d.shape)}")
    for o in graph.operations:
        operands = ", ".join([*(f"%{i}" for i in o.inputs), *o.parameters])
        lines.append(f"%{o.output} = {o.op!r} ({operands}) -> {format_shape(o.shape)}    # {o.node}, {o.flops:,} FLOPs")
    several = len(graph.outputs) > 1
    return lines + [
        f"return %{o.index}{f' as {o.name}' if several else ''}; {o.loss.canonical()} reads %{o.logits}"
        for o in graph.outputs
    ]


def _changes(graph: Graph, mode: Mode) -> Iterator[str]:
    """Yield the heading of a mode, the passes that change something, and the lines, each with its pass."""
    optimized = optimize(graph, mode)
    removed, added, active = _causes(graph, mode)
    yield f"{mode}: {_size(graph)} as declared, {_size(optimized)} after the passes"
    width = max(map(len, active), default=0)
    yield from (f"  {name:{width}}  {summary}" for name, summary in active.items())
    yield ""
    before, after = _lines(graph), _lines(optimized)
    for tag, i, i_end, j, j_end in SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if tag == "equal":
            yield from (f"  {line}" for line in before[i:i_end])
        else:
            yield from (f"- {line}    ({removed[line]})" for line in before[i:i_end])
            yield from (f"+ {line}    ({added[line]})" for line in after[j:j_end])


def _causes(graph: Graph, mode: Mode) -> tuple[dict[str, str], dict[str, str], dict[str, str]]:
    """Return the pass that removed each line, the pass that added each, and what the passes at work do."""
    removed: dict[str, str] = {}
    added: dict[str, str] = {}
    active: dict[str, str] = {}
    known = _lines(graph)
    for rewrite, rewritten in history(graph, mode):
        lines = _lines(rewritten)
        gone, new = set(known) - set(lines), set(lines) - set(known)
        removed.update(dict.fromkeys(gone, rewrite.name))
        added.update(dict.fromkeys(new, rewrite.name))
        if gone or new:
            active[rewrite.name] = rewrite.summary
        known = lines
    return removed, added, active


def _size(graph: Graph) -> str:
    return f"{len(graph.operations):,} operations and {graph.flops:,} FLOPs"
