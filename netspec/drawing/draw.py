"""A network with its places: the layout of each block, from the innermost outward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from netspec.describe.outline import Row, outline
from netspec.diagnostics.diagnostic import plural
from netspec.drawing.layering import Edge, Item, layered
from netspec.drawing.scene import Box, Drawing, Frame, Kind, Label, Line, Point, text_width
from netspec.drawing.tree import Block, Entry, Exit, Leaf, tree
from netspec.graph.graph import Graph, GraphOutput
from netspec.ir.network import Network
from netspec.layers.base import ActivationLayer, Layer
from netspec.ops import format_shape

__all__ = ["draw"]

_BOX, _CAPSULE = 38.0, 26.0
"""The heights of a layer, and of an input or output."""
_RANKS = 38.0
"""Between the bottom of one rank and the top of the next: room for a shape, then for lines that go aside."""
_STRAIGHT = 16.0
"""As far a line goes straight down from a box, beside its shape, and from the top of a frame, beside its title."""
_TITLE, _FOOT, _SIDE = 36.0, 18.0, 14.0
"""Inside of a frame: above the first rank, below the last, and at both sides."""
_MARGIN = 20.0

_KINDS: dict[Kind, str] = {
    "weights": "conv depthwise deconv fc embedding attention lstm gru rnn position classtoken scale",
    "norm": "batchnorm layernorm groupnorm instancenorm lrn",
    "pool": "pool avgpool globalpool",
    "merge": "add subtract multiply divide maximum minimum average dot cosine_similarity concat",
    "noise": "dropout noise stochastic_depth sample",
}
_KIND_OF: dict[str, Kind] = {name: kind for kind, names in _KINDS.items() for name in names.split()}


def draw(network: Network, graph: Graph, depth: int | None = None) -> Drawing:
    """Return a network as a drawing.

    Args:
        network: what was declared.
        graph: what was traced from it.
        depth: blocks inside so many others become one box each; None draws all layers.
    """
    rows = outline(network, graph, depth)
    outputs = _outputs(graph, rows)
    root = tree([i.name for i in graph.inputs], rows, [(box.name, shown) for box, shown in outputs.items()])
    boxes = {i.name: _capsule(i.name, f"{i.name} {format_shape(i.shape)}", "input") for i in graph.inputs}
    layers = {node.name: node.layer for node in network.nodes}
    boxes |= {row.name: _layer(row, layers.get(row.name)) for row in rows} | {box.name: box for box in outputs}
    shapes = {i.name: i.shape for i in graph.inputs} | {row.name: row.shape for row in rows}
    part = _Painter(boxes, {name: format_shape(shape) for name, shape in shapes.items()}).block(root)
    lines = [*part.lines, *_shared_lines(rows, part.boxes)]
    parameters = sum(p.size for p in graph.parameters.values() if p.trainable)
    return Drawing(
        network.name or "network",
        f"{plural(len(network.nodes), 'layer')}, {plural(parameters, 'parameter')}",
        part.width,
        part.height,
        tuple(part.boxes),
        tuple(part.frames),
        tuple(lines),
        tuple(part.labels),
    ).moved(_MARGIN, _MARGIN)


# --- what stands in the boxes -------------------------------------------------------------------------------------


def _layer(row: Row, known: Layer | None) -> Box:
    layer, _, owner = row.layer.partition(" share=")
    name = row.name.rpartition("/")[2] + (f" = {owner.strip(_QUOTE)}" if owner else "")
    count = f"{row.parameters:,} parameters" if row.parameters else ""
    lines = (_cut(layer), " · ".join(part for part in (name, _short(row.parameters)) if part))
    hint = "\n".join(part for part in (f"{row.name}: {row.layer}", format_shape(row.shape), count) if part)
    width = max(text_width(line) for line in lines) + 20
    return Box(row.name, lines, hint, _kind(row, known), 0, 0, max(width, 84), _BOX)


_QUOTE = '"'


def _short(parameters: int) -> str:
    """Return a number of parameters as it stands in a box."""
    if not parameters:
        return ""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if parameters >= 0.9995 * size:
            return f"{parameters / size:.3g} {unit}"
    return str(parameters)


def _cut(text: str, most: int = 44) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _kind(row: Row, layer: Layer | None) -> Kind:
    """Return what a box is colored by; a block is no layer."""
    if layer is None:
        return "block"
    if isinstance(layer, ActivationLayer):
        return "activation"
    return _KIND_OF.get(type(layer).canonical(), "weights" if row.parameters else "other")


def _capsule(name: str, text: str, kind: Kind) -> Box:
    return Box(name, (text,), text, kind, 0, 0, text_width(text) + 28, _CAPSULE)


def _outputs(graph: Graph, rows: tuple[Row, ...]) -> dict[Box, str]:
    """Return a box for each output, and the row that it shows."""
    known = {row.name for row in rows} | {i.name for i in graph.inputs}
    made = {index: name for name, index in graph.nodes.items()}
    found = {}
    for output in graph.outputs:
        parts = made.get(output.index, output.name).split("/")
        row = next(name for n in range(len(parts), 0, -1) if (name := "/".join(parts[:n])) in known)
        found[_capsule(f"\0{output.name}", _output_text(graph, output), "output")] = row
    return found


def _output_text(graph: Graph, output: GraphOutput) -> str:
    loss = type(output.loss).canonical()
    return f"{output.name}: {loss}" if len(graph.outputs) > 1 else loss


# --- places -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Part:
    """A block that is laid out, from 0, 0 on, and where values come in and go out."""

    width: float
    height: float
    boxes: list[Box]
    frames: list[Frame]
    lines: list[Line]
    labels: list[Label]
    ins: Mapping[str, float]
    outs: Mapping[str, float]


class _Painter:
    """Lays out blocks; knows the boxes and the shapes of the values by name."""

    def __init__(self, boxes: Mapping[str, Box], shapes: Mapping[str, str]) -> None:
        self.boxes, self.shapes = boxes, shapes

    def block(self, block: Block) -> _Part:
        """Return a block with everything in it."""
        parts = {member: self.block(member) for member in block.members if isinstance(member, Block)}
        items: dict[Leaf | Block | Entry | Exit, Item] = {}
        for entry in block.entries:
            items[entry] = Item(role="entry")
        for member in block.members:
            items[member] = _of_part(parts[member]) if isinstance(member, Block) else self._of_leaf(member)
        for exit_ in block.exits:
            items[exit_] = Item(role="exit")
        edges = [Edge(items[a], items[b], value) for a, b, value in block.edges]
        found = layered([*items.values()], edges)
        framed = bool(block.path)
        side = _SIDE if framed else 0.0
        heights = {m: parts[m].height if isinstance(m, Block) else self.boxes[m.name].height for m in block.members}
        tops, bottoms = self._rows(found.ranks, {items[m]: height for m, height in heights.items()}, framed)
        everything = [i for rank in found.ranks for i in rank]
        width = max((i.x + i.right for i in everything), default=0.0)
        title = block.path[-1] if framed else ""
        extra = max(0.0, 2 * (text_width(title) + 22) - width - 2 * side) / 2 if framed else 0.0
        for item in everything:
            item.x += side + extra
        made = _Part(
            width + 2 * (side + extra),
            bottoms[-1] if bottoms else 0.0,
            boxes=[],
            frames=[],
            lines=[],
            labels=[],
            ins={entry.source: items[entry].x for entry in block.entries},
            outs={exit_.source: items[exit_].x for exit_ in block.exits},
        )
        if framed:
            made.frames.append(Frame(block.name, title, 0, 0, made.width, made.height))
        sources, leaves = {e.source for e in edges}, {items[m] for m in block.members if isinstance(m, Leaf)}
        at: dict[Item, tuple[float, float]] = {}
        for member in block.members:
            item, height = items[member], heights[member]
            top = (tops[item.rank] + bottoms[item.rank] - height) / 2
            at[item] = (top, top + height)
            if isinstance(member, Block):
                _join(made, parts[member], item.x - parts[member].width / 2, top)
            else:
                box = self.boxes[member.name]
                made.boxes.append(replace(box, x=item.x - box.width / 2, y=top))
                if item in sources and box.kind != "input":
                    made.labels.append(Label(self.shapes[member.name], item.x + 6, top + height + 13))
        for edge in edges:
            way = [edge.source, *found.bends[edge], edge.target]
            points = _points(way, edge.value, tops, bottoms, at)
            made.lines.append(Line(edge.value, points, arrow=edge.target in leaves))
        return made

    def _of_leaf(self, leaf: Leaf) -> Item:
        """Return a box as an item: the shape beside its line takes room too."""
        half = self.boxes[leaf.name].width / 2
        shape = self.shapes.get(leaf.name, "")
        return Item(left=half, right=max(half, 8 + 0.9 * text_width(shape)))

    def _rows(
        self, ranks: list[list[Item]], heights: Mapping[Item, float], framed: bool
    ) -> tuple[list[float], list[float]]:
        """Return the top and the bottom of each rank."""
        tops: list[float] = []
        bottoms: list[float] = []
        y = 0.0
        for number, rank in enumerate(ranks):
            height = max((heights.get(item, 0.0) for item in rank), default=0.0)
            entries = any(item.role == "entry" for item in rank)
            exits = any(item.role == "exit" for item in rank)
            if number:
                y += _TITLE if framed and number == 1 and tops[0] == bottoms[0] else _FOOT if exits else _RANKS
            elif framed and not entries:
                y += _TITLE
            tops.append(y)
            y += height
            bottoms.append(y)
        if framed and ranks and not any(item.role == "exit" for item in ranks[-1]):
            bottoms[-1] += _FOOT
        return tops, bottoms


def _of_part(part: _Part) -> Item:
    half = part.width / 2
    return Item(
        left=half,
        right=half,
        ins={name: x - half for name, x in part.ins.items()},
        outs={name: x - half for name, x in part.outs.items()},
    )


def _points(
    way: list[Item], value: str, tops: list[float], bottoms: list[float], at: Mapping[Item, tuple[float, float]]
) -> tuple[Point, ...]:
    """Return where a line goes: straight through ranks, aside only between them."""
    points: list[Point] = []
    for item in way:
        top, bottom = tops[item.rank], bottoms[item.rank]
        if item is way[0]:
            x = item.x + item.outs.get(value, 0)
            points += [(x, at[item][1] if item in at else bottom), (x, bottom), (x, bottom + _STRAIGHT)]
        elif item is way[-1]:
            x = item.x + item.ins.get(value, 0)
            points += [(x, top), (x, at[item][0] if item in at else top)]
        else:
            points += [(item.x, top), (item.x, bottom + _STRAIGHT)]
    return tuple(point for n, point in enumerate(points) if not n or point != points[n - 1])


def _join(made: _Part, part: _Part, x: float, y: float) -> None:
    """Put what is laid out into what is around it."""
    made.boxes.extend(replace(box, x=box.x + x, y=box.y + y) for box in part.boxes)
    made.frames.extend(replace(frame, x=frame.x + x, y=frame.y + y) for frame in part.frames)
    made.lines.extend(replace(line, points=tuple((a + x, b + y) for a, b in line.points)) for line in part.lines)
    made.labels.extend(replace(label, x=label.x + x, y=label.y + y) for label in part.labels)


def _shared_lines(rows: tuple[Row, ...], boxes: list[Box]) -> list[Line]:
    """Return dashed lines between layers that share weights, where they stand beside each other and nothing between."""
    places = {box.name: box for box in boxes}
    lines = []
    for row in rows:
        _, _, owner = row.layer.partition("share=")
        other = places.get(owner.split(" ")[0].strip('"'))
        if other is None or not owner:
            continue
        left, right = sorted((places[row.name], other), key=lambda box: box.x)
        if abs(left.y - right.y) > 1 or left.x + left.width > right.x:
            continue
        y, start, end = left.y + left.height / 2, left.x + left.width, right.x
        if not any(
            b.y < y < b.y + b.height and start < b.x + b.width and b.x < end
            for b in boxes
            if b.name not in (left.name, right.name)
        ):
            lines.append(Line(row.name, ((start, y), (end, y)), dashed=True))
    return lines
