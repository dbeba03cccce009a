"""The Graph: what the machine must do, with every shape, parameter and cost, still without JAX."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import prod
from typing import TYPE_CHECKING

from netspec.diagnostics.diagnostic import NetspecError, listing
from netspec.diagnostics.suggest import nearest
from netspec.ir.network import Network, Node
from netspec.ir.text import layer_text, others_text, shared_text
from netspec.layers.base import Mask, Role
from netspec.ops import Activation, Op, Shape
from netspec.recipe.initializers import Initializer
from netspec.recipe.losses import Loss, link
from netspec.system.arguments import described, require_kind

if TYPE_CHECKING:
    from netspec.ops.derived import Formula

__all__ = ["Derived", "Graph", "GraphInput", "GraphOutput", "NodeCost", "Operation", "Parameter"]

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
class GraphInput:
    """What flows in from outside: its name, the shape of one example, and of token numbers how many there are."""

    name: str
    shape: Shape
    tokens: int | None = None
    mask: int | None = None


@dataclass(frozen=True, slots=True)
class GraphOutput:
    """What is given.

    Attributes:
        name: what it goes by.
        index: the value that is given.
        logits: the value that its loss reads.
        loss: what is made small of it.
        weight: by how much that counts in the sum.
        target: the name of what it is compared with.
        mask: which of its positions are padding, which is compared with nothing; None where all count.
    """

    name: str
    index: int
    logits: int
    loss: Loss
    weight: float
    target: str
    mask: Mask | None = None


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
    """Operations in an order in which they can run. The first values, from 0 on, are the inputs in their order.

    A value keeps its number through all passes: where a number is gone, no operation makes that value any more, and
    new values have new numbers.
    """

    name: str
    inputs: tuple[GraphInput, ...]
    operations: tuple[Operation, ...]
    parameters: Mapping[str, Parameter]
    outputs: tuple[GraphOutput, ...]
    nodes: Mapping[str, int] = field(default_factory=dict)
    """The value each node hands on, of those nodes whose value is made."""
    derived: Mapping[str, Derived] = field(default_factory=dict)
    """Arrays made of parameters, by path, in an order in which they can be computed."""

    def __repr__(self) -> str:
        # Drawn on the same floor, by what knows graphs.
        from netspec.describe.summary import graph_summary  # noqa: PLC0415

        return graph_summary(self)

    def _repr_html_(self) -> str:
        from netspec.notebook.show import graph_html  # noqa: PLC0415

        return graph_html(self)

    @property
    def input(self) -> Shape:
        """The shape of the one input; raises NetspecError where there are several."""
        return self._one_input().shape

    @property
    def tokens(self) -> int | None:
        """How many tokens the one input may be; raises NetspecError where there are several inputs."""
        return self._one_input().tokens

    @property
    def output(self) -> int:
        """The value of the one output; raises NetspecError where there are several."""
        return self._one_output().index

    @property
    def logits(self) -> int:
        """What the loss of the one output reads; raises NetspecError where there are several."""
        return self._one_output().logits

    @property
    def loss(self) -> Loss:
        """The loss of the one output; raises NetspecError where there are several."""
        return self._one_output().loss

    def _one_input(self) -> GraphInput:
        if len(self.inputs) != 1:
            names = listing([i.name for i in self.inputs], "and")
            raise NetspecError(f"the graph has several inputs: {names}", "each is in graph.inputs")
        return self.inputs[0]

    def _one_output(self) -> GraphOutput:
        if len(self.outputs) != 1:
            names = listing([o.name for o in self.outputs], "and")
            raise NetspecError(f"the graph has several outputs: {names}", "each is in graph.outputs")
        return self.outputs[0]

    def only(self, output: GraphOutput) -> Graph:
        """Return the graph as one that gives this output alone: what is asked of one output can be asked of it."""
        return self if len(self.outputs) == 1 else replace(self, outputs=(output,))

    @cached_property
    def wanted(self) -> frozenset[int]:
        """The values that somebody outside reads: the outputs, and what the losses read."""
        return frozenset(value for o in self.outputs for value in (o.index, o.logits))

    @cached_property
    def input_values(self) -> int:
        """How many numbers all inputs of one example have."""
        return sum(prod(i.shape) for i in self.inputs)

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
        """The operation that makes each value but the inputs."""
        return {operation.output: operation for operation in self.operations}

    def shape(self, value: int) -> Shape:
        """Return the shape per example of a value; raises NetspecError where none has that number."""
        try:
            return self.inputs[value].shape if 0 <= value < len(self.inputs) else self.made[value].shape
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
        return _FLOAT * (self.input_values + sum(prod(o.shape) for o in self.operations))

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
        # Shared weights are counted where they were declared.
        paths = [path for o in operations for path in o.parameters]
        owned = {path: self.parameters[path] for path in paths if path.rpartition("/")[0] == node.name}
        return NodeCost(
            name=node.name,
            text=" ".join([layer_text(node.layer), *shared_text(node), *others_text(node.layer, node.inputs[1:])]),
            shape=self.shape(self.nodes.get(node.name, -1)),
            parameters=sum(p.size for p in owned.values() if p.trainable),
            flops=sum(o.flops for o in operations),
            bytes=_FLOAT * sum(prod(o.shape) for o in operations),
        )
