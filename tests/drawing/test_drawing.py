"""The drawn network: everything is there, joined as the network is, and nothing lies on anything else."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations

import pytest

import netspec as ns
from netspec.describe.outline import Row, outline
from netspec.drawing import Box, Drawing, Line, draw, svg
from netspec.drawing.layering import Edge, Item, layered
from netspec.drawing.scene import text_width
from netspec.drawing.tree import Block, tree
from netspec.system.resources import ready_made

SPECS = list(ready_made().values())
SVG = "{http://www.w3.org/2000/svg}"


def drawn(name: str, depth: int | None = None) -> Drawing:
    net = ns.load(next(path for path in SPECS if path.stem == name))
    return draw(net, net.graph(), depth)


def apart(a: tuple[float, float, float, float], b: tuple[float, float, float, float]) -> bool:
    """Return whether two rectangles (x, y, width, height) have nothing in common."""
    return a[0] + a[2] <= b[0] or b[0] + b[2] <= a[0] or a[1] + a[3] <= b[1] or b[1] + b[3] <= a[1]


def places(drawing: Drawing) -> Iterator[tuple[str, tuple[float, float, float, float]]]:
    """Yield the boxes and the labels."""
    for box in drawing.boxes:
        yield box.name, (box.x, box.y, box.width, box.height)
    for label in drawing.labels:
        yield label.text, (label.x, label.y - 9, 0.9 * text_width(label.text), 10)


@pytest.mark.parametrize("depth", [None, 0])
@pytest.mark.parametrize("name", [path.stem for path in SPECS])
def test_every_ready_made_network_is_drawn_whole_and_nothing_lies_on_anything_else(
    name: str, depth: int | None
) -> None:
    net = ns.load(next(path for path in SPECS if path.stem == name))
    graph = net.graph()
    rows = outline(net, graph, depth)
    drawing = draw(net, graph, depth)
    boxes = {box.name: box for box in drawing.boxes}
    assert {*boxes} >= {row.name for row in rows} | {i.name for i in graph.inputs}
    assert len(boxes) == len(rows) + len(graph.inputs) + len(graph.outputs)
    for (one, a), (other, b) in combinations(places(drawing), 2):
        assert apart(a, b), f"{one} and {other}"
    for rectangle in (place for _, place in places(drawing)):
        assert rectangle[0] >= 0
        assert rectangle[0] + rectangle[2] <= drawing.width
        assert rectangle[1] >= 0
        assert rectangle[1] + rectangle[3] <= drawing.height
    for row in rows:
        for source in row.inputs:
            assert joined(boxes[source], boxes[row.name], drawing.lines), f"{source} to {row.name}"
    for frame in drawing.frames:
        inner = [box for box in drawing.boxes if box.name.startswith(f"{frame.name}/")]
        around = (frame.x, frame.y, frame.width, frame.height)
        for box in drawing.boxes:
            inside = not apart(around, (box.x, box.y, box.width, box.height))
            assert inside <= (box in inner), f"{box.name} in {frame.name}"


def joined(source: Box, target: Box, lines: tuple[Line, ...]) -> bool:
    """Return whether the lines of the source's value lead from its box to that of the target."""
    ends = {(line.points[0], line.points[-1]) for line in lines if line.source == source.name and not line.dashed}
    reached = {(source.x + source.width / 2, source.y + source.height)}
    for _ in range(20):
        more = {end for start, end in ends if any(near(start, point) for point in reached)}
        if more <= reached:
            break
        reached |= more
    return any(near(point, (target.x + target.width / 2, target.y)) for point in reached)


def near(a: tuple[float, float], b: tuple[float, float]) -> bool:
    return abs(a[0] - b[0]) < 0.01 and abs(a[1] - b[1]) < 0.01


@pytest.mark.parametrize(
    "name", ["lenet", "resnet20", "inception", "unet", "siamese", "gpt2", "encoder_decoder", "wavenet", "multitask"]
)
def test_lines_of_different_values_do_not_cross(name: str) -> None:
    drawing = drawn(name)
    steps = [
        (line.source, a, b)
        for line in drawing.lines
        if not line.dashed
        for a, b in zip(line.points, line.points[1:], strict=False)
    ]
    for (one, a, b), (other, c, d) in combinations(steps, 2):
        if one == other or a[1] >= d[1] or c[1] >= b[1]:
            continue
        top, bottom = max(a[1], c[1]), min(b[1], d[1])
        if bottom > top:
            gaps = [at(a, b, y) - at(c, d, y) for y in (top, bottom)]
            assert gaps[0] * gaps[1] >= -1e-6, f"{one} and {other}"


def at(a: tuple[float, float], b: tuple[float, float], y: float) -> float:
    return a[0] + (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) if b[1] > a[1] else b[0]


def test_a_chain_and_its_skips_are_straight() -> None:
    drawing = drawn("gpt2")
    # All that lies in the chain is in one column.
    assert len({round(box.x + box.width / 2, 1) for box in drawing.boxes}) == 1


def test_twins_stand_beside_each_other_and_dashes_join_what_they_share() -> None:
    drawing = drawn("siamese")
    boxes = {box.name: box for box in drawing.boxes}
    dashed = [line for line in drawing.lines if line.dashed]
    assert {line.source for line in dashed} == {
        f"tower_1/{n}" for n in ("conv_1", "conv_2", "conv_3", "conv_4", "fc_1")
    }
    assert all(boxes[line.source].y == boxes[line.source.replace("tower_1", "a")].y for line in dashed)
    assert boxes["tower_1/conv_1"].lines == ("conv 64 10 relu", "conv_1 = a/conv_1")


def test_the_file_has_the_text_of_all_boxes_and_shapes() -> None:
    drawing = drawn("lenet")
    root = ET.fromstring(svg(drawing))
    texts = [element.text for element in root.iter(f"{SVG}text")]
    assert [*drawing.boxes[1].lines] == ["conv 20 5 relu", "conv_1 · 520"]
    assert {text for box in drawing.boxes for text in box.lines} <= {*texts}
    assert texts.count("20x24x24") == 1
    assert texts.count("10") == 1
    assert root.find(f"{SVG}desc").text == "7 layers, 33,720 parameters"  # type: ignore[union-attr]
    alone = ns.parse("input 3; fc 1")
    assert draw(alone, alone.graph()).description == "1 layer, 4 parameters"
    # Nothing is loaded, and nothing runs.
    assert not {element.tag for element in root.iter()} & {f"{SVG}script", f"{SVG}image", f"{SVG}use"}
    assert "url(" not in svg(drawing).replace("url(#netspec-arrow)", "")


def test_folded_blocks_are_boxes_that_say_how_much_is_in_them() -> None:
    drawing = drawn("resnet20", 0)
    (plain,) = [box for box in drawing.boxes if box.name == "plain_1"]
    assert not drawing.frames
    assert plain.kind == "block"
    assert plain.lines == ("6 layers", "plain_1 · 4.67 k")


def test_names_are_text_and_not_markup() -> None:
    drawing = drawn("lenet")
    root = ET.fromstring(svg(replace(drawing, title="<&>", description="]]>")))
    assert root.find(f"{SVG}title").text == "<&>"  # type: ignore[union-attr]


def test_the_same_network_is_the_same_drawing() -> None:
    assert svg(drawn("inception")) == svg(drawn("inception"))


def test_orders_that_cross_are_undone() -> None:
    first, second, third, fourth = Item(), Item(), Item(), Item()
    layered([first, second, third, fourth], [Edge(first, fourth, "a"), Edge(second, third, "b")])
    assert first.x < second.x
    assert fourth.x < third.x


def test_a_name_that_comes_again_later_is_a_frame_of_its_own() -> None:
    def row(name: str, source: str) -> Row:
        return Row(name, "relu", (source,), "", "", (4,), 0, 0, 0)

    root = tree(["input"], [row("a/1", "input"), row("b/1", "a/1"), row("a/2", "b/1")], [("out", "a/2")])
    assert [m.name for m in root.members if isinstance(m, Block)] == ["a", "b", "a"]
