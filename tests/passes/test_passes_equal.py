"""What the passes leave computes what was declared: outputs, state and gradients, in training and at inference."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st
from laws.test_property_runs import fitting, goes_far
from running import compare, nearly
from small_models import SPECS as MODELS
from small_models import small

import netspec as ns
from netspec.diagnostics.diagnostic import SpecError
from netspec.graph.graph import Graph
from netspec.ir.network import Network
from netspec.passes import Mode, history
from netspec.system.resources import specs_folder

MODES = list(Mode)
SPECS = sorted(specs_folder().rglob("*.net"))

LINES = [
    "conv 4 3 pad=1",
    "conv 4 3 nobias stride=2",
    "conv 4 1 groups=2 relu",
    "depthwise 3",
    "deconv 4 2 stride=2 groups=2",
    "batchnorm",
    "batchnorm",
    "scale 0.5 bias",
    "relu",
    "tanh",
    "hardshrink 0.3",
    "pool 2",
    "pool 3 stride=2 pad=1",
    "avgpool 2",
    "avgpool 3 stride=1 pad=1",
    "avgpool 3 stride=1 pad=1 count_padding",
    "times 2 plus=-1",
    "part 1 of=2",
    "clamp -1 1",
    "ramp",
    "globalpool",
    "globalpool max",
    "pad 1",
    "dropout 0.3",
    "dropout 0",
    "reshape 36x4",
    "flatten",
    "layernorm",
    "fc 6",
    "fc 6 pointwise",
    "residual { conv 4 3 pad=1; batchnorm }",
]


@st.composite
def chains(draw: st.DrawFn) -> Network:
    """A chain of the layers that passes are about: each drawn one stays where its input suits it."""
    text = "input 4x6x6"
    for line in draw(st.lists(st.sampled_from(LINES), min_size=4, max_size=12)):
        try:
            ns.parse(f"{text}\n{line}\ntrain {{ loss mse }}")
        except SpecError:
            continue
        text += f"\n{line}"
    return ns.parse(f"{text}\ntrain {{ loss mse }}")


# Shrinking compiles each smaller network too: minutes for what the first failing one mostly shows.
@settings(max_examples=6, phases=set(Phase) - {Phase.shrink, Phase.explain})
@given(chains(), st.sampled_from(MODES), st.integers(0, 99))
def test_chains_of_what_passes_change(network: Network, mode: Mode, seed: int) -> None:
    assume(any(graph != network.graph() for _, graph in history(network.graph(), mode)))
    compare(network, mode, nearly, seed)


@settings(max_examples=3)
@given(fitting(), st.sampled_from(MODES))
def test_any_network(network: Network, mode: Mode) -> None:
    # Beside a pole the last bit of a value decides the first of its slope.
    assume(not goes_far(network))
    compare(network, mode, nearly)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("name", ["lenet", "tutorials/gluon_lenet", "tutorials/torch_cnn"])
def test_small_specs(name: str, mode: Mode) -> None:
    compare(ns.load(specs_folder() / f"{name}.net"), mode, nearly)


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_all_specs(path: Path, mode: Mode) -> None:
    compare(small(path.stem) if path.stem in MODELS else ns.load(path), mode, nearly)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("path", SPECS, ids=lambda p: p.stem)
def test_each_pass_leaves_a_sound_graph_and_adds_no_work(path: Path, mode: Mode) -> None:
    declared = graph_of(path)
    flops = declared.flops
    for each, graph in history(declared, mode):
        sound(graph, declared)
        assert graph.flops <= flops, each.name
        flops = graph.flops
        assert each.rewrite(graph) == graph or each.name == "sink_affine", f"{each.name} does not finish at once"


@cache
def graph_of(path: Path) -> Graph:
    return ns.load(path).graph()


def sound(graph: Graph, declared: Graph) -> None:
    """Assert that all is made before it is read, that shapes are right, and that nodes are what they were."""
    inputs = set(range(len(graph.inputs)))
    known, arrays = set(inputs), set(graph.parameters)
    for path, derived in graph.derived.items():
        assert arrays.issuperset(derived.sources)
        assert derived.shape == derived.formula.shape(*map(graph.array_shape, derived.sources))
        arrays.add(path)
    for o in graph.operations:
        assert known.issuperset(o.inputs)
        assert arrays.issuperset(o.parameters)
        assert o.shape == o.op.shape(*map(graph.shape, o.inputs), *map(graph.array_shape, o.parameters))
        assert o.output not in known
        known.add(o.output)
    given = {index for o in graph.outputs for index in (o.index, o.logits)}
    assert known - inputs <= given | {i for o in graph.operations for i in o.inputs}, "there is dead code"
    assert known.issuperset({*given, *graph.nodes.values()})
    assert graph.parameters == declared.parameters
    assert {o.node for o in graph.operations} <= set(declared.nodes)
    for name, value in graph.nodes.items():
        assert graph.shape(value) == declared.shape(declared.nodes[name])
