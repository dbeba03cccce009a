"""What is read of an ONNX file: nodes, constants, inputs and outputs, in plain values and in an order that computes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from netspec.diagnostics.visible import visible
from netspec.formats.reading import Array, ModelImportError, Place

__all__ = [
    "AGAIN",
    "Declared",
    "LostError",
    "Node",
    "OnnxGraph",
    "RefusedError",
    "Subgraph",
    "in_order",
    "needed",
    "shown",
]

AGAIN = "the file is damaged: export it again"


class RefusedError(Exception):
    """A node that is not understood: what of it, and what could stand for it."""

    def __init__(self, what: str, instead: str = "") -> None:
        super().__init__(what)
        self.what, self.instead = what, instead


class LostError(Exception):
    """A layer did not fit, which is noted already."""


class Subgraph:
    """Stands for a graph within a node, which is not read."""


@dataclass(frozen=True, eq=False, slots=True)
class Node:
    """One node.

    Attributes:
        kind: its operator; with its domain before it where that is not ONNX's own.
        name: as the file has it, else its number.
        inputs: names of values; an empty one is left out.
        outputs: likewise.
        attributes: numbers, words, lists of them, arrays.
        place: for messages.
    """

    kind: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    place: Place

    def whole(self, name: str, default: int) -> int:
        """Return a whole number among the attributes."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int):
            raise RefusedError(f"its {name} is no whole number")
        return value

    def number(self, name: str, default: float) -> float:
        """Return a number, short as it was written before it was rounded to float32."""
        value = self.attributes.get(name, default)
        if not isinstance(value, int | float):
            raise RefusedError(f"its {name} is no number")
        return float(f"{value:.7g}")

    def word(self, name: str, default: str) -> str:
        """Return a text among the attributes."""
        value = self.attributes.get(name, default)
        if not isinstance(value, str):
            raise RefusedError(f"its {name} is no word")
        return value

    def wholes(self, name: str, count: int, default: int) -> tuple[int, ...]:
        """Return so many whole numbers, all of them the default where the attribute is left out."""
        value = self.attributes.get(name, [default] * count)
        if not isinstance(value, list) or not all(isinstance(v, int) for v in value):
            raise RefusedError(f"its {name} are no whole numbers")
        if len(value) != count:
            raise RefusedError(f"its {name} are {len(value)} numbers, and {count} are needed")
        return tuple(value)


@dataclass(frozen=True, slots=True)
class Declared:
    """An input or output: its sizes, of which None is free, and the name of NumPy's type of its elements."""

    sizes: tuple[int | None, ...] | None
    kind: str


@dataclass(frozen=True, slots=True)
class OnnxGraph:
    """A model.

    Attributes:
        file: its name, for messages.
        opset: which version of ONNX's operators.
        nodes: each behind those that it reads.
        constants: arrays by name.
        inputs: in the order of the file.
        outputs: likewise.
        facts: texts about the model by name.
    """

    file: str
    opset: int
    nodes: Sequence[Node]
    constants: Mapping[str, Array]
    inputs: Mapping[str, Declared]
    outputs: Mapping[str, Declared]
    facts: Mapping[str, str]


def in_order(nodes: Sequence[Node], given: set[str], outputs: Sequence[str], file: str) -> list[Node]:
    """Return the nodes so that each stands behind those that it reads.

    Raises:
        ModelImportError: where two things have one name, where something is read that is nowhere, or in a cycle.
    """
    makers = _makers(nodes, given, outputs, file)
    seen = set(given)
    if all(_adds(seen, node) for node in nodes):
        # The order of the file is one: then labels and rows stand as their author had them.
        return list(nodes)
    waits = [len({makers[n] for n in node.inputs if n in makers}) for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for index, node in enumerate(nodes):
        for maker in dict.fromkeys(makers[n] for n in node.inputs if n in makers):
            readers[maker].append(index)
    ready = [index for index in range(len(nodes) - 1, -1, -1) if not waits[index]]
    made: list[Node] = []
    while ready:
        index = ready.pop()
        made.append(nodes[index])
        for reader in reversed(readers[index]):
            waits[reader] -= 1
            if not waits[reader]:
                ready.append(reader)
    if len(made) < len(nodes):
        first = next(node for node, wait in zip(nodes, waits, strict=True) if wait)
        what = f"{shown(first.name)} reads what is made of its own output"
        raise ModelImportError(f"{file}: the graph goes in a circle: {what}", AGAIN)
    return made


def _makers(nodes: Sequence[Node], given: set[str], outputs: Sequence[str], file: str) -> dict[str, int]:
    """Return which node makes each value; all that is read must be made, and once."""
    makers: dict[str, int] = {}
    for index, node in enumerate(nodes):
        for name in filter(None, node.outputs):
            if name in makers or name in given:
                what = f"two things are called {shown(name)}, one of them what {shown(node.name)} makes"
                raise ModelImportError(f"{file}: {what}", AGAIN)
            makers[name] = index
    for node in nodes:
        for name in filter(None, node.inputs):
            if name not in makers and name not in given:
                what = f"{shown(node.name)} reads {shown(name)}, which nothing makes"
                raise ModelImportError(f"{file}: {what}", AGAIN)
    for name in outputs:
        if name not in makers and name not in given:
            raise ModelImportError(f"{file}: the output {shown(name)} is made by nothing", AGAIN)
    return makers


def _adds(seen: set[str], node: Node) -> bool:
    """Return whether all that a node reads was seen, and add what it makes."""
    fits = all(name in seen for name in filter(None, node.inputs))
    seen.update(node.outputs)
    return fits


def needed(nodes: Sequence[Node], outputs: Sequence[str]) -> Iterator[Node]:
    """Yield the nodes that some output needs, in their order."""
    wanted = set(outputs)
    kept = []
    for node in reversed(nodes):
        if wanted & set(filter(None, node.outputs)):
            kept.append(node)
            wanted.update(node.inputs)
    yield from reversed(kept)


def shown(name: str) -> str:
    """Return a name as messages quote it."""
    return repr(visible(name[:100]))
