"""The summary of a Network, a Graph or a Model in a few lines, for an interpreter."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from netspec.diagnostics.diagnostic import listing, plural
from netspec.graph.graph import Graph
from netspec.graph.parts import parts
from netspec.ir.network import Network
from netspec.ir.text import layer_text, others_text, shared_text
from netspec.ops import Shape, format_shape

__all__ = ["graph_summary", "network_summary"]

_ROWS = 11
"""At most, of the table, its inputs among them: with the line above it that is twelve lines."""

_TRACED = 500
"""Layers of a network up to which it is traced for its shapes: in an interpreter that takes no noticeable time."""


def network_summary(network: Network, kind: str = "Network") -> str:
    """Return a network as a short table: its layers, what comes out of each, their parameters. It never raises."""
    try:
        graph = network.graph() if len(network.nodes) <= _TRACED else None
    except Exception:  # shapes that do not fit: it is shown what was declared
        graph = None
    try:
        costs = {cost.name: cost for cost in graph.costs(network)} if graph else {}
        facts = [f"{graph.parameter_count:,} parameters"] if graph else []
        frozen = parts(network, graph).frozen_count(graph) if graph else 0
        facts += [f"{frozen:,} of them frozen"] if frozen else []
        facts += [plural(len(network.nodes), "layer")]
        facts += [f"data {network.data.name}"] if network.data else []

        def row(index: int) -> tuple[str, ...]:
            node = network.nodes[index]
            cost = costs.get(node.name)
            others = others_text(node.layer, node.inputs[1:])
            words = (node.name, " ".join([layer_text(node.layer), *shared_text(node), *others]))
            return (*words, format_shape(cost.shape), f"{cost.parameters:,}" if cost else "") if cost else words

        first = [_input_row(i.name, i.shape, i.tokens) for i in network.inputs]
        facts += [f"outputs {listing([o.name for o in network.outputs], 'and')}"] if len(network.outputs) > 1 else []
        return _table(f"{kind} {_cut(network.name)}: {', '.join(facts)}", first, len(network.nodes), row)
    except Exception:  # one that was changed to what it cannot be
        return f"{kind} that is not valid"


def graph_summary(graph: Graph) -> str:
    """Return a graph as a short table: its operations in their order. It never raises."""
    try:
        facts = f"{graph.parameter_count:,} parameters, {plural(len(graph.operations), 'operation')}"

        def row(index: int) -> tuple[str, ...]:
            operation = graph.operations[index]
            own = {path: graph.parameters[path] for path in operation.parameters if path in graph.parameters}
            trained = sum(p.size for p in own.values() if p.trainable)
            return (operation.node, type(operation.op).__name__, format_shape(operation.shape), f"{trained:,}")

        first = [_input_row(i.name, i.shape, i.tokens) for i in graph.inputs]
        return _table(f"Graph {_cut(graph.name)}: {facts}", first, len(graph.operations), row)
    except Exception:  # one made by hand of what does not belong together
        return "Graph that is not valid"


def _input_row(name: str, shape: Shape, tokens: int | None) -> tuple[str, ...]:
    return (name, f"{tokens} tokens" if tokens else "", format_shape(shape), "")


def _table(title: str, first: Sequence[Sequence[str]], count: int, row: Callable[[int], Sequence[str]]) -> str:
    """Return a title and a table under it; of many rows, inputs and layers, the first and the last."""
    whole = len(first) + count
    left_out = whole - (_ROWS - 1) if whole > _ROWS else 0
    head = (_ROWS + 1) // 2 if left_out else whole
    shown = (*range(head), *range(whole - (_ROWS - 1 - head), whole)) if left_out else range(whole)
    rows = [first[i] if i < len(first) else row(i - len(first)) for i in shown]
    cells = [[_cut(cell) for cell in (*each, "", "")[:4]] for each in rows]
    widths = [max(len(cells_of[i]) for cells_of in cells) for i in range(4)]
    lines = [
        f"  {a:<{widths[0]}}  {b:<{widths[1]}}  {c:<{widths[2]}}  {d:>{widths[3]}}".rstrip() for a, b, c, d in cells
    ]
    if left_out:
        lines.insert(head, f"  … {left_out:,} more …")
    return "\n".join([title, *lines])


def _cut(text: str, width: int = 36) -> str:
    """Return a text no longer than a column may be."""
    return text if len(text) <= width else text[: width - 1] + "…"
