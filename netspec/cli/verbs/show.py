"""`netspec show`: the model as a table, or any stage of the compiler."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from netspec.cli.options import Let, Set, pairs
from netspec.cli.output import bytes_text, count_text, print_json, print_table, say
from netspec.compiler import Analysis, analyze, load_source, require
from netspec.describe.outline import Row, outline
from netspec.graph.graph import Graph
from netspec.graph.losses import loss_text
from netspec.graph.memory import inference_bytes, training_bytes
from netspec.graph.parts import parts
from netspec.graph.recipe_checks import used_batch
from netspec.ir.network import Network
from netspec.ir.text import input_text, resolved_text
from netspec.ops import format_shape

__all__ = ["show"]


class Stage(StrEnum):
    """The stages of the compiler that `--as` shows."""

    TABLE = "table"
    AST = "ast"
    IR = "ir"
    OPS = "ops"
    JAXPR = "jaxpr"
    HLO = "hlo"
    DOT = "dot"
    SVG = "svg"
    JSON = "json"


class Platform(StrEnum):
    """The platforms that strategies are chosen for."""

    CPU = "cpu"
    GPU = "gpu"


def show(
    file: Annotated[Path, typer.Argument(metavar="FILE|RUN", help="A .net file, a run folder or a model.")],
    stage: Annotated[Stage, typer.Option("--as", help="Which stage of the compiler.")] = Stage.TABLE,
    resolved: Annotated[bool, typer.Option("--resolved", help="The spec with every default written out.")] = False,
    batch: Annotated[
        int | None,
        typer.Option(
            "--batch",
            min=1,
            metavar="N",
            help="Batch size for jaxpr and hlo, 1 unless given; for ops that of inference, else training is shown.",
        ),
    ] = None,
    device: Annotated[
        Platform | None, typer.Option("--device", help="What ops are chosen for; cpu unless given.")
    ] = None,
    depth: Annotated[
        int | None,
        typer.Option("--depth", min=0, help="Blocks inside so many others are one (table, json, dot, svg)."),
    ] = None,
    passes: Annotated[
        bool, typer.Option("--passes", help="With `--as ops`: before and after the graph passes, in each mode.")
    ] = False,
    let: Let = None,
    sets: Set = None,
) -> int:
    """Show a model: layers, output shapes, parameters, FLOPs, memory; or a stage of the compiler.

    `--as json` is the table for programs: "rows" with name, layer, inputs, shape, parameters, flops and bytes (of the
    activations of one example), and "totals" with those of the network and the bytes of training and inference at the
    recipe's batch.
    """
    _refuse_unused_options(stage, resolved=resolved, passes=passes, batch=batch, device=device, depth=depth)
    trained = _trained(file, stage, replaced=bool(let or sets))
    analysis = None if trained else analyze(load_source(file), lets=pairs("--let", let), sets=pairs("--set", sets))
    network, graph = trained or require(analysis)  # type: ignore[arg-type]
    if resolved:
        say(resolved_text(network), end="")
    elif stage is Stage.TABLE:
        _table(network, graph, depth)
    elif stage is Stage.JSON:
        print_json(_json(network, graph, depth))
    elif stage is Stage.DOT:
        from netspec.cli.dot import dot  # noqa: PLC0415

        say(dot(network, outline(network, graph, depth)))
    elif stage is Stage.SVG:
        from netspec.drawing import draw, svg  # noqa: PLC0415

        say(svg(draw(network, graph, depth)), end="")
    else:
        say(_stage(stage, analysis, network, graph, batch or 1, passes))
        if stage is Stage.OPS and not passes:
            from netspec.cli.plan_table import print_plan  # noqa: PLC0415

            print_plan(network, graph, device or Platform.CPU, batch)
    return 0


def _trained(file: Path, stage: Stage, *, replaced: bool) -> tuple[Network, Graph] | None:
    """Return the network of a run or a model; None where the file is no such thing."""
    from netspec.runs.files import NETWORK  # noqa: PLC0415
    from netspec.runs.listing import newest  # noqa: PLC0415
    from netspec.workflows.read_network import read_network  # noqa: PLC0415

    found = newest(file)
    try:
        if file.suffix != ".safetensors" and not (found / NETWORK).is_file():
            return None
    except (OSError, ValueError):
        return None
    if replaced:
        raise typer.BadParameter("values are replaced in a spec; this was trained as it is", param_hint="--let, --set")
    if stage is Stage.AST:
        raise typer.BadParameter(f"a tree is that of a text: netspec show {found}/spec.net --as ast", param_hint="--as")
    return read_network(found)


def _refuse_unused_options(
    stage: Stage, *, resolved: bool, passes: bool, batch: int | None, device: Platform | None, depth: int | None
) -> None:
    """Refuse options that the stage has no use for."""
    if resolved and stage is not Stage.TABLE:
        raise typer.BadParameter(f"this is a spec: leave out --as {stage}", param_hint="--resolved")
    if passes and (resolved or stage is not Stage.OPS):
        raise typer.BadParameter("the passes change operations: write --as ops --passes", param_hint="--passes")
    if batch is not None and (resolved or passes or stage not in {Stage.OPS, Stage.JAXPR, Stage.HLO}):
        message = "the batch is that of --as ops, jaxpr or hlo; elsewhere write --set train.batch=N"
        raise typer.BadParameter(message, param_hint="--batch")
    if device is not None and (resolved or passes or stage is not Stage.OPS):
        raise typer.BadParameter("ways are chosen for it: write --as ops --device gpu", param_hint="--device")
    if depth is not None and (resolved or stage not in {Stage.TABLE, Stage.JSON, Stage.DOT, Stage.SVG}):
        raise typer.BadParameter("blocks have rows in the table, --as json, dot and svg only", param_hint="--depth")


def _table(network: Network, graph: Graph, depth: int | None) -> None:
    """Print one row for each layer or block, the totals, and the memory."""
    rows = outline(network, graph, depth)
    say(f"{network.name}: {', '.join(map(input_text, network.inputs))}, loss {loss_text(network, graph)}\n")
    print_table(
        [
            ("name", False),
            ("layer", False),
            ("output", False),
            ("parameters", True),
            ("FLOPs", True),
            ("memory", True),
        ],
        _cells(rows),
        ("", "total", "", f"{graph.parameter_count:,}", *_costs(graph.flops, graph.activation_bytes)),
    )
    batch, trained = used_batch(network), parts(network, graph)
    frozen = trained.frozen_count(graph)
    if frozen:
        until = f", until epoch {trained.ends()[0]} at the earliest" if trained.ends() else ""
        say(f"\ntrained {graph.parameter_count - frozen:,} parameters, frozen {frozen:,}{until}")
    say("\nFLOPs and memory (activations, float32) are those of one example, forward.")
    say(f"training memory    {bytes_text(training_bytes(network, graph)):>8}  a step, batch {batch}")
    say(f"inference memory   {bytes_text(inference_bytes(network, graph)):>8}  batch {batch}")


def _cells(rows: Iterable[Row]) -> Iterator[tuple[str, ...]]:
    """Yield the rows as text; where a block begins, its name has a row, and its layers are indented under it."""
    inside: list[str] = []
    for row in rows:
        *blocks, name = row.name.split("/")
        for depth, block in enumerate(blocks):
            if blocks[: depth + 1] != inside[: depth + 1]:
                yield (f"{'  ' * depth}{block}", *[""] * 5)
        inside = blocks
        shape, cost = format_shape(row.shape), _costs(row.flops, row.bytes)
        yield (f"{'  ' * len(blocks)}{name}", row.text(), shape, f"{row.parameters:,}", *cost)


def _costs(flops: int, size: int) -> tuple[str, str]:
    return count_text(flops), bytes_text(size)


def _json(network: Network, graph: Graph, depth: int | None) -> dict[str, Any]:
    """Return the table for programs: a row as `Row.facts` has it; bytes of activations, of one example, in float32."""
    frozen = parts(network, graph).frozen_count(graph)
    return {
        "name": network.name,
        **_ends(network, graph),
        "batch": used_batch(network),
        "rows": [row.facts() for row in outline(network, graph, depth)],
        "totals": {
            "layers": len(network.nodes),
            "parameters": graph.parameter_count,
            "trainable": graph.parameter_count - frozen,
            "frozen": frozen,
            "flops": graph.flops,
            "bytes": graph.activation_bytes,
            "training_bytes": training_bytes(network, graph),
            "inference_bytes": inference_bytes(network, graph),
        },
    }


def _ends(network: Network, graph: Graph) -> dict[str, Any]:
    """Return what flows in and what is learned; of several inputs or outputs a list of them."""
    if len(network.inputs) == 1:
        ends: dict[str, Any] = {"input": list(network.input), "tokens": network.tokens}
    else:
        ends = {"inputs": [{"name": i.name, "shape": list(i.shape), "tokens": i.tokens} for i in network.inputs]}
    if len(graph.outputs) == 1:
        return {**ends, "loss": graph.loss.canonical()}
    pairs = zip(network.outputs, graph.outputs, strict=True)
    outputs = [
        {"name": o.name, "node": o.node, "loss": made.loss.canonical(), "weight": o.weight, "target": made.target}
        for o, made in pairs
    ]
    return {**ends, "outputs": outputs}


def _stage(stage: Stage, analysis: Analysis | None, network: Network, graph: Graph, batch: int, passes: bool) -> str:
    if analysis and stage is Stage.AST:
        return _tree(analysis)
    if stage is Stage.IR:
        return network.model_dump_json(indent=2)
    if stage is Stage.OPS:
        from netspec.cli.operations import operations_text, passes_text  # noqa: PLC0415

        return passes_text(graph) if passes else operations_text(graph)
    from netspec.workflows.compiling import compile_network  # noqa: PLC0415

    model = compile_network(network, graph=graph)
    return model.jaxpr(batch) if stage is Stage.JAXPR else str(model.lower(batch).as_text())


def _tree(analysis: Analysis) -> str:
    from rich.pretty import pretty_repr  # noqa: PLC0415

    from netspec.syntax.parser import parse  # noqa: PLC0415

    return pretty_repr(parse(analysis.source).commands, max_width=110)
