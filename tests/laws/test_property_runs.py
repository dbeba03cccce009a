"""Networks drawn from the registry whose shapes fit: they survive text and JSON, compile, run forward and backward."""

from __future__ import annotations

import re
from typing import Any

import jax
import numpy as np
from compiler.test_property_networks import instances
from hypothesis import given, settings
from hypothesis import strategies as st

import netspec as ns
from netspec.diagnostics.diagnostic import SpecError
from netspec.graph.graph import Graph
from netspec.graph.trace import trace
from netspec.ir.network import Input, Network, Node
from netspec.ir.recipe import Recipe
from netspec.ir.text import resolved_text
from netspec.layers import LAYERS
from netspec.recipe.losses import MeanSquaredError

MOST_BYTES = 4_000_000
RECIPE = Recipe(loss=MeanSquaredError())
FAR = {"exp", "log", "sqrt", "square", "divide", "times", "clamp"}
"""Layers that make of some numbers infinite ones, or none, or have no slope there."""


def goes_far(net: Network) -> bool:
    """Return whether a network need not give finite numbers, by a layer or by a word on the line of one."""
    return bool(FAR & set(re.findall(r'"kind":"(\w+)"', net.model_dump_json())))


def traced(**fields: Any) -> Graph | None:
    """Return the graph where all shapes fit and the network stays small."""
    try:
        graph = trace(Network.model_construct(name="t", recipe=RECIPE, budgets=(), data=None, **fields))
    except SpecError:
        return None
    weights = sum(p.size for p in graph.parameters.values())
    return graph if graph.activation_bytes + 4 * weights < MOST_BYTES else None


@st.composite
def fitting(draw: st.DrawFn) -> Network:
    """A network of layers that fit: each drawn one stays where its input suits it. Merging layers read earlier ones."""
    shape = draw(st.sampled_from([(1, 9, 9), (3, 8, 6), (12,), (6, 7), (5,)]))
    tokens = draw(st.sampled_from([None, 7])) if len(shape) == 1 else None
    init = ns.parse("input 4\nfc 3").init
    nodes: list[Node] = []
    for number in range(draw(st.integers(2, 8))):
        layer = draw(st.sampled_from(LAYERS.entries).flatmap(instances))
        names = ["input", *(n.name for n in nodes)]
        others = draw(st.lists(st.sampled_from(names), min_size=1, max_size=2)) if layer.merges else []
        node = Node(name=f"block_{number}/node", layer=layer, inputs=(names[-1], *others))
        if traced(inputs=(Input(shape=shape, tokens=tokens),), init=init, nodes=(*nodes, node)):
            nodes.append(node)
    if not nodes:
        only = "input 4 tokens=7\nembedding 2; fc 1" if tokens else "input 4\nrelu"
        nodes = [Node(name="only", layer=ns.parse(only).nodes[0].layer, inputs=("input",))]
    return Network(name="t", input=shape, tokens=tokens, nodes=tuple(nodes), recipe=RECIPE)


@settings(max_examples=10)
@given(fitting(), st.integers(0, 2**31))
def test_a_network_that_fits_survives_text_and_json_and_runs(net: Network, seed: int) -> None:
    assert ns.parse(resolved_text(net), name="t") == net
    assert Network.model_validate_json(net.model_dump_json()) == net
    model = ns.compile(net, "cpu")
    variables = model.init(seed)
    rng = np.random.default_rng(seed)
    shape = (2, *net.input)
    x = rng.integers(0, net.tokens, shape) if net.tokens else rng.normal(size=shape).astype(np.float32)
    out = model.forward(variables, x)
    assert out.shape == (2, *net.graph().shape(net.graph().output))
    if goes_far(net):
        # What is no number is refused by `backward`; that of each layer is tried by the laws.
        return
    loss, grads = model.backward(variables, x, np.zeros(out.shape, np.float32))
    assert loss.shape == ()
    assert jax.tree.map(np.shape, grads) == jax.tree.map(np.shape, variables.params)
