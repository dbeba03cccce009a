"""The Graph: what the machine must do, with every shape, parameter and cost, still without JAX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from netspec.diagnostics.diagnostic import NetspecError
from netspec.diagnostics.suggest import nearest
from netspec.ir.network import Network, Node
from netspec.ir.text import layer_text
from netspec.layers.base import Role
from netspec.ops import Activation, Op, Shape
from netspec.recipe.initializers import Initializer
from netspec.recipe.losses import Loss, link
from netspec.system.arguments import described, require_kind

if TYPE_CHECKING:
    from netspec.ops.derived import Formula

__all__ = ["Derived", "Graph", "NodeCost", "Operation", "Parameter"]

_FLOAT = 4


@dataclass(frozen=True, slots=True)
class Parameter:
    """One array the network owns: trained (kernel, bias, scale) or kept as state (running averages).

    `fans` are the inputs and outputs that one value is connected to, which initializers ask for.
    """

    path: str
    shape: Shape
    role: Role
    fans: tuple[int, int]
    init: Initializer

    @property
    def trainable(self) -> bool:
        """Whether gradients move it."""
        return self.role != "state"

    @property
    def size(self) -> int:
        """How many numbers it has."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class Derived:
    """An array that is not kept but computed by a formula from others: parameters or derived ones, by their paths."""

    path: str
    shape: Shape
    formula: Formula
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation in its place: which values it reads, which one it makes, and the node it belongs to."""

    op: Op
    inputs: tuple[int, ...]
    parameters: tuple[str, ...]
    output: int
    shape: Shape
    node: str
    flops: int

    @property
    def size(self) -> int:
        """How many numbers it makes of one example."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class NodeCost:
    """One row of `netspec show`: a node's output shape per example, parameters, FLOPs and bytes of activations."""

    name: str
    text: str
    shape: Shape
    parameters: int
    flops: int
    bytes: int


@dataclass(frozen=True)  # no slots: it keeps what it computed once
class Graph:
    """Operations in an order in which they can run. Value 0 is the input; `logits` is what the loss reads.

    A value keeps its number through all passes: where a number is gone, no operation makes that value any more, and
    new values have new numbers.
    """

    name: str
    input: Shape
    tokens: int | None
    operations: tuple[Operation, ...]
    parameters: Mapping[str, Parameter]
    output: int
    logits: int
    loss: Loss
    nodes: Mapping[str, int] = field(default_factory=dict)
    """The value each node hands on, of those nodes whose value is made."""
    derived: Mapping[str, Derived] = field(default_factory=dict)
    """Arrays made of parameters, by path, in an order in which they can be computed."""

    def __repr__(self) -> str:
        # Drawn on the same floor, by what knows graphs.
        from netspec.describe.summary import graph_summary  # noqa: PLC0415

        return graph_summary(self)

    @property
    def ends_in(self) -> str | None:
        """The last activation: that of the last operation, where it is one."""
        last = self.made.get(self.output)
        return last.op.function if last and isinstance(last.op, Activation) else None

    @property
    def absorbed(self) -> str | None:
        """The last activation where the loss absorbs it, so that the logits are what goes into it."""
        return self.ends_in if self.ends_in in self.loss.absorbs else None

    @property
    def link(self) -> str | None:
        """What makes probabilities of the logits; None where nothing has to, or they are none."""
        return link(self.loss, self.shape(self.logits)[0], self.ends_in)

    @cached_property
    def made(self) -> Mapping[int, Operation]:
        """The operation that makes each value but the input."""
        return {operation.output: operation for operation in self.operations}

    def shape(self, value: int) -> Shape:
        """Return the shape per example of a value; raises NetspecError where none has that number."""
        try:
            return self.input if value == 0 else self.made[value].shape
        except (KeyError, TypeError):
            fix = "those of the nodes are in graph.nodes: graph.shape(graph.nodes['fc_1'])"
            raise NetspecError(f"the graph has no value {described(value)}", fix) from None

    def array_shape(self, path: str) -> Shape:
        """Return the shape of a parameter or derived array; raises NetspecError where none has that path."""
        try:
            return (self.derived.get(path) or self.parameters[path]).shape
        except (KeyError, TypeError):
            near = nearest(path, self.parameters) if isinstance(path, str) else None
            fix = f"did you mean {near}?" if near else "they are in graph.parameters"
            raise NetspecError(f"the graph has no array {described(path)}", fix) from None

    @property
    def parameter_count(self) -> int:
        """Trained numbers, without state."""
        return sum(p.size for p in self.parameters.values() if p.trainable)

    @property
    def flops(self) -> int:
        """Floating-point operations of one example's forward pass."""
        return sum(o.flops for o in self.operations)

    @property
    def activation_bytes(self) -> int:
        """Bytes of all values of one example in float32: what training keeps for the backward pass."""
        return _FLOAT * (prod(self.input) + sum(prod(o.shape) for o in self.operations))

    def costs(self, network: Network) -> tuple[NodeCost, ...]:
        """Return a row for each node of the network this graph was traced from; raises NetspecError for another."""
        require_kind(network, Network, "network", "a Network", "graph = network.graph(); graph.costs(network)")
        if not {node.name for node in network.nodes} >= {operation.node for operation in self.operations}:
            raise NetspecError("this graph was not traced from that network", "network.graph().costs(network)")
        owned: dict[str, list[Operation]] = {node.name: [] for node in network.nodes}
        for operation in self.operations:
            owned[operation.node].append(operation)
        return tuple(self._cost(node, owned[node.name]) for node in network.nodes)

    def _cost(self, node: Node, operations: list[Operation]) -> NodeCost:
        owned = {path: self.parameters[path] for o in operations for path in o.parameters}
        return NodeCost(
            name=node.name,
            text=" ".join([layer_text(node.layer), *node.inputs[1:]]),
            shape=self.shape(self.nodes.get(node.name, -1)),
            parameters=sum(p.size for p in owned.values() if p.trainable),
            flops=sum(o.flops for o in operations),
            bytes=_FLOAT * sum(prod(o.shape) for o in operations),
        )
