"""An ONNX graph in the making: nodes, constants and their names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import onnx
from numpy.typing import ArrayLike, NDArray
from onnx import helper, numpy_helper

from netspec.graph.graph import Operation
from netspec.ops import Shape

__all__ = ["At", "Emitter", "Writer"]


@dataclass
class Writer:
    """Nodes and constants; what is written carries the name of the layer that it belongs to."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, NDArray[Any]] = field(default_factory=dict)
    prefix: str = ""
    names: Counter[str] = field(default_factory=Counter)

    def add(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add a node of one output, and return the name of that; an empty name is an input that is left out."""
        (made,) = self.add_several(kind, inputs, (output or self.fresh(kind),), **attributes)
        return made

    def add_several(self, kind: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> list[str]:
        """Add a node of several outputs."""
        given = list(inputs)
        while given and not given[-1]:
            given.pop()
        self.nodes.append(helper.make_node(kind, given, list(outputs), name=self.fresh(kind, "node "), **attributes))
        return list(outputs)

    def constant(self, values: ArrayLike, name: str = "constant", dtype: Any = np.float32) -> str:
        """Return the name of a constant; one of the same name and values is used again."""
        array = np.asarray(values, dtype, order="C")
        path = name if "/" in name else f"{self.prefix}/{name}"
        while path in self.constants:
            if self.constants[path].dtype == array.dtype and np.array_equal(self.constants[path], array):
                return path
            path = self.fresh(name)
        self.constants[path] = array
        return path

    def integers(self, *values: int) -> str:
        """Return the name of a constant list of whole numbers."""
        return self.constant(values, "sizes", np.int64)

    def fresh(self, kind: str, of: str = "") -> str:
        """Return a name that nothing has yet."""
        base = f"{self.prefix}/{re.sub('.*/', '', kind)}"
        self.names[of + base] += 1
        return base if self.names[of + base] == 1 else f"{base}_{self.names[of + base]}"

    def initializers(self) -> list[onnx.TensorProto]:
        """Return the constants that some node reads."""
        read = {name for node in self.nodes for name in node.input}
        found = list(read)
        for node in self.nodes:
            for attribute in node.attribute:
                found += [name for inner in attribute.g.node for name in inner.input]
        return [numpy_helper.from_array(a, name) for name, a in self.constants.items() if name in set(found)]

    # --- what several operations are written with -------------------------------------------------------------------

    def reshape(self, x: str, *sizes: int) -> str:
        """Reshape all but the axis of the batch."""
        return self.add("Reshape", x, self.integers(0, *sizes))

    def transpose(self, x: str, *axes: int) -> str:
        """Put axes into another order."""
        return self.add("Transpose", x, perm=axes)

    def part(self, x: str, axis: int, start: int, stop: int) -> str:
        """Return what lies from one place of an axis to another."""
        return self.add("Slice", x, self.integers(start), self.integers(stop), self.integers(axis))

    def halves(self, x: str, size: int) -> tuple[str, str]:
        """Return both halves of the channels."""
        return self.part(x, 1, 0, size // 2), self.part(x, 1, size // 2, size)

    def reduced(self, kind: str, x: str, *axes: int, keep: bool = True) -> str:
        """Reduce axes; opset 17 has them as an input of sums, and as an attribute of all else."""
        if kind == "ReduceSum":
            return self.add(kind, x, self.integers(*axes), keepdims=int(keep))
        return self.add(kind, x, axes=axes, keepdims=int(keep))

    def batch_of(self, x: str, values: ArrayLike, name: str) -> str:
        """Return a constant of one example, as often as there are examples in `x`."""
        array = np.asarray(values, np.float32)[None]
        count = self.add("Shape", x, start=0, end=1)
        sizes = self.add("Concat", count, self.integers(*array.shape[1:]), axis=0)
        return self.add("Expand", self.constant(array, name), sizes)

    def standardized(self, x: str, axes: Sequence[int], epsilon: float) -> str:
        """Return (x − mean) / √(variance + ε) over some axes."""
        centered = self.add("Sub", x, self.reduced("ReduceMean", x, *axes))
        variance = self.reduced("ReduceMean", self.add("Mul", centered, centered), *axes)
        return self.add("Div", centered, self.add("Sqrt", self.add("Add", variance, self.constant(epsilon, "epsilon"))))


@dataclass(frozen=True, eq=False, slots=True)
class At:
    """One operation in its place.

    Attributes:
        op: what is computed.
        shapes: of one example of each value that it reads.
        shape: of one example of what it makes.
        arrays: of its parameters.
        paths: their names.
        bias: what is added to each channel afterwards, where the node can do that too.
    """

    op: Any
    shapes: Sequence[Shape]
    shape: Shape
    arrays: Sequence[NDArray[Any]]
    paths: Sequence[str]
    bias: tuple[str, NDArray[Any]] | None = None

    @classmethod
    def of(cls, operation: Operation, shapes: Sequence[Shape], arrays: Sequence[NDArray[Any]], bias: Any = None) -> At:
        """Return an operation with the shapes and arrays that it reads."""
        return cls(operation.op, shapes, operation.shape, arrays, operation.parameters, bias)

    def channelwise(self, array: NDArray[Any]) -> NDArray[Any]:
        """Return one number a channel so that it meets a batch; what has one for each value stays."""
        return array.reshape(-1, *[1] * (len(self.shapes[0]) - 1)) if array.ndim == 1 else array


Emitter: TypeAlias = Callable[[Writer, At, Sequence[str]], str]
"""Adds the nodes of an operation to what it reads, and returns the name of the result."""
