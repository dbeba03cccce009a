"""The outline of a network: a row for each layer or each block, with its inputs, shape and cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from netspec.graph.graph import Graph, NodeCost
from netspec.ir.network import Network, Node
from netspec.ir.text import layer_text, shared_text
from netspec.ops import Shape

__all__ = ["Row", "outline"]


@dataclass(frozen=True, slots=True)
class Row:
    """One layer, or one block taken as a whole.

    Attributes:
        name: the layer's name, or the block's.
        layer: the layer in the shortest words that mean it; `9 layers` for a block.
        inputs: the rows it reads.
        above: the row before it; for the first the input, where there is one.
        entry: what flows into the block that it is in, the input outside of all blocks.
        shape: of its output, for one example.
        parameters: trained numbers.
        flops: of the forward pass of one example.
        bytes: of all values of one example in float32.
        layers: how many layers it stands for.
        block: whether it stands for a block.
        second: the key with which it names what it reads beside what flows in, `memory=`; empty where that is bare.
    """

    name: str
    layer: str
    inputs: tuple[str, ...]
    above: str
    entry: str
    shape: Shape
    parameters: int
    flops: int
    bytes: int
    layers: int = 1
    block: bool = False
    second: str = ""

    def text(self) -> str:
        """Return the words with what they read: `add stem` also reads the row above, `conv 8 3x3 ← stem` does not."""
        if not self.block and self.inputs[0] == self.above:
            key = f"{self.second}=" if self.second else ""
            return " ".join([self.layer, *(f"{key}{self._near(name)}" for name in self.inputs[1:])])
        reads = "" if self.inputs == (self.above,) else f" ← {', '.join(map(self._near, self.inputs))}"
        return self.layer + reads

    def facts(self) -> dict[str, Any]:
        """Return the row as plain values for JSON: bytes are those of the activations of one example."""
        keys = ("name", "layer", "inputs", "shape", "parameters", "flops", "bytes")
        return {key: list(v) if isinstance(v := getattr(self, key), tuple) else v for key in keys}

    def _near(self, name: str) -> str:
        """Return a name as the block knows it: `input` is what flows into it, and a slash stands for the outside."""
        block = self.name.rpartition("/")[0]
        if name == self.entry or not block:
            return "input" if block else name
        return name.removeprefix(f"{block}/") if name.startswith(f"{block}/") else f"/{name}"


def outline(network: Network, graph: Graph, depth: int | None = None) -> tuple[Row, ...]:
    """Return the rows of a network.

    Args:
        network: what was declared.
        graph: what was traced from it.
        depth: blocks inside so many others become one row each; None keeps all layers.
    """
    whole = list(zip(network.nodes, graph.costs(network), strict=True))
    rows: list[Row] = []
    first = network.inputs[0].name if len(network.inputs) == 1 else ""
    entries = {"": first}
    for name, group in groupby(whole, lambda pair: _cut(pair[0].name, depth)):
        members = list(group)
        above = rows[-1].name if rows else first
        block = name.rpartition("/")[0]
        source = _cut(members[0][0].inputs[0], depth)
        for outer in _blocks(block):
            entries.setdefault(outer, source)
        rows.append(_row(name, members, (above, entries[block]), depth))
    return tuple(rows)


def _cut(name: str, depth: int | None) -> str:
    """Return the name of the row that a layer is in."""
    return name if depth is None else "/".join(name.split("/")[: depth + 1])


def _blocks(block: str) -> list[str]:
    """Return a block and all that it is in."""
    parts = block.split("/")
    return ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]


def _row(name: str, members: Sequence[tuple[Node, NodeCost]], around: tuple[str, str], depth: int | None) -> Row:
    first, last = members[0][0], members[-1][1]
    block = any(node.name != name for node, _ in members)
    count = f"{len(members)} layer{'' if len(members) == 1 else 's'}"
    own = {node.name for node, _ in members}
    inputs = tuple(_cut(source, depth) for node, _ in members for source in node.inputs if source not in own)
    return Row(
        name=name,
        layer=count if block else " ".join([layer_text(first.layer), *shared_text(first)]),
        inputs=tuple(dict.fromkeys(inputs)) if block else inputs,
        above=around[0],
        entry=around[1],
        shape=last.shape,
        parameters=sum(cost.parameters for _, cost in members),
        flops=sum(cost.flops for _, cost in members),
        bytes=sum(cost.bytes for _, cost in members),
        layers=len(members),
        block=block,
        second="" if block else first.layer.second,
    )
