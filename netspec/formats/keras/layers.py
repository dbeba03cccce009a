"""The layers of a Keras model that have weights: how they are defined, and their variables by path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from netspec.formats.program import Program
from netspec.formats.python.expressions import identifier

__all__ = ["OF_KERAS", "Layers"]

_WORDS = """
absolute add average_pool average_pooling1d average_pooling2d average_pooling3d cast celu clip concatenate elu equal exp
expand_dims flatten flip gelu get_item greater hard_shrink hard_sigmoid hard_tanh leaky_relu less_equal log
log_sigmoid log_softmax logical_and matmul max max_pooling1d max_pooling2d max_pooling3d maximum mean minimum moveaxis
multiply negative not_equal one_hot pad permute power relu relu6 repeat reshape rsqrt selu sigmoid silu
soft_shrink softmax softplus softsign split sqrt square stack subtract sum swapaxes tanh tanh_shrink transpose
true_divide where
"""
OF_KERAS = frozenset(_WORDS.split())
"""How Keras names the operations of a program; a number stands behind further ones of a kind."""


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
        # All names of a model differ, those of its inputs and operations too.
        self._names = {"x", *(identifier(given.name) for given in program.inputs)}
        self._nodes = {identifier(operation.node) for operation in program.graph.operations}

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
        base = f"{base}_layer" if re.sub(r"_\d+$", "", base) in OF_KERAS else base
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
            variable = f"{found}_layer"
            while variable in self._nodes:
                variable += "_"
            self.shared[variable] = text
            text = self._made[paths] = variable
        return text

    def weighted(self, name: str, function: str, paths: Mapping[str, str]) -> str:
        """Return the expression of a layer that hands its weights to a function."""
        shapes = ", ".join(f'"{inner}": {self.arrays[path].shape}' for inner, path in paths.items())
        variables = {inner: self.arrays[path] for inner, path in paths.items()}
        return self.layer(name, "Weighted", [function, f"{{{shapes}}}"], variables, tuple(paths.values()))
