"""What a writer starts from: operations at inference, the arrays they read, and what is known of inputs and outputs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from netspec.formats.arrays import derived_arrays
from netspec.graph.graph import Graph, GraphOutput, Operation
from netspec.ir.network import Network
from netspec.ops import Activation, Shape
from netspec.passes import Mode, optimize
from netspec.passes.fuse_loss import fuse_loss
from netspec.passes.remove_dead_code import remove_dead_code
from netspec.passes.remove_noise import remove_noise

__all__ = ["Arrays", "Input", "Output", "Program", "Trained", "program_of", "scaling"]

Arrays: TypeAlias = Mapping[str, NDArray[Any]]
"""Arrays by path, such as `conv_1/kernel`."""


@dataclass(frozen=True, eq=False, slots=True)
class Trained:
    """A trained network.

    Attributes:
        network: as declared.
        graph: its operations, as declared.
        arrays: parameters and state by path.
        labels: class names by the names of the outputs that have some.
        bytes: the names of the inputs whose examples are bytes.
        facts: texts by name, which travel in formats that have room for them: the spec, its hash, versions.
    """

    network: Network
    graph: Graph
    arrays: Arrays
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    bytes: frozenset[str] = frozenset()
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False, slots=True)
class Input:
    """What flows in: bytes b that become factor·b + offset, floats that are taken as they are, or token numbers.

    Where each channel has its own, factor and offset are (C, 1, 1).
    """

    name: str
    shape: Shape
    kind: Literal["bytes", "floats", "tokens"]
    factor: NDArray[np.float32] = field(default_factory=lambda: np.ones((), np.float32))
    offset: NDArray[np.float32] = field(default_factory=lambda: np.zeros((), np.float32))
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Output:
    """What is given: its name, the value of the graph that it is, its shape, and the names of its classes."""

    name: str
    value: int
    shape: Shape
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False, slots=True)
class Program:
    """A network as it is exported.

    Attributes:
        name: of the network.
        graph: its operations at inference, without what is computed in training only.
        inputs: in the order of the graph's.
        outputs: in the order of the graph's.
        arrays: those that operations read, by path.
        trained: what it was made from.
        folded: whether normalizations were folded into the kernels near them.
    """

    name: str
    graph: Graph
    inputs: tuple[Input, ...]
    outputs: tuple[Output, ...]
    arrays: Arrays
    trained: Trained
    folded: bool

    def readers(self) -> dict[int, list[Operation]]:
        """Return the operations that read each value."""
        found: dict[int, list[Operation]] = {}
        for operation in self.graph.operations:
            for value in dict.fromkeys(operation.inputs):
                found.setdefault(value, []).append(operation)
        return found

    def only_reader(self, value: int) -> Operation | None:
        """Return the one operation that reads a value; None where there are more, or somebody outside reads it."""
        found = self.readers().get(value, [])
        return found[0] if len(found) == 1 and all(o.value != value for o in self.outputs) else None


def program_of(trained: Trained, *, raw: bool = False, folded: bool = False) -> Program:
    """Return what is exported of a network.

    Args:
        trained: the network.
        raw: floats in and logits out; else what its examples are made of in, and probabilities out where there are any.
        folded: whether normalizations become part of the kernels near them.
    """
    graph = fuse_loss(trained.graph)
    graph = _only(graph, [_logits(graph, o) if raw else _probabilities(graph, o) for o in graph.outputs])
    graph = optimize(graph, Mode.INFERENCE) if folded else remove_dead_code(remove_noise(graph))
    read = {path for operation in graph.operations for path in operation.parameters}
    arrays = {**trained.arrays, **derived_arrays(graph, trained.arrays)}
    return Program(
        name=trained.network.name,
        graph=graph,
        inputs=tuple(_inputs(trained, raw=raw)),
        outputs=tuple(_outputs(trained, graph, raw=raw)),
        arrays={path: arrays[path] for path in sorted(read)},
        trained=trained,
        folded=folded,
    )


def _logits(graph: Graph, output: GraphOutput) -> tuple[GraphOutput, Operation | None]:
    del graph
    return replace(output, index=output.logits), None


def _probabilities(graph: Graph, output: GraphOutput) -> tuple[GraphOutput, Operation | None]:
    """Return an output as probabilities, and the operation that makes them where the network itself ends before it."""
    alone = graph.only(output)
    if alone.link is None or alone.ends_in == alone.link:
        return replace(output, logits=output.index), None
    shape = graph.shape(output.index)
    made = graph.made.get(output.index)
    value = 1 + max(i for o in graph.operations for i in (*o.inputs, o.output)) + graph.outputs.index(output)
    node = made.node if made else output.name
    link = Operation(Activation(alone.link), (output.index,), (), value, shape, node, 0)
    return replace(output, index=value, logits=value), link


def _only(graph: Graph, wanted: list[tuple[GraphOutput, Operation | None]]) -> Graph:
    """Return the graph with other outputs, and without the operations that none of them needs."""
    added = tuple(operation for _, operation in wanted if operation)
    outputs = tuple(replace(output, logits=output.index) for output, _ in wanted)
    needed = {output.index for output in outputs}
    kept: list[Operation] = []
    for operation in reversed((*graph.operations, *added)):
        if operation.output in needed:
            kept.append(operation)
            needed.update(operation.inputs)
    return replace(graph, operations=tuple(reversed(kept)), outputs=outputs)


def scaling(network: Network) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return what bytes are multiplied by, and what is added then: numbers, or (C, 1, 1) of each channel."""
    factors, offsets = network.data.scalings() if network.data else ((1 / 255,), (0.0,))
    axes = (-1, 1, 1) if len(factors) > 1 else ()
    return np.array(factors, np.float32).reshape(axes), np.array(offsets, np.float32).reshape(axes)


def _inputs(trained: Trained, *, raw: bool) -> Iterator[Input]:
    for given in trained.graph.inputs:
        if given.tokens:
            yield Input(given.name, given.shape, "tokens", tokens=given.tokens)
        elif raw or given.name not in trained.bytes:
            yield Input(given.name, given.shape, "floats")
        else:
            yield Input(given.name, given.shape, "bytes", *scaling(trained.network))


def _outputs(trained: Trained, graph: Graph, *, raw: bool) -> Iterator[Output]:
    for output, declared in zip(graph.outputs, trained.graph.outputs, strict=True):
        alone = trained.graph.only(declared)
        probable = alone.link is not None or alone.ends_in in {"softmax", "sigmoid"}
        name = output.name
        if len(graph.outputs) == 1:
            name = "output" if not probable else "logits" if raw else "probabilities"
        taken = {given.name for given in graph.inputs}
        yield Output(
            f"{name}_out" if name in taken else name,
            output.index,
            graph.shape(output.index),
            trained.labels.get(output.name, ()),
        )
