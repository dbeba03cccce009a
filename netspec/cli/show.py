"""`netspec show`: the model as a table, or any stage of the compiler."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from netspec.cli.options import Let, Set, pairs
from netspec.cli.output import bytes_text, count_text, print_table
from netspec.compiler import Analysis, analyze, load_source, require
from netspec.graph import Graph
from netspec.ir import Network
from netspec.ops import format_shape
from netspec.resolve import input_text, resolved_text

__all__ = ["show"]


class Stage(StrEnum):
    """What `--as` can ask for."""

    TABLE = "table"
    AST = "ast"
    IR = "ir"
    OPS = "ops"
    JAXPR = "jaxpr"
    HLO = "hlo"
    DOT = "dot"


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The .net file.")],
    stage: Annotated[Stage, typer.Option("--as", help="Which stage of the compiler.")] = Stage.TABLE,
    resolved: Annotated[bool, typer.Option("--resolved", help="The spec with every default written out.")] = False,
    batch: Annotated[int, typer.Option("--batch", min=1, help="Batch size for jaxpr and hlo.")] = 1,
    let: Let = None,
    sets: Set = None,
) -> None:
    """Show a model: layers, output shapes, parameters, FLOPs, memory; or a stage of the compiler."""
    analysis = analyze(load_source(file), lets=pairs("--let", let), sets=pairs("--set", sets))
    network, graph = require(analysis)
    if resolved:
        print(resolved_text(network), end="")
    elif stage is Stage.TABLE:
        _table(network, graph)
    else:
        print(_stage(stage, analysis, network, graph, batch))


def _table(network: Network, graph: Graph) -> None:
    """Print one row for each layer, and the totals."""
    costs = graph.costs(network)
    rows = [
        (c.name, c.text, format_shape(c.shape), f"{c.parameters:,}", count_text(c.flops), bytes_text(c.bytes))
        for c in costs
    ]
    print(f"{network.name}: {input_text(network)}, loss {graph.loss.canonical()}\n")
    totals = (
        "",
        "total",
        "",
        f"{graph.parameter_count:,}",
        count_text(graph.flops),
        bytes_text(graph.activation_bytes),
    )
    columns = [
        ("name", False),
        ("layer", False),
        ("output", False),
        ("parameters", True),
        ("FLOPs", True),
        ("activations", True),
    ]
    print_table(columns, rows, totals)
    print("\nFLOPs and activations (float32) are for the forward pass of one example.")


def _stage(stage: Stage, analysis: Analysis, network: Network, graph: Graph, batch: int) -> str:
    if stage is Stage.AST:
        return _tree(analysis)
    if stage is Stage.IR:
        return network.model_dump_json(indent=2)
    if stage is Stage.OPS:
        return _operations(graph)
    if stage is Stage.DOT:
        return _dot(network, graph)
    from netspec.session import compile_network  # noqa: PLC0415

    model = compile_network(network)
    return model.jaxpr(batch) if stage is Stage.JAXPR else str(model.lower(batch).as_text())


def _tree(analysis: Analysis) -> str:
    from rich.pretty import pretty_repr  # noqa: PLC0415

    from netspec.syntax.parser import parse  # noqa: PLC0415

    return pretty_repr(parse(analysis.source).commands, max_width=110)


def _operations(graph: Graph) -> str:
    """Return the operations after all passes, one a line."""
    from netspec.passes import optimize  # noqa: PLC0415

    graph = optimize(graph)
    lines = [f"%0 = input {format_shape(graph.input)}"]
    for o in graph.operations:
        operands = ", ".join([*(f"%{i}" for i in o.inputs), *o.parameters])
        lines.append(f"%{o.output} = {o.op!r} ({operands}) -> {format_shape(o.shape)}    # {o.node}, {o.flops:,} FLOPs")
    lines.append(f"return %{graph.output}; {graph.loss.canonical()} reads %{graph.logits}")
    return "\n".join(lines)


def _dot(network: Network, graph: Graph) -> str:
    """Return the network for Graphviz: `netspec show FILE --as dot | dot -Tpng -o model.png`."""
    lines = ["digraph {", "  rankdir=TB; node [shape=box, fontname=Helvetica];"]
    lines.append(f'  "input" [label="input\\n{format_shape(network.input)}"];')
    for cost, node in zip(graph.costs(network), network.nodes, strict=True):
        lines.append(f'  "{node.name}" [label="{node.name}: {cost.text}\\n{format_shape(cost.shape)}"];')
        lines += [f'  "{source}" -> "{node.name}";' for source in node.inputs]
    return "\n".join([*lines, "}"])
