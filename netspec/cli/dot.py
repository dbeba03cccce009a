"""`netspec show --as dot`: the network for Graphviz, a cluster for each block, an edge for each value that is read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from netspec.describe.outline import Row
from netspec.ir.network import Network
from netspec.ops import format_shape

__all__ = ["dot"]


def dot(network: Network, rows: Sequence[Row]) -> str:
    """Return the text: `netspec show FILE --as dot | dot -Tpng -o model.png`."""
    lines = ["digraph {", "  rankdir=TB; node [shape=box, fontname=Helvetica]; graph [fontname=Helvetica];"]
    lines += [f'  "{i.name}" [label="{i.name}\\n{format_shape(i.shape)}"];' for i in network.inputs]
    lines += _cluster(rows, ())
    lines += [f'  "{source}" -> "{row.name}";' for row in rows for source in row.inputs]
    known = {row.name for row in rows}
    for output in network.outputs:
        # Where a block is one row, that is what gives it.
        parts = output.node.split("/")
        row = next(("/".join(parts[:n]) for n in range(len(parts), 0, -1) if "/".join(parts[:n]) in known), output.node)
        lines.append(f'  "output {output.name}" [label="{output.name}", shape=ellipse];')
        lines.append(f'  "{row}" -> "output {output.name}";')
    return "\n".join([*lines, "}"])


def _cluster(rows: Sequence[Row], path: tuple[str, ...]) -> list[str]:
    """Return the nodes below a path, those of deeper blocks in clusters of their own."""
    pad = "  " * (len(path) + 1)
    lines = []
    for block, group in groupby(rows, lambda row: tuple(row.name.split("/")[: len(path) + 1])):
        members = list(group)
        whole = "/".join(block)
        if [row.name for row in members] == [whole]:
            lines.append(
                f'{pad}"{whole}" [label="{block[-1]}: {members[0].layer}\\n{format_shape(members[0].shape)}"];'
            )
            continue
        lines.append(f'{pad}subgraph "cluster_{whole}" {{')
        lines.append(f'{pad}  label="{block[-1]}"; style=rounded; color=gray;')
        lines += [*_cluster(members, block), f"{pad}}}"]
    return lines
