"""The layers of a Keras model that have weights: how they are defined, and their variables by path."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.formats.program import Program
from netspec.formats.python.statements import identifier

__all__ = ["Layers"]


class Layers:
    """What a model is built of.

    Attributes:
        shared: the definitions of layers that are used several times, by the names of their variables in Python.
        state: the arrays by the paths of Keras' variables.
    """

    def __init__(self, program: Program) -> None:
        self.arrays = program.arrays
        self.shared: dict[str, str] = {}
        self.state: dict[str, NDArray[Any]] = {}
        self._uses = Counter(path for operation in program.graph.operations for path in operation.parameters)
        self._made: dict[tuple[str, ...], str] = {}
        self._names: set[str] = set()

    def layer(
        self,
        name: str,
        kind: str,
        arguments: list[str],
        variables: Mapping[str, NDArray[Any]],
        paths: tuple[str, ...],
    ) -> str:
        """Return the expression of a layer, which is called next.

        Args:
            name: that it gets, if it is free.
            kind: its class.
            arguments: of its constructor, without the name.
            variables: its arrays, as Keras lays them out, by their paths below the name of the layer.
            paths: the arrays of the network that they are made of.
        """
        if paths in self._made:
            return self._made[paths]
        base = identifier(name)
        found, count = base, 1
        while found in self._names:
            count += 1
            found = f"{base}_{count}"
        self._names.add(found)
        for inner, array in variables.items():
            self.state[f"{found}/{inner}"] = np.asarray(array, order="C")
        text = f"{kind}({', '.join([*arguments, f'name={found!r}'.replace(chr(39), chr(34))])})"
        if any(self._uses[path] > 1 for path in paths):
            # The same layer, called again, has the same weights.
            self.shared[found] = text
            text = self._made[paths] = found
        return text

    def weighted(self, name: str, function: str, paths: Mapping[str, str]) -> str:
        """Return the expression of a layer that hands its weights to a function."""
        shapes = ", ".join(f'"{inner}": {self.arrays[path].shape}' for inner, path in paths.items())
        variables = {inner: self.arrays[path] for inner, path in paths.items()}
        return self.layer(name, "Weighted", [function, f"{{{shapes}}}"], variables, tuple(paths.values()))
