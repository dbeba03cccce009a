"""The layers of a network that have weights, as other programs count them, and which of them comes before which."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.ops import Shape, format_shape

__all__ = ["Unit", "ancestors", "chains", "units_of"]


@dataclass(eq=False, slots=True)
class Unit:
    """What is one module elsewhere: a layer, or a part of one that stands for two, such as `conv 8 3x3 prelu`.

    Attributes:
        node: the layer, by its name.
        kind: what the layer is.
        group: which part of it; empty where it is all.
        parts: the shapes of its arrays by the last part of their paths.
        reads: the numbers of the units whose values reach it, with no other between.
    """

    node: str
    kind: str
    group: str
    parts: dict[str, Shape] = field(default_factory=dict)
    reads: set[int] = field(default_factory=set)

    @property
    def key(self) -> str:
        """Its name, for comparison."""
        return re.sub(r"[./]", "_", f"{self.node}_{self.group}" if self.group else self.node)

    def __str__(self) -> str:
        shapes = ", ".join(f"{part} {format_shape(shape)}" for part, shape in self.parts.items())
        return f"{self.node}: {shapes}"


_GROUPS = re.compile(r"(in_proj|out_proj|slope|relative_position_bias_table)")


def group_of(part: str) -> str:
    """Return which module of its own an array belongs to elsewhere; empty for that of the layer."""
    if re.fullmatch(r"[qkv]_proj_weight", part):
        return "in_proj"
    found = _GROUPS.match(part)
    return found[1] if found else ""


def units_of(network: Network, graph: Graph) -> list[Unit]:
    """Return the units of a network, in the order of its layers."""
    kinds = {node.name: node.layer.canonical() for node in network.nodes}
    groups: dict[str, set[str]] = {}
    for path in graph.parameters:
        node, _, part = path.rpartition("/")
        groups.setdefault(node, set()).add(group_of(part))
    units: list[Unit] = []
    numbers: dict[tuple[str, str], int] = {}
    for path, parameter in graph.parameters.items():
        node, _, part = path.rpartition("/")
        group = group_of(part)
        if (node, group) not in numbers:
            numbers[node, group] = len(units)
            alone = len(groups[node]) == 1 and group == "slope"
            units.append(Unit(node, kinds.get(node, ""), "" if alone else group))
        units[numbers[node, group]].parts[part] = parameter.shape
    _wire(graph, units, numbers)
    return units


def _wire(graph: Graph, units: list[Unit], numbers: dict[tuple[str, str], int]) -> None:
    """Say of each unit which ones it reads."""
    sources: dict[int, frozenset[int]] = {}
    used: set[int] = set()
    for operation in graph.operations:
        reads = frozenset[int]().union(*(sources.get(value, frozenset()) for value in operation.inputs))
        owners = {
            numbers[node, group_of(part)] for node, _, part in (path.rpartition("/") for path in operation.parameters)
        }
        for owner in owners:
            # Where weights are used once more, what they read then says nothing of their place.
            if owner not in used or reads == {owner}:
                units[owner].reads |= reads - {owner}
        used |= owners
        sources[operation.output] = frozenset(owners) if owners else reads


def chains(units: list[Unit]) -> list[list[int]]:
    """Return the units as rows without branches: in a row each one alone reads the one before it, and nothing else."""
    readers: dict[int, list[int]] = {}
    for number, unit in enumerate(units):
        for read in unit.reads:
            readers.setdefault(read, []).append(number)
    rows: list[list[int]] = []
    row_of: dict[int, list[int]] = {}
    for number, unit in enumerate(units):
        before = next(iter(unit.reads)) if len(unit.reads) == 1 else -1
        if before in row_of and readers[before] == [number] and row_of[before][-1] == before:
            row = row_of[before]
        else:
            row = []
            rows.append(row)
        row.append(number)
        row_of[number] = row
    return rows


def ancestors(units: list[Unit]) -> list[int]:
    """Return for each unit those before it on some way through the network, as the bits of a number."""
    found: list[int] = []
    for unit in units:
        bits = 0
        for read in unit.reads:
            bits |= 1 << read | (found[read] if read < len(found) else 0)
        found.append(bits)
    return found
