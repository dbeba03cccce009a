"""Several nodes that exporters write for one function, found and made one node again: gelu, mish, normalization."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np

from netspec.formats.onnx.read.constants import number_of
from netspec.formats.onnx.read.model import Node
from netspec.formats.reading import Array

__all__ = ["simplified"]

_Pattern: TypeAlias = Any
"""`X` is the value that all is about, a number a constant, and (operator, operands …) a node."""

X = "X"
_COMMUTE = {"Add", "Mul"}


_HALF, _ROOT = 0.5, 2**0.5
_CUBE = [("Pow", X, 3.0), ("Mul", ("Mul", X, X), X), ("Mul", X, ("Mul", X, X))]
_ERF = [("Erf", ("Div", X, _ROOT)), ("Erf", ("Mul", X, 1 / _ROOT))]
_TANH = [("Tanh", ("Mul", ("Add", X, ("Mul", cube, 0.044715)), (2 / np.pi) ** 0.5)) for cube in _CUBE] + [
    # Keras: x·√(2/π)·(1 + 0.044715·x²)
    ("Tanh", ("Mul", ("Mul", X, (2 / np.pi) ** 0.5), ("Add", ("Mul", ("Mul", X, X), 0.044715), 1.0)))
]
_SIX = [("Clip", ("Add", X, 3.0), 0.0, 6.0)]


def _halved(share: _Pattern) -> list[_Pattern]:
    """Return the ways to write x·(1 + share)/2."""
    whole = ("Add", share, 1.0)
    return [
        ("Mul", ("Mul", X, _HALF), whole),
        ("Mul", ("Mul", X, whole), _HALF),
        ("Mul", X, ("Mul", whole, _HALF)),
    ]


_FUNCTIONS: Sequence[tuple[str, Mapping[str, Any], Sequence[_Pattern]]] = (
    ("Gelu", {"approximate": "none"}, [p for share in _ERF for p in _halved(share)]),
    ("Gelu", {"approximate": "tanh"}, [p for share in _TANH for p in _halved(share)]),
    ("Swish", {}, [("Mul", X, ("Sigmoid", X))]),
    ("Mish", {}, [("Mul", X, ("Tanh", ("Softplus", X)))]),
    (
        "HardSwish",
        {},
        [
            p
            for six in _SIX
            for p in (
                ("Div", ("Mul", X, six), 6.0),
                ("Mul", X, ("Div", six, 6.0)),
                ("Mul", ("Mul", X, six), 1 / 6),
                ("Mul", X, ("Mul", six, 1 / 6)),
            )
        ],
    ),
    (
        "HardSigmoid",
        {"alpha": 1 / 6, "beta": 0.5},
        [p for six in _SIX for p in (("Div", six, 6.0), ("Mul", six, 1 / 6))],
    ),
    ("Softsign", {}, [("Div", X, ("Add", ("Abs", X), 1.0))]),
    ("netspec.log_sigmoid", {}, [("Neg", ("Softplus", ("Neg", X))), ("Log", ("Sigmoid", X))]),
    ("netspec.tanhshrink", {}, [("Sub", X, ("Tanh", X))]),
    ("netspec.ramp", {}, [("Mul", X, ("Where", ("Greater", X, 0.0), 1.1, 0.1))]),
    ("netspec.square", {}, [("Mul", X, X)]),
)

_BY_LAST: dict[str, list[tuple[str, Mapping[str, Any], _Pattern]]] = {}
for _kind, _attributes, _patterns in _FUNCTIONS:
    for _pattern in _patterns:
        _BY_LAST.setdefault(_pattern[0], []).append((_kind, _attributes, _pattern))


class _Graph:
    """Nodes by what they make, and constants."""

    def __init__(self, nodes: Sequence[Node], constants: Mapping[str, Array]) -> None:
        self.makers = {node.outputs[0]: node for node in nodes if node.outputs}
        self.constants = dict(constants)
        self.readers: dict[str, list[Node]] = {}
        for node in nodes:
            for name in dict.fromkeys(node.inputs):
                self.readers.setdefault(name, []).append(node)
        for node in nodes:
            if (
                node.kind == "Constant"
                and "value" in node.attributes
                and isinstance(node.attributes["value"], np.ndarray)
            ):
                self.constants[node.outputs[0]] = node.attributes["value"]
            elif node.kind == "Constant" and isinstance(node.attributes.get("value_float"), float):
                self.constants[node.outputs[0]] = np.array(node.attributes["value_float"], np.float32)

    def maker(self, name: str) -> Node | None:
        """Return the node that makes a value, behind those that change nothing."""
        node = self.makers.get(name)
        while node is not None and node.kind == "Identity" and node.inputs:
            node = self.makers.get(node.inputs[0])
        return node

    def number(self, name: str) -> float | None:
        while name not in self.constants and name in self.makers and self.makers[name].kind in {"Identity", "Cast"}:
            name = self.makers[name].inputs[0]
        found = self.constants.get(name)
        return None if found is None or found.size != 1 else number_of(found)

    def matches(self, pattern: _Pattern, name: str, bound: dict[str, str]) -> Iterator[dict[str, str]]:
        """Yield the ways in which a value is a pattern."""
        if isinstance(pattern, str):
            if bound.get(pattern, name) == name:
                yield {**bound, pattern: name}
            return
        if isinstance(pattern, float):
            number = self.number(name)
            if number is not None and abs(number - pattern) <= 2e-4 * max(abs(pattern), 1e-3):
                yield bound
            return
        node = self.maker(name)
        if node is None or node.kind != pattern[0]:
            return
        operands = list(node.inputs)
        if node.kind == "Clip" and len(operands) == 1:
            if (node.attributes.get("min"), node.attributes.get("max")) == pattern[2:]:
                yield from self.matches(pattern[1], operands[0], bound)
            return
        if len(operands) != len(pattern) - 1:
            return
        yield from self._all(pattern[1:], operands, bound)
        if node.kind in _COMMUTE:
            yield from self._all(pattern[1:], operands[::-1], bound)

    def _all(
        self, patterns: Sequence[_Pattern], names: Sequence[str], bound: dict[str, str]
    ) -> Iterator[dict[str, str]]:
        if not patterns:
            yield bound
            return
        for found in self.matches(patterns[0], names[0], bound):
            yield from self._all(patterns[1:], names[1:], found)


def simplified(nodes: Sequence[Node], constants: Mapping[str, Array]) -> list[Node]:
    """Return the nodes with one in place of the last of each pattern; what is no longer needed is left for later."""
    graph = _Graph(nodes, constants)
    made = []
    for node in nodes:
        try:
            made.append(_one(node, graph))
        except (IndexError, TypeError, ValueError, AttributeError):
            # A node without what its operator has, which is said when it is read.
            made.append(node)
    return made


def _one(node: Node, graph: _Graph) -> Node:
    if not node.outputs:
        return node
    for finder in (_standardized, _threshold, _softmin, _share, _hard_swish):
        found = finder(node, graph)
        if found is not None:
            return found
    for kind, attributes, pattern in _BY_LAST.get(node.kind, ()):
        for bound in graph.matches(pattern, node.outputs[0], {}):
            if graph.number(bound[X]) is None and bound[X] not in graph.constants:
                return replace(node, kind=kind, inputs=(bound[X],), attributes=attributes)
    return node


def _standardized(node: Node, graph: _Graph) -> Node | None:
    """Return a normalization in place of (x − mean) / √(variance + ε)."""
    if node.kind not in {"Div", "Mul"} or len(node.inputs) != 2:
        return None
    ways = [node.inputs] if node.kind == "Div" else [node.inputs, node.inputs[::-1]]
    for top, under in ways:
        root = graph.maker(under)
        if node.kind == "Mul":
            root = graph.maker(root.inputs[0]) if root is not None and root.kind == "Reciprocal" else None
        sub = graph.maker(top)
        inner = _under_root(root, graph)
        if sub is None or sub.kind != "Sub" or inner is None:
            continue
        for variance, epsilon in (inner.inputs, inner.inputs[::-1]):
            axes = _normalized(sub, top, graph.maker(variance), graph)
            small = graph.number(epsilon)
            if axes is not None and small is not None and small > 0:
                attributes = {"axes": axes, "epsilon": small, "features": _scales_last(node, graph)}
                return replace(node, kind="netspec.standardize", inputs=(sub.inputs[0],), attributes=attributes)
    return None


def _under_root(root: Node | None, graph: _Graph) -> Node | None:
    """Return the sum of which a node is the root."""
    if root is None or not (root.kind == "Sqrt" or (root.kind == "Pow" and graph.number(root.inputs[1]) == 0.5)):
        return None
    inner = graph.maker(root.inputs[0])
    return inner if inner is not None and inner.kind == "Add" else None


def _normalized(sub: Node, top: str, variance: Node | None, graph: _Graph) -> list[int] | None:
    """Return the axes of x − mean(x), where another node is the mean of its squares along the same."""
    mean = graph.maker(sub.inputs[1])
    if variance is None or variance.kind != "ReduceMean" or mean is None or mean.kind != "ReduceMean":
        return None
    squares = graph.maker(variance.inputs[0])
    if squares is None or mean.inputs[0] != sub.inputs[0]:
        return None
    own = _square_of(squares, graph)
    axes = _axes(mean, graph)
    same = own is not None and _same_difference(own, top, sub.inputs[0], mean, graph)
    return axes if same and axes == _axes(variance, graph) else None


def _scales_last(node: Node, graph: _Graph) -> bool:
    """Return whether a product behind a node has one number for each place of the last axis."""
    for reader in graph.readers.get(node.outputs[0], ()):
        for name in reader.inputs if reader.kind == "Mul" else ():
            found = graph.constants.get(name)
            if found is not None and found.ndim == 1 and found.size > 1:
                return True
    return False


def _square_of(node: Node, graph: _Graph) -> str | None:
    """Return the value of which a node makes the square."""
    if node.kind == "Pow" and graph.number(node.inputs[1]) == 2:
        return node.inputs[0]
    if node.kind == "Mul" and len(node.inputs) == 2 and node.inputs[0] == node.inputs[1]:
        return node.inputs[0]
    return None


def _same_difference(name: str, top: str, x: str, mean: Node, graph: _Graph) -> bool:
    """Return whether a value is the one that is divided, or the same difference written again."""
    if name == top:
        return True
    sub = graph.maker(name)
    if sub is not None and sub.kind == "Cast":
        sub = graph.maker(sub.inputs[0])
    if sub is None or sub.kind != "Sub" or sub.inputs[0] != x:
        return False
    other = graph.maker(sub.inputs[1])
    return (
        other is not None
        and other.kind == "ReduceMean"
        and other.inputs[0] == x
        and other.attributes == mean.attributes
    )


def _axes(node: Node, graph: _Graph) -> list[int] | None:
    """Return the axes that a node reduces and keeps."""
    if not node.attributes.get("keepdims", 1):
        return None
    if "axes" in node.attributes:
        return list(node.attributes["axes"])
    given = graph.constants.get(node.inputs[1]) if len(node.inputs) > 1 else None
    return None if given is None else [int(v) for v in given.reshape(-1)]


def _threshold(node: Node, graph: _Graph) -> Node | None:
    """Return a threshold in place of a choice between a value and a number."""
    if node.kind != "Where" or len(node.inputs) != 3:
        return None
    where, a, b = node.inputs
    compared = graph.maker(where)
    if compared is None or len(compared.inputs) != 2:
        return None
    limit, low, high = graph.number(compared.inputs[1]), graph.number(a), graph.number(b)
    x = compared.inputs[0]
    fits = (compared.kind == "LessOrEqual" and b == x) or (compared.kind == "Greater" and a == x)
    value = low if compared.kind == "LessOrEqual" else high
    if not fits or limit is None or value is None:
        return None
    return replace(node, kind="netspec.threshold", inputs=(x,), attributes={"threshold": limit, "value": value})


def _hard_swish(node: Node, graph: _Graph) -> Node | None:
    if node.kind != "Mul" or len(node.inputs) != 2:
        return None
    for x, share in (node.inputs, node.inputs[::-1]):
        gate = graph.maker(share)
        if gate is not None and gate.kind == "HardSigmoid" and gate.inputs[0] == x:
            alpha, beta = gate.attributes.get("alpha", 0.2), gate.attributes.get("beta", 0.5)
            if isinstance(alpha, float) and abs(alpha - 1 / 6) < 1e-6 and beta == 0.5:
                return replace(node, kind="HardSwish", inputs=(x,), attributes={})
    return None


def _softmin(node: Node, graph: _Graph) -> Node | None:
    if node.kind != "Softmax" or not node.inputs:
        return None
    negative = graph.maker(node.inputs[0])
    if negative is None or negative.kind != "Neg":
        return None
    return replace(node, kind="netspec.softmin", inputs=negative.inputs)


def _share(node: Node, graph: _Graph) -> Node | None:
    """Return x / max(x), x from 0 on, in place of a choice of 0 where that maximum is 0: TensorFlow's `div_no_nan`."""
    if node.kind != "Where" or len(node.inputs) != 3 or graph.number(node.inputs[1]) != 0:
        return None
    equal, over = graph.maker(node.inputs[0]), graph.maker(node.inputs[2])
    if equal is None or over is None or equal.kind != "Equal" or over.kind != "Div" or len(over.inputs) != 2:
        return None
    x, most = over.inputs
    if equal.inputs[0] != most or graph.number(equal.inputs[1]) != 0:
        return None
    largest, above = _behind(most, graph), graph.maker(x)
    if largest is None or largest.kind != "ReduceMax" or largest.inputs[0] != x or above is None:
        return None
    least = _behind(above.inputs[1], graph) if above.kind == "Sub" else None
    if least is None or least.kind != "ReduceMin" or least.inputs[0] != above.inputs[0]:
        return None
    return replace(node, kind="netspec.share", inputs=(x, most))


def _behind(name: str, graph: _Graph) -> Node | None:
    """Return the node that makes a value, behind those that give it other axes."""
    node = graph.maker(name)
    while node is not None and node.kind in {"Reshape", "Unsqueeze", "Squeeze"}:
        node = graph.maker(node.inputs[0])
    return node
